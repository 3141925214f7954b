"""Frames that show a picture again: which they are, and when each picture is due."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import test_edit_contract
from scipy.ndimage import gaussian_filter
from test_edit_contract import Source, drifting

from vidparticles.editing import trim
from vidparticles.editing.reel import Frames, Reel, opened
from vidparticles.editing.timing.repeats import Pictures, RepeatConfig, change, measured, sketch
from vidparticles.editing.timing.retime import retime
from vidparticles.video import Picture, write_video

MOVES, CODED = 30.0, 2.0  # levels by which frames change that show another picture, and the same


def changes(lengths: Sequence[int]) -> list[float]:
    """Those of a shot whose pictures are shown for so many frames each."""
    told = [level for length in lengths for level in [MOVES, *[CODED] * (length - 1)]]
    return [math.inf, *told[1:]]


def pictures(told: Sequence[float], rate: int = 24) -> Pictures:
    times = [Fraction(k, rate) for k in range(len(told))]
    return Pictures(told.__getitem__, times, even=True)


def seen(told: Sequence[float], rate: int = 24) -> list[float]:
    """How many pictures have gone by at each frame, from what is shown there."""
    found = pictures(told, rate)
    order, gone = {0: 0}, []
    for index in range(len(told)):
        first, second, share = found.around(index, Fraction(0))
        order.setdefault(first, len(order))
        gone.append(order[first] + float(share) * (second != first))
    return gone


@pytest.mark.parametrize(
    ("lengths", "rate"),
    [
        ([2] * 8, 24),  # a cartoon on twos
        ([3] * 8, 24),  # and on threes
        ([4] * 6, 24),
        ([2] * 12, 60),  # a game of 30 pictures a second
        ([2, 1, 1, 1] * 5, 30),  # 24 pictures in 30 frames
        ([3, 2] * 8, 60),  # and in 60
        ([2, 1] * 8, 24),  # 16 in 24
        ([2, 1, 1, 1, 1] * 4, 30),  # 25 in 30
    ],
)
def test_pictures_that_come_evenly_are_spread_evenly(lengths, rate):
    told = changes(lengths)
    gone = seen(told, rate)
    end = len(told) - sum(lengths[-2:])  # the last has none to go on to
    steps = np.diff(gone[:end])
    np.testing.assert_allclose(steps, len(lengths) / len(told), rtol=1e-6)


@pytest.mark.parametrize(
    ("told", "rate"),
    [
        ([MOVES] * 20, 24),
        ([CODED] * 20, 24),  # a still, and real slow motion: as much from each frame to the next
        ([0.0] * 20, 24),
        ([MOVES, *[CODED] * 19, MOVES, MOVES], 24),  # a screen that stands
        ([MOVES, CODED, CODED, CODED, MOVES, MOVES], 10),  # for longer than a still takes
        ([MOVES, 0.4 * MOVES, MOVES, MOVES], 24),  # slower for a moment
    ],
)
def test_frames_that_are_pictures_of_their_own_stay(told, rate):
    found = pictures([math.inf, MOVES, *told], rate)
    for index in range(len(told) + 1):
        for share in (Fraction(0), Fraction(2, 5)):
            assert found.around(index, share) == (index, index + 1, share)


def test_exposures_of_all_kinds_begin_when_they_are_first_shown():
    lengths = [2, 2, 3, 1, 1, 2, 4, 2, 1]
    found = pictures(changes(lengths))
    firsts = list(itertools.accumulate(lengths, initial=0))
    for first, following, length in zip(firsts, firsts[1:-1], lengths, strict=False):
        for k in range(length):
            assert found.run(first + k) == (first, following)
            expected = (first, following, Fraction(k, length))
            assert found.around(first + k, Fraction(0)) == expected


def test_no_picture_goes_on_to_one_of_another_shot():
    told = changes([2, 2, 2])
    found = pictures([*told, *told])
    assert found.around(4, Fraction(1, 2)) == (4, 4, 0)
    assert found.around(5, Fraction(1, 2)) == (5, 5, 0)
    assert found.around(6, Fraction(0)) == (6, 8, 0)


@hypothesis.given(st.lists(st.integers(1, 6), min_size=2, max_size=20), st.data())
@hypothesis.settings(max_examples=40)
def test_moments_rise_whatever_the_pattern_and_wherever_one_begins(lengths, data):
    told = changes(lengths)
    moments = [(k, Fraction(part, 3)) for k in range(len(told)) for part in range(3)]
    found = [pictures(told).around(*moment) for moment in moments]
    for (here, _, share), (after, following, later) in itertools.pairwise(found):
        assert 0 <= share < 1
        assert (here, share) <= (after, later)
        assert after <= following
    # Asked about one moment alone, as of a part that comes again, it says the same.
    k = data.draw(st.integers(0, len(moments) - 1))
    asked: list[int] = []
    alone = Pictures(
        lambda index: asked.append(index) or told[index],
        [Fraction(k, 24) for k in range(len(told))],
        even=True,
    )
    assert alone.around(*moments[k]) == found[k]
    config = RepeatConfig()
    ahead = max(asked, default=0) - moments[k][0]
    assert ahead <= (1 if set(lengths) == {1} else 2 * config.cycle + 24 * config.still + 1)


# ---------------------------------------------------------------- out of frames


def moved(before: np.ndarray, after: np.ndarray) -> float:
    """Pixels by which a picture went to the left, by least squares."""
    first, second = (gaussian_filter(f.mean(-1, dtype=float), 2) for f in (before, after))
    slope = np.gradient((first + second) / 2, axis=1)[:, 8:-8]
    return float(np.sum(slope * (second - first)[:, 8:-8]) / np.sum(slope**2))


def middle(frames: Frames, first: int) -> Frames:
    """48 × 64 pixels of the middle, for programs that compile soon."""
    for time, frame in frames:
        top, left = (frame.height - 48) // 2, (frame.width - 64) // 2
        yield time, Picture.of(frame.rgb()[top : top + 48, left : left + 64])


def test_a_cartoon_on_twos_moves_evenly(shared_data):
    with opened(shared_data / "faults" / "on_twos.mp4") as reel:
        small = trim(0, 1)(reel.with_frames(middle, height=48, width=64))
        slowed = retime(0.5)(small)
        shown = [frame.rgb() for _, frame in slowed.frames]
        steps = [moved(*pair) for pair in itertools.pairwise(shown)]
        assert len(shown) == 48
        # The last picture has none to go on to.
        np.testing.assert_allclose(steps[:-3], 0.75, atol=0.05)
        # At the speed that it has, frames are shown as they are.
        piece = retime("0.5@0.5-1")(small)
        assert piece.again is not None
        assert small.again is not None
        for (_, frame), (_, own) in zip(piece.again(0, 12), small.again(0, 12), strict=True):
            np.testing.assert_array_equal(frame.rgb(), own.rgb())
        assert slowed.again is not None
        for (_, frame), right in zip(slowed.again(21, 25), shown[21:25], strict=True):
            np.testing.assert_array_equal(frame.rgb(), right)


def doubled() -> Reel:
    """A moving picture, each shown twice with grain of its own."""
    rng = np.random.default_rng(0)
    frames = [np.clip(drifting(k // 2) + rng.normal(0, 2, (48, 64, 1)), 0, 255) for k in range(12)]

    def again(first: int, last: int) -> Frames:
        for k in range(first, last):
            yield Fraction(k, 24), Picture.of(frames[k].astype(np.uint8))

    times = [Fraction(k, 24) for k in range(12)]
    return Reel(again(0, 12), times, Fraction(1, 2), Fraction(24), height=48, width=64, again=again)


def test_doubled_frames_are_the_same_backwards():
    there = [frame.rgb() for _, frame in retime(0.4)(doubled()).frames]
    back = [frame.rgb() for _, frame in retime(-0.4)(doubled()).frames][::-1]
    assert len(there) == 30
    for one, other in zip(there, back, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_more_frames_are_held_than_a_pattern_takes(monkeypatch):
    monkeypatch.setattr(test_edit_contract, "drifting", lambda k: drifting(k - (k + 4) // 5))
    source = Source(tuple(Fraction(k, 30) for k in range(20)), Fraction(30))  # of 24 pictures a s.
    held = []
    for _, frame in retime(0.5)(source.reel()).frames:
        del frame
        held.append(source.held())
    assert max(held) <= 2 * RepeatConfig().cycle + 1
    assert source.asked == 20


@pytest.mark.parametrize("grain", [0, 6])
@pytest.mark.parametrize("crf", [18, 28])
def test_repeats_are_told_through_coding_and_grain(grain, crf, tmp_path):
    rng = np.random.default_rng(0)
    wide = [np.tile(drifting(2 * (k // 2)), (4, 4, 1)) for k in range(24)]
    noisy = [np.clip(f + rng.normal(0, grain, (*f.shape[:2], 1)), 0, 255) for f in wide]
    write_video(tmp_path / "twos.mp4", [f.astype(np.uint8) for f in noisy], rate=24, crf=crf)
    config = RepeatConfig()
    with opened(tmp_path / "twos.mp4") as reel:
        told = [level for _, (_, level) in measured(reel.frames, config)]
    found = pictures(told)
    assert [found.run(k) for k in range(2, 20)] == [
        (k - k % 2, k - k % 2 + 2) for k in range(2, 20)
    ]


def test_something_small_that_moves_is_another_picture():
    """A mouth in a face that keeps still: a hundredth of the picture."""
    config = RepeatConfig()
    before = np.full((360, 640, 3), 90, np.uint8)
    after = before.copy()
    after[200:240, 300:360] += 60
    grain = np.random.default_rng(0).integers(-3, 4, before.shape)
    again = (before + grain).astype(np.uint8)
    small = [sketch(Picture.of(frame), config) for frame in (before, again, after)]
    coded, moves = (change(small[0], other, config) for other in small[1:])
    assert coded < config.quieter * moves
    assert moves > 5 * config.motion
