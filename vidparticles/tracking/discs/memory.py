"""What an object remembers of what happened to it.

A memory is written through gates that see only what happens: how what is observed differs from
its baseline, and whom an object has just come to touch. While nothing happens they are shut, so
that what is kept neither fades nor counts the time, however long that lasts.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.numerics import masked_mean


@dataclasses.dataclass(frozen=True)
class MemoryConfig:
    """When memories are written.

    Attributes:
        shut: opening of a gate below which it lets nothing in, in (0, 1).
        contact: squared distance at which two objects half touch, in squared diameters.
        contact_width: how gradually they come to, in the same unit.
    """

    shut: float = 0.1
    contact: float = 1.2
    contact_width: float = 0.05


def init(key_gate: Array, key_value: Array, *, observed: int, size: int) -> dict[str, Array]:
    """Parameters of a memory of `size` numbers that observes `observed`: gates begin half shut."""
    reads = observed + size
    return {
        "gate": jax.random.normal(key_gate, (2 * reads, size)) * observed**-0.5,
        "gate_bias": -jnp.ones(size),
        "value": 1.5 * jax.random.normal(key_value, (2 * reads, size)) * reads**-0.5,
        "value_bias": jnp.zeros(size),
    }


def stored(params: Any, rate: float) -> Any:
    """Parameters as an optimizer sees them, so that a step of it is `rate` times larger in use."""
    return jax.tree.map(lambda x: x / rate, params)


def used(params: Any, rate: float) -> Any:
    """Parameters as they are used: the inverse of `stored`."""
    return jax.tree.map(lambda x: x * rate, params)


def square_distances(position: Array) -> Array:
    """Squared distances [..., K, K] of positions [..., K, 2]."""
    x, y = position[..., 0], position[..., 1]
    return (x[..., :, None] - x[..., None, :]) ** 2 + (y[..., :, None] - y[..., None, :]) ** 2


def touching(position: Array, alive: Array, *, diameter: Array, config: MemoryConfig) -> Array:
    """How far each pair of positions [..., K, 2] touches, [..., K, K] in [0, 1].

    Example:
        >>> x = jnp.array([[0.2, 0.5], [0.3, 0.5], [0.9, 0.5]])
        >>> touch = touching(x, jnp.ones(3, bool), diameter=jnp.array(0.2), config=MemoryConfig())
        >>> touch.round(2).tolist()[0]
        [0.0, 1.0, 0.0]
    """
    square = square_distances(position)
    near = jax.nn.sigmoid((config.contact - square / diameter**2) / config.contact_width)
    others = alive[..., :, None] & alive[..., None, :] & ~jnp.eye(alive.shape[-1], dtype=bool)
    return jnp.where(others, near, 0)


def remember(
    params: dict[str, Array],
    *,
    observation: Array,
    baseline: Array,
    kept: Array,
    met: Array,
    alive: Array,
    visible: Array,
    elapsed: Array,
    config: MemoryConfig,
) -> tuple[Array, Array]:
    """The memory after what each object observes, and what those it meets remember.

    m ← m + (1 − (1 − g)^τ) (tanh v − m), where the gate g says how much of the value v is taken
    in a unit of time: two steps of τ / 2 write as much as one of τ.

    Args:
        params: from `init`.
        observation: [..., K, N] what each looks like.
        baseline: [..., K, N] what it looked like of late.
        kept: [..., K, M] the memory before.
        met: [..., K, K] how far each pair began to touch.
        alive: [..., K].
        visible: [..., K] in [0, 1], how far what each observes is believed.
        elapsed: τ, [..., K] since the frame before, in units of time.
        config: of gates.

    Returns:
        memory [..., K, M], and how far the gates of the active were open [...], in [0, 1].
    """
    own = jnp.concatenate([observation, kept], axis=-1)
    heard = jnp.einsum("...ij,...jm->...im", met, own)
    meets = jnp.minimum(jnp.sum(met, axis=-1, keepdims=True), 1)
    # What is kept has a say in what is written only when others are met: the second to come is
    # not the first.
    events = jnp.concatenate([observation - baseline, heard, meets * kept], axis=-1)
    shut = config.shut
    bias = math.log(shut / (1 - shut)) - jax.nn.softplus(params["gate_bias"])
    gate = jax.nn.sigmoid(events @ params["gate"] + bias)
    gate = jnp.maximum(gate - shut, 0) / (1 - shut) * visible[..., None]
    # A gate of exactly one would have an infinite logarithm.
    written = -jnp.expm1(elapsed[..., None] * jnp.log1p(-jnp.minimum(gate, 1 - 1e-6)))
    value = jnp.concatenate([own, heard], axis=-1) @ params["value"] + params["value_bias"]
    opening = masked_mean(jnp.mean(gate, axis=-1), alive, axis=-1)
    return kept + written * (jnp.tanh(value) - kept), opening
