"""TransNet V2: each published tensor has its place, and the outputs are those of upstream's code.

The outputs were recorded with PyTorch by `record.py`: of a small network with made-up parameters,
which every run compares with, and of the published one, where it is in the user's cache.
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
from vidparticles.models.published import transnet

HERE = pathlib.Path(__file__).parent / "recorded"
SHAPES = json.loads((HERE / "names.json").read_text())["transnetv2"]
RECORDED = dict(np.load(HERE / "transnet.npz"))
SMALL = transnet.TransNetConfig(filters=2, hidden=32)


def small(shape: list[int]) -> list[int]:
    """The shape in a network of 2 filters instead of 16, and 32 hidden units."""
    narrow = {1024: 32, 448: 56, 4864: 256 + 576}
    if len(shape) == 5:
        return [n if n <= 3 else n // 8 for n in shape[:2]] + shape[2:]
    return [narrow.get(n, n) for n in shape]


def test_the_outputs_are_upstreams():
    """Over two windows."""
    shapes = {
        name: [shape[0] // 8] if ".bn." in name else small(shape) for name, shape in SHAPES.items()
    }
    params = transnet.parameters(made_inputs.tensors(shapes), SMALL)
    film = made_inputs.film(60, (20, 50))
    found = transnet.cuts(params, SMALL)(film)
    assert np.ptp(RECORDED["made"]) > 0.05
    np.testing.assert_allclose(found, RECORDED["made"], rtol=0, atol=1e-4)


@pytest.mark.slow
def test_the_outputs_with_the_published_weights_are_upstreams():
    if weights.status("transnetv2").state != "there":
        pytest.skip("`vidparticles weights get transnetv2` first")
    tensors = weights.load("transnetv2")
    assert {name: list(value.shape) for name, value in tensors.items()} == SHAPES
    cuts = (31, 74, 100)
    found = transnet.cuts(transnet.parameters(tensors))(made_inputs.film(130, cuts))
    np.testing.assert_allclose(found, RECORDED["real"], rtol=0, atol=1e-4)
    assert [k + 1 for k in np.flatnonzero(found > 0.5)] == list(cuts)


def test_each_tensor_has_its_place():
    tensors = made_inputs.tensors(SHAPES)
    params = transnet.parameters(tensors)
    assert len(jax.tree.leaves(params)) == len(SHAPES)
    sizes = sum(leaf.size for leaf in jax.tree.leaves(params))
    assert sizes == sum(value.size for value in tensors.values())
    np.testing.assert_array_equal(
        params["SDDCNN_1"]["DDCNN_0"]["bn"]["var"], tensors["SDDCNN.1.DDCNN.0.bn.running_var"]
    )
    del tensors["fc1.bias"]
    with pytest.raises(InputError, match=r"not the weights of TransNet V2: fc1.bias"):
        transnet.parameters(tensors)


def test_other_frames_are_one_sentence():
    with pytest.raises(InputError, match=r"frames are uint8 \(3, 48, 27, 3\); .*\[T, 27, 48, 3\]"):
        transnet.cuts({})(np.zeros((3, 48, 27, 3), np.uint8))
