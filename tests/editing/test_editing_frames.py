"""Which frames are shown, and when: trim, splice, uneven times, rotation, sizes."""

from __future__ import annotations

import itertools
from fractions import Fraction

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from vidparticles import editing
from vidparticles.editing import Colors
from vidparticles.editing.splicing.sequence import fit, inside
from vidparticles.editing.timing.curve import Curve
from vidparticles.editing.timing.retime import schedule
from vidparticles.errors import InputError
from vidparticles.video import open_video, probe, write_video

UNEVEN = np.cumsum([0.0, *np.tile([0.02, 0.05, 0.033, 0.07], 12)])[:40].tolist()


@pytest.mark.parametrize("rate", [24, Fraction(30000, 1001)])
@pytest.mark.parametrize(("first", "last"), [(0, 1), (0, 48), (17, 43), (47, 48), (23, 25)])
def test_trim_is_exact_to_the_frame(rate, first, last, counted, numbers, tmp_path):
    out = tmp_path / "out.mp4"
    made = editing.apply(
        counted(frames=48, rate=rate), out, editing.trim(float(first / rate), float(last / rate))
    )
    assert numbers(out) == list(range(first, last))
    assert made.frames == probe(out).frames == last - first
    assert made.seconds == pytest.approx(float((last - first) / rate))


def test_trim_between_frames_takes_those_that_begin_inside(counted, numbers, tmp_path):
    out = tmp_path / "out.mp4"
    editing.apply(counted(frames=24), out, editing.trim(5.5 / 24, 10.5 / 24))
    assert numbers(out) == [6, 7, 8, 9, 10]


def test_trim_of_no_frame_says_how_long_the_clip_is(counted, tmp_path):
    with pytest.raises(InputError, match=r"no frame begins between 7 s and .*24 frames in 1\.00 s"):
        editing.apply(counted(frames=24), tmp_path / "out.mp4", editing.trim(7, 8))
    assert not list(tmp_path.iterdir())


def test_uneven_times_stay_through_recolor(counted, numbers, tmp_path):
    out = tmp_path / "out.mp4"
    editing.apply(counted(frames=40, times=UNEVEN), out, editing.recolor(Colors(contrast=0.9)))
    assert probe(out).variable_rate
    with open_video(out) as video:
        np.testing.assert_allclose(video.times, UNEVEN, atol=2e-4)
    assert numbers(out) == list(range(40))


def test_uneven_times_stay_through_trim(counted, numbers, tmp_path):
    out = tmp_path / "out.mp4"
    editing.apply(counted(frames=40, times=UNEVEN), out, editing.trim(UNEVEN[7], UNEVEN[31]))
    with open_video(out) as video:
        np.testing.assert_allclose(video.times, np.array(UNEVEN[7:31]) - UNEVEN[7], atol=2e-4)
    assert numbers(out) == list(range(7, 31))


@pytest.mark.parametrize("factor", [None, 0.5, 2])
def test_the_last_of_uneven_frames_shows_as_long_as_it_did(factor, counted, tmp_path):
    clip, out = counted(frames=40, times=UNEVEN), tmp_path / "out.mp4"
    if factor is None:
        made, seconds = editing.apply(clip, out, editing.trim(end=UNEVEN[20])), UNEVEN[20]
    else:
        made, seconds = (
            editing.apply(clip, out, editing.retime(factor)),
            probe(clip).duration / factor,
        )
    assert made.seconds == pytest.approx(seconds, abs=1e-4)
    assert probe(out).duration == pytest.approx(seconds, abs=1e-4)


def test_uneven_times_are_scaled_by_speed(counted, tmp_path):
    out = tmp_path / "out.mp4"
    editing.apply(counted(frames=40, times=UNEVEN), out, editing.retime(0.5))
    with open_video(out) as video:
        np.testing.assert_allclose(video.times[::2], 2 * np.array(UNEVEN), atol=2e-4)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotation_is_kept(rotation, edited, counted, tmp_path):
    out = tmp_path / "out.mp4"
    source = counted(frames=24, rotation=rotation)
    edited(source, out)
    before, after = probe(source), probe(out)
    assert after.rotation == before.rotation == rotation
    assert (after.width, after.height) == (before.width, before.height) == (64, 48)
    with open_video(out) as video, open_video(source) as own:
        shown = 5 if "trim" in str(tmp_path) else 0
        assert np.abs(video[0].astype(int) - own[shown]).mean() < 12


def test_splice_shows_all_frames_of_all_clips(counted, numbers, tmp_path):
    out = tmp_path / "out.mp4"
    made = editing.splice([counted(frames=10), counted(frames=24), counted(frames=7)], out)
    assert numbers(out) == [*range(10), *range(24), *range(7)]
    info = probe(out)
    assert not info.variable_rate
    assert info.rate == 24
    assert made.seconds == pytest.approx(41 / 24)


def test_splice_of_two_rates_keeps_the_times_of_each(counted, numbers, tmp_path):
    out = tmp_path / "out.mp4"
    editing.splice([counted(frames=12, rate=24), counted(frames=12, rate=10)], out)
    assert numbers(out) == [*range(12), *range(12)]
    with open_video(out) as video:
        expected = [*(k / 24 for k in range(12)), *(0.5 + k / 10 for k in range(12))]
        np.testing.assert_allclose(video.times, expected, atol=2e-4)


def test_splice_fits_a_clip_of_another_shape(tmp_path):
    paths = []
    for name, height, width in (("wide", 48, 96), ("tall", 96, 48)):
        paths.append(tmp_path / f"{name}.mp4")
        write_video(paths[-1], np.full((5, height, width, 3), 200, np.uint8), rate=25)
    editing.splice(paths, tmp_path / "out.mp4")
    with open_video(tmp_path / "out.mp4") as video:
        first, second = video[0], video[9]
    assert first.shape == second.shape == (48, 96, 3)
    assert first.mean() == pytest.approx(200, abs=4)
    inside = second[4:-4, 40:56]  # 24 of 96 columns, in the middle
    assert inside.mean() == pytest.approx(200, abs=4)
    assert second[:, :30].max() < 20
    assert second[:, 66:].max() < 20


@hypothesis.given(st.integers(1, 90), st.integers(1, 90), st.integers(2, 90), st.integers(2, 90))
def test_what_is_fitted_in_fills_one_way_and_keeps_its_shape(own_height, own_width, height, width):
    inner = inside(own_height, own_width, height, width)
    assert inner[0] == height or inner[1] == width
    assert 1 <= inner[0] <= height
    assert 1 <= inner[1] <= width
    # To the rounding of each side, which is a pixel at least.
    scale = min(height / own_height, width / own_width)
    for side, own in zip(inner, (own_height, own_width), strict=True):
        assert abs(side - scale * own) <= 0.5 or side == 1


@pytest.mark.parametrize(("own_height", "own_width"), [(10, 40), (40, 10)])
def test_what_is_fitted_in_lies_in_the_middle(own_height, own_width):
    height, width = 33, 37
    put = fit(np.full((own_height, own_width, 3), 255, np.uint8), height, width)
    assert put.shape == (height, width, 3)
    rows = np.flatnonzero(put[:, :, 0].any(1))
    columns = np.flatnonzero(put[:, :, 0].any(0))
    assert len(rows) == height or len(columns) == width
    assert abs(rows[0] - (height - 1 - rows[-1])) <= 1
    assert abs(columns[0] - (width - 1 - columns[-1])) <= 1


@hypothesis.given(
    # None that stands for so long that it is a still.
    st.lists(st.integers(1, 160), min_size=1, max_size=30),
    st.fractions(Fraction(1, 20), 20, max_denominator=50),
    st.booleans(),
)
@hypothesis.settings(deadline=None)
def test_schedule_shows_each_moment_when_it_is_due(gaps, factor, even):
    """Times rise, and what is shown at t is the clip at t · factor."""
    rate = Fraction(25) if even else None
    gaps = [40] * len(gaps) if even else gaps
    times = [Fraction(t, 1000) for t in itertools.accumulate(gaps[:-1], initial=0)]
    duration = times[-1] + Fraction(gaps[-1], 1000)
    moments = schedule(Curve(speed=factor).over(duration), times, rate)
    shown = [(moment.time, moment.index, moment.share) for moment in moments]
    assert shown[0] == (0, 0, 0)
    assert all(a[0] < b[0] and a[1:] <= b[1:] for a, b in itertools.pairwise(shown))
    for time, place, share in shown:
        assert 0 <= share < 1
        assert share == 0 or place + 1 < len(times)
        gap = times[place + 1] - times[place] if place + 1 < len(times) else Fraction(0)
        late = abs(times[place] + share * gap - time * factor)
        last = place + 1 == len(times)  # which is held to the clip's end
        assert late <= (Fraction(gaps[-1], 1000) if last else Fraction(even and factor > 1, 50))
    if factor < 1:  # the last may be due only after the new clip's last frame
        assert {place for _, place, _ in shown} >= set(range(len(times) - 1))
