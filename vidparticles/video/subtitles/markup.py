r"""Text in the markup of ASS, and plain text.

In that markup `\N` ends a line, `{…}` is no text but says how what follows looks, and `\{`, `\}`
and a backslash with a word joiner (U+2060) behind it are these three signs themselves, as FFmpeg
and libass have it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

JOINER = "\u2060"  # has no width; keeps apart what a program would read as something else
_LINE_ENDS = re.compile("\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# Controls, word joiners, marks of byte order, and code points that are no characters.
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f-\x9f\u2060\ufeff\ufdd0-\ufdef\ufffe\uffff]")
_ESCAPED = {"{": r"\{", "}": r"\}", "\\": "\\" + JOINER}
_TOKEN = re.compile(r"\\[Nn]|\\h|\\[{}\\]|\\" + JOINER + r"|\{[^}]*\}")


def cleaned(text: str) -> str:
    r"""Plain text as files of subtitles can hold it: without controls and empty lines.

    Example:
        >>> cleaned(" one\r\n\x00\n two\t2 ")
        'one\ntwo 2'
    """
    lines = (line.replace("\t", " ").strip() for line in _sound(text).split("\n"))
    return "\n".join(line for line in lines if line)


def escaped(text: str) -> str:
    r"""Plain text in the markup of ASS.

    Example:
        >>> escaped("{1}\nis text")
        '\\{1\\}\\Nis text'
    """
    signs = (_ESCAPED.get(sign, sign) for sign in cleaned(text))
    return "".join(signs).replace("\n", r"\N")


def plain(markup: str) -> str:
    r"""The text of markup of ASS, without how it looks.

    Example:
        >>> plain(r"{\i1}To be{\i0}\Nor not")
        'To be\nor not'
    """

    ends = {r"\N": "\n", r"\n": "\n", r"\h": "\u00a0"}
    parts = (part if is_text else ends.get(part, "") for part, is_text in tokens(markup))
    return cleaned("".join(parts))


class Look(NamedTuple):
    """How the text of a cue is shown.

    Attributes:
        place: as on the keys of numbers: 2 in the middle below, 8 in the middle above, 7 at the
            upper left.
        italic: all of it is in italics.
    """

    place: int = 2
    italic: bool = False


def look(markup: str) -> Look:
    r"""Where the text of a cue is to be shown, and whether in italics.

    Example:
        >>> look(r"{\an8}{\i1}Meanwhile{\i0}"), look(r"Not {\i1}all{\i0}")
        (Look(place=8, italic=True), Look(place=2, italic=False))
    """
    place, slanted, upright, now = 2, False, False, False
    for part, is_text in tokens(markup):
        if is_text:
            slanted |= now and bool(part.strip())
            upright |= not now and bool(part.strip())
            continue
        for code, value in re.findall(r"\\(an|i)(\d+)", part):
            if code == "i":
                now = value != "0"
            elif value in "123456789":
                place = int(value)
    return Look(place, slanted and not upright)


def tokens(markup: str) -> Iterator[tuple[str, bool]]:
    r"""The parts of markup: each with whether it is text.

    Example:
        >>> list(tokens(r"{\i1}a\{"))
        [('{\\i1}', False), ('a', True), ('{', True)]
    """
    at = 0
    markup = _sound(markup)
    for token in _TOKEN.finditer(markup):
        if token.start() > at:
            yield markup[at : token.start()], True
        sign, at = token.group(), token.end()
        if sign[0] == "{" or sign in (r"\N", r"\n", r"\h"):
            yield sign, False
        else:
            yield ("\\" if sign[1] in ("\\", JOINER) else sign[1]), True
    if at < len(markup):
        yield markup[at:], True


def encodable(markup: str, codec: str) -> str:
    r"""Markup as FFmpeg's encoders take it, which know no escapes: what looks like markup is kept
    apart by what has no width, and WebVTT has its entities.

    Args:
        markup: of a cue.
        codec: "mov_text", "srt" or "webvtt".

    Example:
        >>> encodable(escaped("a < b"), "webvtt"), encodable(r"{\i1}a\N\{b\}", "srt")
        ('a &lt; b', '{\\i1}a\\N{b}')
    """
    found = ""
    for part, is_text in tokens(markup):
        if is_text:
            if codec == "webvtt":
                part = html.escape(part, quote=False)
            elif codec == "srt":
                part = re.sub(r"<(?=[/\\a-zA-Z])", "<" + JOINER, part)
            before, after = found[-1:], part[0]
            tag = codec == "srt" and before == "<" and re.match(r"[/\\a-zA-Z]", after)
            if tag or (before == "{" and after == "\\") or (before == "\\" and after in "Nnh{}"):
                found += JOINER
        found += part.replace("\n", r"\N")
    return found


def one_line(markup: str) -> str:
    """Markup without controls, as a line of a file of ASS holds it."""
    return _sound(markup).replace("\n", r"\N").replace("\t", " ")


def _sound(markup: str) -> str:
    """Without controls and what is no character; one kind of line end."""
    markup = markup.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    parts = re.split(f"(\\\\{JOINER})", _LINE_ENDS.sub("\n", markup))
    return "".join(part if k % 2 else _NO_TEXT.sub("", part) for k, part in enumerate(parts))
