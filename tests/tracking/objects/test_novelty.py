"""What surprises things: what cannot be, when it can be seen, and nothing else."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.data.pv5 import permanence
from vidparticles.tracking.objects import filter as filtering
from vidparticles.tracking.objects import foreground as evidence
from vidparticles.tracking.objects import scene
from vidparticles.tracking.objects import tracker as objects
from vidparticles.tracking.objects.tracker import Objects

SIDE, FRAMES, WHEN, RADIUS = 20, 16, 9, 0.13
CONFIG = Objects(
    count=4, stride=1, widths=(2,), look=2, features=2, memory=2, radius=RADIUS,
    walls=True, hard=True, scene=(SIDE, SIDE),
)  # fmt: skip
RED, BLUE = (255, 0, 0), (0, 0, 255)
BAND = slice(7, 13)
# Nothing that is normal is as unlikely as this, and all that cannot be is far more so.
NATS = 6.0


def params_of(banded):
    params = objects.init(jax.random.key(0), CONFIG)
    band = np.zeros((SIDE, SIDE), np.float32)
    band[:, BAND] = banded
    params["scene"] = {
        "color": jnp.asarray(0.25 * band.reshape(-1, 1) * np.ones(3, np.float32)),
        "hides": jnp.asarray(np.where(band.ravel() > 0, 4.0, -4.0), jnp.float32),
    }
    return params


def draw(*things, banded=False):
    """A clip [T, SIDE, SIDE, 3] of things, each a path [T, 2] and a color [T, 3] or [3]."""
    place = (np.arange(SIDE) + 0.5) / SIDE
    clip = np.zeros((FRAMES, SIDE, SIDE, 3))
    for path, color in things:
        color = np.broadcast_to(color, (FRAMES, 3))
        for t, (x, y) in enumerate(path):
            distance = np.hypot(place - x, place[:, None] - y)
            cover = np.clip((RADIUS - distance) * SIDE + 0.5, 0, 1)[..., None]
            clip[t] += cover * (color[t] - clip[t])
    if banded:
        clip[:, :, BAND] = 64
    return clip.round().astype(np.uint8)


def line(start, velocity):
    return np.asarray(start) + np.arange(FRAMES)[:, None] * np.asarray(velocity)


def turned(path, at, velocity):
    late = np.maximum(np.arange(FRAMES) - at, 0)[:, None]
    return np.where(late > 0, path[at] + late * np.asarray(velocity), path)


def since(before, after, at=WHEN):
    return np.where(np.arange(FRAMES)[:, None] >= at, after, before)


LOW = line((0.2, 0.8), (0.02, 0))
HIGH = line((0.8, 0.2), (-0.03, 0.01))
AWAY = (-9, -9)
OPEN = {
    "normal": [(LOW, RED), (HIGH, BLUE)],
    "vanish": [(since(LOW, AWAY), RED), (HIGH, BLUE)],
    "teleport": [(since(LOW, np.add(LOW, (0.35, -0.1))), RED), (HIGH, BLUE)],
    "kick": [(turned(LOW, WHEN - 1, (-0.02, -0.025)), RED), (HIGH, BLUE)],
    "recolor": [(LOW, since(RED, (255, 191, 0))), (HIGH, BLUE)],
    "appear": [(since(AWAY, LOW), RED), (HIGH, BLUE)],
}


@jax.jit
def follow(params, clips, cut):
    return objects.follow(params, clips, config=CONFIG, cut=cut)


@pytest.fixture(scope="module")
def nats():
    """Of each clip in the open, [T]."""
    clips = jnp.asarray(np.stack([draw(*things) for things in OPEN.values()]))
    out = follow(params_of(False), clips, jnp.zeros(clips.shape[:2], bool))
    return dict(zip(OPEN, np.asarray(out.seen.surprise), strict=True))


def test_what_is_normal_is_no_surprise(nats):
    assert nats["normal"][0] == 0
    assert nats["normal"][3:].max() < NATS


@pytest.mark.parametrize("kind", [kind for kind in OPEN if kind != "normal"])
def test_what_cannot_be_surprises_when_it_happens(nats, kind):
    assert nats[kind][3:WHEN].max() < NATS
    assert nats[kind][WHEN] > 3 * NATS
    # It is news once: what vanished is not missed for ever.
    assert nats[kind][WHEN + 4 :].max() < NATS


def test_what_goes_behind_a_band_is_missed_only_when_it_should_come_out():
    behind = line((0.2, 0.5), (0.035, 0))
    clips = [
        [(behind, RED)],
        [(since(behind, AWAY), RED)],
        [(behind, since(RED, (255, 191, 0)))],
    ]
    clips = jnp.asarray(np.stack([draw(*things, banded=True) for things in clips]))
    out = follow(params_of(True), clips, jnp.zeros(clips.shape[:2], bool))
    normal, gone, other = np.asarray(out.seen.surprise)
    assert max(normal[3:].max(), gone[3:].max()) < NATS
    assert other[3:10].max() < NATS < other[10:].max()
    there = np.asarray(out.things.there[:, 0])
    assert there[0] > 0.9 > 0.1 > there[1]


def test_streaming_is_as_surprised_as_a_whole_clip_and_a_cut_is_no_surprise():
    clip = jnp.asarray(draw(*OPEN["vanish"]))[None]
    cut = jnp.zeros((1, FRAMES), bool).at[0, WHEN].set(True)
    params = params_of(False)
    whole = follow(params, clip, cut).seen.surprise[0]
    step = jax.jit(
        lambda things, frame, first: objects.step(params, things, frame, config=CONFIG, cut=first)
    )
    things, streamed = objects.start(CONFIG, (1,)), []
    for t in range(FRAMES):
        things, seen = step(things, clip[:, t], cut[:, t])
        streamed.append(seen.surprise[0])
    np.testing.assert_allclose(jnp.stack(streamed), whole, atol=1e-3, rtol=1e-3)
    assert whole[WHEN] == 0


def test_places_are_read_to_a_tenth_of_a_pixel():
    clip = jnp.asarray(draw(*OPEN["normal"]))[None]
    out = follow(params_of(False), clip, jnp.zeros((1, FRAMES), bool))
    p = out.trajectory.particles
    found = np.asarray(p.position[0, 4:])[:, np.asarray(p.alive[0, -1])]
    for path in (LOW, HIGH):
        off = np.linalg.norm(found - path[4:, None], axis=-1).min(1)
        assert off.max() < 0.15 / SIDE
        assert np.median(off) < 0.1 / SIDE


def test_two_hard_things_in_one_place_are_one():
    x = jnp.array([[0.5, 0.5], [0.52, 0.5], [0.52, 0.5], [0.8, 0.5]])
    alive = jnp.array([True, True, False, True])
    found = filtering.twins({"diameter": 0.26}, x, alive, jnp.array([4, 2, 0, 7]))
    assert found.tolist() == [True, False, False, False]


def test_the_scene_of_clips_is_found():
    clips = jnp.asarray(permanence.batch(range(6))["frames"])
    params = evidence.init(jax.random.key(0), stride=2, widths=(2,), look=1, features=1)
    found = jax.jit(lambda x: scene.estimate(params, x, stride=2, look=1))(clips)
    color, hides = (found[k].reshape(16, 16, -1) for k in ("color", "hides"))
    np.testing.assert_allclose(color[:, 7:9], 64 / 255, atol=0.01)
    assert np.abs(color[:, :6]).max() < 0.01
    assert (hides[:, 7:9] > 2).all()
    # Into the corners nothing fits, and along the walls little does.
    assert (hides[1:-1, 1:6] < -1).all()
    assert (hides[1:-1, 11:-1] < -1).all()
