"""Frames out of one stream by their index in its table, to the bit, in as few steps as can be."""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Iterable, Iterator
from typing import cast

import av

from vidparticles.video.files import open_input, video_stream
from vidparticles.video.packets.table import FrameTable, build_table

# Decoders that leave out a frame no other refers to when told so. (HEVC's such frames may
# be referred to from a higher temporal layer.)
_SKIPS_NON_REFERENCE = {"h264", "mpeg4", "mpeg2video"}
# Long runs are shared among threads; below this many pixels starting them costs more.
_LONG_RUN_PIXELS = 2e8
# FFmpeg's own decoders of these leave out what is transparent.
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_EVERY = -(1 << 62)  # before any time: no frame is left out


class Decoder:
    """One video stream open for decoding, with a cursor.

    Attributes:
        table: the table of frames.
        missing: frames in the table that were found not to decode.
    """

    def __init__(self, path: pathlib.Path, table: FrameTable | None = None):
        self.path = path
        self.container = open_input(path)
        self.stream = video_stream(self.container, path)
        self.table = table or build_table(self.container, self.stream, path)
        self.missing: set[int] = set()
        self._start_of_pts = {int(p): k for k, p in enumerate(self.table.start_pts)}
        self._run: Iterator[tuple[int, av.VideoFrame]] | None = None
        self._at = -1  # the last frame that came out of the run
        self._wanted: set[int] = set()  # pts
        self._last_wanted = _EVERY
        self._whole = True  # no damage met so far
        self._resting = False  # the file is closed for now
        self._used = table is None  # what comes from the file is not its beginning
        self._set_threads(1)

    def close(self) -> None:
        """Close the file."""
        self.rest()

    def rest(self) -> None:
        """Close the file until it is needed again: the index of an hour takes 10 MB."""
        self._run, self._resting = None, True
        self.container.close()

    def frames(self, wanted: Iterable[int]) -> Iterator[tuple[int, av.VideoFrame]]:
        """Decode the frames of a set, in order.

        Args:
            wanted: indices in the table; order and repeats do not matter.

        Yields:
            (index, frame); a frame that does not decode is left out and noted in `missing`.
        """
        indices = sorted(set(wanted) - self.missing)
        self._wanted = {int(self.table.pts[i]) for i in indices}
        self._last_wanted = max(self._wanted, default=_EVERY)
        for index in indices:
            frame = self._frame(index)
            if frame is None:
                self.missing.add(index)
            else:
                yield index, frame

    def every_frame(self) -> Iterator[tuple[int, av.VideoFrame]]:
        """Decode from the first frame to the last; what does not decode is left out."""
        context = self.stream.codec_context
        threads = context.width * context.height * len(self.table) > _LONG_RUN_PIXELS
        self._last_wanted = _EVERY
        seen: set[int] = set()
        while True:
            if self._used:
                self._reopen()
            self._set_threads(0 if threads else 1)
            for index, frame in self._decode(None):
                if threads and (frame.is_corrupt or not self._whole):
                    self._whole = False
                    break
                if index not in seen:
                    seen.add(index)
                    yield index, frame
            if not threads or self._whole:
                break
            threads = False  # how damage is hidden depends on the threads: go on with one
        self.missing.update(set(range(len(self.table))) - seen)

    def _reopen(self) -> None:
        """To the very beginning of the file, with a new decoder."""
        self.rest()
        self.container = open_input(self.path)
        self.stream = video_stream(self.container, self.path)
        self._set_threads(1)
        self._at, self._resting = -1, False

    def _set_threads(self, count: int) -> None:
        """One thread a clip unless the run is long: pipelines run many clips, and threads add work.

        0 is as many as there are cores.
        """
        self.stream.thread_type = "AUTO"
        self.stream.codec_context.thread_count = count

    def _frame(self, index: int) -> av.VideoFrame | None:
        """One frame; goes on from where the last one came out unless a start lies between."""
        table = self.table
        # What hides damage depends on all that was decoded before: there, from the beginning on.
        start = table.start_of(index) if self._whole else -1
        between = start >= 0 and table.start_pts[start] > table.pts[max(self._at, 0)]
        if self._run is not None and self._at < index and not between:
            found = self._advance(index)
            if found is not None:
                return found
        # The container's index may be by presentation or by decoding time; each way is tried
        # and checked, and the beginning of the file is the last resort.
        ways = [(start, table.start_pts), (start, table.start_dts), (-1, table.start_pts)]
        for k, column in ways if start >= 0 else ways[-1:]:
            if k < 0 or not self._whole:
                self._reopen()
                self._run, self._at = self._decode(None), -1
            elif not self._seek(int(column[k]), k):
                continue
            found = self._advance(index)
            if found is not None:
                return found
        return None

    def _advance(self, index: int) -> av.VideoFrame | None:
        """Run on to a frame; None when the run ends or passes it."""
        assert self._run is not None
        for at, frame in self._run:
            self._at = at
            if at == index:
                return frame
            if at > index:
                break
        self._run = None
        return None

    def _seek(self, timestamp: int, start: int) -> bool:
        """Begin a run at a start or an exact one before it; False where the seek goes wrong."""
        if self._resting:
            self._reopen()
        try:
            self.container.seek(timestamp, stream=self.stream, backward=True, any_frame=False)
        except av.error.FFmpegError:
            return False
        packets = self._packets()
        for packet in packets:
            k = self._start_of_pts.get(packet.pts) if packet.pts is not None else None
            if k is not None and packet.is_keyframe:
                if k > start:
                    return False
                self._run, self._at = self._decode(packet, packets), -1
                return True
        return False

    def _codec(self) -> tuple[av.VideoCodecContext, bool]:
        """What decodes, and whether it is not the stream's."""
        codec = self.stream.codec_context
        other = _WITH_ALPHA.get(codec.name)
        if other is None or self.stream.metadata.get("alpha_mode") != "1":
            return codec, False
        return cast(av.VideoCodecContext, av.CodecContext.create(other, "r")), True

    def _packets(self) -> Iterator[av.Packet]:
        self._used = True
        packets = iter(self.container.demux(self.stream))
        while True:
            try:
                yield next(packets)
            except (StopIteration, av.error.FFmpegError):
                return

    def _decode(
        self, first: av.Packet | None, packets: Iterator[av.Packet] | None = None
    ) -> Iterator[tuple[int, av.VideoFrame]]:
        """Decode packets; give the frames of the table with their indices, in order."""
        codec, apart = self._codec()
        able = codec.name in _SKIPS_NON_REFERENCE and not self.table.counted
        skipping = able and self._whole and self._last_wanted != _EVERY
        count, last, skips = 0, -1, False
        codec.skip_frame = "DEFAULT"
        for packet in itertools.chain([first] if first else [], packets or self._packets()):
            if skipping:
                # Not beyond the last frame wanted now: the next call may well go on from it.
                due = packet.pts is not None and packet.pts < self._last_wanted
                skip = due and packet.pts not in self._wanted
                if skip != skips:
                    codec.skip_frame, skips = "NONREF" if skip else "DEFAULT", skip
            try:
                decoded = (
                    codec.decode(packet if packet.size else None) if apart else packet.decode()
                )
            except av.error.FFmpegError:
                self._whole, decoded = False, []  # the packets after it may be whole
            if skipping and not (self._whole and all(not f.is_corrupt for f in decoded)):
                self._whole = False
                return  # to do it over without skipping
            for frame in decoded:
                index = count if self.table.counted else self.table.index_of(frame.pts)
                count += 1
                if last < index < len(self.table):
                    last = index
                    yield index, frame
