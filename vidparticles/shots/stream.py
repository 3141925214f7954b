"""Cuts told while the frames go by, each with the frame that it begins.

Nearly every frame goes on at once: where the chain of particles holds there is no cut. Only one in
which it breaks, and those behind it, wait until the frames after it tell a cut from a flash, a
whip pan or a dissolve. That is what `transitions` says of the frames around it, so that a stream
and a whole file have the same cuts.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.image.resample import resize, to_bytes
from vidparticles.shots.detect import ShotConfig, transitions
from vidparticles.shots.signals import SignalConfig, Signals, Window, joined, measure
from vidparticles.shots.survival import SIZE

Frame = TypeVar("Frame")
Time = TypeVar("Time")


@dataclasses.dataclass(frozen=True)
class StreamConfig:
    """How much of a clip is held to tell its cuts.

    Attributes:
        ahead: frames that a frame may wait, and no more are held. A cut that a fade or black frames
            follow, which take longer, may be told though a whole file would call all of it a fade.
        behind: frames before it of which numbers are kept.
        signals, shots: how cuts are told.
    """

    ahead: int = 32
    behind: int = 128
    signals: SignalConfig = dataclasses.field(default_factory=SignalConfig)
    shots: ShotConfig = dataclasses.field(default_factory=ShotConfig)


@jax.jit
def thumbnail(frame: Array) -> Array:
    """A frame [H, W, 3] uint8 as shots are found in it, uint8 [*SIZE, 3]."""
    return to_bytes(resize(frame.astype(jnp.float32), *SIZE))


def stream(
    frames: Iterable[tuple[Time, Frame]],
    *,
    shrink: Callable[[Any], np.ndarray | Array] = thumbnail,
    config: StreamConfig | None = None,
    signals: list[Signals] | None = None,
) -> Iterator[tuple[Time, Frame, bool]]:
    """The frames, with whether each begins another shot by a cut.

    Args:
        frames: (seconds, frame); a frame is whatever `shrink` takes.
        shrink: frame → uint8 [*SIZE, 3].
        config: how long a frame may wait.
        signals: gets what is measured of the frames, in stretches: at the end, `transitions` of
            them joined are those of the whole.

    Returns:
        (seconds, frame, cut), in order. The cuts are those of `transitions`.

    Example:
        >>> noise = np.random.default_rng(0).integers(0, 256, (2, 12, 16, 3), np.uint8)
        >>> film = [noise[k // 9].repeat(4, 0).repeat(4, 1) for k in range(18)]
        >>> [time for time, _, cut in stream(enumerate(film), shrink=lambda x: x) if cut]
        [9]
    """
    watch = _Watch(config or StreamConfig(), signals)
    waiting: collections.deque[tuple[Time, Frame]] = collections.deque()
    index = 0  # of the first that waits
    for time, frame in frames:
        watch.extend(np.asarray(shrink(frame)), float(time))  # type: ignore[arg-type]
        waiting.append((time, frame))
        while waiting and (cut := watch.cut_at(index, last=False)) is not None:
            yield *waiting.popleft(), cut
            index += 1
    while waiting:
        yield *waiting.popleft(), bool(watch.cut_at(index, last=True))
        index += 1
    watch.end()


class _Watch:
    """What is known of a stream so far."""

    def __init__(self, config: StreamConfig, signals: list[Signals] | None = None):
        self._config = config
        self._all = signals
        self._new: list[Signals] = []
        # One frame at a time: programs for one pair, not for many of which one is wanted.
        self._window = Window(config.signals, block=1, pairs=1)
        self._judged: collections.deque[Signals] = collections.deque(maxlen=config.behind)
        self._times: collections.deque[float] = collections.deque(maxlen=2 * config.behind)
        self._done = 0  # frames that are judged

    def extend(self, small: np.ndarray, time: float) -> None:
        """Take in one frame more."""
        window, margin = self._window, self._config.signals.margin
        window.extend([small])
        self._times.append(time)
        while window.end - self._done > margin:
            judged = window.judge(self._done, self._done + 1)
            self._judged.append(judged)
            self._keep(judged)
            self._done += 1
        # What is asked about is no older than the first that waits.
        window.forget(min(self._done - margin, window.end - self._config.ahead - margin))

    def end(self) -> None:
        """There are no further frames."""
        if self._all is None:
            return
        if self._done < self._window.end:
            self._keep(self._window.judge(self._done, self._window.end))
        self._all += self._new
        self._new = []

    def _keep(self, judged: Signals) -> None:
        """Hand on what is measured, in few pieces: one for each frame would take a kilobyte."""
        if self._all is None:
            return
        self._new.append(judged)
        if len(self._new) == self._config.behind:
            self._all.append(joined(self._new))
            self._new = []

    def cut_at(self, index: int, *, last: bool) -> bool | None:
        """Whether a frame begins a shot, or None as long as that is not known."""
        end, chain = self._window.end, self._config.shots.chain
        if index == 0:
            return False
        # Before the first few frames not enough is known to tell a jump: none is.
        jumps = index >= self._config.shots.ends and self._window.jumps(index)
        if not jumps and (self._survival(index) >= chain or self._broken_for_long(index)):
            return False
        if not last and end <= index + self._config.ahead:
            return None
        signals = joined([*self._judged, self._window.judge(self._done, end)])
        begin = end - len(signals.level)
        times = np.asarray(self._times)[-len(signals.level) :]
        changes = transitions(signals, times, self._config.shots, ended=last)
        return any(c.kind == "cut" and c.first + begin == index for c in changes)

    def _broken_for_long(self, index: int) -> bool:
        """Around a frame more than two in a row break: that is no cut, whatever comes."""
        chain = self._config.shots.chain
        first = next(k for k in range(index - 1, -1, -1) if self._survival(k) >= chain) + 1
        last = min(first + 3, self._window.end)
        return last == first + 3 and all(self._survival(k) < chain for k in range(first, last))

    def _survival(self, index: int) -> float:
        """Survival into a frame; that of frames long gone is taken to be all."""
        slot = index - self._window.begin
        if index == 0 or slot < 0:
            return 1.0
        return float(self._window.survival[slot])


def cuts_of(frames: Iterable[np.ndarray], times: np.ndarray) -> np.ndarray:
    """[T] bool, the frames of a whole clip that begin another shot by a cut.

    Args:
        frames: uint8 [*SIZE, 3].
        times: [T] seconds.
    """
    cuts = np.zeros(len(times), bool)
    for change in transitions(measure(frames), times):
        cuts[change.first] |= change.kind == "cut"
    return cuts
