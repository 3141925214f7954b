"""The contract of edits (`editing.base`): every edit through the same properties, in memory."""

from __future__ import annotations

import dataclasses
import gc
import itertools
import weakref
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from vidparticles import editing
from vidparticles.editing.effects.overlay import parse_place
from vidparticles.editing.effects.regions import Seen
from vidparticles.editing.effects.size import parse_crop
from vidparticles.editing.effects.trails import TrailConfig
from vidparticles.editing.reel import Frames, Reel
from vidparticles.editing.timing.retime import RetimeConfig, retime
from vidparticles.video import Picture, Sound, cut

EVEN = tuple(Fraction(k, 24) for k in range(14))
UNEVEN = tuple(itertools.accumulate([Fraction(3 + 4 * k % 7, 100) for k in range(13)], initial=0))
CLOCKS = {"even": (EVEN, Fraction(24)), "uneven": (UNEVEN, None)}
# No edit of these needs more of its frames than the two between which it shows a third.
HELD = 3

EDITS: dict[str, Callable[[str], editing.Edit]] = {
    "trim": lambda other: editing.trim(0.1, 0.4),
    "slow": lambda other: retime(0.4),
    "quick": lambda other: retime(1.5),
    "backwards": lambda other: retime(-1, config=RetimeConfig(held_bytes=1)),
    "curve": lambda other: retime(
        "1:0.5@0-0.2, hold:0.15@0.3, -2@0.3-0.4", config=RetimeConfig(held_bytes=1)
    ),
    "recolor": lambda other: editing.recolor(editing.Colors(hue=50, contrast=0.8)),
    "stabilize": lambda other: editing.stabilize(),
    "join": lambda other: editing.join(other),
    "crop": lambda other: editing.crop(parse_crop("8,5,32,20")),
    "resize": lambda other: editing.resize(30, 64),
    "fps": lambda other: editing.fps(20),
    "reframe": lambda other: editing.reframe(Fraction(1, 2), lambda reel: drifts(reel)),
    "blur": lambda other: editing.blur(editing.objects_of(lambda reel: drifts(reel))),
    "recolor one": lambda other: editing.recolor(editing.Colors(hue=90), lambda reel: drifts(reel)),
    "trails": lambda other: editing.trails(
        lambda reel: drifts(reel),
        config=TrailConfig(seconds=Fraction(1, 10), every=Fraction(1, 10)),
    ),
    "overlay": lambda other: editing.overlay(other, parse_place("0.5,0,0.5")),
}
PAIRS = [
    ("trim", "slow"),
    ("slow", "trim"),
    ("backwards", "recolor"),
    ("recolor", "backwards"),
    ("join", "quick"),
    ("quick", "stabilize"),
    ("stabilize", "curve"),
]


def tone(seconds: float, rate: int = 16000) -> Sound:
    """A quiet steady sound, one channel."""
    t = np.arange(round(seconds * rate)) / rate
    return Sound.of((0.2 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)[:, None], rate)


def drifting(k: int) -> np.ndarray:
    """Frame k of a picture that moves, in one shot: a new array of 48 × 64."""
    noise = np.random.default_rng(0).normal(size=(96, 96))
    pitch = np.hypot(np.fft.fftfreq(96)[:, None], np.fft.fftfreq(96))
    rough = np.fft.ifft2(np.fft.fft2(noise) / (0.02 + pitch)).real
    gray = np.clip(128 + 45 * rough / rough.std(), 0, 255).astype(np.uint8)
    return np.repeat(gray[k : k + 48, k : k + 64, None], 3, -1)


@dataclasses.dataclass
class Drifting:
    """An object that goes to the right, and whose mask is a square."""

    seen: list[Seen]
    shot: np.ndarray

    def masks(self, frames: Frames, first: int):
        """Where it is."""
        for index, (time, picture) in enumerate(frames, first):
            mask = np.zeros((picture.height, picture.width), np.float32)
            mask[10:30, 10 + index : 30 + index] = 1
            yield time, picture, {0: mask}


def drifts(reel: Reel) -> Drifting:
    """Where it is in the frames of a reel."""
    count = len(reel.times)
    box = [np.array([[10 + k, 10, 30 + k, 30]]) / reel.height for k in range(count)]
    seen = [Seen(np.zeros(1, int), one, np.zeros(1, bool)) for one in box]
    return Drifting(seen, np.zeros(count, int))


class Source:
    """Frames made when they are asked for, of which it is known how many are still held."""

    def __init__(self, times: tuple[Fraction, ...], rate: Fraction | None):
        self._times, self._rate = times, rate
        self._alive: list[weakref.ref] = []
        self.asked = 0

    def again(self, first: int, last: int) -> Frames:
        """Frames first … last − 1."""
        for k in range(first, last):
            self.asked += 1
            frame = Picture.of(drifting(k))
            self._alive.append(weakref.ref(frame))
            yield self._times[k], frame
            del frame

    def held(self) -> int:
        """How many frames somebody still has."""
        gc.collect(0)
        self._alive = [ref for ref in self._alive if ref() is not None]
        return len(self._alive)

    def reel(self) -> Reel:
        """All frames, with sound."""
        duration = self._times[-1] + Fraction(1, 24)
        return Reel(
            frames=self.again(0, len(self._times)),
            again=self.again,
            times=self._times,
            duration=duration,
            rate=self._rate,
            height=48,
            width=64,
            audio=cut(tone(1.0), 0, duration),
        )


@dataclasses.dataclass
class Found:
    """What an edit made of a source."""

    reel: Reel
    asked: int  # frames of the source, before any of the new ones was
    frames: list[tuple[Fraction, np.ndarray]]  # as RGB
    held: int  # frames of the source at once


@pytest.fixture(scope="module")
def other(counted) -> str:
    """A clip that is joined on."""
    return str(counted(frames=6))


@pytest.fixture(scope="module")
def found(other) -> Callable[[str, str], Found]:
    """(edit, clock) → what came of it; each is run once."""
    kept: dict[tuple[str, str], Found] = {}

    def run(name: str, clock: str) -> Found:
        if (name, clock) not in kept:
            source = Source(*CLOCKS[clock])
            reel = EDITS[name](other)(source.reel())
            asked, frames, held = source.asked, [], 0
            for time, frame in reel.frames:
                frames.append((time, frame.rgb()))
                del frame
                held = max(held, source.held())
            kept[name, clock] = Found(reel, asked, frames, held)
        return kept[name, clock]

    return run


every = [
    pytest.mark.parametrize("name", EDITS),
    pytest.mark.parametrize("clock", CLOCKS),
]


def both(test):
    """A test of every edit on both clocks."""
    for mark in every:
        test = mark(test)
    return test


@both
def test_nothing_is_read_until_a_frame_is_asked_for(name, clock, found):
    assert found(name, clock).asked == 0


@both
def test_frames_are_as_many_and_as_large_and_when_the_reel_says(name, clock, found):
    reel, frames = found(name, clock).reel, found(name, clock).frames
    assert [time for time, _ in frames] == list(reel.times)
    assert {frame.shape for _, frame in frames} == {(reel.height, reel.width, 3)}
    assert {frame.dtype for _, frame in frames} == {np.dtype(np.uint8)}


@both
def test_times_rise_within_the_duration(name, clock, found):
    reel = found(name, clock).reel
    assert reel.times[0] == 0
    assert all(a < b for a, b in itertools.pairwise([*reel.times, reel.duration]))
    if reel.rate is not None:
        assert list(reel.times) == [k / reel.rate for k in range(len(reel.times))]
        assert reel.duration == len(reel.times) / reel.rate
    assert (reel.rate is not None) == (clock == "even" or name == "fps")


@both
def test_sound_is_as_long_as_the_picture(name, clock, found):
    reel = found(name, clock).reel
    assert reel.audio is not None
    assert reel.audio.rate == 16000
    assert abs(reel.audio.duration - reel.duration) * reel.audio.rate <= 1


@both
def test_a_part_comes_again_as_it_was(name, clock, found):
    reel, frames = found(name, clock).reel, found(name, clock).frames
    assert reel.again is not None
    for first, last in ((0, 2), (1, 4), (len(frames) - 2, len(frames))):
        for (time, frame), (then, was) in zip(
            reel.again(first, last), frames[first:last], strict=True
        ):
            assert time == then
            np.testing.assert_array_equal(frame.rgb(), was)


@both
def test_frames_are_let_go(name, clock, found):
    assert found(name, clock).held <= HELD


def kept(reel: Reel) -> Reel:
    """The same reel with all its frames at hand, so that nothing of how they came is left."""
    frames = list(reel.frames)

    def again(first: int, last: int) -> Frames:
        return iter(frames[first:last])

    return reel.replace(frames=again(0, len(frames)), again=again)


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_chain_is_its_edits_one_after_another(first, second, clock, other):
    one, two = EDITS[first](other), EDITS[second](other)
    at_once = editing.chain(one, two)(Source(*CLOCKS[clock]).reel())
    after = two(kept(one(Source(*CLOCKS[clock]).reel())))
    assert list(at_once.times) == list(after.times)
    assert (at_once.duration, at_once.rate) == (after.duration, after.rate)
    np.testing.assert_array_equal(at_once.audio.samples, after.audio.samples)
    for (_, frame), (_, expected) in zip(at_once.frames, after.frames, strict=True):
        np.testing.assert_array_equal(frame.rgb(), expected.rgb())
    assert at_once.crop() == after.crop()


def test_no_edits_change_nothing():
    reel = Source(*CLOCKS["even"]).reel()
    assert editing.chain()(reel) is reel


@pytest.mark.parametrize("name", ["backwards", "curve", "stabilize", "reframe"])
def test_what_must_be_run_through_again_is_said_at_once(name, other):
    reel = Source(*CLOCKS["even"]).reel().replace(again=None)
    with pytest.raises(ValueError, match="can be run through but once"):
        EDITS[name](other)(reel)


@pytest.mark.parametrize(
    "name", ["trim", "slow", "quick", "recolor", "join", "crop", "resize", "fps"]
)
def test_other_edits_take_frames_that_come_by_once(name, other, found):
    reel = EDITS[name](other)(Source(*CLOCKS["even"]).reel().replace(again=None))
    assert reel.again is None
    for (_, frame), (_, expected) in zip(reel.frames, found(name, "even").frames, strict=True):
        np.testing.assert_array_equal(frame.rgb(), expected)
