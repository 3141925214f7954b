"""The smooth path of a camera that a cropped picture can follow.

A window, the share `crop` of the frame, looks at each frame: its center is off that of the frame by
o, and it is turned and scaled by e^λ (both complex numbers). In the world, which is the first frame
of the shot, it then stands at z = (c + o − b) / a, where p ↦ a p + b is how the picture moved since
that frame, and it is as wide and turned as e^λ / a. Of all paths on which the window stays
inside of every frame, as in Grundmann, Kwatra & Essa (CVPR 2011), that with least

    Σ |o|² + τ⁴ |z''|²    and the like for λ

is taken: what shakes faster than τ is left behind, and what would need more room than there is
follows the frame in the smoothest way. The problem is convex, its matrix has a narrow band, and
it is solved by Newton's method with a logarithmic barrier (Boyd & Vandenberghe, Convex
Optimization, 11.3), which begins in the middle of the frames.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.linalg import solveh_banded

from vidparticles.editing.steady.shutter import row_velocity


@dataclasses.dataclass(frozen=True)
class PathConfig:
    """How smooth a path is to be, and what room it may take.

    Attributes:
        smooth: τ, seconds.
        least_crop: share of height and width that is kept at least.
        most_crop: and at most, where anything shakes.
        still: r.m.s. change of a step that is as good as none, frame heights.
        as_smooth: times the unrest that is left at `least_crop` that may be left where more
            is kept.
        barrier: least weight of the barrier.
        steps: of Newton's method for each weight, at most.
    """

    smooth: float = 0.5
    least_crop: float = 0.9
    most_crop: float = 0.98
    still: float = 0.00004
    as_smooth: float = 1.3
    barrier: float = 1e-7
    steps: int = 20


@dataclasses.dataclass(frozen=True)
class Path:
    """Where the window looks in each frame: r ↦ c + off + size · crop · (r − c), c the center.

    Attributes:
        size: [T] complex, e^λ.
        off: [T] complex, frame heights.
        crop: share of height and width that is in the picture in every frame.
        moved: a and b [T], complex: the picture of a frame is a p + b, p in the first of its shot.
        shot: [T] the shot that each frame belongs to.
        aspect: width over height.
        rows: ω and ν [T], complex: in a row that is y below the middle a point p of the frame is
            y (ω (p − c) + ν) away, as it is read later; see `steady.shutter`.
    """

    size: np.ndarray
    off: np.ndarray
    crop: float
    moved: tuple[np.ndarray, np.ndarray]
    shot: np.ndarray
    aspect: float
    rows: tuple[np.ndarray, np.ndarray]

    def window(self, index: int, other: int, crop: float = 1.0) -> np.ndarray:
        """Size, off, ω and ν [4], complex, of a frame's window as it lies in one of its shot."""
        center = (self.aspect + 1j) / 2
        a, b = self.moved
        turn = a[other] / a[index]
        at = turn * (center + self.off[index] - b[index]) + b[other]
        rows = (part[other] for part in self.rows)
        return np.array([turn * crop * self.size[index], at - center, *rows])


def positions(
    turn: np.ndarray, shift: np.ndarray, shot: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """a and b [T] of how the picture moved since the first frame of its shot.

    Args:
        turn, shift: [T] complex, of the step to each frame from the one before.
        shot: [T] the shot that each frame belongs to.
    """
    a, b = np.ones(len(turn), complex), np.zeros(len(turn), complex)
    for t in range(1, len(turn)):
        if shot[t] == shot[t - 1]:
            a[t], b[t] = turn[t] * a[t - 1], turn[t] * b[t - 1] + shift[t]
    return a, b


class _Problem:
    """What does not depend on the crop: the quadratic form, in bands, and its linear part."""

    def __init__(
        self,
        turn: np.ndarray,
        shift: np.ndarray,
        shot: np.ndarray,
        times: np.ndarray,
        aspect: float,
        config: PathConfig,
    ) -> None:
        count, self.aspect = len(turn), aspect
        self.config = config
        self.taken = np.zeros(count)  # of the room on each side, frame heights
        self.moved = a, b = positions(turn, shift, shot)
        self.lever = np.sqrt((aspect**2 + 1) / 12)  # r.m.s. distance of a pixel from the center
        center = (aspect + 1j) / 2
        gap = np.diff(times)
        usual = float(np.median(gap)) if count > 1 else 1.0
        before, after = gap[:-1], gap[1:]
        both = (shot[2:] == shot[:-2])[:, None]
        second = 2 / np.stack(
            [before * (before + after), -before * after, after * (before + after)], -1
        )
        # Of three frames each, [T − 2, 3]: from o and λ to second derivatives, in the local frame.
        self.second = np.where(both, second, 0) if count > 2 else np.zeros((0, 3))
        index = np.arange(max(count - 2, 0))[:, None] + np.arange(3)
        self.index, self.usual = index, usual
        size = np.abs(a[1:-1])[:, None] if count > 2 else np.ones((0, 1))
        self.moves = [self.second * size / a[index], self.second * self.lever]
        logs = np.log(np.abs(a)) + 1j * _unwrapped(np.angle(a), shot)
        self.rest = [
            np.sum(self.moves[0] * (center - b)[index], -1),
            -np.sum(self.moves[1] * logs[index], -1),
        ]
        # Per frame, as if all came at the usual rate.
        weight = config.smooth**4 * (before + after) / 2 / usual if count > 2 else np.zeros(0)
        self.bands, self.right = self._form(count, weight)
        self.fixed = sum(np.sum(weight * np.abs(rest) ** 2) for rest in self.rest) / 2

    def _form(self, count: int, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The matrix in lower bands [12, 4 T] and the linear part [T, 4]."""
        bands = np.zeros((12, 4 * count))
        right = np.zeros((count, 4))
        for part, (moves, rest) in enumerate(zip(self.moves, self.rest, strict=True)):
            linear = np.zeros(count, complex)
            for k in range(3):
                np.add.at(linear, self.index[:, k], weight * np.conj(moves[:, k]) * rest)
            right[:, 2 * part], right[:, 2 * part + 1] = linear.real, linear.imag
            for lag in range(3):
                entry = np.zeros(count, complex)  # of frames t and t + lag
                for k in range(3 - lag):
                    value = weight * np.conj(moves[:, k]) * moves[:, k + lag]
                    np.add.at(entry, self.index[:, k], value)
                if lag == 0:
                    entry += 1 if part == 0 else self.lever**2
                for row in range(2):
                    for column in range(2):
                        # Entry (t, row), (t + lag, column) of a product of complex numbers.
                        value = entry.real if row == column else entry.imag
                        if (row, column) == (0, 1):
                            value = -value
                        below = 4 * lag + column - row
                        if below >= 0:
                            at = 4 * np.arange(count) + 2 * part + row
                            inside = slice(0, count - lag)
                            bands[below, at[inside]] += value[inside]
        return bands, right

    def product(self, x: np.ndarray) -> np.ndarray:
        """The matrix times x [T, 4]."""
        flat = x.ravel()
        out = self.bands[0] * flat
        for k in range(1, 12):
            out[k:] += self.bands[k, :-k] * flat[:-k]
            out[:-k] += self.bands[k, :-k] * flat[k:]
        return out.reshape(x.shape)

    def cost(self, x: np.ndarray) -> float:
        """What is to be least, / 2."""
        return float(np.sum(x * (self.product(x) / 2 + self.right)) + self.fixed)

    def unrest(self, x: np.ndarray) -> np.ndarray:
        """Change of the step [T], r.m.s. over the picture, frame heights a frame²."""
        o, turn = x[:, 0] + 1j * x[:, 1], x[:, 2] + 1j * x[:, 3]
        left = np.zeros(len(x))
        if len(x) > 2:
            parts = [
                np.sum(moves * values[self.index], -1) + rest
                for moves, values, rest in zip(self.moves, (o, turn), self.rest, strict=True)
            ]
            left[1:-1] = np.sqrt(sum(np.abs(p) ** 2 for p in parts)) * self.usual**2
        return left

    def walls(self, crop: float) -> tuple[np.ndarray, np.ndarray]:
        """g [16, 4] and m [16]: the window is inside of the frame where g x < m."""
        half = crop * np.array([self.aspect + 1j, self.aspect - 1j]) / 2
        rows, most = [], []
        for h in half:
            across, down = [1, 0, h.real, -h.imag], [0, 1, h.imag, h.real]
            for line, room in ((across, self.aspect), (down, 1.0)):
                for one in (1, -1):
                    for other in (1, -1):
                        rows.append(np.array(line) * [one, one, other, other])
                        most.append((1 - crop) * room / 2)
        return np.array(rows), np.array(most)

    def solve(self, crop: float, start: np.ndarray) -> np.ndarray:
        """The best x [T, 4]: o and λ."""
        g, most = self.walls(crop)
        most = np.maximum(most - self.taken[:, None], most / 2)
        x, count = start, len(start)
        barrier = max(self.config.barrier, self.cost(x) / count)
        while True:
            for _ in range(self.config.steps):
                slack = most - x @ g.T
                slope = self.product(x) + self.right + barrier * (1 / slack) @ g
                blocks = np.einsum("tj,jr,jc->trc", barrier / slack**2, g, g)
                bands = self.bands.copy()
                for row in range(4):
                    for column in range(row + 1):
                        bands[row - column, column::4] += blocks[:, row, column]
                step = -solveh_banded(bands, slope.ravel(), lower=True).reshape(x.shape)
                nearer = (step @ g.T) / slack
                x = x + min(1.0, 0.95 / max(nearer.max(), 1e-9)) * step
                if -np.sum(slope * step) < 0.01 * barrier * count:
                    break
            # The cost is at most so much above the least (Boyd & Vandenberghe, 11.2).
            if barrier <= self.config.barrier or len(g) * count * barrier < 0.01 * self.cost(x):
                return x
            barrier = max(self.config.barrier, barrier / 10)


def _unwrapped(angle: np.ndarray, shot: np.ndarray) -> np.ndarray:
    out = angle.copy()
    for number in np.unique(shot):
        part = shot == number
        out[part] = np.unwrap(angle[part])
    return out


def smooth_path(
    turn: np.ndarray,
    shift: np.ndarray,
    shot: np.ndarray,
    times: np.ndarray,
    aspect: float,
    config: PathConfig,
    *,
    readout: float = 0.0,
) -> Path:
    """The path, and the crop that it needs.

    Args:
        turn, shift: [T] complex, the steps of the picture, frame heights.
        shot: [T] the shot that each frame belongs to.
        times: [T] seconds.
        aspect: width over height.
        config: how smooth, and what room there is.
        readout: of a rolling shutter, as a share of the time between frames.

    Returns:
        The path with the largest crop at which hardly more unrest is left in any shot than at the
        least; a picture that stands still is kept whole.
    """
    turned, moved = row_velocity(turn, shift, shot, (aspect + 1j) / 2)
    rows = readout * turned, readout * moved
    problem = _Problem(turn, shift, shot, times, aspect, config)
    # The first and the last row lie half of it away from where they would be.
    problem.taken = np.abs(rows[1]) / 2
    best, low, high = np.zeros((len(turn), 4)), config.least_crop, config.most_crop

    def unrest(x: np.ndarray) -> np.ndarray:
        return _worst(problem.unrest(x), shot)

    if unrest(best).max() <= config.still / 2:
        low = 1.0
    else:
        middle_of_all = best
        best = problem.solve(low, middle_of_all)
        limit = np.maximum(config.still, config.as_smooth * unrest(best))
        while high - low > 0.004:
            middle = (low + high) / 2
            tried = problem.solve(middle, middle_of_all)
            if (unrest(tried) <= limit).all():
                low, best = middle, tried
            else:
                high = middle
    size, off = np.exp(best[:, 2] + 1j * best[:, 3]), best[:, 0] + 1j * best[:, 1]
    return Path(size, off, low, problem.moved, shot, aspect, rows)


def _worst(unrest: np.ndarray, shot: np.ndarray) -> np.ndarray:
    """R.m.s. in each shot."""
    numbers = np.unique(shot)
    return np.array([np.sqrt(np.mean(unrest[shot == n] ** 2)) for n in numbers])
