"""How busy training keeps the device, and what the first step costs.

A short run of experiments/train.py on the embedded set at its own sizes. Figures:
`device_busy_share`, the share of the wall time of the training loop (after the first step,
without evaluation and checkpoints) in which the device computes (to reach: ≥ 0.9);
`first_step_seconds`, tracing and compiling included, without a compilation cache;
`clips_per_second` of the training loop.
"""

from __future__ import annotations

import pathlib
import tempfile

from experiments.benchmarks import harness


def main() -> None:
    args = harness.parser(__doc__.splitlines()[0]).parse_args()

    import jax

    from experiments.configs import embedded
    from experiments.train import train

    jax.config.update("jax_enable_compilation_cache", False)
    with tempfile.TemporaryDirectory() as folder:
        config = embedded.get_config()
        config.data.dir = str(pathlib.Path(folder) / "data")
        config.data.clips = {"train": 4 if args.smoke else 20}
        config.steps = 6 if args.smoke else 60
        final = train(config, pathlib.Path(folder) / "run")
    keys = ("device_busy_share", "first_step_seconds", "clips_per_second")
    settings = {"steps": config.steps, "batch_size": config.batch_size, "model": config.model.name}
    harness.finish(args, {key: final[key] for key in keys}, settings=settings)


if __name__ == "__main__":
    main()
