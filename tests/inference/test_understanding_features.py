"""What the networks are given of a clip: each frame once, and nothing that crosses a cut."""

from __future__ import annotations

import types
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidparticles import shots, weights
from vidparticles.errors import InputError
from vidparticles.inference.understanding import features, sampling
from vidparticles.inference.understanding.moments import Moment, moments
from vidparticles.inference.understanding.networks import Networks, networks
from vidparticles.models.published.i3d import Actions
from vidparticles.models.published.parts import labels
from vidparticles.video import footage, open_video, write_video

SIZE = 32
CONFIG = features.FeatureConfig(size=SIZE, windows=3, pictures=4)


class Painted:
    """A picture of one level, which counts how often it is looked at."""

    looks: ClassVar[list[int]] = []

    def __init__(self, level: int):
        self.level, self.height, self.width = level, 60, 80

    def rgb(self, size: tuple[int, int]) -> np.ndarray:
        self.looks.append(self.level)
        return np.full((*size, 3), self.level, np.uint8)


def film(times: list[float], end: float, cuts: set[int] = frozenset()) -> list[Moment]:
    """Frames whose level is their index."""
    ends = [*times[1:], end]
    return [
        Moment(k, time, until, Painted(k), k in cuts)
        for k, (time, until) in enumerate(zip(times, ends, strict=True))
    ]


def taken(sampler, frames: list[Moment]) -> list:
    return [item for moment in frames for item in sampler.take(moment)] + list(sampler.end())


def levels(window: np.ndarray) -> list[int]:
    return window[:, 0, 0, 0].tolist()


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=5),
    st.sampled_from([1.0, 10.0, 12.5, 25.0, 30.0, 120.0]),
)
def test_no_window_and_no_picture_crosses_a_cut(lengths, rate):
    begins = np.cumsum([0, *lengths])
    count = min(int(begins[-1]), 250)
    frames = film([k / rate for k in range(count)], count / rate, {*begins[1:].tolist()})
    shot = np.searchsorted(begins, np.arange(count), side="right")
    windows = taken(sampling.Windows(CONFIG), frames)
    for (start, end), window in windows:
        inside = np.array(levels(window))
        assert len(set(shot[inside].tolist())) == 1
        assert len(inside) == CONFIG.frames
        first, last = begins[shot[inside[0]] - 1 : shot[inside[0]] + 1] / rate
        assert first - 1e-6 <= start < end <= min(last, count / rate) + 1e-6
        # What it shows is what the clip shows in that time, to the frame.
        assert inside.min() >= np.floor(start * rate + 1e-6)
        assert inside.max() < np.ceil(end * rate + 1e-6)
    assert {int(s) for (_, w) in windows for s in shot[levels(w)]} == set(shot.tolist())
    pictures = taken(sampling.Pictures(CONFIG), frames)
    assert {int(shot[p[0, 0, 0]]) for _, p in pictures} == set(shot.tolist())


def test_the_windows_of_a_shot_lie_side_by_side_and_the_last_ends_with_it():
    frames = film([k / 25 for k in range(200)], 8.0)
    spans = [span for span, _ in taken(sampling.Windows(CONFIG), frames)]
    np.testing.assert_allclose(spans, [(0, 2.56), (2.56, 5.12), (5.12, 7.68)])  # .32 s is too short
    spans = [
        s for s, _ in taken(sampling.Windows(CONFIG), film([k / 25 for k in range(250)], 10.0))
    ]
    np.testing.assert_allclose(spans[-1], (7.44, 10.0))
    times = [time for time, _ in taken(sampling.Pictures(CONFIG), frames)]
    np.testing.assert_allclose(times, np.arange(8) + 0.48)  # of the frame that shows there


def test_a_short_shot_goes_there_and_back():
    ((span, window),) = taken(sampling.Windows(CONFIG), film([k / 12.5 for k in range(5)], 0.4))
    assert span == (0, 0.4)
    assert levels(window)[:10] == [0, 1, 2, 3, 4, 3, 2, 1, 0, 1]
    ((span, window),) = taken(sampling.Windows(CONFIG), film([0.0], 0.0))  # a picture
    assert set(levels(window)) == {0}


def test_only_the_frames_that_are_taken_are_scaled():
    Painted.looks.clear()
    taken(sampling.Windows(CONFIG), film([k / 100 for k in range(256)], 2.56))
    assert Painted.looks == list(range(0, 256, 8))


@given(st.integers(0, 11), st.integers(1, 5))
def test_batches_say_the_same_as_one_by_one_and_have_one_shape(count, size):
    given_shapes = []

    def network(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        given_shapes.append(x.shape)
        return x.sum(1), x * 2

    items = np.random.default_rng(0).random((count, 3)).astype(np.float32)
    batches = sampling.Batches(network, size, [(), (3,)])
    batches.extend(enumerate(items))
    names, (sums, doubles) = batches.end()
    assert names == list(range(count))
    np.testing.assert_allclose(sums, items.sum(1), rtol=1e-6)
    np.testing.assert_allclose(doubles, items * 2)
    assert set(given_shapes) <= {(size, 3)}


@pytest.fixture(scope="module")
def two_shots(tmp_path_factory):
    """3 s of a dark texture, then 2 s of a bright one, 25 frames a second."""
    noise = np.random.default_rng(0).integers(0, 90, (2, 12, 16, 3))
    pictures = np.kron(noise, np.ones((1, 5, 5, 1))).astype(np.uint8)
    frames = [pictures[0]] * 75 + [pictures[1] + 160] * 50
    path = tmp_path_factory.mktemp("shots") / "two.mp4"
    write_video(path, np.stack(frames), rate=25)
    return path


def looked(seen: list[np.ndarray]) -> Networks:
    """Networks that say how bright what they are given is."""

    def actions(frames: np.ndarray) -> Actions:
        seen.append(frames)
        bright = frames.mean((1, 2, 3, 4), keepdims=False)[:, None]
        return Actions(
            np.repeat(bright, 400, 1),
            np.repeat(np.repeat(bright[:, None], 4, 1), 400, 2),
            np.repeat(np.repeat(bright[:, None], 4, 1), 1024, 2),
        )

    def tags(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        bright = pictures.mean((1, 2, 3))[:, None]
        return np.repeat(bright, 1000, 1), np.repeat(bright, 1280, 1)

    return Networks(actions, tags)


def test_a_file_with_a_cut_in_the_middle(two_shots):
    seen: list[np.ndarray] = []
    found = features.clip_features(two_shots, networks_here=looked(seen), config=CONFIG)
    assert found.starts.tolist() == pytest.approx([0.0, 3.0])
    assert found.ends.tolist() == pytest.approx([2.56, 5.0])
    assert found.logits.shape == (2, 400)
    assert found.steps.shape == (2, 4, 400)
    assert found.features.shape == (2, 1024)
    assert found.logits[0, 0] < 100
    assert found.logits[1, 0] > 150
    assert {batch.shape for batch in seen} == {(3, 32, SIZE, SIZE, 3)}
    assert len(found.times) == 5
    assert found.picture_logits.shape == (5, 1000)
    assert found.picture_features.shape == (5, 1280)
    assert found.seconds == pytest.approx(5.0)
    assert found.warnings == ()


def test_the_shots_are_those_of_the_whole_clip():
    with open_video(footage.path("nasa")) as video:
        signals: list[shots.Signals] = []
        cuts = [moment.index for moment in moments(video, signals=signals) if moment.cut]
        told = shots.transitions(shots.joined(signals), video.times)
        frames = list(video.every(size=shots.SIZE))
    whole = shots.transitions(shots.measure(frame for _, frame in frames), video.times)
    assert told == whole
    assert [change.kind for change in whole] == ["dissolve", "cut"]
    assert cuts == [change.first for change in whole if change.kind == "cut"]


def test_without_networks_one_sentence_says_which_command_brings_them(two_shots, monkeypatch):
    monkeypatch.setattr(weights, "status", lambda _: types.SimpleNamespace(state="not there"))
    found = networks()
    assert found.actions is None
    assert found.tags is None
    (sentence,) = found.missing
    assert "`vidparticles weights get i3d efficientnet-lite0`" in sentence
    seen = features.clip_features(two_shots, networks_here=found)
    assert seen.warnings == (sentence,)
    assert len(seen.starts) == len(seen.times) == 0


def test_damaged_weights_are_a_sentence_and_the_rest_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = weights.status("i3d").path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a file of weights")
    found = networks()
    assert found.actions is None
    assert any("is damaged" in s and "weights get i3d" in s for s in found.missing)
    assert any("efficientnet-lite0" in s for s in found.missing)


@pytest.mark.parametrize("wrong", [{"size": 8}, {"frames": 12}, {"rate": 0.0}, {"share": 1.5}])
def test_a_config_that_cannot_be_is_a_sentence(wrong):
    with pytest.raises(InputError, match="expected"):
        features.FeatureConfig(**wrong)


@pytest.mark.slow
def test_a_real_clip_is_named_by_the_published_networks(shared_data):
    found = networks()
    if found.missing:
        pytest.skip("`vidparticles weights get i3d efficientnet-lite0` first")
    seen = features.clip_features(
        shared_data / "clips" / "flipping_a_pancake.mkv", networks_here=found
    )
    mean = seen.logits.mean(0)
    assert labels.read("kinetics400")[int(mean.argmax())] == "flipping pancake"
    assert np.isfinite(seen.picture_logits).all()


@given(st.integers(32, 70), st.integers(0, 2**31))
def test_the_layout_is_the_mean_of_each_part(size, seed):
    frames = np.random.default_rng(seed).integers(0, 256, (3, size, size, 3), np.uint8)
    found = features._layout(frames)
    luma = frames.mean(0) @ [0.299, 0.587, 0.114] / 255
    edges = [k * size // 8 for k in range(9)]
    for i in range(8):
        for j in range(8):
            part = luma[edges[i] : edges[i + 1], edges[j] : edges[j + 1]]
            assert found[i, j] == pytest.approx(part.mean(), abs=1e-5)
