"""Pickles of numpy arrays by name, as Flax' users keep them, read without running what they name.

A pickle can name any function of Python to be called; here it may name what numpy rebuilds an
array with, and gets stand-ins that only take note of type, shape and bytes.
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from vidparticles.errors import InputError, reason

_KINDS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")


class _Type:
    """Stands in for a type of numbers: its name, and the order of bytes that comes after."""

    def __init__(self, name: Any, *_more: Any) -> None:
        if name not in _KINDS:
            raise pickle.UnpicklingError(f"its numbers are of the type {name}")
        self.dtype = np.dtype(name)

    def __setstate__(self, state: Any) -> None:
        self.dtype = self.dtype.newbyteorder(">" if state[1] == ">" else "<")


class _Array:
    """Stands in for an array; `_rebuilt` makes one, and its state comes after."""

    value: np.ndarray

    def __setstate__(self, state: Any) -> None:
        _version, shape, kind, columns_first, content = state
        if not isinstance(kind, _Type) or not isinstance(content, bytes):
            raise pickle.UnpicklingError("it holds an array of other things than numbers")
        if any(type(side) is not int or side < 0 for side in shape):
            raise pickle.UnpicklingError("it holds an array of no shape")
        flat = np.frombuffer(content, kind.dtype)
        if len(flat) != math.prod(shape):
            raise pickle.UnpicklingError("it holds an array that is cut short")
        native = flat.astype(kind.dtype.newbyteorder("="))
        self.value = native.reshape(shape, order="F" if columns_first else "C")


def _rebuilt(*_given: Any) -> _Array:
    return _Array()


_ALLOWED: Mapping[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _rebuilt,
    ("numpy._core.multiarray", "_reconstruct"): _rebuilt,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return _ALLOWED[module, name]


def read(content: bytes, name: str) -> dict[str, np.ndarray]:
    """The arrays of a pickled tree of dictionaries.

    Args:
        content: of the file.
        name: of the file, for the sentence.

    Returns:
        Keys on the way to an array, joined by dots → array.

    Raises:
        InputError: it is damaged, or holds something else than arrays by name.

    Example:
        >>> read(b"words", "net.ckpt")
        Traceback (most recent call last):
        ...
        vidparticles.errors.InputError: net.ckpt cannot be read as a pickle of arrays by name \
(invalid load key, 'w'); give the file as it was published.
    """
    try:
        found = _Reader(io.BytesIO(content)).load()
        return {
            ".".join(keys): np.ascontiguousarray(array.value).reshape(array.value.shape)
            for keys, array in _leaves(found, ())
        }
    # What a damaged pickle raises is anything: it is a program.
    except Exception as error:
        raise InputError(
            f"{name} cannot be read as a pickle of arrays by name ({reason(error)}); give the file "
            "as it was published."
        ) from error


def _leaves(tree: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], _Array]]:
    if isinstance(tree, _Array) and keys:
        yield keys, tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from _leaves(value, (*keys, str(key)))
    else:
        raise pickle.UnpicklingError("it holds something else than arrays by name")
