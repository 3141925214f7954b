"""The table of a video's frames: which there are, when each shows, where decoding may start.

Made by demuxing alone. Times are presentation times, so that variable rates, edit lists and
reordered frames are exact; starts are only those packets from which every later frame is
decoded to the bit, which is fewer than what containers flag as keyframes.
"""

from __future__ import annotations

import bisect
import contextlib
import dataclasses
import pathlib
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.container import InputContainer

from vidparticles.errors import InputError, reason
from vidparticles.video import nal
from vidparticles.video.files import open_input

# Containers that store no presentation times: what the library guesses for them is wrong
# where frames may be reordered, so their frames are counted from the start instead.
_WITHOUT_TIMES = {"avi", "h264", "hevc", "m4v", "mpegvideo", "obu"}


@dataclasses.dataclass(frozen=True)
class FrameTable:
    """What is shown when, and where decoding may start.

    Attributes:
        pts: int64 [n] presentation times in units of `time_base`, increasing.
        order: int64 [n] index of each frame's packet in the file.
        end: presentation time at which the last frame stops being shown.
        time_base: seconds per unit.
        start_pts, start_order: of the packets from which decoding is exact, in file order.
        start_dts: their decoding times.
        counted: presentation times are unknown; frame i is the i-th that comes out.
        warnings: sentences on what is wrong with the file.
    """

    pts: np.ndarray
    order: np.ndarray
    end: int
    time_base: Fraction
    start_pts: np.ndarray
    start_dts: np.ndarray
    start_order: np.ndarray
    counted: bool
    warnings: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def times(self) -> np.ndarray:
        """Seconds from the first frame, float64 [n]."""
        return (self.pts - self.pts[0]) * float(self.time_base)

    @property
    def duration(self) -> Fraction:
        """Seconds from the first frame's showing to the end of the last one's."""
        return self.time_of(len(self))

    def time_of(self, frame: int) -> Fraction:
        """Exact seconds at which a frame begins to show; frame n is the end of the last."""
        pts = self.end if frame == len(self) else int(self.pts[frame])
        return (pts - int(self.pts[0])) * self.time_base

    def index_of(self, pts: int | None) -> int:
        """The frame that is shown from a presentation time on; −1 where none begins then."""
        index = -1 if pts is None else int(np.searchsorted(self.pts, pts))
        return index if 0 <= index < len(self) and self.pts[index] == pts else -1

    def start_of(self, frame: int) -> int:
        """The last start from which a frame is decoded exactly; -1 when there is none."""
        k = bisect.bisect_right(self.start_order, self.order[frame]) - 1
        while k >= 0 and self.start_pts[k] > self.pts[frame]:
            k -= 1  # a frame shown before its keyframe needs the group before
        return k


def build_table(
    container: InputContainer, stream: av.VideoStream, path: pathlib.Path
) -> FrameTable:
    """Demux a file once and table its frames.

    Raises:
        InputError: the stream holds no frames.
    """
    found = _demux(container, stream, path)
    rows, starts = found.rows, found.starts
    time_base = Fraction(stream.time_base or Fraction(1, 90000))
    duration = found.duration or max(1, round(1 / Fraction(stream.average_rate or 25) / time_base))
    orders = np.array([order for _, order, _ in rows], np.int64)
    untimed = container.format.name in _WITHOUT_TIMES and not found.intra
    counted = untimed or any(pts is None for pts, _, _ in rows) or rows[-1][2] > 0
    if not counted:
        table = dict(sorted((pts, order) for pts, order, _ in reversed(rows) if pts is not None))
        times = np.fromiter(table.keys(), np.int64, len(table))
        orders = np.fromiter(table.values(), np.int64, len(table))
    else:
        starts = []
        if untimed or any(pts is None for pts, _, _ in rows):
            times = np.arange(len(rows), dtype=np.int64)
            time_base, duration = (
                found.spacing * time_base or 1 / Fraction(stream.average_rate or 25),
                1,
            )
        else:
            times = _one_after_another(rows, duration)
    end = int(times[-1]) + duration
    warnings = found.warnings
    if not warnings and (found.cut_short or _promises_more(stream, path, end * time_base)):
        warnings = [f"{path} is cut short; the {len(times)} frames that it still holds are used."]
    columns = np.array(starts, np.int64).reshape(-1, 3)
    return FrameTable(
        pts=times,
        order=orders,
        end=end,
        time_base=time_base,
        start_pts=columns[:, 0],
        start_dts=columns[:, 1],
        start_order=columns[:, 2],
        counted=counted,
        warnings=tuple(warnings),
    )


@dataclasses.dataclass
class _Packets:
    """What demuxing tells: (pts, order, edit) of what is shown, (pts, dts, order) of starts."""

    rows: list[tuple[int | None, int, int]]
    starts: list[tuple[int, int, int]]
    duration: int = 0  # of the last
    spacing: Fraction = Fraction(0)  # mean decoding time between packets
    intra: bool = True
    cut_short: bool = False
    warnings: list[str] = dataclasses.field(default_factory=list)


def _demux(container: InputContainer, stream: av.VideoStream, path: pathlib.Path) -> _Packets:
    codec, extradata = stream.codec_context.name, stream.codec_context.extradata
    found = _Packets([], [])
    clock: list[int] = []
    order = edit = 0
    packets = iter(container.demux(stream))
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
        pts, dts = packet.pts, packet.dts
        if dts is not None:
            edit += bool(clock and dts < clock[-1])  # decoding times only go back at an edit
            clock.append(dts)
        if packet.is_keyframe and pts is not None and nal.is_exact_start(codec, extradata, packet):
            found.starts.append((pts, pts if dts is None else dts, order))
        if not packet.is_discard and nal.is_shown(codec, packet):
            found.rows.append((pts, order, edit))
            found.duration = packet.duration or found.duration
            found.intra &= packet.is_keyframe
        found.cut_short = packet.is_corrupt
        order += 1
    if found.cut_short and len(found.rows) > 1:
        found.rows.pop()  # the last packet is in part missing
    if not found.rows:
        raise InputError(f"{path} has a video stream but no frames; expected at least one.")
    if len(clock) > 1 and not edit:
        found.spacing = Fraction(clock[-1] - clock[0], len(clock) - 1)
    return found


def _one_after_another(rows: list[tuple[int | None, int, int]], duration: int) -> np.ndarray:
    """Presentation times of several edits; where the library lets two overlap, the later waits."""
    times: list[int] = []
    for edit in range(rows[-1][2] + 1):
        shown = sorted(pts for pts, _, of in rows if of == edit and pts is not None)
        late = max(0, times[-1] + duration - shown[0]) if times and shown else 0
        times += [pts + late for pts in shown]
    return np.array(times, np.int64)


def _promises_more(stream: av.VideoStream, path: pathlib.Path, end: Fraction) -> bool:
    """Whether the container's header tells of more than the file holds."""
    container = cast(InputContainer, stream.container)
    if "mov" in container.format.name:
        entries, size = stream.index_entries, path.stat().st_size
        return any(entries[i].pos + entries[i].size > size for i in range(len(entries)))
    if not {"matroska", "flv"} & set(container.format.name.split(",")):
        return False
    promised = Fraction((container.duration or 0) + (container.start_time or 0), av.time_base)
    if promised - end < 1:
        return False
    # The sound may go on after the picture ends.
    with open_input(path) as again, contextlib.suppress(av.error.FFmpegError):
        for packet in again.demux():
            if packet.pts is not None:
                end = max(end, packet.pts * Fraction(packet.time_base))
    return promised - end > 1
