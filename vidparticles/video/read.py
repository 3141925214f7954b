"""Reading frames by index and by time, to the bit, without decoding more than is needed."""

from __future__ import annotations

import pathlib
import types
from collections.abc import Iterator, Sequence
from fractions import Fraction

import av
import numpy as np

from vidparticles.errors import InputError
from vidparticles.storage import PathLike
from vidparticles.video.decode import Decoder
from vidparticles.video.extras import Extras, read_extras
from vidparticles.video.info import VideoInfo, audio_info, frame_rate
from vidparticles.video.packets.table import FrameTable
from vidparticles.video.picture.color import color_of
from vidparticles.video.picture.stored import Picture, resized
from vidparticles.video.sound.blocks import Sound
from vidparticles.video.sound.read import sound_of


class Video:
    """A video file open for reading; use `open_video`.

    Frames are uint8 [H, W, 3] RGB, upright. A frame that the table lists but that does not
    decode is shown as players do, by the frame before it (or the first that decodes), and
    `warnings` says so. One Video serves one thread.

    Attributes:
        path: the file.
        info: its facts.
        color: what its stored numbers mean.
        times: float64 [n] seconds at which the frames are shown, from the first one's; or from
            where the sound begins, where that is well before.
    """

    def __init__(self, path: PathLike, table: FrameTable | None = None):
        self.path = pathlib.Path(path)
        self._decoder = Decoder(self.path, table)
        self._first: tuple[int, av.VideoFrame]
        try:
            self._first = self._find_first()
            self.color = color_of(self._first[1])
            self._looked = False
            self.info = self._info()
        except BaseException:
            self._decoder.close()
            raise
        self.times = self.table.times

    @property
    def table(self) -> FrameTable:
        """The table of frames; give it to `open_video` to open the same file again sooner."""
        return self._decoder.table

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on what is wrong with the file, as far as is known by now."""
        found = list(self.table.warnings)
        if self.info.interlaced:
            found.append(
                f"{self.path} is interlaced: each frame shows two moments, and what moves has "
                "combed edges; deinterlace it first, as with ffmpeg's bwdif."
            )
        if self._looked and self.color.told:
            found.append(f"{self.path}: {self.color.told}")
        if missing := len(self._decoder.missing):
            found.append(
                f"{self.path}: {missing} of {len(self)} frames do not decode; the one before shows."
            )
        return tuple(found)

    @property
    def alpha(self) -> bool:
        """Its pictures are transparent somewhere, by the first."""
        return self._picture(self._first[1]).alpha

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, index: int) -> np.ndarray:
        """Frame `index`, uint8 [H, W, 3]; negative indices count from the end."""
        return self.frames([index])[0]

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]:
        """(seconds, frame) of every frame, by one run of the decoder (on all cores when long)."""
        return self.every()

    def every(self, *, size: tuple[int, int] | None = None) -> Iterator[tuple[float, np.ndarray]]:
        """As iterating, with frames resized to `size` (height, width) by area averaging."""
        self._looked = True
        for time, picture in zip(self.times, self.run(), strict=True):
            yield float(time), picture.rgb(size or self._size)

    def run(self) -> Iterator[Picture]:
        """Every frame as it is stored, by one run of the decoder (on all cores when long)."""
        self._decoder.rest()
        decoder = Decoder(self.path, self.table)  # its own cursor: runs may be nested
        shown: Picture | None = None
        at = 0
        try:
            for index, frame in decoder.every_frame():
                picture = self._picture(frame)
                for held in range(at, index):  # what did not decode shows the frame before
                    self._decoder.missing.add(held)
                    yield shown or picture
                shown, at = picture, index + 1
                yield picture
        finally:
            decoder.close()
        for held in range(at, len(self)):
            self._decoder.missing.add(held)
            yield shown or self._picture(self._first[1])

    def __enter__(self) -> Video:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._decoder.close()

    def rest(self) -> None:
        """Close the file until it is needed again."""
        self._decoder.rest()

    def frames(
        self, indices: Sequence[int] | np.ndarray, *, size: tuple[int, int] | None = None
    ) -> np.ndarray:
        """Frames by their indices.

        Args:
            indices: [n] in any order, repeats allowed; negative ones from the end.
            size: (height, width) to resize to by area averaging, default as displayed.

        Returns:
            uint8 [n, height, width, 3]

        Raises:
            IndexError: an index outside −n … n−1.
        """
        indices = np.asarray(indices, np.int64).reshape(-1)
        count = len(self)
        if indices.size and (indices.min() < -count or indices.max() >= count):
            raise IndexError(f"{self.path} has {count} frames; cannot give frame {indices.max()}.")
        indices = np.where(indices < 0, indices + count, indices)
        self._looked = True
        out = np.empty((len(indices), *(size or self._size), 3), np.uint8)
        for index, picture in self._found(set(indices.tolist())):
            out[indices == index] = picture.rgb(out.shape[1:3])
        return out

    def pictures(self, first: int, last: int) -> list[Picture]:
        """Frames first … last − 1 as they are stored."""
        found = dict(self._found(set(range(first, last))))
        return [found[index] for index in range(first, last)]

    def index_at(self, seconds: float) -> int:
        """The index of the frame shown at a time (the first before it, the last after)."""
        return max(0, int(np.searchsorted(self.times, seconds + 1e-9, side="right")) - 1)

    def at(self, seconds: float) -> np.ndarray:
        """The frame shown at a time, uint8 [H, W, 3]."""
        return self[self.index_at(seconds)]

    def audio(self) -> Sound | None:
        """The sound, on the clock of `times`: sample 0 sounds at time 0."""
        sounds = self.table.sounds
        return sound_of(self.path, sounds[0], self.table.origin) if sounds else None

    @property
    def _size(self) -> tuple[int, int]:
        return self.info.height, self.info.width

    def _found(self, wanted: set[int]) -> Iterator[tuple[int, Picture]]:
        """Frames by their indices, each once; those that do not decode come last."""
        missing = set(wanted)
        if self._first[0] in missing:
            missing.discard(self._first[0])
            yield self._first[0], self._picture(self._first[1])
        for index, frame in self._decoder.frames(set(missing)):
            missing.discard(index)
            yield index, self._picture(frame)
        for index in missing:
            yield index, self._picture(self._shown_instead(index))

    def _picture(self, frame: av.VideoFrame) -> Picture:
        """A frame at the size of the first, whose turn and color hold for all."""
        size = (self._first[1].height, self._first[1].width)
        if (frame.height, frame.width) != size:
            frame = resized(frame, size)
        turns = -self.info.rotation // 90
        return Picture(frame, turns=turns, color=self.color)

    def extras(self) -> Extras:
        """What the file holds beside its picture and its first sound."""
        return read_extras(self.path, self.table)

    def _find_first(self) -> tuple[int, av.VideoFrame]:
        """The first frame that decodes; its turn and format hold for all."""
        for index in range(len(self.table)):
            for found in self._decoder.frames([index]):
                return found
        raise InputError(
            f"{self.path}: none of its {len(self.table)} frames decodes; expected a whole video."
        )

    def _shown_instead(self, index: int) -> av.VideoFrame:
        """What shows instead of a frame that does not decode."""
        for before in range(index - 1, self._first[0], -1):
            for _, frame in self._decoder.frames([before]):
                return frame
        return self._first[1]

    def _info(self) -> VideoInfo:
        frame, stream = self._first[1], self._decoder.stream
        rotation = round(-frame.rotation / 90) * 90 % 360
        size = (frame.width, frame.height)
        width, height = size if rotation % 180 == 0 else size[::-1]
        aspect = Fraction(stream.sample_aspect_ratio or 1)
        rate, variable = frame_rate(
            self.table, [stream.average_rate, stream.guessed_rate, stream.base_rate]
        )
        return VideoInfo(
            path=self.path,
            duration=float(self.table.duration),
            frames=len(self.table),
            width=width,
            height=height,
            rate=rate,
            variable_rate=variable,
            rotation=rotation,
            pixel_aspect=aspect if rotation % 180 == 0 else 1 / aspect,
            codec=stream.codec_context.name,
            pixel_format=frame.format.name,
            bit_depth=max(c.bits for c in frame.format.components),
            interlaced=bool(frame.interlaced_frame),
            keyframes=max(1, len(self.table.start_pts)),
            audio=audio_info(self._decoder.container),
        )


def open_video(path: PathLike, *, table: FrameTable | None = None) -> Video:
    """Open a video file for reading.

    Args:
        path: any file that FFmpeg's libraries decode.
        table: the `Video.table` of an earlier opening of this very file, which saves
            reading through the file again.

    Returns:
        a `Video`, to be used in a `with` block.

    Raises:
        InputError: no such file, not a video, sound only, or no frame that decodes.

    Example:
        >>> import os, tempfile
        >>> from vidparticles.video import write_video
        >>> clip = os.path.join(tempfile.mkdtemp(), "clip.mp4")
        >>> write_video(clip, np.full((4, 32, 48, 3), 90, np.uint8), rate=2)
        >>> with open_video(clip) as video:
        ...     len(video), video.times.tolist(), video[3].shape, video.index_at(1.2)
        (4, [0.0, 0.5, 1.0, 1.5], (32, 48, 3), 2)
    """
    return Video(path, table)


def probe(path: PathLike) -> VideoInfo:
    """A video's facts.

    Raises:
        InputError: no such file, not a video, sound only, or no frame that decodes.

    Example:
        >>> import os, tempfile
        >>> from vidparticles.video import write_video
        >>> clip = os.path.join(tempfile.mkdtemp(), "clip.mp4")
        >>> write_video(clip, np.full((4, 32, 48, 3), 90, np.uint8), rate=2)
        >>> info = probe(clip)
        >>> info.frames, info.duration, str(info.rate), info.audio
        (4, 2.0, '2', None)
    """
    with open_video(path) as video:
        return video.info
