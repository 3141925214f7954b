"""What is seen of a clip without any network: black, white, one color, frozen, still."""

from __future__ import annotations

import array
import dataclasses
from collections.abc import Callable

import numpy as np

from vidparticles.inference.understanding.moments import Moment
from vidparticles.inference.understanding.told import Told, runs


@dataclasses.dataclass(frozen=True)
class PictureConfig:
    """When a picture is plain, and when it stands.

    Attributes:
        black, white: root mean square distance to it, of levels in [0, 1], at most.
        plain: standard deviation of each channel over the picture, at most.
        frozen: mean difference from the frame before, at most: what coding leaves of none.
        still: the same, at most, of a picture in which hardly anything moves.
        smooth: seconds over which the difference is averaged.
        shortest: seconds that any of it takes.
    """

    black: float = 0.05
    white: float = 0.05
    plain: float = 0.02
    frozen: float = 0.0002
    still: float = 0.001
    smooth: float = 0.5
    shortest: float = 0.4


class PictureLane:
    """Measures the frames of a clip as they come.

    Args:
        config: when a picture is plain, and when it stands.
    """

    def __init__(self, config: PictureConfig | None = None) -> None:
        self._config = config or PictureConfig()
        self._rows = array.array("d")  # five numbers a frame, of which an hour has many
        self._before: np.ndarray | None = None
        self._end = 0.0

    def take(self, moment: Moment) -> None:
        """The next frame."""
        small = moment.thumbnail.astype(np.float32) / 255
        before = small if self._before is None or moment.cut else self._before
        self._rows.extend(
            (
                moment.time,
                float(np.sqrt(np.mean(small**2))),
                float(np.sqrt(np.mean((1 - small) ** 2))),
                float(small.std((0, 1)).max()),
                # Of a first frame nothing is known: it is as the next one.
                float(np.abs(small - before).mean()) if before is not small else np.nan,
            )
        )
        self._before, self._end = small, moment.until

    def end(self) -> tuple[Told, ...]:
        """What there was to be seen, in order: "black", "white", "one color", "frozen", "still"."""
        config = self._config
        if not self._rows:
            return ()
        time, black, white, spread, change = np.asarray(self._rows).reshape(-1, 5).T
        following = np.append(change[1:], 0.0)
        change = np.nan_to_num(np.where(np.isnan(change), following, change))
        edges = np.append(time, max(self._end, time[-1]))
        # Of a film that repeats frames some differ from the one before, and some do not.
        most = _over(change, time, config.smooth, np.max)
        mean = _over(change, time, config.smooth, np.mean)
        names: list[str | None] = []
        for k, _ in enumerate(time):
            if black[k] <= config.black:
                names.append("black")
            elif white[k] <= config.white:
                names.append("white")
            elif spread[k] <= config.plain:
                names.append("one color")
            elif most[k] <= config.frozen:
                names.append("frozen")
            else:
                names.append("still" if mean[k] <= config.still else None)
        found = [
            Told(name, float(edges[first]), float(edges[stop]))
            for name, first, stop in runs(names, edges)
        ]
        return tuple(t for t in found if t.end - t.start >= config.shortest or len(time) == 1)


def _over(
    values: np.ndarray, time: np.ndarray, width: float, how: Callable[[np.ndarray], float]
) -> np.ndarray:
    """A function of the values within half a width of each time."""
    first = np.searchsorted(time, time - width / 2 - 1e-9)
    stop = np.searchsorted(time, time + width / 2 + 1e-9)
    return np.array([how(values[a:b]) for a, b in zip(first, stop, strict=True)])
