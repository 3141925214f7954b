"""The parameters of the network as a file; those that are trained already come with the package.

What they were trained with, how well they do and where they fail: `moving.md`.
"""

from __future__ import annotations

import functools
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from jax import Array

from vidparticles.errors import InputError, reason
from vidparticles.models.moving.inputs import Given
from vidparticles.models.moving.network import CELL, MovingNetwork, NetworkConfig, no_frames

_SHIPPED = pathlib.Path(__file__).with_name("moving.safetensors")


@functools.cache
def shipped() -> Any:
    """The parameters of the network that come with the package.

    Example:
        >>> sum(x.size for x in traverse_util.flatten_dict(shipped()).values()) < 500_000
        True
    """
    return parameters(_SHIPPED)


def parameters(path: str | pathlib.Path) -> Any:
    """The parameters of the network, as it is by default.

    Args:
        path: a file that `to_bytes` made.

    Raises:
        InputError: it cannot be read, or is of another network.
    """
    from safetensors import SafetensorError
    from safetensors import numpy as safetensors

    try:
        flat = safetensors.load(pathlib.Path(path).read_bytes())
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{path} cannot be read ({reason(error)}); give a file of the network that finds what "
            "moves."
        ) from error
    found = traverse_util.unflatten_dict(flat, sep="/")
    _check(found, str(path))
    return found


def to_bytes(params: Any) -> bytes:
    """A file of parameters, in safetensors."""
    from safetensors import numpy as safetensors

    flat = traverse_util.flatten_dict(params, sep="/")
    return safetensors.save({name: np.asarray(value) for name, value in sorted(flat.items())})


def random_parameters(key: Array, config: NetworkConfig, shape: tuple[int, ...]) -> Any:
    """Parameters of a network before any training; they do not depend on the shape.

    Args:
        key: of the numbers.
        config: of the network.
        shape: rows and columns of pictures, whole cells.
    """
    high, wide = shape
    video = jnp.zeros((1, 2, high, wide, 3), jnp.uint8)
    cells = high // CELL, wide // CELL
    given = Given(jnp.zeros((1, 2, high // 2, wide // 2, 7)), jnp.zeros((1, 2, *cells, 2)))
    return MovingNetwork(config).init(key, video, *given, no_frames(1, cells, config))["params"]


def _check(found: Any, name: str) -> None:
    key = jax.random.key(0)
    wanted = jax.eval_shape(lambda key: random_parameters(key, NetworkConfig(), (32, 32)), key)
    shapes = [
        {n: tuple(v.shape) for n, v in traverse_util.flatten_dict(tree, sep="/").items()}
        for tree in (found, wanted)
    ]
    if shapes[0] != shapes[1]:
        raise InputError(
            f"{name} is of another network; give a file of the one that finds what moves."
        )
