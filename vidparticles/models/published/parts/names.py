"""Tensors by the names of those who published them, put where a Flax module has them."""

from __future__ import annotations

import hashlib
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
    like: Callable[[], Any],
    *,
    layout: str,
    what: str,
) -> Any:
    """Parameters made of published tensors, each used once.

    Args:
        tensors: by published names.
        paths: published name → where its tensor lies, and in which order of axes.
        like: gives parameters of the shapes that the module has. Tracing the module for them takes
            seconds, so it is asked only where the layout is another.
        layout: `layout_of` the module's parameters.
        what: whose they are, for the sentence.

    Raises:
        InputError: one is missing, of another shape, or has no place.

    Example:
        >>> like = lambda: {"layer": {"kernel": jnp.zeros((2, 3))}}
        >>> paths = {"layer.weight": (("layer", "kernel"), DENSE)}
        >>> made = {"layer.weight": np.ones((3, 2))}
        >>> found = place(made, paths, like, layout=layout_of(like()), what="net")
        >>> found["layer"]["kernel"].shape
        (2, 3)
    """
    for name in paths.keys() ^ tensors.keys():
        raise _mistake(what, f"{name} {'is missing' if name in paths else 'has no place'}")
    placed, origin = {}, {}
    for name, (path, axes) in paths.items():
        value = tensors[name]
        if axes is not None and value.ndim == len(axes):
            value = value.transpose(axes)
        if path in placed:
            raise _mistake(what, f"{name} of shape {tensors[name].shape} has no place")
        placed[path], origin[path] = value, name
    if layout_of(unflatten_dict(placed)) != layout:
        shapes = {path: leaf.shape for path, leaf in flatten_dict(like()).items()}
        for path, value in placed.items():
            if shapes.get(path) != value.shape:
                name = origin[path]
                raise _mistake(what, f"{name} of shape {tensors[name].shape} has no place")
        missing = [".".join(path) for path in shapes if path not in placed]
        if missing:
            raise _mistake(what, f"{missing[0]} and {len(missing) - 1} more are missing")
    return unflatten_dict({path: jnp.asarray(x, jnp.float32) for path, x in placed.items()})


def layout_of(params: Any) -> str:
    """A short hash of the names and shapes of parameters.

    Example:
        >>> layout_of({"a": jnp.zeros(3)}) == layout_of({"a": jnp.ones(3)})
        True
        >>> layout_of({"a": jnp.zeros(3)}) == layout_of({"a": jnp.zeros(4)})
        False
    """
    lines = (f"{'/'.join(path)} {leaf.shape}" for path, leaf in flatten_dict(params).items())
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


def shapes_of(init: Callable[..., Any], *inputs: Any) -> Any:
    """The shapes of a module's parameters; nothing is computed."""
    return jax.eval_shape(init, jax.random.key(0), *inputs)["params"]


def _mistake(what: str, detail: str) -> InputError:
    return InputError(f"these are not the weights of {what}: {detail}; give another file.")
