"""Sound that begins before the picture, or goes on after it."""

from __future__ import annotations

import numpy as np
import pytest

from vidparticles import editing
from vidparticles.video import open_video

SUFFIXES = pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])


def told(path) -> tuple[float, int, float]:
    """When the picture begins, how many frames there are, and how long the file lasts; checked."""
    with open_video(path) as video:
        sound = video.audio()
        duration = video.info.duration
        assert len(list(video)) == len(video)
        assert float(sound.duration) == pytest.approx(duration, abs=0.02)
        # The tone sounds all the time.
        level = np.abs(sound.samples[: sound.length // 480 * 480, 0]).reshape(-1, 480).max(1)
        assert (level > 0.03)[2:-6].all()
        return float(video.times[0]), len(video), duration


@SUFFIXES
@pytest.mark.parametrize(
    ("span", "frames", "seconds"), [((0, 8), 50, 8), ((3, 6), 1, 3), ((1, 3), 25, 2)]
)
def test_the_last_picture_is_held_while_sound_goes_on(
    span, frames, seconds, suffix, shared_data, tmp_path
):
    out = tmp_path / f"out{suffix}"
    made = editing.apply(shared_data / "faults" / "picture_stops.webm", out, editing.trim(*span))
    assert made.seconds == pytest.approx(seconds, abs=0.01)
    assert told(out) == (0, frames, pytest.approx(seconds, abs=0.02))


def test_a_held_picture_and_its_sound_are_joined_and_retimed(shared_data, tmp_path):
    source = shared_data / "faults" / "picture_stops.webm"
    twice, quick = tmp_path / "twice.mp4", tmp_path / "quick.mp4"
    editing.splice([source, source], twice)
    assert told(twice) == (0, 100, pytest.approx(16, abs=0.02))
    with open_video(twice) as video:
        assert video.times[49:52].tolist() == pytest.approx([1.96, 7.993, 8.033], abs=0.002)
    editing.apply(source, quick, editing.retime(2))
    assert told(quick) == (0, 25, pytest.approx(4, abs=0.02))


@SUFFIXES
@pytest.mark.parametrize(
    ("edit", "begins", "frames", "seconds"),
    [
        (editing.trim(None, 99), 0.527, 88, 4.047),
        (editing.trim(0.2, 1), 0.327, 12, 0.807),
        (editing.retime(2), 0.2635, 44, 2.0235),
    ],
)
def test_a_picture_begins_as_long_after_its_sound(
    edit, begins, frames, seconds, suffix, shared_data, tmp_path
):
    out = tmp_path / f"out{suffix}"
    editing.apply(shared_data / "faults" / "sound_first.mkv", out, edit)
    close = pytest.approx(begins, abs=0.002), frames, pytest.approx(seconds, abs=0.02)
    assert told(out) == close


def test_a_picture_that_stands_is_kept_from_where_it_is_cut(counted, tmp_path):
    """A recorder of a screen writes a frame when something changes."""
    source, out = counted(frames=6, times=[0, 0.1, 0.2, 3, 3.1, 3.2]), tmp_path / "out.mp4"
    made = editing.apply(source, out, editing.trim(1, 3.05))
    assert (made.frames, made.seconds) == (2, pytest.approx(2.1))
    with open_video(out) as video:
        assert video.times.tolist() == pytest.approx([0, 2], abs=1e-4)
