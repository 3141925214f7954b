"""Parts of videos into one file, copied where no cut touches them.

Between cuts the packets are those of the files. Frames beside a cut that cannot be decoded
without what was cut off are encoded, in H.264 with parameter sets of their own beside those of
the source in the file's header: a stream of one description, as players expect it. Nothing that
was cut off is left in the file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction

import av
import numpy as np
from av.video.frame import PictureType

from vidparticles.progress import counted
from vidparticles.storage import PathLike, atomic_write
from vidparticles.video.copying.parameters import Header, header, options, with_lengths
from vidparticles.video.copying.plan import Run, run_of
from vidparticles.video.extra_streams import add_tracks
from vidparticles.video.extras import Extras
from vidparticles.video.files import check_output, open_input, video_stream, writing
from vidparticles.video.packets.boxes import show_only
from vidparticles.video.picture.codecs import CODECS
from vidparticles.video.picture.stored import Picture
from vidparticles.video.read import Video
from vidparticles.video.sound.blocks import Sound

_SUFFIXES = (".mp4", ".m4v", ".mov")
_CODECS = {"h264", "hevc", "mpeg4", "av1", "libdav1d", "vp9", "prores"}
_CLOCK = 90000  # ticks a second, of frames on no exact clock
_BLOCK = 8  # frames decoded at once


@dataclasses.dataclass(frozen=True)
class Part:
    """Frames of a video.

    Attributes:
        video: it.
        first, last: the first of them, and the one after the last.
    """

    video: Video
    first: int
    last: int


@dataclasses.dataclass(frozen=True)
class _Stretch:
    """Frames that are all copied or all encoded.

    Attributes:
        part: these frames.
        at: the index of the first of them in the new file.
        run: the packets that are copied; None where they are encoded.
    """

    part: Part
    at: int
    run: Run | None

    @property
    def order(self) -> list[int]:
        """Indices in the new file, as they are decoded."""
        if self.run is None:
            return list(range(self.at, self.at + self.part.last - self.part.first))
        return [self.at + frame - self.part.first for frame in self.run.frames]


def copy_parts(
    parts: Sequence[Part],
    out: PathLike,
    *,
    times: Sequence[Fraction],
    duration: Fraction,
    rate: Fraction | None = None,
    audio: Sound | None = None,
    extras: Extras | None = None,
    overwrite: bool = False,
) -> tuple[float, tuple[str, ...]] | None:
    """Write parts of videos one after another, copied where no cut touches them.

    Args:
        parts: in order.
        out: the .mp4, .m4v or .mov to write.
        times: seconds at which their frames show, rising from 0 or later.
        duration: seconds, to the end of the last.
        rate: frames a second where the times are on an exact clock.
        audio: the sound, which is encoded.
        extras: further sounds, subtitles, chapters and tags.
        overwrite: replace an existing file.

    Returns:
        (share of the frames that were copied, names of extras that the file cannot hold); None,
        with nothing written, where nothing can be copied: the parts are stored in different ways,
        or in one that the file does not hold, or there is no encoder for the frames at the cuts.

    Raises:
        InputError: the file cannot be written.
    """
    out = check_output(out, overwrite)
    if out.suffix.lower() not in _SUFFIXES or not _alike([part.video for part in parts]):
        return None
    stretches = list(_stretches(parts))
    touched = [stretch for stretch in stretches if stretch.run is None]
    if len(touched) == len(stretches):
        return None
    first = parts[0].video
    with open_input(first.path) as container:
        stream = video_stream(container, first.path)
        own = header(stream.codec_context.extradata)
        encoder = None
        if touched:
            if first.info.codec != "h264" or own is None or not own.free() or own.profile is None:
                return None
            encoder = _Encoder(own, _pictures(touched[0].part)[0], stream)
        with atomic_write(out, overwrite=overwrite) as partial, writing(out):
            kind = "mov" if partial.suffix.lower() == ".mov" else "mp4"
            flags = {"movflags": "+faststart"}
            with av.open(str(partial), "w", format=kind, options=flags) as output:
                copied = output.add_stream_from_template(stream, opaque=True)
                if encoder is not None:
                    copied.codec_context.extradata = encoder.header
                base = Fraction(1, rate.numerator if rate else _CLOCK)
                copied.time_base = base
                tracks, lost = add_tracks(output, out.suffix, audio, extras or Extras())
                stamps = _Stamps(stretches, times, duration, base)
                packets = counted(_packets(stretches, encoder), len(times), work="copying")
                for packet, (shown, decoded, length) in zip(packets, stamps, strict=True):
                    for track in tracks:  # side by side, so that players need not jump about
                        output.mux([*track.encode(until=decoded * base)])
                    packet.time_base, packet.stream = base, copied
                    packet.pts, packet.dts, packet.duration = shown, decoded, length
                    output.mux(packet)
                for track in tracks:
                    output.mux([*track.finish()])
            show_only(partial, duration)
    count = sum(len(stretch.order) for stretch in touched)
    return 1 - count / len(times), lost


def _alike(videos: Sequence[Video]) -> bool:
    """Whether the videos are stored in one way, which can be copied."""
    if len({_stored(video) for video in videos}) > 1:
        return False
    for video in videos:
        table, info = video.table, video.info
        leaps = len(set((table.shown - table.pts).tolist())) > 1  # of its clock, see `packets`
        if table.counted or leaps or info.interlaced or table.warnings:
            return False
    return videos[0].info.codec in _CODECS


def _stored(video: Video) -> tuple:
    """What must be the same of videos that go into one stream."""
    with open_input(video.path) as container:
        extradata = video_stream(container, video.path).codec_context.extradata
    info = video.info
    size = info.width, info.height, info.rotation, info.pixel_aspect
    return (info.codec, info.pixel_format, *size, extradata)


def _stretches(parts: Sequence[Part]) -> Iterator[_Stretch]:
    at = 0
    for part in parts:
        run = run_of(part.video.table, part.first, part.last)
        begin = part.last if run is None else min(run.frames)
        stop = part.last if run is None else max(run.frames) + 1
        for first, last, copied in (
            (part.first, begin, None),
            (begin, stop, run),
            (stop, part.last, None),
        ):
            if first < last:
                yield _Stretch(Part(part.video, first, last), at, copied)
                at += last - first


def _packets(stretches: Sequence[_Stretch], encoder: _Encoder | None) -> Iterator[av.Packet]:
    """What goes into the file, in the order of decoding."""
    for encoded, group in itertools.groupby(stretches, key=lambda stretch: stretch.run is None):
        if encoded:
            assert encoder is not None
            yield from encoder.encode(_decoded(group))
        else:
            for stretch in group:
                assert stretch.run is not None
                yield from _read(stretch.part.video, *stretch.run.packets)


def _decoded(stretches: Iterator[_Stretch]) -> Iterator[Picture]:
    for stretch in stretches:
        part = stretch.part
        for at in range(part.first, part.last, _BLOCK):
            yield from part.video.pictures(at, min(at + _BLOCK, part.last))
        part.video.rest()


def _pictures(part: Part) -> list[Picture]:
    return part.video.pictures(part.first, part.first + 1)


def _read(video: Video, first: int, last: int) -> Iterator[av.Packet]:
    """Packets of a video by their indices in the order of decoding."""
    table = video.table
    exact = set(table.start_order.tolist())
    k = int(np.flatnonzero(table.start_order == first)[0])
    begin = int(table.start_pts[k])
    with contextlib.ExitStack() as stack:
        container = stack.enter_context(open_input(video.path))
        stream = video_stream(container, video.path)
        container.seek(begin, stream=stream, backward=True, any_frame=False)
        demuxed = container.demux(stream)
        packets: Iterator[av.Packet] = (packet for packet in demuxed if packet.size)
        found = next(packets, None)
        if found is None or found.pts != begin:  # the container's index leads astray
            container = stack.enter_context(open_input(video.path))
            demuxed = container.demux(video_stream(container, video.path))
            packets = itertools.islice((p for p in demuxed if p.size), first, None)
            found = next(packets)
        run = itertools.islice(itertools.chain([found], packets), last - first)
        for order, packet in enumerate(run, first):
            # A reader would begin at what is flagged, even where that does not decode.
            packet.is_keyframe = order in exact
            yield packet


class _Encoder:
    """Encodes frames beside cuts as the rest of a stream of H.264 is stored.

    Attributes:
        header: of the whole stream.
    """

    def __init__(self, own: Header, first: Picture, stream: av.VideoStream):
        self._own, self._first, self._stream = own, first, stream
        self._format = stream.codec_context.pix_fmt or "yuv420p"
        self._sets = bytes(self._new().extradata or b"")
        self.header = own.beside(self._sets)

    def encode(self, pictures: Iterator[Picture]) -> Iterator[av.Packet]:
        """Packets of frames one after another, of which the first starts anew."""
        context = self._new()
        if bytes(context.extradata or b"") != self._sets:
            raise AssertionError("the encoder's parameter sets have changed.")
        stored = (p.like(self._first).stored(self._format, even=False) for p in pictures)
        for k, frame in enumerate(stored):
            frame.pts, frame.time_base = k, context.time_base
            frame.pict_type = PictureType.NONE  # and not as it was stored
            yield from map(self._with_lengths, context.encode(frame))
        yield from map(self._with_lengths, context.encode(None))

    def _with_lengths(self, packet: av.Packet) -> av.Packet:
        own = av.Packet(with_lengths(bytes(packet), self._own.prefix))
        own.is_keyframe = packet.is_keyframe
        return own

    def _new(self) -> av.VideoCodecContext:
        codec = CODECS["h264"]
        context = av.CodecContext.create(codec.encoder, "w")
        assert isinstance(context, av.VideoCodecContext)
        source = self._stream.codec_context
        context.width, context.height = source.width, source.height
        context.pix_fmt, context.time_base = self._format, Fraction(1, 25)
        if self._stream.sample_aspect_ratio:
            context.sample_aspect_ratio = self._stream.sample_aspect_ratio
        for name in ("color_range", "colorspace", "color_primaries", "color_trc"):
            setattr(context, name, getattr(source, name))
        context.options = {
            "crf": f"{codec.crf:g}",
            "preset": codec.presets[0],
            "profile": self._own.profile or "high",
            "level": f"{self._own.level / 10:g}",
            "x264-params": options(),
        }
        context.flags |= int(av.codec.context.Flags.global_header)
        context.thread_count = 1
        context.open()
        return context


class _Stamps:
    """When packets are shown and decoded and how long they show, in the order of decoding."""

    def __init__(
        self,
        stretches: Sequence[_Stretch],
        times: Sequence[Fraction],
        duration: Fraction,
        base: Fraction,
    ):
        self._order = [index for stretch in stretches for index in stretch.order]
        self._ticks = [round(time / base) for time in times] + [round(duration / base)]
        pairs = enumerate(self._order)
        self._delay = max(self._ticks[k] - self._ticks[index] for k, index in pairs)

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        for k, index in enumerate(self._order):
            shown = self._ticks[index]
            yield shown, self._ticks[k] - self._delay, self._ticks[index + 1] - shown
