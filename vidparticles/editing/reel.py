"""A reel: frames that come one at a time, with their times, facts and sound.

Every edit takes a reel and gives a reel, see `base`. Times are
fractions of a second, exact, counted from the reel's own start; the sound's sample 0 sounds
at time 0.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import numpy as np

from vidparticles.editing.timing.clock import clock
from vidparticles.errors import InputError
from vidparticles.progress import counted
from vidparticles.storage import PathLike
from vidparticles.video import (
    BT709,
    Color,
    Encoding,
    Extras,
    Picture,
    Sound,
    Video,
    Writer,
    check_output,
    cut,
    open_video,
)
from vidparticles.video.files import SUFFIXES

Frames = Iterator[tuple[Fraction, Picture]]
_BLOCK = 8  # frames asked of a file at once where it is not read from its start


@dataclasses.dataclass(frozen=True)
class Doubt:
    """When an edit may not have done what was asked.

    Attributes:
        start, end: seconds in the reel that the edit was given.
        why: a phrase.
    """

    start: float
    end: float
    why: str


@dataclasses.dataclass(frozen=True)
class Reel:
    """Frames in time.

    Attributes:
        frames: (seconds, picture), in order; can be run through once.
        again: frames first … last − 1 anew, (first, last) → the same; None where there is no
            way back.
        times: seconds of all frames, known beforehand.
        duration: seconds, to the end of the last frame.
        rate: frames a second where the frames are on an exact clock, else None.
        height, width: pixels.
        rotation: degrees clockwise that players turn the stored picture.
        pixel_aspect: width of a pixel over its height.
        color: what new pictures are to be stored as.
        source: codec and pixel format that its pictures were read from; "" for none.
        slow: making its pictures takes so long that better coding costs little.
        audio: the sound, None for a silent reel.
        extras: further sounds, subtitles, chapters and tags.
        crop: gives the share of the height and width of the clip that is in the picture; it may
            be known only once the frames have been run through.
        sources: the files that its frames are read from, as far as they have been opened.
        notes: sentences of edits, for whoever has the file written.
        doubts: gives when edits may not have done what was asked; known once the frames have been
            run through.
    """

    frames: Frames
    times: Sequence[Fraction]
    duration: Fraction
    rate: Fraction | None
    height: int
    width: int
    rotation: int = 0
    pixel_aspect: Fraction | int = 1
    color: Color = BT709
    source: tuple[str, str] = ("", "")
    slow: bool = False
    audio: Sound | None = None
    extras: Extras = dataclasses.field(default_factory=Extras)
    crop: Callable[[], float] = lambda: 1.0
    again: Callable[[int, int], Frames] | None = None
    sources: Sequence[Video] = ()
    notes: tuple[str, ...] = ()
    doubts: Callable[[], Sequence[Doubt]] = tuple

    def replace(self, **changes: object) -> Reel:
        """A copy with the named fields changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]

    def with_frames(self, change: Callable[[Frames, int], Frames], **facts: object) -> Reel:
        """A copy whose frames are changed one by one, in this run and in those that come again.

        Args:
            change: (frames, index of the first of them) → as many frames.
            **facts: other fields.
        """
        again = self.again
        return self.replace(
            frames=change(self.frames, 0),
            again=again and (lambda first, last: change(again(first, last), first)),
            **facts,
        )

    def picture(self, array: np.ndarray) -> Picture:
        """A new picture of this reel, of levels [H, W, 3] as `Picture.of` takes them, upright."""
        return Picture.of(array, color=self.color, turns=-self.rotation // 90)

    def redrawn(self, pictures: Sequence[Picture], change: Callable[..., np.ndarray]) -> Picture:
        """A new picture of this reel out of others: of their levels and of what covers them.

        Args:
            pictures: those that are changed.
            change: levels [H, W, 3] of each, see `Picture.levels` → new ones.
        """
        new = np.asarray(change(*(picture.levels() for picture in pictures)))
        covers = [picture.cover() for picture in pictures]
        cover = None
        if any(own is not None for own in covers):
            size = (pictures[0].height, pictures[0].width)
            whole = np.full(size, 255, np.uint8)
            three = [np.stack([whole if own is None else own] * 3, -1) for own in covers]
            cover = np.asarray(change(*three))[..., 0]
        return Picture.of(new, color=self.color, turns=-self.rotation // 90, cover=cover)

    @property
    def name(self) -> str:
        """What sentences call it: the file that it is read from."""
        return str(self.sources[0].path) if self.sources else "the clip"

    def told(self, color: Color = BT709, *, alpha: bool = False) -> list[str]:
        """Sentences on what of the files' colors is not in pictures of this color."""
        found = [
            f"{video.path}: {video.color.told}"
            for video in self.sources
            if video.color.told and not color.told
        ]
        return found + [
            f"{video.path}: what is transparent in it was written opaque."
            for video in self.sources
            if video.alpha and not alpha
        ]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on what is wrong with the files that are read, as far as is known by now, and
        those of edits."""
        told = [w for video in self.sources for w in video.warnings]
        return tuple(dict.fromkeys((*told, *self.notes)))


@dataclasses.dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        path: the file.
        frames: how many.
        seconds: how long it plays.
        width, height: pixels.
        sound: it has sound.
        note: a sentence the user should read, or "".
        crop: share of the height and width of the clip that is in the picture.
        copied: share of the frames that are as they were stored, not encoded anew.
        warnings: sentences on what was found wrong with the files while they were read.
        doubts: when an edit may not have done what was asked.
        told: lines on what was chosen.
    """

    path: pathlib.Path
    frames: int
    seconds: float
    width: int
    height: int
    sound: bool
    note: str = ""
    crop: float = 1.0
    copied: float = 0.0
    warnings: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    told: tuple[str, ...] = ()


@contextlib.contextmanager
def opened(path: PathLike) -> Iterator[Reel]:
    """A file as a reel, for as long as the `with` block lasts.

    Its sound is that of the file, from its first frame on; it may end before the picture, and
    edits and `write` fit it. Where sound begins or goes on by more than its coder adds while
    there is no picture, the picture begins later, or its last frame is held.

    Args:
        path: a video file.

    Raises:
        InputError: not a video.

    Example:
        >>> import os, tempfile
        >>> from vidparticles.video import write_video
        >>> clip = os.path.join(tempfile.mkdtemp(), "clip.mp4")
        >>> write_video(clip, np.zeros((4, 32, 48, 3), np.uint8), rate=2)
        >>> with opened(clip) as reel:
        ...     [(str(time), picture.height, picture.width) for time, picture in reel.frames][1:3]
        [('1/2', 32, 48), ('1', 32, 48)]
    """
    with open_video(path) as video:
        times, duration, rate = clock(video)

        def again(first: int, last: int) -> Frames:
            return zip(times[first:last], _frames(video, first, last), strict=True)

        yield Reel(
            frames=again(0, len(times)),
            again=again,
            times=times,
            duration=duration,
            rate=rate,
            height=video.info.height,
            width=video.info.width,
            rotation=video.info.rotation,
            pixel_aspect=video.info.pixel_aspect,
            color=video.color,
            source=(video.info.codec, video.info.pixel_format),
            audio=video.audio(),
            extras=video.extras(),
            sources=(video,),
        )


def _frames(video: Video, first: int, last: int) -> Iterator[Picture]:
    if first == 0:
        yield from itertools.islice(video.run(), last)
        return
    for at in range(first, last, _BLOCK):
        yield from video.pictures(at, min(at + _BLOCK, last))


def write(
    reel: Reel,
    out: PathLike,
    *,
    overwrite: bool = False,
    note: str = "",
    encoding: Encoding | None = None,
) -> Written:
    """Run through a reel and write it, all or nothing.

    Args:
        reel: what to write; its frames are used up, its sound is cut or followed by silence to
            last as long as they do.
        out: .mp4, .m4v, .mov, .mkv, .webm or .gif.
        overwrite: replace an existing file.
        note: handed on.
        encoding: how pictures are encoded; default, as they were.

    Raises:
        InputError: see `video.Writer`.
    """
    count = 0
    audio = reel.audio
    # A part of a sound has a sample more or fewer than its length rounds to: it is left so.
    if audio is not None and abs(audio.duration - reel.duration) * audio.rate >= 1:
        audio = cut(audio, 0, reel.duration)
    with Writer(
        out,
        rate=reel.rate,
        duration=reel.duration,
        audio=audio,
        overwrite=overwrite,
        pixel_aspect=reel.pixel_aspect,
        encoding=encoding,
        source=reel.source,
        slow=reel.slow,
        extras=reel.extras,
    ) as writer:
        for time, frame in counted(reel.frames, len(reel.times), work="writing"):
            writer.add(frame, None if reel.rate else time)
            count += 1
    sound = audio is not None and pathlib.Path(out).suffix.lower() != ".gif"
    return Written(
        path=pathlib.Path(out),
        frames=count,
        seconds=float(reel.duration),
        width=reel.width,
        height=reel.height,
        sound=sound,
        note=note,
        crop=reel.crop(),
        doubts=tuple(reel.doubts()),
        warnings=(
            *reel.warnings,
            *reel.told(writer.color, alpha=writer.alpha),
            *([f"{out} cannot hold {', '.join(writer.lost)}; left out."] if writer.lost else []),
        ),
    )


def check_paths(
    path: PathLike, out: PathLike, overwrite: bool, *, also: tuple[str, ...] = ()
) -> None:
    """Refuse an output path before any work is done.

    Args:
        path: what is read.
        out: what is to be written.
        overwrite: an existing file may be replaced.
        also: what its name may end in, besides the suffixes of videos.

    Raises:
        InputError: it cannot be written, or it is the file that is read.
    """
    check_output(out, overwrite, suffixes=SUFFIXES + also)
    if os.path.exists(out) and os.path.exists(path) and os.path.samefile(path, out):
        raise InputError(f"{out} is the clip itself; give another name for the new file.")
