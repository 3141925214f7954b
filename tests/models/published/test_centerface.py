"""CenterFace: each published tensor has its place, and the outputs are onnxruntime's.

The outputs were recorded by `record_more.py`: of made-up parameters, which every run compares
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
from vidparticles.models.published import centerface
from vidparticles.video import open_video

HERE = pathlib.Path(__file__).parent / "recorded"
SHAPES = json.loads((HERE / "names.json").read_text())["centerface"]
RECORDED = dict(np.load(HERE / "centerface.npz"))


def compare(params, kind: str) -> None:
    picture = jnp.asarray(made_inputs.for_centerface(kind))
    found = jax.jit(centerface.CenterFace().apply)({"params": params}, picture)
    for k, value in enumerate(found):
        recorded = RECORDED[f"{kind}_{k}"]
        assert np.ptp(recorded) > 0.01
        value = np.asarray(value[0]).reshape(recorded.shape)
        top = max(1, np.abs(recorded).max()) if kind == "made" else 1
        np.testing.assert_allclose(value / top, recorded / top, rtol=0, atol=1e-4)


def test_the_outputs_are_upstreams():
    compare(centerface.parameters(made_inputs.tensors(SHAPES)), "made")


@pytest.mark.slow
def test_the_outputs_with_the_published_weights_are_upstreams():
    if weights.status("centerface").state != "there":
        pytest.skip("`vidparticles weights get centerface` first")
    tensors = weights.load("centerface")
    assert {name: list(value.shape) for name, value in tensors.items()} == SHAPES
    compare(centerface.parameters(tensors), "real")


@pytest.mark.slow
def test_faces_of_a_clip_are_found(shared_data):
    """On a person who is being made up, and none on a dog."""
    if weights.status("centerface").state != "there":
        pytest.skip("`vidparticles weights get centerface` first")
    find = centerface.faces(centerface.parameters(weights.load("centerface")))
    counts = {}
    for name in ("apply_eye_makeup_ucf101.avi", "dog_256.mp4"):
        with open_video(shared_data / "clips" / name) as video:
            found = find(video[40])
        counts[name] = int(found.valid.sum())
        if counts[name]:
            points, box = np.asarray(found.points[0]), np.asarray(found.box[0])
            assert ((box[:2] <= points) & (points <= box[2:])).all()
            assert points[:2, 1].max() < points[2, 1] < points[3:, 1].min(), "eyes, nose, mouth"
    assert counts == {"apply_eye_makeup_ucf101.avi": 1, "dog_256.mp4": 0}


def test_what_is_at_a_place_becomes_a_face(monkeypatch):
    """A face of 24 × 16 pixels of a frame of 64 × 128, and one beside it that it covers."""
    heat = jnp.zeros((1, 16, 32)).at[0, 5, 10].set(0.9).at[0, 5, 11].set(0.8)
    size = jnp.broadcast_to(jnp.log(jnp.array([24.0, 16.0]) / 4), (1, 16, 32, 2))
    offset = jnp.full((1, 16, 32, 2), 0.25)
    points = jnp.full((1, 16, 32, 10), 0.5)
    told = heat, size, offset, points
    monkeypatch.setattr(centerface.CenterFace, "apply", lambda *_: told)
    config = centerface.CenterFaceConfig(count=3, candidates=4)
    look = jax.jit(centerface._faces.__wrapped__, static_argnames="config")
    found = look({}, jnp.zeros((64, 128, 3)), config=config)
    assert found.valid.tolist() == [True, False, False]
    y, x = (5 + 0.75) * 4, (10 + 0.75) * 4
    box = np.array([x - 8, y - 12, x + 8, y + 12]) / 64
    np.testing.assert_allclose(found.box[0], box, atol=1e-6)
    np.testing.assert_allclose(found.points[0], np.tile([x / 64, y / 64], (5, 1)), atol=1e-6)


def test_each_tensor_has_its_place():
    tensors = made_inputs.tensors(SHAPES)
    params = centerface.parameters(tensors)
    assert len(jax.tree.leaves(params)) == len(SHAPES)
    last = tensors["762"]
    np.testing.assert_array_equal(params["last"]["kernel"], last.transpose(2, 3, 1, 0))
    del tensors["544"]
    with pytest.raises(InputError, match="not the weights of CenterFace: 544 is missing"):
        centerface.parameters(tensors)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: centerface.faces({})(np.zeros((4, 3))), r"the frame has shape \(4, 3\)"),
        (lambda: centerface.CenterFaceConfig(size=100), "size is 100; expected a multiple of 32"),
        (lambda: centerface.CenterFaceConfig(count=0), "expected 0 < count ≤ candidates"),
    ],
)
def test_a_mistake_is_one_sentence(make, sentence):
    with pytest.raises(InputError, match=sentence):
        make()
