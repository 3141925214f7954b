"""The table of a video's frames: which there are, when each shows, where decoding may start.

Made by demuxing alone. Times are presentation times, so that variable rates, edit lists and
reordered frames are exact; starts are only those packets from which every later frame is
decoded to the bit, which is fewer than what containers flag as keyframes.
"""

from __future__ import annotations

import bisect
import contextlib
import dataclasses
import itertools
import pathlib
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.container import InputContainer

from vidparticles.errors import InputError
from vidparticles.video.files import open_input, video_stream
from vidparticles.video.packets.demux import FramePacket, SoundTable, demux

# Containers that store no presentation times: what the library guesses for them is wrong
# where frames may be reordered, so their frames are counted from the start instead.
_WITHOUT_TIMES = {"avi", "h264", "hevc", "m4v", "mpegvideo", "obu"}
# Seconds that sound may reach beyond the picture, before it or behind, by what its coder adds.
_PADDING = Fraction(1, 10)
# Frames among which one must come back in time, where time stamps were stored in coding order.
_LOOKED_AT = 48


@dataclasses.dataclass(frozen=True)
class FrameTable:
    """What is shown when, and where decoding may start.

    Attributes:
        pts: int64 [n] presentation times as they are stored, in units of `time_base`, increasing;
            by them decoded frames are known.
        shown: int64 [n] when each frame is shown, on a clock that goes on.
        origin: time 0 of the file, in the container's seconds: when the first frame is shown, or
            its sound begins well before.
        order: int64 [n] index of each frame's packet among the packets of the picture.
        end: when the last frame stops being shown, but for what is held.
        hold: seconds for which it is held then, while sound goes on.
        time_base: seconds per unit.
        start_pts, start_order: of the packets from which decoding is exact, in file order.
        start_dts: their decoding times.
        start_clean: nothing from there on refers to what comes before, see `nal.is_clean_start`.
        counted: presentation times are unknown; frame i is the i-th that comes out.
        sounds: the tables of the file's streams of sound, first the one that players choose.
        warnings: sentences on what is wrong with the file.
    """

    pts: np.ndarray
    shown: np.ndarray
    order: np.ndarray
    end: int
    hold: Fraction
    origin: Fraction
    time_base: Fraction
    start_pts: np.ndarray
    start_dts: np.ndarray
    start_order: np.ndarray
    start_clean: np.ndarray
    counted: bool
    sounds: tuple[SoundTable, ...]
    warnings: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def times(self) -> np.ndarray:
        """Seconds from the file's beginning, float64 [n]."""
        return (self.shown - self.shown[0]) * float(self.time_base) + float(self.time_of(0))

    @property
    def duration(self) -> Fraction:
        """Seconds from the file's beginning to the end of the last frame's showing."""
        return self.time_of(len(self))

    def time_of(self, frame: int) -> Fraction:
        """Exact seconds at which a frame begins to show; frame n is the end of the last."""
        shown = self.end if frame == len(self) else int(self.shown[frame])
        return shown * self.time_base - self.origin + self.hold * (frame == len(self))

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
    found = demux(container, stream, path)
    rows, starts = found.rows, found.starts
    if not rows:
        raise InputError(f"{path} has a video stream but no frames; expected at least one.")
    time_base = Fraction(stream.time_base or Fraction(1, 90000))
    duration = found.duration or max(1, round(1 / Fraction(stream.average_rate or 25) / time_base))
    untimed = container.format.name in _WITHOUT_TIMES and not found.intra
    unknown = untimed or any(row.pts is None for row in rows)
    disordered = not unknown and rows[-1].edit == 0 and _comes_back(path, stream, rows)
    counted = unknown or rows[-1].edit > 0 or disordered
    orders = np.array([row.order for row in rows], np.int64)
    if not counted:
        table = {row.pts: row for row in sorted(rows, key=lambda row: (row.pts or 0, row.order))}
        pts = np.fromiter(table.keys(), np.int64, len(table))
        orders = np.array([row.order for row in table.values()], np.int64)
        shown = pts + np.array([row.shift for row in table.values()], np.int64)
    else:
        starts = []
        ticks = [row.dts for row in rows if row.dts is not None]
        rising = len(ticks) == len(rows) and all(a < b for a, b in itertools.pairwise(ticks))
        if disordered or (rising and "avi" in container.format.name):
            # Frames come out in an order of their own, but as often as packets go in.
            pts = shown = np.array(ticks if rising else sorted(row.pts or 0 for row in rows))
        elif unknown:
            pts = shown = np.arange(len(rows), dtype=np.int64)
            time_base = found.spacing * time_base or 1 / Fraction(stream.average_rate or 25)
            duration = 1
        else:
            pts = shown = _one_after_another(rows, duration)
    end = int(shown[-1]) + duration
    if "mov" in container.format.name and not counted and stream.duration:
        # An edit list, in milliseconds, may end while the last one decoded would still be shown.
        until = (stream.start_time or 0) + stream.duration
        if (end - until) * time_base > Fraction(1, 500):
            end = max(int(shown[-1]) + 1, until)
    first, told = int(shown[0]) * time_base, end * time_base
    heard = [(Fraction(s.begin, s.rate), Fraction(s.end, s.rate)) for s in found.sounds]
    begin = min([first, *(begun for begun, _ in heard)])
    close = max([told, *(ended for _, ended in heard)])
    warnings = found.warnings
    if not warnings and (found.cut_short or _promises_more(stream, path, close)):
        warnings = [f"{path} is cut short; the {len(pts)} frames that it still holds are used."]
    columns = np.array(starts, np.int64).reshape(-1, 4)
    return FrameTable(
        pts=pts,
        shown=shown,
        order=orders,
        end=end,
        hold=close - told if close - told > _PADDING else Fraction(0),
        origin=begin if first - begin > _PADDING else first,
        time_base=time_base,
        start_pts=columns[:, 0],
        start_dts=columns[:, 1],
        start_order=columns[:, 2],
        start_clean=columns[:, 3].astype(bool),
        counted=counted,
        sounds=found.sounds,
        warnings=(*warnings, *found.repairs),
    )


def _comes_back(path: pathlib.Path, stream: av.VideoStream, rows: list[FramePacket]) -> bool:
    """Whether frames come out of the decoder with times that go back.

    Some recorders store as time of showing when a frame is decoded, though frames are reordered.
    """
    stamps = [row.pts or 0 for row in rows[:_LOOKED_AT]]
    if not stream.codec_context.has_b_frames or len(stamps) < 3 or stamps != sorted(stamps):
        return False
    latest, count = None, 0
    with open_input(path) as again, contextlib.suppress(av.error.FFmpegError):
        own = video_stream(again, path)
        for frame in again.decode(own):
            if latest is not None and frame.pts is not None and frame.pts < latest:
                return True
            latest, count = frame.pts, count + 1
            if count == len(stamps):
                break
    return False


def _one_after_another(rows: list[FramePacket], duration: int) -> np.ndarray:
    """Presentation times of several edits; where the library lets two overlap, the later waits."""
    times: list[int] = []
    for edit in range(rows[-1].edit + 1):
        own = [row for row in rows if row.edit == edit]
        shown = sorted(row.pts + row.shift for row in own if row.pts is not None)
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
