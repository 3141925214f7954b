"""Files of TensorFlow.js: numbers without names, and a JSON that says which tensor lies where."""

from __future__ import annotations

import json
import math

import numpy as np

from vidparticles.errors import InputError, reason

_KINDS = {"float32": "<f4", "int32": "<i4", "bool": "?"}


def read(content: bytes, manifest: bytes, name: str) -> dict[str, np.ndarray]:
    """The tensors of a graph model of TensorFlow.js.

    Args:
        content: of its file of numbers.
        manifest: of its JSON, of which the part `weightsManifest` is read alone.
        name: of the file of numbers, for the sentence.

    Returns:
        Name → array, as the file has them: halves of floats stay halves.

    Raises:
        InputError: the JSON does not belong to the file, or the file is of a kind that is not
            read: numbers in eight bits, or in several files.

    Example:
        >>> read(b"1", b"{}", "net.bin")
        Traceback (most recent call last):
        ...
        vidparticles.errors.InputError: net.bin cannot be read by its JSON as tensors of \
TensorFlow.js ('weightsManifest'); give both files as they were published, side by side.
    """
    try:
        (group,) = json.loads(manifest)["weightsManifest"]
        found, start = {}, 0
        for entry in group["weights"]:
            dtype = np.dtype(_dtype(entry))
            count = math.prod(entry["shape"])
            flat = np.frombuffer(content, dtype, count, start)
            found[entry["name"]] = flat.reshape(entry["shape"]).copy()
            start += count * dtype.itemsize
        if start != len(content):
            raise ValueError(f"it names {start} bytes, and there are {len(content)}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{name} cannot be read by its JSON as tensors of TensorFlow.js ({reason(error)}); "
            "give both files as they were published, side by side."
        ) from error
    return found


def _dtype(entry: dict[str, dict[str, str]]) -> str:
    if "quantization" not in entry:
        return _KINDS[str(entry["dtype"])]
    kind = entry["quantization"]["dtype"]
    if kind != "float16":
        raise ValueError(f"numbers are kept as {kind}")
    return "<f2"
