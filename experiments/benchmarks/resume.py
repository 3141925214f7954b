"""Killed at random steps, the input pipeline goes on with the same batches to the bit.

    python experiments/benchmarks/resume.py [--smoke] [--json FILE]

A reader writes a hash of every batch and, after it, its state; it is killed (-9) at 20 random
steps and started again from the state on disk. Its batches are compared with those of a run
that was never killed, and with what 1, 2 and 4 processes read together.

- resume_identical: share of batches that are the same to the bit. Target 1.
- state_bytes: bytes on disk from which it goes on. Target ≤ 1,000.
- order_identical: share of batches that are the same on 1, 2 and 4 processes. Target 1.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import multiprocessing.process
import pathlib
import random
import tempfile
import time

import numpy as np

from experiments.benchmarks import harness
from vidparticles.data import embedded, pipeline
from vidparticles.data.augment import Augment
from vidparticles.storage import write_text

BATCH, FRAMES, SIDE, SEED = 8, 8, 64, 11


def batches(data: str, start: int, host: int = 0, hosts: int = 1) -> pipeline.Batches:
    return pipeline.batches(
        data,
        split="train",
        batch_size=BATCH,
        frames=FRAMES,
        size=SIDE,
        seed=SEED,
        start=start,
        host=host,
        hosts=hosts,
        augment=Augment(crop=0.9, flip=True, brightness=0.2),
    )


def row_hashes(batch: dict[str, np.ndarray]) -> list[str]:
    """One hash for each row of a batch, over all of its arrays."""
    return [
        hashlib.sha256(
            b"".join(np.ascontiguousarray(v[i]).tobytes() for v in batch.values())
        ).hexdigest()
        for i in range(len(batch["label"]))
    ]


def read(data: str, log: pathlib.Path, steps: int, host: int, hosts: int, pause: float) -> None:
    """The process that is killed: goes on from its state file up to `steps`."""
    state = log.with_suffix(".state")
    start = int(state.read_text()) if state.exists() else 0
    reader = batches(data, start, host, hosts)
    with log.open("a") as file:
        while reader.state < steps:
            step = reader.state
            file.write(f"{step} {' '.join(row_hashes(next(reader)))}\n")
            file.flush()
            write_text(state, str(reader.state))
            time.sleep(pause)


def start_reader(
    data: str, log: pathlib.Path, steps: int, *, host: int = 0, hosts: int = 1, pause: float = 0.0
) -> multiprocessing.process.BaseProcess:
    """A reader in a process of its own, forked from one that has imported tensorflow only."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tensorflow", "vidparticles.data.pipeline"])
    process = context.Process(target=read, args=(data, log, steps, host, hosts, pause))
    process.start()
    return process


def logged(log: pathlib.Path) -> list[tuple[int, tuple[str, ...]]]:
    """(step, hashes) of each whole line."""
    lines = log.read_text().split("\n")[:-1] if log.exists() else []
    return [(int(w[0]), tuple(w[1:])) for w in (line.split() for line in lines)]


def killed_run(data: str, log: pathlib.Path, kills: list[int], steps: int) -> None:
    """Kill the reader as soon as it has logged each of some steps, then let it finish."""
    for step in kills:
        process = start_reader(data, log, steps, pause=0.02)
        while process.is_alive() and (not logged(log) or logged(log)[-1][0] < step):
            time.sleep(0.002)
        # Anywhere within the next batch, between its hash and its state too.
        time.sleep(random.Random(step).random() * 0.03)
        process.kill()
        process.join()
    finish([start_reader(data, log, steps)])


def finish(readers: list[multiprocessing.process.BaseProcess]) -> None:
    for reader in readers:
        reader.join()
        if reader.exitcode:
            raise RuntimeError(f"a reader ended with status {reader.exitcode}")


def main() -> None:
    args = harness.parser(__doc__.splitlines()[0]).parse_args()
    kills_wanted, steps = (2, 12) if args.smoke else (20, 150)
    kills = sorted(random.Random(0).sample(range(1, steps - 2), kills_wanted))
    with tempfile.TemporaryDirectory() as scratch_name:
        scratch = pathlib.Path(scratch_name)
        per_class = {"train": 3 if args.smoke else 6}
        data = str(embedded.make(scratch / "clips", seed=1, clips_per_class=per_class))
        reader = batches(data, 0)
        true = [tuple(row_hashes(next(reader))) for _ in range(steps)]

        log = scratch / "killed.log"
        killed_run(data, log, kills, steps)
        lines = logged(log)
        same = [hashes == true[step] for step, hashes in lines]
        missing = set(range(steps)) - {step for step, _ in lines}
        state_bytes = log.with_suffix(".state").stat().st_size
        print(
            f"killed after steps {kills}: {len(lines)} batches read, {len(lines) - steps} of them "
            f"again, {same.count(False)} different, {len(missing)} left out"
        )

        few = min(steps, 12)
        order_same = []
        for hosts in (1, 2, 4):
            logs = [scratch / f"{hosts}_{host}.log" for host in range(hosts)]
            finish([start_reader(data, p, few, host=h, hosts=hosts) for h, p in enumerate(logs)])
            parts = [dict(logged(path)) for path in logs]
            whole = [sum((part[step] for part in parts), ()) for step in range(few)]
            order_same += [got == want for got, want in zip(whole, true, strict=False)]
            print(f"{hosts} processes: {sum(order_same[-few:])} of {few} batches the same")
    harness.finish(
        args,
        {
            "resume_identical": float(np.mean(same)) * (not missing),
            "state_bytes": state_bytes,
            "order_identical": float(np.mean(order_same)),
        },
        packages=("av", "numpy", "tensorflow-cpu"),
        kills=kills,
        steps=steps,
    )


if __name__ == "__main__":
    main()
