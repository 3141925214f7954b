"""What is new to objects: what cannot be, when it can be seen, and nothing else."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.tracking.discs.disc_clips import draw, line
from vidparticles.tracking.base import scan
from vidparticles.tracking.discs.tracker import DiscConfig, disc_tracker, init

SIDE, FRAMES, WHEN, RADIUS, RATE = 20, 19, 9, 0.13, 25
CONFIG = DiscConfig(
    count=4, stride=1, widths=(2,), appearance=2, features=2, memory=2, radius=RADIUS,
    walls=True, rigid_discs=True, scene=(SIDE, SIDE),
)  # fmt: skip
TRACKER = disc_tracker(CONFIG)
RED, BLUE, YELLOW = (255, 0, 0), (0, 0, 255), (255, 191, 0)
BAND = slice(7, 13)
# Nothing that is normal is as unlikely as this, and all that cannot be is far more so.
NATS = 6.0
TIMES = np.arange(FRAMES) / RATE


def params_of(banded):
    params = init(jax.random.key(0), CONFIG)
    band = np.zeros((SIDE, SIDE), np.float32)
    band[:, BAND] = banded
    params["scene"] = {
        "color": jnp.asarray(0.25 * band.reshape(-1, 1) * np.ones(3, np.float32)),
        "occlusion": jnp.asarray(np.where(band.ravel() > 0, 4.0, -4.0), jnp.float32),
    }
    return params


def picture(*objects, banded=False):
    paths, colors = zip(*objects, strict=True)
    clip = draw(*paths, colors=colors, radius=RADIUS, side=SIDE)
    if banded:
        clip[:, :, BAND] = 64
    return clip


def turned(path, at, velocity):
    late = np.maximum(np.arange(FRAMES) - at, 0)[:, None] / RATE
    return np.where(late > 0, path[at] + late * np.asarray(velocity), path)


def since(before, after, at=WHEN):
    return np.where(np.arange(FRAMES)[:, None] >= at, after, before)


LOW = line((0.2, 0.8), (0.35, 0), TIMES)
HIGH = line((0.8, 0.2), (-0.6, 0.2), TIMES)
AWAY = (-9, -9)
OPEN = {
    "normal": [(LOW, RED), (HIGH, BLUE)],
    "vanish": [(since(LOW, AWAY), RED), (HIGH, BLUE)],
    "teleport": [(since(LOW, np.add(LOW, (0.35, -0.1))), RED), (HIGH, BLUE)],
    "kick": [(turned(LOW, WHEN - 1, (-0.45, -0.65)), RED), (HIGH, BLUE)],
    "recolor": [(LOW, since(RED, YELLOW)), (HIGH, BLUE)],
    "appear": [(since(AWAY, LOW), RED), (HIGH, BLUE)],
}
BEHIND = line((0.2, 0.5), (0.7, 0), TIMES)
HIDDEN = {
    "normal": [(BEHIND, RED)],
    "gone": [(since(BEHIND, AWAY), RED)],
    "other": [(BEHIND, since(RED, YELLOW))],
}


@jax.jit
def follow(params, clips, cut):
    times = jnp.broadcast_to(jnp.asarray(TIMES, jnp.float32), cut.shape)
    return scan(TRACKER, params, clips, times, cut)


@functools.cache
def followed(banded):
    """Tracks of the clips in the open, and after them of one with a cut; or behind a band."""
    clips = [picture(*objects) for objects in OPEN.values()] + [picture(*OPEN["vanish"])]
    if banded:
        clips = [picture(*objects, banded=True) for objects in HIDDEN.values()]
        clips += clips[:1] * (1 + len(OPEN) - len(HIDDEN))  # one program for both
    cut = np.zeros((len(clips), FRAMES), bool)
    cut[-1, WHEN] = True
    return jax.device_get(follow(params_of(banded), np.stack(clips), cut))


def nats(kind):
    return followed(False).report.novelty[list(OPEN).index(kind)]


def test_what_is_normal_is_not_new():
    assert nats("normal")[0] == 0
    assert nats("normal")[3:].max() < NATS


@pytest.mark.parametrize("kind", [kind for kind in OPEN if kind != "normal"])
def test_what_cannot_be_is_new_when_it_happens(kind):
    assert nats(kind)[3:WHEN].max() < NATS
    assert nats(kind)[WHEN] > 3 * NATS
    # It is not new for ever: what vanished is thought gone, what changed has changed.
    assert nats(kind)[WHEN + 9 :].max() < NATS


@pytest.mark.parametrize("kind", ["vanish", "recolor"])
def test_what_is_otherwise_than_it_was_is_new_for_some_frames(kind):
    assert nats(kind)[WHEN : WHEN + 3].min() > 2 * NATS


def test_what_goes_behind_a_band_is_missed_only_when_it_should_come_out():
    tracks = followed(True)
    normal, gone, other = tracks.report.novelty[:3]
    assert max(normal[3:].max(), gone[3:].max()) < NATS
    assert other[3:12].max() < NATS < other[12:].max()
    existence = tracks.state.existence[:, 0]
    assert existence[0] > 0.9 > 0.2 > existence[1]


def test_what_a_scene_hides_in_part_is_where_it_is_and_not_where_the_rest_of_it_is():
    tracks = followed(True)
    assert tracks.state.spawned[0] == 1  # not the band
    track = tracks.trajectory.particles.position[0, :, 0]
    np.testing.assert_allclose(track[2:], BEHIND[2:], atol=0.04)
    assert np.abs(track[2:] - BEHIND[2:]).mean() < 0.01


def test_a_cut_is_not_new():
    assert followed(False).report.novelty[-1, WHEN] == 0
    assert nats("vanish")[WHEN] > 0  # of the same clip, where nobody told of one


def test_positions_are_read_to_a_tenth_of_a_pixel_and_velocities_to_a_hundredth():
    p = jax.tree.map(lambda x: x[0], followed(False).trajectory.particles)
    alive = p.alive[-1]
    for path, velocity in ((LOW, (0.35, 0)), (HIGH, (-0.6, 0.2))):
        off = np.linalg.norm(p.position[4:, alive] - path[4:, None], axis=-1)
        assert off.min(1).max() < 0.15 / SIDE
        assert np.median(off.min(1)) < 0.1 / SIDE
        nearest = off[-1].argmin()
        np.testing.assert_allclose(p.velocity[-1, alive][nearest], velocity, atol=0.02)
