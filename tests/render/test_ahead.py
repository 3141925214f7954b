"""Fields from scattered particles, and frames beyond the last one."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from vidparticles.image.resample import bilinear, smooth
from vidparticles.render import ahead

HEIGHT, WIDTH = 48, 64


def texture(key: int = 0) -> jax.Array:
    noise = jax.random.uniform(jax.random.key(key), (HEIGHT, WIDTH, 3))
    noise = smooth(smooth(noise))
    noise = (noise - noise.min()) / (noise.max() - noise.min())
    return jnp.round(255 * noise).astype(jnp.uint8)


def lattice(rows: int = 6, cols: int = 8) -> jax.Array:
    y, x = jnp.mgrid[0:rows, 0:cols]
    return jnp.stack([(x + 0.5) / rows, (y + 0.5) / rows], -1).reshape(-1, 2)


def psnr(a: jax.Array, b: jax.Array) -> float:
    error = np.mean((np.asarray(a, float) - np.asarray(b, float)) ** 2)
    return 10 * np.log10(255**2 / max(error, 1e-9))


def field(points: jax.Array, moved: jax.Array, alive: jax.Array) -> np.ndarray:
    return np.asarray(
        ahead.motion_field(points, moved, alive, height=HEIGHT, width=WIDTH, reach=0.06)
    )


def test_a_field_agrees_with_its_particles_and_stays_within_them():
    points = lattice()
    moved = jax.random.normal(jax.random.key(1), points.shape) * 0.1
    alive = jnp.ones(len(points), bool)
    dense = field(points, moved, alive)
    at = np.asarray(bilinear(jnp.asarray(dense), points * HEIGHT))
    assert np.abs(at - np.asarray(moved)).max() < 0.05
    assert dense.max() <= float(moved.max()) + 1e-6
    assert dense.min() >= float(moved.min()) - 1e-6


def test_a_common_motion_is_the_same_everywhere_and_the_dead_have_no_vote():
    points = lattice()
    alive = jnp.arange(len(points)) % 3 > 0
    moved = jnp.where(alive[:, None], jnp.array([0.1, -0.05]), jnp.nan)
    dense = field(jnp.where(alive[:, None], points, jnp.nan), moved, alive)
    np.testing.assert_allclose(dense, np.broadcast_to([0.1, -0.05], dense.shape), atol=1e-6)
    assert not field(points, moved, jnp.zeros_like(alive)).any()


def test_a_field_has_finite_gradients():
    points = lattice()
    alive = jnp.ones(len(points), bool)

    def total(points: jax.Array, moved: jax.Array) -> jax.Array:
        dense = ahead.motion_field(points, moved, alive, height=8, width=8, reach=0.06)
        return jnp.sum(dense**2)

    for slope in jax.grad(total, (0, 1))(points, jnp.ones_like(points)):
        assert np.isfinite(slope).all()


def test_carrying_a_picture_moves_it_exactly_by_whole_pixels():
    frame, points = texture(), lattice()
    moved = jnp.broadcast_to(jnp.array([5 / HEIGHT, 0.0]), points.shape)
    out = ahead.carry(frame, points, moved, jnp.ones(len(points), bool))
    shifted = np.roll(np.asarray(frame, float), 5, axis=1)[8:-8, 16:-8]
    # A little blur is meant: what is ahead is not known for sure.
    assert psnr(out[8:-8, 16:-8], shifted) > 28


def test_where_nothing_moves_nothing_is_touched():
    frame, points = texture(), lattice()
    still, alive = jnp.zeros_like(points), jnp.ones(len(points), bool)
    assert (ahead.carry(frame, points, still, alive) == frame).all()
    # The left half is carried off; the right half keeps every pixel.
    gone = jnp.where(points[:, :1] < 0.5, jnp.array([-0.3, 0.0]), 0)
    out = ahead.carry(frame, points, gone, alive)
    assert psnr(out[:, 48:], frame[:, 48:]) > 35


def test_doubt_grows_with_the_way():
    frame, points = texture(), lattice()
    alive = jnp.ones(len(points), bool)
    near = points[:, 0] < 0.7

    def sharpness(way: float) -> float:
        moved = jnp.where(near[:, None], jnp.array([0.0, way]), 0)
        out = np.asarray(ahead.carry(frame, points, moved, alive), float)
        return np.abs(np.diff(out[:, :28], axis=1)).mean()

    values = [sharpness(way) for way in (0.0, 0.1, 0.3)]
    assert values[0] > 1.2 * values[1] > 1.2 * values[2]
