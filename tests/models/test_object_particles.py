"""The head over objects: who has a vote, and that a mark can be learned."""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from vidparticles.data.pv5.shell_game import slots
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
    state, label = applied()["tracks"].state, jnp.asarray(batch()["label"])
    told = MODEL.label_loss(PARAMS, state, label)
    np.testing.assert_allclose(both - pictures, told, rtol=1e-3)
    logits = applied()["logits"]
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


def test_the_loss_of_a_label_is_of_all_votes_and_of_each():
    some, label = states(3, jax.random.key(3)), jnp.array([2, 0, 1])
    mixed = ObjectParticles(4, objects=OBJECTS, vote_weight=0.0)
    together = mixed.label_loss(PARAMS, some, label)
    np.testing.assert_allclose(together, -read(PARAMS, some)[jnp.arange(3), label], rtol=1e-5)
    alone = MODEL.label_loss(PARAMS, some, label) - together
    # −log of a mean is at most the mean of −log, and the same where there is one vote.
    assert (alone > together).all()
    one = states(3, jax.random.key(3), alive=(True,) + (False,) * 4)
    np.testing.assert_allclose(
        MODEL.label_loss(PARAMS, one, label), 2 * mixed.label_loss(PARAMS, one, label), rtol=1e-5
    )


def test_the_place_of_the_marked_is_learned_whatever_it_begins_with():
    """Of a mixture alone some end at three of four: one slot is never told, since what stands
    elsewhere without a mark answers it by exclusion.
    """
    home = jnp.asarray(slots(4))

    def clips(key):
        keys = jax.random.split(key, 3)
        some = states(64, keys[0], alive=(True,) * 4 + (False,))
        order = jax.vmap(lambda key: jax.random.permutation(key, 4))(jax.random.split(keys[1], 64))
        marked = jax.random.randint(keys[2], (64,), 0, 4)
        feature = (0.1 * some.particles.feature).at[jnp.arange(64), marked, 1].add(1.0)
        position = some.particles.position.at[:, :4].set(home[order])
        particles = some.particles.replace(feature=feature, position=position)
        return some.replace(particles=particles), order[jnp.arange(64), marked]

    def loss(head, key, weight):
        model = dataclasses.replace(MODEL, vote_weight=weight)
        some, label = clips(key)
        right = jnp.mean(jnp.argmax(model.read({"head": head}, some), -1) == label)
        return jnp.mean(model.label_loss({"head": head}, some, label)), right

    optimizer = optax.adam(0.02)

    @jax.jit
    @functools.partial(jax.vmap, in_axes=(0, None))
    def train(key, weight):
        def update(carry, key):
            head, state = carry
            slope, right = jax.grad(loss, has_aux=True)(head, key, weight)
            change, state = optimizer.update(slope, state)
            return (optax.apply_updates(head, change), state), right

        head = MODEL.init(key, {})["head"]
        keys = jax.random.split(jax.random.key(1), 200)
        return jax.lax.scan(update, (head, optimizer.init(head)), keys)[1][-20:].mean()

    keys = jax.random.split(jax.random.key(0), 24)
    assert float(train(keys, MODEL.vote_weight).min()) > 0.95
    assert int((train(keys, 0.0) < 0.9).sum()) >= 3


def test_the_state_is_small():
    default = ObjectParticles(4)
    frame = jax.ShapeDtypeStruct((32, 32, 3), jnp.uint8)
    state = jax.eval_shape(lambda frame: default.init_state({"objects": {}}, frame, 0.0), frame)
    assert sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(state)) <= 32 * 1024
