"""A pair law in two parts: what each particle brings, and what the pair makes of it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from jax import Array


class SplitLaw:
    """law(dr, fa, fb) = pair(dr, each(fa), each(fb)): called like any law.

    An interaction calls `each` once for a particle and `pair` once for a pair; a network's
    matrix products belong in `each`.

    Attributes:
        pair: `pair(dr [..., D], ea, eb, **params)` → [..., D], with what `each` returned.
        each: `each(f [..., F], **params)` → a pytree of arrays [..., ·].
    """

    def __init__(self, pair: Callable[..., Array], each: Callable[..., Any]):
        functools.update_wrapper(self, pair)
        self.pair = pair
        self.each = each

    def __call__(self, dr: Array, fa: Array, fb: Array, **params: Any) -> Array:
        """The force on a due to b."""
        return self.pair(dr, self.each(fa, **params), self.each(fb, **params), **params)


def split(each: Callable[..., Any]) -> Callable[[Callable[..., Array]], SplitLaw]:
    """Make a law of a function of a pair, whose features `each` prepares.

    Example:
        >>> import jax.numpy as jnp
        >>> @split(lambda f, scale: scale * f)
        ... def charges(dr, qa, qb, *, scale):
        ...     return qa * qb * dr
        >>> one = jnp.ones(1)
        >>> charges(one, one, one, scale=2.0).tolist()
        [4.0]
    """
    return lambda pair: SplitLaw(pair, each)
