"""The periodic sum by a mesh against a slow Ewald sum in float64, and against images one by one."""

from __future__ import annotations

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import members as m
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P
from scipy.special import erfc, exp1

from vidparticles import dynamics as dyn

pytestmark = pytest.mark.usefixtures("x64")

N = 40
BOXES = {1: (1.3,), 2: (1.0, 0.8), 3: (1.0, 0.8, 0.9)}
LOW = {"cells": 18, "order": 4}


def scattered(dim: int, seed: int = 0, count: int = N) -> np.ndarray:
    return np.random.default_rng(seed).random((count, dim)) * BOXES[dim]


def transform(square: np.ndarray, alpha: float, dim: int) -> np.ndarray:
    """Of the far part of −log r, in the closed forms of each dimension."""
    x = square / (4 * alpha**2)
    if dim == 1:
        return np.pi * erfc(np.sqrt(x)) / np.sqrt(square)
    if dim == 2:
        return 2 * np.pi * np.exp(-x) / square
    upper = np.sqrt(np.pi) / 2 * erfc(np.sqrt(x)) + np.sqrt(x) * np.exp(-x)
    return 0.5 * (4 * np.pi / square) ** 1.5 * upper


def ewald(position: np.ndarray, alpha: float) -> tuple[np.ndarray, float]:
    """Force on each, and energy, of strength 1; slow, to 1e-9."""
    dim = position.shape[1]
    side = np.array(BOXES[dim])

    def grid(most: np.ndarray) -> np.ndarray:
        return np.array(list(itertools.product(*[range(-n, n + 1) for n in most.astype(int)])))

    images = grid(np.ceil(4.7 / alpha / side)) * side
    dr = position[:, None, None] - position[:, None] - images
    square = np.sum(dr**2, axis=-1)
    square[square == 0] = np.inf
    force = np.sum((np.exp(-(alpha**2) * square) / square)[..., None] * dr, axis=(1, 2))
    energy = 0.25 * np.sum(exp1(alpha**2 * square))
    waves = grid(np.ceil(4.7 * alpha * side / np.pi)) * 2 * np.pi / side
    waves = waves[np.any(waves != 0, axis=1)]
    green = transform(np.sum(waves**2, axis=1), alpha, dim) / side.prod()
    phase = np.exp(1j * position @ waves.T)
    seen = np.sum(phase, axis=0)
    force += np.imag(phase * seen.conj() * green) @ waves
    return force, energy + 0.5 * np.sum(green * np.abs(seen) ** 2)


def relative(found, wanted):
    return np.linalg.norm(found - wanted) / np.linalg.norm(wanted)


@functools.cache
def force(dim: int, **options):
    """Jitted, of strength 1."""
    return jax.jit(dyn.ewald(dyn.repulsion, BOXES[dim], strength=1.0, **options))


@functools.cache
def both(dim: int):
    """The force with few waves, and Σ u · force with its slopes by position and strength."""
    force_fn = dyn.ewald(dyn.repulsion, BOXES[dim], **LOW)

    def value(x, strength, alive, u):
        got = force_fn(x, alive=alive, strength=strength)
        return jnp.sum(got * u), got

    return jax.jit(jax.value_and_grad(value, (0, 1), has_aux=True))


ALL = np.ones(N, bool)


@functools.cache
def reference(dim: int) -> np.ndarray:
    return ewald(scattered(dim), 6.0)[0]


@pytest.mark.parametrize("dim", BOXES)
def test_the_reference_knows_no_alpha_and_is_minus_the_slope_of_its_energy(dim):
    x = scattered(dim)[:7]
    force, energy = ewald(x, 6.0)
    other, shifted = ewald(x, 8.0)
    np.testing.assert_allclose(other, force, atol=1e-7)
    # What of the waves q = 0 is left out: the mean of the near part, which α sets.
    h, dx = 1e-5, np.random.default_rng(0).normal(size=x.shape)
    slope = (ewald(x + h * dx, 6.0)[1] - ewald(x - h * dx, 6.0)[1]) / (2 * h)
    assert slope == pytest.approx(-np.sum(force * dx), rel=1e-7)
    moved = ewald(x[::-1] * 0.9, 6.0)[1] - ewald(x[::-1] * 0.9, 8.0)[1]
    assert moved == pytest.approx(energy - shifted, abs=1e-7)


@pytest.mark.parametrize("dim", BOXES)
def test_force_is_that_of_the_slow_sum(dim):
    """With the options left out, in float32."""
    x = scattered(dim).astype(np.float32)
    got = np.asarray(force(dim)(x))
    assert got.dtype == jnp.float32
    assert relative(got, ewald(np.asarray(x, float), 6.0)[0]) < 1e-5
    # No momentum is made, but what the mesh is wrong by.
    assert np.abs(np.sum(got, axis=0)).max() < 1e-5 * np.abs(got).sum()


def test_attraction_is_the_opposite():
    pull = jax.jit(dyn.ewald(dyn.attraction, BOXES[1], **LOW))
    push = both(1)(scattered(1), 2.0, ALL, np.ones((N, 1)))[0][1]
    np.testing.assert_allclose(pull(scattered(1), strength=2.0), -push, rtol=1e-12)


def test_error_falls_with_the_order_and_with_the_cut_off():
    x = scattered(2)
    errors = {
        (order, spacings): relative(
            force(2, cells=(40, 32), order=order, cutoff=spacings / 40)(x), reference(2)
        )
        for order, spacings in ((4, 8), (6, 5), (6, 8))
    }
    assert errors[4, 8] < 1e-3
    assert errors[6, 5] < 5e-4
    assert errors[6, 8] < min(errors[4, 8], errors[6, 5]) / 5


def test_images_one_by_one():
    """The difference of two arrangements, over a disc of images."""
    rng = np.random.default_rng(1)
    side = np.array(BOXES[2])
    probe = rng.random(2) * side
    mates = rng.random((3, 2)) * side
    edges = 60
    turns = np.stack(np.meshgrid(*[np.arange(-edges, edges + 1)] * 2, indexing="ij"), -1)
    at = turns.reshape(-1, 2) * side
    at = at[np.hypot(*at.T) < edges * side.min()]

    def direct(mates):
        dr = probe - mates[:, None] - at
        return np.sum(dr / np.sum(dr**2, axis=-1, keepdims=True), axis=(0, 1))

    apart = mates[0] + 0.25 * side * (0.3, -0.2)
    moved = np.concatenate([apart[None], mates[1:]])
    sums = [force(2)(np.concatenate([probe[None], m]))[0] for m in (mates, moved)]
    # A disc of background acts on a place within as on a spring: π/A dr each.
    spring = math.pi / side.prod() * (moved - mates).sum(axis=0)
    want = direct(mates) - direct(moved) - spring
    np.testing.assert_allclose(sums[0] - sums[1], want, atol=2e-3 * np.abs(want).max())


@pytest.mark.parametrize("dim", BOXES)
def test_gradients_are_finite_differences(dim):
    """Through force and strength; the inactive give and get none, whatever they hold."""
    rng = np.random.default_rng(2)
    alive = rng.random(N) < 0.8
    x = np.where(alive[:, None], scattered(dim), np.nan)
    u = rng.normal(size=x.shape)

    def value(x, strength):
        (out, _), slopes = both(dim)(x, strength, alive, u)
        return out, slopes

    out, (of_x, of_k) = value(x, 1.5)
    assert (np.where(alive[:, None], 0, of_x) == 0).all()
    assert of_k == pytest.approx(float(out) / 1.5, rel=1e-10)
    slope, want = m.along(lambda x: (value(x, 1.5)[0], value(x, 1.5)[1][0]), (x,), step=1e-7)
    # The near part jumps at the cut-off by what is cut off.
    assert slope == pytest.approx(want, rel=1e-5, abs=1e-3)


def test_symmetries():
    x = scattered(2)
    got = np.asarray(force(2)(x))
    order = np.random.default_rng(0).permutation(N)
    np.testing.assert_allclose(force(2)(x[order]), got[order], atol=1e-10)
    side = np.array(BOXES[2])
    # By whole boxes nothing changes; by anything else the mesh lies elsewhere.
    np.testing.assert_allclose(force(2)(x + side * (3, -2)), got, atol=1e-9)
    for by in ((0.37, 0.61), (-0.002, 5.003)):
        assert relative(force(2)(x + np.array(by)), got) < 1e-5


def test_the_inactive_do_nothing():
    """Whatever they hold; all of them, all but one, and some."""
    x, u = scattered(2), np.zeros((N, 2))
    alive = np.arange(N) < 25
    junk = np.where(alive[:, None], x, np.nan)
    got = np.asarray(both(2)(junk, 1.0, alive, u)[0][1])
    np.testing.assert_allclose(got[:25], force(2, **LOW)(x[:25]), atol=1e-10)
    assert (got[25:] == 0).all()
    assert (np.asarray(both(2)(junk, 1.0, np.zeros(N, bool), u)[0][1]) == 0).all()
    assert np.isnan(both(2)(junk, 1.0, ALL, u)[0][1]).all()
    lone = np.asarray(both(2)(junk, 1.0, np.arange(N) == 0, u)[0][1])
    assert np.abs(lone).max() < 1e-2 * np.abs(got).max()


def test_few_and_none():
    for count in (0, 1, 2):
        x = scattered(1, count=count)
        got = force(1, **LOW)(x)
        assert got.shape == (count, 1)
        np.testing.assert_allclose(got, ewald(x, 6.0)[0], rtol=1e-3, atol=1e-2)
    assert force(2, **LOW)(np.zeros((3, 0, 2))).shape == (3, 0, 2)


def test_leading_axes_and_vmap():
    x = np.stack([scattered(1, seed) for seed in range(4)])
    alive = np.random.default_rng(0).random((4, N)) < 0.8
    strength, u = np.array([0.1, 0.2, 0.3, 0.4]), np.ones((4, N, 1))
    each = m.stacked([both(1)(*args) for args in zip(x, strength, alive, u, strict=True)])
    close = functools.partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-7)
    jax.tree.map(close, jax.jit(jax.vmap(both(1)))(x, strength, alive, u), each)
    lead = x.reshape(2, 2, N, 1), strength.reshape(2, 2, 1), alive.reshape(2, 2, N), 1.0
    close(both(1)(*lead)[0][1].reshape(x.shape), each[0][1])


def test_shard_map():
    """The batch over devices, in a manual region, forward and backward."""
    devices = jax.make_mesh((2,), ("batch",), devices=jax.devices()[:2])
    x = np.stack([scattered(1, seed) for seed in range(2)])
    force_fn = dyn.ewald(dyn.repulsion, BOXES[1], strength=1.0, **LOW)
    slope = jax.grad(lambda x: jnp.sum(force_fn(x) ** 2))
    spread = jax.shard_map(slope, mesh=devices, in_specs=P("batch"), out_specs=P("batch"))
    placed = jax.device_put(x, jax.NamedSharding(devices, P("batch")))
    np.testing.assert_allclose(jax.jit(spread)(placed), jax.jit(slope)(x), rtol=1e-9, atol=1e-6)


def test_blocks_change_nothing(monkeypatch):
    """More particles than a block holds, the last of them not full."""
    from vidparticles.dynamics.interactions.ewald import mesh

    x, u = scattered(2), np.random.default_rng(3).normal(size=(N, 2))
    whole = both(2)(x, 1.0, ALL, u)
    monkeypatch.setattr(mesh, "BLOCK", 16)
    parts = both.__wrapped__(2)(x, 1.0, ALL, u)
    for a, b in zip(jax.tree.leaves(parts), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-8)


@pytest.mark.slow
def test_memory_grows_as_the_particles():
    """Forward and backward, compiled and not run."""

    def megabytes(count):
        force_fn = dyn.ewald(dyn.repulsion, 1.0, strength=1.0, order=4)
        x = jax.ShapeDtypeStruct((count, 1), jnp.float32)
        slope = jax.grad(lambda x: jnp.sum(force_fn(x) ** 2))
        return jax.jit(slope).lower(x).compile().memory_analysis().temp_size_in_bytes / 1e6

    assert megabytes(160_000) < 5 * megabytes(40_000) < 200


def test_in_a_rollout():
    """Energy, of the slow sum, is kept as the step falls."""
    from vidparticles.particles import particles

    force_fn = dyn.ewald(dyn.attraction, BOXES[2], strength=-0.1, **LOW)
    verlet = dyn.velocity_verlet(force_fn, dyn.periodic(np.array(BOXES[2]))[1], 0.01)
    p = particles(scattered(2)[:12])

    def energies(dt):
        path = dyn.rollout(verlet, p, steps=20, every=10, dt=dt)
        positions, velocities = (
            np.asarray(a) for a in (path.particles.position, path.particles.velocity)
        )
        kinetic = 0.5 * np.sum(velocities**2, axis=(1, 2))
        return kinetic, kinetic + [0.1 * ewald(x, 6.0)[1] for x in positions]

    # To the same moment, in ten steps and in twenty.
    kinetic, coarse = energies(0.02)
    swing = [abs(total[k] - total[0]) for total, k in ((coarse, 1), (energies(0.01)[1], 2))]
    assert kinetic[1] > 0.1
    assert swing[1] < swing[0] / 2.5 + 1e-6 < 0.01


@pytest.mark.parametrize(
    ("options", "x", "words"),
    [
        ({"law": dyn.collision}, None, "not known to ewald"),
        ({"order": 5}, None, "4, 6, 8"),
        ({"cells": 12}, None, "twice as many cells"),
        ({"cells": (32, 32, 32)}, None, "3 numbers of cells"),
        ({"cells": 32, "cutoff": 0.6}, None, "half the box"),
        ({"cells": 32, "cutoff": -0.1}, None, "positive"),
        ({"box": (1.0, 2.0, 1.0)}, None, "3 sides of the box"),
        ({"box": 0.0}, None, "positive, finite"),
        ({"softening": 0.1}, None, "no softening"),
        ({"strength": None}, None, "takes a strength"),
        ({}, np.zeros((4, 5)), "D = 1, 2 or 3"),
        ({}, np.zeros(3), r"\[\.\.\., N, D\]"),
    ],
)
def test_bad_input_is_told_in_a_sentence(options, x, words):
    options = {"law": dyn.repulsion, "box": 1.0, "strength": 1.0} | options
    options = {k: v for k, v in options.items() if v is not None}
    x = np.zeros((4, 2)) if x is None else x
    with pytest.raises(ValueError, match=words):
        dyn.ewald(options.pop("law"), options.pop("box"), **options)(x)
