"""What the parts of the object tracker are exchanged for in PV-5's ablations."""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.pv5.ablations import ABLATIONS, AblatedObjects
from tests.tracking.objects.object_clips import draw, line
from vidparticles.errors import InputError
from vidparticles.tracking.base import scan
from vidparticles.tracking.objects.parts import Parts
from vidparticles.tracking.objects.tracker import ObjectConfig, init, object_tracker

CONFIG = ObjectConfig(
    count=4, widths=(4,), appearance=2, features=3, memory=4, radius=0.15, patience=10.0
)
PARAMS = init(jax.random.key(0), CONFIG)
TIMES = np.arange(4) / 25
JUMP = np.where(np.arange(4)[:, None] < 1, [0.2, 0.3], [0.8, 0.7])
CLIPS = np.stack([draw(line((0.2, 0.3), (1, 0), TIMES)), draw(JUMP)])
GLIDES, JUMPS = range(2)


@functools.cache
def tracks(name):
    tracker = object_tracker(CONFIG, parts=ABLATIONS.get(name, Parts()))
    times = np.tile(TIMES.astype(np.float32), (2, 1))
    return jax.device_get(jax.jit(lambda *x: scan(tracker, PARAMS, *x))(CLIPS, times))


def test_without_a_velocity_objects_are_expected_where_they_were():
    out = tracks("no_velocity")
    p = out.trajectory.particles
    assert np.abs(p.velocity).max() == 0
    np.testing.assert_allclose(
        out.report.predicted[GLIDES, 1:, 0], p.position[GLIDES, :-1, 0], atol=1e-5
    )
    np.testing.assert_allclose(p.position[GLIDES, -1, 0], [0.32, 0.3], atol=0.03)


def test_by_its_appearance_alone_an_object_is_found_anywhere():
    appearance, laws = (
        tracks(name).trajectory.particles.position[JUMPS, 1, 0] for name in ("no_dynamics", "")
    )
    np.testing.assert_allclose(appearance, JUMP[1], atol=0.03)
    assert np.linalg.norm(laws - JUMP[1]) > 0.3


def test_a_grid_stays_and_remembers_what_was_at_its_positions():
    out = tracks("memory_on_grid")
    p = out.trajectory.particles
    grid = [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
    np.testing.assert_allclose(p.position[GLIDES], np.tile(grid, (4, 1, 1)), atol=1e-6)
    assert p.alive.all()
    area = out.report.area[GLIDES, 0]
    assert area.argmax() == 0
    assert area[2:].max() < 0.01 * area[0]
    odd = object_tracker(dataclasses.replace(CONFIG, count=5), parts=ABLATIONS["memory_on_grid"])
    with pytest.raises(InputError, match="square"):
        odd.init_fn(PARAMS, CLIPS[0, 0], 0.0)


def test_without_competition_two_are_assigned_the_same():
    state = jax.tree.map(lambda x: jnp.asarray(x[GLIDES]), tracks("").state)
    p = state.particles
    beside = p.position[0] + jnp.array([0.02, 0])
    both = state.replace(
        particles=p.replace(
            position=p.position.at[1].set(beside),
            velocity=0 * p.velocity,
            alive=p.alive.at[1].set(True),
        ),
        covariance=state.covariance.at[1].set(state.covariance[0]),
        appearance=state.appearance.at[1].set(state.appearance[0]),
    )
    area = {}
    for name in ("", "no_competition"):
        tracker = object_tracker(CONFIG, parts=ABLATIONS.get(name, Parts()))
        report = jax.jit(tracker.step_fn)(PARAMS, both, CLIPS[GLIDES, -1], TIMES[-1])[1]
        area[name] = np.asarray(report.area)
    whole = area["no_competition"][0]
    assert area["no_competition"][1] == pytest.approx(whole, rel=0.1)
    assert area[""][:2].sum() == pytest.approx(whole, rel=0.1)


def test_a_model_is_told_its_ablation_by_name():
    model = AblatedObjects(4, objects=CONFIG, ablation="no_velocity")
    assert model.tracker is object_tracker(CONFIG, parts=ABLATIONS["no_velocity"])
    with pytest.raises(InputError, match="Did you mean 'no_velocity'"):
        AblatedObjects(4, ablation="no_velocty")
