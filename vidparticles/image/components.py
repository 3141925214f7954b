"""Cells of a mask that hang together."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array, lax

from vidparticles.image.resample import highest


def components(mask: Array) -> Array:
    """The parts of a mask, joined by sides and corners.

    Each cell takes the highest number around it until none changes, and skips ahead to the number
    that its number's cell has taken, so that it ends after few steps in parts of any length.

    Args:
        mask: [h, w] bool.

    Returns:
        int32 [h, w]: 0 outside the mask, else a number in 1 … h w, the same within a part and
        another in each.

    Example:
        >>> components(jnp.array([[1, 0, 1], [1, 0, 0], [0, 1, 0]]) > 0).tolist()
        [[8, 0, 3], [8, 0, 0], [0, 8, 0]]
    """
    rows, columns = mask.shape
    own = jnp.where(mask, jnp.arange(1.0, mask.size + 1).reshape(rows, columns), 0)

    def spread(item: tuple[Array, Array]) -> tuple[Array, Array]:
        label, _ = item
        new = jnp.where(mask, highest(label, 1), 0)
        for _ in range(2):
            flat = jnp.concatenate([jnp.zeros(1), new.reshape(-1)])
            new = flat[new.astype(jnp.int32)]
        return new, jnp.any(new != label)

    label, _ = lax.while_loop(lambda item: item[1], spread, (own, jnp.any(mask)))
    return label.astype(jnp.int32)
