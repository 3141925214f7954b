"""A law between two objects that is learned through the tracker that it is to serve.

Whoever is followed up to a gap by `tracking.objects`, its own steps as they are, is pushed by the
law through the gap. The loss is how far the hidden one is from the truth in each frame of the gap,
and the negative logarithm of the share that its own box has of it in the frame behind
(`assign.shares`): both have gradients to the law. Clips are of seeds of their own.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from experiments.benchmarks import occlusions_laws as laws
from experiments.benchmarks.occlusions_clips import BEFORE, KINDS, WIDTH, Clips, gap, make
from vidparticles.tracking.objects.assign import shares
from vidparticles.tracking.objects.costs import pairs
from vidparticles.tracking.objects.predict import predict
from vidparticles.tracking.objects.state import Slots
from vidparticles.tracking.objects.step import advance, confusion
from vidparticles.tracking.objects.tracker import no_objects, rest


@dataclasses.dataclass(frozen=True)
class LearnedConfig:
    """How the law is learned.

    Attributes:
        clips: of each kind, to learn from.
        steps: of Adam,
        batch: clips a step,
        rate: and its learning rate, which falls to 0 as a cosine.
        most: norm that gradients are cut to: a clip in which numbers are exchanged has large ones.
        gaps: frames; step k has the gap k mod len(gaps).
        width: of the network's hidden layer.
        reach: frame heights, around which it varies at the start.
        error: sizes, beyond which an error counts by its amount, not its square.
    """

    clips: int = 128
    steps: int = 500
    batch: int = 16
    rate: float = 3e-3
    most: float = 0.3
    gaps: tuple[int, ...] = (5, 10, 20, 40)
    width: int = 16
    reach: float = 0.3
    error: float = 1.0


def learned(seed: int, config: LearnedConfig | None = None) -> tuple[Any, list[float]]:
    """Parameters of a law for `occlusions_laws.law`, and the loss of each step.

    Args:
        seed: of the clips, of the network at the start and of the batches.
        config: how it is learned.
    """
    config = config or LearnedConfig()
    every = jax.tree.map(
        lambda *x: np.concatenate(x), *(make(k, seed, config.clips) for k in KINDS)
    )
    params = laws.no_network(jax.random.key(seed), width=config.width, reach=config.reach)
    falling = optax.cosine_decay_schedule(config.rate, config.steps)
    tx = optax.chain(optax.clip_by_global_norm(config.most), optax.adam(falling))
    state, rng, curve = tx.init(params), np.random.default_rng(seed), []

    for k in range(config.steps):
        some = rng.choice(len(every.size), config.batch, replace=False)
        clips = jax.tree.map(lambda x, some=some: jnp.asarray(x[some]), every)
        length = jnp.int32(config.gaps[k % len(config.gaps)])
        loss, grads = _value_and_grad(params, clips, length, config)
        changes, state = tx.update(grads, state)
        params = optax.apply_updates(params, changes)
        curve.append(float(loss))
    return params, curve


def gap_loss(params: Any, clips: Clips, length: Array, config: LearnedConfig) -> Array:
    """The loss [] of a law over clips with a gap of `length` frames, at most the longest."""
    acting = laws.law("learned", network=params)
    numbers = dataclasses.replace(laws.CONFIG, **acting.numbers)
    dt, cut, wide = jnp.float32(laws.DT), jnp.zeros((), bool), jnp.float32(WIDTH)
    alike = jnp.asarray(confusion(numbers))
    # One program for all lengths: the frames of the longest, of which some are before the gap.
    longest = gap(max(config.gaps))
    first, last = longest.start - BEFORE, longest.stop + 1
    start = longest.start + (max(config.gaps) - length) // 2
    times = jnp.arange(first, last)
    within = (times >= start) & (times < start + length)

    def clip(seen: Any, center: Array, size: Array, covered: Array) -> Array:
        thing = jnp.argmax(covered)
        long = size[thing]
        hidden = jnp.concatenate([covered, jnp.zeros(1, bool)])
        shown = dataclasses.replace(seen, valid=seen.valid & ~(within[:, None] & hidden))

        def frame(carry: Any, now: Any) -> tuple[Any, tuple[Array, Slots]]:
            (slots, confirmed), who = carry
            time, seen, middle = now
            slots = laws.pushed(slots, dt, acting)
            slots, confirmed = advance(slots, confirmed, seen, rest(), dt, cut, wide, numbers)
            begins = time == start - 1
            who = jax.tree.map(
                lambda new, old: jnp.where(begins, new, old), _slot_of(slots, middle, long), who
            )
            return ((slots, confirmed), who), (slots.position[who[0]], slots)

        none = no_objects(numbers), (jnp.zeros((), jnp.int32), jnp.zeros((), bool))
        given = times, shown, center[:, thing]
        (_, (slot, followed)), (path, kept) = jax.lax.scan(frame, none, given)
        square = jnp.sum(((path - center[:, thing]) / long) ** 2, -1)
        far = config.error * (jnp.sqrt(square + config.error**2) - config.error)
        far = jnp.sum(jnp.where(within, far, 0)) / length
        stop = start + length - first
        slots = laws.pushed(jax.tree.map(lambda x: x[stop - 1], kept), dt, acting)
        slots = predict(slots, dt, rest(), numbers)
        now = jax.tree.map(lambda x: x[stop], seen)
        told = pairs(slots, now, alike, dt, numbers)
        share = shares(slots, now, told, alike, dt, wide, numbers)[slot, thing]
        likely = jnp.where(now.valid[thing], -jnp.log(jnp.clip(share, 1e-3, 1)), 0)
        return jnp.where(followed, far + likely, 0)

    seen, center = jax.tree.map(lambda x: x[:, first:last], (clips.seen, clips.center))
    return jnp.mean(jax.vmap(clip)(seen, center, clips.size, clips.covered))


_value_and_grad = jax.jit(jax.value_and_grad(gap_loss), static_argnames="config")


def _slot_of(slots: Slots, center: Array, size: Array) -> tuple[Array, Array]:
    """Whose slot somebody is in, and whether anybody's."""
    away = jnp.linalg.norm(slots.position - center, axis=-1) / size
    away = jnp.where(slots.confirmed, away, jnp.inf)
    return jnp.argmin(away), jnp.min(away) < 1
