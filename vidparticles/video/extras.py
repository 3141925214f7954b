"""What a file holds beside its picture and first sound: more sounds, subtitles, chapters, tags."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction

import av
from av.subtitles.stream import SubtitleStream

from vidparticles.video.files import open_input
from vidparticles.video.packets.table import FrameTable
from vidparticles.video.sound.blocks import Sound
from vidparticles.video.sound.read import sound_of

# Tags that tell of the file itself and not of what is in it.
_OWN = {"encoder", "major_brand", "minor_version", "compatible_brands", "duration"}
_TEXT = {"srt", "subrip", "ass", "ssa", "webvtt", "mov_text", "text"}
_PLAIN = {"srt", "subrip", "mov_text", "text"}
_NAMES = {
    "com.apple.quicktime.location.iso6709": "location",
    "com.apple.quicktime.creationdate": "creation_time",
}


@dataclasses.dataclass(frozen=True)
class Span:
    """A chapter, or a cue of subtitles.

    Attributes:
        start, end: seconds.
        text: title; or what is shown, in the markup of ASS.
    """

    start: Fraction
    end: Fraction
    text: str


@dataclasses.dataclass(frozen=True)
class Subtitles:
    """A track of subtitles.

    Attributes:
        cues: in order.
        language: three letters (ISO 639-2), or "".
    """

    cues: tuple[Span, ...]
    language: str = ""


@dataclasses.dataclass(frozen=True)
class Voice:
    """A further track of sound.

    Attributes:
        sound: what is heard.
        language: three letters (ISO 639-2), or "".
    """

    sound: Sound
    language: str = ""


@dataclasses.dataclass(frozen=True)
class Extras:
    """What goes along with a picture and its first sound.

    Attributes:
        language: of the first sound, three letters (ISO 639-2), or "".
        voices: further sounds.
        subtitles: their tracks.
        chapters: in order.
        metadata: tags of the whole, such as title, artist, creation_time and location.
        lost: names of what the file holds and nothing here can carry.
    """

    language: str = ""
    voices: tuple[Voice, ...] = ()
    subtitles: tuple[Subtitles, ...] = ()
    chapters: tuple[Span, ...] = ()
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    lost: tuple[str, ...] = ()


def read_extras(path: pathlib.Path, table: FrameTable) -> Extras:
    """What a video holds beside its picture and its first sound, on the clock of its table."""
    origin, lost = table.origin, []
    with open_input(path) as container:
        best = container.streams.best("video")
        for stream in container.streams:
            if stream.type == "attachment" or (stream.type == "video" and stream is not best):
                cover = (
                    stream.type == "video" and stream.disposition & stream.disposition.attached_pic
                )
                lost.append("a cover" if cover else f"a further {stream.type}")
        languages = [_language(container.streams[sound.stream]) for sound in table.sounds]
        chapters = tuple(
            Span(
                chapter["start"] * Fraction(chapter["time_base"] or 1) - origin,
                chapter["end"] * Fraction(chapter["time_base"] or 1) - origin,
                chapter["metadata"].get("title", ""),
            )
            for chapter in container.chapters()
        )
        metadata = dict(_tags(container.metadata))
        subtitles, pictures = _subtitles(container, origin)
        lost += pictures
    voices = []
    for sound, language in zip(table.sounds[1:], languages[1:], strict=True):
        heard = sound_of(path, sound, origin)
        if heard is not None:
            voices.append(Voice(heard, language))
    return Extras(
        language=languages[0] if languages else "",
        voices=tuple(voices),
        subtitles=subtitles,
        chapters=tuple(
            Span(max(c.start, Fraction(0)), c.end, c.text) for c in chapters if c.end > 0
        ),
        metadata=metadata,
        lost=tuple(lost),
    )


def read_subtitles(path: pathlib.Path, origin: Fraction = Fraction(0)) -> tuple[Subtitles, ...]:
    """The tracks of subtitles of a video or of a file of subtitles; no sound is read.

    Args:
        path: the file.
        origin: its first moment, on its own clock; `FrameTable.origin` of a video.

    Raises:
        InputError: it cannot be read.
    """
    with open_input(path) as container:
        return _subtitles(container, origin)[0]


def _subtitles(
    container: av.container.InputContainer, origin: Fraction
) -> tuple[tuple[Subtitles, ...], list[str]]:
    """The tracks with text, and what the others are."""
    found, lost = [], []
    tracks = [s for s in container.streams if isinstance(s, SubtitleStream)]
    cues: dict[int, list[Span]] = {track.index: [] for track in tracks}
    for packet in container.demux(*tracks) if tracks else ():
        for cue in _cues(packet, origin):
            cues[packet.stream_index].append(cue)
    for track in tracks:
        language = _language(track)
        if cues[track.index]:
            found.append(Subtitles(tuple(cues[track.index]), language))
        elif track.codec_context.name not in _TEXT:
            lost.append(f"subtitles as pictures {language}".strip())
    return tuple(found), lost


def _cues(packet: av.Packet, origin: Fraction) -> Iterator[Span]:
    if not packet.size or packet.pts is None:
        return
    try:
        decoded = packet.decode()
    except (av.error.FFmpegError, UnicodeDecodeError):
        return
    start = packet.pts * Fraction(packet.time_base) - origin
    end = start + (packet.duration or 0) * Fraction(packet.time_base)
    for told in decoded:
        ass = getattr(told, "ass", b"").decode("utf-8", "replace")
        text = ass.split(",", 8)[-1]
        if packet.stream.codec_context.name in _PLAIN:  # their decoders leave braces as they are
            text = re.sub(r"\{(?!\\)", r"\\{", text)
        start = max(start, Fraction(0))
        if text and end > start:
            yield Span(start, end, text)


def _language(stream: av.stream.Stream) -> str:
    language = stream.metadata.get("language", "")
    return "" if language == "und" else language


def _tags(metadata: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in metadata.items():
        name = _NAMES.get(key.lower(), key.lower())
        if name not in _OWN and not name.startswith(("com.", "location-")):
            yield name, value
