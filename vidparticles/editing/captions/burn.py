"""Subtitles drawn into the picture: each cue once, blended in the rectangle that it covers."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from vidparticles.editing.base import Edit, chain
from vidparticles.editing.captions.drawing import Drawn, draw
from vidparticles.editing.captions.fonts import font_for, missing
from vidparticles.editing.captions.style import CaptionStyle
from vidparticles.editing.captions.tracks import add_track
from vidparticles.editing.reel import Frames, Reel
from vidparticles.video import Color, Picture, Span, Subtitles, subtitles
from vidparticles.video.picture.stored import planes as planes_of

_KEPT = 16  # drawings at a time


def burn_in(track: Subtitles, *edits: Edit, style: CaptionStyle | None = None) -> Edit:
    """An edit that draws subtitles into the picture.

    A frame shows the cues within which it begins, those that begin first uppermost; what is
    stored is changed in their rectangle alone, in luma and chroma.

    Args:
        track: cues on the clock of the clip before `edits`.
        *edits: edits of the clip that come before the drawing and carry the cues along, so that
            text is neither retimed twice nor shaken with the picture.
        style: how it looks.

    Example:
        >>> track = Subtitles((Span(Fraction(0), Fraction(1), "Hello"),))
        >>> frames = iter([(Fraction(0), Picture.of(np.zeros((90, 160, 3), np.uint8)))])
        >>> reel = Reel(frames, [0], Fraction(1), Fraction(1), height=90, width=160)
        >>> shown = next(burn_in(track)(reel).frames)[1].rgb()
        >>> bool(shown[60:].max() > 200), int(shown[:45].max())
        (True, 0)
    """
    style = style or CaptionStyle()

    def edit(reel: Reel) -> Reel:
        changed = chain(add_track(track), *edits)(reel)
        *others, carried = changed.extras.subtitles
        extras = dataclasses.replace(changed.extras, subtitles=tuple(others))
        burner = _Burner(carried.cues, changed, style)
        lacking = _lacking(carried.cues, style)
        return changed.with_frames(
            burner.drawn, extras=extras, notes=(*changed.notes, *([lacking] if lacking else []))
        )

    return edit


def _lacking(cues: Sequence[Span], style: CaptionStyle) -> str:
    """A sentence on letters that no font has, or ""."""
    signs = set[str]()
    for cue in cues:
        text = subtitles.plain(cue.text)
        signs |= set(missing(text, font_for(text, 20, style.font)))
    if not signs:
        return ""
    shown = "".join(sorted(signs)[:20])
    return (
        f"no font here has {shown}, which {'is' if len(signs) == 1 else 'are'} drawn as boxes; "
        "install one (such as Noto Sans CJK) or give its file by --font (CaptionStyle.font)."
    )


_Text = tuple[str, subtitles.Look]


def _by_place(shown: Sequence[tuple[Fraction, Fraction, str, subtitles.Look]]) -> list[_Text]:
    """What is to be read at each place, of cues that are shown at once."""
    places: dict[int, list[_Text]] = {}
    for _, _, text, look in shown:
        if text:
            places.setdefault(look.place, []).append((text, look))
    return [
        (
            "\n".join(text for text, _ in cues),
            subtitles.Look(place, all(look.italic for _, look in cues)),
        )
        for place, cues in places.items()
    ]


class _Burner:
    """Draws the cues of a track into frames as they come."""

    def __init__(self, cues: Sequence[Span], reel: Reel, style: CaptionStyle):
        self._cues = tuple(
            (c.start, c.end, subtitles.plain(c.text), subtitles.look(c.text)) for c in cues
        )
        self._draw = functools.lru_cache(_KEPT)(
            lambda shown: draw(
                shown[0],
                reel.height,
                reel.width,
                aspect=float(reel.pixel_aspect),
                style=style,
                look=shown[1],
            )
        )
        self._stored = functools.lru_cache(_KEPT)(self._as_stored)

    def drawn(self, frames: Frames, first: int) -> Frames:
        """The frames with what there is to read."""
        del first
        waiting, shown = 0, list[tuple[Fraction, Fraction, str, subtitles.Look]]()
        for time, picture in frames:
            while waiting < len(self._cues) and self._cues[waiting][0] <= time:
                shown.append(self._cues[waiting])
                waiting += 1
            shown = [cue for cue in shown if cue[1] > time]
            for text in _by_place(shown):
                drawing = self._draw(text)
                picture = picture if drawing is None else self._over(text, drawing, picture)
            yield time, picture

    def _over(self, text: _Text, drawing: Drawn, picture: Picture) -> Picture:
        if picture.alpha:
            return _over_transparent(drawing, picture)

        def change(planes: Sequence[np.ndarray], bits: int) -> list[np.ndarray]:
            sizes = tuple(plane.shape for plane in planes)
            parts = self._stored(text, sizes, bits, picture.color, picture.turns)
            changed = []
            for plane, (rows, columns, add, keep) in zip(planes, parts, strict=True):
                plane = plane.copy()
                plane[rows, columns] = (plane[rows, columns] * keep + add).astype(plane.dtype)
                changed.append(plane)
            return changed

        return picture.changed(change)

    def _as_stored(
        self,
        text: _Text,
        sizes: tuple[tuple[int, int], ...],
        bits: int,
        color: Color,
        turns: int,
    ) -> list[tuple[slice, slice, np.ndarray, np.ndarray]]:
        """Of each plane: rows, columns, what is added there (with ½ to round), what is kept.

        Args:
            text: what was drawn.
            sizes: height and width of the planes as they are stored.
            bits: of a number of the planes.
            color: what these mean.
            turns: quarter turns counter-clockwise that make the picture upright.
        """
        drawing = self._draw(text)
        assert drawing is not None
        cover, rgb = (np.rot90(x, -turns) for x in (drawing.cover, drawing.color))
        top, left = _turned(drawing, sizes[0], turns)
        # On whole numbers of chroma.
        steps = -(-sizes[0][0] // sizes[1][0]), -(-sizes[0][1] // sizes[1][1])
        before = top % steps[0], left % steps[1]
        after = tuple(
            -(at + n) % step for at, n, step in zip((top, left), cover.shape, steps, strict=True)
        )
        beyond = [(b, a) for b, a in zip(before, after, strict=True)]
        cover = np.pad(cover, beyond)
        rgb = np.pad(rgb, [*beyond, (0, 0)], mode="edge")
        like = Picture.of(np.zeros((1, 1, 3), np.uint8), color=color)
        deep = "16le" if bits > 8 else ""
        frame = Picture.of(np.ascontiguousarray(rgb)).like(like).stored(f"yuv444p{deep}")
        found = []
        for k, size in enumerate(sizes):
            plane = planes_of(frame)[k].astype(np.float32) / (2 ** (16 - bits) if deep else 1)
            share = cover.astype(np.float32) / 255
            step = (1, 1) if k == 0 else steps
            add, share = (_averaged(x, step) for x in (plane * share, share))
            first = (top - before[0]) // step[0], (left - before[1]) // step[1]
            last = [min(a + n, m) for a, n, m in zip(first, share.shape, size, strict=True)]
            part = slice(0, last[0] - first[0]), slice(0, last[1] - first[1])
            found.append(
                (
                    slice(first[0], last[0]),
                    slice(first[1], last[1]),
                    add[part] + np.float32(0.5),
                    1 - share[part],
                )
            )
        return found


def _turned(drawing: Drawn, size: tuple[int, int], turns: int) -> tuple[int, int]:
    """Row and column of a drawing in the picture as it is stored, of a height and width."""
    height, width = drawing.cover.shape
    top, left = drawing.top, drawing.left
    turns %= 4
    if turns == 0:
        return top, left
    if turns == 1:  # stored row = upright column counted from the other side
        return left, size[1] - top - height
    if turns == 2:
        return size[0] - top - height, size[1] - left - width
    return size[0] - left - width, top


def _averaged(values: np.ndarray, step: tuple[int, int]) -> np.ndarray:
    height, width = (n // s for n, s in zip(values.shape, step, strict=True))
    return values.reshape(height, step[0], width, step[1]).mean((1, 3), dtype=np.float32)


def _over_transparent(drawing: Drawn, picture: Picture) -> Picture:
    """A picture with a drawing that is opaque where the picture is not."""
    own, cover = picture.levels(), picture.cover()
    levels = own.astype(np.float32)
    assert cover is not None
    height, width = drawing.cover.shape
    part = np.s_[drawing.top : drawing.top + height, drawing.left : drawing.left + width]
    share = drawing.cover[..., None] / np.float32(255)
    levels[part] = levels[part] * (1 - share) + drawing.color * share
    cover[part] = np.maximum(cover[part], drawing.cover)
    levels = np.round(levels).astype(np.uint8) if own.dtype == np.uint8 else levels
    return Picture.of(levels, color=picture.color, turns=picture.turns, cover=cover)
