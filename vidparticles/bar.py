"""Progress of a command on stderr: a bar on a terminal, or lines of JSON."""

from __future__ import annotations

import json
import sys
import threading
import time
import types
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm

KINDS = ("bar", "json", "none")
PATIENCE = 2.0  # seconds for which nothing is shown: most is done by then
_BLINK = {"bar": 0.2, "json": 1.0}  # seconds from one look to the next


class ProgressBar:
    """A `progress.Listener` that shows what it is told, from two seconds on.

    A thread of its own shows it: what is compiled before the first frame takes longer than that.

    Args:
        kind: "bar", which is shown on a terminal alone; "json", a line a second of `work`, `done`,
            `total`, `rate` (a second) and `seconds_left`, both null until they are known; "none".
        stream: where; default stderr.
        patience: seconds.
    """

    def __init__(
        self, kind: str = "bar", *, stream: TextIO | None = None, patience: float = PATIENCE
    ):
        self._stream = sys.stderr if stream is None else stream
        self._shown = kind == "json" or (kind == "bar" and self._stream.isatty())
        self._kind, self._patience = kind, patience
        self._told = ("starting", 0, 0)
        self._since = (0.0, 0)  # when the first of what is counted now was ready, and how many
        self._bar: tqdm | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> ProgressBar:
        if self._shown:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        if self._shown:
            self._end.set()
            self._thread.join()
            if self._bar is not None:
                self._bar.close()

    def __call__(self, work: str, done: int, total: int) -> None:
        """Take note; see `progress.Listener`."""
        if work != self._told[0] or self._told[1] == 0:
            self._since = (time.monotonic(), done)
        self._told = (work, done, total)

    def _watch(self) -> None:
        if not self._end.wait(self._patience):
            self._show()
        while not self._end.wait(_BLINK[self._kind]):
            self._show()

    def _show(self) -> None:
        (work, done, total), (since, first) = self._told, self._since
        rate = (done - first) / (time.monotonic() - since) if done > first else None
        if self._kind == "json":
            left = (total - done) / rate if rate else None
            facts = {"work": work, "done": done, "total": total, "rate": rate, "seconds_left": left}
            print(json.dumps(facts), file=self._stream, flush=True)
            return
        from tqdm import tqdm

        if self._bar is None:
            self._bar = tqdm(file=self._stream, leave=False, dynamic_ncols=True)
        if rate is not None:  # of what is counted, without what was compiled before
            self._bar.start_t, self._bar.initial = time.time() - (done - first) / rate, first
        self._bar.total, self._bar.n = total or None, done
        self._bar.unit = " MB" if work.startswith("downloading") else " frames"
        self._bar.set_description_str(work, refresh=False)
        self._bar.refresh()
