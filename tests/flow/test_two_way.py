"""Flow both ways between made pairs: where it must lead, and where it must not be sure."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.flow import between

HEIGHT, WIDTH = 96, 128


def scenery(seed: int) -> jax.Array:
    """[HEIGHT + 32, WIDTH + 32, 3] smooth noise."""
    noise = jax.random.uniform(jax.random.key(seed), ((HEIGHT + 32) // 4, (WIDTH + 32) // 4, 3))
    return jax.image.resize(noise, (HEIGHT + 32, WIDTH + 32, 3), "cubic").clip(0, 1)


def crop(picture: jax.Array, x: int, y: int) -> jax.Array:
    return picture[16 + y : 16 + y + HEIGHT, 16 + x : 16 + x + WIDTH]


@pytest.fixture(scope="module")
def covered() -> tuple:
    """A square that moves 8 pixels to the right over a ground at rest: flow, and masks."""
    ground, thing = crop(scenery(0), 0, 0), crop(scenery(1), 0, 0)
    x = jnp.arange(WIDTH)[None, :, None]
    y = jnp.arange(HEIGHT)[:, None, None]
    there = [(abs(x - 60 - s) < 20) & (abs(y - 48) < 20) for s in (0, 8)]
    first = jnp.where(there[0], thing, ground)
    second = jnp.where(there[1], jnp.roll(thing, 8, 1), ground)
    on, later = (np.asarray(t)[..., 0] for t in there)
    return between(first, second), on, later & ~on


@pytest.mark.parametrize("light", ["same", "darker"])
def test_flow_leads_there_and_back(light):
    picture = scenery(0)
    first, second = crop(picture, 0, 0), crop(picture, -5, 3)
    if light == "darker":
        second = 0.6 * second + 0.05
    flow = between(first, second)
    inner = slice(10, -10), slice(10, -10)
    for found, sign in ((flow.forward, 1), (flow.backward, -1)):
        off = jnp.linalg.norm(found - sign * jnp.array([5.0, -3.0]), axis=-1)[inner]
        assert jnp.median(off) < 0.1
        assert jnp.mean(off < 1) > 0.97
    assert jnp.mean(flow.confidence[:, *inner]) > 0.9


def test_bytes_and_floats_are_the_same_picture():
    picture = (255 * scenery(0)).astype(jnp.uint8)
    pair = crop(picture, 0, 0), crop(picture, 2, 1)
    by_bytes, by_floats = between(*pair), between(*(p / 255 for p in pair))
    np.testing.assert_allclose(by_bytes.forward, by_floats.forward, atol=1e-3)


def test_what_moves_on_its_own_is_found(covered):
    flow, on, _ = covered
    inner = np.zeros_like(on)
    inner[34:62, 46:70] = True
    motion = np.asarray(flow.forward)
    assert np.mean(np.linalg.norm(motion[inner] - [8, 0], axis=-1) < 1) > 0.9
    far = np.zeros_like(on)
    far[:20] = True
    assert np.mean(np.linalg.norm(motion[far], axis=-1) < 0.2) > 0.95


def test_what_will_be_covered_is_not_sure(covered):
    flow, on, hidden = covered
    confidence = np.asarray(flow.confidence[0])
    right = np.linalg.norm(np.asarray(flow.forward) - np.where(on[..., None], [8, 0], 0), axis=-1)
    right = (right < 1) & ~hidden
    assert np.mean(confidence[hidden]) < 0.6
    assert abs(np.mean(confidence) - np.mean(right)) < 0.08
    assert np.mean(confidence[~right]) < 0.6 < 0.97 < np.mean(confidence[right])


def test_what_leaves_the_picture_is_not_sure():
    picture = scenery(0)
    flow = between(crop(picture, 0, 0), crop(picture, 12, 0))
    # All moves 12 pixels to the left: what stood there is gone.
    assert jnp.mean(flow.confidence[0, :, :6]) < 0.2
    assert jnp.mean(flow.confidence[0, :, 20:]) > 0.8


def test_a_flat_picture_is_sure_of_nothing():
    flat = jnp.full((HEIGHT, WIDTH, 3), 0.5)
    flow = between(flat, flat)
    assert not flow.forward.any()
    assert jnp.max(flow.confidence) < 0.5


def test_pictures_must_have_one_shape():
    with pytest.raises(AssertionError):
        between(jnp.zeros((32, 40, 3)), jnp.zeros((40, 32, 3)))
