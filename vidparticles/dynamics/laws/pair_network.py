"""A learned pair law: a small network that obeys Newton's third law by construction.

    F_ab = m(r, fa, fb) · dr / √(r² + ℓ²)
    m    = w · silu(A fa + A fb + B fa ⊙ B fb + c₁ / (1 + s) + c₂ log(1 + s) + b),   s = r² / ℓ²

What a and b bring is added and multiplied, and dr enters through r and as the direction.
Swapping a and b therefore leaves m as it is, to the last bit, and turns the force
round: F_ba = −F_ab. Only differences of positions enter, so the force does not see where the
origin is, and only their length and direction, so it turns with the picture. Total momentum
and angular momentum are kept whatever is learned. The two functions of distance resolve what
is nearer and what is farther than the reach ℓ; dr / √(r² + ℓ²) is smooth, zero for coincident
particles and a unit vector far away.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from vidparticles.dynamics.laws.split import split


def init_pair_network(
    key: Array,
    *,
    feature_dim: int,
    width: int = 32,
    reach: ArrayLike = 1.0,
    scale: float = 0.1,
    dtype: Any = jnp.float32,
) -> dict[str, Array]:
    """Parameters of `pair_network`: forces of size `scale` at the start.

    Args:
        key: of jax.random.
        feature_dim: F of the particles; 0 for a law of distance alone.
        width: of the hidden layer.
        reach: ℓ > 0, the distance around which the law varies; learned with the rest.
        scale: typical size of the forces at the start.
        dtype: of the parameters.

    Returns:
        A dict of arrays: sum (A) and product (B) [F, width], distance (c) [2, width],
        bias [width], outward (w) [width], reach [].

    Example:
        >>> params = init_pair_network(jax.random.key(0), feature_dim=4, width=8)
        >>> {name: p.shape for name, p in params.items() if name != "distance"}
        {'sum': (4, 8), 'product': (4, 8), 'bias': (8,), 'outward': (8,), 'reach': ()}
    """
    keys = jax.random.split(key, 4)

    def normal(key: Array, shape: tuple[int, ...], variance: float) -> Array:
        return jax.random.normal(key, shape, dtype) * variance**0.5

    return {
        "sum": normal(keys[0], (feature_dim, width), 0.5 / max(feature_dim, 1)),
        "product": normal(keys[1], (feature_dim, width), 1 / max(feature_dim, 1)),
        "distance": normal(keys[2], (2, width), 1),
        "bias": jnp.zeros(width, dtype),
        "outward": normal(keys[3], (width,), (2 * scale) ** 2 / width),
        "reach": jnp.asarray(reach, dtype),
    }


def _each(f: Array, *, params: dict[str, Array]) -> tuple[Array, Array]:
    """What one particle brings: its share of the sum (half the bias with it) and the product."""
    want = params["sum"].shape[0]
    if f.shape[-1] != want:
        raise ValueError(
            f"features have {f.shape[-1]} components; the pair network was made for {want}: "
            "give init_pair_network the feature_dim of the particles."
        )
    return f @ params["sum"] + 0.5 * params["bias"], f @ params["product"]


@split(_each)
def pair_network(dr: Array, fa: Any, fb: Any, *, params: dict[str, Array]) -> Array:
    """Force on a due to b of a learned network; see the module's text for the equation.

    Args:
        dr: [..., D] from b to a.
        fa, fb: [..., F].
        params: of `init_pair_network`.

    Returns:
        [..., D]; exactly minus the force on b due to a.

    Raises:
        ValueError: F is not the feature_dim that the parameters were made for.

    Example:
        >>> params = init_pair_network(jax.random.key(0), feature_dim=0)
        >>> dr, none = jnp.array([1.0, 2.0]), jnp.zeros(0)
        >>> there = pair_network(dr, none, none, params=params)
        >>> back = pair_network(-dr, none, none, params=params)
        >>> bool((there == -back).all())
        True
    """
    # Here fa and fb are what `_each` made of the features.
    (sum_a, product_a), (sum_b, product_b) = fa, fb
    square = jnp.sum(dr * dr, axis=-1, keepdims=True)
    reach2 = params["reach"] ** 2
    near, far = params["distance"]
    hidden = jax.nn.silu(
        (sum_a + sum_b)
        + product_a * product_b
        + near * (reach2 / (reach2 + square))
        + far * jnp.log1p(square / reach2)
    )
    magnitude = hidden @ params["outward"]
    return (magnitude[..., None] * jax.lax.rsqrt(square + reach2)) * dr
