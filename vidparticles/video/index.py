"""The table of a video's frames: which there are, when each shows, where decoding may start.

Made by demuxing alone. Times are presentation times, so that variable rates, edit lists and
reordered frames are exact; starts are only those packets from which every later frame is
decoded to the bit, which is fewer than what containers flag as keyframes.
"""

from __future__ import annotations

import bisect
import dataclasses
import pathlib
from fractions import Fraction

import av
import numpy as np

from vidparticles.errors import InputError
from vidparticles.video import nal
from vidparticles.video.files import reason

# Containers that store no presentation times: what the library guesses for them is wrong as
# soon as frames are reordered, so their frames are counted from the start instead.
_WITHOUT_TIMES = {"avi", "h264", "hevc", "m4v", "mpegvideo", "obu"}


@dataclasses.dataclass(frozen=True)
class FrameIndex:
    """What is shown when, and where decoding may start.

    Attributes:
        pts: int64 [n] presentation times in units of `time_base`, increasing.
        order: int64 [n] place of each frame's packet in the file.
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
        return int(self.end - self.pts[0]) * self.time_base

    def start_of(self, frame: int) -> int:
        """The last start from which a frame is decoded exactly; -1 when there is none."""
        k = bisect.bisect_right(self.start_order, self.order[frame]) - 1
        while k >= 0 and self.start_pts[k] > self.pts[frame]:
            k -= 1  # a frame shown before its keyframe needs the group before
        return k


def build_index(
    container: av.container.InputContainer, stream: av.VideoStream, path: pathlib.Path
) -> FrameIndex:
    """Demux a file once and table its frames.

    Raises:
        InputError: the stream holds no frames.
    """
    codec, extradata = stream.codec_context.name, stream.codec_context.extradata
    rows: list[tuple[int | None, int]] = []  # (pts, order) of what is shown
    starts: list[tuple[int, int, int]] = []
    warnings: list[str] = []
    order, duration, cut_short, monotone = 0, 0, False, True
    last: int | None = None
    packets = iter(container.demux(stream))
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            break
        except av.error.FFmpegError as error:
            cut_short = True
            warnings.append(f"{path} breaks off ({reason(error)}); what decodes is used.")
            break
        if not packet.size:
            continue
        pts = packet.pts
        if packet.is_keyframe and pts is not None and nal.is_exact_start(codec, extradata, packet):
            starts.append((pts, pts if packet.dts is None else packet.dts, order))
        shown = not packet.is_discard and nal.is_shown(codec, packet)
        if shown:
            rows.append((pts, order))
            if pts is None or (last is not None and pts <= last):
                monotone = False
            last, duration = pts, packet.duration or duration
        cut_short = packet.is_corrupt
        order += 1
    if cut_short and len(rows) > 1:
        rows.pop()  # the last packet is in part missing
    if not rows:
        raise InputError(f"{path} has a video stream but no frames; expected at least one.")

    counted = any(pts is None for pts, _ in rows) or (
        container.format.name in _WITHOUT_TIMES and not monotone
    )
    time_base = Fraction(stream.time_base or Fraction(1, 90000))
    if counted:
        time_base = 1 / Fraction(stream.average_rate or stream.base_rate or 25)
        pts_array = np.arange(len(rows), dtype=np.int64)
        orders = np.array([o for _, o in rows], np.int64)
        starts, duration = [], 1
    else:
        table = dict(sorted((p, o) for p, o in reversed(rows) if p is not None))
        pts_array = np.fromiter(table.keys(), np.int64, len(table))
        orders = np.fromiter(table.values(), np.int64, len(table))
    if not duration:
        rate = stream.average_rate or stream.base_rate or Fraction(25)
        steps = np.diff(pts_array)
        duration = int(steps[-1]) if len(steps) else max(1, round(1 / rate / time_base))
    if not warnings and (cut_short or _needs_more_bytes(stream, path)):
        warnings.append(
            f"{path} is cut short; the {len(pts_array)} frames that it still holds are used."
        )
    columns = np.array(starts, np.int64).reshape(-1, 3)
    return FrameIndex(
        pts=pts_array,
        order=orders,
        end=int(pts_array[-1]) + duration,
        time_base=time_base,
        start_pts=columns[:, 0],
        start_dts=columns[:, 1],
        start_order=columns[:, 2],
        counted=counted,
        warnings=tuple(warnings),
    )


def _needs_more_bytes(stream: av.VideoStream, path: pathlib.Path) -> bool:
    """Whether the container's own index points past the end of the file."""
    if "mov" not in stream.container.format.name:
        return False
    entries = stream.index_entries
    size = path.stat().st_size
    return any(entries[i].pos + entries[i].size > size for i in range(len(entries)))
