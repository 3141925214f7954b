"""From labelled clips to batches: an index over clips, read by tf.data in parallel.

    Dataset.range → map(which row of which batch) → map(read one element) → batch → prefetch

An element is a pure function of a global counter g (`order`): no generators, no shuffle
buffer, nothing to checkpoint but the number of batches that were consumed. Host h of H
reads the h-th block of each batch, so that the global batches are the same on any number
of hosts.
"""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Iterator

import numpy as np

from vidparticles.data import order
from vidparticles.data.augment import Augment
from vidparticles.data.clips import Clips
from vidparticles.data.folder import Dataset, scan
from vidparticles.data.tf import tensorflow
from vidparticles.data.tfds_source import TfdsDataset
from vidparticles.errors import InputError

SAMPLINGS = ("uniform", "dense")
# Of dense windows, frames a second.
DENSE_RATE = 12.0


@dataclasses.dataclass(frozen=True)
class _Plan:
    """What is read: see the arguments of `batches`."""

    frames: int
    size: tuple[int, int]
    seed: int
    train: bool
    sampling: str
    rate: float
    augment: Augment


def batches(
    source: Dataset | TfdsDataset | str | os.PathLike[str],
    *,
    split: str,
    batch_size: int,
    frames: int,
    size: int | tuple[int, int],
    seed: int = 0,
    start: int = 0,
    train: bool = True,
    host: int = 0,
    hosts: int = 1,
    sampling: str = "uniform",
    rate: float = DENSE_RATE,
    augment: Augment | None = None,
    parallel: int | None = None,
) -> Batches:
    """Batches of one split, as numpy arrays.

    For training they go on for ever: each epoch is a new permutation of the clips, a clip is
    sampled at random times, and a corrupt one gives its row to the next. Otherwise every
    clip comes once, in order and at fixed times (with dense sampling, in as many windows as
    cover it), and what is no clip, at the end or because it is corrupt, has `_mask` false.

    Args:
        source: a `folder.Dataset`, a `tfds_source.TfdsDataset` or a folder to scan.
        split: "train", "val" or "test".
        batch_size: B, of the global batch; a multiple of `hosts`.
        frames: T of a clip.
        size: height and width in pixels, or one number for both.
        seed: of order, times and augmentation.
        start: number of batches to pass over: the `state` of the iterator to go on from.
        train: see above.
        host, hosts: this process among all; it is given rows host·B/hosts … of each batch.
        sampling: "uniform", one frame in each of T equal parts of the clip; or "dense",
            T frames 1/rate seconds apart.
        rate: frames a second of dense sampling.
        augment: how training clips are varied; not at all unless given.
        parallel: elements that are read at a time; default, as many as tf.data finds best.

    Returns:
        an iterator of dicts: `video` uint8 [B/hosts, T, H, W, 3], `time` float32 [B/hosts, T]
        seconds in the clip, `label` int32, `_mask` bool, `index` int64 (the clip's index in
        its split, −1 for none).

    Raises:
        InputError: the source has no such split.
        ValueError: an argument outside its range.
    """
    if batch_size < 1 or hosts < 1 or batch_size % hosts:
        raise ValueError(
            f"batch_size is {batch_size} for {hosts} hosts; expected a multiple of the hosts."
        )
    if not 0 <= host < hosts:
        raise ValueError(f"host is {host} of {hosts}; expected 0 … {hosts - 1}.")
    if frames < 1 or start < 0 or rate <= 0:
        raise ValueError("expected frames ≥ 1, start ≥ 0 and rate > 0.")
    if sampling not in SAMPLINGS:
        raise ValueError(f"sampling is {sampling!r}; expected one of {', '.join(SAMPLINGS)}.")
    if isinstance(source, (str, os.PathLike)):
        source = scan(source)
    plan = _Plan(
        frames=frames,
        size=(size, size) if isinstance(size, int) else size,
        seed=seed,
        train=train,
        sampling=sampling,
        rate=rate,
        augment=augment if augment is not None and train else Augment(),
    )
    reader = _Reader(source.clips(split), plan)
    return Batches(
        reader, batch_size=batch_size, start=start, host=host, hosts=hosts, parallel=parallel
    )


class Batches(Iterator[dict[str, np.ndarray]]):
    """An iterator whose whole state is one integer; use `batches`.

    Attributes:
        state: the number of batches consumed since batch 0; give it to `batches` as `start`.
    """

    def __init__(
        self,
        reader: _Reader,
        *,
        batch_size: int,
        start: int,
        host: int,
        hosts: int,
        parallel: int | None,
    ):
        self.state = start
        self._reader = reader
        self._total = None if reader.train else -(-reader.count // batch_size)
        self._batches = self._build(batch_size, host, hosts, parallel)
        self._failed = tensorflow().errors.OpError

    def __len__(self) -> int:
        """Batches in the whole pass; a TypeError for training, which has no end."""
        if self._total is None:
            raise TypeError("batches for training have no end and so no length.")
        return self._total

    def __next__(self) -> dict[str, np.ndarray]:
        try:
            video, time, label, mask, index = next(self._batches)
        except self._failed:
            # tensorflow wraps what was raised in its thread: say the sentence itself.
            if self._reader.failure is not None:
                raise self._reader.failure from None
            raise
        self.state += 1
        return {"video": video, "time": time, "label": label, "_mask": mask, "index": index}

    @property
    def skipped(self) -> dict[str, str]:
        """Corrupt clips met so far (reading ahead included): name → what is wrong."""
        return dict(self._reader.skipped)

    def _build(self, batch_size: int, host: int, hosts: int, parallel: int | None) -> Iterator:
        tf = tensorflow()
        plan, local = self._reader.plan, batch_size // hosts
        end = np.iinfo(np.int64).max if self._total is None else self._total * local
        shapes = ((plan.frames, *plan.size, 3), (plan.frames,), (), (), ())
        types = (tf.uint8, tf.float32, tf.int32, tf.bool, tf.int64)

        def counter(row):
            """The row-th of this host's rows → its index in the run of all hosts."""
            return row // local * batch_size + host * local + row % local

        def element(g):
            # Stateless, so that tf.data may run it in parallel and never sees a side effect.
            read = tf.numpy_function(self._reader.read, [g], types, stateful=False)
            return tuple(tf.ensure_shape(x, s) for x, s in zip(read, shapes, strict=True))

        rows = tf.data.Dataset.range(self.state * local, max(end, self.state * local))
        dataset = (
            rows.map(counter)
            .map(element, num_parallel_calls=parallel or tf.data.AUTOTUNE, deterministic=True)
            .batch(local, drop_remainder=True)
            .prefetch(2)
        )
        return dataset.as_numpy_iterator()


class _Reader:
    """Reads the g-th element; safe to call from many threads."""

    def __init__(self, clips: Clips, plan: _Plan):
        self.plan = plan
        self.train = plan.train
        self.skipped: dict[str, str] = {}
        self.failure: InputError | None = None
        self._clips = clips
        self._lock = threading.Lock()
        videos = np.arange(len(clips.names))
        windows = [self._windows(int(video)) for video in videos] if self._in_windows else None
        # Row g of one pass: (clip, which of its windows, of how many).
        self._rows = (
            np.stack([videos, 0 * videos, 0 * videos + 1], axis=1)
            if windows is None
            else np.array([(v, w, n) for v, n in enumerate(windows) for w in range(n)])
        )
        self.count = len(self._rows)

    @property
    def _in_windows(self) -> bool:
        return self.plan.sampling == "dense" and not self.train

    def read(self, counter: int) -> tuple:
        """(video, time, label, mask, index) of one element."""
        counter, plan = int(counter), self.plan
        count = len(self._clips.names)
        if not self.train:
            video, window, windows = (
                self._rows[counter].tolist() if counter < self.count else (-1, 0, 1)
            )
            found = video >= 0 and self._try(video, None, window, windows)
            return self._row(video, found) if found else self._nothing()
        epoch, first = divmod(counter, count)
        for step in range(count):
            at = (first + step) % count
            video = int(order.permute(at, count=count, seed=plan.seed, epoch=epoch))
            found = self._try(video, order.rng_of(plan.seed, counter), 0, 1)
            if found:
                return self._row(video, found)
        name, reason = next(iter(self.skipped.items()))
        self.failure = InputError(f"none of the {count} clips can be read; {name}: {reason}")
        raise self.failure

    def _try(
        self, video: int, rng: np.random.Generator | None, window: int, windows: int
    ) -> tuple[np.ndarray, np.ndarray] | None:
        name, plan = self._clips.names[video], self.plan
        if name in self.skipped:
            return None

        def choose(duration: float) -> np.ndarray:
            if plan.sampling == "uniform":
                return order.uniform_times(duration, frames=plan.frames, rng=rng)
            return order.dense_times(
                duration,
                frames=plan.frames,
                rate=plan.rate,
                window=window,
                windows=windows,
                rng=rng,
            )

        size = plan.size if rng is None else plan.augment.source_size(plan.size)
        try:
            frames, times = self._clips.read(video, choose, size=size)
        except InputError as error:  # a broken file does not end the run
            self._skip(video, error)
            return None
        if rng is not None:
            frames = plan.augment(frames, size=plan.size, rng=rng)
        return frames, times.astype(np.float32)

    def _windows(self, video: int) -> int:
        try:
            duration = self._clips.duration(video)
        except InputError as error:
            self._skip(video, error)
            return 1
        return order.windows_of(duration, frames=self.plan.frames, rate=self.plan.rate)

    def _skip(self, video: int, error: InputError) -> None:
        with self._lock:
            self.skipped[self._clips.names[video]] = str(error)

    def _row(self, video: int, found: tuple[np.ndarray, np.ndarray]) -> tuple:
        label = np.int32(self._clips.label(video))
        return (*found, label, np.bool_(True), np.int64(video))

    def _nothing(self) -> tuple:
        video = np.zeros((self.plan.frames, *self.plan.size, 3), np.uint8)
        time = np.zeros(self.plan.frames, np.float32)
        return video, time, np.int32(0), np.bool_(False), np.int64(-1)
