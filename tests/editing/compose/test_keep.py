"""What is kept of a file begins and ends with frames, and shows what it says."""

from __future__ import annotations

import itertools
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from tests.editing.conftest import number_of
from vidparticles import editing
from vidparticles.editing.compose import keep
from vidparticles.editing.trim import FrameIndex
from vidparticles.editing.trim import keep as keeping
from vidparticles.errors import InputError
from vidparticles.video import Sound


def numbers_in(frames):
    return [number_of(picture.rgb()) for _, picture in frames]


RATES = [Fraction(24000, 1001), Fraction(30), None]


@pytest.fixture(scope="module")
def sounding(counted):
    """A clip at a rate, or at uneven times; its sound rises by a step a sample."""

    def make(rate):
        ramp = np.linspace(-0.5, 0.5, 12800, dtype=np.float32)[:, None]
        if rate is not None:
            return counted(frames=48, rate=rate, audio=Sound.of(ramp, 8000))
        times = np.cumsum([0] + [0.02 + 0.01 * (k * k % 5) for k in range(47)]).tolist()
        return counted(frames=48, times=times, audio=Sound.of(ramp, 8000))

    return make


@settings(max_examples=30)
@given(data=st.data())
def test_spans_are_snapped_to_frames_and_kept_as_they_are_told(sounding, data):
    path = sounding(data.draw(st.sampled_from(RATES)))
    with editing.opened(path) as reel:
        marks = st.floats(0, float(reel.duration), allow_nan=False).map(Fraction)
        pairs = st.lists(marks, min_size=2, max_size=2, unique=True).map(sorted)
        spans = data.draw(st.lists(pairs, min_size=1, max_size=4))
        try:
            timeline = keep(path, spans)
        except InputError:
            gaps = [b - a for a, b in itertools.pairwise([*reel.times, reel.duration])]
            assert all(b - a <= max(gaps) for a, b in spans)
            return
        edges = {*reel.times, reel.duration}
        assert all({clip.start, clip.end} <= edges for clip in timeline.clips)
        # Kept once more, they are the same.
        again = keep(path, [(clip.start, clip.end) for clip in timeline.clips])
        assert again == timeline
        part = keeping(*((clip.start, clip.end) for clip in timeline.clips))(reel)
        wanted = [
            k
            for clip in timeline.clips
            for k, time in enumerate(reel.times)
            if clip.start <= time < clip.end
        ]
        assert part.duration == timeline.seconds
        assert len(part.times) == len(wanted)
        assert numbers_in(part.frames) == wanted
        assert numbers_in(part.again(1, len(wanted))) == wanted[1:]
        whole, heard = reel.audio.samples, part.audio.samples
        for clip, begun in zip(timeline.clips, timeline.starts, strict=True):
            first, at = round(clip.start * 8000), round(begun * 8000)
            length = max(0, min(round(clip.end * 8000), len(whole)) - first - 1)
            np.testing.assert_array_equal(heard[at : at + length], whole[first : first + length])


def test_frames_and_open_ends_are_understood_and_empty_spans_left_out(sounding):
    path = sounding(Fraction(30))
    timeline = keep(path, [(FrameIndex(3), FrameIndex(6)), (0.501, 0.502), (Fraction(3, 2), None)])
    tick = Fraction(1, 30)
    assert [(c.start, c.end) for c in timeline.clips] == [
        (3 * tick, 6 * tick),
        (45 * tick, 48 * tick),
    ]
    assert timeline.rate == 30
    assert keep(path).seconds == Fraction(48, 30)
    with pytest.raises(InputError, match="no frame begins between 7 s"):
        keep(path, [(7, 8)])
    with pytest.raises(InputError, match="nothing of it is kept"):
        keep(path, [])
