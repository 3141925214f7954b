"""Checkpoints under W/checkpoints/<step>: the only module that knows orbax.

A checkpoint holds the whole `TrainState` and the position in the data. It is written beside and
renamed when complete, so a run that is killed at any moment goes on from the last complete one.
Where the newest is damaged all the same (a full or a failing disk), the one before it is read.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import pathlib
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import jax
import numpy as np

from vidparticles.errors import InputError
from vidparticles.training import peers
from vidparticles.training.state import PyTree, TrainState

_Read = TypeVar("_Read")
FOLDER = "checkpoints"
_ITEMS = ("params", "ema", "optimizer")


def first_difference(expected: PyTree, found: PyTree) -> str | None:
    """What differs first between two trees of arrays, in words; None when nothing does.

    Only names, shapes and dtypes are looked at. Containers of different kinds (a tuple and a
    list, a named tuple and a dict) count as the same when their leaves bear the same names.

    Example:
        >>> a = {"dense": {"bias": np.zeros(2), "kernel": np.zeros((3, 2))}}
        >>> b = {"dense": {"bias": np.zeros(2), "kernel": np.zeros((4, 2))}}
        >>> first_difference(a, b)
        'dense/kernel is float64[3, 2] in the model and float64[4, 2] in the checkpoint'
    """

    def leaves(tree: PyTree) -> dict[str, str]:
        return {
            jax.tree_util.keystr(path, simple=True, separator="/"): (
                f"{np.dtype(leaf.dtype).name}{list(leaf.shape)}"
            )
            for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
        }

    want, have = leaves(expected), leaves(found)
    for name in sorted(want | have):
        if want.get(name) != have.get(name):
            return (
                f"{name} is {want.get(name, 'absent')} in the model and "
                f"{have.get(name, 'absent')} in the checkpoint"
            )
    return None


def first_not_finite(params: PyTree) -> str | None:
    """The name of the first parameter that is NaN or infinite somewhere; None when all are numbers.

    Example:
        >>> first_not_finite({"dense": {"bias": np.zeros(2), "kernel": np.array([[1.0, np.nan]])}})
        'dense/kernel'
    """
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        if not np.isfinite(np.asarray(jax.device_get(leaf), np.float64)).all():
            return jax.tree_util.keystr(path, simple=True, separator="/")
    return None


class _DamagedError(Exception):
    """A checkpoint cannot be read."""


def _on_stderr(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


class Checkpoints:
    """The checkpoints of one run; saving waits until the checkpoint is complete."""

    def __init__(
        self,
        workdir: str | os.PathLike[str],
        *,
        keep: int = 2,
        read_only: bool = False,
        note: Callable[[str], None] = _on_stderr,
    ):
        """Look at W/checkpoints.

        Args:
            workdir: W.
            keep: how many of the last are kept.
            read_only: create, delete and save nothing.
            note: takes a sentence on each damaged checkpoint that is passed over; default stderr.
        """
        import orbax.checkpoint as ocp

        self._ocp = ocp
        self._note = note
        self._passed_over: list[int] = []
        self.folder = pathlib.Path(workdir).absolute() / FOLDER
        if read_only:
            # Said in full: orbax warns of each default that read_only overrides.
            options = ocp.CheckpointManagerOptions(
                read_only=True, save_interval_steps=0, create=False
            )
        else:
            options = ocp.CheckpointManagerOptions(
                max_to_keep=keep, enable_async_checkpointing=False, cleanup_tmp_directories=True
            )
        handlers = {name: ocp.StandardCheckpointHandler() for name in _ITEMS}
        with _quiet():
            self._manager = ocp.CheckpointManager(
                self.folder,
                options=options,
                item_handlers={**handlers, "data": ocp.JsonCheckpointHandler()},
            )

    def latest(self) -> int | None:
        """The step of the last complete checkpoint that is not known to be damaged, or None."""
        return max(self._steps(), default=None)

    def save(self, state: TrainState, *, position: int) -> None:
        """Write a checkpoint, unless there is one of that step.

        Args:
            state: after `state.step` steps.
            position: the number of training batches consumed.
        """
        step = int(state.step)
        if step in self._steps():
            return
        save = self._ocp.args.StandardSave
        with peers.meeting():
            # Only now that the run has got as far again; else they would count as the newest.
            while self._passed_over:
                self._manager.delete(self._passed_over.pop())
            self._manager.save(
                step,
                args=self._ocp.args.Composite(
                    params=save(state.params),
                    ema=save(state.ema),
                    optimizer=save({"step": state.step, "state": state.opt_state}),
                    data=self._ocp.args.JsonSave({"position": position}),
                ),
            )

    def describe(self) -> str:
        """Where a run that has to stop goes on from, in words."""
        step = self.latest()
        if step is None:
            return "no checkpoint had been saved"
        return f"the last good checkpoint is {self.folder / str(step)}"

    def restore(self, like: TrainState) -> tuple[TrainState, int]:
        """The last checkpoint that can be read; of each damaged one after it there is a note.

        Args:
            like: a state of the same shape; the arrays come back laid out as its arrays are.

        Returns:
            The state and the number of training batches consumed.

        Raises:
            InputError: there is none, it is of another model, the files of all are damaged, or a
                parameter is not finite.
        """
        optimizer = {"step": like.step, "state": like.opt_state}

        def read(step: int) -> tuple[TrainState, int]:
            self._compare(step, "params", like.params)
            got = self._read(step, params=like.params, ema=like.ema, optimizer=optimizer, data=None)
            state = TrainState(
                step=got["optimizer"]["step"],
                params=got["params"],
                opt_state=got["optimizer"]["state"],
                ema=got["ema"],
            )
            self._check_finite(step, {"params": state.params, "ema": state.ema})
            return state, int(got["data"]["position"])

        return self._last(read)

    def restore_ema(self, like: PyTree) -> tuple[PyTree, int]:
        """The averaged parameters of the checkpoint that `restore` reads, and its step."""

        def read(step: int) -> tuple[PyTree, int]:
            self._compare(step, "ema", like)
            ema = self._read(step, ema=like)["ema"]
            self._check_finite(step, ema)
            return ema, step

        return self._last(read)

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, *_: object) -> None:
        self._manager.close()

    def _steps(self) -> list[int]:
        return sorted(set(self._manager.all_steps()) - set(self._passed_over))

    def _last(self, read: Callable[[int], _Read]) -> _Read:
        """What is read of the last checkpoint of which it can be."""
        step = self.latest()
        if step is None:
            raise InputError(
                f"{self.folder} holds no complete checkpoint; train first with "
                "experiments/train.py --workdir=W, or give the workdir of a run that has saved one."
            )
        while True:
            try:
                return read(step)
            except _DamagedError as error:
                self._passed_over.append(step)
                before = self.latest()
                if before is None:
                    raise InputError(
                        f"{error}, and there is none before it that can be; start again with "
                        "another --workdir."
                    ) from error
                self._note(f"{error}; going on from the checkpoint before it, {before}")
                step = before

    def _compare(self, step: int, item: str, expected: PyTree) -> None:
        try:
            with _quiet():
                found = self._manager.item_metadata(step)[item]
            found = getattr(found, "tree", found)
            if not jax.tree.leaves(found):
                raise ValueError(f"what {item} consists of is missing")
            difference = first_difference(expected, found)
        except Exception as error:
            raise self._damaged(step, error) from error
        if difference:
            raise InputError(
                f"{self.folder / str(step)} is a checkpoint of another model: {difference}; give "
                "the config it was trained with, or another --workdir."
            )

    def _read(self, step: int, **items: PyTree) -> Mapping[str, Any]:
        args = {
            name: self._ocp.args.JsonRestore()
            if like is None
            else self._ocp.args.StandardRestore(_abstract(like))
            for name, like in items.items()
        }
        try:
            with _quiet(), peers.meeting():
                return self._manager.restore(step, args=self._ocp.args.Composite(**args))
        except Exception as error:
            raise self._damaged(step, error) from error

    def _check_finite(self, step: int, params: PyTree) -> None:
        name = first_not_finite(params)
        if name is not None:
            raise InputError(
                f"{self.folder / str(step)} holds {name}, which is not finite: nothing can be made "
                "of it; remove that folder to go on from the checkpoint before it, or train anew "
                "with a lower config.optimizer.learning_rate."
            )

    def _damaged(self, step: int, error: Exception) -> _DamagedError:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        return _DamagedError(f"{self.folder / str(step)} cannot be read ({reason})")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without orbax's warnings of what it was not asked to do (write, restore every item).

    Where a file is damaged, that comes as an exception; the tasks that were reading others fail
    as well, and would say so at length when they are collected: here.
    """
    levels = {log: log.level for log in map(logging.getLogger, ("absl", "asyncio"))}
    hook = sys.unraisablehook
    try:
        for log in levels:
            log.setLevel(logging.CRITICAL)
        sys.unraisablehook = lambda _: None
        try:
            yield
        except Exception as error:
            traceback.clear_frames(error.__traceback__)
            gc.collect()
            raise
    finally:
        sys.unraisablehook = hook
        for log, level in levels.items():
            log.setLevel(level)


def _abstract(tree: PyTree) -> PyTree:
    """Shapes, dtypes and layouts; what has no layout goes to the first local device."""
    here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(
            x.shape, x.dtype, sharding=getattr(x, "sharding", None) or here
        ),
        tree,
    )
