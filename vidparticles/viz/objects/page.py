"""The page that `show -o page.html` writes of objects: a picture, a slider, and who is there when.

As the page of particles it is one file and holds at most `page.CONFIG.moments` moments, spread
evenly. Each has its objects with their boxes, paths and forces; the list beside the picture is of
all frames, and seeks.
"""

from __future__ import annotations

import base64
import dataclasses
import io
import pathlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from vidparticles.editing.reel import Reel, Written
from vidparticles.storage import PathLike
from vidparticles.viz.objects.moments import ObjectMoment, ShownObject
from vidparticles.viz.objects.page_html import OBJECT_PAGE
from vidparticles.viz.objects.picture import ObjectStyle, color_of
from vidparticles.viz.page import CONFIG, POSITION, RATE, fill, is_kept, jpeg, page_size, whole

PATH = (0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.25, 1.5)  # seconds ago at which a path has corners
COLORS = 8
LISTED = 200  # objects in the list; of more, those that are in sight for longest


@dataclasses.dataclass
class _Span:
    """When an object is in sight."""

    kind: str
    start: float
    end: float
    pieces: list[list[float]]  # from … to, without gaps
    frames: int = 0


def write_object_page(
    reel: Reel,
    moments: Iterable[ObjectMoment],
    out: pathlib.Path,
    *,
    source: PathLike,
    style: ObjectStyle,
    overwrite: bool = False,
) -> Written:
    """Write the page, beside and renamed.

    Args:
        reel: of the clip; `moments` uses its frames up.
        moments: of the clip.
        out: the file.
        source: the clip's name.
        style: how objects are drawn; whether arrows are shown at first.
        overwrite: replace an existing file.
    """
    total = len(reel.times)
    kept, count, size = min(total, CONFIG.moments), 0, page_size(reel)
    kinds: dict[str, int] = {}
    spans: dict[int, _Span] = {}
    tables: list[dict[str, Any]] = []
    pictures: list[str] = []
    masks: list[str] = []
    before: set[int] = set()
    for count, moment in enumerate(moments):
        time = float(moment.time)
        for one in moment.objects:
            kinds.setdefault(one.kind, len(kinds))
        visible = {one.number: one for one in moment.objects if one.visible}
        for number, one in visible.items():
            _lengthen(spans, one, time, number in before)
        before = set(visible)
        if is_kept(count, kept, total):
            rows = [_row(one, kinds) for one in moment.objects]
            tables.append({"t": round(time, 4), "p": rows})
            pictures.append(jpeg(moment.picture.rgb(size[::-1])))
            masks.append(_colored(moment.objects))
    listed = sorted(spans.items(), key=lambda item: -item[1].frames)[:LISTED]
    note = f"{len(tables)} of its {count + 1} frames" if kept < total else ""
    data = {
        "name": pathlib.Path(source).name,
        "note": note,
        "size": size,
        "width": round(reel.width / reel.height, 6),
        "units": [POSITION, RATE],
        "end": round(float(reel.duration), 4),
        "forces": style.forces,
        "arrow": [style.arrow, style.half_force, style.least_force],
        "colors": [color_of(k) for k in range(COLORS)],
        "kinds": list(kinds),
        "objects": [_listed(number, span) for number, span in sorted(listed)],
        "more": len(spans) - len(listed),
        "moments": tables,
        "pictures": pictures,
        "masks": masks if any(masks) else [],
    }
    fill(OBJECT_PAGE, data, out, overwrite=overwrite)
    said = note and f"{out} shows {note}, evenly spread."
    length = float(reel.duration)
    return Written(out, len(tables), length, *size, sound=False, note=said, warnings=reel.warnings)


def _colored(objects: Iterable[ShownObject]) -> str:
    """Masks of a moment in the colors of their numbers, a PNG in base 64; "" without one."""
    from PIL import Image

    told = [(one.mask, one.number) for one in objects if one.mask is not None]
    if not told:
        return ""
    mask = np.stack([mask for mask, _ in told])
    color = np.array([1 + number % COLORS for _, number in told], np.uint8)
    whose = np.where(np.max(mask, 0) > 0.5, color[np.argmax(mask, 0)], 0).astype(np.uint8)
    image = Image.fromarray(whose).convert("P")
    image.putpalette([0, 0, 0, *(part for k in range(COLORS) for part in color_of(k))])
    file = io.BytesIO()
    image.save(file, "PNG", transparency=0, optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _lengthen(spans: dict[int, _Span], one: ShownObject, time: float, goes_on: bool) -> None:
    span = spans.setdefault(one.number, _Span(one.kind, time, time, []))
    span.kind, span.end = one.kind, time
    span.frames += 1
    if goes_on:
        span.pieces[-1][1] = time
    else:
        span.pieces.append([time, time])


def _listed(number: int, span: _Span) -> list[Any]:
    """Number, kind, and from when to when it is in sight."""
    pieces = [[round(x, 3) for x in piece] for piece in span.pieces]
    return [number, span.kind, pieces]


def _row(one: ShownObject, kinds: dict[str, int]) -> list[int]:
    """Number, kind, whether it is visible, box, velocity, force, and steps back along its path.

    Boxes and steps are in 1 / `POSITION`, velocities and forces in 1 / `RATE` of a frame height.
    """
    ages = one.path[::-1, 0]
    at = [one.path[-1, 1:]]
    for ago in PATH:
        k = int(np.searchsorted(ages, ago))
        if k >= len(ages):
            break
        at.append(one.path[::-1][k, 1:])
    corners = whole(POSITION * np.array(at))
    parts = [
        np.array([one.number, kinds[one.kind], one.visible]),
        whole(POSITION * one.box),
        whole(RATE * np.concatenate([one.velocity, one.force])),
        np.diff(corners, axis=0).ravel(),
    ]
    return [int(x) for x in np.concatenate(parts)]
