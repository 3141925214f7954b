"""Sound in another time at its own pitch, in blocks, with its onsets where they belong.

Short windows of the sound are laid down at the new spacing, each shifted a little to where it
continues the one before it best (waveform-similarity overlap-add; Verhelst and Roelands, ICASSP
1993). Windows are placed by absolute time, so nothing drifts. By itself this repeats or drops
what is shorter than a window: a click in quarter speed comes out as several, the first 45 ms
early. So onsets are looked for, and the windows around one are taken from around it as they are
(as in Roebel, DAFx 2003, for phase vocoders): it sounds once, and on time. What lies next to it
makes up for that, by up to a window.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol

import numpy as np

from vidparticles.video.sound.blocks import BLOCK, Blocks, Sound, sample_at


@dataclasses.dataclass(frozen=True)
class StretchConfig:
    """How sound is stretched.

    Attributes:
        window: seconds that are laid down at a time; half of them overlap with the next.
        shift: seconds by which a window may be moved to continue the one before.
        cell: seconds over which loudness is measured, to find onsets.
        memory: seconds before an onset in which nothing came near its loudness; longer than a
            period of the lowest tones, whose swings would be onsets otherwise.
        rise: energy of an onset's first cell over the greatest before it.
        faint: mean square, of full scale, below which nothing counts as sound.
    """

    window: float = 0.03
    shift: float = 0.006
    cell: float = 0.002
    memory: float = 0.03
    rise: float = 4.0
    faint: float = 1e-7


DEFAULT = StretchConfig()


class TimeMap(Protocol):
    """Which moment of a sound is heard when: rising, both ways."""

    def at(self, after: Fraction, /) -> Fraction:
        """Seconds of the sound that are heard so long after the beginning of the new one."""

    def after(self, at: Fraction, /) -> Fraction:
        """How long after the beginning of the new one a second of the sound is heard."""


@dataclasses.dataclass(frozen=True)
class _Even:
    """The same speed all the way."""

    factor: Fraction

    def at(self, after: Fraction, /) -> Fraction:
        return after / self.factor

    def after(self, at: Fraction, /) -> Fraction:
        return at * self.factor


def stretch(sound: Sound, factor: Fraction | float, *, config: StretchConfig = DEFAULT) -> Sound:
    """The same sound in a longer or shorter time, with its pitch kept.

    Args:
        sound: the sound.
        factor: how many times as long: 2 for half speed; positive.
        config: how.

    Returns:
        round(S · factor) samples; onsets are within a millisecond of where they belong.

    Raises:
        ValueError: factor is not positive.

    Example:
        >>> from vidparticles.video.sound.blocks import silence
        >>> float(stretch(silence(0.5, rate=8000, channels=1), 2).duration)
        1.0
    """
    if not factor > 0:
        raise ValueError(f"cannot stretch sound by {factor}; give a positive factor.")
    if factor == 1:
        return sound
    factor = Fraction(factor)
    return warp(sound, sound.duration * factor, _Even(factor), config=config)


def warp(
    sound: Sound, duration: Fraction, times: TimeMap, *, config: StretchConfig = DEFAULT
) -> Sound:
    """A sound whose speed changes as it goes, with its pitch kept; see `stretch`.

    Args:
        sound: the sound.
        duration: seconds of the new one.
        times: which moment of the sound is heard when.
        config: how.

    Returns:
        The new sound. It is made from its beginning whichever part is asked for, since each
        window depends on the one before.
    """
    length = sample_at(duration, sound.rate)

    def read(first: int, last: int) -> Blocks:
        at, held = 0, []
        for hop in _hops(sound, length, times, config):
            part = hop[max(0, first - at) : max(0, last - at)]
            at += len(hop)
            if len(part):
                held.append(part)
            if held and (at >= last or len(held) * len(hop) >= BLOCK):
                yield np.concatenate(held)
                held = []
            if at >= last:
                return

    return dataclasses.replace(sound, length=length, read=read)


def _hops(sound: Sound, length: int, times: TimeMap, config: StretchConfig) -> Blocks:
    """The new sound in pieces of half a window."""
    rate = sound.rate
    hop, shift = round(config.window * rate / 2), round(config.shift * rate)
    width = 2 * hop
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(width) / width)).astype(np.float32)[:, None]
    size = 1 << (width + 2 * shift - 1).bit_length()
    source = _Held(sound, -width - shift)
    centers = _Centers(source, times, hop + shift, config)
    late = np.zeros((hop, sound.channels), np.float32)
    start = 0
    for k in range(-(-length // hop) + 1):
        # Window k is centered at sample k·hop of the new sound; `start` is where it begins.
        center, exact = centers.at(k * hop)
        early = center - hop - shift
        if exact or not k:
            start = center - hop
        else:
            follows = source.take(start + hop, start + hop + width).sum(1)
            near = source.take(early, early + width + 2 * shift).sum(1)
            start = early + _likest(near, follows, size)
        piece = window * source.take(start, start + width)
        source.drop(min(early, start))
        if k:
            yield (late + piece[:hop])[: length - (k - 1) * hop]
        late = piece[hop:]


def _likest(near: np.ndarray, follows: np.ndarray, size: int) -> int:
    """Where in `near` what is most like `follows` begins; its middle where all is silent."""
    places = len(near) - len(follows) + 1
    match = np.fft.rfft(near, size) * np.fft.rfft(follows, size).conj()
    likeness = np.fft.irfft(match, size)[:places]
    energy = np.concatenate([[0.0], np.cumsum(near.astype(np.float64) ** 2)])
    power = energy[len(follows) :] - energy[:places]
    score = likeness / np.sqrt(np.maximum(power, 1e-9))
    best = int(np.argmax(score))
    return best if score[best] > 1e-6 else places // 2


class _Held:
    """The part of a sound that is at hand; what is asked for must not fall behind `drop`.

    Args:
        sound: the sound.
        first: the first sample that will be asked for; before 0 there is silence.
    """

    def __init__(self, sound: Sound, first: int):
        self.sound = sound
        self._coming = sound.blocks(first)
        self._first = first
        self._samples = np.zeros((0, sound.channels), np.float32)

    def take(self, first: int, last: int) -> np.ndarray:
        """Samples first … last − 1, silent beyond the end."""
        have = self._first + len(self._samples)
        if have < last:
            parts = [self._samples]
            while have < last + BLOCK // 4:  # some more at once: they are moved each time
                block = next(self._coming, None)
                if block is None:
                    block = np.zeros((last + BLOCK - have, self.sound.channels), np.float32)
                parts.append(block)
                have += len(block)
            self._samples = np.concatenate(parts)
        return self._samples[first - self._first : last - self._first]

    def drop(self, before: int) -> None:
        """Let go of samples before one."""
        if before - self._first > BLOCK // 2:
            self._samples = self._samples[before - self._first :]
            self._first = before


class _Centers:
    """Which sample of a sound the middle of each window is taken from.

    Args:
        source: the sound.
        times: which moment of it is heard when.
        reach: samples from the middle of a window to the farthest that it may hold.
        config: how onsets are found.
    """

    def __init__(self, source: _Held, times: TimeMap, reach: int, config: StretchConfig):
        self._sound, self._times, self._reach = source.sound, times, reach
        self._found = _onsets(source, config)
        self._onsets: collections.deque[tuple[int, int]] = collections.deque()
        self._known, self._after = 0, -reach

    def at(self, now: int) -> tuple[int, bool]:
        """(sample of the sound, whether it may not be shifted) for a window around sample `now`."""
        rate, reach = self._sound.rate, self._reach
        second = self._times.at(Fraction(now, rate))
        center = min(sample_at(second, rate), self._sound.length)
        while self._known < center + reach:
            self._known, onset = next(self._found)
            if onset is not None:
                heard = sample_at(self._times.after(Fraction(onset, rate)), rate)
                # A window that holds two onsets can have but one of them on time.
                if not self._onsets or heard - self._onsets[-1][1] >= 2 * reach:
                    self._onsets.append((onset, heard))
        while self._onsets and now >= self._onsets[0][1] + reach:
            self._after = self._onsets.popleft()[0] + reach
        center = max(center, self._after)  # an onset that has been heard is not heard again
        if not self._onsets:
            return center, False
        onset, heard = self._onsets[0]
        if now > heard - reach:
            return onset + now - heard, True
        return min(center, onset - reach), False  # nor one that is to come


def _onsets(source: _Held, config: StretchConfig) -> Iterator[tuple[int, int | None]]:
    """Where something much louder than all shortly before it begins.

    Of onsets on the way to a greater one (a coder's pre-echo, a slow attack) the last counts.

    Yields:
        (a sample up to which all onsets are known, the last of them if it is new)
    """
    rate, length = source.sound.rate, source.sound.length
    cell, past = round(config.cell * rate), math.ceil(config.memory / config.cell)
    before: collections.deque[float] = collections.deque([0.0] * past, past)
    onset, quiet = None, 0
    for at in itertools.count(0, past * cell):
        if at >= length and onset is None:
            yield length + at, None
            continue
        samples = source.take(at, at + past * cell)
        energies = np.mean(samples.reshape(past, -1).astype(np.float64) ** 2, axis=1).tolist()
        for k, energy in enumerate(energies):
            quiet += 1
            if energy > config.faint and energy > config.rise * max(before):
                loud = np.abs(samples[k * cell : (k + 1) * cell]).max(1)
                onset, quiet = at + k * cell + int(np.argmax(loud >= loud.max() / 2)), 0
            elif onset is not None and quiet == past:
                yield onset, onset
                onset = None
            before.append(energy)
        if onset is None:
            yield at + past * cell, None
