"""A few frames of a short clip in the fewest steps: the inner loop of the input pipeline."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Sequence

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from vidparticles.video.index import FrameIndex
from vidparticles.video.read import open_video

# The table is known, so the library need not decode frames merely to describe an mp4 file:
# that halves the time to open one.
_QUICK = {"probesize": "32", "analyzeduration": "0"}
_SELF_DESCRIBING = {".mp4", ".m4v", ".mov"}


def sample_frames(
    path: pathlib.Path,
    index: FrameIndex,
    places: Sequence[int] | np.ndarray,
    *,
    size: tuple[int, int],
) -> np.ndarray:
    """The same as `open_video(path, index=index).frames(places, size=size)`, sooner.

    Every step is checked against the table (the packet that a seek lands on, the time of each
    frame that comes out); at the first surprise the careful reader takes over.

    Args:
        path: the file.
        index: its table of frames, as `Video.index` gives it.
        places: [n] in 0 … len(index) − 1, never decreasing.
        size: height and width of the result.

    Returns:
        uint8 [n, *size, 3] RGB, upright.

    Raises:
        InputError: no frame of the file decodes any more.
    """
    whole = not index.counted and not index.warnings
    frames = _quick(path, index, places, size) if whole else None
    if frames is None:
        with open_video(path, index=index) as video:
            frames = video.frames(places, size=size)
    return frames


def _quick(
    path: pathlib.Path, index: FrameIndex, places: Sequence[int] | np.ndarray, size: tuple[int, int]
) -> np.ndarray | None:
    pts, order = index.pts[list(places)].tolist(), index.order[list(places)]
    # The last exact start stored at or before each frame; shown before it, it is no use.
    starts = np.searchsorted(index.start_order, order, side="right") - 1
    if (starts < 0).any() or (index.start_pts[starts] > pts).any():
        return None
    out = np.empty((len(pts), *size, 3), np.uint8)
    options = _QUICK if path.suffix.lower() in _SELF_DESCRIBING else {}
    try:
        with av.open(str(path), options=options) as container:
            stream = container.streams.video[0]
            if stream != container.streams.best("video"):
                return None
            # One thread a clip: a pipeline runs many clips side by side.
            stream.codec_context.thread_count = 1
            return _fill(out, container, stream, index, pts, starts.tolist())
    except av.error.FFmpegError:
        return None


def _fill(
    out: np.ndarray,
    container: av.container.InputContainer,
    stream: av.VideoStream,
    index: FrameIndex,
    pts: list[int],
    starts: list[int],
) -> np.ndarray | None:
    reformatter = VideoReformatter()
    height, width = out.shape[1:3]
    codec, wanted = stream.codec_context, set(pts)
    skips, skipping = codec.name == "h264", False
    begun, turns = -1, 0
    packets: Iterator[av.Packet] = iter(())
    waiting: list[av.VideoFrame] = []
    for row, (want, start) in enumerate(zip(pts, starts, strict=True)):
        if row and want == pts[row - 1]:
            out[row] = out[row - 1]
            continue
        if start > begun:
            container.seek(int(index.start_pts[start]), stream=stream)
            packets, begun = container.demux(stream), start
            first = next(packets)
            if first.pts != index.start_pts[start]:
                return None
            waiting = first.decode()
            codec.skip_frame, skipping = "DEFAULT", False
        while True:
            while not waiting:
                packet = next(packets, None)
                if packet is None:
                    return None
                skip = skips and packet.pts not in wanted and packet.size > 0
                if skip != skipping:
                    codec.skip_frame, skipping = "NONREF" if skip else "DEFAULT", skip
                waiting = packet.decode()
            frame = waiting.pop(0)
            if frame.pts is None or frame.pts > want or frame.is_corrupt:
                return None
            if frame.pts == want:
                break
        if row == 0:
            turns = round(frame.rotation / 90) % 4
            if turns % 2:
                height, width = width, height
        same = (frame.height, frame.width) == (height, width)
        rgb = reformatter.reformat(
            frame,
            width=width,
            height=height,
            format="rgb24",
            interpolation="BILINEAR" if same else "AREA",
            threads=1,
        ).to_ndarray()
        out[row] = np.rot90(rgb, turns) if turns else rgb
    return out
