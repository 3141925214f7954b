"""Weights as they are kept: safetensors in the user's cache, which know what they came from."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from vidparticles import storage
from vidparticles.errors import InputError, reason
from vidparticles.weights import formats
from vidparticles.weights.table import TABLE, Weights, named

if TYPE_CHECKING:
    import numpy as np

_SUFFIX = ".safetensors"


@dataclasses.dataclass(frozen=True)
class Status:
    """What is known of some weights here.

    Attributes:
        name: in the table.
        what: what they do.
        license: theirs.
        state: "there", "not there" or "damaged".
        bytes: of the file where it is there, else of what is to be downloaded.
        path: where it is or would be.
    """

    name: str
    what: str
    license: str
    state: Literal["there", "not there", "damaged"]
    bytes: int
    path: pathlib.Path


def folder() -> pathlib.Path:
    """Where weights are kept: `vidparticles/weights` in the user's cache."""
    return storage.cache_folder() / "weights"


def path_of(weights: Weights) -> pathlib.Path:
    """Where these are kept."""
    return folder() / (weights.name + _SUFFIX)


def keep(
    weights: Weights, content: bytes, beside: bytes = b"", further: Sequence[bytes] = ()
) -> pathlib.Path:
    """Convert a published file and keep it.

    Args:
        weights: which these are.
        content: of the published file, whose hash was compared.
        beside: of the file beside it, where there is one.
        further: of further files, in the order of the table.

    Raises:
        InputError: it cannot be read, or the disk is full.
    """
    from safetensors import numpy as safetensors

    tensors = _converted(weights, content, beside, weights.member)
    for file, own in zip(weights.further, further, strict=True):
        tensors |= _converted(weights, own, b"", file.member)
    path = path_of(weights)
    with storage.write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    storage.write_bytes(path, safetensors.save(tensors, _facts(weights, tensors)))
    return path


def load(name: str, path: storage.PathLike | None = None) -> dict[str, np.ndarray]:
    """The tensors of some weights.

    Args:
        name: in the table.
        path: a file of them instead of the one in the cache: safetensors, or as it was published,
            with the file beside it that it needs.

    Returns:
        Name → array, by the names of the published file.

    Raises:
        InputError: they are not there, or are damaged; the sentence says which command gets them.
    """
    weights = named(name)
    if path is None:
        verify(name)
        return _read(path_of(weights))[0]
    path = pathlib.Path(path)
    if path.suffix == _SUFFIX:
        tensors, facts = _read(path)
        if "source_sha256" in facts or weights.format != "safetensors":  # else as published
            return tensors
    beside = b""
    if weights.beside is not None:
        beside = _content(path.with_name(pathlib.PurePosixPath(weights.beside.member).name))
    return _converted(weights, _content(path), beside, str(path))


def read_file(path: str | os.PathLike[str], format: formats.Format) -> dict[str, np.ndarray]:
    """The tensors of a published file that is in no registry, and so has no line in the table.

    Args:
        path: the file.
        format: of it.

    Returns:
        Name → array, by the names of the published file.

    Raises:
        InputError: it cannot be read, is damaged, or is of another format.
    """
    path = pathlib.Path(path)
    return formats.read(format, _content(path), b"", str(path))


def verify(name: str) -> pathlib.Path:
    """The file of some weights, after its hash was compared.

    Raises:
        InputError: it is not there, is damaged, or is of another file than the table's.
    """
    weights = named(name)
    path = path_of(weights)
    if not path.exists():
        raise InputError(
            f"the weights '{name}' are not there; `vidparticles weights get {name}` gets them "
            f"({weights.archive_bytes / 1e6:.0f} MB, {weights.license})."
        )
    tensors, facts = _read(path)
    known = facts.get("source_sha256") == weights.sha256
    if facts != _facts(weights, tensors):
        raise InputError(
            f"{path} is {'damaged' if known else 'of another version'}; {_again(name)}"
        )
    return path


def remove(name: str) -> bool:
    """Remove the file of some weights.

    Returns:
        Whether it was there.

    Raises:
        InputError: there is no such name, or it cannot be removed.
    """
    path = path_of(named(name))
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise InputError(f"{path} could not be removed ({reason(error)}).") from error
    return True


def status(name: str) -> Status:
    """What is known of some weights here; no damage is raised, it is told."""
    weights = named(name)
    path = path_of(weights)
    state: Literal["there", "not there", "damaged"] = "not there"
    size = weights.archive_bytes
    if path.exists():
        size = path.stat().st_size
        try:
            verify(name)
            state = "there"
        except InputError:
            state = "damaged"
    return Status(name, weights.what, weights.license, state, size, path)


def _again(name: str) -> str:
    return f"`vidparticles weights get {name}` gets it again."


def _converted(weights: Weights, content: bytes, beside: bytes, name: str) -> dict[str, np.ndarray]:
    left_out = re.compile(weights.left_out or r"(?!)")
    tensors = formats.read(weights.format, content, beside, name)
    return {key: value for key, value in tensors.items() if not left_out.match(key)}


def _content(path: pathlib.Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({reason(error)}); give a file of weights.") from (
            error
        )


def _read(path: pathlib.Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The tensors of a file of safetensors, and what it says of itself."""
    from safetensors import SafetensorError
    from safetensors import numpy as safetensors

    content = _content(path)
    try:
        tensors = safetensors.load(content)
        size = int.from_bytes(content[:8], "little")
        return tensors, json.loads(content[8 : 8 + size]).get("__metadata__", {})
    except (SafetensorError, ValueError, KeyError) as error:
        known = path.stem in TABLE and path.parent == folder()
        again = _again(path.stem) if known else "give a file of safetensors."
        raise InputError(f"{path} is damaged ({reason(error)}); {again}") from error


def _facts(weights: Weights, tensors: Mapping[str, np.ndarray]) -> dict[str, str]:
    """What a file of these says of itself; any other word in it is damage."""
    return {
        "name": weights.name,
        "license": weights.license,
        "source_sha256": weights.sha256,
        "tensors_sha256": _digest(tensors),
    }


def _digest(tensors: Mapping[str, np.ndarray]) -> str:
    """One hash for names, types, shapes and values."""
    total = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        total.update(f"{name} {value.dtype.str} {value.shape}\n".encode())
        total.update(value.tobytes())
    return total.hexdigest()
