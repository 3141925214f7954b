"""What goes along with a picture, into a file that is being written."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import SubtitleSet

from vidparticles.video.extras import Extras, Subtitles
from vidparticles.video.sound.blocks import Sound
from vidparticles.video.sound.streams import AacStream, aac_ready
from vidparticles.video.subtitles.markup import encodable

_CODECS = {"mp4": "mov_text", "mov": "mov_text", "matroska": "srt", "webm": "webvtt"}
_MP4_TAGS = {
    "album",
    "album_artist",
    "artist",
    "comment",
    "composer",
    "copyright",
    "creation_time",
    "date",
    "description",
    "episode_id",
    "genre",
    "grouping",
    "keywords",
    "location",
    "lyrics",
    "network",
    "show",
    "synopsis",
    "title",
}
_TICK = Fraction(1, 1000)
# Encoders of subtitles ask for the header of an ASS file, of which they use the styles.
_HEADER = b"""[Script Info]
ScriptType: v4.00+
PlayResX: 384
PlayResY: 288

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, \
Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, \
Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


class SubtitleTrack:
    """A stream of subtitles."""

    def __init__(self, container: av.container.OutputContainer, subtitles: Subtitles):
        self._kind = container.format.name
        stream = container.add_stream(_CODECS[self._kind])
        self.stream = cast(SubtitleStream, stream)
        self.stream.codec_context.subtitle_header = _HEADER.replace(b"\n", b"\r\n")
        self.stream.time_base = _TICK
        if subtitles.language:
            self.stream.metadata["language"] = subtitles.language
        self._cues = list(subtitles.cues)
        self._last = -1

    def encode(self, *, until: Fraction | None) -> Iterator[av.Packet]:
        """Packets of the cues up to a time in seconds; None: all."""
        while self._cues and (until is None or self._cues[0].start <= until):
            cue = self._cues.pop(0)
            start, end = (round(second / _TICK) for second in (cue.start, cue.end))
            start = max(start, self._last + 1)  # cues that begin together come one after another
            text = encodable(cue.text, _CODECS[self._kind])
            line = f"0,0,Default,,0,0,0,,{text}".encode()
            length = max(1, end - start)
            told = SubtitleSet.create(text=line, start=0, end=length, pts=start * 1000)
            packet = self.stream.codec_context.encode_subtitle(told)
            packet.stream, packet.time_base = self.stream, _TICK
            packet.pts = packet.dts = self._last = start
            packet.duration = length
            yield packet

    def finish(self) -> Iterator[av.Packet]:
        """All packets that are left."""
        yield from self.encode(until=None)


def add_tracks(
    container: av.container.OutputContainer, suffix: str, audio: Sound | None, extras: Extras
) -> tuple[list[AacStream | SubtitleTrack], tuple[str, ...]]:
    """Streams of all sounds and subtitles, behind that of the picture, and tags and chapters.

    Args:
        container: the file.
        suffix: how its name ends.
        audio: the first sound.
        extras: what else goes along.

    Returns:
        (the streams, names of what this kind of file cannot hold)
    """
    kind = suffix[1:].lower()
    sounds = [] if audio is None else [(audio, extras.language)]
    sounds += [(voice.sound, voice.language) for voice in extras.voices]
    tracks: list[AacStream | SubtitleTrack] = []
    for sound, language in sounds:
        track = AacStream(container, aac_ready(sound, kind))
        if language:
            track.stream.metadata["language"] = language
        tracks.append(track)
    tracks += [SubtitleTrack(container, track) for track in extras.subtitles]
    return tracks, tuple(tell(container, extras))


def tell(container: av.container.OutputContainer, extras: Extras) -> list[str]:
    """Write tags and chapters; before anything else is written.

    Returns:
        names of what this kind of file cannot hold.
    """
    lost = list(extras.lost)
    for key, value in extras.metadata.items():
        if container.format.name in ("mp4", "mov") and key not in _MP4_TAGS:
            lost.append(f"the tag {key}")
        else:
            container.metadata[key] = value
    container.set_chapters(
        [
            {
                "id": k,
                "start": round(chapter.start / _TICK),
                "end": round(chapter.end / _TICK),
                "time_base": _TICK,
                "metadata": {"title": chapter.text},
            }
            for k, chapter in enumerate(extras.chapters, 1)
        ]
    )
    return lost
