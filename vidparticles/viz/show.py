"""`vidparticles show`: a clip with its objects, or its points, and their paths drawn over it."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import jax.numpy as jnp
import numpy as np

from vidparticles.editing.reel import Reel, Written, check_paths, opened, write
from vidparticles.errors import InputError, nearest
from vidparticles.inference.crowds import told_of_crowds
from vidparticles.inference.motion_laws import laws_of
from vidparticles.inference.objects import WITHOUT, detector_parameters
from vidparticles.models.published import nanodet
from vidparticles.progress import counted
from vidparticles.storage import PathLike, atomic_write, write_errors
from vidparticles.video import Encoding
from vidparticles.viz import draw
from vidparticles.viz.discs import DiscLayer
from vidparticles.viz.moments import Layer, Moment
from vidparticles.viz.objects import picture
from vidparticles.viz.objects import stream as objects
from vidparticles.viz.objects.moments import ObjectMoment
from vidparticles.viz.objects.page import write_object_page
from vidparticles.viz.page import write_page
from vidparticles.viz.points import PointLayer

COLORS = ("speed", "group")
Pictures = Iterator[tuple[Fraction, np.ndarray, float]]  # seconds, picture, how much is in it


def show(
    path: PathLike,
    out: PathLike,
    *,
    points: bool = False,
    color: str | None = None,
    forces: bool = False,
    masks: bool = True,
    every: int = 1,
    checkpoint: PathLike | None = None,
    overwrite: bool = False,
    encoding: Encoding | None = None,
) -> Written:
    """Write a clip with its objects: for each a mask, a box with number and class, and its path.

    Persons, animals and things are found by NanoDet (`vidparticles weights get nanodet`), what
    else moves by its motion, and keep one number each; what is hidden is dashed. Without the
    weights objects are found by motion alone, and a sentence says so; in a clip without an object,
    its points are drawn: dots with tails, rings where they appear and vanish.

    Args:
        path: a video file.
        out: what to write: a video or GIF, .png for the one frame in which there is most to see,
            or .html for a page with a slider.
        points: draw points of the picture, whatever they are of.
        color: what colors of points tell: "speed", or "group" for what moves together, apart from
            the camera. Given, points are drawn.
        forces: draw arrows. Of objects for what pushes them, the acceleration that was not
            expected: at a kick, a bounce or a turn. Of points for the pull of the springs between
            neighbors, or with a checkpoint for the forces of its laws of motion.
        masks: tint the pixels of objects, which takes about a third of the time, and more of many;
            persons' are sharper with `vidparticles weights get selfie`.
        every: look for objects in each so many-th frame; in between they are moved straight on.
        checkpoint: workdir of a training run. Of one that follows objects, these are drawn. Of one
            with laws of motion, points, and ahead of those that move the paths that it expects of
            them, in white.
        overwrite: replace an existing file.
        encoding: how the pictures of a video are encoded; default, in the clip's codec.

    Raises:
        InputError: a file cannot be read or written, there is no such color, or the model of the
            checkpoint has nothing to draw.
    """
    if color is not None and color not in COLORS:
        raise InputError(f"there is no coloring by '{color}'.{nearest(color, COLORS)}")
    if every < 1:
        raise InputError(f"every is {every}; give 1 for every frame, 2 for each second one.")
    out = pathlib.Path(out)
    check_paths(path, out, overwrite, also=(".png", ".html"))
    target = _Target(path, out, overwrite, encoding)
    note = ""
    if not points and color is None and checkpoint is None:
        params = detector_parameters()
        try:
            return _show_objects(target, forces, masks, every, params)
        except _NothingFoundError:
            note = f"{path}: no object was found in it; its points are drawn."
            if params is None:
                note = (
                    f"{path}: nothing moves in it on its own; its points are drawn. `vidparticles "
                    "weights get nanodet` gets what finds persons, animals and things that rest."
                )
    written = _show_particles(target, color or "speed", forces, checkpoint)
    return dataclasses.replace(written, warnings=(*written.warnings, *filter(None, [note])))


@dataclasses.dataclass(frozen=True)
class _Target:
    """A clip, and what is written of it."""

    path: PathLike
    out: pathlib.Path
    overwrite: bool
    encoding: Encoding | None

    @property
    def kind(self) -> str:
        return self.out.suffix.lower()


class _NothingFoundError(Exception):
    """There is no object in the whole clip: what was written of it is not kept."""


def _show_objects(
    target: _Target, forces: bool, masks: bool, every: int, params: Any | None
) -> Written:
    style = picture.ObjectStyle(forces=forces)
    with opened(target.path) as reel:
        crowds: list[float] = []
        told = objects.object_moments(params, reel, masks=masks, every=every)
        found = _checked(told, crowds)
        if target.kind == ".html":
            found = counted(found, len(reel.times), work="following")
            written = write_object_page(
                reel, found, target.out, source=target.path, style=style, overwrite=target.overwrite
            )
        else:
            times = picture.enlargement(reel.height, style)
            written = _write(reel, picture.drawn(found, style), target, times)
        said = (
            *reel.warnings,
            *reel.told(),
            *([f"{target.path}: {WITHOUT}"] if params is None else []),
            *told_of_crowds(target.path, crowds, nanodet.object_config().count),
        )
        return dataclasses.replace(written, warnings=said)


def _checked(moments: Iterator[ObjectMoment], crowds: list[float]) -> Iterator[ObjectMoment]:
    """The same; seconds at which objects may have been left out are noted.

    Raises:
        _NothingFoundError: at the end, where no moment has an object.
    """
    some = False
    for moment in moments:
        some |= bool(moment.objects)
        if moment.crowded:
            crowds.append(float(moment.time))
        yield moment
    if not some:
        raise _NothingFoundError


def _show_particles(
    target: _Target, color: str, forces: bool, checkpoint: PathLike | None
) -> Written:
    # A page holds all that can be chosen on it.
    page = target.kind == ".html"
    with opened(target.path) as reel:
        points = PointLayer(segmented=page or color == "group", forces=page or forces)
        layer: Layer = points if checkpoint is None else layer_of(checkpoint, points)
        moments = layer.moments(reel)
        if page:
            written = write_page(
                reel,
                counted(moments, len(reel.times), work="following"),
                target.out,
                source=target.path,
                color=color,
                forces=forces,
                overwrite=target.overwrite,
            )
        else:
            times = layer.enlargement(reel.height)
            # Drawing thousands of strokes takes so long that better coding costs little.
            slow = reel.replace(slow=True)
            written = _write(slow, drawn(moments, layer), target, times)
        return dataclasses.replace(written, warnings=(*reel.warnings, *reel.told()))


def _write(reel: Reel, pictures: Pictures, target: _Target, times: int) -> Written:
    """A video, or the one picture in which there is most to see.

    Args:
        reel: of the clip.
        pictures: of its frames.
        target: what to write.
        times: how many times as large they are.
    """
    if target.kind == ".png":
        pictures = counted(pictures, len(reel.times), work="following")
        best = max(pictures, key=lambda picture: picture[2])
        return _write_still(best[1], target.out, target.overwrite)
    larger = reel.replace(color=reel.color.screen)
    larger = larger.replace(
        frames=((time, larger.picture(picture)) for time, picture, _ in pictures),
        height=times * reel.height,
        width=times * reel.width,
    )
    return write(larger, target.out, overwrite=target.overwrite, encoding=target.encoding)


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


def drawn(moments: Iterable[Moment], layer: Layer) -> Pictures:
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
