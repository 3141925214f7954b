"""NanoDet: each published tensor has its place, and the outputs are those of TensorFlow.js.

The outputs were recorded by `record_graphs.py`: of made-up parameters, which every run compares
with, and of the published ones, where they are in the user's cache.
"""

from __future__ import annotations

import json
import pathlib

import jax
import jax.numpy as jnp
import made_inputs
import numpy as np
import pytest

from vidparticles import weights
from vidparticles.errors import InputError
from vidparticles.models.published import nanodet

HERE = pathlib.Path(__file__).parent / "recorded"
SHAPES = json.loads((HERE / "names.json").read_text())["nanodet"]
RECORDED = dict(np.load(HERE / "nanodet.npz"))
network = jax.jit(lambda params, x: nanodet.NanoDet().apply({"params": params}, x))


def compare(params, kind: str) -> None:
    levels = network(params, made_inputs.for_nanodet())
    flat = [
        np.asarray(part).reshape(-1, part.shape[-1])[::31] for level in levels for part in level
    ]
    for k, found in enumerate(flat):
        recorded = RECORDED[f"{kind}_{k}"]
        # The logits of made-up parameters reach 80.
        size = max(1, np.abs(recorded).max())
        np.testing.assert_allclose(found / size, recorded / size, rtol=0, atol=1e-4)


def test_the_outputs_are_upstreams():
    compare(nanodet.parameters(made_inputs.graph_tensors(SHAPES)), "made")


@pytest.mark.slow
def test_the_outputs_with_the_published_weights_are_upstreams():
    if weights.status("nanodet").state != "there":
        pytest.skip("`vidparticles weights get nanodet` first")
    tensors = weights.load("nanodet")
    assert {name: list(value.shape) for name, value in tensors.items()} == SHAPES
    compare(nanodet.parameters(tensors), "real")


def test_each_tensor_has_its_place():
    tensors = made_inputs.graph_tensors(SHAPES)
    params = nanodet.parameters(tensors)
    assert len(jax.tree.leaves(params)) == len(SHAPES)
    np.testing.assert_array_equal(params["told2"]["bias"], tensors["unknown_72"])
    del tensors["unknown_0"]
    with pytest.raises(InputError, match=r"not the weights of NanoDet: unknown_0 is missing"):
        nanodet.parameters(tensors)


def levels_of(boxes: list[tuple[int, int, int, float]]) -> list[tuple[jax.Array, jax.Array]]:
    """What a network says of a picture of 64 × 96 pixels: 3 strides each way around places."""
    scores = np.full((8, 12, 80), 0.01, np.float32)
    logits = np.zeros((8, 12, 44), np.float32)
    logits[..., 3::11] = 50  # three strides to each side
    for row, column, kind, score in boxes:
        scores[row, column, kind] = score
    far = [np.zeros((8 >> k, 12 >> k, c), np.float32) for k in (1, 2) for c in (80, 44)]
    whole = [scores, logits, *far]
    return [(jnp.asarray(a), jnp.asarray(b)) for a, b in zip(whole[::2], whole[1::2], strict=True)]


def test_of_boxes_over_each_other_the_best_of_a_kind_stays():
    said = levels_of([(4, 5, 0, 0.6), (4, 6, 0, 0.9), (4, 6, 16, 0.3), (4, 5, 16, 0.95)])
    config = nanodet.NanoDetConfig(count=6, candidates=20)
    # The frame is twice as large as the picture, 120 rows of 128 and 180 columns of 192.
    box, score, kind, valid = jax.jit(nanodet._told, static_argnums=(1, 2, 3))(
        said, (60, 90), (120, 180), config
    )
    assert valid.tolist() == [True, True] + 4 * [False]
    assert kind[:2].tolist() == [16, 0]
    np.testing.assert_allclose(score[:2], [0.95, 0.9])
    # At (44, 36) and (52, 36) pixels of the picture, 24 to each side, cut off at its border.
    right = [(52 + 24) / 60, 1]
    np.testing.assert_allclose(box[0], [20 / 60, 12 / 60, 68 / 60, 1], atol=1e-5)
    np.testing.assert_allclose(box[1], [28 / 60, 12 / 60, *right], atol=1e-5)


def test_mistakes_are_sentences():
    with pytest.raises(InputError, match=r"frame has shape \(4, 3\); NanoDet takes \[H, W, 3\]"):
        nanodet.observe()({}, np.zeros((4, 3)))
    with pytest.raises(InputError, match="size is 100; expected a multiple of 32"):
        nanodet.NanoDetConfig(size=100)
