"""Files of PyTorch, read without PyTorch and without running anything that they name.

Such a file is a zip archive: a pickle that says how each tensor lies in a storage, and the
storages. Before PyTorch 1.6 it was pickles one after the other, and the storages behind them. A
pickle can name any function of Python to be called; here it may name an ordered dictionary, the
kinds of storage and what puts a tensor together, which are ours.
"""

from __future__ import annotations

import collections
import io
import math
import pickle
import zipfile
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from vidparticles.errors import InputError, reason

_MAGIC = 0x1950A86A20F9469CFC6C  # of files before 1.6

_KINDS = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


class _Kind(NamedTuple):
    dtype: str


class _Storage(NamedTuple):
    key: str
    dtype: str
    length: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild(storage: Any, offset: Any, shape: Any, strides: Any, *_more: Any) -> _Tensor:
    numbers = [offset, *shape, *strides]
    if not isinstance(storage, _Storage) or len(shape) != len(strides):
        raise pickle.UnpicklingError("a tensor without a storage")
    if any(type(number) is not int or number < 0 for number in numbers):
        raise pickle.UnpicklingError("a tensor of no shape")
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if math.prod(shape) and last >= storage.length:
        raise pickle.UnpicklingError("a tensor that reaches beyond its storage")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _parameter(tensor: Any, *_more: Any) -> Any:
    return tensor


_ALLOWED: Mapping[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor"): _rebuild,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    **{("torch", name): _Kind(dtype) for name, dtype in _KINDS.items()},
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return _ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        word, kind, key, _where, length, *view = pid
        if any(view):  # of a part of another storage, in files before 1.6
            raise pickle.UnpicklingError("it names a part of a storage")
        if word != "storage" or not isinstance(kind, _Kind) or type(length) is not int:
            raise pickle.UnpicklingError("it names what is no storage")
        return _Storage(str(key), kind.dtype, length)


def read(content: bytes, name: str) -> dict[str, np.ndarray]:
    """The tensors of a file of PyTorch.

    Args:
        content: of the file.
        name: of the file, for the sentence.

    Returns:
        Name → array, as the file has them.

    Raises:
        InputError: it is damaged, is no such file, or holds something else than tensors by name.

    Example:
        >>> read(b"words", "net.pth")
        Traceback (most recent call last):
        ...
        vidparticles.errors.InputError: net.pth cannot be read as tensors of PyTorch (invalid load \
key, 'w'); give a file as torch.save writes a state dict, or one of safetensors.
    """
    try:
        return _zipped(content) if content.startswith(b"PK") else _in_a_row(content)
    # What a damaged pickle raises is anything: it is a program.
    except Exception as error:
        raise InputError(
            f"{name} cannot be read as tensors of PyTorch ({reason(error)}); give a file as "
            "torch.save writes a state dict, or one of safetensors."
        ) from error


def _zipped(content: bytes) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (pickled,) = (n for n in archive.namelist() if n.endswith("/data.pkl"))
        found = _tensors(_Reader(io.BytesIO(archive.read(pickled))).load())
        folder = pickled.removesuffix("data.pkl") + "data/"
        return {
            name: _array(tensor, archive.read(folder + tensor.storage.key))
            for name, tensor in found.items()
        }


def _in_a_row(content: bytes) -> dict[str, np.ndarray]:
    """Of a file before 1.6: a number, a version, facts, tensors, keys; each storage's length."""
    stream = io.BytesIO(content)
    first, _version, _facts, tree, keys = (_Reader(stream).load() for _ in range(5))
    if first != _MAGIC:
        raise pickle.UnpicklingError("it does not begin as such a file does")
    found = _tensors(tree)
    of_key = {tensor.storage.key: tensor.storage for tensor in found.values()}
    storages = {}
    for key in keys:
        length = int.from_bytes(stream.read(8), "little")
        if key not in of_key or length != of_key[key].length:
            raise pickle.UnpicklingError("a storage of another length than its tensors say")
        storages[key] = stream.read(length * np.dtype(of_key[key].dtype).itemsize)
    return {name: _array(tensor, storages[tensor.storage.key]) for name, tensor in found.items()}


def _tensors(tree: Any) -> dict[str, _Tensor]:
    if not isinstance(tree, dict) or not all(
        isinstance(key, str) and isinstance(value, _Tensor) for key, value in tree.items()
    ):
        raise pickle.UnpicklingError("it holds something else than tensors by name")
    return tree


def _array(tensor: _Tensor, content: bytes) -> np.ndarray:
    flat = np.frombuffer(content, tensor.storage.dtype)
    if len(flat) != tensor.storage.length:
        raise pickle.UnpicklingError("a storage that is cut short")
    steps = [step * flat.itemsize for step in tensor.strides]
    view = np.lib.stride_tricks.as_strided(flat[tensor.offset :], tensor.shape, steps)
    return np.array(view, order="C")  # as a file keeps it, whatever order this one had
