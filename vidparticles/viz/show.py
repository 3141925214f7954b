"""`vidparticles show`: a clip with its particles and their paths drawn over it."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable, Iterator
from fractions import Fraction

import jax.numpy as jnp
import numpy as np

from vidparticles.editing.reel import Written, check_paths, opened, write
from vidparticles.errors import InputError, nearest
from vidparticles.inference.motion_laws import laws_of
from vidparticles.progress import counted
from vidparticles.storage import PathLike, atomic_write, write_errors
from vidparticles.video import Encoding
from vidparticles.viz import draw
from vidparticles.viz.discs import DiscLayer
from vidparticles.viz.moments import Layer, Moment
from vidparticles.viz.objects import object_layer
from vidparticles.viz.page import write_page
from vidparticles.viz.points import PointLayer

COLORS = ("speed", "group")


def show(
    path: PathLike,
    out: PathLike,
    *,
    color: str = "speed",
    forces: bool = False,
    objects: bool = False,
    checkpoint: PathLike | None = None,
    overwrite: bool = False,
    encoding: Encoding | None = None,
) -> Written:
    """Write a clip with its particles: dots with tails, rings where they appear and vanish.

    Args:
        path: a video file.
        out: what to write: a video or GIF, .png for the one frame in which most moves, or .html
            for a page with a slider.
        color: "speed", or "group" for what moves together, apart from the camera.
        forces: draw arrows for the pull of the springs between neighbors, or with a checkpoint
            for the forces of its laws of motion.
        objects: draw persons, animals and things instead, each in a box with its number; needs
            the weights of `vidparticles weights get nanodet`. See `boxes`.
        checkpoint: workdir of a training run. Of one that follows objects, these are drawn: see
            `objects`. Of one with laws of motion, the paths that they expect of the moving
            particles are drawn ahead of them, in white.
        overwrite: replace an existing file.
        encoding: how the pictures of a video are encoded; default, in the clip's codec.

    Raises:
        InputError: a file cannot be read or written, there is no such color, or the model of the
            checkpoint has nothing to draw.
    """
    if color not in COLORS:
        raise InputError(f"there is no coloring by '{color}'.{nearest(color, COLORS)}")
    out = pathlib.Path(out)
    kind = out.suffix.lower()
    if objects and (checkpoint is not None or forces or color != "speed" or kind == ".html"):
        raise InputError(
            "objects are drawn in boxes, without forces, groups, a checkpoint or a page; leave "
            "these out, or --objects."
        )
    check_paths(path, out, overwrite, also=(".png", ".html"))
    # A page holds all that can be chosen on it.
    page = kind == ".html"
    with opened(path) as reel:
        points = PointLayer(segmented=page or color == "group", forces=page or forces)
        layer: Layer = points
        if checkpoint is not None:
            layer = layer_of(checkpoint, points)
        elif objects:
            layer = object_layer()
        moments = layer.moments(reel)
        if page or kind == ".png":
            moments = counted(moments, len(reel.times), work="following")
        if page:
            written = write_page(
                reel, moments, out, source=path, color=color, forces=forces, overwrite=overwrite
            )
            return dataclasses.replace(written, warnings=(*reel.warnings, *reel.told()))
        pictures = drawn(moments, layer)
        if kind == ".png":
            best = max(pictures, key=lambda picture: picture[2])
            return dataclasses.replace(
                _write_still(best[1], out, overwrite), warnings=(*reel.warnings, *reel.told())
            )
        times = layer.enlargement(reel.height)
        larger = reel.replace(color=reel.color.screen, slow=True)
        larger = larger.replace(
            frames=((time, larger.picture(picture)) for time, picture, _ in pictures),
            height=times * reel.height,
            width=times * reel.width,
        )
        return write(larger, out, overwrite=overwrite, encoding=encoding)


def layer_of(checkpoint: PathLike, points: PointLayer) -> Layer:
    """What there is to draw of a training run, by what its model can do.

    Args:
        checkpoint: its workdir.
        points: how points are drawn, where its model follows no objects.

    Raises:
        InputError: not a run, or there is nothing to draw of its model.
    """
    from vidparticles.training.run import load_model

    loaded = load_model(checkpoint)
    can, model = loaded.model.capabilities, loaded.model
    if not can.tracks:
        return dataclasses.replace(points, laws=laws_of(loaded))
    if can.still_scene:
        raise InputError(
            f"{checkpoint}: its objects lie in a still scene that was learned, which no other clip "
            "has; give a run with config.model.options.objects.running_background."
        )
    data = loaded.config["data"]
    return DiscLayer(
        model.tracker_params(loaded.params),
        model.objects,
        size=data["size"],
        square=data.get("kind") != "clip",
    )


def drawn(moments: Iterable[Moment], layer: Layer) -> Iterator[tuple[Fraction, np.ndarray, float]]:
    """(seconds, the frame with its particles, how much there is to see in it)."""
    before: Moment | None = None
    canvas = carried = None
    for now in moments:
        times = layer.enlargement(now.frame.shape[0])
        frame = now.frame if times == 1 else now.frame.repeat(times, 0).repeat(times, 1)
        blank = draw.blank(*frame.shape[:2])
        if before is None or now.cut:
            before, canvas, carried = now, blank, layer.start(now)
        carried, ink = layer.ink(carried, before, now, blank)
        canvas, picture, score = draw.paint(
            frame,
            canvas,
            before.particles.position,
            now.particles.position,
            ink,
            jnp.float32(now.time - before.time),
        )
        yield now.time, layer.written(np.asarray(picture), now, carried), float(score)
        before = now


def _write_still(picture: np.ndarray, out: pathlib.Path, overwrite: bool) -> Written:
    """One picture, written beside and renamed."""
    from PIL import Image

    with atomic_write(out, overwrite=overwrite) as partial, write_errors(out):
        Image.fromarray(picture).save(partial)
    height, width = picture.shape[:2]
    return Written(out, 1, 0.0, width, height, sound=False)
