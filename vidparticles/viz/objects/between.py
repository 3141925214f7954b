"""Objects in frames that were not looked at, by those of the frames before and after."""

from __future__ import annotations

import dataclasses

import numpy as np

from vidparticles.viz.objects.moments import ShownObject


def between(
    before: tuple[ShownObject, ...], after: tuple[ShownObject, ...], share: float
) -> tuple[ShownObject, ...]:
    """Objects on the straight way from one frame to another of the same shot.

    Args:
        before: the objects of one frame.
        after: those of the other.
        share: of the time between them that has passed, in [0, 1].

    Returns:
        Who is in both frames moves; who is in one of them is there for the nearer half.
    """
    later = {one.number: one for one in after}
    both = [_moved(one, later.pop(one.number), share) for one in before if one.number in later]
    numbers = {one.number for one in both}
    rest = later.values() if share >= 0.5 else (o for o in before if o.number not in numbers)
    return tuple(sorted([*both, *rest], key=lambda one: one.number))


def _moved(one: ShownObject, then: ShownObject, share: float) -> ShownObject:
    box = (1 - share) * one.box + share * then.box
    near = one if share < 0.5 else then
    middle = (box[:2] + box[2:]) / 2
    # Its path ends where it is: of the other frame's all but the last, and this.
    path = then.path.copy()
    path[-1, 1:] = middle
    mask = near.mask
    if mask is not None:
        mask = _shifted(mask, middle - (near.box[:2] + near.box[2:]) / 2)
    return dataclasses.replace(near, box=box, path=path, mask=mask)


def _shifted(mask: np.ndarray, way: np.ndarray) -> np.ndarray:
    """A mask [h, w] moved by frame heights, to the pixel; 0 comes in at the border."""
    height, width = mask.shape
    most = np.array([width, height])
    across, down = np.clip(np.round(height * way), -most, most).astype(int).tolist()
    moved = np.zeros_like(mask)
    moved[max(down, 0) : height + min(down, 0), max(across, 0) : width + min(across, 0)] = mask[
        max(-down, 0) : height + min(-down, 0), max(-across, 0) : width + min(-across, 0)
    ]
    return moved
