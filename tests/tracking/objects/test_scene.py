"""The scene of clips, where things rest on it for most of the time."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from vidparticles.data.pv5 import Source, shell_game
from vidparticles.tracking.objects import foreground as evidence
from vidparticles.tracking.objects import scene


def test_cups_that_rest_are_not_taken_for_the_scene_and_the_band_is():
    source = Source("shell_game", occlude=True)
    frames = jnp.asarray(source.batch(0, 16, swaps=(0, 4))["frames"])
    params = evidence.init(jax.random.key(0), stride=2, widths=(4,), look=1, features=1)
    found = jax.jit(lambda frames: scene.estimate(params, frames, stride=2, look=1))(frames)
    color = np.asarray(found["color"])[:, 0].reshape(16, 16)
    hides = np.asarray(found["hides"]).reshape(16, 16)
    band = slice(7, 9)
    # What is usual is not black, with so many cups: colors are told against a slot's.
    x, y = (16 * shell_game.slots(4)).astype(int).T
    slot = color[y, x].mean()
    np.testing.assert_allclose(color[y, x], slot, atol=0.02)
    np.testing.assert_allclose(color[:, band] - slot, 64 / 255, atol=0.02)
    assert hides[:, band].min() > 0
    # A cup, twice as bright as the band, stands in each in most frames, and is seen there.
    assert hides[y, x].max() < 0
