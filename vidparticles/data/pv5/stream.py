"""PV-5's clips as batches to train on, whose order and difficulty follow from the step alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from vidparticles.data.order import rng_of
from vidparticles.data.pv5.source import FRAME_RATE, Source
from vidparticles.errors import InputError

# Clips between the first training clips of two seeds.
SEED_STRIDE = 100_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Curriculum:
    """A task and how its clips change while a model learns: the data set of a config.

    Attributes:
        task: of `pv5.TASKS`.
        steps: of the training; each stage takes an equal part of them.
        options: of the task's `batch`, throughout.
        stages: option → its value in each stage; all options have equally many.
        draw: option → values of which each batch has one, drawn from (seed, step).
        val: clips to validate on, of the last stage and with the last value of each draw.

    Example:
        >>> clips = Curriculum(
        ...     task="shell_game", steps=30, stages={"swaps": ((0, 1), (0, 2), (0, 4))}
        ... )
        >>> [clips.at(step, seed=0)["swaps"] for step in (0, 9, 10, 29)]
        [(0, 1), (0, 1), (0, 2), (0, 4)]
        >>> clips.classes
        ('0', '1', '2', '3')
    """

    task: str
    steps: int
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    stages: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict)
    draw: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict)
    val: int = 256

    def __post_init__(self) -> None:
        Source(self.task)
        counts = {name: len(values) for name, values in self.stages.items()}
        if len(set(counts.values())) > 1:
            raise InputError(f"stages has {counts} values; expected equally many of each option.")
        if self.steps < 1 or self.val < 1:
            raise InputError(f"steps is {self.steps} and val {self.val}; expected at least 1.")

    @property
    def name(self) -> str:
        """What sentences call it."""
        return f"PV-5 {self.task}"

    @property
    def classes(self) -> tuple[str, ...]:
        """The answers to the task's question; none where it asks for no label."""
        if self.task == "permanence":
            return ()
        count = {"first_hit": 4, "flash_recall": 8, "texture_flow": 4}.get(self.task, 0)
        if self.task == "shell_game":
            count = self.options.get("cups", 4)
        if self.options.get("ask") == "order":
            count = 24
        return tuple(str(i) for i in range(count))

    @property
    def splits(self) -> dict[str, Source]:
        """What a run reads; tests are of many settings, see `experiments.pv5`."""
        names = ("train", "val") if self.classes else ("train",)
        return {name: Source(self.task, split=name, **self._plain(self.options)) for name in names}

    @property
    def seconds(self) -> float:
        """The length of a clip as it is in the end."""
        last = self.at(self.steps - 1, seed=0)
        return self.splits["train"].batch(0, 1, **last)["frames"].shape[1] / FRAME_RATE

    def at(self, step: int, *, seed: int) -> dict[str, Any]:
        """Options of the batch of a training step, from 0; those after the last are as it."""
        count = max((len(values) for values in self.stages.values()), default=1)
        stage = min(step * count // self.steps, count - 1)
        options = {name: values[stage] for name, values in self.stages.items()}
        for name, values in self.draw.items():
            options[name] = values[int(rng_of(seed, step).integers(len(values)))]
        return self._plain(options)

    def batches(
        self,
        *,
        split: str,
        batch_size: int,
        seed: int = 0,
        start: int = 0,
        train: bool = True,
        host: int = 0,
        hosts: int = 1,
    ) -> Batches:
        """Batches as of `data.pipeline.batches`; the arguments are as there.

        Raises:
            InputError: there is no such split.
        """
        if split not in self.splits:
            raise InputError(f"{self.name} has no split '{split}' to read whole; it has train.")
        rows = batch_size // hosts
        first = host * rows

        def training(step: int) -> dict[str, np.ndarray]:
            source = self.splits[split]
            begin = (seed * SEED_STRIDE + step * batch_size) % (len(source) - batch_size + 1)
            return self._batch(source, begin + first, rows, self.at(step, seed=seed))

        def validation(step: int) -> dict[str, np.ndarray]:
            begin = step * batch_size + first
            last = self.at(self.steps - 1, seed=seed)
            last |= self._plain({name: values[-1] for name, values in self.draw.items()})
            batch = self._batch(self.splits[split], begin, rows, last)
            inside = batch["index"] < self.val
            return {**batch, "_mask": inside, "index": np.where(inside, batch["index"], -1)}

        count = None if train else -(-self.val // batch_size)
        return Batches(training if train else validation, start=start, count=count)

    def _batch(
        self, source: Source, start: int, count: int, options: Mapping[str, Any]
    ) -> dict[str, np.ndarray]:
        clips = source.batch(start, count, **options)
        return {
            "video": clips["frames"],
            "time": clips["time"],
            # Of a task that asks for no label, what it tells of each frame is for the test alone.
            "label": clips["label"] if self.classes else np.zeros(count, np.int32),
            "_mask": np.ones(count, bool),
            "index": np.arange(start, start + count),
        }

    @staticmethod
    def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
        # JSON has no tuples.
        return {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}


class Batches(Iterator[dict[str, np.ndarray]]):
    """An iterator whose whole state is one integer; use `Curriculum.batches`.

    Attributes:
        state: the number of batches consumed since batch 0.
        skipped: clips that cannot be read: none, they are made.
    """

    def __init__(self, make: Any, *, start: int, count: int | None):
        self.state = start
        self.skipped: dict[str, str] = {}
        self._make, self._count = make, count

    def __next__(self) -> dict[str, np.ndarray]:
        if self._count is not None and self.state >= self._count:
            raise StopIteration
        self.state += 1
        return self._make(self.state - 1)
