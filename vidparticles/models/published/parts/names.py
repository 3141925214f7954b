"""Tensors by the names of those who published them, put where a Flax module has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from vidparticles.errors import InputError

# PyTorch's order of axes → Flax': dense, convolutions over two and three axes, transposed.
DENSE, CONV, CONV3D, TRANSPOSED = (1, 0), (2, 3, 1, 0), (2, 3, 4, 1, 0), (2, 3, 0, 1)


def place(
    tensors: Mapping[str, np.ndarray],
    paths: Mapping[str, tuple[tuple[str, ...], tuple[int, ...] | None]],
    like: Any,
    *,
    what: str,
) -> Any:
    """Parameters made of published tensors, each used once.

    Args:
        tensors: by published names.
        paths: published name → where its tensor lies, and in which order of axes.
        like: parameters of the shapes that the module has.
        what: whose they are, for the sentence.

    Raises:
        InputError: one is missing, of another shape, or has no place.

    Example:
        >>> like = {"layer": {"kernel": jnp.zeros((2, 3))}}
        >>> paths = {"layer.weight": (("layer", "kernel"), DENSE)}
        >>> found = place({"layer.weight": np.ones((3, 2))}, paths, like, what="net")
        >>> found["layer"]["kernel"].shape
        (2, 3)
    """
    shapes = {path: leaf.shape for path, leaf in flatten_dict(like).items()}
    placed = {}
    for name in paths.keys() ^ tensors.keys():
        raise _mistake(what, f"{name} {'is missing' if name in paths else 'has no place'}")
    for name, (path, axes) in paths.items():
        value = tensors[name]
        if axes is not None and value.ndim == len(axes):
            value = value.transpose(axes)
        if shapes.get(path) != value.shape or path in placed:
            raise _mistake(what, f"{name} of shape {tensors[name].shape} has no place")
        placed[path] = jnp.asarray(value, jnp.float32)
    missing = [".".join(path) for path in shapes if path not in placed]
    if missing:
        raise _mistake(what, f"{missing[0]} and {len(missing) - 1} more are missing")
    return unflatten_dict(placed)


def shapes_of(init: Callable[..., Any], *inputs: Any) -> Any:
    """The shapes of a module's variables; nothing is computed."""
    return jax.eval_shape(init, jax.random.key(0), *inputs)


def _mistake(what: str, detail: str) -> InputError:
    return InputError(f"these are not the weights of {what}: {detail}; give another file.")
