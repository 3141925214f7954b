"""The whole path on the project's own data, with nothing to download.

    python experiments/demo.py [--smoke] [--workdir out/demo]

Makes a small set of labelled mp4 clips (two real handwritten digits over textures; the class is
how they move and meet), trains the particle model on it, scores it on clips it never saw beside
the majority class and a single-frame model, then takes one unseen, longer clip and says what
happens in it and when, predicts its next frames, and edits it. Leaves a page: index.html.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import sys
import time

from vidparticles import startup
from vidparticles.errors import InputError

ACTS = ("orbit", "bounce", "chase", "pass")
SINGLE_FRAME_STEPS = 100
# The same path, tiny.
SMOKE = {"clips": {"train": 8, "val": 2, "test": 4}, "steps": 12, "single_frame_steps": 6}


def demo(workdir: pathlib.Path, *, smoke: bool = False) -> pathlib.Path:
    """Run everything; returns the page."""
    began = time.perf_counter()

    def section(title: str) -> None:
        print(f"\n── {title}  ({time.perf_counter() - began:.0f} s)", flush=True)

    section("importing jax, flax, tensorflow")
    from experiments.configs import embedded as embedded_config
    from experiments.demo import page
    from experiments.evaluate import evaluate
    from experiments.train import train
    from vidparticles.data import embedded
    from vidparticles.editing.edit import edit
    from vidparticles.inference.predict import predict
    from vidparticles.inference.understand import understand
    from vidparticles.viz import text as layout
    from vidparticles.viz.show import show

    def configured(model: str, steps: int | None = None):
        config = embedded_config.get_config(model)
        config.data.dir = str(workdir / "clips")
        config.steps = steps or config.steps
        if smoke:
            config.data.clips = SMOKE["clips"]
        config.eval_every = config.checkpoint_every = max(config.steps // 4, 1)
        return config

    if smoke:
        config = configured("frame_particles", SMOKE["steps"])
        single_config = configured("single_frame", SMOKE["single_frame_steps"])
    else:
        config = configured("frame_particles")
        single_config = configured("single_frame", SINGLE_FRAME_STEPS)

    # ---------------------------------------------------------------- data
    clips = config.data.clips.to_dict()
    section(f"making {len(embedded.CLASSES) * sum(clips.values())} labelled clips with sound")
    embedded.make(workdir / "clips", clips_per_class=clips)

    # ---------------------------------------------------------------- training
    section("training the particle model")
    model = workdir / "particles"
    train(config, model)
    section("training the single-frame model")
    single = workdir / "single_frame"
    train(single_config, single)

    # ---------------------------------------------------------------- evaluation
    section("scoring on unseen clips")
    scores = evaluate(model, beside=[single])
    for name, score in scores.items():
        print(f"  {name:32s} {score}")

    # ---------------------------------------------------------------- one unseen clip
    section("one unseen clip: what happens in it, and when")
    story = workdir / "story.mp4"
    acts = embedded.story(story, seed=7, acts=ACTS[:2] if smoke else ACTS)
    seen = understand(story, model)
    print(layout.describe(seen))
    print("  in truth: " + ", ".join(f"{a.label} {a.start:.1f}–{a.end:.1f} s" for a in acts))
    section("drawing its particles, predicting what comes next, editing")
    videos = {
        "The clip": story,
        "Its particles and their paths": workdir / "particles.mp4",
        "What comes next: the particles rolled forward": workdir / "next.mp4",
        "Half speed, sound kept in step": workdir / "slow.mp4",
        "Recolored": workdir / "recolored.mp4",
    }
    # Side by side, since each spends most of its time compiling, which takes one core.
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:

        def by_points() -> None:
            predict(story, workdir / "next.mp4", checkpoint=model, seconds=1.0)
            show(story, workdir / "particles.mp4")

        def by_pixels() -> None:
            edit(story, workdir / "slow.mp4", speed=0.5)
            edit(story, workdir / "recolored.mp4", recolor="hue=120")

        for task in [pool.submit(by_points), pool.submit(by_pixels)]:
            task.result()

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
        if args.smoke:
            # A dozen steps take less time than compiling them well; level 0 is too slow to draw.
            flags = os.environ.get("XLA_FLAGS", "")
            os.environ["XLA_FLAGS"] = f"{flags} --xla_backend_optimization_level=1".strip()
        startup.quiet_libraries()
        # Scoring and drawing run programs that training has compiled.
        startup.compile_cache(workdir / "compiled")
        demo(workdir, smoke=args.smoke)
    except (InputError, OSError) as error:
        print(f"demo.py: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
