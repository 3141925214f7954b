"""Crop, resize, frames a second and reframe: what is kept is kept as it is stored."""

from __future__ import annotations

import dataclasses
import itertools
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles import editing
from vidparticles.editing.effects.fps import fps, parse_rate
from vidparticles.editing.effects.reframe import followed, parse_shape, reframe
from vidparticles.editing.effects.regions import Seen
from vidparticles.editing.effects.size import crop, parse_crop, parse_size, resize
from vidparticles.editing.effects.window import WindowConfig, window_path
from vidparticles.editing.reel import Reel
from vidparticles.errors import InputError
from vidparticles.video import Picture, open_video, probe, write_video
from vidparticles.video.picture.geometry import cropped, scaled
from vidparticles.video.picture.stored import planes

SHAPES = [("yuv420p", 0), ("yuv420p", 1), ("yuv420p10le", 3), ("yuv444p", 2), ("rgb24", 1)]


def noise(form: str, turns: int, height: int = 36, width: int = 52) -> Picture:
    """A picture of noise, stored so."""
    levels = np.random.default_rng(3).integers(0, 255, (height, width, 3), np.uint8)
    plain = Picture.of(levels, turns=turns)
    return Picture(plain.stored(form), turns=turns, color=plain.color)


def stored(picture: Picture) -> list[np.ndarray]:
    """Its planes, upright."""
    frame = picture.frame
    own = planes(frame) if len(frame.planes) > 1 else [frame.to_ndarray()]
    return [np.rot90(plane, picture.turns) for plane in own]


@pytest.mark.parametrize(("form", "turns"), SHAPES)
def test_a_part_has_the_numbers_that_it_had(form, turns):
    whole = noise(form, turns)
    part = cropped(whole, 8, 4, 20, 30)
    assert (part.width, part.height) == (20, 30)
    for old, new in zip(stored(whole), stored(part), strict=True):
        y, x = 36 // old.shape[0], 52 // old.shape[1]
        np.testing.assert_array_equal(new, old[4 // y : 34 // y, 8 // x : 28 // x])


@pytest.mark.parametrize(("form", "turns"), SHAPES)
def test_parts_beside_each_other_are_the_whole(form, turns):
    """Of luma; and chroma within a pair is between those of both."""
    whole = noise(form, turns)
    for at in (7, 8):
        left, right = cropped(whole, 0, 0, at, 36), cropped(whole, at, 0, 52 - at, 36)
        both = np.concatenate([stored(left)[0], stored(right)[0]], 1)
        np.testing.assert_array_equal(both, stored(whole)[0])
    odd, even = stored(cropped(whole, 7, 0, 40, 36))[-1], stored(whole)[-1]
    if form.startswith("yuv420"):
        mean = (even[:, 3:23].astype(float) + even[:, 4:24]) / 2
        np.testing.assert_allclose(odd, mean, atol=0.5)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_size_and_part_are_of_the_upright_picture(turns):
    ramp = np.broadcast_to(np.linspace(20, 220, 64)[None, :, None], (32, 64, 3)).astype(np.uint8)
    plain = Picture.of(ramp, turns=turns)
    picture = Picture(plain.stored("yuv420p"), turns=turns, color=plain.color)
    small = scaled(picture, 16, 40).rgb()
    assert small.shape == (16, 40, 3)
    assert np.all(np.diff(small.mean((0, 2))) > 0)
    right = cropped(picture, 48, 0, 16, 32).rgb()
    np.testing.assert_allclose(right, picture.rgb()[:, 48:], atol=1)


@given(
    height=st.integers(16, 90),
    shape=st.fractions(Fraction(1, 4), 4),
    aspect=st.sampled_from([Fraction(1), Fraction(4, 3), Fraction(8, 9)]),
    target=st.tuples(st.integers(8, 60), st.one_of(st.none(), st.integers(8, 60))),
)
@settings(max_examples=40, deadline=None)
def test_resizing_keeps_the_shape_and_makes_pixels_square(height, shape, aspect, target):
    width = max(16, round(height * shape))
    high, wide = target[0] * 2, target[1] and target[1] * 2
    gray = Picture(Picture.of(np.full((height, width, 3), 200, np.uint8)).stored("yuv444p"))
    reel = Reel(
        iter([(Fraction(0), gray)]),
        [Fraction(0)],
        Fraction(1),
        Fraction(1),
        height=height,
        width=width,
        pixel_aspect=aspect,
    )
    new = resize(high, wide)(reel)
    (_, picture), *_ = new.frames
    assert (picture.height, picture.width) == (new.height, new.width)
    assert (new.height, new.width) == (high, wide or new.width)
    assert new.pixel_aspect == 1
    lit = picture.rgb()[..., 1] > 100
    inner = np.flatnonzero(lit.any(1)), np.flatnonzero(lit.any(0))
    tall, across = (part[-1] - part[0] + 1 for part in inner)
    seen = width * aspect / height
    assert across in (new.width,) or tall == new.height
    assert abs(across - tall * seen) <= 1.1 * max(1, seen) + 1


def test_a_written_part_is_where_it_was_and_odd_sides_are_even(clip, tmp_path):
    out = tmp_path / "part.mp4"
    done = editing.apply(clip, out, crop(parse_crop("31,10,65,51")))
    assert (done.width, done.height) == (64, 50)
    with open_video(clip) as own, open_video(out) as new:
        assert len(own) == len(new)
        away = np.abs(new[20].astype(int) - own[20][10:60, 31:95]).mean()
    assert away < 3


@pytest.mark.parametrize(
    ("parse", "text", "says"),
    [
        (parse_crop, "1,2,3", "X,Y,W,H"),
        (parse_crop, "0,0,0,5", "holds nothing"),
        (parse_crop, "-1,0,5,5", "holds nothing"),
        (parse_size, "721", "even numbers"),
        (parse_size, "12x-4", "not understood"),
        (parse_size, "0x0", "even numbers"),
        (parse_rate, "fast", "30000/1001"),
        (parse_rate, "0", "frames a second"),
        (parse_rate, "1/0", "frames a second"),
        (parse_shape, "9", "9:16"),
        (parse_shape, "9:0", "9:16"),
        (parse_shape, "900:1", "9:16"),
    ],
)
def test_words_of_geometry_are_judged(parse, text, says):
    with pytest.raises(InputError, match=says):
        parse(text)


@pytest.mark.parametrize("text", ["0,0,900,20", "120,0,64,64", "0.5,0.5,0.6,0.5", "0,0,4,4"])
def test_a_part_outside_is_told(text, clip, tmp_path):
    with pytest.raises(InputError, match="128 × 128"):
        editing.apply(clip, tmp_path / "out.mp4", crop(parse_crop(text)))
    assert not list(tmp_path.iterdir())


def by_ffmpeg(times: list[Fraction], rate: Fraction) -> list[int]:
    """Which frames FFmpeg's `fps` shows."""
    graph, tick = av.filter.Graph(), Fraction(1, 120_000)
    source = graph.add_buffer(width=16, height=16, format=av.VideoFormat("gray"), time_base=tick)
    last = graph.add("fps", f"fps={rate}:start_time=0:eof_action=pass")
    sink = graph.add("buffersink")
    source.link_to(last)
    last.link_to(sink)
    graph.configure()
    for k, time in enumerate(times):
        frame = av.VideoFrame.from_ndarray(np.full((16, 16), k, np.uint8), format="gray")
        frame.pts, frame.time_base = round(time / tick), tick
        graph.push(frame)
    graph.push(None)
    shown = []
    while True:
        try:
            shown.append(int(graph.pull().to_ndarray()[0, 0]))
        except (av.error.BlockingIOError, av.error.EOFError):
            return shown


@pytest.mark.parametrize(
    ("own", "rate"), [(30, "24"), (24, "30000/1001"), (25, "60"), (60, "7"), (30, "29.97")]
)
def test_frames_a_second_are_those_of_ffmpeg(own, rate):
    clock = parse_rate(rate)
    # Off the ticks of both, so that no rounding decides.
    times = [Fraction(0)] + [Fraction(k, own) + Fraction(1, 977) for k in range(1, 50)]
    reel = Reel(iter(enumerate(range(50))), times, Fraction(50, own), None, height=2, width=2)
    frames = iter(zip(times, range(50), strict=True))
    new = fps(clock)(reel.replace(frames=frames))
    shown = [k for _, k in new.frames]
    expected = by_ffmpeg(times, clock)
    assert shown[: len(expected)] == expected[: len(shown)]
    # It does not know how long the last one shows.
    assert abs(len(shown) - len(expected)) <= clock / own + 1
    assert list(new.times) == [k / clock for k in range(len(shown))]


@given(
    gaps=st.lists(st.integers(1, 90), min_size=1, max_size=40),
    rate=st.fractions(1, 120, max_denominator=1001),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_a_picture_shows_within_half_a_tick_of_its_time(gaps, rate, data):
    times = [*itertools.accumulate((Fraction(gap, 100) for gap in gaps), initial=Fraction(0))]
    frames = list(zip(times, range(len(times)), strict=True))

    def again(first, last):
        return iter(frames[first:last])

    reel = Reel(again(0, len(times)), times, times[-1] + 1, None, height=2, width=2, again=again)
    new = fps(rate)(reel)
    shown = list(new.frames)
    assert [time for time, _ in shown] == list(new.times)
    for time, k in shown:
        middle = time + 1 / rate / 2
        assert times[k] < middle or k == 0
        assert k + 1 == len(times) or middle <= times[k + 1]
    first = data.draw(st.integers(0, len(shown) - 1))
    last = data.draw(st.integers(first + 1, len(shown)))
    assert list(new.again(first, last)) == shown[first:last]


# ------------------------------------------------------------------ reframe


@dataclasses.dataclass
class Known:
    """Objects that are known."""

    seen: list[Seen]
    shot: np.ndarray


def moving(*ways: np.ndarray, shot: np.ndarray | None = None) -> Known:
    """Objects [T] at these x, a tenth wide, in the middle."""
    seen = [
        Seen(
            np.arange(len(ways)),
            np.array([[x - 0.05, 0.4, x + 0.05, 0.6] for x in at]),
            np.zeros(len(ways), bool),
        )
        for at in zip(*ways, strict=True)
    ]
    return Known(seen, np.zeros(len(seen), int) if shot is None else shot)


@given(
    wanted=st.lists(st.floats(-0.5, 2), min_size=1, max_size=60),
    known=st.lists(st.booleans(), min_size=60, max_size=60),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_the_window_keeps_its_limits(wanted, known, seed):
    gap = np.random.default_rng(seed).uniform(0.01, 0.1, len(wanted))
    times, config = np.cumsum(gap), WindowConfig()
    weight = np.array(known[: len(wanted)], float)
    path = window_path(np.array(wanted), weight, times, 1.2, 0.5, config)
    assert path.min() >= 0
    assert path.max() <= 1.2
    speed = np.diff(path) / np.diff(times)
    assert np.abs(speed).max(initial=0) <= config.speed + 1e-9
    middle = (times[1:] + times[:-1]) / 2
    assert np.abs(np.diff(speed) / np.diff(middle)).max(initial=0) <= config.acceleration + 1e-6


def test_no_other_path_within_the_limits_costs_less():
    """Against a general solver, on a case where all limits hold back."""
    from scipy.optimize import minimize

    times = np.arange(24) / 12
    wanted = np.where(times < 1, 0.1, 1.3)
    config = WindowConfig(rest=0.0, middle=0.0, smooth=0.3, barrier=1e-9)
    path = window_path(wanted, np.ones(24), times, 1.2, 0.5, config)
    first, second = (np.diff(np.eye(24), n, axis=0) * 12**n for n in (1, 2))

    def cost(x):
        return ((x - np.clip(wanted, 0, 1.2)) ** 2).sum() + 0.3**4 * ((second @ x) ** 2).sum()

    inside = [
        {"type": "ineq", "fun": lambda x, m=m, most=most, s=s: most - s * (m @ x)}
        for m, most in ((first, config.speed), (second, config.acceleration))
        for s in (1, -1)
    ]
    best = minimize(
        cost, np.full(24, 0.6), bounds=[(0, 1.2)] * 24, constraints=inside, options={"maxiter": 500}
    )
    assert best.success
    assert cost(path) <= best.fun + 1e-4


def test_the_window_rests_while_little_moves_and_jumps_at_a_cut():
    times = np.arange(80) / 25
    sway = 0.6 + 0.02 * np.sin(4 * times)
    shot = np.repeat([0, 1], 40)
    way = np.where(shot == 0, sway, 1.3)
    begin = followed(moving(way, shot=shot), times, 16 / 9, 9 / 16, across=True)
    assert np.abs(np.diff(begin[:40])).max() * 25 < 0.04  # that of what it follows is 0.08
    assert np.abs(begin[40:] - (1.3 - 9 / 32)).max() < 0.06
    assert begin[40] - begin[39] > 0.5


def test_what_moves_is_followed_and_what_fits_beside_it():
    times = np.arange(60) / 25
    goes, still, near = 0.3 + 0.5 * times, np.full(60, 1.6), 0.5 + 0.5 * times
    begin = followed(moving(still, goes, near), times, 16 / 9, 9 / 16, across=True)
    middle = begin + 9 / 32
    assert np.abs(middle - np.clip((goes + near) / 2, 9 / 32, 16 / 9 - 9 / 32)).max() < 0.15


def test_a_window_of_another_shape_is_written(tmp_path):
    """A square that goes from left to right stays in the picture; sound and times stay."""
    path, out = tmp_path / "clip.mp4", tmp_path / "out.mp4"
    frames = np.full((50, 90, 160, 3), 40, np.uint8)
    for k in range(50):
        frames[k, 40:50, 10 + 2 * k : 20 + 2 * k] = 230
    write_video(path, frames, rate=25, rotation=90)
    found = moving((15 + 2 * np.arange(50)) / 90)
    editing.apply(path, out, reframe(Fraction(9, 16), lambda reel: found))
    info = probe(out)
    assert (info.width, info.height, info.rotation) == (50, 90, 90)
    with open_video(out) as new:
        assert len(new) == 50
        assert all((frame[..., 1] > 150).sum() > 60 for _, frame in new)
