"""What a run writes as it goes: W/metrics.jsonl and TensorBoard events.

metrics.jsonl holds only what the config and the seed decide, one object a line, so that a run
that was killed and went on leaves the same bytes as one that was not. Speeds and other things
of the clock go to TensorBoard alone.
"""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from vidparticles.errors import require
from vidparticles.storage import write_text


def read(workdir: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The lines of W/metrics.jsonl; a last line cut short by a kill is left out."""
    path = pathlib.Path(workdir) / "metrics.jsonl"
    lines = []
    if path.exists():
        for text in path.read_text().splitlines():
            try:
                lines.append(json.loads(text))
            except json.JSONDecodeError:
                break
    return lines


class Writer:
    """Appends metrics; on resume, first drops what comes after the restored step."""

    def __init__(self, workdir: str | os.PathLike[str], *, step: int, active: bool = True):
        """Open the files.

        Args:
            workdir: W, an existing folder.
            step: the run goes on from here; later lines of an earlier life are dropped.
            active: false on every process but the first, which write nothing.
        """
        self._active = active
        if not active:
            return
        board = require("tensorboardX", extra="train")
        workdir = pathlib.Path(workdir)
        kept = [line for line in read(workdir) if line["step"] <= step]
        self._written = {(line["step"], *sorted(line)) for line in kept}
        path = workdir / "metrics.jsonl"
        write_text(path, "".join(json.dumps(line) + "\n" for line in kept))
        self._file = path.open("a")
        self._board = board.SummaryWriter(str(workdir), purge_step=step + 1)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Write metrics of a step to both.

        What the file already holds for that step is not written twice: a run that is started
        again after its end evaluates once more and leaves the file as it was.
        """
        if not self._active:
            return
        line = {"step": step, **{name: float(value) for name, value in values.items()}}
        if (key := (step, *sorted(line))) in self._written:
            return
        self._written.add(key)
        self._file.write(json.dumps(line) + "\n")
        self.board(step, values)

    def board(self, step: int, values: Mapping[str, float]) -> None:
        """Write to TensorBoard alone: what the clock decides."""
        if self._active:
            for name, value in values.items():
                self._board.add_scalar(name, float(value), step)

    def flush(self) -> None:
        """Bring all lines to the disk; called before every checkpoint, which relies on them."""
        if self._active:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._board.flush()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        if self._active:
            self._file.close()
            self._board.close()
