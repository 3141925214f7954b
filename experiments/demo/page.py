"""The page that demo.py leaves: videos, curves, and what was said of the clip."""

from __future__ import annotations

import html
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 66rem; padding: 0 1rem;
       color: #1c2330; background: #fbfbfa; }
h1 { font-size: 1.6rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
figure { margin: 0 } figcaption { font-size: .85rem; color: #56606e; margin-top: .3rem }
.row { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1.2rem }
video, img { width: 100%; border-radius: 6px; background: #111 } img { background: none }
table { border-collapse: collapse } td, th { padding: .25rem .9rem .25rem 0; text-align: left }
.bar { position: relative; height: 1.9rem; margin: .2rem 0 .5rem }
.bar span { position: absolute; top: 0; bottom: 0; border-radius: 4px; color: #fff;
       overflow: hidden; font-size: .8rem; line-height: 1.9rem;
       padding-left: .4rem; box-sizing: border-box;
       border-right: 2px solid #fbfbfa; white-space: nowrap }
"""
PALETTE = ("#3366aa", "#cc6633", "#2f8f6b", "#8a4fa3", "#b0902a", "#b03a5b", "#4d6b78", "#777777")


def write(
    path: pathlib.Path,
    *,
    model: pathlib.Path,
    scores: Mapping[str, Any],
    acts: Sequence[Any],
    seen: Any,
    videos: Mapping[str, pathlib.Path],
) -> pathlib.Path:
    """Write the page and its pictures.

    Args:
        path: of index.html; the pictures go to figures/ beside it.
        model: workdir of the particle model.
        scores: name of a predictor → `metrics.Score`.
        acts: what truly happens in the clip: label, start, end.
        seen: what `understand` made of it.
        videos: caption → file.
    """
    import matplotlib

    matplotlib.use("Agg")
    figures = path.parent / "figures"
    figures.mkdir(exist_ok=True)
    from vidparticles.training.run import load_model

    loaded = load_model(model)
    colors = dict(zip(loaded.classes, PALETTE * 9, strict=False))
    pictures = {
        "Training: loss, and accuracy on held-out clips": _training_curve(model, figures),
        "Forces between frames in the learned planes, and between points of the picture": (
            _force_curves(loaded, figures)
        ),
        "The clip's first act as particles of learned planes: one dot a frame, from first (dark) "
        "to last (light), and the path on which the learned forces move it": (
            _planes(loaded, videos[next(iter(videos))], figures)
        ),
    }
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{score.accuracy:.1%}</td>"
        f"<td>{score.interval[0]:.1%} – {score.interval[1]:.1%}</td><td>{score.count}</td></tr>"
        for name, score in scores.items()
    )
    tiles = "".join(
        f'<figure><video src="{_relative(file, path)}" controls loop muted playsinline '
        f'preload="auto"></video><figcaption>{html.escape(caption)}</figcaption></figure>'
        for caption, file in videos.items()
    )
    plots = "".join(
        f'<figure><img src="{_relative(file, path)}" alt=""><figcaption>{html.escape(caption)}'
        "</figcaption></figure>"
        for caption, file in pictures.items()
    )
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>vidparticles: demo</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>
<body>
<h1>Video as particles</h1>
<p>Two handwritten digits over a texture; the class is how they move and meet. Trained here, a
moment ago, on {len(loaded.classes)} classes: {", ".join(loaded.classes)}.</p>
<h2>Accuracy on clips that were not trained on</h2>
<table>
<tr><th>predictor</th><th>accuracy</th><th>95 % interval</th><th>clips</th></tr>{rows}
</table>
<h2>One unseen clip: what happens in it, and when</h2>
<p>True</p>{_bar(acts, seen.seconds, colors)}
<p>As understood</p>{_bar(seen.timeline, seen.seconds, colors)}
<h2>The clip, its particles, its future, its edits</h2>
<div class="row">{tiles}</div>
<h2>What was learned</h2>
{plots}
</body></html>
"""
    path.write_text(text, encoding="utf-8")
    return path


def _relative(file: pathlib.Path, page: pathlib.Path) -> str:
    return html.escape(os.path.relpath(file, page.parent).replace(os.sep, "/"))


def _bar(events: Sequence[Any], seconds: float, colors: Mapping[str, str]) -> str:
    """Labelled stretches of time."""
    spans = "".join(
        f'<span style="left:{100 * e.start / seconds:.2f}%;'
        f'width:{100 * (e.end - e.start) / seconds:.2f}%;background:{colors[e.label]}">'
        f"{html.escape(e.label)} {e.start:.1f}–{e.end:.1f} s</span>"
        for e in events
    )
    return f'<div class="bar">{spans}</div>'


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
