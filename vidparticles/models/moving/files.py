"""The parameters of the network as a file; those that are trained already come with the package.

What they were trained with, how well they do and where they fail: `moving.md`.
"""

from __future__ import annotations

import functools
import pathlib
from typing import Any

import numpy as np
from flax import traverse_util

from vidparticles.errors import InputError, reason
from vidparticles.models.moving.model import Moving

_SHIPPED = pathlib.Path(__file__).with_name("moving.safetensors")


@functools.cache
def shipped() -> Any:
    """The parameters of `Moving()` that come with the package.

    Example:
        >>> sum(x.size for x in traverse_util.flatten_dict(shipped()).values()) < 500_000
        True
    """
    return parameters(_SHIPPED)


def parameters(path: str | pathlib.Path) -> Any:
    """The parameters of `Moving()`.

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


def _check(found: Any, name: str) -> None:
    import jax
    import jax.numpy as jnp

    batch = {"video": jnp.zeros((1, 1, 32, 32, 3), jnp.uint8)}
    wanted = jax.eval_shape(Moving().init, jax.random.key(0), batch)
    shapes = [
        {n: tuple(v.shape) for n, v in traverse_util.flatten_dict(tree, sep="/").items()}
        for tree in (found, wanted)
    ]
    if shapes[0] != shapes[1]:
        raise InputError(
            f"{name} is of another network; give a file of the one that finds what moves."
        )
