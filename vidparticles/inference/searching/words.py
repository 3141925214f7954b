"""Where moments lie among texts, from the labels of networks that know no others.

A moment is the mean of its labels' texts, weighted by their probabilities (ConSE: Norouzi et al.
2014): so it is near to words which no network was taught, but which mean nearly what its labels do.
"""

from __future__ import annotations

import pathlib
from typing import NamedTuple

import numpy as np

from vidparticles import storage, weights
from vidparticles.inference.searching.entry import SETS
from vidparticles.models.published.minilm import EmbedFn
from vidparticles.models.published.parts import labels


class Words(NamedTuple):
    """What tells where texts and moments lie.

    Attributes:
        embed: of texts.
        labels: for each of `SETS`, [classes, 384]: where its labels lie.
    """

    embed: EmbedFn
    labels: tuple[np.ndarray, ...]


def words(folder: pathlib.Path) -> Words:
    """MiniLM, and where the labels of the networks lie by it.

    Args:
        folder: keeps the latter, which takes seconds to find.

    Raises:
        InputError: the weights or the package that reads texts are not there.
    """
    from vidparticles.models.published import minilm

    tensors = weights.load("minilm")
    embed = minilm.embed(minilm.parameters(tensors), minilm.vocabulary(tensors))
    path = folder / f"labels-{weights.named('minilm').sha256[:16]}.safetensors"
    known = _kept(path)
    if known is None:
        known = tuple(embed(labels.read(name)) for name in SETS)
        _keep(path, known)
    return Words(embed, known)


def in_words(
    numbers: np.ndarray,
    shares: np.ndarray,
    known: tuple[np.ndarray, ...],
    *,
    moved: np.ndarray | None = None,
) -> np.ndarray:
    """Where moments lie among texts.

    Args:
        numbers: int [M, 2, `entry.TOP`] of labels; −1 is none.
        shares: [M, 2, `entry.TOP`] their probabilities.
        known: of `Words`.
        moved: [M, 384] of length one, where lies what is told of who moves where in them.

    Returns:
        [M, 384] of length one: what is done, what is there and who moves weigh alike. Zeros where
        nothing is known.

    Example:
        >>> known = np.eye(4)[:2], np.eye(4)[2:]
        >>> numbers = np.array([[[0, 1], [1, -1]]])
        >>> in_words(numbers, np.array([[[0.9, 0.0], [0.5, 0.0]]]), known)[0, [0, 3]].round(2)
        array([0.71, 0.71], dtype=float32)
    """
    total = np.zeros((len(numbers), known[0].shape[1]), np.float32)
    for k, texts in enumerate(known):
        share = np.where(numbers[:, k] >= 0, shares[:, k], 0)
        total += _unit(np.einsum("mt,mtd->md", share, texts[numbers[:, k]]))
    return _unit(total if moved is None else total + moved)


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


def _kept(path: pathlib.Path) -> tuple[np.ndarray, ...] | None:
    from safetensors import SafetensorError
    from safetensors import numpy as safetensors

    try:
        found = safetensors.load(path.read_bytes())
        known = tuple(found[name] for name in SETS)
    except (OSError, SafetensorError, KeyError, ValueError):
        return None
    right = all(len(x) == len(labels.read(n)) for x, n in zip(known, SETS, strict=True))
    return known if right else None


def _keep(path: pathlib.Path, known: tuple[np.ndarray, ...]) -> None:
    from safetensors import numpy as safetensors

    storage.write_bytes(path, safetensors.save(dict(zip(SETS, known, strict=True))))
