"""Looks as `.cube` files: a table of new colors over red, green and blue.

Between its points colors are interpolated in the tetrahedron that they lie in, along which gray
stays on one line of the table (Kasson, Nin, Plouffe & Hafner 1995).
"""

from __future__ import annotations

import dataclasses
import functools
import math
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.errors import InputError
from vidparticles.storage import PathLike

MOST = 128  # points a side


@dataclasses.dataclass(frozen=True, eq=False)
class Cube:
    """A table of colors.

    Attributes:
        table: [N, N, N, 3] float32 by red, green and blue; black is 0 and white 1.
        low, high: [3] the red, green and blue of its first and last points.
    """

    table: np.ndarray
    low: np.ndarray
    high: np.ndarray


def read_cube(path: PathLike) -> Cube:
    """A look from a file (Adobe, Cube LUT Specification 1.0).

    Args:
        path: a .cube file with a three-dimensional table.

    Raises:
        InputError: it cannot be read, or is no such table.
    """
    path = pathlib.Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{path} cannot be read; give a .cube file, which is text.") from None
    size, ends, rows = 0, {"DOMAIN_MIN": [0.0] * 3, "DOMAIN_MAX": [1.0] * 3}, list[list[float]]()
    for number, line in enumerate(lines, start=1):
        words = line.split("#")[0].split()
        if not words or words[0] == "TITLE":
            continue
        if words[0] in ("LUT_1D_SIZE", "LUT_1D_INPUT_RANGE"):
            raise InputError(f"{path} holds a table of one dimension; give one with LUT_3D_SIZE.")
        try:
            if words[0] == "LUT_3D_SIZE":
                (size,) = map(int, words[1:])
            elif words[0] == "LUT_3D_INPUT_RANGE":
                low, high = map(float, words[1:])
                ends = {"DOMAIN_MIN": [low] * 3, "DOMAIN_MAX": [high] * 3}
            elif words[0] in ends:
                ends[words[0]] = [*map(float, words[1:])]
            else:
                rows.append([*map(float, words)])
            known = [*ends.values(), *rows[-1:]]
            if not all(len(row) == 3 and all(map(math.isfinite, row)) for row in known):
                raise ValueError
        except ValueError:
            raise InputError(
                f"{path}, line {number}: {line.strip()[:40]!r} is not understood; a line of a "
                ".cube file holds three numbers, or LUT_3D_SIZE and one."
            ) from None
    if not 2 <= size <= MOST or len(rows) != size**3:
        raise InputError(
            f"{path}: LUT_3D_SIZE is {size} and {len(rows)} colors follow; expected a size from 2 "
            f"to {MOST} and its cube of colors."
        )
    first, last = (np.array(ends[name], np.float32) for name in ("DOMAIN_MIN", "DOMAIN_MAX"))
    if not np.all(last > first):
        raise InputError(f"{path}: DOMAIN_MAX must be above DOMAIN_MIN.")
    # Red is the quickest to change in the file.
    table = np.array(rows, np.float32).reshape(size, size, size, 3).transpose(2, 1, 0, 3)
    return Cube(np.ascontiguousarray(table), first, last)


def through_cube(levels: np.ndarray, cube: Cube) -> np.ndarray:
    """Colors of a picture as a table has them.

    Args:
        levels: [H, W, 3] 0 … 255, uint8 or float32.
        cube: the table.

    Returns:
        The same shape and type.

    Example:
        >>> same = np.stack(np.meshgrid(*[np.float32([0, 1])] * 3, indexing="ij"), -1)
        >>> cube = Cube(same, np.zeros(3), np.ones(3))
        >>> through_cube(np.full((1, 1, 3), 70, np.uint8), cube).tolist()
        [[[70, 70, 70]]]
    """
    return np.asarray(_through(jnp.asarray(levels), cube.table, cube.low, cube.high))


@functools.partial(jax.jit)
def _through(levels: Array, table: Array, low: Array, high: Array) -> Array:
    last = table.shape[0] - 1
    color = levels.astype(jnp.float32).reshape(-1, 3) / 255
    at = jnp.clip((color - low) / (high - low), 0, 1) * last
    cell = jnp.minimum(jnp.floor(at), last - 1).astype(jnp.int32)
    share = at - cell
    # From the cell's first corner to its last, along the axes in the order of their shares.
    order = jnp.argsort(-share, axis=-1)
    shares = jnp.take_along_axis(share, order, -1)
    strides = jnp.asarray([(last + 1) ** 2, last + 1, 1])
    flat = table.reshape(-1, 3)
    corner = cell @ strides
    new = (1 - shares[:, :1]) * flat[corner]
    for k in range(3):
        corner = corner + strides[order[:, k]]
        after = shares[:, k + 1 : k + 2] if k < 2 else 0.0
        new = new + (shares[:, k : k + 1] - after) * flat[corner]
    new = jnp.clip(255 * new, 0, 255).reshape(levels.shape)
    return jnp.round(new).astype(levels.dtype) if levels.dtype == jnp.uint8 else new
