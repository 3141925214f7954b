"""RIFE: each published tensor has its place, and the outputs are those of upstream's code.

The outputs were recorded with PyTorch by `record.py`: of made-up parameters, which every run
compares with, and of the published ones, compared with where they are in the user's cache.
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
from vidparticles.models.published import rife

HERE = pathlib.Path(__file__).parent / "recorded"
SHAPES = json.loads((HERE / "names.json").read_text())["rife"]
RECORDED = dict(np.load(HERE / "rife.npz"))


@pytest.fixture(scope="module")
def made():
    plain = {name.removeprefix("module."): shape for name, shape in SHAPES.items()}
    tensors = made_inputs.tensors(plain)
    return {f"module.{name}": value for name, value in tensors.items()}


@pytest.fixture(scope="module")
def params(made):
    return rife.parameters(made)


def compare(params, kind: str) -> None:
    found = rife.between(params)(*RECORDED["frames"], RECORDED["time"])
    flow = np.concatenate([found.to_first, found.to_second], axis=-1)
    mask, picture = np.asarray(found.mask)[..., None], np.asarray(found.picture) / 255
    for name, value in (("flow", flow), ("mask", mask), ("picture", picture)):
        difference = np.abs(value[::2, ::2] - RECORDED[f"{kind}_{name}"]).max()
        assert difference <= 1e-4, (name, difference)


def test_the_outputs_are_upstreams(params):
    assert np.abs(RECORDED["made_flow"]).max() > 3, "far enough to tell a wrong warp"
    compare(params, "made")


def test_the_outputs_with_the_published_weights_are_upstreams():
    if weights.status("rife").state != "there":
        pytest.skip("`vidparticles weights get rife` first")
    tensors = weights.load("rife")
    assert {name: list(value.shape) for name, value in tensors.items()} == SHAPES
    compare(rife.parameters(tensors), "real")


def test_each_tensor_has_its_place(made, params):
    assert len(jax.tree.leaves(params)) == len(SHAPES)
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == sum(v.size for v in made.values())
    kernel = made["module.block2.convblock.3.0.weight"]
    np.testing.assert_array_equal(
        params["block2"]["convblock_3"]["kernel"], kernel.transpose(2, 3, 1, 0)
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"module.unet.conv.bias": None}, "unet.conv.bias and 0 more are missing"),
        ({"module.block_tea.lastconv.bias": np.zeros(5)}, "block_tea.lastconv.bias .* no place"),
        ({"module.unet.conv.bias": np.zeros(4)}, r"unet.conv.bias of shape \(4,\) has no place"),
    ],
)
def test_other_weights_are_one_sentence(made, change, words):
    other = {name: value for name, value in (made | change).items() if value is not None}
    with pytest.raises(InputError, match=f"not the weights of RIFE 4.0: .*{words}"):
        rife.parameters(other)


def test_any_size_is_that_of_its_edges_repeated(params):
    """Without the refining network, which compiles as long again."""
    found = rife.between(params, rife.RifeConfig(refine=False))
    frames = RECORDED["frames"][:, :50, :70]
    wide = np.pad(frames, [(0, 0), (0, 14), (0, 26), (0, 0)], mode="edge")
    cut, whole = found(*frames, 0.5), found(*wide, 0.5)
    assert cut.mask.shape == (50, 70)
    for small, large in zip(cut, whole, strict=True):
        np.testing.assert_array_equal(small, np.asarray(large)[:50, :70])
