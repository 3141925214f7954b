"""The running background: it lies still under what moves, and moves with the camera."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from vidparticles.tracking import background

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


@jax.jit
def _run(frames, dt, cut):
    def one(now, x):
        now, camera, under = background.step(now, *x)
        return now, (camera, under)

    last, told = jax.lax.scan(one, background.start((2,), HEIGHT, WIDTH), (frames, dt, cut))
    return last, *told


def run(frames, other=None, *, cut=NO_CUT, dt=STEADY, other_dt=STEADY):
    """The background, camera and background under each frame, of a clip beside another one."""
    both = jnp.stack([frames, frames if other is None else other], axis=1)
    clocks = jnp.asarray(np.stack([dt, other_dt], axis=1), jnp.float32)
    last, *told = _run(both, clocks, jnp.stack([cut, cut], axis=1))
    last, told = jax.tree.map(lambda x: x[0], last), jax.tree.map(lambda x: x[:, 0], told)
    return last, *told


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
    _, _, under = run(frames, cut=NO_CUT.at[5].set(True))
    off = misfit(frames, under)
    assert off[5] < 1e-6
    assert off[7] < 0.05
    _, _, under = run(frames)
    assert misfit(frames, under)[5] > 0.1


def test_what_stands_still_sinks_in_by_the_second():
    """As much of a change of the picture is left after the same time, in however many frames."""
    before, after = panned()[0], panned(2)[0]
    frames = jnp.stack([before] * 2 + [after] * (FRAMES - 2))
    left = []
    for steps in (8, 4, 1):
        # Two seconds of one picture, 0.4 of the other, and then a clock that stands still.
        dt = np.r_[2.0, 2.0, np.full(steps, 0.4 / steps), np.zeros(8 - steps)]
        last = run(frames, dt=dt)[0]
        left.append(float(jnp.abs(last.color - after / 255).mean()))
    whole = float(jnp.abs(before / 255.0 - after / 255.0).mean())
    np.testing.assert_allclose(np.array(left) / whole, np.exp(-0.4 / 0.78), atol=0.02)


def test_each_of_a_batch_has_its_own():
    one, other = panned(), panned(2, (-0.5, 0.2))
    for a, b in ((one, other), (other, one)):
        for x, y in zip(*(jax.tree.leaves(run(*clips)) for clips in ((a, b), (a,))), strict=True):
            np.testing.assert_allclose(x, y, atol=1e-5)
