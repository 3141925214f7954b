"""Files of subtitles: .srt, .vtt and .ass, by pysubs2.

pysubs2 takes and leaves the text of a cue as it is. What would not come back from such a file is
mended on the way in and out: signs that WebVTT has entities for, an arrow or two times in a line
of text, tags that are text, names of cues and comments of WebVTT.
"""

from __future__ import annotations

import html
import pathlib
import re
from fractions import Fraction

import pysubs2

from vidparticles.errors import InputError, reason
from vidparticles.storage import PathLike, write_text
from vidparticles.video.extras import Span, Subtitles, read_subtitles
from vidparticles.video.files import SUFFIXES as VIDEOS
from vidparticles.video.files import check_output
from vidparticles.video.subtitles.markup import JOINER, escaped, one_line, plain, tokens

SUFFIXES = (".srt", ".vtt", ".ass")
_HOURS = {"srt": 100, "vtt": 100, "ass": 10}  # that there are digits for
# Signs that are text, where pysubs2 would take them for markup: code points that are no characters.
_HIDDEN = {sign: chr(0xFDD0 + k) for k, sign in enumerate("{}\\<>&")}
_STAMP = re.compile(r"\d:\d{1,2}[.,]\d")


def read(path: PathLike, *, encoding: str = "utf-8-sig") -> Subtitles:
    """The cues of a file.

    Args:
        path: .srt, .vtt, .ass or .ssa; or a video, whose first track of subtitles is read.
        encoding: of the text, unless its first bytes tell that it is UTF-16.

    Returns:
        The cues that last and show text, in the order of their beginnings.

    Raises:
        InputError: there is no such file, its text is in another encoding, or it holds no cues.

    Example:
        >>> import tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "one.srt"
        >>> _ = file.write_text("1\\n00:00:01,000 --> 00:00:02,500\\n<i>Hello</i>\\n")
        >>> read(file).cues
        (Span(start=Fraction(1, 1), end=Fraction(5, 2), text='{\\\\i1}Hello{\\\\i0}'),)
    """
    path = pathlib.Path(path)
    suffix = path.suffix.lower()
    if suffix in VIDEOS:
        return _of_video(path)
    if suffix not in (*SUFFIXES, ".ssa"):
        raise InputError(f"{path} is no file of subtitles; expected .srt, .vtt, .ass or a video.")
    kind = "ass" if suffix == ".ssa" else suffix[1:]
    text = _decoded(path, encoding)
    try:
        found = pysubs2.SSAFile.from_string(_prepared(text, kind), format_=kind)
    except (pysubs2.exceptions.Pysubs2Error, ValueError, LookupError) as error:
        raise InputError(
            f"{path} cannot be read as .{kind} ({reason(error)}); give a whole file of subtitles."
        ) from error
    cues = [
        Span(Fraction(event.start, 1000), Fraction(event.end, 1000), _shown(event.text, kind))
        for event in found.get_text_events()
    ]
    whole = [cue for cue in cues if cue.end > cue.start and plain(cue.text)]
    if not whole and kind != "ass" and text.removeprefix("WEBVTT").strip():
        raise InputError(
            f"{path} holds no cues; expected times like 00:00:01,000 --> 00:00:02,500."
        )
    return Subtitles(tuple(sorted(whole, key=lambda cue: (cue.start, cue.end))))


def write(subtitles: Subtitles, path: PathLike, *, overwrite: bool = False) -> pathlib.Path:
    """Write a file of subtitles, all of it or nothing.

    Args:
        subtitles: what to write; times are rounded to milliseconds, in .ass to hundredths.
        path: .srt, .vtt or .ass.
        overwrite: replace an existing file.

    Raises:
        InputError: the path cannot be written, or a cue ends after 100 hours, in .ass 10.
    """
    path = check_subtitles(path, overwrite)
    write_text(path, text_of(subtitles, path.suffix[1:].lower()), overwrite=overwrite)
    return path


def check_subtitles(path: PathLike, overwrite: bool = False) -> pathlib.Path:
    """Refuse a path of subtitles before any work is done, see `video.check_output`."""
    return check_output(path, overwrite, suffixes=SUFFIXES)


def text_of(subtitles: Subtitles, kind: str) -> str:
    """What a file of subtitles holds.

    Args:
        subtitles: the track.
        kind: "srt", "vtt" or "ass".

    Raises:
        InputError: a cue ends after 100 hours, in .ass 10, for which there are no digits.

    Example:
        >>> track = Subtitles((Span(Fraction(1), Fraction(2), escaped("3 < 4 & so on")),))
        >>> print(text_of(track, "vtt").replace("\\n\\n", "\\n"), end="")
        WEBVTT
        1
        00:00:01.000 --> 00:00:02.000
        3 &lt; 4 &amp; so on
    """
    tick = 10 if kind == "ass" else 1
    file = pysubs2.SSAFile()
    for cue in subtitles.cues:
        if not plain(cue.text):
            continue
        if cue.end >= 3600 * _HOURS[kind]:
            raise InputError(
                f"a cue ends after {float(cue.end) / 3600:.0f} h, and .{kind} holds "
                f"{_HOURS[kind]} h; shift it or leave it out."
            )
        times = [tick * round(max(at, Fraction(0)) * 1000 / tick) for at in (cue.start, cue.end)]
        text = one_line(cue.text) if kind == "ass" else _hidden_markup(cue.text)
        file.append(pysubs2.SSAEvent(times[0], max(times[1], times[0] + tick), text))
    if kind == "ass":
        return file.to_string("ass")
    return _mended(file.to_string(kind), kind)


# ---------------------------------------------------------------- in


def _of_video(path: pathlib.Path) -> Subtitles:
    tracks = read_subtitles(path)
    if not tracks:
        raise InputError(f"{path} has no subtitles in text; give a file of subtitles.")
    return tracks[0]


def _decoded(path: pathlib.Path, encoding: str) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({reason(error)}); give a file of subtitles."
        ) from error
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    try:
        text = content.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise InputError(
            f"{path} is not text in {encoding.removesuffix('-sig')}; say which encoding it has by "
            "--encoding (encoding=), such as cp1252."
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _prepared(text: str, kind: str) -> str:
    """The text of a file as pysubs2 reads it right."""
    if kind == "ass":
        return text
    if kind == "vtt":
        text = _cues_alone(text)
    # Of braces and backslashes only those of {\\…} in .srt say how text looks.
    looks = r"\{\\[^}\n]*\}|" if kind == "srt" else ""
    hidden = re.sub(looks + r"[{}\\]", lambda sign: _HIDDEN.get(sign.group(), sign.group()), text)
    lines = (line if "-->" in line else _apart(line) for line in hidden.split("\n"))
    # The last line of the last cue would be lost if it were a number: one that may be follows.
    return "\n".join(lines) + "\n\n0\n"


def _cues_alone(text: str) -> str:
    """WebVTT without comments, styles, and times within text; each cue with a number."""
    kept = ["WEBVTT"]
    for block in re.split(r"\n[ \t]*\n", text):
        lines = block.strip("\n").split("\n")
        at = next((k for k, line in enumerate(lines[:2]) if "-->" in line), None)
        if at is not None:
            kept.append("0\n" + re.sub(r"<[\d:.]+>", "", "\n".join(lines[at:])))
    return "\n\n".join(kept)


def _apart(line: str) -> str:
    """A line of text that no program takes for the times of a cue."""
    if len(_STAMP.findall(line)) < 2:
        return line
    return re.sub(r"(?<=\d):(?=\d)", ":" + JOINER, line)


def _shown(text: str, kind: str) -> str:
    """The text that pysubs2 read, in markup: hidden signs and entities are what they stand for."""
    if kind == "ass":
        return text
    text = text.replace(JOINER, "")
    for sign, hidden in _HIDDEN.items():
        text = text.replace(hidden, escaped(sign))
    if kind == "vtt":
        text = re.sub(r"&#?\w+;", lambda found: escaped(html.unescape(found.group())), text)
    return text


# ---------------------------------------------------------------- out


def _hidden_markup(markup: str) -> str:
    """Markup in which signs that are text are hidden; what says how text looks stays."""
    found = []
    for token, is_text in tokens(markup):
        found.append(token if not is_text else "".join(_HIDDEN.get(s, s) for s in token))
    return "".join(found)


def _mended(text: str, kind: str) -> str:
    """What pysubs2 wrote, so that it is read as it was meant."""
    blocks = text.strip("\n").split("\n\n")
    for k, block in enumerate(blocks):
        lines = block.split("\n")
        if len(lines) > 2:
            shown = [_apart(line.strip()) for line in lines[2:] if line.strip()]
            if k == len(blocks) - 1 and len(shown) > 1 and re.fullmatch(r"\d+", shown[-1]):
                shown[-1] += JOINER  # else it is taken for the number of a cue
            blocks[k] = "\n".join([*lines[:2], *shown])
    text = "\n\n".join(blocks) + "\n"
    if kind == "vtt":
        signs = _HIDDEN.keys() & {"<", ">", "&"}
        for sign in signs:
            text = text.replace(_HIDDEN[sign], html.escape(sign))
    else:  # .srt has no entities: what would be a tag or an arrow is kept apart
        less, more, brace, back = (_HIDDEN[sign] for sign in "<>{\\")
        text = re.sub(f"{less}(?= *(/|{back})? *[a-zA-Z])", "<" + JOINER, text)
        text = re.sub(f"(?<=--){more}", JOINER + ">", text)
        text = re.sub(f"{brace}(?={back})", "{" + JOINER, text)
    text = re.sub(f"{_HIDDEN[chr(92)]}(?=[Nnh])", _HIDDEN["\\"] + JOINER, text)  # no line end
    for sign, hidden in _HIDDEN.items():
        text = text.replace(hidden, sign)
    return text
