"""Writing frames and sound to a file that ordinary players play, all or nothing."""

from __future__ import annotations

import contextlib
import os
import types
from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from vidparticles.errors import InputError
from vidparticles.video.audio import LAYOUTS, Audio, av_frames, resample
from vidparticles.video.files import PathLike, check_output, partial_of, writing

# Time stamps of unevenly spaced frames: a common multiple of the usual rates.
_CLOCK = Fraction(1, 90000)
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
_BROADCAST = [Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 120)]
_BT709, _LIMITED = 1, 1  # ITU-T H.273 code points


def exact_rate(rate: Fraction | float) -> Fraction:
    """Frames a second as the exact ratio that a decimal stands for.

    Example:
        >>> exact_rate(29.97), exact_rate(25), exact_rate(12.5)
        (Fraction(30000, 1001), Fraction(25, 1), Fraction(25, 2))
    """
    if isinstance(rate, (Fraction, int)):
        exact = Fraction(rate)
    else:
        near = [r for r in _BROADCAST if abs(float(r) - rate) < 0.005]
        exact = near[0] if near else Fraction(rate).limit_denominator(1000)
    if not 0 < exact <= 1000:
        raise InputError(f"rate {rate} cannot be written; give frames a second, over 0 to 1000.")
    return exact


class Writer:
    """A video file that is being written, frame after frame.

    Frames are uint8 [H, W, 3] RGB of one size, upright. The file is H.264 (4:2:0, BT.709,
    tagged so) with AAC sound, or a silent GIF where the name ends so. Odd sizes are
    followed by one repeated row or column, since 4:2:0 needs even ones. The file takes its
    name when the `with` block ends well; otherwise nothing is left.

    Args:
        path: what to write; .mp4, .m4v, .mov, .mkv or .gif.
        rate: frames a second, for frames that are added without a time.
        audio: sound whose sample 0 sounds with time 0.
        overwrite: replace an existing file.
        rotation: degrees clockwise that players are to turn the stored picture; the frames
            are stored turned back, so they show as given.
        pixel_aspect: width of a pixel over its height.
        crf: quality, 0 lossless … 51 worst.

    Raises:
        InputError: the path cannot be written (see `check_output`), the disk is full, no
            frame was added, or the sound has a number of channels that AAC has no layout for.

    Example:
        >>> import tempfile, os
        >>> name = os.path.join(tempfile.mkdtemp(), "grey.mp4")
        >>> with Writer(name, rate=25) as writer:
        ...     for level in range(10):
        ...         writer.add(np.full((32, 48, 3), 20 * level, np.uint8))
        >>> os.path.exists(name)
        True
    """

    def __init__(
        self,
        path: PathLike,
        *,
        rate: Fraction | float | None = None,
        audio: Audio | None = None,
        overwrite: bool = False,
        rotation: int = 0,
        pixel_aspect: Fraction | int = 1,
        crf: float = 18,
    ):
        self.path = check_output(path, overwrite)
        self._gif = self.path.suffix.lower() == ".gif"
        self._rate = None if rate is None else exact_rate(rate)
        if rotation % 90:
            raise ValueError(f"rotation {rotation}; expected 0, 90, 180 or 270.")
        self._rotation, self._aspect, self._crf = rotation % 360, Fraction(pixel_aspect), crf
        self._sound = None if self._gif or audio is None else _for_aac(audio)
        self._picture: _H264 | _Gif | None = None
        self._shape: tuple[int, ...] | None = None
        self._count = 0
        self._partial = partial_of(self.path)
        self._container: av.container.OutputContainer | None = None
        self._sound_stream: av.AudioStream | None = None
        self._sound_frames = av_frames(self._sound) if self._sound else iter(())
        self._next_sound = next(self._sound_frames, None)

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            if self._container is not None:
                with contextlib.suppress(OSError, av.error.FFmpegError):
                    self._container.close()
            self._partial.unlink(missing_ok=True)

    def add(self, frame: np.ndarray, time: float | Fraction | None = None) -> None:
        """Append a frame.

        Args:
            frame: uint8 [H, W, 3] RGB, upright, of the first one's shape.
            time: seconds at which it shows; default, the next tick of `rate`. Frames closer
                than 2/100 s are left out of a GIF, whose players slow down there.

        Raises:
            ValueError: another shape or type, a time not after the one before, or neither a
                time nor a rate.
            InputError: the file cannot be written.
        """
        frame = np.asarray(frame)
        shape = self._shape or frame.shape
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:
            raise ValueError(
                f"frame {self._count} is {frame.dtype} {frame.shape}; expected uint8 [H, W, 3]."
            )
        if frame.shape != shape:
            raise ValueError(f"frame {self._count} is {frame.shape}; the ones before, {shape}.")
        if time is None and self._rate is None:
            raise ValueError("a frame without a time; give it one, or the Writer a rate.")
        with writing(self.path):
            if self._picture is None:
                self._open(frame, timed=time is not None)
            at = self._count / self._rate if time is None and self._rate else Fraction(time or 0)
            self._mux_sound(at)
            if not self._gif:
                height, width = shape[0] % 2, shape[1] % 2
                frame = np.pad(frame, ((0, height), (0, width), (0, 0)), mode="edge")
            self._mux(self._picture.encode(np.rot90(frame, self._rotation // 90), at))
        self._count += 1

    def _open(self, frame: np.ndarray, *, timed: bool) -> None:
        self._shape = frame.shape
        suffix = self.path.suffix.lower()
        kind = {".mkv": "matroska", ".gif": "gif", ".mov": "mov"}.get(suffix, "mp4")
        # The index first, so that a player can begin before it has all of the file.
        options = {"movflags": "+faststart"} if kind in ("mp4", "mov") else {}
        self._container = av.open(str(self._partial), "w", format=kind, options=options)
        height, width = frame.shape[:2]
        if self._gif:
            self._picture = _Gif(self._container, height, width)
            return
        height, width = height + height % 2, width + width % 2
        if self._rotation % 180:
            height, width = width, height
        aspect = self._aspect if self._rotation % 180 == 0 else 1 / self._aspect
        rate = None if timed else self._rate
        self._picture = _H264(self._container, height, width, rate, aspect, self._crf)
        if self._rotation:
            self._picture.stream.set_display_rotation(-self._rotation)  # theirs runs the other way
        if self._sound:
            layout = LAYOUTS[self._sound.channels]
            stream = self._container.add_stream("aac", rate=self._sound.rate, layout=layout)
            share = min(1.0, self._sound.rate / 44100)
            stream.codec_context.bit_rate = int(96_000 * self._sound.channels * share)
            self._sound_stream = stream

    def _mux(self, packets: list[av.Packet]) -> None:
        assert self._container is not None
        self._container.mux(packets)

    def _mux_sound(self, until: Fraction | None) -> None:
        """Encode the sound up to a time, so that the file holds both side by side."""
        while (frame := self._next_sound) is not None and self._sound_stream is not None:
            if until is not None and frame.pts * frame.time_base > until:
                return
            self._mux(self._sound_stream.encode(frame))
            self._next_sound = next(self._sound_frames, None)

    def _finish(self) -> None:
        if self._picture is None or self._container is None:
            raise InputError(f"{self.path}: no frames to write; expected at least one.")
        with writing(self.path):
            self._mux_sound(None)
            if self._sound_stream is not None:
                self._mux(self._sound_stream.encode(None))
            self._mux(self._picture.finish())
            self._container.close()
            os.replace(self._partial, self.path)


class _H264:
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
        context.sample_aspect_ratio = aspect
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED
        self._tick = 1 / rate if rate else _CLOCK
        context.time_base = self._tick
        self._reformatter = VideoReformatter()
        self._last = -1

    def encode(self, frame: np.ndarray, time: Fraction) -> list[av.Packet]:
        pts = round(time / self._tick)
        if pts <= self._last:
            raise ValueError(f"a frame at {float(time)} s is not after the one before it.")
        self._last = pts
        picture = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24"),
            format="yuv420p",
            dst_colorspace="ITU709",
            interpolation="BILINEAR",
            threads=1,
        )
        picture.pts, picture.time_base = pts, self._tick
        return self.stream.encode(picture)

    def finish(self) -> list[av.Packet]:
        return self.stream.encode(None)


class _Gif:
    """A stream of GIF frames, each with a palette of its own."""

    def __init__(self, container: av.container.OutputContainer, height: int, width: int):
        self.stream = container.add_stream("gif", rate=100)
        context = self.stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, "pal8"
        context.time_base = Fraction(1, 100)
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=width, height=height, format="rgb24", time_base=context.time_base
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
        if self._last_time is not None and time <= self._last_time:
            raise ValueError(f"a frame at {float(time)} s is not after the one before it.")
        self._last_time = time
        pts = round(time * 100)
        if self._last is not None and pts < self._last + 2:
            return []
        self._last = pts
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        picture.pts, picture.time_base = pts, Fraction(1, 100)
        self._graph.push(picture)
        return self._pull()

    def finish(self) -> list[av.Packet]:
        self._graph.push(None)
        return [*self._pull(), *self.stream.encode(None)]

    def _pull(self) -> list[av.Packet]:
        packets: list[av.Packet] = []
        with contextlib.suppress(av.error.BlockingIOError, av.error.EOFError):
            while True:
                packets += self.stream.encode(self._graph.pull())
        return packets


def _for_aac(audio: Audio) -> Audio:
    if audio.channels not in LAYOUTS:
        raise InputError(
            f"sound of {audio.channels} channels cannot be written; mix it to 1, 2 or 6 first."
        )
    return audio if audio.rate in _AAC_RATES else resample(audio, rate=48000)


def write_video(
    path: PathLike,
    frames: Iterable[np.ndarray],
    *,
    rate: Fraction | float | None = None,
    times: Iterable[float] | None = None,
    audio: Audio | None = None,
    overwrite: bool = False,
    rotation: int = 0,
    pixel_aspect: Fraction | int = 1,
    crf: float = 18,
) -> None:
    """Write a video file, all of it or nothing; see `Writer` for what is written.

    Args:
        path: what to write; .mp4, .m4v, .mov, .mkv or .gif.
        frames: uint8 [H, W, 3] RGB each, of one size; an array or any iterable.
        rate: frames a second, on an exact clock; give it or `times`.
        times: seconds at which the frames show, one a frame, increasing.
        audio, overwrite, rotation, pixel_aspect, crf: as for `Writer`.

    Raises:
        ValueError: neither a rate nor times, frames of other shapes, or another count of times.
        InputError: the path cannot be written, the disk is full or there are no frames.
    """
    if rate is None and times is None:
        raise ValueError("the times of the frames are unknown; give rate or times.")
    with Writer(
        path,
        rate=rate,
        audio=audio,
        overwrite=overwrite,
        rotation=rotation,
        pixel_aspect=pixel_aspect,
        crf=crf,
    ) as writer:
        if times is None:
            for frame in frames:
                writer.add(frame)
        else:
            for frame, time in zip(frames, times, strict=True):
                writer.add(frame, time)
