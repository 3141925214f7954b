"""Train a model of video as particles. Read from top to bottom.

    python experiments/train.py --config=experiments/configs/folder.py \
        --config.data.dir=DIR --workdir=W

The same command on every machine, on 1 device or many, goes on from W's last checkpoint when it
is given again, with the same data order and the same numbers. Several processes:

    python experiments/train.py … --coordinator=localhost:1234 --processes=2 --process=0
    python experiments/train.py … --coordinator=localhost:1234 --processes=2 --process=1

W holds config.json, checkpoints/, metrics.jsonl and TensorBoard events. A model is chosen behind
the config's name: --config=experiments/configs/folder.py:single_frame.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
from typing import Any

import jax
import ml_collections

from vidparticles import models
from vidparticles.data import folder
from vidparticles.data import spec as source
from vidparticles.training import checkpoint, loop, metrics, run, sharding, state, step
from vidparticles.training.progress import Clock, Progress
from vidparticles.training.writer import Writer


def train(
    config: ml_collections.ConfigDict,
    workdir: str | os.PathLike[str],
    *,
    build: run.Build = models.build,
) -> dict[str, Any]:
    """Train, evaluate, and leave everything in the workdir.

    Args:
        config: what a file of experiments/configs gives.
        workdir: W; made when absent; a run that is in it already goes on.
        build: makes the model of a name, as `models.build`; an ablation has models of its own.

    Returns:
        The last numbers: `step`, `train/loss`, `val/…`, `test/…`, `first_step_seconds`,
        `device_busy_share`, `clips_per_second`.

    Raises:
        InputError: the data, the config or W is not what it should be.
        FloatingPointError: the numbers broke; the sentence names the step.
    """
    workdir = pathlib.Path(workdir)
    first_process = jax.process_index() == 0

    # ---------------------------------------------------------------- devices
    mesh = sharding.data_mesh()
    sharding.check_batch_size(config.batch_size, mesh)
    same, rows = sharding.everywhere(mesh), sharding.over_data(mesh)

    # ---------------------------------------------------------------- data
    data = source.DataSpec(**config.data)
    dataset = data.open(once=sharding.first_then_all)
    classes = tuple(dataset.classes)
    splits = [name for name, clips in dataset.splits.items() if clips]

    def batches(split: str, *, train: bool, start: int = 0) -> Any:
        return data.batches(
            dataset,
            split=split,
            train=train,
            start=start,
            batch_size=config.batch_size,
            seed=config.seed,
            host=jax.process_index(),
            hosts=jax.process_count(),
        )

    # ---------------------------------------------------------------- model and optimizer
    # Without classes there is one, and nothing to tell.
    options = config.model.options.to_dict()
    model = build(config.model.name, num_classes=len(classes) or 1, **options)
    schedule = state.learning_rate(
        peak=config.optimizer.learning_rate, steps=config.steps, warmup=config.optimizer.warmup
    )
    optimizer = state.adamw(
        schedule, weight_decay=config.optimizer.weight_decay, clip=config.optimizer.clip
    )
    train_step = step.train_step(model, optimizer, decay=config.optimizer.ema, mesh=mesh)
    eval_step = step.eval_step(model, mesh=mesh)

    # ---------------------------------------------------------------- state
    key, init_key = jax.random.split(jax.random.key(config.seed))
    # The last batch: where clips get harder in training, all that can happen is in it.
    example = sharding.global_batch(
        next(batches("train", train=True, start=config.steps - 1)), mesh
    )
    now = jax.jit(
        lambda key, batch: state.create(model.init(key, batch), optimizer),
        in_shardings=(same, rows),
        out_shardings=same,
        # Runs once: compiling it well costs three times what it saves.
        compiler_options={"xla_backend_optimization_level": 0},
    )(init_key, example)

    # ---------------------------------------------------------------- where the run is
    settings = {**json.loads(config.to_json()), "classes": list(classes)}
    settings["clip_seconds"] = source.clip_seconds(dataset)
    settings["example"] = run.row_shapes(example)
    for name in ("dir", "file"):  # so that evaluate.py finds it from anywhere
        if settings["data"].get(name):
            settings["data"][name] = os.path.abspath(settings["data"][name])
    notes = run.changes(workdir, settings)
    checkpoints = checkpoint.Checkpoints(workdir, keep=config.keep)
    position = 0
    if checkpoints.latest() is not None:
        now, position = checkpoints.restore(now)
    if first_process:
        run.write_config(workdir, settings)
    done = int(now.step)

    with (
        checkpoints,
        Writer(workdir, step=done, active=first_process) as writer,
        Progress(steps=config.steps, start=done, active=first_process) as progress,
        Clock() as clock,
    ):
        progress.note(folder.describe(dataset))
        if done:
            for note in [f"going on from step {done} of {workdir}", *notes]:
                progress.note(note)

        def evaluate(split: str, now: state.TrainState) -> dict[str, float]:
            clips = batches(split, train=False)
            score = metrics.evaluate(eval_step, now.ema, clips, mesh=mesh)
            values = {f"{split}/accuracy": score.accuracy, f"{split}/loss": score.loss}
            writer.write(int(now.step), values)
            progress.note(f"step {int(now.step)}  {split} accuracy {score}")
            progress.note_skipped(clips.skipped)
            return {**values, f"{split}/low": score.interval[0], f"{split}/high": score.interval[1]}

        # ------------------------------------------------------------ fit
        now, last = loop.fit(
            now,
            step=train_step,
            batches=lambda start: batches("train", train=True, start=start),
            position=position,
            key=key,
            mesh=mesh,
            rhythm=loop.Rhythm(
                steps=config.steps,
                log_every=config.log_every,
                eval_every=config.eval_every,
                checkpoint_every=config.checkpoint_every,
                batch_size=config.batch_size,
            ),
            output=loop.Output(checkpoints, writer, progress, clock),
            schedule=schedule,
            evaluate=functools.partial(evaluate, "val") if "val" in splits else None,
        )

        # ------------------------------------------------------------ test
        if "test" in splits:
            last.update(evaluate("test", now))
        writer.board(int(now.step), {"clock/device_busy_share": clock.busy_share})
        progress.note(
            f"device busy {100 * clock.busy_share:.0f} % of the training time, first step "
            f"{clock.first_step_seconds:.1f} s"
        )
    return {
        **last,
        "step": int(now.step),
        "first_step_seconds": clock.first_step_seconds,
        "device_busy_share": clock.busy_share,
        "clips_per_second": config.batch_size * clock.steps_per_second,
    }


if __name__ == "__main__":
    from experiments import launch

    launch.run(train)
