"""Pictures to packets: the picture stream of a file that is being written."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from typing import Any, cast

import av
import numpy as np

from vidparticles.video.picture.codecs import Choice
from vidparticles.video.picture.stored import Picture

# Time stamps of unevenly spaced frames: a common multiple of the usual rates.
_CLOCK = Fraction(1, 90000)
# Threads for smaller pictures cost more than they save (half the time at 128 × 128).
_SMALL_PIXELS = 320 * 240


class PictureStream:
    """A stream of encoded pictures, as large and of the color of the first.

    Args:
        container: the file.
        first: the first picture; it is not encoded yet.
        choice: the codec.
        rate: frames a second, None for uneven times.
        aspect: width of a stored pixel over its height.
    """

    def __init__(
        self,
        container: av.container.OutputContainer,
        first: Picture,
        choice: Choice,
        rate: Fraction | None,
        aspect: Fraction,
    ):
        options = dict(choice.options)
        if choice.codec.encoder == "libx265" and first.color.hdr:
            options["x265-params"] = ":".join([options["x265-params"], *_graded_on(first.frame)])
        stream = container.add_stream(choice.codec.encoder, rate=rate or 30, options=options)
        self.stream = cast(av.VideoStream, stream)
        self._format = choice.pix_fmt
        context = self.stream.codec_context
        stored = first.stored(self._format, even=True)
        context.width, context.height, context.pix_fmt = stored.width, stored.height, self._format
        if choice.codec.encoder == "libx265" and container.format.name in ("mp4", "mov"):
            context.codec_tag = "hvc1"  # by which players of one maker know it
        if stored.width * stored.height <= _SMALL_PIXELS:
            context.thread_count = 1
        # As FFmpeg sets it; PyAV's own would cut each picture into slices, which takes more bytes.
        context.thread_type = "AUTO"
        context.sample_aspect_ratio = aspect
        color = first.color
        context.colorspace, context.color_primaries = color.matrix, color.primaries
        context.color_trc, context.color_range = color.transfer, color.range
        self._tick = 1 / rate if rate else _CLOCK
        context.time_base = self._tick
        self._first: tuple[int, int] | None = None  # when the first is shown and decoded
        self._last = -1
        self._gap = 1 if rate else round(1 / (30 * _CLOCK))
        self._by_decoding = container.format.name in ("mp4", "mov")

    def encode(self, picture: Picture, time: Fraction) -> list[av.Packet]:
        """Packets that are ready once a picture shows at a time in seconds."""
        pts = round(time / self._tick)
        if pts <= self._last:
            raise ValueError(f"a frame at {float(time)} s is not after the one before it.")
        if self._last >= 0:
            self._gap = pts - self._last
        self._last = pts
        frame = picture.stored(self._format, even=True)
        frame.pts, frame.time_base = pts, self._tick
        # The picture types of the source would be taken for orders to the encoder.
        frame.pict_type = av.video.frame.PictureType.NONE
        packets = self.stream.encode(frame)
        if self._first is None and packets:
            self._first = packets[0].pts or 0, packets[0].dts or 0
        return packets

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
        if self._by_decoding and packets and self._first is not None:
            # The file lasts from when the first is decoded to when the last one is: too short
            # where frames are reordered and gaps have grown.
            decoded = (packets[-1].dts or 0) - self._first[1]
            packets[-1].duration = shown + max(0, self._last - self._first[0] - decoded)
        return packets


def _graded_on(frame: av.VideoFrame) -> list[str]:
    """What HDR tells of the display that it was graded on and of its light, for x265."""
    told: Any = frame.side_data  # of more kinds than PyAV's types know
    found = []
    if display := told.get("MASTERING_DISPLAY_METADATA"):
        # FFmpeg's AVMasteringDisplayMetadata: xy of red, green, blue, white, then least and most
        # nits, all rational; x265 takes them in 1/50,000 and 1/10,000.
        numbers = np.frombuffer(bytes(display), np.int32)[:20].reshape(10, 2)
        values = [over / under if under else 0 for over, under in numbers.tolist()]
        red, green, blue, white = (
            f"({round(50_000 * values[k])},{round(50_000 * values[k + 1])})" for k in (0, 2, 4, 6)
        )
        light = f"({round(10_000 * values[9])},{round(10_000 * values[8])})"
        found.append(f"master-display=G{green}B{blue}R{red}WP{white}L{light}")
    if level := told.get("CONTENT_LIGHT_LEVEL"):
        most, mean = np.frombuffer(bytes(level), np.uint32)[:2].tolist()
        found.append(f"max-cll={most},{mean}")
    return found


class GifStream:
    """A stream of GIF frames, each with a palette of its own, of square pixels.

    Args:
        container: the file.
        first: the first picture; it is not encoded yet.
        aspect: width of a pixel over its height, upright.
    """

    def __init__(self, container: av.container.OutputContainer, first: Picture, aspect: Fraction):
        height, width = first.height, first.width
        one = Fraction(1)
        # The side on which pixels are too close is drawn out: no line or column is lost.
        self._size = round(height / min(one, aspect)), round(width * max(one, aspect))
        height, width = self._size
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

    def encode(self, picture: Picture, time: Fraction) -> list[av.Packet]:
        """Packets that are ready once a picture shows at a time in seconds."""
        if self._last_time is not None and time <= self._last_time:
            raise ValueError(f"a frame at {float(time)} s is not after the one before it.")
        self._last_time = time
        pts = round(time * 100)
        if self._last is not None and pts < self._last + 2:
            return []
        frame = av.VideoFrame.from_ndarray(picture.rgb(self._size), format="rgb24")
        frame.pts, frame.time_base = pts, Fraction(1, 100)
        self._last = pts
        self._graph.push(frame)
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
