"""What a model that was trained here makes of a file, and when what happens in it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Mapping

import numpy as np

from vidparticles.errors import InputError
from vidparticles.inference.timeline import Event, tile, timeline
from vidparticles.inference.windows import (
    DEFAULT,
    Stopwatch,
    WindowConfig,
    classify_windows,
    compiled_classifier,
    window_grid,
)
from vidparticles.video import open_video


@dataclasses.dataclass(frozen=True)
class Classified:
    """What a model makes of a file.

    Attributes:
        path: the file.
        seconds: its duration.
        classes: class → probability, mean over the file's time, the likeliest first.
        timeline: what happens when, without gaps from 0 to `seconds`.
        decode_seconds: spent in reading and resizing frames.
        model_seconds: spent in the model, without compiling it.
        compile_seconds: spent in compiling it.
        warnings: sentences on what is wrong with the file.
    """

    path: pathlib.Path
    seconds: float
    classes: Mapping[str, float]
    timeline: tuple[Event, ...]
    decode_seconds: float
    model_seconds: float
    compile_seconds: float
    warnings: tuple[str, ...]


def classify(
    path: str | os.PathLike[str],
    checkpoint: str | os.PathLike[str],
    *,
    windows: WindowConfig = DEFAULT,
) -> Classified:
    """What a trained model makes of a video file.

    Args:
        path: the file; long ones are read as a stream.
        checkpoint: the workdir of a run of experiments/train.py.
        windows: how a file longer than a clip is cut up.

    Raises:
        InputError: the file is not a video that can be read, the folder not such a run, or the
            run one without labels.
    """
    from vidparticles.training.run import load_model

    watch = Stopwatch()
    with contextlib.ExitStack() as stack:
        with watch("decode"):
            video = stack.enter_context(open_video(path))
        loaded = load_model(checkpoint)
        if not loaded.model.capabilities.labels:
            raise InputError(
                f"{checkpoint} was trained without labels, so it can name nothing; see what it "
                "follows with `vidparticles show`, or train on clips of two classes or more."
            )
        seconds = video.info.duration
        grid = window_grid(seconds, loaded.config, windows=windows)
        classify = compiled_classifier(loaded, grid, watch)
        rows = classify_windows(video, grid, classify, watch)
        warnings = video.warnings
    cells = rows[tile(rows, grid.starts, frames=grid.frames)]
    mean = cells.mean(axis=0)
    return Classified(
        path=pathlib.Path(path),
        seconds=seconds,
        classes={loaded.classes[i]: float(mean[i]) for i in np.argsort(-mean, kind="stable")},
        timeline=timeline(
            cells,
            loaded.classes,
            seconds=seconds,
            shortest=max(1, round(windows.shortest * grid.frames)),
        ),
        decode_seconds=watch.spent["decode"],
        model_seconds=watch.spent["model"],
        compile_seconds=watch.spent["compile"],
        warnings=warnings,
    )
