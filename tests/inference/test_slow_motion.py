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
from vidparticles.editing.timing import in_between
from vidparticles.editing.timing.in_between import Network
from vidparticles.video import Encoding, open_video, probe, write_video

NAMES = pathlib.Path(__file__).parents[1] / "models" / "published" / "recorded/names.json"


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
            blend = (jnp.asarray(first, jnp.float32) + second) / 2
            return Found(-way, way, blend + 4)

        return find

    network = Network(source("motion"), source("picture") if pictures else None)
    out = tmp_path / "slow.mp4"
    edit(sliding, out, speed=0.25, network=network)
    # Once more before, of the first frame and the third: how far it is trusted.
    assert asked["motion"] == 4 * [0.5]
    assert asked["picture"] == ([0.5, *3 * [0.25, 0.5, 0.75]] if pictures else [])
    with open_video(out) as video:
        shown = video.frames(range(3)).astype(float)
    # The other picture is brighter by 4, and half of what is shown.
    levels = np.mean(shown, axis=(1, 2, 3))
    assert levels[1] - levels[0] == pytest.approx(2 if pictures else 0, abs=1.0)


# ---------------------------------------------------------------- clips of all kinds


def textured(count: int, size: tuple[int, int] = (64, 80), *, step: float = 3.0):
    """Frames [H, W, 3] of a texture that slides by a step each."""
    height, width = size
    x, y = np.arange(width), np.arange(height)[:, None]
    for k in range(count):
        frame = [
            128 + 60 * np.sin((x - step * k) / (4 + c)) * np.cos(y / 5 + c / 2) for c in range(3)
        ]
        yield np.stack(frame, -1).astype(np.uint8)


def slowed(frames, tmp_path: pathlib.Path, rate: int = 24) -> np.ndarray:
    """What half speed makes of them, without loss by an encoder."""
    source, out = tmp_path / "in.mp4", tmp_path / "out.mp4"
    write_video(source, frames, rate=rate, crf=0)
    edit(source, out, speed=0.5, encoding=Encoding(crf=0))
    with open_video(out) as video:
        assert float(video.info.rate) == rate
        return video.frames(range(len(video))).astype(float)


@pytest.mark.parametrize(
    ("count", "size", "rate"),
    [
        (1, (64, 80), 24),
        (2, (64, 80), 24),
        (6, (64, 80), 240),
        pytest.param(3, (40, 1000), 24, marks=pytest.mark.slow),
    ],
)
def test_few_frames_many_a_second_and_narrow_ones_are_slowed(count, size, rate, tmp_path):
    shown = slowed(textured(count, size), tmp_path, rate)
    assert len(shown) == 2 * count
    truth = np.stack(list(textured(2 * count - 1, size, step=1.5))).astype(float)
    assert np.abs(shown[: 2 * count - 1] - truth)[:, 8:-8, 8:-8].mean() < 4


def test_one_color_stays_what_it_is(tmp_path):
    shown = slowed([np.full((64, 80, 3), 90, np.uint8)] * 6, tmp_path)
    assert shown.shape[0] == 12
    assert np.abs(shown - 90).max() <= 2


def test_a_cut_after_the_first_frame_is_no_motion(tmp_path):
    after = list(textured(6))
    cells = np.random.default_rng(1).integers(0, 256, (8, 10, 3), np.uint8)
    before = np.kron(cells, np.ones((8, 8, 1), np.uint8))
    shown = slowed([before, *after], tmp_path)
    away = [np.abs(shown - frame).mean((1, 2, 3)) for frame in (before, after[0])]
    # The frame on the way shows one of them, whole.
    assert min(away[0][1], away[1][1]) < 4
    assert away[1][2] < 4


def test_what_known_frames_do_not_bear_out_is_a_dissolve(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(in_between, "trust", lambda *given: asked.append(given) or 0.0)
    shown = slowed(textured(10, step=8.0), tmp_path)
    assert len(asked) == 1  # of eight frames; of those after them there are but two
    assert np.abs(shown[1] - (shown[0] + shown[2]) / 2).mean() < 4
    assert np.abs(shown[1] - shown[0]).mean() > 12


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
