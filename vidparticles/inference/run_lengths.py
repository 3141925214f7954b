"""Masks as run lengths, as COCO has them: small, and read by its tools.

Pixels are counted column by column from the top left: how many are outside, how many then inside,
and so on. The counts are one string: from the fourth on the difference to the count before the
last, in groups of five bits, the lowest first, a sixth that says whether more follow, and 48 added
to each (`maskApi.c` of pycocotools, Lin et al. 2014).
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np


class RunLengths(TypedDict):
    """A mask.

    Attributes:
        size: height and width, pixels.
        counts: the runs.
    """

    size: list[int]
    counts: str


def of_labels(labels: np.ndarray) -> dict[int, RunLengths]:
    """The mask of each label of an image, 0 for none.

    Args:
        labels: [H, W] int ≥ 0.

    Example:
        >>> of_labels(np.array([[0, 3], [3, 3]]))
        {3: {'size': [2, 2], 'counts': '13'}}
    """
    height, width = labels.shape
    line = labels.T.ravel()
    start = np.concatenate([[0], np.flatnonzero(np.diff(line)) + 1, [line.size]])
    found: dict[int, RunLengths] = {}
    for label in np.unique(line[start[:-1]]).tolist():
        if label:
            own = np.flatnonzero(line[start[:-1]] == label)
            # Neighboring runs are of different labels, so each run ends before the next begins.
            ends = np.stack([start[own], start[own + 1]], -1).ravel()
            counts = np.diff(ends, prepend=0, append=line.size)
            counts = counts if counts[-1] else counts[:-1]
            found[label] = {"size": [height, width], "counts": _written(counts)}
    return found


def pixels(mask: RunLengths) -> np.ndarray:
    """Which pixels of a mask are inside, [H, W] bool.

    Example:
        >>> pixels({"size": [2, 2], "counts": "13"}).tolist()
        [[False, True], [True, True]]
    """
    height, width = mask["size"]
    counts = _read(mask["counts"])
    line = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return line.reshape(width, height).T


def _written(counts: np.ndarray) -> str:
    told = counts.copy()
    told[3:] -= counts[1:-2]
    letters = []
    for number in told.tolist():
        more = True
        while more:
            five = number & 31
            number >>= 5
            # Done when what is left is the sign alone.
            more = number != (-1 if five & 16 else 0)
            letters.append(chr(48 + (five | (32 if more else 0))))
    return "".join(letters)


def _read(text: str) -> np.ndarray:
    counts: list[int] = []
    number = shift = 0
    for letter in text:
        code = ord(letter) - 48
        number |= (code & 31) << shift
        shift += 5
        if not code & 32:
            if code & 16:
                number -= 1 << shift
            counts.append(number + (counts[-2] if len(counts) > 2 else 0))
            number = shift = 0
    return np.array(counts, int)
