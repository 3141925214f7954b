"""The clips of a task as a random-access source, as TFDS' `as_data_source` gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vidparticles.data.pv5 import first_hit, flash_recall, permanence, shell_game, texture_flow
from vidparticles.errors import InputError, nearest

TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    "first_hit": first_hit.batch,
    "shell_game": shell_game.batch,
    "flash_recall": flash_recall.batch,
    "permanence": permanence.batch,
    "texture_flow": texture_flow.batch,
}
# Frames a second: a clip's `time`. The tasks themselves count frames.
FRAME_RATE = 25.0
# The first index of each split, and how many there are: no clip is in two.
SPLITS = {"train": (0, 10**6), "val": (10**6, 10**6), "test": (2 * 10**6, 2_000)}


class Source:
    """One task, split and setting.

    Args:
        task: one of TASKS.
        split: "train", "val" or "test".
        **options: of the task's `batch`; they are the setting.

    Raises:
        InputError: there is no such task or split.

    Example:
        >>> source = Source("shell_game", split="test", swaps=1)
        >>> len(source), source[3]["frames"].shape, source.batch(0, 8)["label"].shape
        (2000, (20, 32, 32, 3), (8,))
        >>> source[3]["time"].shape
        (20,)
    """

    def __init__(self, task: str, *, split: str = "train", **options: Any):
        if task not in TASKS:
            raise InputError(f"PV-5 has no task '{task}'.{nearest(task, TASKS)}")
        if split not in SPLITS:
            raise InputError(f"PV-5 has no split '{split}'.{nearest(split, SPLITS)}")
        self.task, self.split, self.options = task, split, options
        self._first, self._count = SPLITS[split]

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, item: int) -> dict[str, Any]:
        """One clip: frames uint8 [T, 32, 32, 3], time [T] seconds, label and truth."""
        return _row(self.batch(item, 1))

    def batch(self, start: int, count: int, **options: Any) -> dict[str, Any]:
        """Clips start … start + count − 1, stacked; `options` take the place of the source's.

        Of a task's `batch`, with time float32 [B, T] seconds beside.
        """
        if not 0 <= start <= start + count <= self._count:
            raise IndexError(
                f"clips {start} … {start + count - 1} of the {self._count} of the split "
                f"'{self.split}'."
            )
        indices = self._first + np.arange(start, start + count)
        clips = TASKS[self.task](indices, **{**self.options, **options})
        return {**clips, "time": seconds(clips["frames"])}


def seconds(frames: np.ndarray) -> np.ndarray:
    """When the frames of clips [B, T, ...] are, float32 [B, T] seconds, at FRAME_RATE.

    Example:
        >>> seconds(np.zeros((1, 51, 32, 32, 3)))[:, ::25].tolist()
        [[0.0, 1.0, 2.0]]
    """
    clock = np.arange(frames.shape[1], dtype=np.float32) / np.float32(FRAME_RATE)
    return np.broadcast_to(clock, frames.shape[:2])


def _row(batch: dict[str, Any]) -> dict[str, Any]:
    return {k: _row(v) if isinstance(v, dict) else v[0] for k, v in batch.items()}
