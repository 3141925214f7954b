"""The training loop: steps, and what a run writes, evaluates and keeps on the way.

It is the only one. What a step does follows from the state, the batch and the key; which batch it
is given follows from how many came before; so a run is a function of its config and seed, however
often it was stopped and went on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
from jax import Array
from jax.sharding import Mesh

from vidparticles.training import peers, sharding
from vidparticles.training import step as steps
from vidparticles.training.checkpoint import Checkpoints
from vidparticles.training.progress import Clock, Progress
from vidparticles.training.state import TrainState
from vidparticles.training.writer import Writer

Step = Callable[[TrainState, Mapping[str, Array], Array], tuple[TrainState, dict[str, Array]]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rhythm:
    """How long a run is and how often it does what, in steps.

    Attributes:
        steps: updates in all.
        log_every: updates between lines of metrics.
        eval_every: updates between evaluations.
        checkpoint_every: updates between checkpoints.
        batch_size: B, clips an update, over all processes.
    """

    steps: int
    log_every: int
    eval_every: int
    checkpoint_every: int
    batch_size: int


@dataclasses.dataclass(frozen=True)
class Output:
    """Where a run leaves what it finds; all are open.

    Attributes:
        checkpoints: of the state.
        writer: of metrics.
        progress: on the terminal.
        clock: of the device.
    """

    checkpoints: Checkpoints
    writer: Writer
    progress: Progress
    clock: Clock


def fit(
    state: TrainState,
    *,
    step: Step,
    batches: Callable[[int], Iterator[Mapping[str, Any]]],
    position: int,
    key: Array,
    mesh: Mesh,
    rhythm: Rhythm,
    output: Output,
    schedule: Callable[[int], Array],
    evaluate: Callable[[TrainState], Mapping[str, float]] | None = None,
) -> tuple[TrainState, dict[str, float]]:
    """Train from `state.step` to `rhythm.steps`, with lines, evaluations and checkpoints.

    Args:
        state: to go on from; it is given up.
        step: what `step.train_step` gives.
        batches: of a number of batches to pass over gives the stream of those that follow, numpy
            dicts of this process' rows; `skipped` of the stream says which clips were left out.
        position: the number of batches that `state` has consumed.
        key: of the run's randomness; that of a step is fold_in(key, step).
        mesh: what `sharding.data_mesh` gives.
        rhythm: how long, and how often what.
        output: where to write.
        schedule: from updates done to the learning rate, for the lines.
        evaluate: of a state gives metrics; it writes them itself. It is called after every
            `eval_every` steps and after the last; default never.

    Returns:
        The state after the last step, and the last metrics by name; none where no step was left.

    Raises:
        FloatingPointError: the numbers broke; the sentence names the step and where to go on from.
    """
    done, last = int(state.step), dict[str, float]()
    if done >= rhythm.steps:
        return state, last
    clock, writer, progress = output.clock, output.writer, output.progress
    stream = batches(position)
    batch = sharding.global_batch(next(stream), mesh)
    while done < rhythm.steps:
        clock.start()
        with peers.meeting():
            state, measured = step(state, batch, key)
        clock.watch(measured)
        done, position = done + 1, position + 1
        if done < rhythm.steps:  # read the next batch while the device works
            batch = sharding.global_batch(next(stream), mesh)
        clock.finish()

        with peers.meeting():
            measured = jax.device_get(measured)
        steps.check_finite(done, measured, last_good=output.checkpoints.describe())
        ends = done == rhythm.steps
        rate = rhythm.batch_size * clock.steps_per_second
        if clock.steps == 0:
            progress.note(f"first step, with compiling: {clock.first_step_seconds:.1f} s")
        progress.update(done, loss=float(measured["loss"]), clips_per_second=rate)
        if done % rhythm.log_every == 0 or ends:
            values = {f"train/{name}": float(v) for name, v in measured.items() if name != "finite"}
            progress.note_skipped(getattr(stream, "skipped", {}))
            writer.write(done, {**values, "learning_rate": float(schedule(done - 1))})
            writer.board(done, {"clock/clips_per_second": rate})
            last.update(values)
        if evaluate is not None and (done % rhythm.eval_every == 0 or ends):
            clock.pause()
            last.update(evaluate(state))
        # After the lines of this step, which a restart from here does not write again.
        if done % rhythm.checkpoint_every == 0 or ends:
            clock.pause()
            writer.flush()
            output.checkpoints.save(state, position=position)
    return state, last
