"""What `show --checkpoint` draws of a model that follows objects: each with all it carries.

A disc is outlined in the color of its identity, with its number; dashed and faint where the object
is hidden. Behind it lies the path that it came, arrows are the forces of its laws, and the strip
below it is its memory: a cell a number, orange above zero and blue below, the fuller the farther.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles import shots
from vidparticles.data.spec import in_shape
from vidparticles.editing.reel import Reel
from vidparticles.image.resample import resize, to_bytes
from vidparticles.particles import Particles
from vidparticles.tracking.discs import parts
from vidparticles.tracking.discs.state import values
from vidparticles.tracking.discs.tracker import DiscConfig, DiscState, disc_tracker
from vidparticles.viz import draw
from vidparticles.viz.moments import Ink, Moment


@dataclasses.dataclass(frozen=True)
class DiscStyle:
    """How objects are drawn.

    Attributes:
        least_height: lines of a picture in which a number can be read; smaller ones are enlarged.
        corners: of an outline.
        hidden: opacity of what is not visible.
        arrival: frames in which an object comes into view.
        outline: width of outlines, in widths of a path.
        positive, negative: colors of cells of memory, in 0 … 255.
        cell: frame heights of their sides.
    """

    least_height: int = 360
    corners: int = 48
    hidden: float = 0.45
    arrival: int = 3
    outline: float = 2.2
    positive: tuple[int, int, int] = (255, 150, 40)
    negative: tuple[int, int, int] = (70, 150, 255)
    cell: float = 0.012


STYLE = DiscStyle()


@dataclasses.dataclass(frozen=True)
class DiscLayer:
    """Objects that a model follows; see `moments.Layer`.

    Attributes:
        params: of the tracker.
        config: of the tracker.
        size: H, of the small pictures that it was trained on.
        square: whether these were square whatever the clip's shape.
        style: how they are drawn.
    """

    params: Any
    config: DiscConfig
    size: int
    square: bool
    style: DiscStyle = STYLE

    def shape(self, reel: Reel) -> tuple[int, int]:
        """Height and width at which the tracker is given the frames of a clip."""
        if self.square:
            return self.size, self.size
        return in_shape(self.size, reel.width * float(reel.pixel_aspect) / reel.height)

    def moments(self, reel: Reel) -> Iterator[Moment]:
        """What is known of each frame."""
        height, width = self.shape(reel)
        radius = float(values(self.params, self.config)["radius"])
        objects: DiscState | None = None
        frames = ((time, picture.rgb()) for time, picture in reel.frames)
        for time, frame, cut in shots.stream(frames):
            small, seconds = _small(frame, height, width), jnp.float32(time)
            if objects is None:
                objects = disc_tracker(self.config).init_fn(self.params, small, seconds)
            objects, force = _tracked(
                self.params, objects, small, seconds, jnp.asarray(cut), config=self.config
            )
            # x of the small picture, at one height, is so many times as far in the frame.
            stretch = frame.shape[1] / frame.shape[0] * height / width
            scale, p = jnp.asarray([stretch, 1.0]), objects.particles
            yield Moment(
                time=time,
                frame=frame,
                cut=cut,
                particles=p.replace(position=p.position * scale, velocity=p.velocity * scale),
                visible=p.alive & (objects.unseen == 0),
                identity=objects.identity,
                label=objects.identity + 1,
                force=force * scale,
                ahead=None,
                radius=(radius * stretch, radius),
                state=objects,
            )

    def enlargement(self, height: int) -> int:
        """How many times as large a picture is drawn, so that what is written on it can be read.

        Example:
            >>> layer = DiscLayer({}, DiscConfig(), size=32, square=True)
            >>> layer.enlargement(32), layer.enlargement(720)
            (12, 1)
        """
        return -(-self.style.least_height // height)

    def start(self, first: Moment) -> Array:
        """Frames since each object appeared: none."""
        return jnp.zeros(first.particles.count, jnp.int32)

    def ink(self, age: Array, before: Moment, now: Moment, blank: Array) -> tuple[Array, Ink]:
        """Dots and tails, and on top of them outlines and arrows."""
        radius = jnp.asarray(now.radius)
        old, new = (before.particles, before.identity), (now.particles, now.identity)
        return _ink(age, *old, *new, now.visible, now.force, radius, blank, style=self.style)

    def written(self, picture: np.ndarray, now: Moment, age: Array) -> np.ndarray:
        """The picture with the number of each object above it, and its memory below."""
        return _labelled(picture, now, np.asarray(age), self.style)


@functools.partial(jax.jit, static_argnames=("height", "width"))
def _small(frame: Array, height: int, width: int) -> Array:
    return to_bytes(resize(frame.astype(jnp.float32), height, width))


@functools.partial(jax.jit, static_argnames="config")
def _tracked(
    params: Any,
    objects: DiscState,
    frame: Array,
    time: Array,
    cut: Array,
    *,
    config: DiscConfig,
) -> tuple[DiscState, Array]:
    """The objects one frame later, and the forces that their laws put on them [K, 2]."""
    objects, _ = disc_tracker(config).step_fn(params, objects, frame, time, cut=cut)
    cells = (frame.shape[0] // config.stride, frame.shape[1] // config.stride)
    p, dt = objects.particles, jnp.asarray(config.time_unit)
    ahead, _ = parts.predict(values(params, config), config, p, dt, cells)
    return objects, jnp.where(p.alive[:, None], (ahead.velocity - p.velocity) / dt, 0)


@functools.partial(jax.jit, static_argnames="style")
def _ink(
    age: Array,
    old: Particles,
    was: Array,
    new: Particles,
    identity: Array,
    visible: Array,
    force: Array,
    radius: Array,
    blank: Array,
    *,
    style: DiscStyle,
) -> tuple[Array, Ink]:
    stayed = new.alive & old.alive & (identity == was)
    age = jnp.where(stayed, age + 1, 0)
    color = draw.label_color(identity + 1)
    arrived = jnp.minimum((age + 1) / style.arrival, 1)
    opacity = jnp.where(new.alive, arrived * jnp.where(visible, 1, style.hidden), 0)

    turn = jnp.linspace(0, 2 * jnp.pi, style.corners + 1)
    corners = new.position[:, None] + radius * jnp.stack([jnp.cos(turn), jnp.sin(turn)], -1)
    dashed = visible[:, None] | (jnp.arange(style.corners) % 4 < 2)
    over = draw.add_paths(
        blank,
        corners[:, :-1].reshape(-1, 2),
        corners[:, 1:].reshape(-1, 2),
        jnp.repeat(color, style.corners, axis=0),
        (opacity[:, None] * dashed).reshape(-1),
        stamps=1,
        width=style.outline,
    )
    over = draw.add_arrows(over, new.position, force, jnp.ones_like(color), opacity)
    return age, Ink(
        color=color,
        dot=opacity,
        tail=jnp.where(stayed, opacity, 0),
        over=over,
        interest=jnp.sum(visible).astype(jnp.float32),
    )


def _labelled(picture: np.ndarray, now: Moment, age: np.ndarray, style: DiscStyle) -> np.ndarray:
    from PIL import Image, ImageDraw, ImageFont

    height = picture.shape[0]
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image, "RGBA")
    letter = max(11, height // 24)
    font = ImageFont.load_default(size=letter)
    colors = np.round(255 * np.asarray(draw.label_color(now.identity + 1))).astype(int)
    position, radius = height * np.asarray(now.particles.position), height * now.radius[1]
    memory, visible = np.asarray(now.particles.feature), np.asarray(now.visible)
    cell, columns = max(2, round(style.cell * height)), -(-memory.shape[1] // 2)
    for k in np.flatnonzero(np.asarray(now.particles.alive) & (age + 1 >= style.arrival)):
        (x, y), opacity = position[k], 255 * (1.0 if visible[k] else style.hidden)
        ink = (*colors[k].tolist(), round(opacity))
        above = max(y - radius - 2, letter)  # in the picture, whatever the disc is
        pen.text(
            (x, above),
            str(int(now.identity[k])),
            ink,
            font,
            "mb",
            stroke_width=2,
            stroke_fill=(0, 0, 0, round(opacity)),
        )
        left, top = x - columns * cell / 2, min(y + radius + 4, height - 2 * cell)
        for m, value in enumerate(memory[k].tolist()):
            a, b = left + m % columns * cell, top + m // columns * cell
            box = (a, b, a + cell - 1, b + cell - 1)
            pen.rectangle(box, (0, 0, 0, round(0.6 * opacity)))
            shade = style.positive if value > 0 else style.negative
            # By the root: where nothing is asked of memories, little is written to them.
            pen.rectangle(box, (*shade, round(opacity * min(1.0, abs(value)) ** 0.5)))
    return np.asarray(image)
