"""`vidparticles edit`: trim, shake, speed and colors of a clip, in one pass."""

from __future__ import annotations

from vidparticles.editing.curve import parse_curve
from vidparticles.editing.recolor import parse_colors, recolored
from vidparticles.editing.reel import PathLike, Written, check_paths, opened, write
from vidparticles.editing.speed import retimed
from vidparticles.editing.stabilize import stabilized, steadying
from vidparticles.editing.trim import parse_span
from vidparticles.errors import InputError


def edit(
    path: PathLike,
    out: PathLike,
    *,
    speed: float | str | None = None,
    recolor: str | None = None,
    stabilize: bool = False,
    trim: str | None = None,
    overwrite: bool = False,
) -> Written:
    """Write an edited clip: first trimmed, then stabilized, retimed and recolored.

    Args:
        path: a video file.
        out: what to write.
        speed: 0.5 is half speed, 2 double, −1 backwards; or a curve, see
            `editing.curve.parse_curve`.
        recolor: KEY=VALUE,… of hue, saturation, brightness, contrast, or a look by name.
        stabilize: take out the shake of the camera; the clip is read twice.
        trim: START:END in seconds; either may be left out.
        overwrite: replace an existing file.

    Returns:
        What was written.

    Raises:
        InputError: nothing to do, an option that is not understood, or a file that cannot be
            read or written.
    """
    if speed is None and recolor is None and trim is None and not stabilize:
        raise InputError("edit has nothing to do; give --trim, --stabilize, --speed or --recolor.")
    start, end = (None, None) if trim is None else parse_span(trim)
    curve = None if speed is None else parse_curve(speed)
    colors = None if recolor is None else parse_colors(recolor)
    check_paths(path, out, overwrite)
    with opened(path, start=start, end=end) as reel:
        if stabilize:
            with opened(path, start=start, end=end) as first:
                way = steadying(first)
            reel = stabilized(reel, way)
        if curve is not None:
            reel = retimed(reel, curve)
        if colors is not None:
            reel = recolored(reel, colors)
        return write(reel, out, overwrite=overwrite)
