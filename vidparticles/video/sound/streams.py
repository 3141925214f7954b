"""Sound to packets: the streams of sound of a file that is being written."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av

from vidparticles.errors import InputError
from vidparticles.video.sound.blocks import LAYOUTS, Sound, av_frames, resample

_RATES = {
    "aac": (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000),
    "libopus": (48000, 24000, 16000, 12000, 8000),
}


class AacStream:
    """A stream of AAC sound, in WebM of Opus; `audio` is one that `aac_ready` gave."""

    def __init__(self, container: av.container.OutputContainer, audio: Sound):
        codec = sound_codec(container.format.name)
        stream = container.add_stream(codec, rate=audio.rate, layout=LAYOUTS[audio.channels])
        self.stream = cast(av.AudioStream, stream)
        share = min(1.0, audio.rate / 44100)
        self.stream.codec_context.bit_rate = int(96_000 * audio.channels * share)
        self._rate = audio.rate
        self._frames = av_frames(audio)
        self._next = next(self._frames, None)

    def encode(self, *, until: Fraction | None) -> Iterator[av.Packet]:
        """Packets of the sound up to a time in seconds, as they are made; None: all."""
        while self._next is not None:
            if until is not None and Fraction(self._next.pts or 0, self._rate) > until:
                break
            yield from self.stream.encode(self._next)
            self._next = next(self._frames, None)

    def finish(self) -> Iterator[av.Packet]:
        """All packets that are left."""
        yield from self.encode(until=None)
        yield from self.stream.encode(None)


def sound_codec(kind: str) -> str:
    """The encoder of sound for a kind of container, as FFmpeg names it."""
    return "libopus" if kind == "webm" else "aac"


def aac_ready(audio: Sound, kind: str = "mp4") -> Sound:
    """The sound at a rate that the codec of a kind of container has.

    Raises:
        InputError: a number of channels that AAC has no layout for.
    """
    if audio.channels not in LAYOUTS:
        raise InputError(
            f"sound of {audio.channels} channels cannot be written; mix it to 1, 2 or 6 first."
        )
    fits = audio.rate in _RATES[sound_codec(kind)]
    return audio if fits else resample(audio, rate=48000)
