"""The second part of the first command: a model is trained, scored, asked and put to work."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ml_collections

from experiments.configs import embedded as embedded_config
from experiments.evaluate import evaluate
from experiments.train import train
from vidparticles.data import embedded
from vidparticles.editing.edit import edit
from vidparticles.inference.predict import predict
from vidparticles.inference.understanding.trained import Classified, classify
from vidparticles.viz import text
from vidparticles.viz.show import show

# Not bounce and pass: only the colors tell whether two went through each other or turned back.
ACTS = ("orbit", "stick", "chase", "avoid")
STORY_SEED = 7  # of the first story; that of seed s is the s-th after it
SINGLE_FRAME_STEPS = 100
# The same path, tiny.
SMOKE = {"clips": {"train": 4, "val": 1, "test": 2}, "steps": 12, "single_frame_steps": 6}


@dataclasses.dataclass(frozen=True)
class Trained:
    """What came out.

    Attributes:
        model: the workdir of the particle model.
        scores: name of a predictor → `metrics.Score`.
        acts: what truly happens in the unseen clip.
        seen: what the model made of it.
        videos: caption → file; the clip itself comes first.
    """

    model: pathlib.Path
    scores: Mapping[str, Any]
    acts: Sequence[embedded.Act]
    seen: Classified
    videos: Mapping[str, pathlib.Path]


def run(
    workdir: pathlib.Path, section: Callable[[str], None], *, seed: int = 0, smoke: bool = False
) -> Trained:
    """Make clips, train, score, understand, predict, edit.

    Args:
        workdir: everything goes there.
        section: prints a title.
        seed: of the training and of the story.
        smoke: a dozen steps.
    """
    particles = config(workdir, "frame_particles", seed=seed, smoke=smoke)
    single = config(workdir, "single_frame", seed=seed, smoke=smoke)

    # ---------------------------------------------------------------- data
    clips = particles.data.clips.to_dict()
    section(f"making {len(embedded.CLASSES) * sum(clips.values())} labelled clips with sound")
    embedded.make(particles.data.dir, clips_per_class=clips)

    # ---------------------------------------------------------------- training
    section("training the particle model")
    model = workdir / "particles"
    train(particles, model)
    section("training the single-frame model")
    train(single, workdir / "single_frame")

    # ---------------------------------------------------------------- evaluation
    section("scoring on unseen clips")
    scores = evaluate(model, beside=[workdir / "single_frame"])
    for name, score in scores.items():
        print(f"  {name:32s} {score}")

    # ---------------------------------------------------------------- one unseen clip
    section("one unseen clip: what happens in it, and when")
    story = workdir / "story.mp4"
    acts = embedded.story(story, seed=STORY_SEED + seed, acts=ACTS[:2] if smoke else ACTS)
    seen = classify(story, model)
    print(text.describe(seen))
    print("  in truth: " + ", ".join(f"{a.label} {a.start:.1f}–{a.end:.1f} s" for a in acts))
    print(f"  {sum(acts_right(acts, seen.timeline))} of {len(acts)} acts are told right")

    section("drawing its particles, predicting what comes next, editing")
    videos = {
        "The clip": story,
        "Its particles and their paths": workdir / "particles.mp4",
        "What comes next: the particles rolled forward": workdir / "next.mp4",
        "Recolored": workdir / "recolored.mp4",
    }
    predict(story, workdir / "next.mp4", checkpoint=model, seconds=1.0)
    show(story, workdir / "particles.mp4", points=True)
    edit(story, workdir / "recolored.mp4", recolor="hue=120")
    return Trained(model=model, scores=scores, acts=acts, seen=seen, videos=videos)


def config(
    workdir: pathlib.Path, model: str, *, seed: int = 0, smoke: bool = False
) -> ml_collections.ConfigDict:
    """The demo's config of one of its two models."""
    made = embedded_config.get_config(model)
    made.seed = seed
    made.data.dir = str(workdir / "clips")
    if model == "single_frame":
        made.steps = SINGLE_FRAME_STEPS
    if smoke:
        made.data.clips = SMOKE["clips"]
        made.steps = SMOKE["single_frame_steps" if model == "single_frame" else "steps"]
    made.eval_every = made.checkpoint_every = max(made.steps // 4, 1)
    return made


def acts_right(acts: Sequence[Any], timeline: Sequence[Any]) -> list[bool]:
    """Of each act, whether its label has more of its time than any other.

    Args:
        acts: what truly happens: label, start, end.
        timeline: what was said, likewise.

    Example:
        >>> acts = [embedded.Act("pass", 0.0, 2.0), embedded.Act("orbit", 2.0, 4.0)]
        >>> acts_right(acts, [embedded.Act("pass", 0.0, 3.5), embedded.Act("orbit", 3.5, 4.0)])
        [True, False]
    """
    right = []
    for act in acts:
        shared: dict[str, float] = {}
        for event in timeline:
            time = max(0.0, min(act.end, event.end) - max(act.start, event.start))
            shared[event.label] = shared.get(event.label, 0.0) + time
        right.append(max(shared, key=shared.__getitem__) == act.label)
    return right
