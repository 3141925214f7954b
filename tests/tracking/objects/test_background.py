"""The running background: it lies still under what moves, and moves with the camera."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from vidparticles.tracking.objects import background

HEIGHT, WIDTH, FRAMES = 32, 48, 10
NO_CUT = jnp.zeros(FRAMES, bool)
STEADY = np.full(FRAMES, 0.04)


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


step = jax.jit(background.step)


@jax.jit
def run(frames, cut=NO_CUT, dt=STEADY):
    def one(now, x):
        now, camera, under = background.step(now, *x)
        return now, (camera, under)

    given = (frames, jnp.asarray(dt, jnp.float32), cut)
    last, (camera, under) = jax.lax.scan(one, background.start((), HEIGHT, WIDTH), given)
    return last, camera, under


def misfit(frames, under):
    """Mean difference of each frame from the background under it, in [0, 1]."""
    return np.abs(np.asarray(frames) / 255 - np.asarray(under)).mean((1, 2, 3))


def test_the_camera_is_found_and_the_background_goes_with_it():
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


def test_what_moves_is_apart_from_the_background_and_does_not_take_the_camera_along():
    frames = np.array(jnp.tile(panned()[:1], (FRAMES, 1, 1, 1)))
    patch = texture(1)[:10, :10].round().astype(np.uint8)
    for t in range(FRAMES):
        frames[t, 10:20, 4 + 3 * t : 14 + 3 * t] = patch
    _, camera, under = run(jnp.asarray(frames))
    np.testing.assert_allclose(HEIGHT * np.asarray(camera.shift), 0, atol=0.05)
    apart = np.abs(frames / 255 - np.asarray(under)).mean(-1)
    last = apart[-1]
    inside = last[10:20, 31:41].mean()
    last[10:20, :41] = 0
    assert inside > 10 * last.mean()


def test_at_a_cut_the_background_is_another():
    frames = jnp.concatenate([panned()[:5], panned(2)[5:]])
    _, _, under = run(frames, NO_CUT.at[5].set(True))
    off = misfit(frames, under)
    assert off[5] < 1e-6
    assert off[7] < 0.05
    _, _, under = run(frames)
    assert misfit(frames, under)[5] > 0.1


def test_what_stands_still_sinks_in_by_the_second():
    """A change of the picture is half in after the same time, in however many frames."""
    before, after = (jnp.tile(panned(seed)[:1], (FRAMES, 1, 1, 1)) for seed in (0, 2))

    def left(dt):
        """How far the background is from what is there now, after 0.4 s of it."""
        state = background.Background(before[0] / 255, jnp.full((HEIGHT, WIDTH), 0.78))
        # Without a pull: the pictures have nothing in common.
        for _ in range(round(0.4 / dt)):
            state, _, _ = step(state, after[0], jnp.float32(dt), jnp.array(False))
        return float(jnp.abs(state.color - after[0] / 255).mean())

    whole = float(jnp.abs(before[0] / 255.0 - after[0] / 255.0).mean())
    shares = [left(dt) / whole for dt in (0.04, 0.08, 0.4)]
    np.testing.assert_allclose(shares, np.exp(-0.4 / 0.78), atol=0.02)


def test_each_of_a_batch_has_its_own():
    frames = jnp.stack([panned()[:3], panned(2, (-0.5, 0.2))[:3]])
    cut, dt = jnp.zeros(2, bool), jnp.full(2, 0.04)
    both, camera = background.start((2,), HEIGHT, WIDTH), None
    for t in range(3):
        both, camera, _ = step(both, frames[:, t], dt, cut)
    for b in range(2):
        _, alone, _ = run(jnp.tile(frames[b], (4, 1, 1, 1))[:FRAMES])
        np.testing.assert_allclose(camera.shift[b], alone.shift[2], atol=1e-5)
