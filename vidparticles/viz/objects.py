"""What `show --objects` draws: persons, animals and things, each in a box with its number.

A box has the color of its number, and is dashed where the object is out of sight; behind it lies
the path that its middle came. Labels make room for each other.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles import shots, weights
from vidparticles.editing.reel import Reel
from vidparticles.inference.objects import KINDS, followed
from vidparticles.models.published import nanodet
from vidparticles.particles import Particles
from vidparticles.viz import draw
from vidparticles.viz.moments import Ink, Moment


@dataclasses.dataclass(frozen=True)
class ObjectStyle:
    """How boxes are drawn.

    Attributes:
        least_height: lines of a picture in which a label can be read; smaller ones are enlarged.
        hidden: opacity of what is out of sight.
        dash: frame heights of a dash and of the gap behind it.
        letter: frame heights of a label.
    """

    least_height: int = 360
    hidden: float = 0.6
    dash: float = 0.015
    letter: float = 0.035


STYLE = ObjectStyle()


@dataclasses.dataclass(frozen=True)
class ObjectLayer:
    """Objects that a detector finds; see `moments.Layer`.

    Attributes:
        params: of NanoDet.
        style: how they are drawn.
    """

    params: Any
    style: ObjectStyle = STYLE

    def moments(self, reel: Reel) -> Iterator[Moment]:
        """What is known of each frame."""
        frames = ((time, picture.rgb()) for time, picture in reel.frames)
        stream = ((k, *item) for k, item in enumerate(shots.stream(frames)))
        for one in followed(self.params, stream):
            yield Moment(
                time=one.time,
                frame=one.frame,
                cut=one.cut,
                particles=one.state.particles,
                visible=one.state.particles.alive & (one.report.unseen == 0),
                identity=one.state.identity,
                label=one.state.identity + 1,
                force=None,
                ahead=None,
                radius=(0.0, 0.0),
                state=one.report,
            )

    def enlargement(self, height: int) -> int:
        """How many times as large a picture is drawn, so that what is written on it can be read."""
        return -(-self.style.least_height // height)

    def start(self, first: Moment) -> None:
        """Nothing is carried from frame to frame."""

    def ink(self, carried: None, before: Moment, now: Moment, blank: Array) -> tuple[None, Ink]:
        """The paths of the middles; boxes are drawn by `written`."""
        old, new = (before.particles, before.identity), (now.particles, now.identity)
        return None, _ink(*old, *new, now.visible, blank, style=self.style)

    def written(self, picture: np.ndarray, now: Moment, carried: None) -> np.ndarray:
        """The picture with boxes and labels."""
        return _labelled(picture, now, self.style)


def object_layer(path: str | os.PathLike[str] | None = None) -> ObjectLayer:
    """The layer with the weights of NanoDet.

    Args:
        path: a file of them; default, the one that `vidparticles weights get nanodet` got.

    Raises:
        InputError: they are not there.
    """
    return ObjectLayer(nanodet.parameters(weights.load("nanodet", path)))


@functools.partial(jax.jit, static_argnames="style")
def _ink(
    old: Particles,
    was: Array,
    new: Particles,
    identity: Array,
    visible: Array,
    blank: Array,
    *,
    style: ObjectStyle,
) -> Ink:
    stayed = new.alive & old.alive & (identity == was)
    opacity = jnp.where(new.alive, jnp.where(visible, 1, style.hidden), 0)
    return Ink(
        color=draw.label_color(identity + 1),
        dot=opacity,
        tail=jnp.where(stayed, opacity, 0),
        over=blank,
        interest=jnp.sum(visible).astype(jnp.float32),
    )


def _labelled(picture: np.ndarray, now: Moment, style: ObjectStyle) -> np.ndarray:
    from PIL import Image, ImageDraw, ImageFont

    height = picture.shape[0]
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image, "RGBA")
    font = ImageFont.load_default(size=max(11, round(style.letter * height)))
    wide = max(1, round(draw.line_width(height)))
    colors = np.round(255 * np.asarray(draw.label_color(now.identity + 1))).astype(int)
    boxes, kinds = height * np.asarray(now.state.box), np.asarray(now.state.kind)
    visible = np.asarray(now.visible)
    taken: list[tuple[float, float, float, float]] = []
    alive = np.flatnonzero(np.asarray(now.particles.alive))
    for k in alive[np.argsort(boxes[alive, 1])]:
        opacity = round(255 * (1 if visible[k] else style.hidden))
        ink = (*colors[k].tolist(), opacity)
        dash = None if visible[k] else style.dash * height
        for line in _sides(boxes[k], dash):
            pen.line(line, ink, wide)
        label = f"{int(now.identity[k])} {KINDS[kinds[k]]}"
        _, _, across, down = pen.textbbox((0, 0), label, font, "lt", stroke_width=2)
        left, top = _free(boxes[k], (across, down), picture.shape[:2], taken)
        taken.append((left, top, left + across, top + down))
        black = (0, 0, 0, opacity)
        pen.text((left, top), label, ink, font, "lt", stroke_width=2, stroke_fill=black)
    return np.asarray(image)


def _free(
    box: np.ndarray,
    size: tuple[float, float],
    shape: tuple[int, int],
    taken: list[tuple[float, float, float, float]],
) -> tuple[float, float]:
    """Where a label of this size is put: above its box, or as far below as no other lies."""
    across, down = size
    left = float(np.clip(box[0], 0, max(shape[1] - across, 0)))
    top = float(np.clip(box[1] - down - 2, 0, max(shape[0] - down, 0)))
    while True:
        under = [
            t[3]
            for t in taken
            if t[0] < left + across and left < t[2] and t[1] < top + down and top < t[3]
        ]
        if not under or max(under) + down > shape[0]:
            return left, top
        top = max(under)


def _sides(box: np.ndarray, dash: float | None) -> Iterator[tuple[float, float, float, float]]:
    """The lines of a box, whole or in dashes."""
    left, top, right, bottom = box.tolist()
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    for (x0, y0), (x1, y1) in itertools.pairwise(corners):
        length = abs(x1 - x0) + abs(y1 - y0)
        if dash is None or length <= dash:
            yield x0, y0, x1, y1
            continue
        for start in np.arange(0, length, 2 * dash):
            a, b = start / length, min(1, (start + dash) / length)
            yield x0 + a * (x1 - x0), y0 + a * (y1 - y0), x0 + b * (x1 - x0), y0 + b * (y1 - y0)
