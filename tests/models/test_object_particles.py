"""The head over things: who has a vote, and that a mark can be learned."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from vidparticles.models.object_particles import ObjectClassifier
from vidparticles.tracking.objects import tracker as objects
from vidparticles.tracking.objects.tracker import Objects

MODEL = ObjectClassifier(4, objects=Objects(count=5, widths=(4,), look=2, features=3, memory=4))
PARAMS = MODEL.init(jax.random.key(0), {})
read = jax.jit(MODEL.read)


@functools.cache
def batch():
    rng = np.random.default_rng(0)
    return {"video": rng.integers(0, 256, (2, 5, 16, 16, 3), np.uint8), "label": np.array([0, 3])}


@jax.jit
def everything(params, batch):
    """One program: XLA follows the clip once for all of it."""
    key = jax.random.key(0)
    return {
        "logits": MODEL.apply(params, batch)["logits"],
        "surprise": MODEL.surprise(params, batch),
        "both": MODEL.loss(params, batch, key, train=True),
        "pictures": MODEL.loss(params, {"video": batch["video"]}, key, train=True),
    }


def test_streaming_says_what_the_clip_says():
    video, whole = batch()["video"], everything(PARAMS, batch())
    state, step = MODEL.start(PARAMS, video[:, 0]), jax.jit(MODEL.step)
    for t in range(video.shape[1]):
        state, out = step(PARAMS, state, video[:, t])
    np.testing.assert_allclose(out["logits"], whole["logits"], atol=1e-5)
    assert (whole["surprise"][:, 0] == 0).all()
    np.testing.assert_allclose(whole["surprise"][:, -1], out["seen"].surprise, rtol=1e-4)


def test_the_loss_is_of_the_label_and_of_both_pictures():
    out = everything(PARAMS, batch())
    (both, metrics), (pictures, _) = out["both"], out["pictures"]
    errors = metrics["reconstruction_error"] + metrics["prediction_error"]
    np.testing.assert_allclose(pictures, 30 * errors + 10 * metrics["opened"], rtol=1e-5)
    np.testing.assert_allclose(both - pictures, -out["logits"][[0, 1], [0, 3]], rtol=1e-4)


def things(batch, key, alive=(True, True, True, False, False)):
    keys = jax.random.split(key, 2)
    none = MODEL.start(PARAMS, jnp.zeros((batch, 32, 32, 3), jnp.uint8))
    return none.replace(
        particles=none.particles.replace(
            position=jax.random.uniform(keys[0], (batch, 5, 2)),
            feature=jax.random.normal(keys[1], (batch, 5, 4)),
            alive=jnp.broadcast_to(jnp.array(alive), (batch, 5)),
        )
    )


def test_logits_are_those_of_a_distribution_and_places_are_alike():
    some = things(3, jax.random.key(1))
    logits = read(PARAMS, some)
    np.testing.assert_allclose(jnp.exp(logits).sum(-1), 1, rtol=1e-5)
    order = jnp.array([3, 1, 0, 4, 2])
    p = jax.tree.map(lambda x: x[:, order], some.particles)
    np.testing.assert_allclose(
        read(PARAMS, some.replace(particles=p)), logits, rtol=1e-4, atol=1e-5
    )


def test_the_dead_have_no_vote_and_nobody_is_no_error():
    some = things(3, jax.random.key(2))
    p = some.particles
    dead = ~p.alive[..., None]
    other = p.replace(
        position=jnp.where(dead, 0.1, p.position), feature=jnp.where(dead, 9.0, p.feature)
    )
    np.testing.assert_allclose(
        read(PARAMS, some.replace(particles=other)), read(PARAMS, some), rtol=1e-5
    )
    assert bool(jnp.isfinite(read(PARAMS, objects.start(MODEL.objects, (2,)))).all())


def test_the_place_of_the_marked_is_learned():
    """No head that looks away from the mark traps the answer at one of three."""

    def clips(key):
        some = things(64, key)
        marked = jax.random.randint(key, (64,), 0, 3)
        feature = 0.1 * some.particles.feature
        feature = feature.at[jnp.arange(64), marked, 1].add(1.0)
        place = some.particles.position[jnp.arange(64), marked]
        label = (place[:, 0] > 0.5) + 2 * (place[:, 1] > 0.5)
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
    state = objects.start(Objects())
    assert sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(state)) <= 32 * 1024
