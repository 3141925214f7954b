"""Sound as arrays: read, cut, stretch, resample, join; one clock with the frames.

Cuts are given in exact seconds (a Fraction, or a float) and rounded to samples once, so that
sound cut at the times of frames stays with them however many cuts there are.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from fractions import Fraction

import av
import numpy as np

from vidparticles.storage import PathLike
from vidparticles.video.files import open_input, video_stream
from vidparticles.video.table import build_table

# av's names of the speaker layouts that samples [S, C] are taken to have.
LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 8: "7.1"}
_WINDOW, _SHIFT = 0.03, 0.006  # seconds: what is laid down at a time, how far it may move
_JITTER = 0.02  # seconds by which time stamps may stray before silence is put in


@dataclasses.dataclass(frozen=True)
class Audio:
    """Sound; sample s sounds at s / rate seconds.

    Attributes:
        samples: float32 [S, C] in −1 … 1.
        rate: samples a second.
    """

    samples: np.ndarray
    rate: int

    @property
    def channels(self) -> int:
        """C, the number of channels."""
        return self.samples.shape[1]

    @property
    def duration(self) -> Fraction:
        """Seconds."""
        return Fraction(len(self.samples), self.rate)


def silence(seconds: Fraction | float, *, rate: int, channels: int) -> Audio:
    """No sound.

    Example:
        >>> silence(0.5, rate=8000, channels=2).samples.shape
        (4000, 2)
    """
    return Audio(np.zeros((_sample(seconds, rate), channels), np.float32), rate)


def read_audio(path: PathLike, *, origin: Fraction | None = None) -> Audio | None:
    """All sound of a file.

    Args:
        path: a video, whose first displayed frame then shows when sample 0 sounds (sound
            before it is left out, sound that begins later follows silence); or a sound file.
        origin: the container's time of sample 0, where that is known already.

    Returns:
        the sound at its own rate and channels; None for a file without sound, or whose sound
        does not decode.

    Raises:
        InputError: no such file, or not a media file.
    """
    path = pathlib.Path(path)
    with open_input(path) as container:
        stream = container.streams.best("audio")
        if not isinstance(stream, av.AudioStream):
            return None
        rate, channels = stream.codec_context.rate, stream.codec_context.channels
        if not rate or not channels:
            return None
        if origin is None and container.streams.best("video"):
            origin = _first_shown(path)
        pieces: list[np.ndarray] = []
        have = 0
        for frame in _decoded(container, stream, rate):
            samples = np.ascontiguousarray(frame.to_ndarray().T)
            if frame.pts is not None:
                at = frame.pts * Fraction(frame.time_base or Fraction(1, rate))
                origin = at if origin is None else origin
                off = round((at - origin) * rate) - have
                if off > 0 and (not have or off > _JITTER * rate):
                    pieces.append(np.zeros((off, samples.shape[1]), np.float32))
                    have += off
                elif off < 0 and (not have or -off > _JITTER * rate):
                    samples = samples[-off:]
            pieces.append(samples)
            have += len(samples)
    if not have:
        return None
    return Audio(np.concatenate(pieces), rate)


def _decoded(
    container: av.container.InputContainer, stream: av.AudioStream, rate: int
) -> Iterator[av.AudioFrame]:
    """Frames of float samples, one plane a channel; damaged packets are left out."""
    to_float = av.AudioResampler(format="fltp", rate=rate)
    packets = iter(container.demux(stream))
    while True:
        try:
            packet = next(packets)
            decoded = packet.decode()
        except StopIteration:
            return
        except av.error.InvalidDataError:
            continue
        except av.error.FFmpegError:
            return
        for frame in decoded:
            yield from to_float.resample(frame)


def _first_shown(path: pathlib.Path) -> Fraction:
    """Presentation time of the first displayed frame, in the container's clock."""
    with open_input(path) as container:
        table = build_table(container, video_stream(container, path), path)
    return int(table.pts[0]) * table.time_base


def cut(audio: Audio, start: Fraction | float, end: Fraction | float) -> Audio:
    """The sound between two times, with silence where the sound does not reach.

    Args:
        audio: the sound.
        start, end: seconds; both are rounded to the nearest sample, so that neighboring cuts
            share no sample and lose none.

    Raises:
        ValueError: end is before start.

    Example:
        >>> sound = Audio(np.arange(8, dtype=np.float32)[:, None] / 8, rate=4)
        >>> cut(sound, 0.5, 1).samples[:, 0].tolist(), len(cut(sound, 1, 9).samples)
        ([0.25, 0.375], 32)
    """
    if end < start:
        raise ValueError(f"cannot cut sound from {start} s to {end} s; give end ≥ start.")
    first, last = _sample(start, audio.rate), _sample(end, audio.rate)
    return _span(audio, first, last)


def join(pieces: Sequence[Audio], *, durations: Sequence[Fraction] | None = None) -> Audio:
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
    out, now = [], Fraction(0)
    for piece, length in zip(pieces, lengths, strict=True):
        first, now = _sample(now, rate), now + Fraction(length)
        same = resample(piece, rate=rate, channels=channels)
        out.append(_span(same, 0, _sample(now, rate) - first).samples)
    return Audio(np.concatenate(out), rate)


def resample(audio: Audio, *, rate: int, channels: int | None = None) -> Audio:
    """The same sound at another rate or in other channels.

    Args:
        audio: the sound.
        rate: samples a second.
        channels: 1, 2, 3, 4, 5, 6 or 8, mixed as speaker layouts are; default unchanged.

    Raises:
        ValueError: a number of channels without a speaker layout.

    Example:
        >>> resample(silence(0.5, rate=8000, channels=1), rate=16000, channels=2).samples.shape
        (8000, 2)
    """
    channels = audio.channels if channels is None else channels
    if (rate, channels) == (audio.rate, audio.channels):
        return audio
    length = _sample(audio.duration, rate)
    convert = av.AudioResampler(format="fltp", layout=_layout(channels), rate=rate)
    out = [f for frame in av_frames(audio) for f in convert.resample(frame)]
    out += convert.resample(None)
    return _span(_gather(out, rate, channels), 0, length)


def reverse(audio: Audio) -> Audio:
    """The sound from its end to its start.

    Example:
        >>> reverse(Audio(np.float32([[0.0], [0.5]]), rate=4)).samples[:, 0].tolist()
        [0.5, 0.0]
    """
    return Audio(audio.samples[::-1], audio.rate)


def stretch(audio: Audio, factor: Fraction | float) -> Audio:
    """The same sound in a longer or shorter time, with its pitch kept.

    Short windows of the sound are laid down at the new spacing, each shifted a little to where
    it continues the one before it best (waveform-similarity overlap-add; Verhelst and Roelands,
    ICASSP 1993). Windows are placed by absolute time, so nothing drifts: a sound comes out
    within |1 − factor| half windows and factor shifts of where it belongs (under 30 ms for
    factors from 0 to 2). FFmpeg's atempo is 50 ms early there.

    Args:
        audio: the sound.
        factor: how many times as long: 2 for half speed; positive.

    Returns:
        round(S · factor) samples.

    Raises:
        ValueError: factor is not positive.

    Example:
        >>> float(stretch(silence(0.5, rate=8000, channels=1), 2).duration)
        1.0
    """
    if not factor > 0:
        raise ValueError(f"cannot stretch sound by {factor}; give a positive factor.")
    if factor == 1 or not len(audio.samples):
        return audio
    hop, shift = round(_WINDOW * audio.rate / 2), round(_SHIFT * audio.rate)
    width, edge = 2 * hop, hop + shift
    length = round(len(audio.samples) * Fraction(factor))
    count = -(-length // hop) + 1
    padded = np.pad(audio.samples, ((edge, edge + 2 * width), (0, 0)))
    mono = padded.sum(1)
    energy = np.concatenate([[0.0], np.cumsum(mono.astype(np.float64) ** 2)])
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(width) / width)).astype(np.float32)[:, None]
    out = np.zeros(((count + 1) * hop, audio.channels), np.float32)
    size = 1 << (width + 2 * shift - 1).bit_length()
    start = 0
    for k in range(count):
        # Window k is centered at sample k·hop of the result and k·hop / factor of the sound.
        early = min(int(k * hop / factor), len(audio.samples))
        if k:
            near = mono[early : early + width + 2 * shift]
            follows = mono[start + hop : start + hop + width]
            match = np.fft.rfft(near, size) * np.fft.rfft(follows, size).conj()
            likeness = np.fft.irfft(match, size)[: 2 * shift + 1]
            power = energy[early + width : early + width + 2 * shift + 1]
            power = power - energy[early : early + 2 * shift + 1]
            score = likeness / np.sqrt(np.maximum(power, 1e-9))
            best = int(np.argmax(score))
            start = early + (best if score[best] > 1e-6 else shift)
        else:
            start = early + shift
        out[k * hop : k * hop + width] += window * padded[start : start + width]
    return Audio(out[hop : hop + length], audio.rate)


def av_frames(audio: Audio, *, first: int = 0, block: int = 1024) -> Iterator[av.AudioFrame]:
    """The sound as av's frames of planar floats, with exact time stamps in samples."""
    for at in range(first, len(audio.samples), block):
        plane = np.ascontiguousarray(audio.samples[at : at + block].T, np.float32)
        frame = av.AudioFrame.from_ndarray(plane, format="fltp", layout=_layout(audio.channels))
        frame.sample_rate, frame.pts, frame.time_base = audio.rate, at, Fraction(1, audio.rate)
        yield frame


def _gather(frames: Sequence[av.AudioFrame], rate: int, channels: int) -> Audio:
    planes = [f.to_ndarray().T for f in frames]
    empty = np.zeros((0, channels), np.float32)
    return Audio(np.concatenate([empty, *planes]).astype(np.float32, copy=False), rate)


def _span(audio: Audio, first: int, last: int) -> Audio:
    """Samples first … last − 1, with zeros where there are none."""
    inside = audio.samples[max(first, 0) : max(last, 0)]
    before = max(0, min(-first, last - first))
    after = last - first - before - len(inside)
    return Audio(np.pad(inside, ((before, after), (0, 0))), audio.rate)


def _sample(seconds: Fraction | float, rate: int) -> int:
    return round(Fraction(seconds) * rate)


def _layout(channels: int) -> str:
    if channels not in LAYOUTS:
        raise ValueError(f"no speaker layout has {channels} channels; give one of {[*LAYOUTS]}.")
    return LAYOUTS[channels]
