"""The guided filter: an image smoothed so that its edges are those of a picture.

In each window the image is taken to be linear in the colors of the picture, q = aᵀ I + b, with the
least squared error and a penalty ε |a|² (He, Sun & Tang, IEEE Trans. PAMI 35, 2013). What is fitted
are means over windows, so the cost does not depend on their size; and a and b, fitted small, hold
for a larger picture too (He & Sun, arXiv 1505.00996).
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from vidparticles.image.linear import solve_cholesky
from vidparticles.image.resample import box


def linear_model(picture: Array, image: Array, *, radius: int, edge: ArrayLike) -> Array:
    """What the image is of the colors of the picture, around each pixel.

    Args:
        picture: [H, W, C] in [0, 1].
        image: [H, W].
        radius: pixels of a window, which is 2 · radius + 1 wide.
        edge: ε, the variance of the colors in a window above which it has an edge.

    Returns:
        a and b [H, W, C + 1].

    Example:
        >>> step = jnp.zeros((9, 9, 1)).at[:, 4:].set(1.0)
        >>> model = linear_model(step, 3 * step[..., 0], radius=2, edge=1e-4)
        >>> [round(x, 1) for x in applied(step, model)[4].tolist()]
        [0.0, 0.0, 0.0, 0.0, 3.0, 3.0, 3.0, 3.0, 3.0]
    """
    count = picture.shape[-1]
    i, j = np.triu_indices(count)
    products = [picture[..., i] * picture[..., j], picture * image[..., None]]
    means = box(jnp.concatenate([picture, image[..., None], *products], -1), radius)
    color, value, squares, both = jnp.split(means, [count, count + 1, count + 1 + len(i)], -1)
    squares = squares - color[..., i] * color[..., j] + jnp.asarray(edge) * (i == j)
    entry = dict(zip(zip(i.tolist(), j.tolist(), strict=True), range(len(i)), strict=True))
    rows = [[squares[..., entry[min(p, q), max(p, q)]] for q in range(count)] for p in range(count)]
    right = both - color * value
    slope = jnp.stack(solve_cholesky(rows, [right[..., k] for k in range(count)]), -1)
    rest = value - jnp.sum(slope * color, -1, keepdims=True)
    return box(jnp.concatenate([slope, rest], -1), radius)


def follow_edges(picture: Array, image: Array, *, radius: int, edge: ArrayLike) -> Array:
    """The image [H, W], smoothed but across edges of the picture.

    Args:
        picture, image, radius, edge: as those of `linear_model`.

    Example:
        >>> step = jnp.zeros((9, 9, 1)).at[:, 4:].set(1.0)
        >>> rough = step[..., 0].at[4, 2].set(0.5)
        >>> told = follow_edges(step, rough, radius=3, edge=1e-3)
        >>> round(float(told[4, 2]), 1), round(float(told[4, 4]), 1)
        (0.0, 1.0)
    """
    return applied(picture, linear_model(picture, image, radius=radius, edge=edge))


def applied(picture: Array, model: Array) -> Array:
    """aᵀ I + b [..., H, W], of a picture [H, W, C] and a model [..., H, W, C + 1]."""
    return jnp.sum(picture * model[..., :-1], -1) + model[..., -1]
