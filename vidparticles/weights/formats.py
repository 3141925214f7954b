"""One reader for each format in which weights are published."""

from __future__ import annotations

import pathlib
from typing import Literal

import numpy as np

from vidparticles.errors import InputError, reason

Format = Literal["torch", "tensorflow.js", "arrays", "safetensors", "onnx", "keras", "files"]

VOCABULARY = "vocabulary"  # the name of a vocabulary among tensors: the bytes of its lines


def read(format: Format, content: bytes, beside: bytes, name: str) -> dict[str, np.ndarray]:
    """The tensors of a published file.

    Args:
        format: of the file.
        content: of the file.
        beside: content of the file beside it, empty where it needs none.
        name: of the file, for the sentence.

    Raises:
        InputError: it is damaged, or of another format.
    """
    from vidparticles.weights import arrays, graph_model, keras, onnx, reader

    if format == "files":  # of a program that has its own reader: kept as they are
        return {pathlib.PurePosixPath(name).name: np.frombuffer(content, np.uint8)}
    if format == "tensorflow.js":
        return graph_model.read(content, beside, name)
    readers = {
        "torch": reader.read,
        "arrays": arrays.read,
        "safetensors": _safetensors,
        "onnx": onnx.read,
        "keras": keras.read,
    }
    tensors = readers[format](content, name)
    if beside:
        tensors[VOCABULARY] = np.frombuffer(beside, np.uint8)
    return tensors


def _safetensors(content: bytes, name: str) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors import numpy as safetensors

    try:
        return safetensors.load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise InputError(
            f"{name} cannot be read as safetensors ({reason(error)}); give the file as it was "
            "published."
        ) from error
