"""The first command: a real clip, then a model that is trained here. Nothing to download.

    python -m experiments.demo [--smoke] [--seed 0] [--workdir out/demo]

Follows the particles of a clip that comes with the package and draws them, slows it down beside a
plain blend, and finds the cuts of another. Then makes a small set of labelled clips (two real
handwritten digits over textures; the class is how they move and meet), trains the particle model
on it, scores it on clips it never saw beside the majority class and a single-frame model, takes
one unseen, longer clip, says what happens in it and when, predicts its next frames, and edits it.
Leaves a page: index.html.
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
import sys
import time

from vidparticles import startup
from vidparticles.errors import InputError


def demo(workdir: pathlib.Path, *, seed: int = 0, smoke: bool = False) -> pathlib.Path:
    """Run everything.

    Args:
        workdir: an empty folder.
        seed: of the training and of the clip that is then understood.
        smoke: the same path with a dozen steps of training.

    Returns:
        The page.
    """
    began = time.perf_counter()

    def section(title: str) -> None:
        print(f"\n── {title}  ({time.perf_counter() - began:.0f} s)", flush=True)

    # What reads files and follows points comes first: TensorFlow alone takes seconds to import.
    from experiments.demo import real

    footage = real.run(workdir / "real", section)

    from experiments.demo import page, trained

    run = trained.run(workdir, section, seed=seed, smoke=smoke)

    section("writing the page")
    out = page.write(workdir / "index.html", footage, run)
    print(f"\nDone in {time.perf_counter() - began:.0f} s. Open {out}")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="the same path, tiny, in a minute")
    parser.add_argument("--seed", type=int, default=0, help="of the training; default %(default)s")
    parser.add_argument("--workdir", default="out/demo", help="made anew; default %(default)s")
    args = parser.parse_args()
    workdir = pathlib.Path(args.workdir)
    try:
        if workdir.exists():
            if any(workdir.iterdir()) and not (workdir / "real").is_dir():
                raise InputError(
                    f"{workdir} exists and is no demo's folder; give another with --workdir."
                )
            shutil.rmtree(workdir)
        workdir.mkdir(parents=True)
        # Most is done only for seconds, in smoke for less: level 0 is too slow to draw.
        startup.compile_cheaply(level=1 if args.smoke else 3)
        # Scoring and drawing run programs that training has compiled.
        with startup.own_words_only(workdir / "compiled"):
            demo(workdir, seed=args.seed, smoke=args.smoke)
    except (InputError, OSError) as error:
        print(f"experiments.demo: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
