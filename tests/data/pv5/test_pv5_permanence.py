"""Permanence: normal worlds, five violations, and positives from when one can be seen."""

from __future__ import annotations

import numpy as np
import pytest

from vidparticles.data.pv5 import drawing, permanence

TEST = range(2_000_000, 2_000_024)


@pytest.fixture(scope="module")
def clips() -> dict[str, dict]:
    return {kind: permanence.batch(TEST, kind=kind) for kind in permanence.KINDS}


def test_normal_clips_have_no_positives_and_an_opaque_band() -> None:
    normal = permanence.batch(range(8))
    assert normal["label"].shape == (8, 96)
    assert not normal["label"].any()
    columns = np.arange(14, 18)
    assert (normal["frames"][:, :, :, columns] == drawing.BAND_GREY).all()
    hidden = ~normal["truth"]["visible"]
    assert hidden.any()
    assert (np.abs(normal["truth"]["position"][..., 0][hidden] - 0.5) < 0.06).all()


@pytest.mark.parametrize("kind", permanence.KINDS)
def test_positives_begin_when_it_can_be_seen(clips: dict[str, dict], kind: str) -> None:
    label, when = clips[kind]["label"], clips[kind]["truth"]["violation"]
    assert ((when >= 32) & (when <= 64)).all()
    assert np.isin(label.sum(1), [6, 7, 8]).all()
    assert (np.abs(np.diff(label, axis=1)).sum(1) == 2).all()
    first = label.argmax(1)
    assert (first >= when).all()
    # Hidden ones come later; most are seen within two frames.
    assert np.mean(first - when <= 2) > 0.8


def test_each_kind_does_what_it_is_called(clips: dict[str, dict]) -> None:
    rows = np.arange(len(TEST))

    def step(kind: str, offset: int = 0) -> np.ndarray:
        """Displacement [B, 2] of the disc over the frame of its violation (plus an offset)."""
        truth = clips[kind]["truth"]
        path, t = truth["position"][rows, :, truth["disc"]], truth["violation"] + offset
        return path[rows, t] - path[rows, t - 1]

    assert (np.linalg.norm(step("teleport"), axis=-1) > 0.25).all()
    before, after = step("kick"), step("kick", 1)
    turned = (before * after).sum(-1) / np.prod(
        [np.linalg.norm(v, axis=-1) for v in (before, after)], axis=0
    )
    assert np.mean(turned < 0.51) > 0.9  # the rest bounce in that very frame
    truth = clips["recolor"]["truth"]
    changes = np.diff(truth["color"], axis=1) != 0
    assert (changes.sum((1, 2)) == 1).all()
    assert changes[rows, truth["violation"] - 1, truth["disc"]].all()
    assert all(len(set(c)) == 3 for c in truth["color"][:, -1].tolist())
    truth = clips["vanish"]["truth"]
    assert not truth["visible"][rows, -1, truth["disc"]].any()
    truth = clips["pass_through"]["truth"]
    a, b, c = np.moveaxis(truth["position"], 2, 0)
    nearest = np.min([np.linalg.norm(p - q, axis=-1) for p, q in ((a, b), (a, c), (b, c))], axis=0)
    assert (nearest[rows[:, None], np.arange(32)] > 0.18 - 1e-6).all()
    assert (nearest.min(1) < 0.178).all()


def test_kinds_share_their_world_until_the_violation() -> None:
    normal = permanence.batch(TEST)
    for kind in ("teleport", "kick", "vanish", "recolor"):
        clips = permanence.batch(TEST, kind=kind)
        for row, t in enumerate(clips["truth"]["violation"]):
            # Clips whose violation stays hidden are drawn again, and so are other worlds.
            same = np.array_equal(clips["frames"][row, :t], normal["frames"][row, :t])
            assert same or row in _drawn_again(normal, clips)


def _drawn_again(normal: dict, clips: dict) -> np.ndarray:
    differ = normal["truth"]["position"][:, 0] != clips["truth"]["position"][:, 0]
    again = np.flatnonzero(differ.any((1, 2)))
    assert len(again) <= 2
    return again


def test_an_unknown_kind_is_said() -> None:
    with pytest.raises(ValueError, match="expected None or one of teleport"):
        permanence.batch([0], kind="explode")
