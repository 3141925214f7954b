"""Tensors of ONNX files, read without onnx: the graph's initializers, its nodes are passed over.

Such a file is of protocol buffers: fields of a number and a kind, one after the other, some of
which hold messages of the same form.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vidparticles.errors import InputError, reason

# Of ModelProto, GraphProto and TensorProto in onnx.proto.
_GRAPH, _INITIALIZER = 7, 5
_DIMS, _KIND, _FLOATS, _INT32S, _INT64S, _NAME, _RAW, _EXTERNAL = 1, 2, 4, 5, 7, 8, 9, 13
_KINDS = {1: "<f4", 2: "u1", 3: "i1", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2", 11: "<f8"}


def read(content: bytes, name: str) -> dict[str, np.ndarray]:
    """The tensors of an ONNX file.

    Args:
        content: of the file.
        name: of the file, for the sentence.

    Returns:
        Name → array.

    Raises:
        InputError: it is damaged, is no such file, or keeps its numbers in another file.

    Example:
        >>> read(b"words", "net.onnx")
        Traceback (most recent call last):
        ...
        vidparticles.errors.InputError: net.onnx cannot be read as tensors of ONNX (a field is \
of the unknown kind 7); give the file as it was published.
    """
    try:
        found = {}
        for number, graph in _fields(memoryview(content)):
            if number == _GRAPH:
                for part, tensor in _fields(_message(graph)):
                    if part == _INITIALIZER:
                        key, value = _tensor(_message(tensor))
                        found[key] = value
        if not found:
            raise ValueError("there are none in it")
        return found
    except (ValueError, KeyError, IndexError, TypeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{name} cannot be read as tensors of ONNX ({reason(error)}); give the file as it was "
            "published."
        ) from error


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """The numbers and values of a message's fields, in order."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind not in (1, 2, 5):
            raise ValueError(f"a field is of the unknown kind {kind}")
        size, at = _varint(message, at) if kind == 2 else (4 if kind == 5 else 8, at)
        if at + size > len(message):
            raise ValueError("it ends in the middle of a field")
        yield number, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where the next thing begins."""
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise ValueError("it ends in the middle of a field")
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _message(value: memoryview | int) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number is where a message is expected")
    return value


def _tensor(message: memoryview) -> tuple[str, np.ndarray]:
    dims: list[int] = []
    name, kind, raw = "", 0, b""
    numbers: list[int] = []
    for number, value in _fields(message):
        if number == _DIMS:
            dims += _numbers(value)
        elif number == _KIND:
            (kind,) = _numbers(value)
        elif number == _NAME:
            name = bytes(_message(value)).decode()
        elif number in (_RAW, _FLOATS):
            raw += bytes(_message(value))
        elif number in (_INT32S, _INT64S):
            numbers += _numbers(value)
        elif number == _EXTERNAL:
            raise ValueError(f"the numbers of {name} are in another file")
    dtype = np.dtype(_KINDS[kind])
    if numbers:
        signed = np.array(numbers, np.uint64).astype(np.int64)
        return name, signed.astype(dtype).reshape(dims)
    return name, np.frombuffer(raw, dtype).reshape(dims).copy()


def _numbers(value: memoryview | int) -> list[int]:
    """One number, or those that are packed in a field."""
    if isinstance(value, int):
        return [value]
    found, at = [], 0
    while at < len(value):
        number, at = _varint(value, at)
        found.append(number)
    return found
