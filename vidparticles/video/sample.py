"""A few frames of a short clip in the fewest steps: the inner loop of an input pipeline.

`table_of` looks at a file once; `sample_frames` then gives what `open_video(path).frames`
would, sooner. In the commonest small files (H.264 without reordered frames, as `write_proxy`
makes them) packets are read from their known places and go straight to the decoder, which
saves opening the container, describing it and seeking in it. Every step is checked against
the table, and at the first surprise the careful reader takes over.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from typing import cast

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from vidparticles.video.decode import to_rgb
from vidparticles.video.files import open_input, video_stream
from vidparticles.video.index import FrameIndex
from vidparticles.video.read import Video, open_video

Places = Sequence[int] | np.ndarray


@dataclasses.dataclass(frozen=True)
class _Packets:
    """Where the packets of a stream lie, one a frame, in the order of the frames."""

    codec: str
    extradata: bytes | None
    at: np.ndarray
    size: np.ndarray


@dataclasses.dataclass(frozen=True)
class Table:
    """What is known of a file.

    Attributes:
        index: its frames and their times.
        turns: quarter turns counter-clockwise that make a frame upright.
        packets: where they lie, if they can be decoded without their container.
    """

    index: FrameIndex
    turns: int
    packets: _Packets | None


def table_of(path: pathlib.Path) -> Table:
    """Look at a file once, for `sample_frames`.

    Raises:
        InputError: no such file, not a video, sound only, or no frame that decodes.
    """
    with open_video(path) as video:
        table = Table(video.index, -video.info.rotation // 90 % 4, None)
        direct = dataclasses.replace(table, packets=_packets(path, video.index))
        return direct if direct.packets and _agrees(path, direct, video) else table


def sample_frames(
    path: pathlib.Path, table: Table, places: Places, *, size: tuple[int, int]
) -> np.ndarray:
    """The same as `open_video(path).frames(places, size=size)`, sooner.

    Args:
        path: the file.
        table: what `table_of` said of it.
        places: [n] in 0 … frames − 1, never decreasing.
        size: height and width of the result.

    Returns:
        uint8 [n, *size, 3] RGB, upright.

    Raises:
        InputError: no frame of the file decodes any more.
    """
    index, out = table.index, np.empty((len(places), *size, 3), np.uint8)
    # Damaged files are for the careful reader, which knows how to go on.
    whole = not index.counted and not index.warnings
    try:
        if table.packets is not None and _fill(out, table, _direct(path, table, places), places):
            return out
        if whole and _fill(out, table, _seeking(path, index, places), places):
            return out
    except (av.error.FFmpegError, OSError):
        pass
    with open_video(path, index=index) as video:
        return video.frames(places, size=size)


def _fill(out: np.ndarray, table: Table, frames: Iterator[av.VideoFrame], places: Places) -> bool:
    """Convert the frames at places, each once, into the rows of `out`; False on a surprise."""
    reformatter = VideoReformatter()
    last = -1
    for row, place in enumerate(places):
        if place == last:
            out[row] = out[row - 1]
            continue
        frame = next(frames, None)
        if frame is None or frame.pts != table.index.pts[place] or frame.is_corrupt:
            return False
        out[row] = to_rgb(frame, reformatter, size=out.shape[1:3], turns=table.turns)
        last = place
    return True


def _starts(index: FrameIndex, places: Places) -> list[int]:
    """The last exact start stored at or before each frame; −1 where it is no use."""
    starts = np.searchsorted(index.start_order, index.order[list(places)], side="right") - 1
    late = (starts >= 0) & (index.start_pts[starts] > index.pts[list(places)])
    return np.where(late, -1, starts).tolist()


def _direct(path: pathlib.Path, table: Table, places: Places) -> Iterator[av.VideoFrame]:
    """Frames from packets read at their places; every packet gives its own frame."""
    packets, index = table.packets, table.index
    assert packets is not None
    codec = cast(av.VideoCodecContext, av.CodecContext.create(packets.codec, "r"))
    codec.extradata = packets.extradata
    codec.thread_count = 1
    at = -1
    starts = index.start_order[_starts(index, places)].tolist()
    with path.open("rb", buffering=0) as file:
        for place, start in zip(places, starts, strict=True):
            if place == at:
                continue
            for here in range(max(start, at + 1), place + 1):
                file.seek(packets.at[here])
                packet = av.Packet(file.read(packets.size[here]))
                packet.pts = int(index.pts[here])
                decoded = codec.decode(packet)
                if len(decoded) != 1:
                    return
            at = place
            yield decoded[0]


def _packets(path: pathlib.Path, index: FrameIndex) -> _Packets | None:
    """Where the packets lie, if each holds one frame, in order, from a start on."""
    count = len(index)
    ordered = np.array_equal(index.order, np.arange(count))
    if index.counted or index.warnings or not ordered or not len(index.start_order):
        return None
    with open_input(path) as container:
        stream = video_stream(container, path)
        codec = stream.codec_context
        if codec.name != "h264" or codec.has_b_frames or index.start_order[0] != 0:
            return None
        found = [(p.pts, p.pos, p.size) for p in container.demux(stream) if p.size]
        if [pts for pts, _, _ in found] != index.pts.tolist() or None in (p for _, p, _ in found):
            return None
        places = np.array([pos for _, pos, _ in found]), np.array([size for *_, size in found])
        return _Packets(codec.name, codec.extradata, *places)


def _agrees(path: pathlib.Path, table: Table, video: Video) -> bool:
    """Whether the first and last frames come out the same without the container.

    It may hold what the packets do not, color tags or a crop, or hold them otherwise than
    they are stored.
    """
    places = [0, len(video) - 1]
    true = video.frames(places)
    out = np.empty_like(true)
    try:
        done = _fill(out, table, _direct(path, table, places), places)
    except (av.error.FFmpegError, OSError):
        return False
    return done and np.array_equal(out, true)


def _seeking(path: pathlib.Path, index: FrameIndex, places: Places) -> Iterator[av.VideoFrame]:
    """Frames by seeking to exact starts; ends early when a seek lands elsewhere."""
    starts = _starts(index, places)
    if min(starts) < 0:
        return
    wanted = set(index.pts[list(places)].tolist())
    with open_input(path) as container:
        stream = video_stream(container, path)
        codec = stream.codec_context
        # One thread a clip: a pipeline reads many clips side by side.
        codec.thread_count = 1
        # Frames that no other refers to may be left out, where there are such.
        skips, skipping = codec.name == "h264" and codec.has_b_frames, False
        packets: Iterator[av.Packet] = iter(())
        decoded: list[av.VideoFrame] = []
        begun, at = -1, -1
        for place, start in zip(places, starts, strict=True):
            if place == at:
                continue
            if start > begun:
                container.seek(int(index.start_pts[start]), stream=stream)
                packets, begun, decoded = container.demux(stream), start, []
                first = next(packets)
                if first.pts != index.start_pts[start]:
                    return
                if skipping:
                    codec.skip_frame, skipping = "DEFAULT", False
                decoded = first.decode()
            want = int(index.pts[place])
            while not decoded or decoded[0].pts is None or decoded[0].pts < want:
                if decoded:
                    decoded = decoded[1:]
                    continue
                packet = next(packets, None)
                if packet is None:
                    return
                if skips and skipping != (packet.size > 0 and packet.pts not in wanted):
                    skipping = not skipping
                    codec.skip_frame = "NONREF" if skipping else "DEFAULT"
                decoded = packet.decode()
            at = place
            yield decoded[0]
