"""Slow motion by a network: asked as often as is needed, and one sentence where it is not there."""

from __future__ import annotations

import collections
import json
import pathlib

import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from vidparticles import cli
from vidparticles.editing.edit import edit
from vidparticles.editing.in_between import Network
from vidparticles.video import open_video, probe, write_video

NAMES = pathlib.Path(__file__).parents[1] / "models" / "published" / "names.json"


@pytest.fixture(scope="module")
def sliding(tmp_path_factory) -> pathlib.Path:
    """4 frames of 64 × 48, a texture that slides by 3 pixels a frame."""
    path = tmp_path_factory.mktemp("sliding") / "sliding.mp4"
    x, y = np.arange(64), np.arange(48)[:, None]
    frames = [
        np.stack([128 + 60 * np.sin((x - 3 * k) / (4 + c)) * np.cos(y / 5) for c in range(3)], -1)
        for k in range(4)
    ]
    write_video(path, (frame.astype(np.uint8) for frame in frames), rate=24)
    return path


@pytest.mark.parametrize("pictures", [False, True])
def test_its_motion_is_asked_for_once_a_gap_and_its_picture_at_each_moment(
    sliding, tmp_path, pictures
):
    Found = collections.namedtuple("Found", "to_first to_second picture")
    asked = {"motion": [], "picture": []}

    def source(kind):
        def find(first, second, time):
            asked[kind].append(float(time))
            way = jnp.broadcast_to(jnp.asarray([1.5, 0.0]), (*first.shape[:2], 2))
            return Found(-way, way, jnp.full(first.shape, 128.0))

        return find

    network = Network(source("motion"), source("picture") if pictures else None)
    out = tmp_path / "slow.mp4"
    edit(sliding, out, speed=0.25, network=network)
    assert asked["motion"] == 3 * [0.5]
    assert asked["picture"] == (3 * [0.25, 0.5, 0.75] if pictures else [])
    with open_video(out) as video:
        shown = video.frames(range(3)).astype(float)
    # The other picture is plain gray: half of the contrast is left where it counts.
    contrast = np.std(shown, axis=(1, 2, 3))
    assert contrast[1] / contrast[0] == pytest.approx(0.5 if pictures else 1, abs=0.12)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "--speed 0.5 --motion rife",
            "the weights 'rife' are not there; `vidparticles weights get",
        ),
        ("--speed 0.5 --quality best", "the weights 'rife' are not there"),
        ("--speed 0.5 --motion rife --weights no.pth", "no.pth cannot be read"),
        ("--speed 0.5 --motion rife --weights {other}", "these are not the weights of RIFE 4.0"),
        ("--speed 0.5 --weights no.pth", "--weights are of --motion rife or --quality best"),
        ("--trim 0:0.1 --motion rife --weights {made}", "give --speed too"),
    ],
)
def test_a_mistake_is_one_sentence(sliding, tmp_path, monkeypatch, capsys, words, sentence):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    other, made = tmp_path / "other.safetensors", tmp_path / "made.safetensors"
    save_file({"module.unet.conv.bias": np.zeros(5, np.float32)}, other)
    if "{made}" in words:
        save_file(tensors(), made)
    out = tmp_path / "out.mp4"
    line = words.format(other=other, made=made).split()
    assert cli.main(["edit", str(sliding), *line, "-o", str(out)]) == 2
    told = capsys.readouterr().err
    assert told.startswith("vidparticles: ")
    assert sentence in told
    assert told.count("\n") == 1
    assert not out.exists()


def tensors() -> dict[str, np.ndarray]:
    """Of the shapes of the published ones, all zeros: nothing moves, and its picture is gray."""
    shapes = json.loads(NAMES.read_text())["rife"]
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


@pytest.mark.slow
def test_the_whole_way_from_a_file_of_weights(sliding, tmp_path, capsys):
    save_file(tensors(), tmp_path / "made.safetensors")
    out = tmp_path / "out.mp4"
    words = ["--speed", "0.5", "--quality", "best", "--weights", str(tmp_path / "made.safetensors")]
    assert cli.main(["edit", str(sliding), *words, "-o", str(out)]) == 0
    assert probe(out).frames == 8
    assert not capsys.readouterr().err
