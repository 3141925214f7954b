"""The page that `show -o page.html` writes: a clip's particles under a slider, in one file.

Pictures are JPEGs within the file, particles a table of whole numbers for each moment, drawn by
the script of `page_html.py`. A moment holds all that is drawn of it, so that any can be shown
without the ones before. Long clips are thinned as they stream by: nothing but what the file
will hold is kept.
"""

from __future__ import annotations

import base64
import collections
import dataclasses
import html
import io
import itertools
import json
import pathlib
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from vidparticles.editing.reel import Reel, Written
from vidparticles.storage import PathLike, write_text
from vidparticles.viz import draw
from vidparticles.viz.moments import Moment
from vidparticles.viz.page_html import PAGE


@dataclasses.dataclass(frozen=True)
class PageConfig:
    """What a page holds of a clip.

    Attributes:
        moments: at most.
        longest: pixels of the longer side of its pictures.
        quality: of its JPEGs, in percent.
        tail: seconds ago at which a tail has its corners.
    """

    moments: int = 120
    longest: int = 640
    quality: int = 72
    tail: tuple[float, ...] = (0.08, 0.16, 0.24, 0.32, 0.42, 0.52)


CONFIG = PageConfig()
POSITION, RATE, AGE = 10_000, 1000, 100  # whole numbers in a frame height, its rates, a second

_Past = collections.deque[tuple[float, np.ndarray, np.ndarray]]


def write_page(
    reel: Reel,
    moments: Iterable[Moment],
    out: pathlib.Path,
    *,
    source: PathLike,
    color: str,
    forces: bool,
    overwrite: bool = False,
) -> Written:
    """Write the page, beside and renamed.

    Args:
        reel: of the clip; `moments` uses its frames up.
        moments: of the clip, with labels and forces.
        out: the file.
        source: the clip's name.
        color: "speed" or "group", what colors of points tell at first; those of objects tell them
            apart.
        forces: arrows are shown at first.
        overwrite: replace an existing file.
    """
    total = len(reel.times)
    kept = min(total, CONFIG.moments)
    size, width, count = page_size(reel), 1.0, 0
    pictures: list[str] = []
    tables: list[dict[str, Any]] = []
    past: _Past = collections.deque()
    since: dict[int, float] = {}
    radius = (0.0, 0.0)
    for count, moment in enumerate(moments):
        now, identity = float(moment.time), np.asarray(moment.identity)
        since = {number: since.get(number, now) for number in identity.tolist()}
        if is_kept(count, kept, total):
            age = np.asarray([now - since[number] for number in identity.tolist()])
            pictures.append(jpeg(fitted(moment.frame, size)))
            tables.append({"t": round(now, 4), "p": _table(moment, identity, age, past)})
        width, radius = moment.frame.shape[1] / moment.frame.shape[0], moment.radius
        past.append((now, identity, np.asarray(moment.particles.position)))
        while past[0][0] < now - CONFIG.tail[-1] - 0.1:
            past.popleft()
    note = f"{len(tables)} of its {count + 1} frames" if kept < total else ""
    data = {
        "name": pathlib.Path(source).name,
        "note": note,
        "size": size,
        "width": round(width, 6),
        "units": [POSITION, RATE, AGE],
        "end": round(float(reel.duration), 4),
        "color": "group" if any(radius) else color,
        "forces": forces or any(radius),
        "radius": [round(r, 6) for r in radius],
        "moments": tables,
        "pictures": pictures,
        "speeds": np.round(255 * draw.RAMP).astype(int).tolist(),
        "fast": draw.STYLE.fast,
        "labels": np.round(255 * np.vstack([draw.BACKGROUND, draw.LABELS])).astype(int).tolist(),
        "arrow": [draw.STYLE.arrow, draw.STYLE.half_force],
    }
    fill(PAGE, data, out, overwrite=overwrite)
    said = note and f"{out} shows {note}, evenly spread."
    return Written(
        out,
        len(tables),
        float(reel.duration),
        *size,
        sound=False,
        note=said,
        warnings=reel.warnings,
    )


def is_kept(index: int, kept: int, total: int) -> bool:
    """Whether a moment is one of `kept` out of `total` that are spread evenly, the first included.

    Example:
        >>> [k for k in range(10) if is_kept(k, 4, 10)]
        [0, 3, 5, 8]
    """
    return index * kept // total != (index - 1) * kept // total


def page_size(reel: Reel) -> tuple[int, int]:
    """Width and height of the pictures of a page, with square pixels."""
    width, height = float(reel.width * Fraction(reel.pixel_aspect)), float(reel.height)
    scale = min(1.0, CONFIG.longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def fitted(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A frame [H, W, 3] uint8 at a width and height."""
    from PIL import Image

    if frame.shape[1::-1] == size:
        return frame
    filtered = Image.Resampling.BOX if min(size) > 2 else None
    return np.asarray(Image.fromarray(frame).resize(size, filtered))


def jpeg(frame: np.ndarray) -> str:
    """A frame [H, W, 3] uint8 as a page holds it, in base 64."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(frame).save(file, "JPEG", quality=CONFIG.quality, optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _table(moment: Moment, identity: np.ndarray, age: np.ndarray, past: _Past) -> list[list[int]]:
    """A row for each active particle: number, position, velocity, age, label, force, whether it is
    visible, tail.

    Positions are in 1 / `POSITION`, velocities and forces in 1 / `RATE` of a frame height, ages in
    1 / `AGE` s; the tail is a row of steps, two numbers each, back in time.
    """
    points = moment.particles
    alive = np.asarray(points.alive)
    position = np.asarray(points.position)
    corners = [whole(POSITION * position)]
    unbroken, known = alive.copy(), []
    now = float(moment.time)
    for ago in CONFIG.tail:
        then = next((p for p in reversed(past) if p[0] <= now - ago + 1e-3), None)
        if then is None:
            break
        unbroken = unbroken & (then[1] == identity)
        known.append(unbroken)
        corners.append(whole(POSITION * then[2]))
    steps = [after - before for before, after in itertools.pairwise(corners)]
    columns = np.column_stack(
        [
            identity,
            corners[0],
            whole(RATE * np.asarray(points.velocity)),
            whole(AGE * age),
            np.asarray(moment.label),
            whole(RATE * np.asarray(moment.force)),
            np.asarray(moment.visible),
        ]
    )
    rows = columns.astype(int).tolist()
    table = []
    for k in np.flatnonzero(alive):
        tail = [
            int(x) for step, there in zip(steps, known, strict=True) if there[k] for x in step[k]
        ]
        table.append(rows[k] + tail)
    return table


def whole(x: np.ndarray) -> np.ndarray:
    """Rounded; what is not finite is 0."""
    return np.round(np.nan_to_num(x, posinf=0, neginf=0)).astype(int)


def fill(page: str, data: dict[str, Any], out: pathlib.Path, *, overwrite: bool) -> None:
    """Write a page with what it shows.

    Args:
        page: its text, with `{{name}}` and `{{data}}`.
        data: for its script; `name` is the clip's.
        out: the file.
        overwrite: replace an existing one.
    """
    # Within a script, "</" would end it.
    table = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("</", "<\\/")
    text = page.replace("{{name}}", html.escape(data["name"])).replace("{{data}}", table)
    write_text(out, text, overwrite=overwrite)
