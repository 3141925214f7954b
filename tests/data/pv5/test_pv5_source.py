"""Every task: a clip is a function of its index, and splits share none."""

from __future__ import annotations

import numpy as np
import pytest

from vidparticles.data.pv5 import SPLITS, TASKS, Source, drawing
from vidparticles.errors import InputError

SHORT = {
    "shell_game": {"swaps": 1},
    "flash_recall": {"frames": 24},
    "first_hit": {"frames": 16},
    "permanence": {},
    "texture_flow": {"frames": 4},
}


def _leaves(clip: dict) -> list[np.ndarray]:
    return [x for v in clip.values() for x in (_leaves(v) if isinstance(v, dict) else [v])]


@pytest.mark.parametrize("task", TASKS)
def test_a_clip_is_a_function_of_its_index(task: str) -> None:
    source = Source(task, split="val", **SHORT[task])
    together = source.batch(3, 5)
    again = Source(task, split="val", **SHORT[task])[5]
    for many, one in zip(_leaves(together), _leaves(again), strict=True):
        np.testing.assert_array_equal(many[2], one)


@pytest.mark.parametrize("task", TASKS)
def test_splits_and_indices_differ(task: str) -> None:
    first = [Source(task, split=s, **SHORT[task])[0]["frames"] for s in SPLITS]
    first.append(Source(task, **SHORT[task])[1]["frames"])
    for i, a in enumerate(first):
        assert a.dtype == np.uint8
        assert a.shape[1:] == (32, 32, 3)
        assert not any(np.array_equal(a, b) for b in first[i + 1 :])


def test_wrong_names_and_places_are_said() -> None:
    with pytest.raises(InputError, match="Did you mean 'shell_game'"):
        Source("shel_game")
    with pytest.raises(InputError, match="no split"):
        Source("shell_game", split="dev")
    with pytest.raises(IndexError, match="2000 of the split 'test'"):
        Source("shell_game", split="test").batch(1_999, 2)


def test_a_disc_covers_its_area_at_any_place() -> None:
    canvas = drawing.canvas(1, 50)
    place = np.random.default_rng(0).uniform(0.2, 0.8, (1, 50, 2))
    drawing.disc(canvas, place, radius=0.12, color=drawing.WHITE)
    picture = drawing.finish(canvas)[0, ..., 0] / 255
    np.testing.assert_allclose(picture.sum((1, 2)), np.pi * (0.12 * 32) ** 2, rtol=0.02)
    y, x = np.mgrid[:32, :32] + 0.5
    center = np.stack([(picture * g).sum((1, 2)) / picture.sum((1, 2)) / 32 for g in (x, y)], -1)
    np.testing.assert_allclose(center, place[0], atol=0.02 / 32 * 10)


def test_a_disc_over_the_border_is_cut_there() -> None:
    canvas = drawing.canvas(1, 2)
    place = np.array([[[0.0, 0.5], [1.0, 1.0]]])
    drawing.disc(canvas, place, radius=0.12, color=drawing.WHITE)
    area = drawing.finish(canvas)[0, ..., 0].sum((1, 2)) / 255
    np.testing.assert_allclose(area, np.pi * (0.12 * 32) ** 2 / np.array([2, 4]), rtol=0.05)
