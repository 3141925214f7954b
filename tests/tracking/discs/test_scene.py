"""The scene of clips, where objects rest on it for most of the time or pass everywhere."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from vidparticles.data.pv5 import Source, permanence, shell_game
from vidparticles.tracking.discs import foreground, scene

PARAMS = foreground.init(jax.random.key(0), stride=2, widths=(4,), appearance=1, features=1)
estimate = jax.jit(functools.partial(scene.estimate, stride=2, appearance=1))


def test_cups_that_rest_are_not_taken_for_the_scene_and_the_band_is():
    source = Source("shell_game", occlude=True)
    frames = jnp.asarray(source.batch(0, 16, swaps=(0, 4))["frames"])
    found = estimate(PARAMS, frames)
    color = np.asarray(found["color"])[:, 0].reshape(16, 16)
    occlusion = np.asarray(found["occlusion"]).reshape(16, 16)
    band = slice(7, 9)
    # What is usual is not black, with so many cups: colors are told against a slot's.
    x, y = (16 * shell_game.slots(4)).astype(int).T
    slot = color[y, x].mean()
    np.testing.assert_allclose(color[y, x], slot, atol=0.02)
    np.testing.assert_allclose(color[:, band] - slot, 64 / 255, atol=0.02)
    assert occlusion[:, band].min() > 0
    # A cup, twice as bright as the band, stands in each in most frames, and is visible there.
    assert occlusion[y, x].max() < 0


def test_the_scene_of_clips_in_which_all_moves_is_found():
    found = estimate(PARAMS, jnp.asarray(permanence.batch(range(6))["frames"]))
    color, occlusion = (found[k].reshape(16, 16, -1) for k in ("color", "occlusion"))
    np.testing.assert_allclose(color[:, 7:9], 64 / 255, atol=0.01)
    assert np.abs(color[:, :6]).max() < 0.01
    assert (occlusion[:, 7:9] > 2).all()
    # Into the corners nothing fits, and along the walls little does.
    assert (occlusion[1:-1, 1:6] < -1).all()
    assert (occlusion[1:-1, 11:-1] < -1).all()
