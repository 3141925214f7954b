"""Clips that go over into each other: what is seen and heard when, of any rates and sizes."""

from __future__ import annotations

import numpy as np
import pytest

from vidparticles import cli
from vidparticles.editing import splice
from vidparticles.editing.splicing import MIXES
from vidparticles.errors import InputError
from vidparticles.video import Sound, cut, open_video, write_video
from vidparticles.video.sound.loudness import loudness

RATE = 16000


def clip(path, level, *, rate=10, seconds=2, size=(48, 64), sound=0.1):
    tone = sound * np.sin(2 * np.pi * 1000 * np.arange(seconds * RATE) / RATE)
    audio = Sound.of(tone[:, None].astype(np.float32), RATE) if sound else None
    frames = np.full((rate * seconds, *size, 3), level, np.uint8)
    write_video(path, frames, rate=rate, audio=audio)
    return path


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    loud = clip(folder / "b.mp4", 200, rate=15, size=(32, 48), sound=0.4)
    return clip(folder / "a.mp4", 60), loud, clip(folder / "c.mkv", 100, sound=0)


@pytest.mark.parametrize("kind", MIXES)
def test_one_picture_goes_over_into_the_other_and_back(kind, clips, tmp_path):
    three = [clips[0], clips[0], clips[2]]
    done = splice(three, tmp_path / "out.mp4", transition=kind, seconds=0.8)
    assert done.seconds == pytest.approx(6 - 2 * 0.8)
    with open_video(done.path) as video:
        frames = [frame.astype(int) for _, frame in video]
    assert len(frames) == 44
    levels = [int(frame[24].mean()) for frame in frames]
    assert max(abs(level - 60) for level in (*levels[:12], *levels[20:24])) <= 3
    assert max(abs(level - 100) for level in levels[32:]) <= 3
    if kind == "dip":
        assert min(levels[12:20]) < 20
    else:  # from one picture to the same nothing is seen of it
        assert max(abs(level - 60) for level in levels[12:20]) <= 3
        assert levels[24:32] == sorted(levels[24:32])
        assert levels[24] < 80 < levels[31]


def test_sizes_rates_and_missing_sounds_are_reconciled(clips, tmp_path):
    out = tmp_path / "out.mp4"
    done = splice([*clips], out, transition="fade", seconds=0.4, loudness=None)
    assert (done.height, done.width) == (48, 64)
    assert done.seconds == pytest.approx(6 - 0.8, abs=0.07)
    with open_video(done.path) as video:
        assert (np.diff(video.times) > 0).all()
        assert np.diff(video.times).max() < 0.15
        sound = video.audio()
    assert abs(float(sound.duration) - done.seconds) < 0.03
    # Each is as loud as it was; in the transition one goes down while the other comes up.
    parts = [cut(sound, *span).samples for span in ((0.2, 1.5), (2.1, 3.0), (3.9, 5.0))]
    assert [np.abs(part).max() for part in parts] == pytest.approx([0.1, 0.4, 0.0], abs=0.02)


def test_loudness_is_that_of_each_clip_and_the_picture_is_not_touched(clips, tmp_path):
    done = splice(clips[:2], tmp_path / "out.mp4", loudness=-23)
    with open_video(done.path) as video:
        sound = video.audio()
        for span in ((0.0, 2.0), (2.0, 4.0)):
            assert loudness(cut(sound, *span)).integrated == pytest.approx(-23, abs=0.5)
        assert abs(int(video[0].mean()) - 60) <= 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--transition fde", "'fade'"),
        ("--transition fade --seconds 3", "too short"),
        ("--transition fade --seconds -1", "more than 0"),
        ("--loudness 3", "LUFS"),
        ("--loudness loud", "LUFS"),
        ("--match 2 --transition fade", "leave out the transition"),
        ("--match -1", "more than 0"),
    ],
)
def test_what_cannot_be_is_a_sentence(words, says, clips, tmp_path, capsys):
    out = tmp_path / "out.mp4"
    assert cli.main(["splice", *map(str, clips[:2]), *words.split(), "-o", str(out)]) == 2
    assert says in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_a_clip_may_be_as_short_as_its_transitions_leave_a_moment(clips, tmp_path):
    with pytest.raises(InputError, match="too short"):
        splice([clips[0]] * 3, tmp_path / "out.mp4", transition="fade", seconds=1.0)
    done = splice([clips[0]] * 3, tmp_path / "out.mp4", transition="fade", seconds=0.8)
    assert done.seconds == pytest.approx(6 - 1.6)
