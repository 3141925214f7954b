"""The facts of a video file: its picture, its sound, its rate."""

from __future__ import annotations

import dataclasses
import pathlib
from fractions import Fraction

import av
import numpy as np

from vidparticles.video.packets.table import FrameTable

BROADCAST_RATES = [Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 120)]  # frames a second


@dataclasses.dataclass(frozen=True)
class AudioInfo:
    """A file's sound.

    Attributes:
        codec: name of the codec.
        rate: samples a second.
        channels: how many.
        duration: seconds, as the container states it; None where it states none.
    """

    codec: str
    rate: int
    channels: int
    duration: float | None


@dataclasses.dataclass(frozen=True)
class VideoInfo:
    """A video's facts; sizes are those of the picture as it is displayed.

    Attributes:
        path: the file.
        duration: seconds from the first frame's showing, or sound well before it, to the end of
            the last one's, or of sound that goes on.
        frames: how many are shown.
        width, height: pixels after rotation.
        rate: average frames a second.
        variable_rate: the frames are not evenly spaced in time.
        rotation: degrees clockwise that the stored picture is turned for display, 0, 90, 180, 270.
        pixel_aspect: width of a pixel over its height.
        codec: name of the codec.
        pixel_format: as stored.
        bit_depth: of one component.
        interlaced: the first frame is of two moments, its even and its odd lines.
        keyframes: how many frames there are from which decoding may start.
        audio: facts of the sound, None where there is none.
    """

    path: pathlib.Path
    duration: float
    frames: int
    width: int
    height: int
    rate: Fraction
    variable_rate: bool
    rotation: int
    pixel_aspect: Fraction
    codec: str
    pixel_format: str
    bit_depth: int
    interlaced: bool
    keyframes: int
    audio: AudioInfo | None


def audio_info(container: av.container.InputContainer) -> AudioInfo | None:
    """Facts of the sound that a player would choose, None where there is none."""
    stream = container.streams.best("audio")
    if not isinstance(stream, av.AudioStream):
        return None
    ticks = stream.duration
    return AudioInfo(
        codec=stream.codec_context.name,
        rate=stream.codec_context.rate,
        channels=stream.codec_context.channels,
        duration=float(ticks * stream.time_base) if ticks and stream.time_base else None,
    )


def frame_rate(table: FrameTable, stated: list[Fraction | None]) -> tuple[Fraction, bool]:
    """The average rate and whether the frames are unevenly spaced.

    Args:
        table: the table of frames.
        stated: rates that the container states, the likeliest first. One that puts every
            frame within a tick of its time stamp is taken as exact.

    Returns:
        (frames a second, variable)
    """
    count, span = len(table), int(table.shown[-1] - table.shown[0])
    if count == 1 or span <= 0:
        return next((r for r in stated if r), Fraction(25)), False
    average = Fraction(count - 1, span) / table.time_base
    ticks = table.shown - table.shown[0]
    likely = [r for r in BROADCAST_RATES if abs(r - average) < Fraction(1, 100)]
    for rate in (*likely, *(Fraction(r) for r in stated if r), average):
        ideal = np.arange(count) / float(rate * table.time_base)
        if np.abs(ticks - ideal).max() <= 1.001:
            return rate, False
    return average, True
