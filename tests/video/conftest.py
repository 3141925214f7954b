"""Videos made on the spot, and the plainest way to decode one: from the start, in order."""

from __future__ import annotations

import pathlib
import struct
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import pytest

from vidparticles.video import Picture, probe
from vidparticles.video.packets.boxes import boxes


def picture(i: int, height: int = 96, width: int = 128) -> np.ndarray:
    """Frame i of a moving scene with a disc and a textured, drifting background."""
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([(x + 2 * i) * 5 % 97, (y + i) * 7 % 89, (x + y) * 3 % 101], -1) + 40
    disc = (x - (12 + 2 * i) % width) ** 2 + (y - height / 2 - 15 * np.sin(i / 5)) ** 2 < 90
    base[disc] = (250, 120, i * 3 % 200)
    return base.astype(np.uint8)


def make(
    path: pathlib.Path,
    *,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    frames: int = 60,
    pts: list[int] | None = None,
    pixel_format: str = "yuv420p",
    rotation: int = 0,
    faststart: bool = False,
) -> pathlib.Path:
    """Encode `picture`s at 30 frames a second, or at `pts` in units of 1/600 s."""
    flags = {"movflags": "faststart"} if faststart and path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=flags) as out:
        stream = out.add_stream(codec, rate=30, options=options or {})
        if rotation:
            stream.set_display_rotation(-rotation)
        stream.width, stream.height, stream.pix_fmt = 128, 96, pixel_format
        clock = Fraction(1, 600) if pts else Fraction(1, 30)
        stream.codec_context.time_base = clock
        for i, at in enumerate(pts or range(frames)):
            frame = av.VideoFrame.from_ndarray(picture(i), format="rgb24")
            frame.pts, frame.time_base = at, clock
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def two_edits(source: pathlib.Path, out: pathlib.Path, spans: list[tuple[float, float]]) -> None:
    """Give an mp4 (index at its end, one edit) an edit list that shows several spans."""
    data = bytearray(source.read_bytes())
    with source.open("rb") as file:
        found = {names: (body, stop) for names, body, stop in boxes(file)}
    scale, media_scale = 0, 0
    for names, (body, _) in found.items():
        if names[-1] == b"mvhd":
            scale = struct.unpack(">I", data[body + 12 : body + 16])[0]
        if names[-1] == b"mdhd":
            media_scale = struct.unpack(">I", data[body + 12 : body + 16])[0]
    path = next(names for names in found if names[-1] == b"elst")
    body, stop = found[path]
    skipped = struct.unpack(">i", data[body + 12 : body + 16])[0]  # of the encoder's delay
    entries = [
        struct.pack(">IiHh", round((b - a) * scale), skipped + round(a * media_scale), 1, 0)
        for a, b in spans
    ]
    table = bytes(4) + struct.pack(">I", len(entries)) + b"".join(entries)
    grown = len(table) - (stop - body)
    data[body:stop] = table
    for depth in range(1, len(path) + 1):  # every box around it is longer now
        at = found[path[:depth]][0] - 8
        size = struct.unpack(">I", data[at : at + 4])[0]
        data[at : at + 4] = struct.pack(">I", size + grown)
    out.write_bytes(data)


def linear(path: pathlib.Path, wanted: set[int] | None = None) -> dict[int, np.ndarray]:
    """Decode from the start on one thread; keep the n-th frames that come out, as RGB."""
    kept, count = {}, 0
    with av.open(str(path)) as container:
        stream = container.streams.best("video")
        stream.thread_type, stream.codec_context.thread_count = "AUTO", 1
        for packet in container.demux(stream):
            try:
                decoded = packet.decode()
            except av.error.FFmpegError:
                continue
            for frame in decoded:
                if wanted is None or count in wanted:
                    kept[count] = Picture(frame, turns=round(frame.rotation / 90)).rgb()
                count += 1
            if wanted is not None and len(kept) == len(wanted):
                return kept
    return kept


KINDS: dict[str, dict] = {
    "plain.mp4": {"options": {"g": "12"}},
    "one_group.mkv": {"options": {"bf": "3"}},
    "open_gop.mp4": {
        "options": {"g": "10", "x264-params": "open-gop=1:bframes=4:ref=4:direct=temporal"}
    },
    "open_gop.mkv": {"options": {"g": "10", "x264-params": "open-gop=1:bframes=3:b-adapt=0"}},
    "refresh.mp4": {"options": {"g": "12", "x264-params": "intra-refresh=1:bframes=0"}},
    "cra.mp4": {
        "codec": "libx265",
        "options": {"x265-params": "keyint=10:open-gop=1:bframes=3:log-level=none"},
    },
    "transport.ts": {"options": {"g": "12"}},
    "mpeg2.mpg": {"codec": "mpeg2video", "options": {"g": "10", "bf": "2"}},
    "reordered.avi": {"codec": "mpeg4", "options": {"g": "10", "bf": "2"}},
    "hidden.webm": {
        "codec": "libvpx",
        "options": {"auto-alt-ref": "1", "lag-in-frames": "12", "g": "20", "b": "200k"},
    },
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "15", "cpu-used": "8", "b": "200k"}},
    "variable.mp4": {"options": {"g": "9"}, "pts": [i * 20 + i * i % 19 for i in range(60)]},
    "variable.mkv": {"options": {"g": "9"}, "pts": [i * 30 + i * i % 23 for i in range(60)]},
    "ten_bit.mkv": {
        "codec": "libx265",
        "pixel_format": "yuv420p10le",
        "options": {"x265-params": "keyint=10:log-level=none"},
    },
}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], pathlib.Path]:
    """name → a video of that kind (see KINDS), or one with two edits, made once a session."""
    folder = tmp_path_factory.mktemp("videos")

    def give(name: str) -> pathlib.Path:
        path = folder / name
        if not path.exists():
            if name == "edits.mp4":
                spans = [(0.45, 1.2), (0.7, 1.9)]
                two_edits(give("open_gop.mp4"), path, spans)
                assert probe(path).frames not in (0, 60)
            else:
                make(path, **KINDS[name])
        return path

    return give


@pytest.fixture(scope="session")
def encode() -> Callable[..., pathlib.Path]:
    """`make`, for kinds of one test alone."""
    return make


@pytest.fixture(scope="session")
def linear_decode() -> Callable[..., dict[int, np.ndarray]]:
    """`linear`, the reference for everything that is read."""
    return linear


@pytest.fixture(scope="session")
def scene() -> Callable[..., np.ndarray]:
    """`picture`."""
    return picture
