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

import json
import os
import pathlib
from typing import Any

import jax
import ml_collections

from vidparticles import models
from vidparticles.data import spec as source
from vidparticles.training import checkpoint, metrics, sharding, state, step
from vidparticles.training.progress import Clock, Progress
from vidparticles.training.writer import Writer


def train(config: ml_collections.ConfigDict, workdir: str | os.PathLike[str]) -> dict[str, Any]:
    """Train, evaluate, and leave everything in the workdir.

    Args:
        config: what a file of experiments/configs gives.
        workdir: W; made when absent; a run that is in it already goes on.

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

    # ---------------------------------------------------------------- data
    data = source.DataSpec(**config.data)
    dataset = data.open()
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
    model = models.build(config.model.name, num_classes=len(classes) or 1, **options)
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
    like = checkpoint.batch_like(batch_size=1, frames=data.frames, size=data.size)
    now = jax.jit(
        lambda key: state.create(model.init(key, like), optimizer),
        out_shardings=sharding.everywhere(mesh),
        # Runs once: compiling it well costs three times what it saves.
        compiler_options={"xla_backend_optimization_level": 0},
    )(init_key)

    # ---------------------------------------------------------------- where the run is
    settings = {**json.loads(config.to_json()), "classes": list(classes)}
    settings["clip_seconds"] = source.clip_seconds(dataset)
    for name in ("dir", "file"):  # so that evaluate.py finds it from anywhere
        if settings["data"].get(name):
            settings["data"][name] = os.path.abspath(settings["data"][name])
    notes = checkpoint.changes(workdir, settings)
    checkpoints = checkpoint.Checkpoints(workdir, keep=config.keep)
    position = 0
    if checkpoints.latest() is not None:
        now, position = checkpoints.restore(now)
    if first_process:
        checkpoint.write_config(workdir, settings)
    done = int(now.step)
    last: dict[str, Any] = {}
    skipped: dict[str, str] = {}

    def evaluate(split: str) -> None:
        clips = batches(split, train=False)
        score = metrics.evaluate(eval_step, now.ema, clips, mesh=mesh)
        values = {f"{split}/accuracy": score.accuracy, f"{split}/loss": score.loss}
        writer.write(done, values)
        last.update(
            values, **{f"{split}/low": score.interval[0], f"{split}/high": score.interval[1]}
        )
        progress.note(f"step {done}  {split} accuracy {score}")
        tell_skipped(clips)

    def tell_skipped(clips: Any) -> None:
        for name in clips.skipped.keys() - skipped.keys():
            skipped[name] = clips.skipped[name]
            progress.note(f"skipped a clip that cannot be read ({len(skipped)}): {skipped[name]}")

    # ---------------------------------------------------------------- train
    with (
        checkpoints,
        Writer(workdir, step=done, active=first_process) as writer,
        Progress(steps=config.steps, start=done, active=first_process) as progress,
        Clock() as clock,
    ):
        if done:
            for note in [f"going on from step {done} of {workdir}", *notes]:
                progress.note(note)
        if done < config.steps:
            stream = batches("train", train=True, start=position)
            batch = sharding.global_batch(next(stream), mesh)
        while done < config.steps:
            clock.start()
            now, measured = train_step(now, batch, key)
            clock.watch(measured)
            done, position = done + 1, position + 1
            if done < config.steps:  # read the next batch while the device works
                batch = sharding.global_batch(next(stream), mesh)
            clock.finish()

            measured = jax.device_get(measured)
            step.check_finite(done, measured, last_good=checkpoints.describe())
            ends = done == config.steps
            rate = config.batch_size * clock.steps_per_second
            if clock.steps == 0:
                progress.note(f"first step, with compiling: {clock.first_step_seconds:.1f} s")
            progress.update(done, loss=float(measured["loss"]), clips_per_second=rate)
            if done % config.log_every == 0 or ends:
                values = {
                    f"train/{name}": float(v) for name, v in measured.items() if name != "finite"
                }
                tell_skipped(stream)
                writer.write(done, {**values, "learning_rate": float(schedule(done - 1))})
                writer.board(done, {"clock/clips_per_second": rate})
                last.update(values)
            if (done % config.eval_every == 0 or ends) and "val" in splits:
                clock.pause()
                evaluate("val")
            # After the lines of this step, which a restart from here does not write again.
            if done % config.checkpoint_every == 0 or ends:
                clock.pause()
                writer.flush()
                checkpoints.save(now, position=position)

        # ------------------------------------------------------------ test
        if "test" in splits:
            evaluate("test")
        writer.board(done, {"clock/device_busy_share": clock.busy_share})
        progress.note(
            f"device busy {100 * clock.busy_share:.0f} % of the training time, first step "
            f"{clock.first_step_seconds:.1f} s"
        )
    return {
        **last,
        "step": done,
        "first_step_seconds": clock.first_step_seconds,
        "device_busy_share": clock.busy_share,
        "clips_per_second": config.batch_size * clock.steps_per_second,
    }


if __name__ == "__main__":
    from experiments import launch

    launch.run(train)
