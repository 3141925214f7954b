"""Speed in a clip whose rate changes: what is outside a piece stays, what is inside is even."""

from __future__ import annotations

import itertools
import pathlib
from fractions import Fraction

import numpy as np
import pytest

from vidparticles.editing import retime
from vidparticles.editing.reel import opened
from vidparticles.editing.timing.curve import parse_curve
from vidparticles.editing.timing.schedule import Moment, schedule
from vidparticles.inference.predict import rate_ahead
from vidparticles.video import open_video

# Two seconds each at 30, 10 and 60 a second, as in the file of faults.
TIMES = [
    *(Fraction(k, 30) for k in range(60)),
    *(2 + Fraction(k, 10) for k in range(20)),
    *(4 + Fraction(k, 60) for k in range(120)),
]


@pytest.fixture
def changing(shared_data) -> pathlib.Path:
    """The file of faults with three rates."""
    return shared_data / "faults" / "vfr_30_10_60.mp4"


def moments(speed: str, times: list[Fraction] = TIMES, seconds: int = 6) -> list[Moment]:
    return list(schedule(parse_curve(speed).over(Fraction(seconds)), times, None))


def gaps(shown: list[Moment], end: Fraction | int) -> list[Fraction]:
    return [b - a for a, b in itertools.pairwise([*(m.time for m in shown), Fraction(end)])]


@pytest.mark.parametrize(
    ("start", "end", "rate"), [("0.5", "1.5", 30), ("2.5", "3.5", 10), ("4", "5", 60)]
)
@pytest.mark.parametrize("speed", ["0.5", "0.4", "0.3"])
def test_a_slow_piece_is_even_at_the_rate_that_is_there(start, end, rate, speed):
    first, last, slow = Fraction(start), Fraction(end), Fraction(speed)
    shown = moments(f"{speed}@{start}-{end}")
    before = [t for t in TIMES if t < first]
    after = [t for t in TIMES if t >= last]
    inside = shown[len(before) : len(shown) - len(after)]
    late = (last - first) / slow - (last - first)
    assert [m.time for m in shown[: len(before)]] == before
    assert [m.time for m in shown[len(shown) - len(after) :]] == [t + late for t in after]
    for m in [*shown[: len(before)], *shown[len(shown) - len(after) :]]:
        assert m.share == 0
    # As many as the rate gives; where the piece is no whole number of gaps, all a little longer.
    assert len(inside) == round(rate * (last - first) / slow)
    steps = gaps(inside, last + late)
    assert max(steps) == min(steps) == pytest.approx(1 / rate, rel=0.02)


def test_frames_outside_of_a_slow_piece_are_those_of_the_file(changing):
    with opened(changing) as reel, open_video(changing) as own:
        slowed = retime("0.5@4-5")(reel)
        assert (len(slowed.times), slowed.duration) == (260, 7)
        assert list(slowed.times[:80]) == TIMES[:80]
        assert list(slowed.times[200:]) == [t + 1 for t in TIMES[140:]]
        assert slowed.again is not None
        for first, last, late in ((0, 80, 0), (200, 260, 60)):
            shown = slowed.again(first, last)
            for (_, frame), right in zip(
                shown, own.frames(range(first - late, last - late)), strict=True
            ):
                np.testing.assert_array_equal(frame.rgb(), right)


def test_a_piece_that_begins_and_ends_between_frames_shows_none_of_them_again():
    late = Fraction("0.998")
    shown = moments("0.5@4.005-5.003")
    whole = [m.index for m in shown if m.share == 0]
    assert len(whole) == len(set(whole))
    at = [TIMES[m.index] + m.share / 60 for m in shown]
    assert all(a < b for a, b in itertools.pairwise(at))
    outside = [m.time for m in shown if m.time >= Fraction("5.003") + late]
    assert outside == [t + late for t in TIMES if t >= Fraction("5.003")]


def test_a_ramp_is_as_dense_as_the_frames_in_it():
    shown = moments("1:0.25@4-5")
    inside = [m for m in shown if 4 <= TIMES[m.index] < 5]
    steps = np.array(gaps(inside[1:-1], inside[-1].time), float)
    np.testing.assert_allclose(steps, 1 / 60, rtol=0.01)


def test_quick_leaves_out_frames_by_the_rate_that_is_there():
    # Most of the clip is slow, but not the part that is quickened.
    times = [Fraction(k, 10) for k in range(90)] + [9 + Fraction(k, 60) for k in range(60)]
    shown = moments("1.25@9-10", times, 10)
    assert len(shown) == 150
    shown = moments("2@9-10", times, 10)
    assert [m.index for m in shown[90:]] == list(range(90, 150, 2))


@pytest.mark.parametrize("speed", ["0.5", "0.4"])
def test_a_screen_that_stood_still_changes_in_no_more_time_than_before(speed):
    """Three seconds without a frame, as recorders of screens write them."""
    times = [*(Fraction(k, 30) for k in range(30)), *(4 + Fraction(k, 30) for k in range(30))]
    shown = moments(speed, times, 5)
    moved = [m for m in shown if m.index == 29 and m.share]
    assert shown[[m.index for m in shown].index(29)].share == 0
    # From one thirtieth of a second before the new picture on.
    assert min(m.time for m in moved) > (4 - Fraction(1, 30)) / Fraction(speed)
    # Slides that all stand for long go on as they did.
    slides = moments("0.5", [Fraction(2 * k) for k in range(3)], 6)
    assert [(m.index, m.share) for m in slides[:3]] == [(0, 0), (0, Fraction(1, 2)), (1, 0)]


def test_what_is_predicted_goes_on_at_the_rate_of_the_end(changing):
    with open_video(changing) as video:
        assert rate_ahead(video) == 60
