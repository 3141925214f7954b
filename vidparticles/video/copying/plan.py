"""Which packets of a part of a video can be copied, and which of its frames must be encoded."""

from __future__ import annotations

import dataclasses

import numpy as np

from vidparticles.video.packets.table import FrameTable


@dataclasses.dataclass(frozen=True)
class Run:
    """Packets that are copied.

    Attributes:
        packets: the indices of the first and of the one after the last, in the order of decoding.
        frames: the index of the frame that each shows.
    """

    packets: tuple[int, int]
    frames: tuple[int, ...]


def run_of(table: FrameTable, first: int, last: int) -> Run | None:
    """The longest run of packets that shows frames within a part and needs no others.

    It begins at the first clean start in the part, before which none of the frames behind it
    shows, and ends where the frames that it has shown are all that come before the next.

    Args:
        table: the frames of a video.
        first, last: the part: its first frame, and the one after its last.

    Returns:
        The run; None where there is none.

    Example:
        >>> from types import SimpleNamespace
        >>> table = SimpleNamespace(  # stored as I P B B, I P, where B are shown before P
        ...     order=np.array([0, 2, 3, 1, 4, 5]), pts=np.arange(6),
        ...     start_clean=np.array([True, True]), start_order=np.array([0, 4]),
        ...     start_pts=np.array([0, 4]))
        >>> run_of(table, 0, 3).frames, run_of(table, 0, 4).frames, run_of(table, 1, 6).frames
        ((0,), (0, 3, 1, 2), (4, 5))
    """
    frame_of = np.full(int(table.order.max()) + 1, -1, np.int64)  # packet → frame
    frame_of[table.order] = np.arange(len(table.order))
    for clean, packet, pts in zip(
        table.start_clean, table.start_order, table.start_pts, strict=True
    ):
        begin = int(np.searchsorted(table.pts, pts))
        if not clean or not first <= begin < last or table.pts[begin] != pts:
            continue
        shown = frame_of[packet : packet + last - begin]
        # What refers to a frame beyond the part, or shows before the run, ends it.
        beyond = np.flatnonzero((shown < begin) | (shown >= last))
        shown = shown[: beyond[0]] if len(beyond) else shown
        whole = np.maximum.accumulate(shown) - begin == np.arange(len(shown))
        count = int(np.flatnonzero(whole)[-1]) + 1 if whole.any() else 0
        if count and shown[0] == begin:
            frames = tuple(shown[:count].tolist())
            return Run((int(packet), int(packet) + count), frames)
    return None
