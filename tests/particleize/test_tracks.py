"""Points followed through pictures that move in known ways."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.particleize import tracks
from vidparticles.render.sampling import bilinear, pixel_centres, smooth

HEIGHT, WIDTH, FRAMES = 72, 96, 8
COUNT = 96


@functools.cache
def texture() -> jax.Array:
    """A picture with structure at every place, larger than what is seen of it."""
    noise = jax.random.uniform(jax.random.key(0), (HEIGHT + 80, WIDTH + 80, 3))
    noise = smooth(smooth(noise))
    return (noise - noise.min()) / (noise.max() - noise.min())


def pan(shift: tuple[float, float], frames: int = FRAMES) -> np.ndarray:
    """uint8 frames in which the picture moves by `shift` pixels a frame."""
    places = pixel_centres(HEIGHT, WIDTH) + 40
    moved = [bilinear(texture(), places - k * jnp.asarray(shift)) for k in range(frames)]
    return np.asarray(jnp.round(255 * jnp.stack(moved)).astype(jnp.uint8))


def errors(path: tracks.Trajectory, shift: tuple[float, float]) -> np.ndarray:
    """Pixels by which those that lived throughout ended away from where they should be."""
    p = path.particles
    alive = np.asarray(p.alive).all(0)
    gone = np.asarray(p.position[-1] - p.position[0])[alive] * HEIGHT
    return np.hypot(*(gone - np.asarray(shift) * (FRAMES - 1)).T)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (1.7, -0.6), (-0.35, 2.2), (6.0, 3.0)])
def test_known_translations_are_followed(shift):
    path = tracks.follow(pan(shift), jnp.arange(FRAMES) / 25, count=COUNT)
    away = errors(path, shift)
    assert len(away) > 20
    assert np.median(away) < 0.1
    assert np.percentile(away, 95) < 0.5


def test_velocity_is_in_frame_heights_a_second_whatever_the_times():
    shift = (1.2, 0.8)
    uneven = jnp.asarray([0.0, 0.04, 0.06, 0.16, 0.2, 0.3, 0.33, 0.35])
    # The picture keeps its speed in pixels a second; the frames come unevenly.
    places = pixel_centres(HEIGHT, WIDTH) + 40
    speed = jnp.asarray(shift) * 25
    frames = jnp.stack([bilinear(texture(), places - t * speed) for t in uneven])
    p = tracks.follow(jnp.round(255 * frames).astype(jnp.uint8), uneven, count=COUNT).particles
    old = np.asarray(p.alive).all(0)
    velocity = np.asarray(p.velocity)[2:, old]
    np.testing.assert_allclose(
        np.median(velocity, 1), speed[None] / HEIGHT * np.ones((6, 1)), atol=0.01
    )


def test_particles_die_at_the_border_and_are_born_where_there_are_none():
    p = tracks.follow(pan((5.0, 0.0)), jnp.arange(FRAMES) / 25, count=COUNT).particles
    position, alive = np.asarray(p.position), np.asarray(p.alive)
    aspect = WIDTH / HEIGHT
    assert (position[alive] >= 0).all()
    assert (position[alive] <= [aspect, 1]).all()
    right = alive[0] & (position[0, :, 0] > aspect - 3 * 5 / HEIGHT)
    assert right.sum() > 3
    # Whoever started 15 pixels from the right border is out after 4 frames, or is another.
    unbroken = alive[:5].all(0)
    assert not (right & unbroken).any()
    # The strip that came into view on the left is filled again.
    left = position[-1, alive[-1], 0] < 4 * 5 / HEIGHT
    assert left.sum() >= 3


def test_a_cut_ends_all():
    clip = pan((0.0, 0.0), 6).copy()
    clip[3:] = clip[3:, ::-1, ::-1, ::-1]
    p = tracks.follow(clip, jnp.arange(6) / 25, count=COUNT).particles
    alive = np.asarray(p.alive)
    assert alive[2].sum() > 0.5 * COUNT
    assert not alive[3].any()
    assert alive[4].sum() > 0.5 * COUNT


def test_a_picture_without_texture_has_no_particles():
    flat = jnp.full((3, HEIGHT, WIDTH, 3), 90, jnp.uint8)
    assert not tracks.follow(flat, jnp.arange(3) / 25, count=COUNT).particles.alive.any()


def test_a_change_of_light_is_not_motion():
    still = pan((0.0, 0.0)).astype(float)
    gain = np.linspace(1.0, 0.7, FRAMES)[:, None, None, None]
    dimmed = np.round(still * gain).astype(np.uint8)
    path = tracks.follow(dimmed, jnp.arange(FRAMES) / 25, count=COUNT)
    assert np.median(errors(path, (0.0, 0.0))) < 0.1


def test_streaming_is_the_same_as_the_whole_clip():
    clip, times = pan((1.7, -0.6)), np.arange(FRAMES) / 25
    whole = tracks.follow(clip, jnp.asarray(times), count=COUNT).particles
    state = tracks.start(clip[0], times[0], count=COUNT)
    for frame, time in zip(clip[1:], times[1:], strict=True):
        state = tracks.step(state, frame, time)
    np.testing.assert_allclose(state.particles.position, whole.position[-1], atol=1e-5)
    np.testing.assert_array_equal(state.particles.alive, whole.alive[-1])


def test_clips_in_a_batch_do_not_see_each_other():
    clips = np.stack([pan((1.7, -0.6)), pan((-0.35, 2.2))])
    times = np.tile(np.arange(FRAMES) / 25, (2, 1))
    both = tracks.follow(clips, times, count=COUNT).particles
    one = tracks.follow(clips[1], times[1], count=COUNT).particles
    np.testing.assert_allclose(both.position[1], one.position, atol=1e-4)


def test_what_cannot_be_followed_is_said():
    with pytest.raises(ValueError, match="at least 16 pixels"):
        tracks.follow(np.zeros((2, 8, 40, 3), np.uint8), jnp.arange(2.0))
    with pytest.raises(ValueError, match="expected"):
        tracks.follow(np.zeros((2, 40, 40, 3), np.uint8), jnp.arange(3.0))


def test_neighbours_are_the_nearest_living():
    position = jnp.array([[0.0, 0.0], [1.0, 0.0], [0.1, 0.0], [9.0, 0.0]])
    alive = jnp.array([True, True, False, True])
    index, bonded = tracks.neighbours(position, alive, k=3)
    assert index[0, :2].tolist() == [1, 3]
    assert bonded.tolist() == [
        [True, True, False],
        [True, True, False],
        [False, False, False],
        [True, True, False],
    ]
