"""The page that `understand --html` writes: player, shots and timelines, in one file.

The clip is within the page as a small video with its sound; of a long one the page plays the file
that it was made of, from where that lies. A click in a timeline goes to that moment.
"""

from __future__ import annotations

import base64
import dataclasses
import pathlib
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

from vidparticles.image.resample import shrink_size
from vidparticles.inference.understanding.report import Report
from vidparticles.inference.understanding.told import UNSURE, Told
from vidparticles.progress import counted
from vidparticles.video import Video, open_video, write_video
from vidparticles.viz.page import fill, jpeg
from vidparticles.viz.understanding.page_html import PAGE


@dataclasses.dataclass(frozen=True)
class PageConfig:
    """What the page holds of the clip.

    Attributes:
        longest: pixels of the longer side of the video.
        thumbnail: of the longer side of the picture of a shot.
        crf: quality of the video, on the scale of H.264.
        seconds: of a clip that is within the page, at most.
        rows: of objects that move at the same time, at most.
    """

    longest: int = 640
    thumbnail: int = 240
    crf: float = 28
    seconds: float = 600.0
    rows: int = 8


CONFIG = PageConfig()


def write_page(
    report: Report,
    out: pathlib.Path,
    *,
    overwrite: bool = False,
    config: PageConfig = CONFIG,
) -> None:
    """Write the page, beside and renamed.

    Args:
        report: of a clip that is still where it was.
        out: the file.
        overwrite: replace an existing file.
        config: what the page holds.

    Raises:
        InputError: the clip cannot be read any more, or the file not be written.
    """
    with open_video(report.path) as video:
        whole = report.seconds <= config.seconds
        size = shrink_size(report.height, report.width, longest=config.thumbnail)
        middles = [video.index_at((shot.start + shot.end) / 2) for shot in report.shots]
        pictures = counted(middles, len(middles), work="drawing shots")
        thumbnails = [jpeg(video.frames([k], size=size)[0]) for k in pictures]
        source = _small(video, config) if whole else report.path.resolve().as_uri()
    data = {
        "name": report.path.name,
        "source": source,
        "note": "" if whole else f"The page plays {report.path.resolve()}, where it lies.",
        "seconds": round(report.seconds, 3),
        "size": [report.width, report.height],
        "shots": [
            {"start": s.start, "end": s.end, "begins": s.begins, "picture": picture}
            for s, picture in zip(report.shots, thumbnails, strict=True)
        ],
        "lanes": [lane for lane in _lanes(report, config) if any(lane["rows"])],
        "novelty": [list(report.novelty.times), list(report.novelty.values)],
        "warnings": list(report.warnings),
    }
    fill(PAGE, data, out, overwrite=overwrite)


def _small(video: Video, config: PageConfig) -> str:
    """The clip as a video of even sides within a page."""
    sides = shrink_size(video.info.height, video.info.width, longest=config.longest)
    height, width = (max(2, side // 2 * 2) for side in sides)
    frames = counted(video.every(size=(height, width)), len(video), work="copying")
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "small.mp4"
        write_video(
            file,
            (frame for _, frame in frames),
            times=video.times.tolist(),
            audio=video.audio(),
            crf=config.crf,
            pixel_aspect=video.info.pixel_aspect,
        )
        coded = base64.b64encode(file.read_bytes()).decode("ascii")
    return f"data:video/mp4;base64,{coded}"


def _lanes(report: Report, config: PageConfig) -> list[dict[str, Any]]:
    """Name, kind and rows of [start, end, label, weight in [0, 1]] of each lane."""
    trained = () if report.trained is None else report.trained.timeline
    tags: dict[tuple[float, float], list[Told]] = {}
    for told in report.tags:
        tags.setdefault((told.start, told.end), []).append(told)
    # Tracks are narrow on a telephone, and most is done by one.
    moves = [(m.start, m.end, m.words.removeprefix("one "), 1.0) for m in report.movements]
    return [
        {"name": "what is done", "rows": [list(map(_action, report.actions))]},
        {"name": "trained model", "rows": [[(e.start, e.end, e.label, 1.0) for e in trained]]},
        {
            "name": "in the picture",
            "rows": [
                [
                    (start, end, ", ".join(t.label for t in of), 1.0)
                    for (start, end), of in tags.items()
                ]
            ],
        },
        {"name": "who moves", "rows": _stacked(moves, config.rows)},
        {"name": "the camera", "rows": [list(map(_plain, report.camera))]},
        {"name": "the picture is", "rows": [list(map(_plain, report.picture))]},
        {"name": "to be heard", "rows": [list(map(_plain, report.sound))]},
        {"name": "kinds of sound", "rows": _stacked(map(_action, report.sounds), config.rows)},
    ]


Stretch = tuple[float, float, str, float]


def _action(told: Told) -> Stretch:
    label = told.label
    if label == UNSURE and told.likeliest:
        label = f"unsure: {told.likeliest[0][0]}?"
    return told.start, told.end, label, 0.25 if told.label == UNSURE else told.confidence


def _plain(told: Told) -> Stretch:
    quiet = told.label in ("is still", "silence")
    return told.start, told.end, told.label, 0.25 if quiet else 1.0


def _stacked(stretches: Iterable[Stretch], most: int) -> list[list[Stretch]]:
    """Stretches in as few rows as hold them side by side; what needs more rows is left out.

    Example:
        >>> _stacked([(0, 2, "a", 1), (1, 3, "b", 1), (2, 4, "c", 1)], most=8)
        [[(0, 2, 'a', 1), (2, 4, 'c', 1)], [(1, 3, 'b', 1)]]
    """
    rows: list[list[Stretch]] = []
    for stretch in sorted(stretches):
        free: Sequence[list[Stretch]] = [row for row in rows if row[-1][1] <= stretch[0] + 1e-9]
        if free:
            free[0].append(stretch)
        elif len(rows) < most:
            rows.append([stretch])
    return rows
