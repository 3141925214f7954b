"""How much of a picture moves, above what noise, coding and light change in a picture that stands.

Of each short step of time the picture is averaged in cells. Between two steps light changes what is
around a cell by one factor and one level, which are fitted and taken off. What is left is averaged
over 3 × 3 cells, in which noise of neighbors cancels and motion does not, and compared with what is
left there most of the time; a change of all cells at once, as a keyframe makes it, raises that
measure within limits. What is left beyond it moves.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import ndimage

_HALF_NORMAL = 0.3853  # 30 % of the absolute values of a normal variable are below so many σ
_MEDIAN = 0.6745  # and half of them below so many


@dataclasses.dataclass(frozen=True)
class MotionConfig:
    """What counts as motion.

    Attributes:
        height: cells of the picture from top to bottom, at most; across as many as its shape asks.
        cell: pixels of the side of a cell, at least: fewer do not cancel the noise of a coder.
        rate: steps a second.
        lag: steps between two that are compared.
        around: cells across, in which light changes by one factor and one level.
        plain: standard deviation of levels in them below which the factor is near 1: what hardly
            differs does not tell it.
        factor: of light, at most, and one over it at least.
        least, most: levels, of a cell's measured noise: a coder that leaves out what hardly
            differs makes it 0, and what moves for most of the time must not count as noise.
        common: factor at most by which a change of all cells at once raises the noise of a step.
        beyond: times its noise from which on a cell moves.
        block: steps from which noise is measured at once, so that memory does not grow and night
            is not measured by day.
    """

    height: int = 60
    cell: int = 6
    rate: float = 8.0
    lag: int = 2
    around: int = 11
    plain: float = 4.0
    factor: float = 1.5
    least: float = 0.4
    most: float = 2.0
    common: float = 4.0
    beyond: float = 5.0
    block: int = 2400

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Cells of a picture, from top to bottom and across."""
        rows = min(self.height, max(8, height // self.cell))
        return rows, max(8, round(rows * width / height))


def moving(luma: np.ndarray, config: MotionConfig | None = None) -> np.ndarray:
    """Share of each picture that moves.

    Args:
        luma: [T, H, W] levels 0 … 255 of steps one after another, in cells.
        config: what counts as motion.

    Returns:
        [T] in [0, 1].

    Example:
        >>> noise = np.random.default_rng(0).normal(90, 2, (40, 60, 80)).astype(np.float32)
        >>> noise[20:25, 30:40, np.arange(5) * 6 + 20] += 60
        >>> np.flatnonzero(moving(noise) > 0.001).min() in (18, 19, 20)
        True
    """
    config = config or MotionConfig()
    lag = min(config.lag, len(luma) - 1)
    if lag < 1:
        return np.zeros(len(luma))
    luma = np.asarray(luma, np.float32)
    change = np.abs(_mean(_unlit(luma[:-lag], luma[lag:], config), 3))
    some = change[:: max(1, len(change) // 500)]
    noise = np.quantile(some, 0.3, axis=0) / _HALF_NORMAL
    noise = np.clip(ndimage.maximum_filter(noise, 3), config.least, config.most)
    ratio = change / noise
    common = np.median(ratio, axis=(1, 2)) / _MEDIAN
    ratio /= np.clip(common, 1, config.common)[:, None, None]
    # What moves is larger than a cell, of which noise now and then fills one.
    share = ndimage.binary_opening(ratio > config.beyond, np.ones((1, 2, 2), bool)).mean((1, 2))
    # A change between two steps is of the time between them.
    found = np.zeros(len(luma))
    for k in range(lag + 1):
        part = found[k : len(found) - lag + k]
        np.maximum(part, share, out=part)
    return found


def _unlit(before: np.ndarray, after: np.ndarray, config: MotionConfig) -> np.ndarray:
    """What differs between pictures [T, H, W] and is not light: after − (a · before + b)."""
    around = config.around
    means = _mean(before, around), _mean(after, around)
    before, after = before - means[0], after - means[1]
    soft = config.plain**2
    factor = (_mean(before * after, around) + soft) / (_mean(before**2, around) + soft)
    return after - np.clip(factor, 1 / config.factor, config.factor) * before


def _mean(pictures: np.ndarray, cells: int) -> np.ndarray:
    """Of so many cells up and down, and across."""
    return ndimage.uniform_filter(pictures, (0, cells, cells))
