"""`vidparticles edit`: options to a chain of edits, and a clip through it in one pass."""

from __future__ import annotations

from vidparticles.editing import base, reel
from vidparticles.editing.in_between import Network
from vidparticles.editing.recolor import parse_colors
from vidparticles.editing.recolor import recolor as recoloring
from vidparticles.editing.retime import retime
from vidparticles.editing.stabilize import stabilize as stabilizing
from vidparticles.editing.trim import parse_span
from vidparticles.editing.trim import trim as trimming
from vidparticles.errors import InputError
from vidparticles.storage import PathLike
from vidparticles.video import Encoding


def parse_edits(
    *,
    speed: float | str | None = None,
    recolor: str | None = None,
    stabilize: bool = False,
    crop: float | None = None,
    fill: bool = False,
    trim: str | None = None,
    network: Network | None = None,
) -> list[base.Edit]:
    """The edits that options ask for: first trimmed, then stabilized, retimed and recolored.

    Args:
        speed: 0.5 is half speed, 2 double, −1 backwards; or a curve, see
            `editing.curve.parse_curve`.
        recolor: KEY=VALUE,… of hue, saturation, brightness, contrast, or a preset by name.
        stabilize: take out the shake of the camera; the clip is read twice.
        crop, fill: of stabilizing, see `editing.stabilize.stabilize`.
        trim: START:END in seconds or frames, see `editing.trim.parse_span`.
        network: whose motion slow motion shows, see `editing.retime.retime`.

    Raises:
        InputError: an option that is not understood, or one without that which it is of.

    Example:
        >>> len(parse_edits(trim="1:3", recolor="gray"))
        2
    """
    if network is not None and speed is None:
        raise InputError("a network's motion is shown in slow motion alone; give --speed too.")
    if (crop is not None or fill) and not stabilize:
        given = "--crop" if crop is not None else "--fill"
        raise InputError(f"{given} is of stabilizing; give --stabilize too.")
    edits: list[base.Edit] = []
    if trim is not None:
        edits.append(trimming(*parse_span(trim)))
    if stabilize:
        edits.append(stabilizing(crop=crop, fill=fill))
    if speed is not None:
        edits.append(retime(speed, network=network))
    if recolor is not None:
        edits.append(recoloring(parse_colors(recolor)))
    return edits


def edit(
    path: PathLike,
    out: PathLike,
    *,
    speed: float | str | None = None,
    recolor: str | None = None,
    stabilize: bool = False,
    crop: float | None = None,
    fill: bool = False,
    trim: str | None = None,
    network: Network | None = None,
    overwrite: bool = False,
    encoding: Encoding | None = None,
) -> reel.Written:
    """Write an edited clip.

    Args:
        path: a video file.
        out: what to write.
        speed, recolor, stabilize, crop, fill, trim, network: see `parse_edits`.
        overwrite: replace an existing file.
        encoding: how pictures are encoded; default, as they were.

    Returns:
        What was written.

    Raises:
        InputError: nothing to do, an option that is not understood, or a file that cannot be
            read or written.
    """
    edits = parse_edits(
        speed=speed,
        recolor=recolor,
        stabilize=stabilize,
        crop=crop,
        fill=fill,
        trim=trim,
        network=network,
    )
    if not edits:
        raise InputError("edit has nothing to do; give --trim, --stabilize, --speed or --recolor.")
    return base.apply(path, out, *edits, overwrite=overwrite, encoding=encoding)
