"""The particle model and the single-frame baseline: what they can and cannot see."""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vidparticles import models
from vidparticles.errors import InputError
from vidparticles.models.frame_particles.interactions import Interactions
from vidparticles.models.frame_particles.model import SemanticHead, splice

RULES = Interactions(width=8, steps=2)
SMALL = {"planes": 2, "charge": 4, "interactions": RULES, "encoder": (8, 8, 8)}


def _clips(rng, count, frames=6, side=16):
    """A bright square that moves left (0) or right (1); any one frame shows only where it is."""
    video = rng.integers(60, 90, (count, 1, side, side, 3)).repeat(frames, axis=1)
    label = rng.integers(0, 2, count)
    for i in range(count):
        y = rng.integers(2, side - 5)
        x = np.arange(2, 2 + 2 * frames, 2)
        for t, left in enumerate(x if label[i] else x[::-1]):
            video[i, t, y : y + 3, left : left + 3] = 230
    time = np.broadcast_to(np.arange(frames, dtype=np.float32) / 8, (count, frames))
    return {
        "video": video.astype(np.uint8),
        "time": time,
        "label": label.astype(np.int32),
        "_mask": np.ones(count, bool),
    }


@pytest.fixture(scope="module")
def batch():
    return _clips(np.random.default_rng(0), 8)


@pytest.fixture(scope="module")
def particles(batch):
    model = models.build("frame_particles", num_classes=2, motion_weight=0.0, **SMALL)
    return model, jax.jit(model.init)(jax.random.key(0), batch), jax.jit(model.apply)


def _train(model, batch, steps):
    params = jax.jit(model.init)(jax.random.key(0), batch)
    optimizer = optax.adam(5e-3)
    state = optimizer.init(params)

    @jax.jit
    def step(params, state, key):
        def loss(params):
            return model.loss(params, batch, key, train=True)[0].mean()

        updates, state = optimizer.update(jax.grad(loss)(params), state)
        return optax.apply_updates(params, updates), state

    for i in range(steps):
        params, state = step(params, state, jax.random.key(i))
    return params


def test_motion_is_learned_where_a_frame_shows_nothing():
    """Held-out accuracy: the particles tell the direction, one frame cannot."""
    train, test = (_clips(np.random.default_rng(s), 48) for s in (1, 2))
    accuracy = {}
    for name, options in (
        ("frame_particles", {"motion_weight": 0.0, **SMALL}),
        ("single_frame", {}),
    ):
        model = models.build(name, num_classes=2, **options)
        params = _train(model, train, steps=50)
        predicted = jax.jit(model.apply)(params, test)["logits"].argmax(-1)
        accuracy[name] = float((predicted == test["label"]).mean())
    assert accuracy["frame_particles"] >= 0.9
    assert accuracy["single_frame"] <= 0.7


def test_a_clip_does_not_see_its_neighbors_in_the_batch(particles, batch):
    _, params, apply = particles
    logits = apply(params, batch)["logits"]
    turned = {name: x[::-1] for name, x in batch.items()}
    np.testing.assert_allclose(apply(params, turned)["logits"][::-1], logits, atol=1e-5)
    other = {**batch, "video": batch["video"].copy()}
    other["video"][1:] = 255 - other["video"][1:]
    np.testing.assert_allclose(apply(params, other)["logits"][0], logits[0], atol=1e-5)
    assert np.abs(apply(params, other)["logits"][1:] - logits[1:]).max() > 1e-3


def test_the_head_reads_the_whole_path_not_only_its_end(particles, batch):
    """Its gradient reaches the positions and velocities of every step."""
    _, params, apply = particles
    read = jnp.asarray(np.random.default_rng(0).normal(size=(2, 5, 40)), jnp.float32)
    head = SemanticHead(3)
    weights = head.init(jax.random.key(0), read)
    slope = jax.grad(lambda x: head.apply(weights, x)[0, 0])(read)[0]
    assert (np.abs(slope).max(axis=0) > 0).all()
    position = apply(params, batch)["trajectory"].particles.position
    assert position.shape[2] == RULES.steps + 1
    assert np.abs(position[:, :, 1] - position[:, :, 0]).max() > 1e-3


def test_the_order_in_which_the_head_is_given_particles_does_not_matter():
    read = jax.random.normal(jax.random.key(0), (2, 7, 12))
    head = SemanticHead(3)
    weights = head.init(jax.random.key(1), read)
    shuffled = read[:, jnp.array([3, 1, 6, 0, 5, 2, 4])]
    np.testing.assert_allclose(head.apply(weights, read), head.apply(weights, shuffled), atol=1e-5)


def test_the_laws_are_learned_and_without_steps_nothing_moves(batch):
    def laws(rules):
        model = models.build(
            "frame_particles", num_classes=2, motion_weight=0.0, **{**SMALL, "interactions": rules}
        )
        params = jax.jit(model.init)(jax.random.key(0), batch)

        @jax.jit
        def both(params):
            def loss(params):
                return model.loss(params, batch, jax.random.key(0), train=True)[0].mean()

            return jax.grad(loss)(params), model.apply(params, batch)["trajectory"].particles

        gradient, particles = both(params)
        sizes = {
            name: max(float(jnp.abs(g).max()) for g in jax.tree.leaves(gradient[name]))
            for name in ("laws", "particles")
        }
        return sizes, particles.position

    sizes, position = laws(RULES)
    assert min(sizes.values()) > 0
    assert position.shape[2] == RULES.steps + 1
    sizes, position = laws(dataclasses.replace(RULES, steps=0))
    assert sizes["particles"] > 0
    assert sizes["laws"] == 0
    assert position.shape[2] == 1


def test_the_motion_laws_are_trained_beside_the_classes():
    """The same step carries a gradient into the laws of the picture, and only in training."""
    # Blocks large enough to be followed, which turn back half-way: no constant velocity.
    blocks = np.kron(np.random.default_rng(0).integers(0, 255, (2, 8, 8, 3)), np.ones((1, 8, 8, 1)))
    frames = [np.roll(blocks, x, axis=2) for x in (0, 2, 4, 4, 2, 0)]
    batch = {
        "video": np.stack(frames, axis=1).astype(np.uint8),
        "time": np.broadcast_to(np.arange(6, dtype=np.float32) / 8, (2, 6)),
        "label": np.array([0, 1], np.int32),
        "_mask": np.ones(2, bool),
    }
    model = models.build("frame_particles", num_classes=2, motion_clips=2, **SMALL)
    params = jax.jit(model.init)(jax.random.key(0), batch)

    @jax.jit
    def slope(params):
        def loss(params):
            loss, metrics = model.loss(params, batch, jax.random.key(0), train=True)
            return loss.mean(), metrics

        return jax.grad(loss, has_aux=True)(params)

    gradient, metrics = slope(params)
    assert max(float(jnp.abs(g).max()) for g in jax.tree.leaves(gradient["motion"])) > 0
    assert np.ptp(metrics["motion_error"]) == 0
    assert 0 < float(metrics["motion_error"][0]) < 1
    tested = functools.partial(model.loss, train=False)
    _, metrics = jax.eval_shape(tested, params, batch, jax.random.key(0))
    assert "motion_error" not in metrics


@pytest.mark.parametrize("part", [0.0, 0.5, 1.0])
def test_spliced_clips_are_an_end_and_the_next_ones_beginning(part):
    rows, frames = 64, 6
    # A pixel says whose frame it is and which.
    video = (10 * np.arange(rows)[:, None] + np.arange(frames)) % 251
    batch = {
        "video": np.broadcast_to(video[..., None, None, None], (rows, frames, 2, 2, 3)),
        "label": np.arange(rows),
        "_mask": np.arange(rows) != 5,
    }
    got, after, share = splice(jax.random.key(3), batch, part)
    joined = np.round(np.asarray(share) * frames).astype(int)
    np.testing.assert_array_equal(after, np.roll(batch["label"], -1))
    for i in range(rows):
        both = np.concatenate([video[i], video[(i + 1) % rows]])
        np.testing.assert_array_equal(got[i, :, 0, 0, 0], both[joined[i] : joined[i] + frames])
    assert not joined[[4, 5]].any()  # padding is no clip to join
    assert 0 <= joined.min() <= joined.max() < frames
    assert abs(np.mean(joined > 0) - part) < 0.2
    if part == 1:
        assert set(joined[joined > 0]) == set(range(1, frames))


def test_no_parameter_is_weakly_typed(particles):
    """A weak type turns strong in the first update, and the step is compiled twice."""
    weak = [
        jax.tree_util.keystr(p)
        for p, x in jax.tree_util.tree_leaves_with_path(particles[1])
        if x.weak_type
    ]
    assert not weak


def test_a_single_frame_is_all_that_the_baseline_sees(batch):
    model = models.build("single_frame", num_classes=2, encoder=(8, 8, 8))
    params, apply = jax.jit(model.init)(jax.random.key(0), batch), jax.jit(model.apply)
    logits = apply(params, batch)["logits"]
    middle = batch["video"].shape[1] // 2
    other = batch["video"].copy()
    other[:, :middle] = 0
    other[:, middle + 1 :] = 255
    np.testing.assert_array_equal(apply(params, {**batch, "video": other})["logits"], logits)
    other[:, middle] = 255 - other[:, middle]
    assert np.abs(apply(params, {**batch, "video": other})["logits"] - logits).max() > 1e-3


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: models.build("frame_particle", num_classes=2), "Did you mean 'frame_particles'"),
        (
            lambda: models.build("frame_particles", num_classes=2, interactions={"step_s": 3}),
            "interactions has no option 'step_s'. Did you mean 'steps'",
        ),
        (
            lambda: models.build("frame_particles", num_classes=2, interactions={"width": 0}),
            "width is 0",
        ),
        (
            lambda: models.build("frame_particles", num_classes=2, charg=3),
            "Did you mean 'charge'",
        ),
        (lambda: models.build("frame_particles", num_classes=2, planes=0), "planes is 0"),
    ],
)
def test_mistakes_get_a_sentence(call, words):
    with pytest.raises(InputError, match=words):
        call()
