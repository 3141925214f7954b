"""What a trained model costs on a 10 s clip of 320 × 240: reading apart from the model.

Figures: `understand_decode_seconds` and `understand_model_seconds` (medians; compiling is not
in the model's) and `understand_total_over_clip`: the whole call, with loading the checkpoint and
compiling, over the clip's own length (to reach: < 1). The model has its full size and is trained
for one step: what it says does not matter here.
"""

from __future__ import annotations

import pathlib
import statistics
import tempfile

import numpy as np

from experiments.benchmarks import harness
from experiments.configs import embedded as embedded_config
from experiments.train import train
from vidparticles.data import embedded
from vidparticles.inference.understanding.trained import classify
from vidparticles.video.write import write_video

SECONDS, RATE, WIDTH, HEIGHT = 10, 30, 320, 240


def footage(path: pathlib.Path, *, seconds: float) -> pathlib.Path:
    """A clip as costly to decode as real ones: a drifting texture, and noise as of a sensor."""
    rng = np.random.default_rng(0)
    still = rng.standard_normal((HEIGHT, WIDTH, 3))
    gain = 1 / (0.01 + np.hypot(np.fft.fftfreq(HEIGHT)[:, None], np.fft.fftfreq(WIDTH)))
    still = np.fft.ifft2(np.fft.fft2(still, axes=(0, 1)) * gain[..., None], axes=(0, 1)).real
    still = 127 + 50 * still / still.std()

    def frames():
        for i in range(round(seconds * RATE)):
            moved = np.roll(still, (i, 2 * i), axis=(0, 1))
            yield np.clip(moved + 3 * rng.standard_normal(still.shape), 0, 255).astype(np.uint8)

    write_video(path, frames(), rate=RATE)
    return path


def checkpoint(folder: pathlib.Path) -> pathlib.Path:
    """A run of one step of the embedded set's own config."""
    clips = {"train": 2, "test": 1}
    config = embedded_config.get_config()
    config.data.dir = str(embedded.make(folder / "clips", clips_per_class=clips))
    config.data.clips = clips
    config.steps = 1
    config.batch_size = 4
    train(config, folder / "run")
    return folder / "run"


def main() -> None:
    args = harness.parser(__doc__.splitlines()[0]).parse_args()
    seconds = 4 if args.smoke else SECONDS
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        clip = footage(folder / "clip.mp4", seconds=seconds)
        run = checkpoint(folder)
        calls = []
        timings = harness.interleaved(
            {"classify": lambda: calls.append(classify(clip, run))},
            repeats=2 if args.smoke else 7,
        )
    harness.print_timings(timings)
    parts = {
        part: statistics.median(getattr(call, f"{part}_seconds") for call in calls[1:])
        for part in ("decode", "model", "compile")
    }
    harness.print_table(["part", "seconds"], [[name, value] for name, value in parts.items()])
    figures = {
        "understand_total_over_clip": timings["classify"].median / seconds,
        **{f"understand_{part}_seconds": value for part, value in parts.items()},
    }
    harness.finish(args, figures, packages=("av", "flax"), clip_seconds=seconds)


if __name__ == "__main__":
    main()
