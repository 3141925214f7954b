"""Writing frames and sound to a file that ordinary players play, all or nothing."""

from __future__ import annotations

import contextlib
import pathlib
import types
from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np

from vidparticles.errors import InputError
from vidparticles.storage import PathLike, atomic_write
from vidparticles.video.extra_streams import SubtitleTrack, add_tracks
from vidparticles.video.extras import Extras
from vidparticles.video.files import check_output, writing
from vidparticles.video.info import BROADCAST_RATES
from vidparticles.video.picture.codecs import Encoding, check_encoding, choose, drawn
from vidparticles.video.picture.color import BT709, Color, is_rgb
from vidparticles.video.picture.stored import Picture, bits
from vidparticles.video.picture.streams import GifStream, PictureStream
from vidparticles.video.sound.blocks import Sound
from vidparticles.video.sound.streams import AacStream, aac_ready


def exact_rate(rate: Fraction | float) -> Fraction:
    """Frames a second as the exact ratio that a decimal stands for.

    Example:
        >>> exact_rate(29.97), exact_rate(25), exact_rate(12.5)
        (Fraction(30000, 1001), Fraction(25, 1), Fraction(25, 2))
    """
    if isinstance(rate, (Fraction, int)):
        exact = Fraction(rate)
    else:
        near = [r for r in BROADCAST_RATES if abs(float(r) - rate) < 0.005]
        exact = near[0] if near else Fraction(rate).limit_denominator(1000)
    if not 0 < exact <= 1000:
        raise InputError(f"rate {rate} cannot be written; give frames a second, over 0 to 1000.")
    return exact


class Writer:
    """A video file that is being written, frame after frame.

    Frames are pictures as they were read, or uint8 [H, W, 3] RGB; of one size, upright. What
    was read goes to the encoder as it is, in its own codec, bits and color tags, where the file
    can hold them (see `codecs.choose`); RGB becomes H.264, 4:2:0, BT.709. Sound is AAC, in WebM
    Opus; a GIF, where the name ends so, is silent. Odd sizes are followed by one repeated row or
    column, since 4:2:0 needs even ones. The file takes its name when the `with` block ends well;
    otherwise nothing is left.

    Args:
        path: what to write; .mp4, .m4v, .mov, .mkv, .webm or .gif.
        rate: frames a second, for frames that are added without a time.
        duration: seconds from time 0 to when the last frame ceases to show; by default it
            shows as long as the one before it. In a GIF the rate tells.
        audio: sound whose sample 0 sounds with time 0.
        overwrite: replace an existing file.
        rotation: degrees clockwise that players are to turn the stored picture; frames of RGB
            are stored turned back, so they show as given. Pictures are stored turned already.
        pixel_aspect: width of a pixel over its height; those of a GIF are made square.
        encoding: how pictures are encoded.
        source: the codec that the pictures were read from, and their pixel format: new pictures
            among them get the same.
        slow: making them takes so long that better coding costs little.
        extras: further sounds, subtitles, chapters and tags.

    Attributes:
        alpha: what covers the pictures, where it is transparent, is written too.
        lost: names of extras that the file cannot hold.

    Raises:
        InputError: the path cannot be written (see `check_output`), the disk is full, no
            frame was added, or the sound has a number of channels that AAC has no layout for.

    Example:
        >>> import tempfile, os
        >>> name = os.path.join(tempfile.mkdtemp(), "gray.mp4")
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
        duration: Fraction | None = None,
        audio: Sound | None = None,
        overwrite: bool = False,
        rotation: int = 0,
        pixel_aspect: Fraction | int = 1,
        encoding: Encoding | None = None,
        source: tuple[str, str] = ("", ""),
        slow: bool = False,
        extras: Extras | None = None,
    ):
        self.path, self._overwrite = check_output(path, overwrite), overwrite
        self._gif = self.path.suffix.lower() == ".gif"
        self._rate = None if rate is None else exact_rate(rate)
        self._end = duration
        if rotation % 90:
            raise ValueError(f"rotation {rotation}; expected 0, 90, 180 or 270.")
        self._turns, self._aspect = -rotation // 90 % 4, Fraction(pixel_aspect)
        self._encoding, self._source, self._slow = encoding or Encoding(), source, slow
        check_encoding(self.path, self._encoding)
        self._sound = (
            None if self._gif or audio is None else aac_ready(audio, self.path.suffix[1:].lower())
        )
        self._picture: PictureStream | GifStream | None = None
        self._first: Picture | None = None
        self.alpha = False
        self._count = 0
        self._partial: pathlib.Path | None = None
        self._container: av.container.OutputContainer | None = None
        self._tracks: list[AacStream | SubtitleTrack] = []
        self._extras = extras or Extras()
        self.lost: tuple[str, ...] = ()
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> Writer:
        self._partial = self._exit.enter_context(atomic_write(self.path, overwrite=self._overwrite))
        self._exit.push(self._close)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self._exit.__exit__(kind, error, trace)

    def add(self, frame: Picture | np.ndarray, time: float | Fraction | None = None) -> None:
        """Append a frame.

        Args:
            frame: a picture or uint8 [H, W, 3] RGB, upright, of the first one's size.
            time: seconds at which it shows; default, the next tick of `rate`. Frames closer
                than 2/100 s are left out of a GIF, whose players slow down there.

        Raises:
            ValueError: another shape or type, a time not after the one before, or neither a
                time nor a rate.
            InputError: the file cannot be written.
        """
        picture = frame if isinstance(frame, Picture) else self._new(np.asarray(frame))
        first = self._first or picture
        size, expected = (picture.height, picture.width), (first.height, first.width)
        if size != expected:
            raise ValueError(f"frame {self._count} is {size}; the ones before, {expected}.")
        if time is None and self._rate is None:
            raise ValueError("a frame without a time; give it one, or the Writer a rate.")
        with writing(self.path):
            stream = self._picture or self._open(picture, timed=time is not None)
            first = self._first or picture
            at = self._count / self._rate if time is None and self._rate else Fraction(time or 0)
            for track in self._tracks:  # side by side, so that players need not jump about
                self._mux(track.encode(until=at))
            self._mux(stream.encode(picture.like(first), at))
        self._count += 1

    @property
    def color(self) -> Color:
        """What is written is in; BT.709 before the first frame."""
        if self._first is None:
            return BT709
        return self._first.color.screen if self._gif else self._first.color

    def _new(self, frame: np.ndarray) -> Picture:
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:
            raise ValueError(
                f"frame {self._count} is {frame.dtype} {frame.shape}; expected uint8 [H, W, 3]."
            )
        if not self._gif:  # here and not as it is stored: what is repeated lies below and right
            frame = np.pad(frame, [(0, n % 2) for n in frame.shape[:2]] + [(0, 0)], mode="edge")
        return Picture.of(frame, turns=self._turns)

    def _open(self, first: Picture, *, timed: bool) -> PictureStream | GifStream:
        self._first = first
        suffix = self.path.suffix.lower()
        kinds = {".mkv": "matroska", ".gif": "gif", ".mov": "mov", ".webm": "webm"}
        kind = kinds.get(suffix, "mp4")
        # The index first, so that a player can begin before it has all of the file.
        options = {"movflags": "+faststart"} if kind in ("mp4", "mov") else {}
        if self._gif:  # how long the last frame shows, in 1/100 s
            options = {"final_delay": str(round(100 / (self._rate or 10)))}
        choice = None
        if not self._gif:
            codec, stored = self._source
            fresh = stored and is_rgb(first.frame)
            choice = choose(
                self.path,
                drawn(stored, bits(first.frame), alpha=first.alpha) if fresh else first.kind,
                source=codec,
                encoding=self._encoding,
                slow=self._slow,
            )
        self._container = av.open(str(self._partial), "w", format=kind, options=options)
        if choice is None:
            self.lost = _beside(self._extras)
            self._picture = GifStream(self._container, first, self._aspect)
            return self._picture
        self.alpha = first.alpha and choice.pix_fmt.startswith("yuva")
        if choice.pix_fmt[-2:] != "le" and first.color.hdr:  # in 8 bits, bands would show
            first = Picture.of(first.rgb(), color=BT709, turns=first.turns)
            self._first = first
        aspect = self._aspect if first.turns % 2 == 0 else 1 / self._aspect
        rate = None if timed else self._rate
        self._picture = PictureStream(self._container, first, choice, rate, aspect)
        if first.turns:
            self._picture.stream.set_display_rotation(90 * first.turns)
        self._tracks, self.lost = add_tracks(
            self._container, self.path.suffix, self._sound, self._extras
        )
        return self._picture

    def _close(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        """Finish the file if all went well, and let go of it, before it is renamed or removed."""
        try:
            if kind is None:
                self._finish()
        finally:
            if self._container is not None:
                with contextlib.suppress(OSError, av.error.FFmpegError):
                    self._container.close()

    def _mux(self, packets: Iterable[av.Packet]) -> None:
        assert self._container is not None
        for packet in packets:
            self._container.mux(packet)

    def _finish(self) -> None:
        if self._picture is None or self._container is None:
            raise InputError(f"{self.path}: no frames to write; expected at least one.")
        with writing(self.path):
            for track in self._tracks:
                self._mux(track.finish())
            self._mux(self._picture.finish(self._end))
            self._container.close()


def _beside(extras: Extras) -> tuple[str, ...]:
    """The names of all that there is."""
    kinds = {
        "further sounds": extras.voices,
        "subtitles": extras.subtitles,
        "chapters": extras.chapters,
        "tags": extras.metadata.keys() - {"creation_time"},
    }
    return tuple(name for name, there in kinds.items() if there)


def write_video(
    path: PathLike,
    frames: Iterable[np.ndarray],
    *,
    rate: Fraction | float | None = None,
    times: Iterable[float] | None = None,
    audio: Sound | None = None,
    overwrite: bool = False,
    rotation: int = 0,
    pixel_aspect: Fraction | int = 1,
    crf: float | None = None,
) -> None:
    """Write a video file, all of it or nothing; see `Writer` for what is written.

    Args:
        path: what to write; .mp4, .m4v, .mov, .mkv, .webm or .gif.
        frames: uint8 [H, W, 3] RGB each, of one size; an array or any iterable.
        rate: frames a second, on an exact clock; give it or `times`.
        times: seconds at which the frames show, one a frame, increasing.
        audio, overwrite, rotation, pixel_aspect: as for `Writer`.
        crf: quality on the codec's scale, of H.264 0 lossless … 51 worst; default 18.

    Raises:
        ValueError: neither a rate nor times, frames of other shapes, or another count of times.
        InputError: the path cannot be written, the disk is full or there are no frames.

    Example:
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "clip.mp4")
        >>> write_video(path, np.zeros((3, 32, 48, 3), np.uint8), times=[0, 0.1, 0.5])
        >>> os.path.exists(path)
        True
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
        encoding=Encoding(crf=crf),
    ) as writer:
        if times is None:
            for frame in frames:
                writer.add(frame)
        else:
            for frame, time in zip(frames, times, strict=True):
                writer.add(frame, time)
