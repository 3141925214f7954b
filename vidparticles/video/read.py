"""Reading frames by index and by time, to the bit, without decoding more than is needed."""

from __future__ import annotations

import pathlib
import types
from collections.abc import Iterator, Sequence
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from vidparticles.errors import InputError
from vidparticles.storage import PathLike
from vidparticles.video.audio import Audio, read_audio
from vidparticles.video.decode import Decoder, to_rgb
from vidparticles.video.index import FrameIndex
from vidparticles.video.info import VideoInfo, audio_info, frame_rate


class Video:
    """A video file open for reading; use `open_video`.

    Frames are uint8 [H, W, 3] RGB, upright. A frame that the table lists but that does not
    decode is shown as players do, by the frame before it (or the first that decodes), and
    `warnings` says so. One Video serves one thread.

    Attributes:
        path: the file.
        info: its facts.
        times: float64 [n] seconds at which the frames are shown, from the first one's.
    """

    def __init__(self, path: PathLike, index: FrameIndex | None = None):
        self.path = pathlib.Path(path)
        self._reformatter = VideoReformatter()
        self._decoder = Decoder(self.path, index)
        self._first: tuple[int, av.VideoFrame]
        try:
            self._first = self._find_first()
            self.info = self._info()
        except BaseException:
            self._decoder.close()
            raise
        self.times = self.index.times

    @property
    def index(self) -> FrameIndex:
        """The table of frames; give it to `open_video` to open the same file again sooner."""
        return self._decoder.index

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on what is wrong with the file, as far as is known by now."""
        found = list(self.index.warnings)
        if self.info.interlaced:
            found.append(
                f"{self.path} is interlaced: each frame shows two moments, and what moves has "
                "combed edges; deinterlace it first, as with ffmpeg's bwdif."
            )
        if missing := len(self._decoder.missing):
            found.append(
                f"{self.path}: {missing} of {len(self)} frames do not decode; the one before shows."
            )
        return tuple(found)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, place: int) -> np.ndarray:
        """Frame `place`, uint8 [H, W, 3]; negative places count from the end."""
        return self.frames([place])[0]

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]:
        """(seconds, frame) of every frame, by one run of the decoder (on all cores when long)."""
        return self.every()

    def every(self, *, size: tuple[int, int] | None = None) -> Iterator[tuple[float, np.ndarray]]:
        """As iterating, with frames resized to `size` (height, width) by area averaging."""
        decoder = Decoder(self.path, self.index)  # its own cursor: runs may be nested
        shown: np.ndarray | None = None
        at = 0
        try:
            for place, frame in decoder.every_frame():
                rgb = self._rgb(frame, size)
                for held in range(at, place):  # what did not decode shows the frame before
                    self._decoder.missing.add(held)
                    yield float(self.times[held]), rgb.copy() if shown is None else shown.copy()
                shown, at = rgb, place + 1
                yield float(self.times[place]), rgb
        finally:
            decoder.close()
        shown = self._rgb(self._first[1], size) if shown is None else shown
        for held in range(at, len(self)):
            self._decoder.missing.add(held)
            yield float(self.times[held]), shown.copy()

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

    def frames(
        self, indices: Sequence[int] | np.ndarray, *, size: tuple[int, int] | None = None
    ) -> np.ndarray:
        """Frames by their places.

        Args:
            indices: [n] places in any order, repeats allowed; negative ones from the end.
            size: (height, width) to resize to by area averaging, default as displayed.

        Returns:
            uint8 [n, height, width, 3]

        Raises:
            IndexError: a place outside −n … n−1.
        """
        places = np.asarray(indices, np.int64).reshape(-1)
        count = len(self)
        if places.size and (places.min() < -count or places.max() >= count):
            raise IndexError(f"{self.path} has {count} frames; cannot give frame {places.max()}.")
        places = np.where(places < 0, places + count, places)
        height, width = size or (self.info.height, self.info.width)
        out = np.empty((len(places), height, width, 3), np.uint8)
        filled = np.zeros(len(places), bool)
        wanted = set(places.tolist())
        if self._first[0] in wanted:
            wanted.discard(self._first[0])
            self._fill(out, filled, places == self._first[0], self._first[1])
        for place, frame in self._decoder.frames(wanted):
            self._fill(out, filled, places == place, frame)
        for row in np.flatnonzero(~filled):
            self._fill(out, filled, places == places[row], self._shown_instead(int(places[row])))
        return out

    def place_at(self, seconds: float) -> int:
        """The place of the frame shown at a time (the first before it, the last after)."""
        return max(0, int(np.searchsorted(self.times, seconds + 1e-9, side="right")) - 1)

    def at(self, seconds: float) -> np.ndarray:
        """The frame shown at a time, uint8 [H, W, 3]."""
        return self[self.place_at(seconds)]

    def audio(self) -> Audio | None:
        """The sound, on the clock of `times`: sample 0 sounds when the first frame shows."""
        origin = int(self.index.pts[0]) * self.index.time_base
        return read_audio(self.path, origin=origin) if self.info.audio else None

    def _fill(
        self, out: np.ndarray, filled: np.ndarray, rows: np.ndarray, frame: av.VideoFrame
    ) -> None:
        out[rows] = self._rgb(frame, out.shape[1:3])
        filled |= rows

    def _rgb(self, frame: av.VideoFrame, size: tuple[int, ...] | None = None) -> np.ndarray:
        height, width = size or (self.info.height, self.info.width)
        turns = -self.info.rotation // 90 % 4
        return to_rgb(frame, self._reformatter, size=(height, width), turns=turns)

    def _find_first(self) -> tuple[int, av.VideoFrame]:
        """The first frame that decodes; its turn and format hold for all."""
        for place in range(len(self.index)):
            for found in self._decoder.frames([place]):
                return found
        raise InputError(
            f"{self.path}: none of its {len(self.index)} frames decodes; expected a whole video."
        )

    def _shown_instead(self, place: int) -> av.VideoFrame:
        """What shows in place of a frame that does not decode."""
        for before in range(place - 1, self._first[0], -1):
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
            self.index, [stream.average_rate, stream.guessed_rate, stream.base_rate]
        )
        return VideoInfo(
            path=self.path,
            duration=float(self.index.duration),
            frames=len(self.index),
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
            keyframes=max(1, len(self.index.start_pts)),
            audio=audio_info(self._decoder.container),
        )


def open_video(path: PathLike, *, index: FrameIndex | None = None) -> Video:
    """Open a video file for reading.

    Args:
        path: any file that FFmpeg's libraries decode.
        index: the `Video.index` of an earlier opening of this very file, which saves
            reading through the file again.

    Returns:
        a `Video`, to be used in a `with` block.

    Raises:
        InputError: no such file, not a video, sound only, or no frame that decodes.
    """
    return Video(path, index)


def probe(path: PathLike) -> VideoInfo:
    """A video's facts.

    Raises:
        InputError: no such file, not a video, sound only, or no frame that decodes.
    """
    with open_video(path) as video:
        return video.info
