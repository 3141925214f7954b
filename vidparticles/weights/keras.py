"""Weights files of Keras (HDF5): the numbers of each layer by their path, and nothing else."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from vidparticles.errors import InputError, reason, require


def read(content: bytes, name: str) -> dict[str, np.ndarray]:
    """The tensors of a weights file of Keras 1 or 2, as `Model.save_weights("net.h5")` wrote it.

    Args:
        content: of the file.
        name: of the file, for the sentence.

    Returns:
        Path within the file → array: of the weight `dense/kernel:0` of the layer `dense` that is
        `dense/dense/kernel:0`.

    Raises:
        InputError: it is damaged, is no such file, or its numbers are compressed or lie in
            another file, which Keras writes neither.
        MissingExtraError: h5py is not installed.

    Example:
        >>> read(b"words", "net.h5")
        Traceback (most recent call last):
        ...
        vidparticles.errors.InputError: net.h5 cannot be read as weights of Keras (not HDF5); \
give the .h5 file as it was published.
    """
    h5py = require("h5py", extra="sounds")
    found: dict[str, np.ndarray] = {}

    def keep(path: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        # Also what would be made up on reading: a file of a few bytes can claim any shape.
        if item.dtype.kind != "f" or item.external or item.id.get_storage_size() != item.nbytes:
            raise ValueError(f"{path} is not kept as plain floats")
        found[path] = item[()]

    try:
        if not content.startswith(b"\x89HDF\r\n\x1a\n"):
            raise ValueError("not HDF5")
        with h5py.File(io.BytesIO(content), "r") as file:
            file.visititems(keep)
        if not found:
            raise ValueError("there are no numbers in it")
    # What HDF5 finds wrong comes as any of these, by which part of the file is damaged.
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise InputError(
            f"{name} cannot be read as weights of Keras ({reason(error)}); give the .h5 file as it "
            "was published."
        ) from error
    return found
