"""Points followed through pictures that move in known ways.

Nearly all tests stream through frames of one size, so that one program is compiled for them.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.flow.patches import patches_at, pyramid_of
from vidparticles.image.resample import bilinear, pixel_centers, smooth
from vidparticles.tracking.base import scan
from vidparticles.tracking.points.search import Known, SearchConfig, led_by_neighbors, search
from vidparticles.tracking.points.state import PointConfig, PointState
from vidparticles.tracking.points.tracker import point_tracker

HEIGHT, WIDTH, FRAMES = 72, 96, 8
COUNT = 96
RATE = 25
TRACKER = point_tracker(PointConfig(count=COUNT))


@functools.cache
def texture(seed: int = 0) -> jax.Array:
    """A picture with structure at every place, larger than what is seen of it."""
    noise = jax.random.uniform(jax.random.key(seed), (HEIGHT + 80, WIDTH + 80, 3))
    noise = smooth(smooth(smooth(noise)))
    return (noise - noise.min()) / (noise.max() - noise.min())


def rounded(frames: jax.Array) -> np.ndarray:
    return np.asarray(jnp.round(255 * frames).astype(jnp.uint8))


def seen(places: jax.Array, seed: int = 0) -> np.ndarray:
    """uint8 picture of the texture at places [H, W, 2] from the corner of the view."""
    return rounded(bilinear(texture(seed), places + 40))


def pan(shift: tuple[float, float], frames: int = FRAMES, seed: int = 0) -> np.ndarray:
    """uint8 frames in which the picture moves by `shift` pixels a frame."""
    places = pixel_centers(HEIGHT, WIDTH)
    return np.stack([seen(places - k * jnp.asarray(shift), seed) for k in range(frames)])


def stream(
    frames: np.ndarray, times: np.ndarray | None = None, cuts: tuple[int, ...] = ()
) -> list[PointState]:
    """The state after each frame."""
    times = np.arange(len(frames)) / RATE if times is None else times
    state, states = TRACKER.init_fn((), frames[0], times[0]), []
    for k, (frame, time) in enumerate(zip(frames, times, strict=True)):
        state, _ = TRACKER.step_fn((), state, frame, time, cut=jnp.asarray(k in cuts))
        states.append(state)
    return states


def kept(first: PointState, last: PointState) -> np.ndarray:
    """[N] bool, who is one and the same and alive in both."""
    alive = first.particles.alive & last.particles.alive
    return np.asarray(alive & (first.identity == last.identity))


def away(
    first: PointState, last: PointState, truth: np.ndarray | tuple[float, float]
) -> np.ndarray:
    """Pixels by which those that were kept are away from where they should have gone."""
    gone = np.asarray(last.particles.position - first.particles.position) * HEIGHT
    return np.linalg.norm(gone - np.asarray(truth), axis=-1)[kept(first, last)]


@pytest.mark.parametrize("shift", [(0.0, 0.0), (1.7, -0.6), (-0.35, 2.2), (6.0, 3.0)])
def test_known_translations_are_followed(shift):
    states = stream(pan(shift))
    error = away(states[0], states[-1], (FRAMES - 1) * np.asarray(shift))
    assert len(error) >= 15
    assert np.median(error) < 0.1
    assert np.percentile(error, 95) < 0.5


def test_a_shaken_picture_ends_nothing():
    """By up to 15 % of the height a frame, there and back."""
    ways = np.asarray([(0, 0), (6, 4), (-5, 2), (5, -5), (-3, -6), (4, 5), (-6, 0), (3, 3)])
    places = pixel_centers(HEIGHT, WIDTH)
    states = stream(np.stack([seen(places - jnp.asarray(way, float)) for way in ways]))
    first, last = states[0], states[-1]
    position = np.asarray(first.particles.position) * HEIGHT
    size = np.asarray([WIDTH, HEIGHT])
    within = [((position + way > 5) & (position + way < size - 5)).all(-1) for way in ways]
    among = np.all(within, 0) & np.asarray(first.particles.alive)
    assert (kept(first, last) & among).sum() >= 0.9 * among.sum() > 20
    assert np.median(away(first, last, ways[-1])) < 0.1


def test_a_thing_too_fast_for_patches_keeps_its_particles():
    """17 pixels a frame, a quarter of the height, over a picture at rest."""
    ground, thing = pan((0.0, 0.0), 4), pan((0.0, 0.0), 1, seed=5)[0]
    side, step = 36, 17
    for k, frame in enumerate(ground):
        x = 4 + step * k
        width = min(side, WIDTH - x)
        frame[16 : 16 + side, x : x + width] = thing[16 : 16 + side, 4 : 4 + width]
    states = stream(ground[:4])
    position = np.asarray(states[0].particles.position) * HEIGHT
    inner = (np.abs(position - [4 + side / 2, 16 + side / 2]) < side / 2 - 6).all(-1)
    on = inner & np.asarray(states[0].particles.alive)
    assert on.sum() >= 4
    same = on & kept(states[0], states[3])
    assert same.sum() >= 0.6 * on.sum()
    gone = np.asarray(states[3].particles.position)[same] * HEIGHT - position[same]
    assert np.abs(np.median(gone, 0) - [3 * step, 0]).max() < 0.2


@pytest.mark.parametrize("copies", [1, 4])
def test_no_particle_is_its_own_witness_that_it_jumped(copies):
    """Of two alike places it may be at either, however often it stands in its block."""
    picture = np.full((HEIGHT, WIDTH), 0.5, np.float32)
    dot = np.asarray(texture()[:9, :9, 0])
    before, after = picture.copy(), picture.copy()
    before[30:39, 40:49] = dot
    after[30:39, 20:29] = after[30:39, 60:69] = dot
    config = PointConfig()
    flats = [pyramid_of(jnp.asarray(p), config.patches) for p in (before, after)]
    size, at = (HEIGHT, WIDTH), jnp.full((2, copies), 1.0) * jnp.array([[44.5], [34.5]])
    patches = patches_at(flats[0], size, at, config.patches)
    empty = jnp.zeros(copies)
    known = Known(patches, empty, empty, empty, empty > 0, at, 0 * at)
    lost, search_config = jnp.ones(copies, bool), config.match.search
    _, sure = search(flats[1], size, known, lost, patches=config.patches, config=search_config)
    assert not sure.any()


def test_neighbors_that_moved_alike_lead_the_lost():
    """Three fly 20 pixels to the right over three that rest; all that fly turned 6 down."""
    at = jnp.asarray([[50.0, 50], [54, 52], [58, 49], [52, 54], [56, 51], [60, 53]]).T
    flies = jnp.asarray([True, True, True, False, False, False])
    moved = jnp.where(flies, jnp.asarray([[20.0], [0.0]]), 0.0)
    nothing = jnp.zeros(6)
    known = Known(nothing, nothing, nothing, nothing, nothing > 0, at + moved, moved)
    off = jnp.where(flies, jnp.asarray([[0.0], [6.0]]), 0.0).at[:, 0].set(0)
    found = jnp.ones(6, bool).at[0].set(False)
    led, leads = led_by_neighbors(known, known, off, found, height=240, config=SearchConfig())
    np.testing.assert_allclose(led[:, 0], at[:, 0] + jnp.asarray([20.0, 6.0]), atol=0.1)
    np.testing.assert_allclose(led[:, 3], at[:, 3], atol=0.1)
    assert leads.all()
    nobody = jnp.zeros(6, bool)
    _, leads = led_by_neighbors(known, known, off, nobody, height=240, config=SearchConfig())
    assert not leads.any()


def test_a_blurred_picture_ends_nothing():
    clip = pan((0.6, 0.3), 8).astype(float)
    for k in (3, 4):
        for _ in range(6):
            clip[k] = np.asarray(smooth(jnp.asarray(clip[k])))
    states = stream(np.round(clip).astype(np.uint8))
    both = kept(states[0], states[-1]).sum()
    assert both > 0.75 * int(states[0].particles.alive.sum())
    assert np.median(away(states[0], states[-1], (7 * 0.6, 7 * 0.3))) < 0.02


def test_a_picture_out_of_focus_keeps_its_points_in_place():
    """Each frame is as sharp as the one before, smoothed once."""
    clip = pan((0.6, 0.3), 8).astype(float)
    for k in range(1, len(clip)):
        for _ in range(k):
            clip[k] = np.asarray(smooth(jnp.asarray(clip[k])))
    states = stream(np.round(clip).astype(np.uint8))
    both = kept(states[0], states[-1]).sum()
    assert both > 0.85 * int(states[0].particles.alive.sum())
    assert np.median(away(states[0], states[-1], (7 * 0.6, 7 * 0.3))) < 0.25


def test_a_dim_noisy_picture_has_particles_too():
    random = np.random.default_rng(0)
    frames = 0.1 * pan((0.5, 0.2)).astype(float)
    frames = np.round(frames + random.normal(0, 0.7, frames.shape)).clip(0, 255).astype(np.uint8)
    states = stream(frames)
    assert int(states[0].particles.alive.sum()) >= 30
    assert np.median(away(states[0], states[-1], (7 * 0.5, 7 * 0.2))) < 0.3


def test_errors_do_not_add_up_while_the_picture_turns():
    """By 2° a frame, 28° in all, about the middle: patches deform."""
    places, middle = pixel_centers(HEIGHT, WIDTH), np.asarray([WIDTH / 2, HEIGHT / 2])

    def turned(angle: float, at: jax.Array) -> jax.Array:
        c, s = np.cos(angle), np.sin(angle)
        return (at - middle) @ jnp.asarray([[c, s], [-s, c]]) + middle

    angles = np.deg2rad(2.0) * np.arange(15)
    states = stream(np.stack([seen(turned(-angle, places)) for angle in angles]))
    start = states[0].particles.position * HEIGHT
    error = away(states[0], states[-1], np.asarray(turned(angles[-1], start) - start))
    assert len(error) > 15
    assert np.median(error) < 0.1
    assert np.percentile(error, 95) < 0.6


def test_velocity_is_in_frame_heights_a_second_whatever_the_times():
    uneven = np.asarray([0.0, 0.04, 0.06, 0.16, 0.2, 0.3, 0.33, 0.35])
    # The picture keeps its speed in pixels a second; the frames come unevenly.
    speed = np.asarray([1.2, 0.8]) * RATE
    frames = np.stack([seen(pixel_centers(HEIGHT, WIDTH) - t * jnp.asarray(speed)) for t in uneven])
    states = stream(frames, uneven)
    for state in states[2:]:
        old = kept(states[0], state)
        velocity = np.median(np.asarray(state.particles.velocity)[old], 0)
        np.testing.assert_allclose(velocity, speed / HEIGHT, atol=0.02)


def test_particles_end_at_the_border_and_are_spawned_where_there_are_none():
    states = stream(pan((5.0, 0.0)))
    aspect = WIDTH / HEIGHT
    for state in states:
        position = np.asarray(state.particles.position)[np.asarray(state.particles.alive)]
        assert (position >= 0).all()
        assert (position <= [aspect, 1]).all()
    first, last = states[0].particles, states[-1].particles
    right = np.asarray(first.alive & (first.position[:, 0] > aspect - 3 * 5 / HEIGHT))
    assert right.sum() > 2
    # Whoever started 15 pixels from the right border is out after 4 frames.
    assert not (right & kept(states[0], states[4])).any()
    # The strip that came into view on the left is filled again.
    left = np.asarray(last.alive & (last.position[:, 0] < 5 * 5 / HEIGHT))
    assert left.sum() >= 3


def test_identities_are_never_given_twice():
    states = stream(pan((5.0, 0.0)))
    owner: dict[int, int] = {}
    for state in states:
        alive = np.asarray(state.particles.alive)
        named = np.asarray(state.identity)[alive]
        assert (named >= 0).all()
        assert len(set(named)) == len(named)
        for place in np.flatnonzero(alive):
            assert owner.setdefault(int(state.identity[place]), place) == place


def test_what_passes_in_front_hides_particles_and_they_come_back_the_same():
    frames = pan((0.4, 0.2), 20)
    bar = pan((0.0, 0.0), 1, seed=5)[0]
    # 24 pixels wide, 4 pixels a frame: each place that it crosses is covered for 6 frames.
    left = -24 + 4 * np.arange(20)
    for frame, x in zip(frames, left, strict=True):
        a, b = max(x, 0), max(x + 24, 0)
        frame[:, a:b] = bar[:, a - x : b - x]
    states = stream(frames)
    x = np.asarray(states[0].particles.position[:, 0]) * HEIGHT
    crossed = np.asarray(states[0].particles.alive) & (x > 12) & (x < 32)
    assert crossed.sum() > 8
    middle = (left + 12)[None] - (x[:, None] + 0.4 * np.arange(20))
    for k, state in enumerate(states):
        covered = crossed & (np.abs(middle[:, k]) < 5)
        same = np.asarray(state.identity == states[0].identity)
        # While it is covered it is not alive, or its place has been taken.
        assert (covered & same & np.asarray(state.particles.alive)).sum() <= 1
    same = crossed & kept(states[0], states[-1])
    assert same.sum() >= 0.8 * crossed.sum()
    error = away(states[0], states[-1], (19 * 0.4, 19 * 0.2))
    assert np.percentile(error, 90) < 0.5


def test_what_a_cut_shows_is_followed_at_once_as_a_clip_of_its_own():
    clip = pan((0.7, 0.0), 6).copy()
    clip[3:] = clip[3:, ::-1, ::-1, ::-1]
    states, alone = stream(clip, cuts=(3,)), stream(clip[3:], np.arange(3, 6) / RATE)
    assert int(states[3].particles.alive.sum()) > 30
    for state, own in zip(states[3:], alone, strict=True):
        np.testing.assert_array_equal(state.particles.position, own.particles.position)
        np.testing.assert_array_equal(state.particles.alive, own.particles.alive)


def test_flicker_and_black_frames_end_nothing():
    clip = pan((0.5, 0.0), 8).copy()
    clip[3] = 0
    clip[5] = 255
    states = stream(clip)
    assert not states[3].particles.alive.any()
    both = kept(states[0], states[-1]).sum()
    assert both > 0.7 * int(states[0].particles.alive.sum())
    assert np.median(away(states[0], states[-1], (3.5, 0.0))) < 0.1


def test_a_picture_without_texture_has_no_particles():
    flat = np.full((3, HEIGHT, WIDTH, 3), 90, np.uint8)
    assert not any(bool(state.particles.alive.any()) for state in stream(flat))


def test_noise_alone_has_fewer_particles_than_structure():
    noise = np.random.default_rng(0).normal(128, 12, (HEIGHT, WIDTH, 1)).repeat(3, -1)
    [noise] = stream(noise.clip(0, 255).astype(np.uint8)[None])
    [clean] = stream(pan((0.0, 0.0), 1))
    assert int(noise.particles.alive.sum()) < 0.2 * int(clean.particles.alive.sum())


def test_a_change_of_light_is_not_motion():
    still = pan((0.0, 0.0)).astype(float)
    gain = np.linspace(1.0, 0.6, FRAMES)[:, None, None, None]
    dimmed = np.round(still * gain + 20 * (1 - gain)).astype(np.uint8)
    states = stream(dimmed)
    assert kept(states[0], states[-1]).sum() > 30
    assert np.percentile(away(states[0], states[-1], (0.0, 0.0)), 95) < 0.1


def test_a_picture_of_four_pixels_is_no_error():
    frame = jax.ShapeDtypeStruct((2, 2, 3), np.uint8)
    tracker = point_tracker(PointConfig(count=4))
    state = jax.eval_shape(lambda frame: tracker.init_fn((), frame, 0.0), frame)
    state, _ = jax.eval_shape(lambda *x: tracker.step_fn((), *x, 0.0), state, frame)
    assert state.particles.position.shape == (4, 2)


def test_what_cannot_be_followed_is_said():
    with pytest.raises(ValueError, match="expected"):
        TRACKER.init_fn((), np.zeros((40, 40), np.uint8), 0.0)
    with pytest.raises(ValueError, match="at least 1"):
        PointConfig(count=0)
    with pytest.raises(ValueError, match="at least count"):
        PointConfig(count=9, slots=8)
    with pytest.raises(ValueError, match="expected"):
        scan(TRACKER, (), np.zeros((2, 40, 40, 3), np.uint8), jnp.arange(3.0))
