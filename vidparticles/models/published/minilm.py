"""all-MiniLM-L6-v2: texts as points on a sphere, near each other where they mean the same.

Six layers of a transformer over words (BERT's form: Devlin et al. 2019; weights of
sentence-transformers, Apache-2.0), the mean over a text's words, of length one. English above all.
The cosine of two texts is the product of their points.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.errors import InputError
from vidparticles.models.published.parts import names
from vidparticles.models.published.parts.wordpiece import tokens

_SHORTEST = 16  # numbers that a text is filled up to at least: fewer shapes to compile


@dataclasses.dataclass(frozen=True)
class MiniLMConfig:
    """How large the network is and how it is applied; the published one by default.

    Attributes:
        width: numbers of a point.
        heads: of the attention.
        hidden: units between two layers.
        layers: of the transformer.
        positions: of a word in a text, that it knows.
        words: in its vocabulary.
        limit: words and parts of words of a text that are read; the rest is not.
        batch: texts at a time.
    """

    width: int = 384
    heads: int = 12
    hidden: int = 1536
    layers: int = 6
    positions: int = 512
    words: int = 30522
    limit: int = 256
    batch: int = 32

    def __post_init__(self) -> None:
        if not 2 < self.limit <= self.positions:
            raise InputError(f"limit is {self.limit}; expected 3 … {self.positions} words.")
        if self.batch < 1:
            raise InputError(f"batch is {self.batch}; expected 1 or more texts.")


class EmbedFn(Protocol):
    """Tells where texts lie."""

    def __call__(self, texts: Sequence[str], /) -> np.ndarray:
        """Args: N texts; returns [N, 384], each of length one."""


def embed(params: Any, vocabulary: Sequence[str], *, config: MiniLMConfig | None = None) -> EmbedFn:
    """A function that tells where texts lie, compiled once for each power of two of their length.

    Args:
        params: of `parameters`.
        vocabulary: of `vocabulary`.
        config: as that of `parameters`.

    Raises:
        InputError: the package `tokenizers` is not there.

    Example:
        >>> from vidparticles import weights
        >>> if weights.status("minilm").state == "there":
        ...     tensors = weights.load("minilm")
        ...     points = embed(parameters(tensors), vocabulary(tensors))
    """
    config = config or MiniLMConfig()
    read = tokens(vocabulary, config.limit)

    def run(texts: Sequence[str], /) -> np.ndarray:
        if isinstance(texts, str):
            raise InputError("texts is one text; expected a list of texts.")
        numbers = read(texts)
        found = np.zeros((len(numbers), config.width), np.float32)
        # Those of like length together, so that little is filled up.
        order = sorted(range(len(numbers)), key=lambda k: len(numbers[k]))
        for first in range(0, len(order), config.batch):
            some = order[first : first + config.batch]
            length = _power(max(_SHORTEST, *(len(numbers[k]) for k in some)))
            given = np.zeros((_power(len(some)), length), np.int32)
            counts = np.zeros(len(given), np.int32)
            for row, k in enumerate(some):
                counts[row] = len(numbers[k])
                given[row, : counts[row]] = numbers[k]
            found[some] = np.asarray(_embed(params, given, counts, config))[: len(some)]
        return found

    return run


def vocabulary(tensors: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """The words that the network knows, by their number.

    Args:
        tensors: as `weights.load("minilm")` gives them.

    Raises:
        InputError: they hold none.
    """
    if "vocabulary" not in tensors:
        raise InputError("these are not the weights of MiniLM: no vocabulary; give another file.")
    return tuple(bytes(tensors["vocabulary"]).decode("utf-8").removesuffix("\n").split("\n"))


_LAYOUT = "e069ce213887999a"  # of its parameters, see `names.layout_of`


def parameters(tensors: Mapping[str, np.ndarray], config: MiniLMConfig | None = None) -> Any:
    """The network's parameters from the tensors of the published file.

    Args:
        tensors: as `weights.load("minilm")` gives them.
        config: of the network that they are of.

    Raises:
        InputError: they are another network's.
    """
    config = config or MiniLMConfig()
    numbers = jax.ShapeDtypeStruct((1, 4), jnp.int32), jax.ShapeDtypeStruct((1,), jnp.int32)
    like = functools.partial(names.shapes_of, MiniLM(config).init, *numbers)
    places = {
        "attention.self.query": "query",
        "attention.self.key": "key",
        "attention.self.value": "value",
        "attention.output.dense": "out",
        "attention.output.LayerNorm": "attended",
        "intermediate.dense": "wider",
        "output.dense": "narrower",
        "output.LayerNorm": "end",
    }
    paths: dict[str, tuple[tuple[str, ...], tuple[int, ...] | None]] = {
        "embeddings.word_embeddings.weight": (("words",), None),
        "embeddings.position_embeddings.weight": (("positions",), None),
        "embeddings.token_type_embeddings.weight": (("kinds",), None),
        "embeddings.LayerNorm.weight": (("begin", "scale"), None),
        "embeddings.LayerNorm.bias": (("begin", "bias"), None),
    }
    for k in range(config.layers):
        for name, place in places.items():
            head = f"encoder.layer.{k}.{name}"
            leaf, axes = ("scale", None) if "LayerNorm" in name else ("kernel", names.DENSE)
            paths[f"{head}.weight"] = (f"layer{k}", place, leaf), axes
            paths[f"{head}.bias"] = (f"layer{k}", place, "bias"), None
    known = {name: value for name, value in tensors.items() if name != "vocabulary"}
    return names.place(known, paths, like, layout=_LAYOUT, what="MiniLM")


def _power(count: int) -> int:
    """The power of two that is not less."""
    return 1 << (count - 1).bit_length()


@functools.partial(jax.jit, static_argnames="config")
def _embed(params: Any, numbers: Array, counts: Array, config: MiniLMConfig) -> Array:
    found: Any = MiniLM(config).apply({"params": params}, numbers, counts)
    return found


# ---------------------------------------------------------------- layers


def _norm(name: str) -> nn.LayerNorm:
    return nn.LayerNorm(epsilon=1e-12, use_fast_variance=False, name=name)


class _Layer(nn.Module):
    """Each word looks at all, then at itself."""

    config: MiniLMConfig

    @nn.compact
    def __call__(self, x: Array, there: Array) -> Array:
        heads, width = self.config.heads, self.config.width
        each = width // heads
        query, key, value = (
            nn.Dense(width, name=name)(x).reshape(*x.shape[:2], heads, each)
            for name in ("query", "key", "value")
        )
        score = jnp.einsum("bqhd,bkhd->bhqk", query, key) / each**0.5
        share = nn.softmax(jnp.where(there[:, None, None], score, -jnp.inf), -1)
        seen = jnp.einsum("bhqk,bkhd->bqhd", share, value).reshape(x.shape)
        x = _norm("attended")(x + nn.Dense(width, name="out")(seen))
        y = nn.gelu(nn.Dense(self.config.hidden, name="wider")(x), approximate=False)
        return _norm("end")(x + nn.Dense(width, name="narrower")(y))


class MiniLM(nn.Module):
    """Where texts lie."""

    config: MiniLMConfig = MiniLMConfig()

    @nn.compact
    def __call__(self, numbers: Array, counts: Array) -> Array:
        """Args: numbers [B, L] of which the first counts [B] are a text's; returns [B, width].

        A row of no numbers gives zeros.
        """
        config = self.config
        make = nn.initializers.normal(0.02)
        words = self.param("words", make, (config.words, config.width))
        positions = self.param("positions", make, (config.positions, config.width))
        kinds = self.param("kinds", make, (2, config.width))  # the second: of a second text
        length = numbers.shape[1]
        there = jnp.arange(length) < jnp.maximum(counts, 1)[:, None]
        x = _norm("begin")(words[numbers] + positions[:length] + kinds[0])
        for k in range(config.layers):
            x = _Layer(config, name=f"layer{k}")(x, there)
        mean = jnp.sum(x * there[..., None], 1) / jnp.maximum(counts, 1)[:, None]
        mean = jnp.where(counts[:, None] > 0, mean, 0)
        return mean / jnp.maximum(jnp.linalg.norm(mean, axis=-1, keepdims=True), 1e-12)
