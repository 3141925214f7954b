"""Sound that comes in blocks: cut, joined, resampled, reversed, and never held whole.

A `Sound` knows its rate, channels and length; its samples are made when they are asked for. What
is done to it gives another that asks the first for what it needs. Times are given in exact
seconds (a Fraction, or a float) and rounded to samples once, so that sound cut at the times of
frames stays with them however many cuts there are.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Protocol

import av
import numpy as np

# av's names of the speaker layouts that samples [S, C] are taken to have.
LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 8: "7.1"}
BLOCK = 1 << 16  # samples that are made or turned round at once
_MARGIN = 256  # samples of the slower rate beyond which a resampling filter does not reach

Blocks = Iterator[np.ndarray]


class Read(Protocol):
    """Makes the samples first … last − 1 of a sound, in blocks of float32 [S, C]."""

    def __call__(self, first: int, last: int, /) -> Blocks:
        """Blocks that follow one another; where 0 ≤ first < last ≤ the sound's length."""


@dataclasses.dataclass(frozen=True)
class Sound:
    """Sound; sample s sounds at s / rate seconds.

    Attributes:
        rate: samples a second.
        channels: C, how many.
        length: S, how many samples.
        read: makes them; ask for them by `blocks` or `samples`.
    """

    rate: int
    channels: int
    length: int
    read: Read

    @classmethod
    def of(cls, samples: np.ndarray, rate: int) -> Sound:
        """Samples that are held, float32 [S, C] in −1 … 1, as a sound.

        Example:
            >>> Sound.of(np.zeros((4000, 2), np.float32), rate=8000).duration
            Fraction(1, 2)
        """
        samples = np.asarray(samples, np.float32)
        if samples.ndim != 2:
            raise ValueError(f"samples are {samples.shape}; expected [samples, channels].")
        return cls(
            rate, samples.shape[1], len(samples), lambda first, last: iter([samples[first:last]])
        )

    @property
    def duration(self) -> Fraction:
        """Seconds."""
        return Fraction(self.length, self.rate)

    @property
    def samples(self) -> np.ndarray:
        """All samples at once, float32 [S, C]: 1.4 GB for an hour of stereo at 48 kHz."""
        empty = np.zeros((0, self.channels), np.float32)
        return np.concatenate([empty, *self.blocks()])

    def blocks(self, first: int = 0, last: int | None = None) -> Blocks:
        """Samples first … last − 1 in blocks of float32 [S, C], silent where there are none.

        Args:
            first, last: may lie before 0 and beyond the end; by default the whole sound.
        """
        last = self.length if last is None else last
        begin, end = (min(max(at, 0), self.length) for at in (first, last))
        yield from zeros(min(0, last) - first, self.channels)
        if begin < end:
            yield from self.read(begin, end)
        yield from zeros(last - max(first, self.length), self.channels)


def zeros(count: int, channels: int) -> Blocks:
    """So many samples of silence; none where `count` is not positive."""
    for at in range(0, count, BLOCK):
        yield np.zeros((min(BLOCK, count - at), channels), np.float32)


def silence(seconds: Fraction | float, *, rate: int, channels: int) -> Sound:
    """No sound.

    Example:
        >>> silence(0.5, rate=8000, channels=2).samples.shape
        (4000, 2)
    """
    length = sample_at(seconds, rate)
    return Sound(rate, channels, length, lambda first, last: zeros(last - first, channels))


def cut(sound: Sound, start: Fraction | float, end: Fraction | float) -> Sound:
    """The sound between two times, with silence where the sound does not reach.

    Args:
        sound: the sound.
        start, end: seconds; both are rounded to the nearest sample, so that neighboring cuts
            share no sample and lose none.

    Raises:
        ValueError: end is before start.

    Example:
        >>> eight = Sound.of(np.arange(8)[:, None] / 8, rate=4)
        >>> cut(eight, 0.5, 1).samples[:, 0].tolist(), cut(eight, 1, 9).length
        ([0.25, 0.375], 32)
    """
    if end < start:
        raise ValueError(f"cannot cut sound from {start} s to {end} s; give end ≥ start.")
    return _span(sound, sample_at(start, sound.rate), sample_at(end, sound.rate))


def _span(sound: Sound, first: int, last: int) -> Sound:
    """Samples first … last − 1 as a sound of their own."""
    if (first, last) == (0, sound.length):
        return sound
    return dataclasses.replace(
        sound,
        length=last - first,
        read=lambda begin, end: sound.blocks(first + begin, first + end),
    )


def join(pieces: Sequence[Sound], *, durations: Sequence[Fraction] | None = None) -> Sound:
    """Sounds one after another, at the highest rate and the most channels among them.

    Args:
        pieces: at least one sound.
        durations: exact seconds that each piece is to fill; it is cut or followed by silence.
            The boundaries are rounded from the sum, so errors do not add up.

    Raises:
        ValueError: no pieces, or a count of durations that differs.

    Example:
        >>> a, b = silence(1, rate=8000, channels=1), silence(1, rate=48000, channels=2)
        >>> joined = join([a, b], durations=[Fraction(1, 3)] * 2)
        >>> joined.samples.shape, joined.rate
        ((32000, 2), 48000)
    """
    if not pieces:
        raise ValueError("nothing to join; give at least one sound.")
    rate = max(p.rate for p in pieces)
    channels = max(p.channels for p in pieces)
    lengths = durations if durations is not None else [p.duration for p in pieces]
    ends = [sample_at(end, rate) for end in itertools.accumulate(map(Fraction, lengths))]
    starts = [0, *ends[:-1]]
    same = [
        _span(resample(piece, rate=rate, channels=channels), 0, end - start)
        for piece, start, end in zip(pieces, starts, ends, strict=True)
    ]

    def read(first: int, last: int) -> Blocks:
        for k in range(bisect.bisect_right(ends, first), len(same)):
            if starts[k] >= last:
                break
            yield from same[k].blocks(max(0, first - starts[k]), min(last, ends[k]) - starts[k])

    return Sound(rate, channels, ends[-1], read)


def reverse(sound: Sound) -> Sound:
    """The sound from its end to its start.

    Example:
        >>> reverse(Sound.of(np.float32([[0.0], [0.5]]), rate=4)).samples[:, 0].tolist()
        [0.5, 0.0]
    """

    def read(first: int, last: int) -> Blocks:
        for at in range(first, last, BLOCK):
            begin, end = sound.length - min(at + BLOCK, last), sound.length - at
            yield np.concatenate([*sound.blocks(begin, end)])[::-1]

    return dataclasses.replace(sound, read=read)


def resample(sound: Sound, *, rate: int, channels: int | None = None) -> Sound:
    """The same sound at another rate or in other channels.

    Args:
        sound: the sound.
        rate: samples a second.
        channels: 1, 2, 3, 4, 5, 6 or 8, mixed as speaker layouts are; default unchanged.

    Raises:
        ValueError: a number of channels without a speaker layout.

    Example:
        >>> resample(silence(0.5, rate=8000, channels=1), rate=16000, channels=2).samples.shape
        (8000, 2)
    """
    channels = sound.channels if channels is None else channels
    if (rate, channels) == (sound.rate, sound.channels):
        return sound
    layouts = layout(sound.channels), layout(channels)
    # After so many samples of each the two rates meet again. A run begins at such a place, with
    # room for the filter: so a sample comes out alike wherever the run that gives it begins.
    step, grown = (r // math.gcd(rate, sound.rate) for r in (sound.rate, rate))
    margin = _MARGIN * max(1, -(-sound.rate // rate))

    def read(first: int, last: int) -> Blocks:
        turn = (first * step // grown - margin) // step
        begin, skip = turn * step, first - turn * grown
        end = -(-last * step // grown) + margin
        convert = av.AudioResampler(format="fltp", layout=layouts[1], rate=rate)
        frames = _av_frames(sound.blocks(begin, end), sound.rate, layouts[0])
        converted = itertools.chain.from_iterable(map(convert.resample, frames))
        left = last - first
        for frame in itertools.chain(converted, _late(convert)):
            block = frame.to_ndarray().T[skip : skip + left]
            skip = max(0, skip - frame.samples)
            left -= len(block)
            if len(block):
                yield np.ascontiguousarray(block)

    return Sound(rate, channels, sample_at(sound.duration, rate), read)


def _late(convert: av.AudioResampler) -> Iterator[av.AudioFrame]:
    """What a resampler still holds, once it is asked."""
    yield from convert.resample(None)


def av_frames(sound: Sound, *, size: int = 1024) -> Iterator[av.AudioFrame]:
    """The sound as av's frames of planar floats of one size, with exact time stamps in samples."""
    held, frames = np.zeros((0, sound.channels), np.float32), layout(sound.channels)

    def even() -> Blocks:
        nonlocal held
        for block in sound.blocks():
            held = np.concatenate([held, block])
            whole = len(held) // size * size
            yield from (held[at : at + size] for at in range(0, whole, size))
            held = held[whole:]
        if len(held):
            yield held

    return _av_frames(even(), sound.rate, frames)


def _av_frames(blocks: Blocks, rate: int, frames: str) -> Iterator[av.AudioFrame]:
    at = 0
    for block in blocks:
        plane = np.ascontiguousarray(block.T, np.float32)
        frame = av.AudioFrame.from_ndarray(plane, format="fltp", layout=frames)
        frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
        at += len(block)
        yield frame


def sample_at(seconds: Fraction | float, rate: int) -> int:
    """The sample nearest to a time."""
    return round(Fraction(seconds) * rate)


def layout(channels: int) -> str:
    """Av's name of the speakers that so many channels are for.

    Raises:
        ValueError: there are none.
    """
    if channels not in LAYOUTS:
        raise ValueError(f"no speaker layout has {channels} channels; give one of {[*LAYOUTS]}.")
    return LAYOUTS[channels]
