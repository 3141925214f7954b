"""The whole path on the project's own data, with nothing to download.

    python experiments/demo.py [--smoke] [--workdir out/demo]

Makes a small set of labelled mp4 clips (two real handwritten digits over textures; the class is
how they move and meet), trains the particle model on it, scores it on clips it never saw beside
the majority class and a single-frame model, then takes one unseen, longer clip and says what
happens in it and when, predicts its next frames, and edits it. Leaves a page: index.html.
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
import sys
import time

# The experiments are scripts of a clone, not part of the installed package.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from vidparticles.errors import InputError

FULL = {
    "clips": {"train": 100, "val": 10, "test": 30},
    "steps": 700,
    "single_frame_steps": 300,
    "acts": ("orbit", "bounce", "chase", "pass"),
}
SMOKE = {
    "clips": {"train": 8, "val": 2, "test": 4},
    "steps": 12,
    "single_frame_steps": 6,
    "acts": ("orbit", "bounce"),
}


def demo(workdir: pathlib.Path, *, smoke: bool = False) -> pathlib.Path:
    """Run everything; returns the page."""
    began = time.perf_counter()

    def section(title: str) -> None:
        print(f"\n── {title}  ({time.perf_counter() - began:.0f} s)", flush=True)

    size = SMOKE if smoke else FULL
    section("importing jax, flax, tensorflow")
    from experiments import page
    from experiments.configs import embedded as embedded_config
    from experiments.evaluate import evaluate
    from experiments.train import train
    from vidparticles.commands.edit import edit
    from vidparticles.commands.predict import predict
    from vidparticles.commands.show import show
    from vidparticles.commands.understand import understand
    from vidparticles.data import embedded

    # ---------------------------------------------------------------- data
    section(f"making {6 * sum(size['clips'].values())} labelled clips, H.264 with sound")
    data = embedded.make(workdir / "clips", clips_per_class=size["clips"])

    def config(model: str, steps: int):
        config = embedded_config.get_config(model)
        config.data.dir = str(data)
        config.data.clips = size["clips"]
        config.steps = steps
        config.eval_every = config.checkpoint_every = max(steps // 4, 1)
        return config

    # ---------------------------------------------------------------- training
    section("training the particle model")
    model = workdir / "particles"
    train(config("particles", size["steps"]), model)
    section("training the single-frame model")
    single = workdir / "single_frame"
    train(config("single_frame", size["single_frame_steps"]), single)

    # ---------------------------------------------------------------- evaluation
    section("scoring on unseen clips")
    scores = evaluate(model, beside=[single])
    for name, score in scores.items():
        print(f"  {name:32s} {score}")

    # ---------------------------------------------------------------- one unseen clip
    section("one unseen clip: what happens in it, and when")
    story = workdir / "story.mp4"
    acts = embedded.story(story, seed=7, acts=size["acts"])
    seen = understand(story, model)
    print(understand.describe(seen) if hasattr(understand, "describe") else seen)
    section("drawing its particles, predicting what comes next, editing")
    videos = {
        "The clip": story,
        "Its particles and their paths": workdir / "particles.mp4",
        "What comes next: the particles rolled forward": workdir / "next.mp4",
        "Half speed, sound kept in step": workdir / "slow.mp4",
        "Recoloured": workdir / "recoloured.mp4",
    }
    show(story, workdir / "particles.mp4", overwrite=True)
    predict(story, workdir / "next.mp4", checkpoint=model, seconds=1.0, overwrite=True)
    edit(story, workdir / "slow.mp4", speed=0.5, overwrite=True)
    edit(story, workdir / "recoloured.mp4", recolor="hue=120", overwrite=True)

    # ---------------------------------------------------------------- the page
    section("writing the page")
    out = page.write(
        workdir / "index.html", model=model, scores=scores, acts=acts, seen=seen, videos=videos
    )
    seconds = time.perf_counter() - began
    print(f"\nDone in {seconds:.0f} s. Open {out}")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="the same path, tiny, in a minute")
    parser.add_argument("--workdir", default="out/demo", help="made anew; default %(default)s")
    args = parser.parse_args()
    workdir = pathlib.Path(args.workdir)
    try:
        if workdir.exists():
            if any(workdir.iterdir()) and not (workdir / "clips").is_dir():
                raise InputError(
                    f"{workdir} exists and is no demo's folder; give another with --workdir."
                )
            shutil.rmtree(workdir)
        workdir.mkdir(parents=True)
        demo(workdir, smoke=args.smoke)
    except (InputError, OSError) as error:
        print(f"demo.py: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
