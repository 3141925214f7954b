"""The tracker without learning: it follows through swaps and collisions; novelty is chance."""

from __future__ import annotations

import numpy as np
import pytest

from vidparticles.data.pv5 import flash_recall, permanence, shell_game
from vidparticles.models.baselines import novelty, tracker


@pytest.mark.parametrize(
    "options",
    [{"swaps": 0}, {"swaps": 6}, {"swaps": 4, "cups": 5}, {"swaps": 4, "stride": 2}],
    ids=str,
)
def test_it_solves_the_shell_game(options: dict) -> None:
    clips = shell_game.batch(range(2_000_000, 2_000_016), **options)
    slots = shell_game.slots(options.get("cups", 4))
    found = tracker.shell_game(clips["frames"], slots, radius=shell_game.RADIUS)
    np.testing.assert_array_equal(found, clips["label"])


def test_it_keeps_identities_through_collisions() -> None:
    clips = flash_recall.batch(range(2_000_000, 2_000_010), frames=64)
    path = tracker.follow(clips["frames"], count=4, radius=flash_recall.RADIUS)
    truth = clips["truth"]["position"]
    off = np.linalg.norm(path[:, :, :, None] - truth[:, :, None], axis=-1)
    # Each of its discs stays on the one it began on, to a quarter of a pixel.
    assert (off.argmin(-1) == off[:, :1].argmin(-1)).all()
    assert off.min(-1).max() < 0.25 / 32
    found = tracker.flash_recall(
        clips["frames"], flash_recall.HUES, count=4, radius=flash_recall.RADIUS
    )
    np.testing.assert_array_equal(found, clips["label"])


def test_a_hidden_disc_goes_on_as_it_went() -> None:
    clips = permanence.batch(range(8))
    path = tracker.follow(clips["frames"], count=3, radius=permanence.RADIUS)
    truth, visible = clips["truth"]["position"], clips["truth"]["visible"]
    off = np.linalg.norm(path[:, :, :, None] - truth[:, :, None], axis=-1).min(2)
    assert np.median(off) < 0.25 / 32
    assert np.mean(off[~visible] < 0.06) > 0.8


def test_novelty_without_learning_is_below_chance_where_a_thing_vanishes() -> None:
    from sklearn.metrics import roc_auc_score

    auc = {}
    for kind in ("teleport", "vanish"):
        clips = permanence.batch(range(2_000_000, 2_000_016), kind=kind)
        for guess in (novelty.frame_difference, novelty.linear_extrapolation):
            score = guess(clips["frames"])
            auc[kind, guess.__name__] = roc_auc_score(
                clips["label"][:, 2:].ravel(), score[:, 2:].ravel()
            )
    assert max(auc["vanish", name] for name in ("frame_difference", "linear_extrapolation")) < 0.5
    assert min(auc["teleport", name] for name in ("frame_difference", "linear_extrapolation")) > 0.5
    assert max(auc.values()) < 0.75
