"""How unlike all that came before a moment of a clip is."""

from __future__ import annotations

import numpy as np

from vidparticles.inference.understanding.moments import Moment


def novelty(features: np.ndarray) -> np.ndarray:
    """1 − the highest cosine between a moment's features and those of any moment before.

    Args:
        features: [P, F] in the order of time, none negative.

    Returns:
        [P] in [0, 1]; 0 for the first, before which there is nothing.

    Example:
        >>> novelty(np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])).tolist()
        [0.0, 1.0, 0.0]
    """
    length = np.linalg.norm(features, axis=1, keepdims=True)
    ways = features / np.maximum(length, 1e-9)
    told = np.zeros(len(ways))
    for k in range(1, len(ways)):  # a row at a time: an hour has thousands of moments
        told[k] = 1 - float((ways[:k] @ ways[k]).max())
    return np.clip(told, 0, 1)


def ways_of(small: np.ndarray) -> np.ndarray:
    """Unit vectors whose products are the cosines of `novelty`, of small pictures.

    Args:
        small: [P, h, w, 3], as shots are found in them.

    Example:
        >>> ways = ways_of(np.random.default_rng(0).random((2, 8, 8, 3)))
        >>> ways.shape, bool((ways @ ways.T > 0).all())
        ((2, 24), True)
    """
    features = _over_and_under(np.stack([_cells(one) for one in small]))
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9)


def _cells(small: np.ndarray) -> np.ndarray:
    height, width, _ = small.shape
    return small.reshape(height // 4, 4, width // 4, 4, 3).mean((1, 3)).ravel()


def _over_and_under(cells: np.ndarray) -> np.ndarray:
    """What is over the average of a picture and what is under it, apart: none is negative."""
    around = cells - cells.mean(1, keepdims=True) if len(cells) else cells
    return np.concatenate([np.maximum(around, 0), np.maximum(-around, 0)], 1)


class ThumbnailLane:
    """Small pictures of a clip, for where no network sees it.

    Args:
        every: seconds from one to the next.
    """

    def __init__(self, every: float = 1.0) -> None:
        self._every = every
        self._times: list[float] = []
        self._small: list[np.ndarray] = []

    def take(self, moment: Moment) -> None:
        """The next frame."""
        if not self._times or moment.cut or moment.time >= self._times[-1] + self._every - 1e-6:
            self._times.append(moment.time)
            self._small.append(_cells(moment.thumbnail))

    def end(self) -> tuple[np.ndarray, np.ndarray]:
        """Seconds [P], and features [P, F] as `novelty` takes them: what is over the average and
        what is under it of each place and color, apart."""
        small = np.asarray(self._small)
        return np.asarray(self._times), _over_and_under(small if len(small) else small[:, None])
