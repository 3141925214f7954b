"""Arrays to packets: H.264, GIF and AAC streams of a file that is being written."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter

from vidparticles.errors import InputError
from vidparticles.video.audio import LAYOUTS, Audio, av_frames, resample

# Time stamps of unevenly spaced frames: a common multiple of the usual rates.
_CLOCK = Fraction(1, 90000)
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
# Threads for smaller pictures cost more than they save (half the time at 128 × 128).
_SMALL_PIXELS = 320 * 240
_BT709, _LIMITED = 1, 1  # ITU-T H.273 code points


class H264Stream:
    """A stream of H.264 frames."""

    def __init__(
        self,
        container: av.container.OutputContainer,
        height: int,
        width: int,
        rate: Fraction | None,
        aspect: Fraction,
        crf: float,
    ):
        options = {"preset": "veryfast", "crf": f"{crf:g}"}
        self.stream = container.add_stream("libx264", rate=rate or 30, options=options)
        context = self.stream.codec_context
        context.width, context.height = width, height
        context.pix_fmt = "yuv420p"
        if width * height <= _SMALL_PIXELS:
            context.thread_count = 1
        context.sample_aspect_ratio = aspect
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED
        self._tick = 1 / rate if rate else _CLOCK
        context.time_base = self._tick
        self._reformatter = VideoReformatter()
        self._last = -1
        self._gap = 1 if rate else round(1 / (30 * _CLOCK))

    def encode(self, frame: np.ndarray, time: Fraction) -> list[av.Packet]:
        """Packets that are ready once a frame (uint8 RGB, as stored) shows at a time in seconds."""
        pts = round(time / self._tick)
        if pts <= self._last:
            raise ValueError(f"a frame at {float(time)} s is not after the one before it.")
        if self._last >= 0:
            self._gap = pts - self._last
        self._last = pts
        picture = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            interpolation="BILINEAR",
            threads=1,
        )
        picture.pts, picture.time_base = pts, self._tick
        return self.stream.encode(picture)

    def finish(self, end: Fraction | None) -> list[av.Packet]:
        """All packets that are left.

        Args:
            end: seconds at which the last frame ceases to show; None: it shows as long as the
                one before.
        """
        packets = self.stream.encode(None)
        shown = self._gap if end is None else max(1, round(end / self._tick) - self._last)
        for packet in packets:  # else it would be 1/30 s, whatever the times are
            if packet.pts == self._last or packet is packets[-1]:
                packet.duration = shown
        return packets


class GifStream:
    """A stream of GIF frames, each with a palette of its own."""

    def __init__(self, container: av.container.OutputContainer, height: int, width: int):
        self.stream = container.add_stream("gif", rate=100)
        context = self.stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, "pal8"
        context.time_base = Fraction(1, 100)
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=width,
            height=height,
            format=av.VideoFormat("rgb24"),
            time_base=Fraction(1, 100),
        )
        split = graph.add("split")
        palette = graph.add("palettegen", "stats_mode=single:reserve_transparent=0")
        use = graph.add("paletteuse", "new=1:dither=sierra2_4a")
        sink = graph.add("buffersink")
        source.link_to(split)
        split.link_to(use, 0, 0)
        split.link_to(palette, 1, 0)
        palette.link_to(use, 0, 1)
        use.link_to(sink)
        graph.configure()
        self._graph = graph
        self._last: int | None = None
        self._last_time: Fraction | None = None

    def encode(self, frame: np.ndarray, time: Fraction) -> list[av.Packet]:
        """Packets that are ready once a frame (uint8 RGB) shows at a time in seconds."""
        if self._last_time is not None and time <= self._last_time:
            raise ValueError(f"a frame at {float(time)} s is not after the one before it.")
        self._last_time = time
        pts = round(time * 100)
        if self._last is not None and pts < self._last + 2:
            return []
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        picture.pts, picture.time_base = pts, Fraction(1, 100)
        self._last = pts
        self._graph.push(picture)
        return self._pull()

    def finish(self, end: Fraction | None) -> list[av.Packet]:
        """All packets that are left; a GIF's header has said how long the last one shows."""
        self._graph.push(None)
        return [*self._pull(), *self.stream.encode(None)]

    def _pull(self) -> list[av.Packet]:
        packets: list[av.Packet] = []
        with contextlib.suppress(av.error.BlockingIOError, av.error.EOFError):
            while True:
                packets += self.stream.encode(cast(av.VideoFrame, self._graph.pull()))
        return packets


class AacStream:
    """A stream of AAC sound; `audio` is one that `aac_ready` gave."""

    def __init__(self, container: av.container.OutputContainer, audio: Audio):
        self.stream = container.add_stream("aac", rate=audio.rate, layout=LAYOUTS[audio.channels])
        share = min(1.0, audio.rate / 44100)
        self.stream.codec_context.bit_rate = int(96_000 * audio.channels * share)
        self._rate = audio.rate
        self._frames = av_frames(audio)
        self._next = next(self._frames, None)

    def encode(self, *, until: Fraction | None) -> list[av.Packet]:
        """Packets of the sound up to a time in seconds; None: all."""
        packets: list[av.Packet] = []
        while self._next is not None:
            if until is not None and Fraction(self._next.pts or 0, self._rate) > until:
                break
            packets += self.stream.encode(self._next)
            self._next = next(self._frames, None)
        return packets

    def finish(self) -> list[av.Packet]:
        """All packets that are left."""
        return [*self.encode(until=None), *self.stream.encode(None)]


def aac_ready(audio: Audio) -> Audio:
    """The sound at a rate that AAC has.

    Raises:
        InputError: a number of channels that AAC has no layout for.
    """
    if audio.channels not in LAYOUTS:
        raise InputError(
            f"sound of {audio.channels} channels cannot be written; mix it to 1, 2 or 6 first."
        )
    return audio if audio.rate in _AAC_RATES else resample(audio, rate=48000)
