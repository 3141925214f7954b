"""Boxes of detectors: of those that cover each other one stays."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array, lax


def suppressed(box: Array, kind: Array, valid: Array, overlap: float) -> Array:
    """Which boxes stay [K]: no box of the same kind that stays and is before it covers it.

    Args:
        box: [K, 4] left, top, right, bottom, those with the highest scores first.
        kind: [K].
        valid: [K], which are boxes at all.
        overlap: intersection over union, above which one covers another.

    Example:
        >>> two = jnp.array([[0.0, 0.0, 1.0, 1.0], [0.1, 0.0, 1.1, 1.0]])
        >>> suppressed(two, jnp.zeros(2), jnp.ones(2, bool), 0.5).tolist()
        [True, False]
    """
    first, last = box[:, :2], box[:, 2:]
    sides = jnp.minimum(last[:, None], last) - jnp.maximum(first[:, None], first)
    both = jnp.prod(jnp.maximum(sides, 0), -1)
    area = jnp.prod(last - first, -1)
    covers = (both > overlap * (area[:, None] + area - both)) & (kind[:, None] == kind)

    def decide(k: Any, kept: Array) -> Array:
        before = jnp.arange(len(kept)) < k
        return kept.at[k].set(kept[k] & ~jnp.any(covers[k] & kept & before))

    return lax.fori_loop(0, len(kind), decide, valid)
