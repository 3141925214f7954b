"""Things followed: what streams equals what is batched, and what keeps an identity, or loses it."""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.errors import InputError
from vidparticles.particles import particles
from vidparticles.tracking.objects import filter as filtering
from vidparticles.tracking.objects import tracker as objects
from vidparticles.tracking.objects.tracker import Objects

CONFIG = Objects(count=3, widths=(4,), look=2, features=3, memory=4, radius=0.15, patience=5)
ONE = dataclasses.replace(CONFIG, count=1)
SIDE, FRAMES = 16, 8

PARAMS = objects.init(jax.random.key(0), CONFIG)
NO_CUT = jnp.zeros((1, FRAMES), bool)


@functools.partial(jax.jit, static_argnames="config")
def follow(params, frames, cut=NO_CUT, *, config):
    return objects.follow(params, frames, config=config, cut=cut, chunk=3)


@jax.jit
def step(params, things, frame, cut=NO_CUT[:, 0]):
    return objects.step(params, things, frame, config=CONFIG, cut=cut)


def draw(*paths, colors=((200, 200, 200),) * 3, radius=0.14):
    """uint8 [1, T, SIDE, SIDE, 3] of discs on black; a path is [T, 2], (x, y) in sides."""
    place = (np.arange(SIDE) + 0.5) / SIDE
    clip = np.zeros((1, len(paths[0]), SIDE, SIDE, 3), np.float32)
    for path, color in zip(paths, colors, strict=False):
        for t, (x, y) in enumerate(path):
            distance = np.hypot(place - x, place[:, None] - y)
            cover = np.clip((radius - distance) * SIDE + 0.5, 0, 1)[..., None]
            shade = np.asarray(color[t] if np.ndim(color) == 2 else color)
            clip[0, t] = clip[0, t] * (1 - cover) + cover * shade
    return jnp.asarray(clip.round(), jnp.uint8)


def line(start, velocity=(0, 0), frames=FRAMES):
    return np.asarray(start) + np.arange(frames)[:, None] * np.asarray(velocity)


LEFT = line((0.2, 0.3), (0.04, 0))
RIGHT = line((0.8, 0.7), (-0.03, 0))


def living(followed, t):
    p = followed.trajectory.particles
    return np.asarray(p.position[0, t])[np.asarray(p.alive[0, t])]


def test_streaming_equals_batch():
    clip = draw(LEFT, RIGHT)
    cut = jnp.zeros((1, FRAMES), bool).at[0, 5].set(True)
    whole = follow(PARAMS, clip, cut, config=CONFIG)
    things, steps = objects.start(CONFIG, (1,)), []
    for t in range(FRAMES):
        things, seen = step(PARAMS, things, clip[:, t], cut[:, t])
        steps.append((things.particles, things.identity, seen))
    streamed = jax.tree.map(lambda *x: jnp.stack(x, 1), *steps)
    batched = (whole.trajectory.particles, whole.identity, whole.seen)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), streamed, batched)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), things, whole.things)


@functools.partial(jax.jit, static_argnames="recompute")
def slope(params, clip, recompute=False):
    def loss(params):
        out = objects.follow(params, clip, config=CONFIG, chunk=4, recompute=recompute)
        p = out.things.particles
        errors = jnp.mean(out.seen.reconstruction + out.seen.prediction)
        return errors + jnp.mean(jnp.where(p.alive[..., None], p.feature, 0) ** 2)

    return jax.value_and_grad(loss)(params)


def test_recomputing_gives_the_same_gradient():
    clip = draw(LEFT, RIGHT)
    kept, again = slope(PARAMS, clip), slope(PARAMS, clip, recompute=True)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7), kept, again)


def test_gradient_against_finite_differences():
    clip = draw(LEFT, RIGHT)
    _, gradient = slope(PARAMS, clip)
    rng, size = np.random.default_rng(0), 2e-3
    way = jax.tree.map(lambda x: rng.normal(size=x.shape).astype(np.float32), PARAMS)
    there, back = (
        slope(jax.tree.map(lambda x, w, s=s: np.asarray(x) + s * w, PARAMS, way), clip)[0]
        for s in (size, -size)
    )
    along = jax.tree.map(lambda g, w: float(np.vdot(g, w)), gradient, way)
    numeric = float(there - back) / (2 * size)
    assert numeric == pytest.approx(sum(jax.tree.leaves(along)), rel=0.03)


@pytest.mark.parametrize(
    "clip",
    [
        np.zeros((1, FRAMES, SIDE, SIDE, 3)),
        np.full((1, FRAMES, SIDE, SIDE, 3), 90),
        np.random.default_rng(0).integers(0, 255, (1, FRAMES, SIDE, SIDE, 3)),
        np.concatenate([np.zeros((1, 4, SIDE, SIDE, 3)), np.full((1, 4, SIDE, SIDE, 3), 255)], 1),
    ],
    ids=["black", "one color", "noise, more things than places", "black and then white"],
)
def test_gradients_are_finite(clip):
    value, gradient = slope(PARAMS, jnp.asarray(clip, jnp.uint8))
    assert all(bool(jnp.isfinite(x).all()) for x in jax.tree.leaves((value, gradient)))


def test_things_are_found_and_followed():
    out = follow(PARAMS, draw(LEFT, RIGHT), config=CONFIG)
    assert int(out.things.born[0]) == 2
    for t in (0, 3, FRAMES - 1):
        found = living(out, t)
        for path in (LEFT, RIGHT):
            assert np.linalg.norm(found - path[t], axis=-1).min() < 0.03
    first = np.linalg.norm(living(out, 0) - LEFT[0], axis=-1).argmin()
    p = out.things.particles
    np.testing.assert_allclose(p.position[0, first], LEFT[-1], atol=0.03)
    np.testing.assert_allclose(p.velocity[0, first], [0.04, 0], atol=0.02)


def test_what_is_hidden_moves_on_by_itself_until_it_is_given_up():
    clip = draw(LEFT).at[:, 4:].set(0)
    out = follow(PARAMS, clip, config=CONFIG)
    p = out.trajectory.particles
    speed = p.velocity[0, 3, 0]
    assert float(speed[0]) == pytest.approx(0.04, abs=0.01)
    for t in range(4, FRAMES):
        expected = p.position[0, 3, 0] + (t - 3) * speed
        np.testing.assert_allclose(p.position[0, t, 0], expected, atol=1e-5)
        assert bool(p.alive[0, t, 0])
    things, _ = step(PARAMS, out.things, clip[:, -1])
    assert not bool(things.particles.alive.any())  # five frames without evidence


def test_the_laws_turn_things_round():
    config = dataclasses.replace(CONFIG, walls=True)
    positive = {"margin": 0.15, "stiffness": 1.0, "diameter": 0.3}
    start = particles(
        jnp.array([[0.8, 0.5], [0.3, 0.2], [0.5, 0.2]]),
        velocity=jnp.array([[0.1, 0.0], [0.05, 0.0], [-0.05, 0.0]]),
    )
    after, _ = filtering.predict(positive, config, start, (8, 8))
    np.testing.assert_allclose(after.position[0], [0.8, 0.5], atol=1e-6)
    np.testing.assert_allclose(after.velocity[:, 0], [-0.1, -0.05, 0.05], atol=1e-6)
    free, _ = filtering.predict(positive, CONFIG, start, (8, 8))
    np.testing.assert_allclose(free.position[0], [0.9, 0.5], atol=1e-6)
    # Hard things turn before they go, and the wall does not count as another.
    hard, struck = filtering.predict(
        positive, dataclasses.replace(config, hard=True), start, (8, 8)
    )
    np.testing.assert_allclose(hard.velocity[:, 0], [-0.1, -0.05, 0.05], atol=1e-6)
    np.testing.assert_allclose(hard.position[:, 0], [0.8, 0.25, 0.55], atol=1e-6)
    np.testing.assert_allclose(struck, [0, 0.1, 0.1], atol=1e-6)


def test_places_are_alike():
    clip = draw(LEFT, RIGHT, line((0.7, 0.2)))
    things, _ = step(PARAMS, objects.start(CONFIG, (1,)), clip[:, 0])
    assert bool(things.particles.alive.all())
    order = jnp.array([2, 0, 1])

    def permute(x):
        return x[:, order] if x.ndim > 1 else x

    def reorder(things):
        both = jax.tree.map(permute, things)
        return both.replace(touched=both.touched[:, :, order])

    ahead, _ = step(PARAMS, things, clip[:, 1])
    other, _ = step(PARAMS, reorder(things), clip[:, 1])
    expected = reorder(ahead)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), expected, other)


def test_a_clip_moved_by_cells_gives_the_same_moved():
    clip = draw(line((0.4, 0.4), (0.01, 0.01)))
    other = jnp.roll(clip, (2, 2), (2, 3))
    still, moved = (follow(PARAMS, x, config=CONFIG) for x in (clip, other))
    a, b = still.things.particles, moved.things.particles
    np.testing.assert_allclose(b.position[:, 0], a.position[:, 0] + 2 / SIDE, atol=1e-3)
    np.testing.assert_allclose(b.feature[:, 0], a.feature[:, 0], atol=1e-3)
    np.testing.assert_allclose(moved.seen.prediction, still.seen.prediction, atol=1e-5)


def test_the_number_of_places_can_change():
    clip = draw(LEFT)
    one, three = follow(PARAMS, clip, config=ONE), follow(PARAMS, clip, config=CONFIG)
    for name in ("position", "velocity", "feature"):
        a, b = (getattr(x.trajectory.particles, name) for x in (one, three))
        np.testing.assert_allclose(a, b[:, :, :1], atol=1e-5)
    assert not bool(three.trajectory.particles.alive[:, :, 1:].any())


def test_more_things_than_places_are_left_alone():
    out = follow(PARAMS, draw(LEFT, RIGHT), config=ONE)
    track = np.asarray(out.trajectory.particles.position[0, :, 0])
    path = LEFT if np.linalg.norm(track[0] - LEFT[0]) < 0.1 else RIGHT
    assert np.linalg.norm(track - path, axis=-1).max() < 0.05


def test_identities_end_at_a_cut():
    clip = draw(LEFT, RIGHT)
    cut = jnp.zeros((1, FRAMES), bool).at[0, 4].set(True)
    out = follow(PARAMS, clip, cut, config=CONFIG)
    identity = np.asarray(out.identity[0])
    assert sorted(identity[3][identity[3] >= 0]) == [0, 1]
    assert sorted(identity[4][identity[4] >= 0]) == [2, 3]
    whole = follow(PARAMS, clip, config=CONFIG)
    assert set(np.asarray(whole.identity).ravel().tolist()) == {-1, 0, 1}


# Gates that open at the least that happens.
EAGER = {**PARAMS, "memory": {**PARAMS["memory"], "gate_bias": jnp.full(CONFIG.memory, -9.0)}}
remember = jax.jit(lambda **told: filtering.remember(EAGER["memory"], **told)[0])


def told(seed=0, **changes):
    """What `remember` is told of three things."""
    rng = np.random.default_rng(seed)
    sizes = {"news": CONFIG.features + 3, "kept": CONFIG.memory}
    given = {name: rng.normal(size=(3, size)) for name, size in sizes.items()}
    still = {"usual": given["news"], "met": np.zeros((3, 3)), "alive": np.ones(3, bool)}
    given = {**given, **still, "believed": np.ones(3), **changes}
    return {name: jnp.asarray(x) for name, x in given.items()}


def test_while_nothing_happens_nothing_is_written():
    for gates in (PARAMS, EAGER):
        still = told()
        after, opened = filtering.remember(gates["memory"], **still)
        np.testing.assert_array_equal(after, still["kept"])
        assert float(opened) == 0
    other = told(seed=1)["news"]
    assert float(jnp.abs(remember(**told(news=other)) - told()["kept"]).max()) > 1e-3
    # What is not seen is not written either.
    unseen = told(news=other, believed=np.zeros(3))
    np.testing.assert_array_equal(remember(**unseen), unseen["kept"])


def test_what_is_kept_has_a_say_in_what_is_written_when_others_are_met_alone():
    """Else a memory could count frames by opening its gates itself."""
    opened = jax.jit(lambda **told: filtering.remember(EAGER["memory"], **told)[1])
    news, first, second = told(seed=1)["news"], told()["kept"], told(seed=2)["kept"]
    alone = [float(opened(**told(news=news, kept=k))) for k in (first, second)]
    assert alone[0] == alone[1] > 0
    met = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    # Of the one that meets; what the other keeps is the same.
    changed = first.at[0].set(second[0])
    own = filtering.remember(EAGER["memory"], **told(met=met, kept=first))[0]
    after = filtering.remember(EAGER["memory"], **told(met=met, kept=changed))[0]
    assert float(jnp.abs(after[1] - own[1]).max()) > 1e-4
    np.testing.assert_array_equal(after[2], own[2])


def test_those_who_go_on_touching_meet_once():
    come = np.minimum(np.arange(20), 4)[:, None] * [0.025, 0]
    paths = np.array([0.24, 0.5]) + come, np.array([0.74, 0.5]) - come
    out = follow(EAGER, draw(*paths), jnp.zeros((1, 20), bool), config=CONFIG)
    assert float(out.things.touched[0, 0, 1]) > 0.8
    changes = np.abs(np.diff(out.trajectory.particles.feature[0], axis=0)).max((1, 2))
    assert changes[2:8].max() > 50 * changes[-2:].max()


def test_memory_belongs_to_the_thing_and_contact_passes_it_on():
    red = np.array([[200, 200, 200]] * 3 + [[255, 0, 0]] + [[200, 200, 200]] * 4)
    gray = (200, 200, 200)

    params = EAGER

    def memories(*paths):
        plain, marked = (
            follow(params, draw(*paths, colors=(c, gray)), config=CONFIG) for c in (gray, red)
        )
        first = np.linalg.norm(living(plain, 0) - paths[0][0], axis=-1).argmin()
        changed = plain.things.particles.feature - marked.things.particles.feature
        changed = np.abs(np.asarray(changed[0])).max(-1)
        return changed[first], changed[1 - first]

    own, other = memories(line((0.25, 0.3)), line((0.75, 0.7)))
    assert own > 0.02
    assert other < 1e-3
    own, other = memories(line((0.2, 0.5), (0.025, 0)), line((0.8, 0.5), (-0.025, 0)))
    assert other > 2e-3


def test_what_a_scene_hides_is_not_missed():
    config = dataclasses.replace(CONFIG, scene=(SIDE, SIDE), stride=1)
    params = objects.init(jax.random.key(0), config)
    column = np.arange(SIDE)
    band = np.tile((column >= 6) & (column < 10), SIDE)
    params["scene"] = {
        "color": jnp.asarray(0.3 * band[:, None] * np.ones(3), jnp.float32),
        "hides": jnp.asarray(np.where(band, 9.0, -9.0), jnp.float32),
    }
    clip = np.array(draw(line((0.15, 0.5), (0.05, 0))))
    clip[:, :, :, 6:10] = round(0.3 * 255)
    out = follow(params, jnp.asarray(clip), config=config)
    assert int(out.things.born[0]) == 1  # not the band
    # Hidden in part, it is taken to be where it is, not where the rest of it is.
    track = np.asarray(out.trajectory.particles.position[0, :, 0, 0])
    np.testing.assert_allclose(track[2:], 0.15 + 0.05 * np.arange(2, FRAMES), atol=0.035)


GROUNDED = dataclasses.replace(CONFIG, ground=True)


def over_texture(velocity=(0.06, 0.02), pan=0):
    """A disc that crosses a texture, under a camera that goes by whole pixels a frame."""
    rng = np.random.default_rng(0)
    texture = np.kron(rng.integers(20, 120, (9, 20, 3)), np.ones((2, 2, 1)))
    disc = np.asarray(draw(line((0.25, 0.35), velocity), colors=((250, 250, 250),)))
    frames = np.stack([texture[:SIDE, t * pan : t * pan + SIDE] for t in range(FRAMES)])
    return jnp.asarray(np.where(disc > 125, disc, frames[None]), jnp.uint8)


@jax.jit
def grounded(params, things, frame, cut):
    return objects.step(params, things, frame, config=GROUNDED, cut=cut)


def test_over_a_texture_what_moves_is_found_and_streaming_equals_batch():
    params, clip = objects.init(jax.random.key(0), GROUNDED), over_texture()
    whole = follow(params, clip, config=GROUNDED)
    track, alive = whole.trajectory.particles.position[0], whole.trajectory.particles.alive[0]
    assert not bool(alive[0].any())  # in one frame nothing moves
    truth = line((0.25, 0.35), (0.06, 0.02))
    off = jnp.where(alive, jnp.linalg.norm(track - truth[:, None], axis=-1), jnp.inf)
    assert float(off[3:].min(axis=-1).max()) < 0.12
    things = objects.start(GROUNDED, (1,), size=(SIDE, SIDE))
    for t in range(FRAMES):
        things, seen = grounded(params, things, clip[:, t], NO_CUT[:, t])
        expected = jax.tree.map(lambda x, t=t: x[:, t], (whole.trajectory.particles, whole.seen))
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5),
            (things.particles, seen),
            expected,
        )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), things, whole.things)


def test_at_a_cut_the_ground_and_what_lay_over_it_end():
    params = objects.init(jax.random.key(0), GROUNDED)
    clip = jnp.concatenate([over_texture()[:, :5], 255 - over_texture()[:, 5:]], axis=1)
    cut = NO_CUT.at[0, 5].set(True)
    out = follow(params, clip, cut, config=GROUNDED)
    alive = np.asarray(out.trajectory.particles.alive[0])
    assert alive[4].any()
    assert not alive[5].any()
    assert float(out.seen.reconstruction[0, 5]) < 1e-6
    uncut = follow(params, clip, config=GROUNDED)
    assert bool(uncut.trajectory.particles.alive[0, 5].any())


def test_a_ground_needs_a_size():
    with pytest.raises(ValueError, match="size="):
        objects.step(PARAMS, objects.start(GROUNDED), jnp.zeros((16, 16, 3)), config=GROUNDED)


def test_wrong_frames_are_said():
    shapes = ((15, 16, 3), (1, 0, 16, 16, 3), (1, 2, 16, 16, 3))
    odd, none, small = (jnp.zeros(shape, jnp.uint8) for shape in shapes)
    with pytest.raises(ValueError, match="multiples of the stride"):
        objects.step(PARAMS, objects.start(CONFIG), odd, config=CONFIG)
    with pytest.raises(ValueError, match="T ≥ 1"):
        objects.follow(PARAMS, none, config=CONFIG)
    with pytest.raises(ValueError, match="scene"):
        objects.follow(PARAMS, small, config=dataclasses.replace(CONFIG, scene=(32, 32)))
    with pytest.raises(ValueError, match="still is True and scene None"):
        Objects(still=True)
    with pytest.raises(ValueError, match="count is 0"):
        Objects(count=0)


def test_without_a_velocity_things_are_expected_where_they_were():
    rest = dataclasses.replace(CONFIG, prior="rest")
    out = follow(PARAMS, draw(LEFT), config=rest)
    p = out.trajectory.particles
    assert float(jnp.abs(p.velocity).max()) == 0
    np.testing.assert_allclose(out.seen.predicted[0, 1:, 0], p.position[0, :-1, 0], atol=1e-5)
    np.testing.assert_allclose(p.position[0, -1, 0], LEFT[-1], atol=0.03)


def test_by_its_look_alone_a_thing_is_found_anywhere():
    # At once: what is unsure of its place for long looks far away too.
    jump = np.where(np.arange(FRAMES)[:, None] < 1, [0.2, 0.3], [0.8, 0.7])
    clip = draw(jump)
    look = follow(PARAMS, clip, config=dataclasses.replace(ONE, prior="look"))
    laws = follow(PARAMS, clip, config=ONE)
    np.testing.assert_allclose(look.trajectory.particles.position[0, 1, 0], jump[1], atol=0.03)
    assert np.linalg.norm(laws.trajectory.particles.position[0, 1, 0] - jump[1]) > 0.3


def test_a_grid_stays_and_remembers_what_was_at_a_place():
    grid = dataclasses.replace(CONFIG, count=4, prior="grid", patience=100)
    out = follow(PARAMS, draw(LEFT), config=grid)
    p = out.trajectory.particles
    places = [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
    np.testing.assert_allclose(p.position[0], np.tile(places, (FRAMES, 1, 1)), atol=1e-6)
    assert bool(p.alive.all())
    mass = np.asarray(out.seen.mass[0])
    assert mass[0].argmax() == 0
    assert mass[0, 2:].max() < 0.01 * mass[0, 0]
    with pytest.raises(InputError, match="square"):
        dataclasses.replace(grid, count=5)
    with pytest.raises(InputError, match="grid"):
        dataclasses.replace(grid, prior="gird")


def test_without_competition_two_see_the_same():
    clip = draw(LEFT)
    things, _ = step(PARAMS, objects.start(CONFIG, (1,)), clip[:, 0])
    p = things.particles
    beside = p.position[0, 0] + 0.02
    both = things.replace(
        particles=p.replace(
            position=p.position.at[0, 1].set(beside), alive=p.alive.at[0, 1].set(True)
        ),
        covariance=things.covariance.at[0, 1].set(things.covariance[0, 0]),
    )
    alone = dataclasses.replace(CONFIG, compete=False)
    _, shared = step(PARAMS, both, clip[:, 0])
    _, each = objects.step(PARAMS, both, clip[:, 0], config=alone)
    whole = float(each.mass[0, 0])
    assert float(each.mass[0, 1]) == pytest.approx(whole, rel=0.1)
    assert float(shared.mass[0, :2].sum()) == pytest.approx(whole, rel=0.1)
