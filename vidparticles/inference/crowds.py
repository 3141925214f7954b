"""What is said where a clip has more objects at once than are followed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vidparticles.models.published import nanodet
from vidparticles.storage import PathLike


def most(slots: int) -> int:
    """How many objects can be followed at once: by the slots, and by the boxes of a frame.

    Args:
        slots: of the tracker.
    """
    return min(slots, nanodet.NanoDetConfig().count)


def is_crowded(used: Any) -> bool:
    """Whether there may be more objects than are followed.

    Args:
        used: [N] bool, which slots are taken.
    """
    return bool(np.sum(used) >= most(len(used)))


def told_of_crowds(path: PathLike, times: Sequence[float], slots: int) -> list[str]:
    """A sentence on frames in which there may be more objects than are followed, or none.

    Args:
        path: the clip.
        times: seconds of these frames.
        slots: of the tracker.

    Example:
        >>> told_of_crowds("square.mp4", [1.5, 1.54], 48)[0][:55]
        'square.mp4: at most 40 objects are followed at once; in'
        >>> told_of_crowds("square.mp4", [], 48)
        []
    """
    if not times:
        return []
    frames = "a frame" if len(times) == 1 else f"{len(times)} frames"
    return [
        f"{path}: at most {most(slots)} objects are followed at once; in {frames}, from "
        f"{times[0]:.1f} s on, there may be more, of which the most certain were kept."
    ]
