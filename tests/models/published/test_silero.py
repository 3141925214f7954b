"""Silero VAD: each published tensor has its place, and the decisions are PyTorch's.

The decisions were recorded by `record_more.py`: of made-up parameters, which every run compares
with, and of the published ones, by their TorchScript, where they are in the user's cache.
"""

from __future__ import annotations

import json
import pathlib

import jax
import made_inputs
import numpy as np
import pytest

from vidparticles import weights
from vidparticles.errors import InputError
from vidparticles.models.published import silero

HERE = pathlib.Path(__file__).parent / "recorded"
SHAPES = json.loads((HERE / "names.json").read_text())["silero"]
RECORDED = dict(np.load(HERE / "silero.npz"))
SOUND = made_inputs.sound(40 * 512 + 100)
# Blocks that the sound is longer than, and that it does not fill: what is remembered counts.
CONFIG = silero.SileroConfig(steps=16)


def test_the_decisions_are_upstreams():
    params = silero.parameters(made_inputs.tensors(SHAPES))
    hear = silero.speech(params, CONFIG)
    found = hear(SOUND)
    assert np.ptp(RECORDED["made"]) > 0.001
    np.testing.assert_allclose(found, RECORDED["made"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(hear(SOUND[: 3 * 512]), found[:3], atol=1e-6)
    assert hear(SOUND[:0]).shape == (0,)
    blocks = np.split(SOUND, [1, 700, 701, 9000, 9000, 15000])  # as it may come from a file
    streamed = np.concatenate([*silero.stream(params, blocks, CONFIG)])
    np.testing.assert_allclose(streamed, found, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_the_decisions_with_the_published_weights_are_upstreams():
    if weights.status("silero").state != "there":
        pytest.skip("`vidparticles weights get silero` first")
    tensors = weights.load("silero")
    assert {name: list(value.shape) for name, value in tensors.items()} == SHAPES
    found = silero.speech(silero.parameters(tensors), CONFIG)(SOUND)
    np.testing.assert_allclose(found, RECORDED["real"], rtol=0, atol=1e-4)


def test_each_tensor_has_its_place():
    tensors = made_inputs.tensors(SHAPES)
    params = silero.parameters(tensors)
    assert len(jax.tree.leaves(params)) == len(SHAPES)
    kernel = params["conv2"]["kernel"]
    weight = tensors["model.encoder.1.reparam_conv.weight"]
    np.testing.assert_array_equal(kernel, weight.transpose(2, 1, 0))
    del tensors["model.decoder.rnn.weight_hh"]
    with pytest.raises(InputError, match=r"of Silero VAD: model\.decoder\.rnn\.weight_hh is mis"):
        silero.parameters(tensors)


@pytest.mark.parametrize("sound", [np.zeros((2, 512), np.float32), np.zeros(512, np.int16)])
def test_another_sound_is_one_sentence(sound):
    with pytest.raises(InputError, match=r"the sound is .*; Silero takes floats \[S\]"):
        silero.speech({})(sound)
