"""What `show --checkpoint` draws for a model that follows things: each with all it carries.

A disc is outlined in the color of its identity, with its number; dashed and faint where the thing
is not seen. Behind it lies the path that it came, arrows are the forces of its laws, and the strip
below it is its memory: a cell a number, orange above zero and blue below, the fuller the farther.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles import shots
from vidparticles.data.spec import in_shape
from vidparticles.editing.reel import Reel
from vidparticles.errors import InputError
from vidparticles.image.resample import resize, to_bytes
from vidparticles.tracking.objects import filter as filtering
from vidparticles.tracking.objects import tracker as objects
from vidparticles.tracking.objects.tracker import Objects, Things
from vidparticles.viz import draw

MODEL = "object_particles"
SMALLEST = 360  # lines of a picture in which a number can be read; smaller ones are enlarged
CORNERS = 48  # of an outline
HIDDEN = 0.45  # opacity of what is not seen
BIRTH = 3  # frames in which a thing comes into view
WIDE = 2.2  # of outlines, in widths of a path
PLUS, MINUS = (255, 150, 40), (70, 150, 255)  # of cells of memory
CELL = 0.012  # frame heights of their sides


@dataclasses.dataclass(frozen=True)
class Followers:
    """What follows things: parameters, how, and what it is shown of a clip.

    Attributes:
        params: as of `objects.init`.
        config: as of `objects.step`.
        size: H, of the small pictures that it was trained on.
        square: whether these were square whatever the clip's shape.
    """

    params: Any
    config: Objects
    size: int
    square: bool

    def shape(self, reel: Reel) -> tuple[int, int]:
        """Height and width at which the frames of a clip are seen."""
        if self.square:
            return self.size, self.size
        return in_shape(self.size, reel.width * float(reel.pixel_aspect) / reel.height)


def followers(checkpoint: str | os.PathLike[str]) -> Followers | None:
    """The model of a run if it follows things, else None.

    Raises:
        InputError: not a run, or one that cannot be read.
    """
    from vidparticles.training.run import load_model, read_config

    if read_config(checkpoint)["model"]["name"] != MODEL:
        return None
    loaded = load_model(checkpoint)
    config, data = loaded.model.objects, loaded.config["data"]
    if config.scene is not None:
        raise InputError(
            f"{checkpoint}: its things lie in a scene of {config.scene} pixels that was learned; "
            "give a run with config.model.options.objects.ground, which any clip has."
        )
    square = data.get("kind") != "clip"
    return Followers(loaded.params["objects"], config, data["size"], square)


@dataclasses.dataclass(frozen=True)
class Moment:
    """A frame and the things in it.

    Attributes:
        time: seconds.
        frame: [H, W, 3] uint8.
        things: in units of the small picture, whose x is drawn `stretch` times as far.
        force: [K, 2] that the laws put on them, frame heights per second².
        cut: it begins a new shot.
        stretch: how much wider the frame is than the small picture, at one height.
    """

    time: Fraction
    frame: np.ndarray
    things: Things
    force: Array
    cut: bool
    stretch: float


def moments(reel: Reel, who: Followers) -> Iterator[Moment]:
    """The moments of a clip, one at a time."""
    height, width = who.shape(reel)
    things = objects.start(who.config, size=(height, width))
    before = Fraction(0)
    for time, frame, cut in shots.stream(reel.frames):
        small = _small(frame, height, width)
        things, force = _followed(who.params, things, small, jnp.asarray(cut), config=who.config)
        stretch = frame.shape[1] / frame.shape[0] * height / width
        rate = 1 / float(time - before) if time > before else 0.0
        yield Moment(time, frame, things, force * rate**2, cut, stretch)
        before = time


def drawn(reel: Reel, who: Followers) -> Iterator[tuple[Fraction, np.ndarray, float]]:
    """(seconds, the frame with the things in it, how much can be seen of them)."""
    radius = float(jax.nn.softplus(who.params["positive"]["radius"]))
    canvas: Array | None = None
    last: Moment | None = None
    age = jnp.zeros(who.config.count, jnp.int32)
    for now in moments(reel, who):
        picture = _enlarged(now.frame)
        if canvas is None or last is None or now.cut:
            canvas, last = draw.blank(*picture.shape[:2]), now
        canvas, age, painted = _paint(
            jnp.asarray(picture),
            canvas,
            age,
            last.things,
            now.things,
            now.force,
            jnp.asarray([now.stretch, 1.0]),
            jnp.asarray(float(now.time - last.time)),
            jnp.asarray(radius),
        )
        seen = np.asarray(now.things.particles.alive & (now.things.unseen == 0))
        score = float(seen.sum() * (1 + canvas[..., 3].sum()))
        yield now.time, _labelled(np.asarray(painted), now, np.asarray(age), radius), score
        last = now


@functools.partial(jax.jit, static_argnames=("height", "width"))
def _small(frame: Array, height: int, width: int) -> Array:
    return to_bytes(resize(frame.astype(jnp.float32), height, width))


@functools.partial(jax.jit, static_argnames="config")
def _followed(
    params: Any, things: Things, frame: Array, cut: Array, *, config: Objects
) -> tuple[Things, Array]:
    """The things one frame later, and the forces that their laws put on them [K, 2]."""
    things, _ = objects.step(params, things, frame, config=config, cut=cut)
    positive = jax.tree.map(jax.nn.softplus, params["positive"])
    cells = (frame.shape[0] // config.stride, frame.shape[1] // config.stride)
    p = things.particles
    ahead, _ = filtering.predict(positive, config, p, cells)
    return things, jnp.where(p.alive[:, None], ahead.velocity - p.velocity, 0)


def magnified(height: int) -> int:
    """How many times as large a picture is drawn, so that what is written on it can be read.

    Example:
        >>> magnified(32), magnified(720)
        (12, 1)
    """
    return -(-SMALLEST // height)


def _enlarged(frame: np.ndarray) -> np.ndarray:
    times = magnified(frame.shape[0])
    return frame if times == 1 else frame.repeat(times, axis=0).repeat(times, axis=1)


@jax.jit
def _paint(
    frame: Array,
    canvas: Array,
    age: Array,
    last: Things,
    things: Things,
    force: Array,
    stretch: Array,
    seconds: Array,
    radius: Array,
) -> tuple[Array, Array, Array]:
    p, old = things.particles, last.particles
    stayed = p.alive & old.alive & (things.identity == last.identity)
    age = jnp.where(stayed, age + 1, 0)
    color = draw.group_color(things.identity + 1)
    seen = things.unseen == 0
    ripe = jnp.minimum((age + 1) / BIRTH, 1)
    opacity = jnp.where(p.alive, ripe * jnp.where(seen, 1, HIDDEN), 0)
    here, there = p.position * stretch, old.position * stretch
    canvas = draw.fade(canvas, seconds)
    canvas = draw.add_paths(canvas, there, here, color, jnp.where(stayed, opacity, 0))

    turn = jnp.linspace(0, 2 * jnp.pi, CORNERS + 1)
    corners = here[:, None] + radius * stretch * jnp.stack([jnp.cos(turn), jnp.sin(turn)], -1)
    dashed = seen[:, None] | (jnp.arange(CORNERS) % 4 < 2)
    strength = opacity[:, None] * dashed
    over = draw.add_paths(
        draw.blank(*frame.shape[:2]),
        corners[:, :-1].reshape(-1, 2),
        corners[:, 1:].reshape(-1, 2),
        jnp.repeat(color, CORNERS, axis=0),
        strength.reshape(-1),
        stamps=1,
        width=WIDE,
    )
    over = draw.add_arrows(over, here, force * stretch, jnp.ones_like(color), opacity)
    picture = draw.compose(frame, canvas, here, color, opacity, over)
    return canvas, age, picture


def _labelled(picture: np.ndarray, now: Moment, age: np.ndarray, radius: float) -> np.ndarray:
    """The picture with the number of each thing above it, and its memory below."""
    from PIL import Image, ImageDraw, ImageFont

    height, things = picture.shape[0], now.things
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image, "RGBA")
    letter = max(11, height // 24)
    font = ImageFont.load_default(size=letter)
    colors = np.round(255 * np.asarray(draw.group_color(things.identity + 1))).astype(int)
    place = height * np.asarray(things.particles.position) * [now.stretch, 1]
    memory, seen = np.asarray(things.particles.feature), np.asarray(things.unseen == 0)
    cell, columns = max(2, round(CELL * height)), -(-memory.shape[1] // 2)
    for k in np.flatnonzero(np.asarray(things.particles.alive) & (age + 1 >= BIRTH)):
        (x, y), opacity = place[k], 255 * (1.0 if seen[k] else HIDDEN)
        ink = (*colors[k].tolist(), round(opacity))
        above = max(y - radius * height - 2, letter)  # in the picture, whatever the disc is
        pen.text(
            (x, above),
            str(int(things.identity[k])),
            ink,
            font,
            "mb",
            stroke_width=2,
            stroke_fill=(0, 0, 0, round(opacity)),
        )
        left, top = x - columns * cell / 2, min(y + radius * height + 4, height - 2 * cell)
        for m, value in enumerate(memory[k].tolist()):
            a, b = left + m % columns * cell, top + m // columns * cell
            box = (a, b, a + cell - 1, b + cell - 1)
            pen.rectangle(box, (0, 0, 0, round(0.6 * opacity)))
            shade = PLUS if value > 0 else MINUS
            # By the root: where nothing is asked of memories, little is written to them.
            pen.rectangle(box, (*shade, round(opacity * min(1.0, abs(value)) ** 0.5)))
    return np.asarray(image)
