"""The page that the demo leaves: the real clips first, then what was learned and said."""

from __future__ import annotations

import html
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.demo import figures
from experiments.demo.real import Footage
from experiments.demo.trained import Trained, acts_right
from vidparticles.data.embedded import Act

STYLE = """
:root { --ink: #1c2330; --soft: #56606e; --line: #e3e2dc; --ground: #fbfbfa; --mark: #3366aa }
* { box-sizing: border-box }
body { font: 16px/1.55 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; color: var(--ink);
       padding: 1.5rem clamp(1rem, 4vw, 2.5rem) 4rem; background: var(--ground) }
h1 { font-size: clamp(1.5rem, 5vw, 2.1rem); line-height: 1.2; margin: 1rem 0 .5rem }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .6rem; padding-top: .9rem;
     border-top: 1px solid var(--line) }
p { max-width: 44rem; margin: .4rem 0 1rem } code { font-size: .88em; overflow-wrap: anywhere }
figure { margin: 0; min-width: 0 }
figcaption { font-size: .86rem; color: var(--soft); margin-top: .4rem }
.row { display: grid; gap: 1.3rem; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)) }
.pair { display: grid; gap: 1.3rem; grid-template-columns: 1fr }
@media (min-width: 60rem) { .pair { grid-template-columns: 1fr 2fr } }
video, img { display: block; width: 100%; height: auto; border-radius: 8px; background: #111 }
img { background: #fff; border: 1px solid var(--line) }
.wide { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
td, th { padding: .3rem 1.1rem .3rem 0; text-align: left; white-space: nowrap;
         border-bottom: 1px solid var(--line) }
th { font-weight: 600; color: var(--soft); font-size: .86rem }
.name { font-size: .86rem; color: var(--soft); margin: .5rem 0 .2rem }
.bar { position: relative; height: 2.1rem; max-width: 60rem }
.bar span { position: absolute; top: 0; bottom: 0; overflow: hidden; white-space: nowrap;
       text-overflow: ellipsis; padding: 0 .45rem; font-size: .82rem; line-height: 2.1rem;
       color: #fff; border-radius: 5px; border-right: 2px solid var(--ground) }
"""


def write(path: pathlib.Path, footage: Footage, run: Trained) -> pathlib.Path:
    """Write the page; its pictures go to figures/ beside it.

    Args:
        path: of index.html.
        footage: of the real clips.
        run: of the model that was trained.
    """
    story = next(iter(run.videos.values()))
    pictures = figures.draw(run.model, story, path.parent / "figures")
    colors = dict(zip(sorted(run.seen.classes), figures.PALETTE * 9, strict=False))
    shots = [Act(f"shot {i}", s.start, s.end) for i, s in enumerate(footage.shots.shots, 1)]
    right = sum(acts_right(run.acts, run.seen.timeline))

    def video(file: pathlib.Path, caption: str, *, controls: bool = True) -> str:
        # What plays by itself is silent, or no browser would start it.
        how = "controls playsinline" if controls else "autoplay loop muted playsinline"
        return (
            f'<figure><video src="{_relative(file, path)}" {how} preload="auto"></video>'
            f"<figcaption>{caption}</figcaption></figure>"
        )

    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{score.accuracy:.1%}</td>"
        f"<td>{score.interval[0]:.1%} – {score.interval[1]:.1%}</td><td>{score.count}</td></tr>"
        for name, score in run.scores.items()
    )
    tiles = "".join(video(file, html.escape(caption)) for caption, file in run.videos.items())
    plots = "".join(
        f'<figure><img src="{_relative(file, path)}" alt="{html.escape(caption)}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure><br>"
        for caption, file in pictures.items()
    )
    real = video(
        footage.particles,
        "Its particles: points that are followed through the picture, bright and with a tail "
        "where they move. <code>vidparticles show --points</code>",
        controls=False,
    ) + video(
        footage.beside,
        "At half speed. Left, each new frame is the mean of its neighbors and shows everything "
        "twice; right, things are moved part of the way. "
        "<code>vidparticles edit --speed 0.5</code>",
        controls=False,
    )
    begins = ", then a ".join(s.begins for s in footage.shots.shots if s.begins)
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>vidparticles: demo</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>
<body>
<h1>Video as particles</h1>
<p>A real clip first, with nothing that was trained; then a model that was trained a moment ago, on
this machine.</p>

<h2>A real clip</h2>
<div class="pair">
{real}
</div>

<h2>Where another clip is cut</h2>
<div class="pair">
{video(footage.clip, "Work on a telescope, with its sound.")}
<div><p>{len(shots)} shots: a {html.escape(begins)}. <code>vidparticles cuts</code></p>
{_bar(shots, footage.shots.seconds, {s.label: "var(--mark)" for s in shots})}</div>
</div>

<h2>A model trained here</h2>
<p>Two handwritten digits over a texture; the class is how they move and meet:
{", ".join(sorted(run.seen.classes))}. Accuracy on clips that it never saw:</p>
<div class="wide"><table>
<tr><th>predictor</th><th>accuracy</th><th>95 % interval</th><th>clips</th></tr>{rows}
</table></div>

<h2>One unseen clip: what happens in it, and when</h2>
<p>{right} of {len(run.acts)} acts are told right.</p>
<div class="name">What truly happens</div>{_bar(run.acts, run.seen.seconds, colors)}
<div class="name">What the model says</div>{_bar(run.seen.timeline, run.seen.seconds, colors)}

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


def _bar(stretches: Sequence[Any], seconds: float, colors: Mapping[str, str]) -> str:
    """Labelled stretches of time, side by side."""
    spans = "".join(
        f'<span title="{html.escape(s.label)} {s.start:.1f}–{s.end:.1f} s" '
        f'style="left:{100 * s.start / seconds:.2f}%;'
        f'width:{100 * (s.end - s.start) / seconds:.2f}%;background:{colors[s.label]}">'
        f"{html.escape(s.label)} {s.start:.1f}–{s.end:.1f} s</span>"
        for s in stretches
    )
    return f'<div class="bar">{spans}</div>'
