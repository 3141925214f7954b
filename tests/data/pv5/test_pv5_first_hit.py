"""First-hit: only the hitter touches, everyone does once, and only order tells the label."""

from __future__ import annotations

import numpy as np
import pytest

from vidparticles.data.pv5 import first_hit


def _distances(clips: dict) -> np.ndarray:
    """Of each disc from the center disc: [B, T, 4]."""
    path = clips["truth"]["position"]
    return np.linalg.norm(path[:, :, :4] - path[:, :, 4:], axis=-1)


@pytest.mark.parametrize("options", [{}, {"frames": 256}, {"frames": 32, "idle": 60}], ids=str)
def test_the_label_is_the_color_of_the_first_to_touch(options: dict) -> None:
    clips = first_hit.batch(range(40), **options)
    distance = _distances(clips)
    touch = distance < 0.17 + 1e-5
    assert (touch.sum(1) == 1).all()
    first = touch.argmax(1).argmin(1)
    frame = touch.argmax(1).min(1)
    # The color is read from the picture, where the disc is when it touches.
    x, y = np.floor(clips["truth"]["position"][np.arange(40), frame, first] * 32).astype(int).T
    seen = clips["frames"][np.arange(40), frame, y, x]
    found = np.abs(seen[:, None].astype(int) - first_hit.COLORS).sum(-1).argmin(1)
    np.testing.assert_array_equal(found, clips["label"])


def test_discs_touch_at_the_contact_and_keep_apart_otherwise() -> None:
    clips = first_hit.batch(range(60))
    distance = _distances(clips)
    np.testing.assert_allclose(distance.min(1), 0.17, atol=1e-6)
    path = clips["truth"]["position"][:, :, :4]
    for a in range(4):
        for b in range(a):
            assert np.linalg.norm(path[:, :, a] - path[:, :, b], axis=-1).min() > 0.17
    # One at a time: whoever is inside its orbit's reach is alone there.
    assert ((distance < 0.3).sum(-1) <= 1).all()


@pytest.mark.parametrize("frames", [64, 256])
def test_visits_take_half_a_slot_each_in_its_own(frames: int) -> None:
    clips = first_hit.batch(range(30), frames=frames)
    contact = clips["truth"]["contact"]
    assert (contact // (frames // 4) == np.arange(4)).all()
    away = _distances(clips) < 0.32
    assert (away.sum(1) < frames // 8).all()
    assert len(np.unique(contact[:, 0])) > 5


def test_idle_frames_only_wait() -> None:
    truth = first_hit.batch(range(30), frames=64, idle=100)["truth"]
    plain = first_hit.batch(range(30), frames=64)["truth"]
    np.testing.assert_array_equal(truth["order"], plain["order"])
    later = truth["contact"] - plain["contact"]
    assert (later >= 0).all()
    assert (np.diff(later, axis=1) >= 0).all()
    assert later.max() <= 100
    assert later.std() > 10


def test_what_is_pooled_over_frames_is_alike_for_all_labels() -> None:
    clips = [first_hit.batch(range(i, i + 128), frames=16) for i in range(0, 1_024, 128)]
    label = np.concatenate([c["label"] for c in clips])
    np.testing.assert_allclose(np.bincount(label, minlength=4) / 1_024, 0.25, atol=0.045)
    pooled = np.concatenate([c["frames"].mean(1) for c in clips])
    small = pooled.reshape(len(pooled), 8, 4, 8, 4, 3).mean((2, 4)).reshape(len(pooled), -1)
    from sklearn.linear_model import RidgeClassifier

    model = RidgeClassifier(alpha=100).fit(small[:512], label[:512])
    # Three standard errors of chance.
    assert model.score(small[512:], label[512:]) < 0.25 + 0.06


def test_order_is_asked_for_as_one_of_24() -> None:
    clips = first_hit.batch(range(60), frames=16, ask="order")
    truth = clips["truth"]
    hitters = np.take_along_axis(truth["color"], truth["order"], 1)
    assert len({(int(i), tuple(h)) for i, h in zip(clips["label"], hitters, strict=True)}) == len(
        {tuple(h) for h in hitters}
    )
    np.testing.assert_array_equal(clips["label"] // 6, hitters[:, 0])


@pytest.mark.parametrize("wrong", [{"frames": 62}, {"frames": 8}, {"idle": -1}, {"ask": "last"}])
def test_what_makes_no_clip_is_said(wrong: dict) -> None:
    with pytest.raises(ValueError, match="expected"):
        first_hit.batch([0], **wrong)
