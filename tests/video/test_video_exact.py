"""Frames, times and sound against references that others decoded."""

import json
import re

import numpy as np
import pytest

from vidparticles.video import Picture, open_video, read_audio

FILES = ["av1_video.mkv", "h265_video.mp4", "nasa_13013.mp4"]


def as_theirs(picture: Picture) -> np.ndarray:
    """As the references became RGB: a quicker way that rounds down, by one to two levels."""
    return picture.frame.reformat(format="rgb24", threads=1).to_ndarray()


@pytest.mark.parametrize("name", FILES)
def test_frames_equal_the_references_to_the_bit(shared_data, name):
    folder = shared_data / "decode-exact"
    references = {
        int(re.search(r"frame(\d+)", path.name)[1]): np.load(path)["a"]
        for path in folder.glob(f"{name}.stream*.frame*.npz")
    }
    assert references
    with open_video(folder / name) as video:
        for place, reference in references.items():
            [picture] = video.pictures(place, place + 1)
            np.testing.assert_array_equal(as_theirs(picture), reference)
        run = dict(enumerate(video.run()))
        for place, reference in references.items():
            np.testing.assert_array_equal(as_theirs(run[place]), reference)
        order = np.random.default_rng(0).permutation(list(references))
        same = np.stack([run[place].rgb() for place in order])
        np.testing.assert_array_equal(video.frames(order), same)


def test_times_equal_the_references(shared_data):
    folder = shared_data / "decode-exact"
    facts = json.loads((folder / "nasa_13013.mp4.stream3.all_frames_info.json").read_text())
    with open_video(folder / "nasa_13013.mp4") as video:
        times = [float(fact["pts_time"]) for fact in facts]
        np.testing.assert_allclose(video.times, times, atol=0.5e-6)
        ends = np.append(video.times[1:], video.info.duration)
        lasts = [float(fact["duration_time"]) for fact in facts]
        np.testing.assert_allclose(ends - video.times, lasts, atol=1e-6)


def test_samples_equal_the_reference_to_the_bit(shared_data):
    name = shared_data / "decode-exact" / "sine_mono_s16.wav"
    reference = np.load(f"{name}.stream0.all_frames.npz")["a"]
    sound = read_audio(name)
    assert sound.rate == 16000
    np.testing.assert_array_equal(sound.samples, reference.T)
    facts = json.loads(name.with_name(f"{name.name}.stream0.all_frames_info.json").read_text())
    end = float(facts[-1]["pts_time"]) + float(facts[-1]["duration_time"])
    assert float(sound.duration) == pytest.approx(end, abs=1e-6)
