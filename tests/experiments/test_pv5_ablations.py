"""What the parts of the object tracker are exchanged for in PV-5's ablations."""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.pv5 import ablations
from experiments.pv5.ablations import ABLATIONS, AblatedObjects
from tests.tracking.discs.disc_clips import draw
from vidparticles.errors import InputError
from vidparticles.image import discs
from vidparticles.particles import particles
from vidparticles.tracking.discs import assignment, parts
from vidparticles.tracking.discs.tracker import DiscConfig, disc_tracker, init

CONFIG = DiscConfig(
    count=4, widths=(4,), appearance=2, features=3, memory=4, radius=0.15, patience=10.0
)
SHAPE = (12, 12)


def test_by_its_appearance_alone_an_object_is_found_anywhere():
    tracker = disc_tracker(CONFIG, parts=ABLATIONS["no_dynamics"])
    params = init(jax.random.key(0), CONFIG)
    jump = np.array([[0.2, 0.3], [0.8, 0.7]])
    step, clip = jax.jit(tracker.step_fn), draw(jump)
    state = tracker.init_fn(params, clip[0], 0.0)
    for frame, time in zip(clip, np.float32([0, 0.04]), strict=True):
        state, _ = step(params, state, frame, time)
    np.testing.assert_allclose(state.particles.position[0], jump[1], atol=0.03)
    assert state.identity.tolist() == [0, -1, -1, -1]


def test_without_a_velocity_objects_are_expected_where_they_were():
    calm = {"diameter": 0.1, "stiffness": 1.0, "margin": 0.1}
    calm = {name: jnp.asarray(value) for name, value in calm.items()}
    p = particles(jnp.array([[0.2, 0.3], [0.7, 0.6]]), velocity=jnp.ones((2, 2)))
    expected, _ = ablations.predict_rest(calm, CONFIG, p, jnp.asarray(0.04), SHAPE)
    np.testing.assert_allclose(expected.position, p.position, atol=1e-6)
    by_laws, _ = parts.predict(calm, CONFIG, p, jnp.asarray(0.04), SHAPE)
    np.testing.assert_allclose(by_laws.position, p.position + 0.04, atol=1e-6)


def both_seen():
    """What two objects are given to be assigned, of a disc that both are near."""
    cells = discs.pixels(*SHAPE)
    weight = jnp.exp(-0.5 * jnp.sum((cells - 0.5) ** 2, -1, keepdims=True) / 0.1**2)
    statistics = weight * jnp.concatenate([jnp.ones((len(cells), 1)), cells], -1)
    look = jnp.zeros((2, 1)), jnp.zeros(2), jnp.zeros((len(cells), 1))
    position = jnp.array([[0.48, 0.5], [0.53, 0.5]])
    options = {"shape": SHAPE, "width": jnp.full(2, 0.1), "reach": jnp.asarray(4.0)}
    return (position, jnp.ones(2, bool), *look, statistics), options


def test_without_competition_two_are_assigned_the_same():
    args, options = both_seen()
    shared, each = (
        jax.jit(functools.partial(assign, **options))(*args)
        for assign in (assignment.assign, ablations.assign_each)
    )
    whole = float(args[-1][:, 0].sum())
    np.testing.assert_allclose(each[:, 0], whole, rtol=0.05)
    assert float(shared[:, 0].sum()) < 1.01 * whole
    # Each is assigned what it would be alone.
    options["width"] = options["width"][:1]
    alone = jax.jit(functools.partial(assignment.assign, **options))(
        *(x[:1] for x in args[:4]), *args[4:]
    )
    np.testing.assert_allclose(each[0], alone[0], rtol=1e-5)


def test_without_competition_two_are_fitted_to_the_same_disc():
    alive, ones = jnp.ones(2, bool), jnp.ones(2)
    start = jnp.array([[0.47, 0.5], [0.53, 0.5]])
    options = {"radius": jnp.asarray(0.2), "edge": 0.05, "damping": 0.01, "shape": SHAPE}
    disc = discs.cover(
        jnp.full((1, 2), 0.5), alive[:1], height=12, width=12, radius=0.2, edge=0.05
    )[0]
    together, apart = (
        jax.jit(functools.partial(fit, clear=None, **options))(start, alive, ones, disc)
        for fit in (assignment.fit, ablations.fit_each)
    )
    off = [float(jnp.abs(x - 0.5).max()) for x in (apart, together)]
    assert off[0] < 0.3 * off[1]


def test_a_grid_stays_where_it_is():
    grid = ablations.start_on_grid((2,), CONFIG)
    expected = [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
    np.testing.assert_allclose(grid.position, np.tile(expected, (2, 1, 1)), atol=1e-6)
    assert bool(grid.alive.all())
    where, change = ablations.stay({}, CONFIG, grid, jnp.asarray(1.0), SHAPE)
    assert where is grid
    assert not change.any()
    covariance = jnp.ones((2, 4, 3))
    kept, sure = ablations.keep({}, CONFIG, grid, covariance, None)
    assert kept is grid
    assert sure is covariance
    with pytest.raises(InputError, match="square"):
        ablations.start_on_grid((), dataclasses.replace(CONFIG, count=5))


def test_a_model_is_told_its_ablation_by_name():
    model = AblatedObjects(4, objects=CONFIG, ablation="no_velocity")
    assert model.tracker is disc_tracker(CONFIG, parts=ABLATIONS["no_velocity"])
    assert model.tracker is not disc_tracker(CONFIG)
    with pytest.raises(InputError, match="Did you mean 'no_velocity'"):
        AblatedObjects(4, ablation="no_velocty")
