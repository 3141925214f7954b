"""The motion of whole pictures: known similarities are found, whatever else moves."""

from __future__ import annotations

import functools

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.flow.camera import Similarity
from vidparticles.flow.global_motion import GlobalMotionConfig, global_motion, phase_correlation
from vidparticles.image.resample import bilinear, pixel_centers

HEIGHT, WIDTH = 48, 64
CONFIG = GlobalMotionConfig()
REST = Similarity(jnp.array([1.0, 0.0]), jnp.zeros(2))
FIND = jax.jit(lambda before, after: global_motion(before, after, REST, CONFIG))


@functools.cache
def scenery(seed: int = 0) -> jax.Array:
    """A picture three times as large as what is seen of it."""
    key = jax.random.key(seed)
    coarse = jax.image.resize(jax.random.uniform(key, (18, 24)), (3 * HEIGHT, 3 * WIDTH), "cubic")
    fine = jax.image.resize(jax.random.uniform(key, (48, 64)), (3 * HEIGHT, 3 * WIDTH), "cubic")
    return (0.6 * coarse + 0.4 * fine).astype(jnp.float32)


def shown(motion: Similarity, seed: int = 0) -> jax.Array:
    """What is seen once the whole picture has made a motion."""
    places = motion.inverse()(pixel_centers(HEIGHT, WIDTH).reshape(-1, 2) / HEIGHT) * HEIGHT
    return bilinear(scenery(seed), places + jnp.array([WIDTH, HEIGHT])).reshape(HEIGHT, WIDTH)


def about_the_middle(scale: float, angle: float, shift: tuple[float, float]) -> Similarity:
    turn = scale * jnp.array([np.cos(angle), np.sin(angle)], jnp.float32)
    middle = jnp.array([WIDTH / HEIGHT / 2, 0.5])
    swung = Similarity(turn, jnp.zeros(2))(middle[None])[0]
    return Similarity(turn, middle - swung + jnp.asarray(shift, jnp.float32))


def off(found: Similarity, truth: Similarity) -> float:
    """Pixels by which the corners are away from where they went, at most."""
    corners = jnp.array([[0.0, 0.0], [WIDTH / HEIGHT, 0.0], [0.0, 1.0], [WIDTH / HEIGHT, 1.0]])
    return float(jnp.linalg.norm(found(corners) - truth(corners), axis=-1).max()) * HEIGHT


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(
    st.floats(0.95, 1.05),
    st.floats(-0.06, 0.06),
    st.tuples(st.floats(-0.15, 0.15), st.floats(-0.15, 0.15)),
)
def test_a_similarity_is_found_however_far_the_picture_jumps(scale, angle, shift):
    truth = about_the_middle(scale, angle, shift)
    found, share = FIND(shown(REST), shown(truth))
    assert off(found, truth) < 0.4
    assert share > 0.8


def test_what_moves_on_its_own_has_no_say():
    truth = about_the_middle(1.0, 0.01, (0.1, -0.05))
    after = shown(truth)
    other = shown(about_the_middle(1.0, 0.0, (-0.12, 0.1)), seed=1)
    after = after.at[:, : WIDTH * 2 // 5].set(other[:, : WIDTH * 2 // 5])
    found, share = FIND(shown(REST), after)
    assert off(found, truth) < 0.5
    assert share > CONFIG.least_share


def test_a_change_of_light_is_no_motion():
    truth = about_the_middle(1.0, 0.0, (0.08, 0.02))
    ramp = jnp.linspace(-0.2, 0.2, WIDTH)
    found, _ = FIND(shown(REST), 0.7 * shown(truth) + 0.1 + ramp)
    assert off(found, truth) < 0.4


def test_another_picture_is_not_believed():
    _, share = FIND(shown(REST), shown(REST, seed=1))
    assert share < CONFIG.least_share


@pytest.mark.parametrize("size", [(16, 16), (4, 40), (9, 12)])
def test_a_flat_picture_of_any_size_is_at_rest(size):
    flat = jnp.full(size, 0.4)
    found, share = FIND(flat, flat)
    assert bool(jnp.isfinite(found.turn).all() & jnp.isfinite(found.shift).all())
    assert share < CONFIG.least_share


def test_phase_correlation_peaks_at_the_shift():
    picture = shown(REST)
    peaks = jax.jit(phase_correlation)(picture, jnp.roll(picture, (-3, 7), (0, 1)))
    assert int(jnp.argmax(peaks)) == (HEIGHT - 3) * WIDTH + 7
