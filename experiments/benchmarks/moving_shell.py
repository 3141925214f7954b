"""The shell game in pictures, played by what the network finds and `tracking.objects` follows.

The mark is found by its red, in the first frame; where it was is carried along with the camera
until an object is seen that began there, and that object is the marked one: where it began, and
not where it is when it has a number, since by then it may have gone further than to the next cup.
So it is again when that one is not seen any more: the mark itself is found as an object now and
then, and is gone in the seventh frame, when the cup that it was on begins. Where the marked one was
seen last is the answer.
"""

from __future__ import annotations

import pathlib
from typing import Any

import jax
import numpy as np

from experiments.pv5.plans import build
from vidparticles.data.pv5 import seconds, shell_game
from vidparticles.data.pv5.natural_shell_game import Variant, batch
from vidparticles.flow.camera import Similarity
from vidparticles.training.run import load_model

VARIANTS: dict[str, tuple[int, Variant]] = {
    "shell_textured_4": (4, Variant()),
    "shell_gray_4": (4, Variant(textured=False)),
    "shell_textured_8": (8, Variant()),
    "shell_textured_16": (16, Variant()),
    "shell_leave_and_return": (4, Variant(leaves=True)),
    "shell_dark": (4, Variant(light=0.3)),
    "shell_panned": (4, Variant(pan=0.15)),
}
BEGINS = 0.2  # sides, within which of the mark the marked object begins: half way to the next
TEST = 2_000_000  # index of the first clip


def games(name: str, bank: list[np.ndarray], count: int) -> dict[str, Any]:
    """Clips of a variant."""
    swaps, variant = VARIANTS[name]
    return batch(range(TEST, TEST + count), bank, swaps=swaps, variant=variant)


def marked(frame: np.ndarray) -> np.ndarray:
    """Where the reddest spot of a frame [S, S, 3] is, (x, y) in sides."""
    from scipy import ndimage

    color = frame.astype(np.float32)
    red = color[..., 0] - color[..., 1:].max(-1)
    spot = ndimage.gaussian_filter(red, 0.05 * len(frame))
    y, x = np.unravel_index(spot.argmax(), spot.shape)
    return (np.array([x, y]) + 0.5) / len(frame)


def answer(frames: np.ndarray, followed: Any, camera: Similarity, slots: np.ndarray) -> int:
    """The slot in which the marked cup ends.

    Args:
        frames: [T, S, S, 3].
        followed: as of `tracking.objects.tracker.follow`.
        camera: fields [T, 2].
        slots: [4, 2] where cups stand in the last frame, in sides.
    """
    numbers, alive, report = followed
    at, mine, known = marked(frames[0]), -1, set[int]()
    for t in range(len(frames)):
        there = np.flatnonzero(alive[t] & (report.unseen[t] == 0))
        middle = (report.box[t][:, :2] + report.box[t][:, 2:]) / 2
        place = {int(numbers[t, k]): middle[k] for k in there}
        began = {int(numbers[t, k]): report.began[t, k] for k in there}
        if mine not in place:
            if t:
                moved = Similarity(camera.turn[t], camera.shift[t])
                at = np.asarray(moved(at))
            away = {n: np.linalg.norm(began[n] - at) for n in place.keys() - known}
            near = min(away, key=away.__getitem__, default=-1)
            if near >= 0 and away[near] < BEGINS:
                mine = near
        at = place.get(mine, at)
        known |= place.keys()
    return int(np.linalg.norm(slots - at, axis=-1).argmin())


def slots_at_end(clips: dict[str, Any], row: int) -> np.ndarray:
    """Where cups stand in the last frame [4, 2], by the slot's number."""
    path = clips["truth"]["position"][row, -1]
    base = shell_game.slots(4)
    shift = (path.mean(0) - base.mean(0))[None]
    return base + shift


def peer(workdir: pathlib.Path) -> Any:
    """A program of a run of configs/pv5.py: clips [B, T, 64, 64, 3] → the slots told, [B].

    It is given what it was trained on, 32 × 32 pixels.
    """
    loaded = load_model(workdir, build=build)

    @jax.jit
    def told(video: Any, time: Any) -> Any:
        return loaded.model.apply(loaded.params, {"video": video, "time": time})["logits"].argmax(
            -1
        )

    def answers(frames: np.ndarray) -> np.ndarray:
        b, t, side = frames.shape[:3]
        pairs = frames.reshape(b, t, side // 2, 2, side // 2, 2, 3).astype(np.float32)
        small = np.round(pairs.mean((3, 5))).astype(np.uint8)
        return np.asarray(told(small, seconds(small)))

    return answers
