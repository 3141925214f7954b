"""The running ground: it lies still under what moves, and moves with the camera."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from vidparticles.tracking.objects import background as ground

HEIGHT, WIDTH, FRAMES = 32, 48, 10
NO_CUT = jnp.zeros(FRAMES, bool)


def texture(seed=0):
    """A picture larger than a frame, smooth over a few pixels, [96, 128, 3] in 0 … 255."""
    coarse = np.random.default_rng(seed).uniform(20, 235, (24, 32, 3))
    return scipy.ndimage.zoom(coarse, (4, 4, 1), order=3).clip(0, 255)


def panned(seed=0, step=(0.7, -0.4)):
    """uint8 [T, H, W, 3], a camera that goes by `step` pixels a frame."""
    whole = texture(seed)
    frames = [
        scipy.ndimage.shift(whole, (-30 - t * step[1], -30 - t * step[0], 0), order=3)
        for t in range(FRAMES)
    ]
    return jnp.asarray(np.stack(frames)[:, :HEIGHT, :WIDTH].round().clip(0, 255), jnp.uint8)


@jax.jit
def run(frames, cut=NO_CUT):
    def one(now, x):
        now, camera, under = ground.step(now, *x)
        return now, (camera, under)

    last, (camera, under) = jax.lax.scan(one, ground.start((), HEIGHT, WIDTH), (frames, cut))
    return last, camera, under


def misfit(frames, under):
    """Mean difference of each frame from the ground under it, in [0, 1]."""
    return np.abs(np.asarray(frames) / 255 - np.asarray(under)).mean((1, 2, 3))


def test_the_camera_is_found_and_the_ground_goes_with_it():
    frames = panned()
    _, camera, under = run(frames)
    np.testing.assert_allclose(HEIGHT * camera.shift[1:], [[-0.7, 0.4]] * (FRAMES - 1), atol=0.1)
    np.testing.assert_allclose(camera.turn[1:], [[1, 0]] * (FRAMES - 1), atol=0.005)
    still = np.abs(np.diff(np.asarray(frames) / 255, axis=0)).mean()
    assert misfit(frames, under)[2:].max() < 0.25 * still


@pytest.mark.parametrize("value", [0, 120])
def test_without_texture_the_camera_rests(value):
    frames = jnp.full((FRAMES, HEIGHT, WIDTH, 3), value, jnp.uint8)
    frames = frames.at[jnp.arange(FRAMES), 12:18, 2 * jnp.arange(FRAMES)[:, None] + 4].set(255)
    last, camera, _ = run(frames)
    np.testing.assert_array_equal(camera.shift, 0)
    assert bool(jnp.isfinite(last.color).all())


def test_what_moves_is_apart_from_the_ground_and_does_not_take_the_camera_along():
    frames = np.array(jnp.tile(panned()[:1], (FRAMES, 1, 1, 1)))
    thing = texture(1)[:10, :10].round().astype(np.uint8)
    for t in range(FRAMES):
        frames[t, 10:20, 4 + 3 * t : 14 + 3 * t] = thing
    _, camera, under = run(jnp.asarray(frames))
    np.testing.assert_allclose(HEIGHT * np.asarray(camera.shift), 0, atol=0.05)
    apart = np.abs(frames / 255 - np.asarray(under)).mean(-1)
    last = apart[-1]
    inside = last[10:20, 31:41].mean()
    last[10:20, :41] = 0
    assert inside > 10 * last.mean()


def test_at_a_cut_the_ground_is_another():
    frames = jnp.concatenate([panned()[:5], panned(2)[5:]])
    _, _, under = run(frames, NO_CUT.at[5].set(True))
    off = misfit(frames, under)
    assert off[5] < 1e-6
    assert off[7] < 0.05
    _, _, under = run(frames)
    assert misfit(frames, under)[5] > 0.1


def test_each_of_a_batch_has_its_own():
    frames = jnp.stack([panned()[:3], panned(2, (-0.5, 0.2))[:3]])
    cut = jnp.zeros(2, bool)
    both, camera = ground.start((2,), HEIGHT, WIDTH), None
    for t in range(3):
        both, camera, _ = jax.jit(ground.step)(both, frames[:, t], cut)
    for b in range(2):
        _, alone, _ = run(jnp.tile(frames[b], (4, 1, 1, 1))[:FRAMES])
        np.testing.assert_allclose(camera.shift[b], alone.shift[2], atol=1e-5)
