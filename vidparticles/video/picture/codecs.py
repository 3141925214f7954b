"""Which encoder writes a picture: by the source's codec, its bits, and what the file can hold."""

from __future__ import annotations

import dataclasses
import pathlib

import av

from vidparticles.errors import InputError, nearest


@dataclasses.dataclass(frozen=True)
class Encoding:
    """How pictures are to be encoded; what is None follows from the source and the file's name.

    Attributes:
        codec: name of a codec, a key of `CODECS`.
        crf: quality on the codec's own scale; less is better.
        preset: speed, in the codec's own words.
        pix_fmt: pixel format as FFmpeg names it, of those that the codec has.
    """

    codec: str | None = None
    crf: float | None = None
    preset: str | None = None
    pix_fmt: str | None = None

    def __post_init__(self) -> None:
        if self.codec is not None and self.codec not in CODECS:
            raise InputError(f"there is no codec {self.codec!r}.{nearest(self.codec, CODECS)}")


@dataclasses.dataclass(frozen=True)
class Codec:
    """A codec that can be written.

    Attributes:
        encoder: FFmpeg's name of what writes it.
        decoders: its names where it is read.
        suffixes: of the files that hold it.
        formats: pixel formats, of which the first that holds a source is taken.
        crf: default quality, about alike to the eye; None where it has none.
        limit: the worst quality.
        presets: default speed, and that where making the pictures takes most of the time.
        speeds: all there are, from slow to fast.
        speed: the encoder's option that takes one.
        options: further options of the encoder.
    """

    encoder: str
    decoders: tuple[str, ...]
    suffixes: tuple[str, ...]
    formats: tuple[str, ...]
    crf: float | None
    limit: float
    presets: tuple[str, str]
    speeds: tuple[str, ...]
    speed: str = "preset"
    options: dict[str, str] = dataclasses.field(default_factory=dict)


_8 = ("yuv420p", "yuv422p", "yuv444p")
_10 = tuple(f"{name}10le" for name in _8)
_12 = tuple(f"{name}12le" for name in _8)
_X = (
    *("placebo", "veryslow", "slower", "slow", "medium"),
    *("fast", "faster", "veryfast", "superfast", "ultrafast"),
)
_FILM = (".mp4", ".m4v", ".mov", ".mkv")


def _numbers(last: int) -> tuple[str, ...]:
    return tuple(str(k) for k in range(last + 1))


# The earlier ones are rather taken where the source's own cannot be.
CODECS = {
    "h264": Codec(
        encoder="libx264",
        decoders=("h264",),
        suffixes=_FILM,
        formats=(*_8, "gray", *_10),
        crf=18,
        limit=51,
        presets=("veryfast", "medium"),
        speeds=_X,
    ),
    "vp9": Codec(
        encoder="libvpx-vp9",
        decoders=("vp9", "libvpx-vp9", "vp8", "libvpx"),
        suffixes=(".webm", ".mkv", ".mp4"),
        formats=(*_8, "yuva420p", "yuva422p", "yuva444p"),
        crf=24,
        limit=63,
        presets=("6", "3"),
        speeds=_numbers(8),
        speed="cpu-used",
        options={"b": "0", "deadline": "good", "row-mt": "1"},
    ),
    "hevc": Codec(
        encoder="libx265",
        decoders=("hevc",),
        suffixes=_FILM,
        formats=(*_8, "gray", *_10, *_12),
        crf=20,
        limit=51,
        presets=("veryfast", "medium"),
        speeds=_X,
        options={"x265-params": "log-level=error"},
    ),
    "av1": Codec(
        encoder="libsvtav1",
        decoders=("av1", "libdav1d"),
        suffixes=(".mp4", ".mov", ".mkv", ".webm"),
        formats=("yuv420p", "yuv420p10le"),
        crf=24,
        limit=63,
        presets=("9", "6"),
        speeds=_numbers(13),
    ),
    "prores": Codec(
        encoder="prores_ks",
        decoders=("prores",),
        suffixes=(".mov", ".mkv"),
        formats=("yuv422p10le", "yuv444p10le", "yuva444p10le"),
        crf=None,
        limit=0,
        presets=("", ""),
        speeds=(),
    ),
}


@dataclasses.dataclass(frozen=True)
class Choice:
    """What a file's pictures are written with.

    Attributes:
        codec: the codec.
        pix_fmt: the pixel format.
        options: of the encoder.
    """

    codec: Codec
    pix_fmt: str
    options: dict[str, str]


def choose(
    path: pathlib.Path,
    pixel_format: str,
    *,
    source: str = "",
    encoding: Encoding | None = None,
    slow: bool = False,
) -> Choice:
    """What a file's pictures are written with.

    The source's own codec is kept where there is an encoder for it and the file can hold it; else
    it is H.264, or VP9 in a .webm, and where they have too few bits, the next that has enough.

    Args:
        path: the file to write.
        pixel_format: of the pictures.
        source: the codec that they were read from; "" where they are new.
        encoding: what was asked for.
        slow: making the pictures takes so long that better coding costs little.

    Raises:
        InputError: see `check_encoding`.

    Example:
        >>> choose(pathlib.Path("a.webm"), "yuv420p", source="h264").codec.encoder
        'libvpx-vp9'
    """
    encoding = encoding or Encoding()
    name = encoding.codec or _codec(path, pixel_format, source, encoding.pix_fmt)
    check_encoding(path, dataclasses.replace(encoding, codec=name))
    codec = CODECS[name]
    own = source in codec.decoders or name == "prores"
    formats = _formats(path, codec)
    pix_fmt = encoding.pix_fmt or fitting(pixel_format, formats, chroma=own)
    options = dict(codec.options)
    if codec.speeds:
        options[codec.speed] = encoding.preset or codec.presets[slow]
    if codec.crf is not None:
        options["crf"] = f"{codec.crf if encoding.crf is None else encoding.crf:g}"
    if name == "vp9" and pix_fmt.startswith("yuva"):
        options["auto-alt-ref"] = "0"  # with alpha it cannot look ahead
    return Choice(codec, pix_fmt, options)


def _formats(path: pathlib.Path, codec: Codec) -> tuple[str, ...]:
    """The pixel formats of a codec that a file can hold."""
    if path.suffix.lower() in (".mp4", ".m4v"):  # of what is transparent they know nothing
        return tuple(form for form in codec.formats if not form.startswith("yuva"))
    return codec.formats


def check_encoding(path: pathlib.Path, encoding: Encoding) -> None:
    """Refuse what cannot be written, before any work is done.

    Raises:
        InputError: the file cannot hold the codec, or it has no such quality, preset or format.
    """
    suffix, name = path.suffix.lower(), encoding.codec
    if suffix == ".gif":
        if encoding != Encoding():
            raise InputError(f"{path}: a GIF has no codec, crf, preset or pix-fmt to choose.")
        return
    able = [key for key, codec in CODECS.items() if suffix in codec.suffixes]
    if name is not None and name not in able:
        raise InputError(f"{path}: a {suffix} file cannot hold {name}; give {' or '.join(able)}.")
    known = [CODECS[key] for key in able if name in (None, key)]
    called = name or f"a {suffix} file"
    if encoding.pix_fmt is not None:
        formats = {form: None for codec in known for form in _formats(path, codec)}
        if encoding.pix_fmt not in formats:
            raise InputError(
                f"{called} cannot be written as {encoding.pix_fmt!r}; give {', '.join(formats)}."
            )
    if encoding.crf is not None:
        most = max(codec.limit for codec in known)
        if not 0 <= encoding.crf <= most:
            told = f"give 0 to {most:g}" if most else "it has none"
            raise InputError(f"crf {encoding.crf:g} cannot be used for {called}; {told}.")
    if encoding.preset is not None:
        speeds = {speed: None for codec in known for speed in codec.speeds}
        if encoding.preset not in speeds:
            told = f"give one of {', '.join(speeds)}" if speeds else "it has none"
            raise InputError(f"preset {encoding.preset!r} cannot be used for {called}; {told}.")


def _codec(path: pathlib.Path, pixel_format: str, source: str, pix_fmt: str | None) -> str:
    """The codec for a file where none was asked for."""
    able = [name for name, codec in CODECS.items() if path.suffix.lower() in codec.suffixes]
    # The source's own first.
    able.sort(key=lambda name: source not in CODECS[name].decoders)
    wanted = _content(pix_fmt or pixel_format)

    def lost(name: str) -> tuple[bool, bool, bool]:
        formats = _formats(path, CODECS[name])
        if pix_fmt in formats:
            formats = (pix_fmt,)
        got = _content(fitting(pix_fmt or pixel_format, formats))
        own = source in CODECS[name].decoders
        deep = name == "h264" and got.depth > 8 and not own
        # Alpha is no reason to leave the codecs that every player knows, unless it is its own;
        # more than 8 bits of H.264, hardly any player knows.
        return got.depth < min(wanted.depth, 10), own and got.alpha < wanted.alpha, deep

    return min(able, key=lost)


def drawn(source: str, depth: int, *, alpha: bool = False) -> str:
    """The pixel format for new pictures of so many bits, beside those of a source's format.

    Example:
        >>> drawn("yuva422p10le", 8), drawn("yuv420p10le", 16)
        ('yuv422p', 'yuv420p10le')
    """
    if alpha:
        return source if depth > 8 else fitting(source, ("yuva420p", "yuva422p", "yuva444p"))
    return fitting(source, _8 if depth <= 8 else (*_8, *_10, *_12))


@dataclasses.dataclass(frozen=True)
class _Content:
    depth: int
    alpha: bool
    chroma: int  # how finely: 0 none, 1 4:2:0, 2 4:2:2, 4 in full


def _content(pixel_format: str) -> _Content:
    form = av.VideoFormat(pixel_format, 16, 16)
    depth = max(component.bits for component in form.components)
    alpha = any(component.is_alpha for component in form.components)
    if form.is_rgb or form.has_palette:
        return _Content(depth, alpha, 4)
    if len(form.components) < 3:
        return _Content(depth, alpha, 0)
    share = 16 * 16 // (form.chroma_width() * form.chroma_height())
    return _Content(depth, alpha, max(1, 4 // share))


def fitting(pixel_format: str, formats: tuple[str, ...], *, chroma: bool = True) -> str:
    """The pixel format that loses least of another one, and of these the smallest.

    Args:
        pixel_format: of a picture.
        formats: to choose from.
        chroma: its fineness is to be kept.

    Example:
        >>> fitting("yuv422p10le", ("yuv420p", "yuv444p", "yuv420p10le")), fitting("bgra", _8)
        ('yuv420p10le', 'yuv444p')
    """
    wanted = _content(pixel_format)
    fine = wanted.chroma if chroma else min(wanted.chroma, 1)

    def loss(name: str) -> tuple[bool, int, int, int]:
        got = _content(name)
        size = got.depth * (1 + got.chroma + got.alpha)
        return (
            got.alpha < wanted.alpha,
            max(0, wanted.depth - got.depth),
            max(0, fine - got.chroma),
            size,
        )

    return min(formats, key=loss)
