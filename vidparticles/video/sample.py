"""A few frames of a short clip in the fewest steps: the inner loop of an input pipeline.

`facts_of` looks at a file once; `sample_frames` then gives what `open_video(path).frames`
would, sooner. In the commonest small files (H.264 without reordered frames, as `write_proxy`
makes them) packets are read from their known offsets and go straight to the decoder, which
saves opening the container, describing it and seeking in it. Every step is checked against
the facts, and at the first surprise the careful reader takes over.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from typing import cast

import av
import numpy as np

from vidparticles.video.files import open_input, video_stream
from vidparticles.video.packets.table import FrameTable
from vidparticles.video.picture.stored import Picture
from vidparticles.video.read import Video, open_video

Indices = Sequence[int] | np.ndarray


@dataclasses.dataclass(frozen=True)
class _Packets:
    """Where the packets of a stream lie, one a frame, in the order of the frames."""

    codec: str
    extradata: bytes | None
    at: np.ndarray
    size: np.ndarray


@dataclasses.dataclass(frozen=True)
class ClipFacts:
    """What is known of a file.

    Attributes:
        table: its frames and their times.
        turns: quarter turns counter-clockwise that make a frame upright.
        packets: where they lie, if they can be decoded without their container.
    """

    table: FrameTable
    turns: int
    packets: _Packets | None


def facts_of(path: pathlib.Path) -> ClipFacts:
    """Look at a file once, for `sample_frames`.

    Raises:
        InputError: no such file, not a video, sound only, or no frame that decodes.
    """
    with open_video(path) as video:
        facts = ClipFacts(video.table, -video.info.rotation // 90 % 4, None)
        direct = dataclasses.replace(facts, packets=_packets(path, video.table))
        return direct if direct.packets and _agrees(path, direct, video) else facts


def sample_frames(
    path: pathlib.Path, facts: ClipFacts, indices: Indices, *, size: tuple[int, int]
) -> np.ndarray:
    """The same as `open_video(path).frames(indices, size=size)`, sooner.

    Args:
        path: the file.
        facts: what `facts_of` said of it.
        indices: [n] in 0 … frames − 1, never decreasing.
        size: height and width of the result.

    Returns:
        uint8 [n, *size, 3] RGB, upright.

    Raises:
        InputError: no frame of the file decodes any more.
    """
    table, out = facts.table, np.empty((len(indices), *size, 3), np.uint8)
    # Damaged files are for the careful reader, which knows how to go on.
    whole = not table.counted and not table.warnings
    try:
        if facts.packets is not None and _fill(out, facts, _direct(path, facts, indices), indices):
            return out
        if whole and _fill(out, facts, _seeking(path, table, indices), indices):
            return out
    except (av.error.FFmpegError, OSError):
        pass
    with open_video(path, table=table) as video:
        return video.frames(indices, size=size)


def _fill(
    out: np.ndarray, facts: ClipFacts, frames: Iterator[av.VideoFrame], indices: Indices
) -> bool:
    """Convert the frames at indices, each once, into the rows of `out`; False on a surprise."""
    last = -1
    for row, index in enumerate(indices):
        if index == last:
            out[row] = out[row - 1]
            continue
        frame = next(frames, None)
        if frame is None or frame.pts != facts.table.pts[index] or frame.is_corrupt:
            return False
        out[row] = Picture(frame, turns=facts.turns).rgb(out.shape[1:3])
        last = index
    return True


def _starts(table: FrameTable, indices: Indices) -> list[int]:
    """The last exact start stored at or before each frame; −1 where it is no use."""
    starts = np.searchsorted(table.start_order, table.order[list(indices)], side="right") - 1
    late = (starts >= 0) & (table.start_pts[starts] > table.pts[list(indices)])
    return np.where(late, -1, starts).tolist()


def _direct(path: pathlib.Path, facts: ClipFacts, indices: Indices) -> Iterator[av.VideoFrame]:
    """Frames from packets read at their offsets; every packet gives its own frame."""
    packets, table = facts.packets, facts.table
    assert packets is not None
    codec = cast(av.VideoCodecContext, av.CodecContext.create(packets.codec, "r"))
    codec.extradata = packets.extradata
    codec.thread_count = 1
    at = -1
    starts = table.start_order[_starts(table, indices)].tolist()
    with path.open("rb", buffering=0) as file:
        for index, start in zip(indices, starts, strict=True):
            if index == at:
                continue
            for here in range(max(start, at + 1), index + 1):
                file.seek(packets.at[here])
                packet = av.Packet(file.read(packets.size[here]))
                packet.pts = int(table.pts[here])
                decoded = codec.decode(packet)
                if len(decoded) != 1:
                    return
            at = index
            yield decoded[0]


def _packets(path: pathlib.Path, table: FrameTable) -> _Packets | None:
    """Where the packets lie, if each holds one frame, in order, from a start on."""
    count = len(table)
    ordered = np.array_equal(table.order, np.arange(count))
    if table.counted or table.warnings or not ordered or not len(table.start_order):
        return None
    with open_input(path) as container:
        stream = video_stream(container, path)
        codec = stream.codec_context
        if codec.name != "h264" or codec.has_b_frames or table.start_order[0] != 0:
            return None
        found = [(p.pts, p.pos, p.size) for p in container.demux(stream) if p.size]
        if [pts for pts, _, _ in found] != table.pts.tolist() or None in (p for _, p, _ in found):
            return None
        offsets, sizes = (np.array([row[k] for row in found]) for k in (1, 2))
        return _Packets(codec.name, codec.extradata, offsets, sizes)


def _agrees(path: pathlib.Path, facts: ClipFacts, video: Video) -> bool:
    """Whether the first and last frames come out the same without the container.

    It may hold what the packets do not, color tags or a crop, or hold them otherwise than
    they are stored.
    """
    indices = [0, len(video) - 1]
    true = video.frames(indices)
    out = np.empty_like(true)
    try:
        done = _fill(out, facts, _direct(path, facts, indices), indices)
    except (av.error.FFmpegError, OSError):
        return False
    return done and np.array_equal(out, true)


def _seeking(path: pathlib.Path, table: FrameTable, indices: Indices) -> Iterator[av.VideoFrame]:
    """Frames by seeking to exact starts; ends early when a seek lands elsewhere."""
    starts = _starts(table, indices)
    if min(starts) < 0:
        return
    wanted = set(table.pts[list(indices)].tolist())
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
        for index, start in zip(indices, starts, strict=True):
            if index == at:
                continue
            if start > begun:
                container.seek(int(table.start_pts[start]), stream=stream)
                packets, begun, decoded = container.demux(stream), start, []
                first = next(packets)
                if first.pts != table.start_pts[start]:
                    return
                if skipping:
                    codec.skip_frame, skipping = "DEFAULT", False
                decoded = first.decode()
            want = int(table.pts[index])
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
            at = index
            yield decoded[0]
