"""MiniLM: each published tensor has its place, and texts lie where transformers' BERT puts them.

The points were recorded by `record_more.py`: of a small network with made-up parameters, which
every run compares with, and of the published one, where it is in the user's cache.
"""

from __future__ import annotations

import json
import pathlib
import re

import jax
import made_inputs
import numpy as np
import pytest

from vidparticles import weights
from vidparticles.errors import InputError
from vidparticles.models.published import minilm
from vidparticles.models.published.parts import wordpiece

HERE = pathlib.Path(__file__).parent / "recorded"
SHAPES = json.loads((HERE / "names.json").read_text())["minilm"]
RECORDED = dict(np.load(HERE / "minilm.npz"))
SMALL = minilm.MiniLMConfig(
    width=32,
    heads=4,
    hidden=48,
    layers=2,
    positions=40,
    words=len(made_inputs.VOCABULARY),
    limit=32,
)


def small_tensors() -> dict[str, np.ndarray]:
    narrow = {384: 32, 1536: 48, 512: 40, 30522: len(made_inputs.VOCABULARY)}
    shapes = {
        name: [narrow.get(n, n) for n in shape]
        for name, shape in SHAPES.items()
        if not re.match(r"vocabulary|encoder\.layer\.[2-5]", name)
    }
    return made_inputs.tensors(shapes)


@pytest.fixture(scope="module")
def embed():
    params = minilm.parameters(small_tensors(), SMALL)
    return minilm.embed(params, made_inputs.VOCABULARY, config=SMALL)


def test_texts_lie_where_upstream_puts_them(embed):
    found = embed(made_inputs.TEXTS)
    np.testing.assert_allclose(found, RECORDED["made_points"], rtol=0, atol=1e-4)
    others = found @ found.T - np.eye(len(found))
    assert others.max() < 0.99, "different texts lie apart"


def test_what_lies_beside_a_text_does_not_move_it(embed):
    """Filled up, in another order, in another number: the same point."""
    found = embed(made_inputs.TEXTS)
    for k, text in enumerate(made_inputs.TEXTS):
        np.testing.assert_allclose(embed([text])[0], found[k], atol=1e-5)
    assert embed([]).shape == (0, 32)


@pytest.mark.slow
def test_texts_lie_where_the_published_network_puts_them():
    if weights.status("minilm").state != "there":
        pytest.skip("`vidparticles weights get minilm` first")
    tensors = weights.load("minilm")
    assert {name: list(value.shape) for name, value in tensors.items()} == SHAPES
    look = minilm.embed(minilm.parameters(tensors), minilm.vocabulary(tensors))
    found = look(made_inputs.TEXTS)
    np.testing.assert_allclose(found, RECORDED["real_points"], rtol=0, atol=1e-4)
    near, other, far = look(["Two people fight.", "A fistfight of men", "A cat sleeps."])
    assert near @ other > 0.5 > near @ far


def test_each_tensor_has_its_place():
    tensors = small_tensors() | {"vocabulary": np.frombuffer(b"[UNK]\ntwo\n", np.uint8)}
    params = minilm.parameters(tensors, SMALL)
    assert len(jax.tree.leaves(params)) == len(tensors) - 1
    value = tensors["encoder.layer.1.attention.self.value.weight"]
    np.testing.assert_array_equal(params["layer1"]["value"]["kernel"], value.T)
    assert minilm.vocabulary(tensors) == ("[UNK]", "two")
    del tensors["embeddings.LayerNorm.bias"], tensors["vocabulary"]
    with pytest.raises(InputError, match=r"not the weights of MiniLM: embeddings\.LayerNorm"):
        minilm.parameters(tensors, SMALL)
    with pytest.raises(InputError, match="not the weights of MiniLM: no vocabulary"):
        minilm.vocabulary(tensors)


def test_the_published_shapes_are_the_networks():
    like = {n: np.empty(s, np.float32) for n, s in SHAPES.items() if n != "vocabulary"}
    config = minilm.MiniLMConfig()
    params = jax.eval_shape(lambda t: minilm.parameters(t, config), like)
    assert len(jax.tree.leaves(params)) == len(like) == 101


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("   \n\t ", []),
        ("Two FIGHTERS", ["two", "fight", "##ers"]),
        ("café", ["cafe"]),
        ("人山", ["人", "山"]),
        ("abbb", ["a", "##bb", "##b"]),
        ("ring's", ["ring", "'", "s"]),
        ("two zebras", ["two", "[UNK]"]),
        ("a" * 101, ["[UNK]"]),
        ("[MASK] two", ["[MASK]", "two"]),
        ("\x00two\x07\ufffd", ["two"]),
    ],
)
def test_a_text_is_read_as_bert_reads_it(text, words):
    """By hand, from the vocabulary above."""
    (found,) = wordpiece.tokens(made_inputs.VOCABULARY, 12)([text])
    assert [made_inputs.VOCABULARY[number] for number in found] == ["[CLS]", *words, "[SEP]"]


def test_a_long_text_is_cut():
    (found,) = wordpiece.tokens(made_inputs.VOCABULARY, 12)(["two " * 10000])
    assert len(found) == 12
    assert found[-1] == made_inputs.VOCABULARY.index("[SEP]")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: wordpiece.tokens(["two"], 12), r"vocabulary has no \[UNK\]"),
        (lambda: minilm.MiniLMConfig(limit=600), r"limit is 600; expected 3 … 512 words"),
        (lambda: minilm.MiniLMConfig(batch=0), "batch is 0; expected 1 or more texts"),
    ],
)
def test_a_mistake_is_one_sentence(make, sentence):
    with pytest.raises(InputError, match=sentence):
        make()


def test_one_text_is_no_list(embed):
    with pytest.raises(InputError, match="texts is one text; expected a list"):
        embed("two")
