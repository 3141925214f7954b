"""The head over objects: who has a vote, and that a mark can be learned."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from vidparticles.models.object_particles import ObjectParticles
from vidparticles.tracking.discs.tracker import DiscConfig, disc_tracker

OBJECTS = DiscConfig(count=5, widths=(4,), appearance=2, features=3, memory=4)
MODEL = ObjectParticles(4, objects=OBJECTS)
PARAMS = jax.jit(MODEL.init)(jax.random.key(0), {})
read = jax.jit(MODEL.read)


@functools.cache
def batch():
    rng = np.random.default_rng(0)
    video = rng.integers(0, 256, (2, 5, 16, 16, 3), np.uint8)
    time = np.array([[0, 1, 2, 3, 4], [0, 1, 3, 4, 7]], np.float32) / 12
    return {"video": video, "time": time, "label": np.array([0, 3])}


@functools.cache
def applied():
    return jax.jit(MODEL.apply)(PARAMS, batch())


class Applied(ObjectParticles):
    """What it says of the clips is known: nothing is compiled again."""

    def apply(self, params, batch):
        return applied()


KNOWN = Applied(4, objects=OBJECTS)


def test_streaming_says_what_the_clip_says():
    video, time, whole = batch()["video"], batch()["time"], applied()
    state, step = MODEL.init_state(PARAMS, video[:, 0], time[:, 0]), jax.jit(MODEL.step)
    for t in range(video.shape[1]):
        state, out = step(PARAMS, state, video[:, t], time[:, t])
    np.testing.assert_allclose(out["logits"], whole["logits"], atol=1e-5)
    novelty = KNOWN.novelty(PARAMS, batch())
    assert (novelty[:, 0] == 0).all()
    np.testing.assert_allclose(novelty[:, -1], out["report"].novelty, rtol=1e-4)


def test_the_loss_is_of_the_label_and_of_both_pictures():
    unlabeled = {k: v for k, v in batch().items() if k != "label"}
    both, metrics = KNOWN.loss(PARAMS, batch(), jax.random.key(0), train=True)
    pictures, _ = KNOWN.loss(PARAMS, unlabeled, jax.random.key(0), train=True)
    errors = metrics["reconstruction_error"] + metrics["prediction_error"]
    assert (errors > 0).all()
    np.testing.assert_allclose(pictures, 30 * errors + 10 * metrics["gate_opening"], rtol=1e-5)
    logits = applied()["logits"]
    np.testing.assert_allclose(both - pictures, -logits[[0, 1], [0, 3]], rtol=1e-4)
    right = np.argmax(logits, -1) == batch()["label"]
    np.testing.assert_array_equal(metrics["accuracy"], right)


def test_it_says_what_it_can_do():
    can = MODEL.capabilities
    assert can.labels
    assert can.predicts
    assert can.streams
    assert can.tracks
    assert not can.still_scene
    assert not ObjectParticles(1).capabilities.labels
    scenic = ObjectParticles(1, objects=DiscConfig(scene=(32, 32)))
    assert scenic.capabilities.still_scene
    assert MODEL.tracker is disc_tracker(OBJECTS)
    assert set(MODEL.tracker_params(PARAMS)) == {"foreground", "filter", "memory"}


def states(batch, key, alive=(True, True, True, False, False)):
    keys = jax.random.split(key, 2)
    none = MODEL.init_state(PARAMS, jnp.zeros((batch, 32, 32, 3), jnp.uint8), jnp.zeros(batch))
    return none.replace(
        particles=none.particles.replace(
            position=jax.random.uniform(keys[0], (batch, 5, 2)),
            feature=jax.random.normal(keys[1], (batch, 5, 4)),
            alive=jnp.broadcast_to(jnp.array(alive), (batch, 5)),
        )
    )


def test_logits_are_those_of_a_distribution_and_slots_are_alike():
    some = states(3, jax.random.key(1))
    logits = read(PARAMS, some)
    np.testing.assert_allclose(jnp.exp(logits).sum(-1), 1, rtol=1e-5)
    order = jnp.array([3, 1, 0, 4, 2])
    p = jax.tree.map(lambda x: x[:, order], some.particles)
    np.testing.assert_allclose(
        read(PARAMS, some.replace(particles=p)), logits, rtol=1e-4, atol=1e-5
    )


def test_inactive_slots_have_no_vote_and_none_active_is_no_error():
    some = states(3, jax.random.key(2))
    p = some.particles
    free = ~p.alive[..., None]
    for junk in (9.0, jnp.nan):
        other = p.replace(
            position=jnp.where(free, junk, p.position), feature=jnp.where(free, junk, p.feature)
        )
        np.testing.assert_allclose(
            read(PARAMS, some.replace(particles=other)), read(PARAMS, some), rtol=1e-5
        )
    nobody = states(3, jax.random.key(2), alive=(False,) * 5)
    assert bool(jnp.isfinite(read(PARAMS, nobody)).all())


def test_the_position_of_the_marked_is_learned():
    """No head that looks away from the mark traps the answer at one of three."""

    def clips(key):
        some = states(64, key)
        marked = jax.random.randint(key, (64,), 0, 3)
        feature = 0.1 * some.particles.feature
        feature = feature.at[jnp.arange(64), marked, 1].add(1.0)
        position = some.particles.position[jnp.arange(64), marked]
        label = (position[:, 0] > 0.5) + 2 * (position[:, 1] > 0.5)
        return some.replace(particles=some.particles.replace(feature=feature)), label

    def loss(head, key):
        some, label = clips(key)
        logits = MODEL.read({"head": head}, some)
        right = jnp.mean(jnp.argmax(logits, -1) == label)
        return -jnp.mean(jnp.take_along_axis(logits, label[:, None], -1)), right

    optimizer = optax.adam(0.02)

    def update(carry, key):
        head, state = carry
        slope, right = jax.grad(loss, has_aux=True)(head, key)
        change, state = optimizer.update(slope, state)
        return (optax.apply_updates(head, change), state), right

    @jax.jit
    @jax.vmap
    def train(key):
        head = MODEL.init(key, {})["head"]
        keys = jax.random.split(jax.random.key(1), 200)
        return jax.lax.scan(update, (head, optimizer.init(head)), keys)[1][-20:].mean()

    assert float(train(jax.random.split(jax.random.key(0), 3)).min()) > 0.9


def test_the_state_is_small():
    default = ObjectParticles(4)
    frame = jax.ShapeDtypeStruct((32, 32, 3), jnp.uint8)
    state = jax.eval_shape(lambda frame: default.init_state({"objects": {}}, frame, 0.0), frame)
    assert sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(state)) <= 32 * 1024
