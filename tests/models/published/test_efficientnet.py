"""EfficientNet-lite0: each published tensor has its place, and the outputs are PyTorch's.

The outputs were recorded by `record_more.py` with efficientnet_lite_pytorch's own code: of made-up
parameters, which every run compares with, and of the published ones, where they are in the cache.
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
from vidparticles.models.published import efficientnet
from vidparticles.models.published.parts import labels

HERE = pathlib.Path(__file__).parent / "recorded"
SHAPES = json.loads((HERE / "names.json").read_text())["efficientnet-lite0"]
RECORDED = dict(np.load(HERE / "efficientnet-lite0.npz"))


def compare(params, kind: str, size: int) -> None:
    config = efficientnet.EfficientNetConfig(size=size, share=1)
    found = efficientnet.tags(params, config)(made_inputs.clip(2, size, size))
    for name, value in (("logits", found.logits), ("features", found.features[:, ::8])):
        recorded = RECORDED[f"{kind}_{name}"]
        assert np.ptp(recorded) > 0.5
        np.testing.assert_allclose(value, recorded, rtol=0, atol=1e-4)


def test_the_outputs_are_upstreams():
    params = efficientnet.parameters(made_inputs.tensors(SHAPES))
    compare(params, "made", 72)


@pytest.mark.slow
def test_the_outputs_with_the_published_weights_are_upstreams():
    if weights.status("efficientnet-lite0").state != "there":
        pytest.skip("`vidparticles weights get efficientnet-lite0` first")
    tensors = weights.load("efficientnet-lite0")
    assert {name: list(value.shape) for name, value in tensors.items()} == SHAPES
    compare(efficientnet.parameters(tensors), "real", 224)


def test_each_tensor_has_its_place():
    tensors = made_inputs.tensors(SHAPES)
    params = efficientnet.parameters(tensors)
    assert len(jax.tree.leaves(params)) == len(SHAPES)
    sizes = sum(leaf.size for leaf in jax.tree.leaves(params))
    assert sizes == sum(value.size for value in tensors.values())
    np.testing.assert_array_equal(
        params["block7"]["middle"]["var"], tensors["_blocks.7._bn1.running_var"]
    )
    del tensors["_fc.bias"]
    with pytest.raises(InputError, match=r"not the weights of EfficientNet-lite0: _fc\.bias"):
        efficientnet.parameters(tensors)


def test_there_is_a_label_for_each_class():
    names = labels.read("imagenet")
    assert len(set(names)) == efficientnet.CLASSES
    assert names[207] == "golden retriever"


def test_another_picture_is_one_sentence():
    with pytest.raises(InputError, match=r"shape \(4, 3\); EfficientNet takes \[\.\.\., H, W, 3"):
        efficientnet.tags({})(np.zeros((4, 3)))
    with pytest.raises(InputError, match="size is 31; expected 32 pixels or more"):
        efficientnet.EfficientNetConfig(size=31)
