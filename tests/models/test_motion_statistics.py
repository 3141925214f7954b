"""Statistics of tracked points: right on made motion, blind to what they should not see."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.models import motion_statistics as module
from vidparticles.models.motion_statistics import BONDS, NAMES, SLOW, motion_statistics
from vidparticles.particles import Trajectory, particles

STILL, MOVING, MOMENTS, DT = 40, 8, 6, 0.1
COUNT = STILL + MOVING

_signals = jax.jit(module.signals)


def signals(clip: Trajectory) -> dict[str, np.ndarray]:
    found, valid = _signals(clip)
    assert valid.all()
    return {name: np.asarray(signal) for name, signal in found.items()}


def clip(velocity: np.ndarray, start: np.ndarray | None = None, *, alive=None) -> Trajectory:
    """A background at rest, and points that begin in the middle, of velocity [T − 1, M, 2]."""
    rng = np.random.default_rng(0)
    background = rng.uniform((0, 0), (1.33, 1.0), (STILL, 2))
    start = rng.uniform(0.45, 0.55, (MOVING, 2)) if start is None else start
    path = start + DT * np.concatenate([np.zeros((1, MOVING, 2)), np.cumsum(velocity, axis=0)])
    still = np.broadcast_to(background, (MOMENTS, STILL, 2))
    position = jnp.asarray(np.concatenate([still, path], axis=1), jnp.float32)
    alive = np.ones((MOMENTS, COUNT), bool) if alive is None else alive
    return Trajectory(particles(position, alive=jnp.asarray(alive)), DT * jnp.arange(MOMENTS))


def even(*velocity: tuple[float, float]) -> np.ndarray:
    """These velocities in turn for the points that move, the same at all times."""
    each = np.array([velocity[k % len(velocity)] for k in range(MOVING)], float)
    return np.broadcast_to(each, (MOMENTS - 1, MOVING, 2))


def busy(seed: int = 1) -> Trajectory:
    """Points that wander, some of them not always there."""
    rng = np.random.default_rng(seed)
    alive = rng.uniform(size=(MOMENTS, COUNT)) > 0.1
    return clip(0.5 * rng.normal(size=(MOMENTS - 1, MOVING, 2)), alive=alive)


def close(found: np.ndarray, expected: float, *, atol: float = 2e-3) -> None:
    np.testing.assert_allclose(found, np.full(MOMENTS - 2, expected), atol=atol)


def test_a_group_that_goes_one_way():
    found = signals(clip(even((0.3, 0))))
    close(found["speed"], 0.3 * MOVING / COUNT)
    close(found["speed_rms"], 0.3 * (MOVING / COUNT) ** 0.5)
    close(found["speed_q97"], 0.3)
    close(found["speed_q50"], 0)
    close(found["share_over_0.15"], MOVING / COUNT)
    close(found["share_over_0.4"], 0)
    close(found["alignment"], 1)
    close(found["direction_entropy"], 0, atol=0.01)
    close(found["straightness"], 1)
    for name in ("acceleration", "turning", "lost", "camera_speed", "camera_zoom", "rotation"):
        close(found[name], 0, atol=0.01)


def test_groups_that_go_four_ways():
    found = signals(clip(even((0.3, 0), (0, 0.3), (-0.3, 0), (0, -0.3))))
    close(found["alignment"], 0)
    close(found["direction_entropy"], np.log(4) / np.log(8))


def test_what_turns_back_at_each_step():
    velocity = even((0.3, 0)) * np.array([1, -1, 1, -1, 1])[:, None, None]
    found = signals(clip(velocity))
    close(found["acceleration"], 0.6 / DT * MOVING / COUNT, atol=0.02)
    close(found["acceleration_q90"], 0.6 / DT, atol=0.02)
    close(found["turning"], 2)
    close(found["straightness"], -1)


def test_what_flies_apart_and_what_turns_around():
    angle = 2 * np.pi * np.arange(MOVING) / MOVING + 0.1
    out = np.stack([np.cos(angle), np.sin(angle)], -1)
    velocity = np.broadcast_to(0.3 * out, (MOMENTS - 1, MOVING, 2))
    apart = signals(clip(velocity, np.array([0.6, 0.5]) + 0.05 * out))
    close(apart["expansion"], 1)
    close(apart["rotation"], 0)
    np.testing.assert_allclose(apart["extent"], 0.05 + 0.03 * np.arange(1, MOMENTS - 1), atol=1e-3)
    turn = angle + 0.02 * np.arange(MOMENTS)[:, None]
    circle = 0.05 * np.stack([np.cos(turn), np.sin(turn)], -1)
    around = signals(clip(np.diff(circle, axis=0) / DT, 0.5 + circle[0]))
    close(around["rotation"], 1)
    close(around["expansion"], 0, atol=0.02)


def test_the_lost_are_counted_with_the_speed_they_had():
    alive = np.ones((MOMENTS, COUNT), bool)
    alive[3:, STILL : STILL + 4] = False
    alive[4:, 5] = False
    found = signals(clip(even((0.3, 0)), alive=alive))
    gone = np.array([0, 4 / COUNT, 1 / (COUNT - 4), 0]) / DT
    np.testing.assert_allclose(found["lost"], gone, atol=1e-5)
    np.testing.assert_allclose(found["lost_speed"], [0, 0.3, 0, 0], atol=2e-3)


def test_springs_are_those_of_a_slow_reference():
    trajectory = busy()
    found = signals(trajectory)
    points = trajectory.particles
    position, alive = (np.asarray(x, np.float64) for x in (points.position, points.alive))
    for step in range(1, MOMENTS - 1):
        who = np.flatnonzero(alive[step] * alive[step + 1])
        before, after = position[step, who], position[step + 1, who]
        force, strain, shear, weighted, weight, differ, together = ([] for _ in range(7))
        velocity = (after - before) / DT  # the camera stands
        speed = np.linalg.norm(velocity, axis=-1)
        moving = speed**2 / (speed**2 + SLOW**2)
        for i in range(len(who)):
            pull = np.zeros(2)
            away = np.linalg.norm(before - before[i], axis=-1)
            for j in np.argsort(away)[1 : BONDS + 1]:
                now = np.linalg.norm(after[j] - after[i])
                pull += (now - away[j]) * (after[j] - after[i]) / now
                strain.append(abs(now - away[j]) / max(away[j], 0.01) / DT)
                shear.append(np.linalg.norm(velocity[i] - velocity[j]))
                both = (moving[i] + moving[j]) / 2
                weight.append(both)
                weighted.append(both * strain[-1])
                differ.append(both * shear[-1])
                together.append(both * (speed[i] + speed[j]))
            force.append(np.linalg.norm(pull) / DT)
        expected = {
            "force": np.mean(force),
            "force_moving": np.sum(moving * force) / np.sum(moving),
            "strain": np.mean(strain),
            "strain_moving": np.sum(weighted) / np.sum(weight),
            "shear": np.mean(shear),
            "discord": np.sum(differ) / np.sum(together),
        }
        for name, value in expected.items():
            np.testing.assert_allclose(found[name][step - 1], value, rtol=0.02, err_msg=name)


def test_a_thing_that_moves_as_one_strains_nothing():
    apart = np.array([1.6, 0.5]) + 1e-3 * np.arange(2 * MOVING).reshape(MOVING, 2)
    found = signals(clip(even((0.3, 0)), apart))
    for name in ("discord", "force_moving", "strain_moving"):
        close(found[name], 0, atol=0.01)


def test_a_clip_played_twice_as_fast_has_twice_the_speed():
    trajectory = busy()
    once = signals(trajectory)
    twice = signals(Trajectory(trajectory.particles, trajectory.time / 2))
    for name, factor in (
        ("speed", 2),
        ("speed_q90", 2),
        ("acceleration", 4),
        ("force", 2),
        ("strain", 2),
        ("shear", 2),
        ("lost", 2),
        ("turning", 1),
    ):
        np.testing.assert_allclose(twice[name], factor * once[name], rtol=1e-4, err_msg=name)


def changed(trajectory: Trajectory, change) -> Trajectory:
    points = trajectory.particles
    return Trajectory(points.replace(position=change(points.position)), trajectory.time)


def test_where_and_which_way_do_not_matter_nor_the_order():
    trajectory = busy()
    expected = motion_statistics(trajectory)
    mirror = jnp.asarray([-1.0, 1.0])
    order = np.random.default_rng(3).permutation(COUNT)
    permuted = jax.tree.map(lambda x: x[:, order], trajectory.particles)
    for name, other in (
        ("shifted", changed(trajectory, lambda p: p + jnp.asarray([0.2, -0.1]))),
        ("mirrored", changed(trajectory, lambda p: p * mirror)),
        ("permuted", Trajectory(permuted, trajectory.time)),
    ):
        np.testing.assert_allclose(motion_statistics(other), expected, atol=2e-3, err_msg=name)


def test_a_camera_that_pans_changes_its_own_signals_alone():
    trajectory = busy()
    pan = 0.05 * jnp.arange(MOMENTS)[:, None, None] * jnp.asarray([1.0, 0.5])
    before, after = (
        motion_statistics(trajectory),
        motion_statistics(changed(trajectory, lambda p: p + pan)),
    )
    own = np.array([name.startswith("camera") for name in NAMES])
    np.testing.assert_allclose(after[~own], before[~own], atol=5e-3)
    seen = NAMES.index("camera_speed mean")
    speed = 0.05 * 1.25**0.5 / DT
    np.testing.assert_allclose(after[seen], np.log(speed + 0.005), atol=1e-2)


def test_padding_changes_nothing():
    trajectory = busy()
    points = trajectory.particles
    fill = jnp.full((MOMENTS, 5, 2), jnp.nan)
    wide = particles(
        jnp.concatenate([points.position, fill], 1),
        alive=jnp.pad(points.alive, ((0, 0), (0, 5))),
    )
    long = particles(
        jnp.concatenate([points.position, jnp.full((3, COUNT, 2), jnp.nan)]),
        alive=jnp.pad(points.alive, ((0, 3), (0, 0))),
    )
    expected = motion_statistics(trajectory)
    padded = motion_statistics(Trajectory(wide, trajectory.time))
    np.testing.assert_allclose(padded, expected, atol=1e-4)
    later = motion_statistics(Trajectory(long, DT * jnp.arange(MOMENTS + 3)))
    np.testing.assert_allclose(later, expected, atol=1e-4)


def test_clips_of_a_batch_do_not_see_each_other():
    clips = [busy(), busy(2)]
    batch = jax.tree.map(lambda *x: jnp.stack(x), *clips)
    each = jnp.stack([motion_statistics(one) for one in clips])
    np.testing.assert_allclose(motion_statistics(batch), each, atol=1e-5)
    assert each.shape == (2, len(NAMES))


def test_a_clip_of_which_nothing_is_seen_has_zeros():
    trajectory = clip(even((0.3, 0)), alive=np.zeros((MOMENTS, COUNT), bool))
    assert not motion_statistics(trajectory).any()


def test_too_little_is_refused_in_a_sentence():
    short = jax.tree.map(lambda x: x[:2], busy())
    with pytest.raises(ValueError, match="2 moments of 48 particles; expected at least 3 of 5"):
        motion_statistics(short)
