"""A font that has the letters of a text, among those that are installed."""

from __future__ import annotations

import functools
import os
import pathlib
import sys
from collections.abc import Iterator

from PIL import ImageFont

from vidparticles.errors import InputError, reason

# Plain ones that are there on most systems, then those that have many scripts.
_FIRST = ("dejavusans", "notosans-regular", "liberationsans-regular", "arial", "helvetica")
_WIDE = ("cjk", "unicode", "han", "gothic", "hei", "ming", "song", "pingfang", "malgun", "yahei")
_NO_SIGN = "\U0010fffe"  # that no font has: what is drawn for it stands for all that are missing
_TRIED = 200  # fonts that are opened for a text, at most


def font_for(text: str, size: int, path: pathlib.Path | None = None) -> ImageFont.FreeTypeFont:
    """The first font that has all letters of a text, or else the one that has the most.

    Args:
        text: what is drawn.
        size: pixels.
        path: a file of a font that is taken in any case.

    Raises:
        InputError: that file is no font.
    """
    if path is not None:
        try:
            return ImageFont.truetype(str(path), size)
        except OSError as error:
            raise InputError(
                f"{path} cannot be read as a font ({reason(error)}); give a .ttf or .otf file."
            ) from error
    file = _file_for(frozenset(text))
    if file is None:  # Pillow's own, of Latin letters
        own = ImageFont.load_default(size)
        assert isinstance(own, ImageFont.FreeTypeFont)
        return own
    return ImageFont.truetype(file, size)


def missing(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Letters of a text that a font has not.

    Example:
        >>> missing("a\\u4f60", ImageFont.load_default(20)) == "\\u4f60"
        True
    """
    return "".join(sign for sign in sorted(set(text)) if _lacks(font, sign))


@functools.lru_cache(maxsize=256)
def _file_for(signs: frozenset[str]) -> str | None:
    best, least = None, len(signs) + 1
    for file in _installed():
        font = _opened(file)
        if font is None:
            continue
        count = len(missing("".join(signs), font))
        if count < least:
            best, least = file, count
        if not count:
            break
    own = ImageFont.load_default(20)
    if best is None or (least and len(missing("".join(signs), own)) < least):
        return None
    return best


@functools.lru_cache(maxsize=_TRIED)
def _opened(file: str) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(file, 20)
    except OSError:
        return None


def _lacks(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, sign: str) -> bool:
    if sign.isspace() or not sign.isprintable():
        return False
    shape, none = font.getmask(sign), font.getmask(_NO_SIGN)
    return shape.size == none.size and bytes(shape) == bytes(none)


@functools.lru_cache(maxsize=1)
def _installed() -> tuple[str, ...]:
    """Files of fonts: the usual ones, those of many scripts, all others."""

    def rank(file: pathlib.Path) -> tuple[int, str]:
        name = file.stem.lower()
        if name in _FIRST:
            return _FIRST.index(name), name
        plain = not any(word in name for word in ("bold", "italic", "oblique", "light", "thin"))
        wide = any(word in name for word in _WIDE)
        return len(_FIRST) + 2 * (not wide) + (not plain), name

    files = [file for folder in _folders() for file in _fonts_in(folder)]
    return tuple(str(file) for file in sorted(set(files), key=rank)[:_TRIED])


def _fonts_in(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    for root, _, names in os.walk(folder):
        for name in names:
            if name.lower().endswith((".ttf", ".otf", ".ttc")):
                yield pathlib.Path(root) / name


def _folders() -> list[pathlib.Path]:
    home = pathlib.Path.home()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", str(home))
        windows = pathlib.Path(os.environ.get("WINDIR", "C:/Windows"))
        return [windows / "Fonts", pathlib.Path(local) / "Microsoft/Windows/Fonts"]
    if sys.platform == "darwin":
        return [pathlib.Path("/System/Library/Fonts"), pathlib.Path("/Library/Fonts"),
                home / "Library/Fonts"]  # fmt: skip
    data = os.environ.get("XDG_DATA_DIRS", "/usr/local/share:/usr/share").split(":")
    own = os.environ.get("XDG_DATA_HOME") or str(home / ".local/share")
    return [*(pathlib.Path(root) / "fonts" for root in (*data, own) if root), home / ".fonts"]
