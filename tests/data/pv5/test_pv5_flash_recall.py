"""Flash-recall: an elastic world, hues seen once, and a label that only identity tells."""

from __future__ import annotations

import numpy as np
import pytest

from vidparticles.data.pv5 import flash_recall
from vidparticles.data.pv5.flash_recall import HUES


def _pixel(frames: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Colors [B, 3] of the pixels at places [B, 2]."""
    x, y = np.floor(place * 32).astype(int).T
    return frames[np.arange(len(frames)), y, x].astype(int)


def test_the_label_is_the_hue_that_the_marked_disc_showed() -> None:
    clips = flash_recall.batch(range(60), frames=48)
    path, frames = clips["truth"]["position"], clips["frames"]
    rows = np.arange(60)
    white = np.stack([(_pixel(frames[:, -1], path[:, -1, k]).min(-1) > 200) for k in range(4)], 1)
    assert (white.sum(1) == 1).all()
    marked = white.argmax(1)
    # Of the 16 pixels under its center while hues are shown, the most saturated.
    shown = np.stack([_pixel(frames[:, t], path[rows, t, marked]) for t in range(16)], 1)
    vivid = shown[rows, np.ptp(shown, axis=-1).argmax(1)]
    found = np.abs(vivid[:, None] - HUES).sum(-1).argmin(1)
    np.testing.assert_array_equal(found, clips["label"])


def test_each_disc_flashes_once_for_three_frames() -> None:
    clips = flash_recall.batch(range(30), frames=32)
    path, frames = clips["truth"]["position"], clips["frames"]
    vivid = np.stack(
        [
            np.stack([np.ptp(_pixel(frames[:, t], path[:, t, k]), axis=-1) > 100 for k in range(4)])
            for t in range(32)
        ]
    )  # [T, K, B]
    assert (vivid.sum(0) == 3).all()
    assert (vivid[:16].sum(0) == 3).all()
    assert (vivid.sum(1) <= 1).all()
    assert all(len(set(hue)) == 4 for hue in clips["truth"]["hue"].tolist())


def test_labels_are_balanced_and_the_bag_of_hues_gives_a_quarter() -> None:
    truth = [flash_recall.batch(range(i, i + 200), frames=20) for i in range(0, 1_600, 200)]
    label = np.concatenate([t["label"] for t in truth])
    hue = np.concatenate([t["truth"]["hue"] for t in truth])
    order = np.concatenate([t["truth"]["order"] for t in truth])
    np.testing.assert_allclose(np.bincount(label, minlength=8) / 1_600, 1 / 8, atol=0.025)
    for turn in range(4):  # the hue that came first, second, …
        guess = np.take_along_axis(hue, order[:, turn, None], 1)[:, 0]
        assert np.mean(guess == label) == pytest.approx(0.25, abs=0.03)


def test_too_short_a_clip_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least 20"):
        flash_recall.batch([0], frames=19)
