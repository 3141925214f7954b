"""Selfie Segmentation: each published tensor has its place, and the mask is TensorFlow.js's.

The outputs were recorded by `record_graphs.py`: of made-up parameters, which every run compares
with, and of the published ones, where they are in the user's cache.
"""

from __future__ import annotations

import json
import pathlib

import jax
import made_inputs
import numpy as np
import pytest
from scipy.special import expit

from vidparticles import weights
from vidparticles.errors import InputError
from vidparticles.models.published import selfie

HERE = pathlib.Path(__file__).parent / "recorded"
SHAPES = json.loads((HERE / "names.json").read_text())["selfie"]
RECORDED = dict(np.load(HERE / "selfie.npz"))


def compare(params, kind: str) -> None:
    found = np.asarray(selfie.person_mask(params)(made_inputs.for_selfie())).reshape(-1)[::9]
    np.testing.assert_allclose(found, expit(RECORDED[f"{kind}_0"]), rtol=0, atol=1e-4)


def test_the_mask_is_upstreams():
    compare(selfie.parameters(made_inputs.graph_tensors(SHAPES)), "made")


@pytest.mark.slow
def test_the_mask_with_the_published_weights_is_upstreams():
    if weights.status("selfie").state != "there":
        pytest.skip("`vidparticles weights get selfie` first")
    tensors = weights.load("selfie")
    assert {name: list(value.shape) for name, value in tensors.items()} == SHAPES
    compare(selfie.parameters(tensors), "real")


def test_each_tensor_has_its_place():
    tensors = made_inputs.graph_tensors(SHAPES)
    params = selfie.parameters(tensors)
    assert len(jax.tree.leaves(params)) == len(SHAPES)
    kernel = params["residual3"]["middle"]["kernel"]
    np.testing.assert_array_equal(kernel, tensors["depthwise_3/filter_in"])
    del tensors["segment_add/y"]
    with pytest.raises(InputError, match="not the weights of Selfie Segmentation"):
        selfie.parameters(tensors)


def test_another_picture_is_one_sentence():
    with pytest.raises(InputError, match=r"picture has shape \(4, 3\); expected \[H, W, 3\]"):
        selfie.person_mask({})(np.zeros((4, 3)))
