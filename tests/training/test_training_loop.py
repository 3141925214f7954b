"""The loop: a run in pieces is the run in one, and every rhythm is kept."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest
import stand_in

from vidparticles.training import checkpoint, loop, progress, sharding, state, step, writer

MODEL, MESH = stand_in.Linear(), sharding.data_mesh()
OPTIMIZER = state.adamw(lambda _: 0.03, weight_decay=0.01, clip=1.0)
STEP = step.train_step(MODEL, OPTIMIZER, decay=0.9, mesh=MESH)
KEY = jax.random.key(5)


@jax.jit
def begin(batch: Any) -> state.TrainState:
    return state.create(MODEL.init(KEY, batch), OPTIMIZER)


def stream(start: int) -> Iterator[dict[str, np.ndarray]]:
    while True:
        yield stand_in.batch(start, size=8)
        start += 1


def life(workdir: pathlib.Path, *, steps: int) -> tuple[state.TrainState, dict, list[int]]:
    """One life of a run: from its last checkpoint up to a step."""
    now = jax.device_put(begin(stand_in.batch(0)), sharding.everywhere(MESH))
    checkpoints, position, evaluated = checkpoint.Checkpoints(workdir), 0, []
    if checkpoints.latest() is not None:
        now, position = checkpoints.restore(now)

    def evaluate(now: state.TrainState) -> dict[str, float]:
        evaluated.append(int(now.step))
        return {"val/accuracy": 0.5}

    with (
        checkpoints,
        writer.Writer(workdir, step=int(now.step)) as out,
        progress.Progress(steps=steps, start=position, active=False) as shown,
        progress.Clock() as clock,
    ):
        now, last = loop.fit(
            now,
            step=STEP,
            batches=stream,
            position=position,
            key=KEY,
            mesh=MESH,
            rhythm=loop.Rhythm(
                steps=steps, log_every=2, eval_every=4, checkpoint_every=3, batch_size=8
            ),
            output=loop.Output(checkpoints, out, shown, clock),
            schedule=lambda done: np.float32(done),
            evaluate=evaluate,
        )
    return now, last, evaluated


def test_a_run_in_pieces_is_the_run_in_one(tmp_path: pathlib.Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    now, last, evaluated = life(whole, steps=8)
    assert evaluated == [4, 8]
    lines = writer.read(whole)
    assert [line["step"] for line in lines] == [2, 4, 6, 8]
    assert [line["learning_rate"] for line in lines] == [1, 3, 5, 7]
    assert last["train/loss"] == pytest.approx(lines[-1]["train/loss"])
    assert last["val/accuracy"] == 0.5
    kept = sorted(int(p.name) for p in (whole / checkpoint.FOLDER).iterdir())
    assert kept == [6, 8]

    # Stopped after six steps, and started again.
    life(parts, steps=6)
    again, _, evaluated = life(parts, steps=8)
    assert evaluated == [8]
    for a, b in zip(jax.tree.leaves(now), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (parts / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()

    # After its end there is nothing left to do.
    done, last, evaluated = life(parts, steps=8)
    assert (int(done.step), last, evaluated) == (8, {}, [])
