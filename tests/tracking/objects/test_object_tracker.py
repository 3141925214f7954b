"""Boxes of made-up things followed: who is who when they cross, are kicked, hide and come back."""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.errors import InputError
from vidparticles.flow.camera import Similarity
from vidparticles.tracking.objects.config import ObjectConfig
from vidparticles.tracking.objects.observations import Observations, intersection, without_doubles
from vidparticles.tracking.objects.seed import seeded_from
from vidparticles.tracking.objects.tracker import follow_from, no_objects

FRAMES, BOXES, FEATURES, RATE = 60, 5, 4, 30
CONFIG = ObjectConfig(count=6, kinds=3, features=FEATURES, confused=((1, 2),))
RED, BLUE = np.eye(FEATURES)[:2]


@dataclasses.dataclass
class Thing:
    """A thing that a detector sees.

    Attributes:
        path: [T, 2] its middle; NaN where it is not visible.
        side: of its box.
        feature: [F], or [T, F] where it changes.
        score: or [T] scores.
        kind: what it is.
    """

    path: np.ndarray
    side: float = 0.2
    feature: np.ndarray = dataclasses.field(default_factory=lambda: RED)
    score: float | np.ndarray = 0.8
    kind: int = 0


def line(start, speed, frames=FRAMES) -> np.ndarray:
    """[T, 2] from a place with a speed, frame heights per second."""
    return np.asarray(start) + np.arange(frames)[:, None] / RATE * np.asarray(speed)


def seen(*things: Thing) -> Observations:
    """What a detector tells, the best first, with a little noise."""
    rng = np.random.default_rng(0)
    box, feature = np.zeros((FRAMES, BOXES, 4)), np.zeros((FRAMES, BOXES, FEATURES))
    score, kind = np.zeros((FRAMES, BOXES)), np.zeros((FRAMES, BOXES), np.int32)
    for k, thing in enumerate(sorted(things, key=lambda thing: -np.max(thing.score))):
        at = thing.path + rng.normal(0, 0.01 * thing.side, (FRAMES, 2))
        half = thing.side / 2
        box[:, k] = np.concatenate([at - half, at + half], -1)
        feature[:, k], kind[:, k] = thing.feature, thing.kind
        score[:, k] = np.where(np.isnan(at[:, 0]), 0, thing.score)
    valid = score > 0
    box = np.where(valid[..., None], box, 0)
    parts = box, score, kind, feature, valid
    dtypes = np.float32, np.float32, np.int32, np.float32, bool
    return Observations(*(x.astype(dtype) for x, dtype in zip(parts, dtypes, strict=True)))


def still() -> Similarity:
    return Similarity(np.tile(np.float32([1, 0]), (FRAMES, 1)), np.zeros((FRAMES, 2), np.float32))


def numbers(found: Observations, *, camera=None, cuts=(), config=CONFIG, start=None):
    """[T] dictionaries, number → middle of the box."""
    told = np.zeros(FRAMES, bool)
    told[list(cuts)] = True
    times = np.arange(FRAMES, dtype=np.float32) / RATE
    start = no_objects(config) if start is None else start
    _, out = follow_from(start, found, camera or still(), times, told, np.float32(1.6), config)
    number, alive, report = jax.tree.map(np.asarray, out)
    middle = (report.box[..., :2] + report.box[..., 2:]) / 2
    return [
        {int(number[t, k]): middle[t, k] for k in np.flatnonzero(alive[t])} for t in range(FRAMES)
    ]


def who(shown, path, near=0.1) -> list[int]:
    """The numbers that a thing had, in the order in which it had them."""
    had: list[int] = []
    for told, at in zip(shown, path, strict=True):
        for number, middle in told.items():
            if np.linalg.norm(middle - at) < near and number not in had[-1:]:
                had.append(number)
    return had


def test_things_that_cross_keep_their_numbers():
    one, other = line((0.3, 0.5), (0.5, 0)), line((1.3, 0.52), (-0.5, 0))
    shown = numbers(seen(Thing(one), Thing(other, feature=BLUE)))
    assert shown[-1].keys() == {0, 1}
    assert who(shown[3:20], one[3:20]) == who(shown[-10:], one[-10:])
    assert who(shown[3:20], other[3:20]) == who(shown[-10:], other[-10:])
    assert set.union(*(set(told) for told in shown)) == {0, 1}


@pytest.mark.parametrize("said", [True, False])
def test_from_where_a_box_came_tells_who_it_is(said):
    """Two alike jump, each to beside where the other was: place alone takes one for the other."""
    one, other = line((0.4, 0.5), (0, 0)), line((0.8, 0.5), (0, 0))
    one[30:, 0], other[30:, 0] = 0.75, 0.45
    found = seen(Thing(one), Thing(other))
    before = np.stack([np.concatenate([path[:1], path[:-1]]) for path in (one, other)], 1)
    before = np.pad(before, [(0, 0), (0, BOXES - 2), (0, 0)], constant_values=np.nan)
    if said:
        found = dataclasses.replace(found, before=before.astype(np.float32))
    shown = numbers(found)
    same = who(shown[3:], one[3:]) == who(shown[3:20], one[3:20])
    assert same == said
    assert shown[-1].keys() == {0, 1}


def kicked() -> np.ndarray:
    """A ball that comes down, is kicked up and to the side, and comes down again."""
    t = np.arange(FRAMES) / RATE
    y = 0.8 - 0.5 * np.abs(np.sin(3 * t + 0.8))
    turns = np.cumsum(np.diff(np.sign(np.cos(3 * t + 0.8)), prepend=1) != 0)
    return np.stack([0.8 + 0.05 * turns, y], -1)


def test_a_ball_that_is_kicked_keeps_its_number():
    shown = numbers(seen(Thing(kicked(), side=0.1)))
    assert set.union(*(set(told) for told in shown)) == {0}
    assert all(0 in told for told in shown[3:])


@pytest.mark.slow  # another program
def test_it_is_the_contact_that_keeps_it():
    config = dataclasses.replace(CONFIG, contact=1e3)
    shown = numbers(seen(Thing(kicked(), side=0.1)), config=config)
    assert len(set.union(*(set(told) for told in shown))) > 1


def hidden(feature_after: np.ndarray) -> Thing:
    """It stands, is out of sight for half a second, and stands elsewhere."""
    path = np.concatenate([line((0.5, 0.5), (0, 0), 25), line((0.75, 0.5), (0, 0), 35)])
    path[25:40] = np.nan
    feature = np.where(np.arange(FRAMES)[:, None] < 30, RED, feature_after)
    return Thing(path, feature=feature)


def test_who_comes_back_is_known_by_its_appearance():
    shown = numbers(seen(hidden(RED)))
    assert not shown[36], "what is out of sight is not said to be there"
    assert shown[-1].keys() == {0}
    shown = numbers(seen(hidden(BLUE)))
    assert shown[-1].keys() == {1}


def test_what_flashes_has_no_number():
    path = line((0.5, 0.5), (0, 0))
    path[12:] = np.nan
    path[:10] = np.nan
    steady = Thing(line((1.2, 0.5), (0, 0)), feature=BLUE)
    shown = numbers(seen(Thing(path), steady))
    assert set.union(*(set(told) for told in shown)) == {0}
    assert np.linalg.norm(shown[-1][0] - [1.2, 0.5]) < 0.02


def test_a_low_score_goes_on_but_begins_nothing():
    sinking = np.where(np.arange(FRAMES) < 20, 0.8, 0.2)
    one = Thing(line((0.4, 0.5), (0.2, 0)), score=sinking)
    faint = Thing(line((1.2, 0.5), (0, 0)), feature=BLUE, score=0.2)
    shown = numbers(seen(one, faint))
    assert all(told.keys() == {0} for told in shown[3:])


def test_the_camera_may_jump():
    """By three quarters of a box each frame, there and back."""
    jump = 0.15 * np.where(np.arange(FRAMES) % 2, 1, -1)
    jump[0] = 0
    way = np.stack([np.cumsum(jump), np.zeros(FRAMES)], -1)
    camera = Similarity(still().turn, np.stack([jump, 0 * jump], -1).astype(np.float32))
    things = [Thing(line((x, 0.5), (0, 0)) + way) for x in (0.5, 0.72, 0.94)]
    shown = numbers(seen(*things), camera=camera)
    assert shown[-1].keys() == {0, 1, 2}
    for thing in things:
        assert len(who(shown[3:], thing.path[3:], near=0.05)) == 1


def test_at_a_cut_all_end():
    shown = numbers(seen(Thing(line((0.5, 0.5), (0, 0)))), cuts=(30,))
    assert set.union(*(set(told) for told in shown[:30])) == {0}
    assert not shown[30]
    assert set.union(*(set(told) for told in shown[30:])) == {1}


def test_of_more_than_there_is_room_for_the_best_are_kept():
    config = dataclasses.replace(CONFIG, count=2)
    things = [Thing(line((0.3 * k + 0.2, 0.5), (0, 0)), score=0.5 + 0.1 * k) for k in range(5)]
    slots, _ = follow_start(seen(*things), config)
    assert slots.used.sum() == 2
    np.testing.assert_allclose(np.sort(slots.position[:, 0]), [1.1, 1.4], atol=0.02)


def test_a_sure_object_takes_the_slot_of_one_that_left():
    """Which is looked for by its appearance for seconds; but not from one that is in sight."""
    gone, late = line((0.3, 0.5), (0, 0)), line((1.2, 0.5), (0, 0))
    gone[10:], late[:15] = np.nan, np.nan
    for other in (gone, line((0.3, 0.5), (0, 0))):
        things = Thing(other), Thing(late, feature=BLUE, score=0.9)
        shown = numbers(seen(*things), config=dataclasses.replace(CONFIG, count=1))
        left = other is gone
        assert set(shown[5]) == {0}
        assert set(shown[-1]) == ({1} if left else {0})


def test_of_a_hundred_the_most_certain_are_followed():
    """All are there in every frame; numbers are steady, and those of the highest scores."""
    side, count = 0.08, 48
    at = np.stack(np.meshgrid(np.arange(10), np.arange(10)), -1).reshape(-1, 2) * 0.15 + 0.1
    score = np.linspace(0.95, 0.5, 100)
    half = np.full((100, 2), side / 2)
    feature = np.eye(FEATURES)[np.arange(100) % FEATURES]
    box = np.concatenate([at - half, at + half], -1)
    kind, valid = np.zeros(100, np.int32), np.ones(100, bool)
    one = (np.float32(box), np.float32(score), kind, np.float32(feature), valid)
    crowd = Observations(*(np.broadcast_to(x, (FRAMES, *x.shape)) for x in one))
    shown = numbers(crowd, config=dataclasses.replace(CONFIG, count=count))
    assert [sorted(told) for told in shown[5:]] == [list(range(count))] * (FRAMES - 5)
    found = {int(np.argmin(np.linalg.norm(at - middle, axis=-1))) for middle in shown[-1].values()}
    assert found == set(range(count))


def follow_start(found: Observations, config: ObjectConfig):
    from vidparticles.tracking.objects.costs import pairs
    from vidparticles.tracking.objects.spawn import spawn
    from vidparticles.tracking.objects.step import confusion

    @functools.partial(jax.jit, static_argnames="config")
    def begin(one, config):
        slots, confirmed = no_objects(config)
        dt = jnp.float32(1 / RATE)
        told = pairs(slots, one, jnp.asarray(confusion(config)), dt, config)
        return spawn(slots, one, one.valid, told, dt, config), confirmed

    return begin(jax.tree.map(lambda x: x[0], found), config)


def test_a_pass_backwards_tells_who_is_there_from_the_first_frame():
    one = line((0.4, 0.5), (0.4, 0))
    late = line((1.4, 0.2), (0, 0))
    late[:10] = np.nan
    found = seen(Thing(one), Thing(late, feature=BLUE, score=0.7))
    times = np.arange(FRAMES, dtype=np.float32) / RATE
    start = seeded_from(found, still(), times, np.float32(1.6), CONFIG)
    assert int(start[1]) == 1
    np.testing.assert_allclose(start[0].velocity[np.asarray(start[0].used)], [[0.4, 0]], atol=0.1)
    shown = numbers(found, start=start)
    assert shown[0].keys() == {0}
    assert shown[-1].keys() == {0, 1}
    assert who(shown, one) == [0]


def test_of_doubles_the_better_stays():
    box = [[0, 0, 1, 1], [0.05, 0, 1.05, 1], [0.2, 0.2, 0.5, 0.5], [0.2, 0.2, 0.5, 0.5]]
    feature, valid = jnp.zeros((4, 0)), jnp.ones(4, bool)
    score, kind = jnp.array([0.9, 0.8, 0.5, 0.45]), jnp.array([1, 0, 2, 0])
    found = Observations(jnp.array(box), score, kind, feature, valid)
    alike = jnp.eye(3, dtype=bool).at[1, 2].set(True).at[2, 1].set(True)
    kept = jax.jit(without_doubles)(found, alike, overlap=0.6, contained=0.8, weaker=0.75).valid
    # The second covers the first; the third is its part; the fourth is another thing within it.
    assert kept.tolist() == [True, False, False, True]


def test_boxes_without_a_side_cover_nothing():
    iou, contained = intersection(jnp.zeros((1, 4)), jnp.array([[0.0, 0.0, 1.0, 1.0]]))
    assert iou.tolist() == contained.tolist() == [[0.0]]


def test_a_count_of_none_is_a_sentence():
    with pytest.raises(InputError, match="count is 0; expected at least 1"):
        ObjectConfig(count=0)


def test_what_was_unsure_at_first_is_numbered_once_sure_and_known_from_where_it_began():
    """A number comes with a box of `sure`; where the first was goes along with the camera."""
    drift, rate = np.float32([0.002, 0.0]), 1 / RATE
    config = dataclasses.replace(CONFIG, spawn=0.2, sure=0.5, confirm=2, high=0.25)
    path = line((0.3, 0.5), (0.6, 0))
    camera = Similarity(still().turn, still().shift + drift)
    for late, expected in ((10, True), (None, False)):
        score = np.where(np.arange(FRAMES) >= (FRAMES if late is None else late), 0.7, 0.3)
        found = seen(Thing(path, score=score))
        times = np.arange(FRAMES, dtype=np.float32) * rate
        given = found, camera, times, np.zeros(FRAMES, bool), np.float32(1.6)
        _, (number, _, report) = follow_from(no_objects(config), *given, config)
        numbered = np.asarray(number).max(1) >= 0
        assert numbered.any() == expected
        if expected:
            assert int(numbered.argmax()) == late
            slot = int(np.asarray(number)[late].argmax())
            since = path[0] + drift * np.arange(FRAMES)[:, None]
            np.testing.assert_allclose(
                np.asarray(report.began)[late:, slot], since[late:], atol=0.01
            )
