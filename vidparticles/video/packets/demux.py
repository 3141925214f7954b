"""What demuxing a file once tells of the packets of its picture and of its sounds."""

from __future__ import annotations

import array
import dataclasses
import operator
import pathlib
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import av
from av.container import InputContainer
from av.format import Flags
from av.stream import Discard

from vidparticles.errors import reason
from vidparticles.video.packets import nal

# Seconds by which time stamps of sound may stray before silence is put in, or sound left out.
JITTER = 0.02


@dataclasses.dataclass(frozen=True)
class SoundTable:
    """The packets of one stream of sound.

    Samples are counted at the stream's rate from time 0 of the container's clock.

    Attributes:
        stream: its index in the container.
        rate: samples a second.
        channels: how many.
        stored: time stamps of the packets in the file.
        at: the sample with which each packet begins, on a clock that goes on.
        begin, end: samples between which there is sound.
    """

    stream: int
    rate: int
    channels: int
    stored: Sequence[int]
    at: Sequence[int]
    begin: int
    end: int

    def span(self, origin: Fraction) -> tuple[Fraction, Fraction]:
        """Seconds at which the sound begins and ends, from a time of the container's clock."""
        return Fraction(self.begin, self.rate) - origin, Fraction(self.end, self.rate) - origin


class FramePacket(NamedTuple):
    """A packet that gives a frame to show; times in units of the stream's time base."""

    pts: int | None  # as stored; None where nothing is
    dts: int | None
    order: int  # packets of the stream before it
    edit: int  # how many times decoding times went back before it
    shift: int  # what to add to its times for a clock that goes on


@dataclasses.dataclass
class Packets:
    """What demuxing tells.

    Attributes:
        rows: what is shown, in the order of the file.
        starts: (pts, dts, order, whether it is a clean one) of packets from which decoding is
            exact, see `nal`.
        sounds: of each stream of sound that holds any, first the one that players choose.
        duration: of the last packet of the picture.
        spacing: mean decoding time between packets of the picture.
        intra: every frame can be decoded by itself.
        cut_short: the file ends in the middle of a packet.
        warnings: sentences on what is wrong.
        repairs: sentences on what was set right.
    """

    rows: list[FramePacket]
    starts: list[tuple[int, int, int, bool]]
    sounds: tuple[SoundTable, ...] = ()
    duration: int = 0
    spacing: Fraction = Fraction(0)
    intra: bool = True
    cut_short: bool = False
    warnings: list[str] = dataclasses.field(default_factory=list)
    repairs: list[str] = dataclasses.field(default_factory=list)


def demux(container: InputContainer, picture: av.VideoStream | None, path: pathlib.Path) -> Packets:
    """Run through a file, its picture and all of its sounds.

    Args:
        container: the file, at its beginning.
        picture: the stream of the picture, None for none.
        path: what sentences call it.
    """
    found = Packets([], [])
    wanted = [*([picture] if picture is not None else []), *container.streams.audio]
    for stream in container.streams:
        if stream not in wanted:  # not even read, where the container has an index
            stream.discard = Discard.all
    repair = _Clock(container, wanted, ClockConfig())
    sounds = {stream.index: _SoundRows(stream) for stream in container.streams.audio}
    frames = _FrameRows(picture, found)
    packets = iter(container.demux(*wanted))
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            break
        except av.error.FFmpegError as error:
            found.warnings.append(f"{path} breaks off ({reason(error)}); what decodes is used.")
            found.cut_short = True
            break
        if not packet.size:
            continue
        shift = repair.shift(packet)
        if packet.stream_index in sounds:
            sounds[packet.stream_index].add(packet, shift)
        else:
            frames.add(packet, shift)
    frames.finish()
    best = container.streams.best("audio")
    rows = sorted(sounds.values(), key=lambda own: own.stream is not best)
    found.sounds = tuple(table for own in rows if (table := own.table()) is not None)
    found.repairs = repair.told(path)
    return found


class _FrameRows:
    """Collects what is told of the picture."""

    def __init__(self, stream: av.VideoStream | None, found: Packets):
        self._found = found
        context = None if stream is None else stream.codec_context
        self._codec = "" if context is None else context.name
        self._extradata = None if context is None else context.extradata
        self._clock: list[int] = []
        self._order = self._edit = 0

    def add(self, packet: av.Packet, shift: int) -> None:
        found, clock, pts, dts = self._found, self._clock, packet.pts, packet.dts
        if dts is not None:
            self._edit += bool(clock and dts < clock[-1])  # they only go back at an edit
            clock.append(dts)
        start = packet.is_keyframe and nal.is_exact_start(self._codec, self._extradata, packet)
        if start and pts is not None:
            clean = nal.is_clean_start(self._codec, self._extradata, packet)
            found.starts.append((pts, pts if dts is None else dts, self._order, clean))
        if not packet.is_discard and nal.is_shown(self._codec, packet):
            found.rows.append(FramePacket(pts, dts, self._order, self._edit, shift))
            found.duration = packet.duration or found.duration
            found.intra &= packet.is_keyframe
        found.cut_short = packet.is_corrupt
        self._order += 1

    def finish(self) -> None:
        found, clock = self._found, self._clock
        if found.cut_short and len(found.rows) > 1:
            found.rows.pop()  # the last packet is in part missing
        if len(clock) > 1 and not self._edit:
            found.spacing = Fraction(clock[-1] - clock[0], len(clock) - 1)


class _SoundRows:
    """Collects what is told of a stream of sound."""

    def __init__(self, stream: av.AudioStream):
        self.stream, context = stream, stream.codec_context
        self._rate, self._channels = context.rate, context.channels
        self._tick = float(stream.time_base or 0) * self._rate  # samples
        # How many samples a packet holds is known where the coder has frames of one size, and
        # where time stamps are as fine as samples; Opus' packets last whole milliseconds.
        self._size, self._fine = context.frame_size, self._tick <= 1 or context.name == "opus"
        self._stored, self._at = array.array("q"), array.array("q")
        self._begin = self._end = self._next = self._follows = 0

    def add(self, packet: av.Packet, shift: int) -> None:
        if packet.is_discard:
            return
        known, duration = len(self._at) > 0, packet.duration or 0
        stored = self._follows if packet.pts is None else packet.pts
        self._follows = stored + duration
        at, length = round((stored + shift) * self._tick), round(duration * self._tick)
        size = self._size or (length if self._fine else 0)
        early = late = 0
        if packet.has_sidedata("skip_samples"):
            told = bytes(packet.get_sidedata("skip_samples"))
            early, late = (int.from_bytes(told[k : k + 4], "little") for k in (0, 4))
        if known and size and abs(at - self._next) < JITTER * self._rate:
            at = self._next
        elif not known:
            if abs(at + early) <= self._tick:  # it begins with the clock, but for rounding
                at = -early
            self._begin = at + early
        self._next = at + size
        # The last packet of all may be shorter than its frame, which one of both tells or each.
        whole = (size or length) - late
        self._end = max(self._end, at + (min(whole, length) if size and length else whole))
        self._stored.append(stored)
        self._at.append(at)

    def table(self) -> SoundTable | None:
        if not self._at or not self._rate or not self._channels or self._end <= self._begin:
            return None
        return SoundTable(
            stream=self.stream.index,
            rate=self._rate,
            channels=self._channels,
            stored=_compact(self._stored),
            at=_compact(self._at),
            begin=self._begin,
            end=self._end,
        )


def _compact(numbers: array.array[int]) -> Sequence[int]:
    """The numbers, as a range where they are one: an hour has 170,000 packets."""
    if len(numbers) > 1:
        even = range(numbers[0], numbers[-1] + 1, max(1, numbers[1] - numbers[0]))
        if len(even) == len(numbers) and all(map(operator.eq, numbers, even)):
            return even
    return numbers


@dataclasses.dataclass(frozen=True)
class ClockConfig:
    """When time stamps are taken to be of another clock.

    Attributes:
        leap: seconds by which they must run ahead of all streams.
        back: seconds by which they must fall behind their own stream.
    """

    leap: float = 10.0
    back: float = 0.1


class _Clock:
    """Sets the clock of a transport stream right where it leaps or begins anew.

    Recorders join broadcasts whose clocks have nothing to do with each other. Pictures and sounds
    are moved together, so that what follows such a place goes on from what came before it, and
    stays in step. In other containers a long gap is a long gap.

    Args:
        container: the file.
        streams: whose packets will be shown to it.
    """

    def __init__(
        self,
        container: InputContainer,
        streams: Sequence[av.stream.Stream],
        config: ClockConfig,
    ):
        self._config = config
        self._works = Flags.ts_discont in Flags(container.format.flags)
        self._ticks = {stream.index: Fraction(stream.time_base or 1) for stream in streams}
        self._clocks = [Fraction(0)]  # what to add to the times of each
        self._leaps: list[tuple[Fraction, Fraction]] = []  # (when, by how much)
        self._state: dict[int, tuple[int, Fraction]] = {}  # stream → its clock, its end
        self._first: Fraction | None = None
        self._latest: Fraction | None = None

    def shift(self, packet: av.Packet) -> int:
        """What to add to a packet's time stamps."""
        stamp = packet.pts if packet.dts is None else packet.dts
        if not self._works or stamp is None:
            return 0
        tick = self._ticks[packet.stream_index]
        time, duration = stamp * tick, (packet.duration or 0) * tick
        self._first = time if self._first is None else self._first
        clock, end = self._state.get(packet.stream_index, (len(self._clocks) - 1, None))
        while not self._goes_on(time + self._clocks[clock], end):
            clock += 1
            if clock == len(self._clocks):
                follows = end or self._latest or time
                self._leaps.append((follows - self._first, time + self._clocks[-1] - follows))
                self._clocks.append(follows - time)
        end = time + self._clocks[clock] + duration
        self._state[packet.stream_index] = clock, end
        self._latest = end if self._latest is None else max(self._latest, end)
        return round(self._clocks[clock] / tick)

    def _goes_on(self, time: Fraction, end: Fraction | None) -> bool:
        ahead = self._latest is not None and time - self._latest > self._config.leap
        return not ahead and (end is None or end - time < self._config.back)

    def told(self, path: pathlib.Path) -> list[str]:
        """A sentence on what was set right."""
        if not self._leaps:
            return []
        when, by = self._leaps[0]
        more = f" and {len(self._leaps) - 1} times more" if len(self._leaps) > 1 else ""
        return [
            f"{path}: its clock leaps by {float(by):+.1f} s at {float(when):.1f} s{more}; what "
            "follows was moved to go on from there."
        ]
