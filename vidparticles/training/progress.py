"""How far a run is, on the terminal, and how busy it keeps the device."""

from __future__ import annotations

import concurrent.futures
import datetime
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

import jax


class Progress:
    """A bar on a terminal; elsewhere a line every few seconds."""

    def __init__(
        self,
        *,
        steps: int,
        start: int,
        active: bool = True,
        stream: TextIO | None = None,
        every: float = 5.0,
    ):
        """Begin to show.

        Args:
            steps: in all.
            start: done before.
            active: false on every process but the first, which show nothing.
            stream: where to, default stderr.
            every: seconds between lines where the stream is not a terminal.
        """
        self._stream = stream or sys.stderr
        self._active = active
        self._steps, self._start, self._every = steps, start, every
        self._begun = self._shown = time.perf_counter()
        self._bar = None
        self._skipped: set[str] = set()
        if active and self._stream.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                total=steps, initial=start, file=self._stream, unit="step", dynamic_ncols=True
            )

    def update(self, step: int, *, loss: float, clips_per_second: float) -> None:
        """Show that `step` is done."""
        if self._bar is not None:
            self._bar.set_postfix_str(
                f"loss {loss:.4f}, {clips_per_second:.1f} clips/s", refresh=False
            )
            self._bar.update(step - self._bar.n)
            return
        now = time.perf_counter()
        if now - self._shown < self._every and step < self._steps:
            return
        self._shown = now
        pace = (now - self._begun) / max(step - self._start, 1)
        left = datetime.timedelta(seconds=round(pace * (self._steps - step)))
        self.note(
            f"step {step}/{self._steps}  loss {loss:.4f}  {clips_per_second:.1f} clips/s  "
            f"{left} left"
        )

    def note(self, line: str) -> None:
        """Show one line, above the bar where there is one."""
        if self._bar is not None:
            self._bar.write(line, file=self._stream)
        elif self._active:
            print(line, file=self._stream, flush=True)

    def note_skipped(self, skipped: Mapping[str, str]) -> None:
        """Show each clip that cannot be read, once: name → what is wrong with it."""
        for name in skipped.keys() - self._skipped:
            self._skipped.add(name)
            self.note(f"skipped a clip that cannot be read ({len(self._skipped)}): {skipped[name]}")

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()


class Clock:
    """The device's share of the wall time of training.

    A thread waits for each step's result and notes when it came, so that the loop may fetch
    the next batch meanwhile. The device is busy from the dispatch of a step (or the end of the
    one before, when that is later) until its result. The first step, which compiles, counts
    apart, as does what happens between `pause` and the next step (evaluation, checkpoints).

    Attributes:
        first_step_seconds: dispatch of the first step until its result: tracing, compiling.
        busy: seconds the device worked since then.
        wall: seconds that went by since then.
        steps: done since then.
    """

    def __init__(self, *, now: Callable[[], float] = time.perf_counter) -> None:
        """Begin.

        Args:
            now: seconds on some clock.
        """
        self._now = now
        self.first_step_seconds = 0.0
        self.busy = 0.0
        self.wall = 0.0
        self.steps = 0
        self._first = True
        self._mark: float | None = None
        self._thread = concurrent.futures.ThreadPoolExecutor(1)

    def start(self) -> None:
        """A step is about to be dispatched."""
        self._dispatched = self._now()
        if self._mark is None:
            self._mark = self._dispatched

    def watch(self, result: Any) -> None:
        """The step was dispatched and will give `result`."""

        def wait() -> float:
            jax.block_until_ready(result)
            return self._now()

        self._done = self._thread.submit(wait)

    def finish(self) -> None:
        """Wait for the step; errors of the device come out here."""
        done = self._done.result()
        if self._first:
            self._first = False
            self.first_step_seconds = done - self._dispatched
            self._mark = self._now()
            return
        now = self._now()
        self.steps += 1
        self.busy += done - self._dispatched
        self.wall += now - (self._mark or now)
        self._mark = now

    def pause(self) -> None:
        """What follows, until the next step, is not training."""
        self._mark = None

    @property
    def busy_share(self) -> float:
        """busy / wall in [0, 1]; 0 before the second step is done."""
        return min(self.busy / self.wall, 1.0) if self.wall > 0 else 0.0

    @property
    def steps_per_second(self) -> float:
        """steps / wall; 0 before the second step is done."""
        return self.steps / self.wall if self.wall > 0 else 0.0

    def __enter__(self) -> Clock:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()
