"""The sound of a file, read where it is asked for and as it is asked for."""

from __future__ import annotations

import bisect
import contextlib
import itertools
import operator
import pathlib
from collections.abc import Generator, Iterator
from fractions import Fraction

import av
import numpy as np
from av.stream import Discard

from vidparticles.storage import PathLike
from vidparticles.video.files import open_input, video_stream
from vidparticles.video.packets.demux import JITTER, SoundTable, demux
from vidparticles.video.packets.table import build_table
from vidparticles.video.sound.blocks import LAYOUTS, Blocks, Sound, sample_at, zeros

# Seconds that are decoded before what is asked for: coders lean on what came before.
_LEAD = 0.3
_PLACES = 24  # bits for how much of a packet's beginning is cut off, in units of its time stamps


def read_audio(path: PathLike, *, origin: Fraction | None = None) -> Sound | None:
    """The sound of a file.

    Args:
        path: a video, on whose clock the sound is then (what a coder adds before the picture is
            left out, sound that begins later follows silence); or a sound file.
        origin: the container's time of sample 0, where that is known already.

    Returns:
        the sound at its own rate and channels; None for a file without sound, or whose sound
        does not decode. The file is opened again whenever samples are asked for.

    Raises:
        InputError: no such file, or not a media file.
    """
    path = pathlib.Path(path)
    with open_input(path) as container:
        if container.streams.best("video"):
            frames = build_table(container, video_stream(container, path), path)
            tables, begin = frames.sounds, frames.origin
        else:
            tables, begin = demux(container, None, path).sounds, None
    if not tables:
        return None
    if origin is None:
        origin = Fraction(tables[0].begin, tables[0].rate) if begin is None else begin
    return sound_of(path, tables[0], origin)


def sound_of(path: pathlib.Path, table: SoundTable, origin: Fraction) -> Sound | None:
    """The sound of a stream, None where it does not decode.

    Args:
        path: the file.
        table: of the stream.
        origin: the container's time of sample 0.
    """
    zero = sample_at(origin, table.rate)
    with contextlib.closing(_decoded(path, table, 0)) as run:
        if table.end <= zero or next(run, None) is None:
            return None

    def read(first: int, last: int) -> Blocks:
        return _between(path, table, first + zero, last + zero)

    return Sound(table.rate, table.channels, table.end - zero, read)


def _between(path: pathlib.Path, table: SoundTable, first: int, last: int) -> Blocks:
    """Samples first … last − 1 of the container's clock, silent where there is no sound."""
    jitter = round(JITTER * table.rate)
    lead = bisect.bisect_right(table.at, first - round(_LEAD * table.rate)) - 1
    now: int | None = None  # where what has been decoded ends
    done = first
    for at, samples in _decoded(path, table, max(0, lead)):
        begin = at if now is None or abs(at - now) > jitter else now
        if now is not None and begin < now:  # what overlaps has been heard
            samples, begin = samples[now - begin :], now
        now = max(now or begin, begin + len(samples))
        part = samples[max(0, done - begin) : max(0, last - begin)]
        if len(part):
            yield from zeros(begin - done, table.channels)
            yield part
            done = max(done, begin) + len(part)
        if now >= last:
            break
    yield from zeros(last - done, table.channels)


def _decoded(
    path: pathlib.Path, table: SoundTable, first: int
) -> Generator[tuple[int, np.ndarray]]:
    """(sample of the container's clock, float32 [S, C]) of each frame, from a packet on.

    Damaged packets are left out.
    """
    with open_input(path) as container:
        stream = container.streams[table.stream]
        assert isinstance(stream, av.AudioStream)
        for other in container.streams:
            if other is not stream:
                other.discard = Discard.all
        convert, form, layout = None, "", ""
        for k, packet in _packets(container, stream, table, first):
            if packet.size and not packet.is_discard:
                # A frame tells by its time which packet it is of, whatever the clock did.
                packet.pts = packet.dts = k << _PLACES
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                continue
            for frame in frames:
                k, cut = (frame.pts or 0) >> _PLACES, (frame.pts or 0) % (1 << _PLACES)
                if convert is None or f"{frame.format} {frame.layout} {frame.rate}" != form:
                    form = f"{frame.format} {frame.layout} {frame.rate}"
                    same = frame.layout.nb_channels == table.channels
                    layout = layout or (frame.layout.name if same else LAYOUTS[table.channels])
                    convert = av.AudioResampler(format="fltp", layout=layout, rate=table.rate)
                frame.pts = None
                for part in convert.resample(frame):
                    samples = np.ascontiguousarray(part.to_ndarray().T)
                    at = table.at[k]
                    if cut and k + 1 < len(table.at):  # in front, of what the coder needs to begin
                        at = table.at[k + 1] - len(samples)
                    yield at, samples


def _packets(
    container: av.container.InputContainer, stream: av.AudioStream, table: SoundTable, first: int
) -> Iterator[tuple[int, av.Packet[av.AudioStream]]]:
    """(index in the table, packet) from one at or before `first` on, and what ends the stream."""
    stored = table.stored
    k = -1
    packets = _whole(container, stream)
    if first > 0 and all(map(operator.lt, stored, itertools.islice(stored, 1, None))):
        try:
            container.seek(stored[first], stream=stream, backward=True, any_frame=False)
            packet = next((packet for packet in packets if packet.size), None)
        except av.error.FFmpegError:
            packet = None
        pts = None if packet is None else packet.pts
        k = len(stored) if pts is None else bisect.bisect_left(stored, pts)
        if packet is not None and k <= first and stored[k] == pts:
            yield k, packet
        else:  # the container's index leads astray
            container.seek(0)
            packets, k = _whole(container, stream), -1
    for packet in packets:
        k += bool(packet.size and not packet.is_discard)
        if k < len(stored):
            yield k, packet


def _whole(
    container: av.container.InputContainer, stream: av.AudioStream
) -> Iterator[av.Packet[av.AudioStream]]:
    packets = iter(container.demux(stream))
    while True:
        try:
            yield next(packets)
        except (StopIteration, av.error.FFmpegError):
            return
