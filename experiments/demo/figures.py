"""The pictures of the demo's page: what was learned, drawn with matplotlib."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np

PALETTE = ("#3366aa", "#cc6633", "#2f8f6b", "#8a4fa3", "#b0902a", "#b03a5b", "#4d6b78", "#777777")


def draw(model: pathlib.Path, clip: pathlib.Path, folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Draw all of them.

    Args:
        model: workdir of the particle model.
        clip: a clip whose beginning is shown to it.
        folder: where the pictures go; made.

    Returns:
        Caption → file.
    """
    import matplotlib

    from vidparticles.training.run import load_model

    matplotlib.use("Agg")
    folder.mkdir(exist_ok=True)
    loaded = load_model(model)
    return {
        "Training: the loss, and the accuracy on held-out clips.": _training_curve(model, folder),
        "Force against distance, between frames in the learned planes and between points of the "
        "picture; above zero pushes apart.": _force_curves(loaded, folder),
        "The first act as particles of learned planes: one dot a frame, from first (dark) to last "
        "(light), and the path on which the learned forces move it.": _planes(loaded, clip, folder),
    }


def _training_curve(model: pathlib.Path, figures: pathlib.Path) -> pathlib.Path:
    import matplotlib.pyplot as plt

    lines = [json.loads(line) for line in (model / "metrics.jsonl").read_text().splitlines()]
    figure, loss = plt.subplots(figsize=(9, 3), layout="constrained")
    train = [(x["step"], x["train/loss"]) for x in lines if "train/loss" in x]
    loss.plot(*zip(*train, strict=True), color=PALETTE[0], lw=1.2)
    loss.set(xlabel="step", ylabel="training loss")
    val = [(x["step"], x["val/accuracy"]) for x in lines if "val/accuracy" in x]
    if val:
        accuracy = loss.twinx()
        accuracy.plot(*zip(*val, strict=True), "o-", color=PALETTE[1], lw=1.2, ms=4)
        accuracy.set(ylim=(0, 1), ylabel="accuracy, held out")
        accuracy.yaxis.label.set_color(PALETTE[1])
    loss.yaxis.label.set_color(PALETTE[0])
    return _save(figure, figures / "training.png")


def _force_curves(loaded: Any, figures: pathlib.Path) -> pathlib.Path:
    """Force against distance: positive pushes apart, negative pulls together."""
    import matplotlib.pyplot as plt

    from vidparticles.models import motion
    from vidparticles.models.frame_particles.interactions import force_curve

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    distance = np.linspace(0, 4, 200, dtype=np.float32)
    for name, force in force_curve(loaded.params["laws"], distance).items():
        left.plot(distance, force, label=name)
    left.set(title="between frames", xlabel="distance in the plane", ylabel="force")
    for name, (r, force) in motion.force_curves(loaded.params["motion"]).items():
        right.plot(r, force, label=name)
    right.set(title="between points of the picture", xlabel="distance / frame heights")
    for axes in (left, right):
        axes.axhline(0, color="#999", lw=0.6)
        axes.legend(frameon=False, fontsize=8)
    return _save(figure, figures / "forces.png")


def _planes(loaded: Any, clip: pathlib.Path, figures: pathlib.Path) -> pathlib.Path:
    """The frames of the clip's first act in four of the planes, and how they move."""
    import jax
    import matplotlib.pyplot as plt

    from vidparticles.video import open_video

    count, size = loaded.config["data"]["frames"], loaded.config["data"]["size"]
    with open_video(clip) as video:
        last = np.searchsorted(video.times, loaded.config["clip_seconds"]) - 1
        index = np.linspace(0, last, count).round().astype(int)
        batch = {
            "video": video.frames(index, size=(size, size))[None],
            "time": np.asarray(video.times[index], np.float32)[None],
        }
    trajectory = jax.jit(loaded.model.apply)(loaded.params, batch)["trajectory"]
    path = np.asarray(trajectory.particles.position)[0]  # [G, S + 1, T, 2]
    shown = min(4, len(path))
    figure, axes = plt.subplots(1, shown, figsize=(9, 2.6), layout="constrained", squeeze=False)
    shade = plt.get_cmap("viridis")(np.linspace(0.05, 0.95, count))
    for plane, ax in zip(path[:shown], axes[0], strict=True):
        for t in range(count):
            ax.plot(*plane[:, t].T, color=shade[t], lw=1)
        ax.scatter(*plane[-1].T, c=shade, s=18, zorder=3)
        ax.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
    return _save(figure, figures / "planes.png")


def _save(figure: Any, path: pathlib.Path) -> pathlib.Path:
    import matplotlib.pyplot as plt

    figure.savefig(path, dpi=130)
    plt.close(figure)
    return path
