"""Shell-game: the label follows the marked cup, and nothing else tells it."""

from __future__ import annotations

import numpy as np
import pytest

from vidparticles.data.pv5 import drawing, shell_game


def _follow_the_red_dot(clips: dict) -> np.ndarray:
    """Slots of the marked cups, from where red is in frame 0 and from the paths alone."""
    red = clips["frames"][:, 0, :, :, 0].astype(int) - clips["frames"][:, 0, :, :, 1]
    rows = np.arange(len(red))
    at = np.stack(np.unravel_index(red.reshape(len(red), -1).argmax(1), red.shape[1:]), -1)
    at = (at[:, ::-1] + 0.5) / drawing.SIDE
    path = clips["truth"]["position"]
    cup = np.linalg.norm(path[:, 0] - at[:, None], axis=-1).argmin(1)
    end = path[rows, -1, cup]
    home = shell_game.slots(path.shape[2])
    return np.linalg.norm(home - end[:, None], axis=-1).argmin(1)


@pytest.mark.parametrize(
    "options",
    [
        {"swaps": 3},
        {"swaps": 0},
        {"swaps": 4, "cups": 5},
        {"swaps": 4, "stride": 2},
        {"swaps": 2, "occlude": True},
        {"swaps": (0, 4), "idle": 25},
    ],
    ids=str,
)
def test_the_label_is_where_the_marked_cup_ends(options: dict) -> None:
    clips = shell_game.batch(range(40), **options)
    np.testing.assert_array_equal(_follow_the_red_dot(clips), clips["label"])
    n = np.max(options["swaps"])
    full = 10 + 10 * n + options.get("idle", 0)
    assert clips["frames"].shape[1] == -(-full // options.get("stride", 1))


def test_red_is_seen_in_the_first_six_frames_only() -> None:
    frames = shell_game.batch(range(20), swaps=2, idle=10)["frames"].astype(int)
    red = (frames[..., 0] - frames[..., 1]).max((2, 3))
    assert (red[:, :6] > 200).all()
    assert (red[:, 6:] == 0).all()


def test_a_path_is_still_but_for_its_swaps() -> None:
    truth = shell_game.batch(range(30), swaps=(1, 4), idle=40)["truth"]
    moves = np.abs(np.diff(truth["position"], axis=1)).max(-1) > 0
    assert (moves.any(2).sum(1) == 8 * truth["swaps"]).all()
    assert (moves.sum(2) <= 2).all()
    # Some clips are idle before, some between and some after the swaps.
    ends = [np.flatnonzero(m.any(1)) for m in moves]
    assert len({e[0] for e in ends}) > 5
    assert len({e[-1] for e in ends}) > 5


def test_cups_meet_on_opposite_sides_of_an_ellipse() -> None:
    path = shell_game.batch([0], swaps=1)["truth"]["position"][0].astype(float)
    moving = np.flatnonzero(np.abs(path[10] - path[9]).max(-1) > 0)
    a, b = path[9, moving[0]], path[9, moving[1]]
    halfway = path[13, moving]
    np.testing.assert_allclose(halfway.mean(0), (a + b) / 2, atol=1e-6)
    apart = halfway[0] - halfway[1]
    assert abs(apart @ (a - b)) < 1e-6
    assert np.linalg.norm(apart) == pytest.approx(0.6 * np.linalg.norm(a - b), rel=1e-5)
    np.testing.assert_allclose(path[17, moving], [b, a], atol=1e-6)


@pytest.mark.parametrize(("swaps", "stays"), [(1, 0.5), (2, 1 / 3), (4, 0.259), (8, 0.25)])
def test_where_it_began_tells_no_more_than_it_must(swaps: int, stays: float) -> None:
    rng_draws = [
        shell_game._clip(shell_game.rng_of(2, i), swaps, swaps, 4, 10 + 10 * swaps)
        for i in range(2_000)
    ]
    _, _, start, label, _ = zip(*rng_draws, strict=True)
    start, label = np.array(start), np.array(label)
    # Three standard errors of 2,000 draws are 3.3 %.
    assert np.mean(start == label) == pytest.approx(stays, abs=0.033)
    np.testing.assert_allclose(np.bincount(label, minlength=4) / 2_000, 0.25, atol=0.029)


def test_the_band_hides_what_crosses_it() -> None:
    clips = shell_game.batch(range(40), swaps=4, occlude=True)
    visible = clips["truth"]["visible"]
    assert visible[:, :10].all()
    assert (~visible).any(2).mean() > 0.02
    x = clips["truth"]["position"][..., 0]
    assert (np.abs(x[~visible] - 0.5) < 0.05).all()
    inside = clips["frames"][:, :, :, 13:19]
    assert (inside == 64).all()


@pytest.mark.parametrize("wrong", [{"cups": 3}, {"swaps": -1}, {"swaps": (3, 2)}, {"stride": 0}])
def test_what_makes_no_clip_is_said(wrong: dict) -> None:
    with pytest.raises(ValueError, match="expected"):
        shell_game.batch([0], **wrong)
