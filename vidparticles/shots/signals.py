"""What is measured of each frame of a clip, to tell where one shot ends and the next begins.

`measure` streams over the frames and keeps a few numbers for each. `Window` is what it is made of:
the newest frames, each of which is judged once enough of those after it are known.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from vidparticles.shots.survival import SIZE, survival


@dataclasses.dataclass(frozen=True)
class SignalConfig:
    """What is looked for around each frame.

    Attributes:
        chain: survival below which the chain of particles breaks.
        lags: frames that a flash may last.
        spans: half lengths of dissolves looked for, frames.
        mixture: squared misfit of a mixture, over the squared difference of its ends.
        related: correlation of the ends above which they are taken for one shot at once.
        change: r.m.s. difference of the ends of a dissolve, at least.
        shared: survival from one end of a dissolve to the other, at most, and from frame to frame
            within it, at least.
        plain: r.m.s. distance to black or white of a frame across which is looked.
        sides: frames before and after it that are compared.
        lit: mean brightness by which a flash is brighter, at least.
        relit: correlation from which on two pictures with the same tones are one.
        around: frames on each side of one whose steps a jump is compared with.
        jump: what a jump leaves unexplained over the most that a step around it does, at least.
        step: change of the picture at a jump over the most around it, at least.
        both: the first of these squared, as it varies half as much, times the second, at least.
        least: unexplained in a jump, at least, mean standard deviation of luma: more than coding
            makes.
    """

    chain: float = 0.45
    lags: tuple[int, ...] = (1, 2, 3, 5, 8)
    spans: tuple[int, ...] = (4, 6, 8, 12, 16)
    mixture: float = 0.09
    related: float = 0.6
    change: float = 0.04
    shared: float = 0.3
    plain: float = 0.06
    sides: tuple[int, ...] = (8, 16)
    lit: float = 0.15
    relit: float = 0.85
    around: int = 12
    jump: float = 1.2
    step: float = 1.35
    both: float = 4.0
    least: float = 0.016

    @property
    def margin(self) -> int:
        """Frames needed on each side of one."""
        return max(*self.spans, *self.sides, self.around, self.lags[-1] + 1)


@dataclasses.dataclass(frozen=True)
class Signals:
    """What is measured of each frame.

    Attributes:
        survival: [T] share of the particles of the frame before that are found in this one.
        shift: [T, 2] displacement of the whole picture since the frame before, pixels of SIZE.
        change: [T] mean difference of the pixels from the frame before, in [0, 1].
        jump: [T] at a jump of the picture from one step to the next, the least that is left of it
            from before to after it, as a share of it; elsewhere 0.
        again: [T] where the chain breaks here, the highest survival across a few frames.
        mixed: [T] bool, the frame is a mixture of two pictures around it that share nothing.
        level: [T] r.m.s. of the pixels, in [0, 1]: 0 is black.
        below_white: [T] r.m.s. of what the pixels lack of white: 0 is white.
        across: [T] where the frame is black or white, the highest survival from before to after
            it, 0 where nothing is known of either side; elsewhere 1.
    """

    survival: np.ndarray
    shift: np.ndarray
    change: np.ndarray
    jump: np.ndarray
    again: np.ndarray
    mixed: np.ndarray
    level: np.ndarray
    below_white: np.ndarray
    across: np.ndarray


def measure(frames: Iterable[np.ndarray], config: SignalConfig | None = None) -> Signals:
    """Measure frames as they come; memory does not grow but by the few numbers kept of each.

    Args:
        frames: uint8 [*SIZE, 3], in order.
        config: what is looked for.

    Raises:
        ValueError: a frame of another shape, or none at all.
    """
    source, config = iter(frames), config or SignalConfig()
    window, parts, done = Window(config), [], 0
    while block := list(itertools.islice(source, window.block)):
        window.extend(block)
        while window.end - done >= window.block + config.margin:
            parts.append(window.judge(done, done + window.block))
            done += window.block
            window.forget(done - config.margin)
    if not window.end:
        raise ValueError("there are no frames; expected at least one.")
    parts.append(window.judge(done, window.end))
    return joined(parts)


def joined(parts: Sequence[Signals]) -> Signals:
    """Signals of stretches of frames, one after another, as one."""
    names = [field.name for field in dataclasses.fields(Signals)]
    return Signals(**{n: np.concatenate([getattr(p, n) for p in parts]) for n in names})


class Window:
    """The newest frames of a stream, from `begin` to `end`, with what is known of them.

    Args:
        config: what is looked for.
        block: frames that are compared with those before them at a time,
        pairs: and other pairs of frames: numbers for which one program each is compiled.
    """

    def __init__(self, config: SignalConfig, *, block: int = 64, pairs: int = 16) -> None:
        self.config, self.block, self._pairs = config, block, pairs
        self.begin = self.end = 0
        self.frames = np.empty((0, *SIZE, 3), np.uint8)
        self.small = np.empty((0, SIZE[0] * SIZE[1] * 3 // 16), np.float32)
        self.survival, self.unexplained, self.change = np.empty(0), np.empty(0), np.empty(0)
        self.shift = np.empty((0, 2))

    def extend(self, block: list[np.ndarray]) -> None:
        """Take in further frames."""
        new = np.stack(block)
        if new.shape[1:] != (*SIZE, 3):
            raise ValueError(f"frames have shape {new.shape[1:]}; expected {(*SIZE, 3)}.")
        at, self.end = self.end, self.end + len(new)
        self.frames = np.concatenate([self.frames, new])
        self.small = np.concatenate([self.small, _shrunk(new)])
        index = np.arange(at, self.end)
        before = np.maximum(index - 1, self.begin)
        share, shift, unexplained = self.compare(before, index)
        change = np.abs(self.small[index - self.begin] - self.small[before - self.begin]).mean(1)
        self.survival = np.concatenate([self.survival, share])
        self.shift = np.concatenate([self.shift, shift])
        self.unexplained = np.concatenate([self.unexplained, unexplained])
        self.change = np.concatenate([self.change, change])

    def forget(self, before: int) -> None:
        """Drop the frames before an index."""
        drop = max(0, before - self.begin)
        self.begin += drop
        for name in ("frames", "small", "survival", "shift", "unexplained", "change"):
            setattr(self, name, getattr(self, name)[drop:])

    def compare(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, ...]:
        """Survival [P], displacement [P, 2] and what is unexplained [P] between frames [P]."""
        found = np.empty(len(first)), np.empty((len(first), 2)), np.empty(len(first))
        for k in range(0, len(first), self._pairs):
            some = np.arange(k, min(k + self._pairs, len(first)))
            pad = np.resize(some, self._pairs)
            measured = survival(self._at(first[pad]), self._at(second[pad]))
            for all_of, part in zip(found, measured, strict=True):
                all_of[some] = np.asarray(part)[: len(some)]
        return found

    def jumps(self, index: int) -> bool:
        """Whether the picture changes more into a frame than in any step known around it.

        As more of the steps after it become known, a yes may become a no, and never the reverse.
        """
        config, at = self.config, index - self.begin
        begin, stop = max(1 - self.begin, at - config.around), at + config.around + 1
        if self.unexplained[at] < config.least:
            return False

        def ratio(steps: np.ndarray) -> float:
            others = np.concatenate([steps[begin:at], steps[at + 1 : stop]])
            return float(steps[at] / (others.max(initial=0) + 1e-9))

        jump, step = ratio(self.unexplained), ratio(self.change)
        return jump > config.jump and step > config.step and jump**2 * step > config.both

    def judge(self, start: int, stop: int) -> Signals:
        """The signals of frames start … stop."""
        part = slice(start - self.begin, stop - self.begin)
        small = self.small[part]
        plain = np.arange(start, stop)[self._plain(np.arange(start, stop))]
        return Signals(
            survival=self.survival[part],
            shift=self.shift[part],
            change=self.change[part],
            jump=self._jump(start, stop),
            again=self._again(start, stop),
            mixed=self._mixed(start, stop),
            level=_size(small),
            below_white=_size(1 - small),
            across=self._across(plain, start, stop),
        )

    def _plain(self, index: np.ndarray) -> np.ndarray:
        """Which frames are nearly black or white."""
        small = self.small[index - self.begin]
        return np.minimum(_size(small), _size(1 - small)) < self.config.plain

    def _at(self, index: np.ndarray) -> np.ndarray:
        return self.frames[index - self.begin]

    def _again(self, start: int, stop: int) -> np.ndarray:
        """Where the chain breaks: what was there before comes back, or comes from before."""
        index, lags = np.arange(start, stop), self.config.lags
        broken = index[self.survival[index - self.begin] < self.config.chain]
        first = [broken - 1] * len(lags) + [broken - 1 - lag for lag in lags]
        second = [broken + lag for lag in lags] + [broken] * len(lags)
        again = np.ones(stop - start)
        again[broken - start] = self._highest(np.array(first), np.array(second))
        for k in broken[broken > 0]:
            if self._relit(*self._at(np.array([k - 1, k])) / 255):
                again[k - start] = 1
        return again

    def _jump(self, start: int, stop: int) -> np.ndarray:
        """Where the picture jumps: how much of that is left some frames later, or was before."""
        left = np.zeros(stop - start)
        for k in (k for k in range(max(1, start), stop) if self.jumps(k)):
            if self._relit(*self._at(np.array([k - 1, k])) / 255):
                continue
            pairs = [(k - 1, k + lag) for lag in self.config.lags if k + lag < self.end]
            pairs += [(k - 1 - lag, k) for lag in self.config.lags if k - 1 - lag >= self.begin]
            # None in a clip of two frames.
            first, second = np.array(pairs, int).reshape(-1, 2).T
            _, _, unexplained = self.compare(first, second)
            change = np.abs(self.small[second - self.begin] - self.small[first - self.begin])
            left[k - start] = min(
                unexplained.min(initial=1) / self.unexplained[k - self.begin],
                change.mean(1).min(initial=1) / self.change[k - self.begin],
            )
        return left

    def _relit(self, before: np.ndarray, after: np.ndarray) -> bool:
        """Whether two pictures are one in other light, with what saturates.

        Under a flash at the start of a clip no window keeps its texture, and nothing was before.
        """
        dark, bright = sorted((before, after), key=np.mean)
        if bright.mean() - dark.mean() < self.config.lit:
            return False
        # With the tones of the brighter one, the darker one saturates in the same places.
        dark, bright = dark.reshape(-1, 3), bright.reshape(-1, 3)
        tones = np.empty_like(dark)
        np.put_along_axis(tones, np.argsort(dark, axis=0), np.sort(bright, axis=0), axis=0)
        return bool(_correlation(tones.reshape(1, -1), bright.reshape(1, -1)) > self.config.relit)

    def _across(self, plain: np.ndarray, start: int, stop: int) -> np.ndarray:
        """Around frames that are black or white: what was there before is there after."""
        first = np.array([plain - side for side in self.config.sides])
        second = np.array([plain + side for side in self.config.sides])
        across = np.ones(stop - start)
        across[plain - start] = self._highest(first, second)
        return across

    def _highest(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Highest survival [P] over rows of pairs of frames [L, P]; 0 of those not held."""
        held = (low >= self.begin) & (high < self.end)
        share = np.zeros(low.shape)
        share[held] = self.compare(low[held], high[held])[0]
        return share.max(0)

    def _mixed(self, start: int, stop: int) -> np.ndarray:
        """Where a frame lies between two others that share no particles."""
        config = self.config
        first, middle = [], []
        steps = self.survival[1:]
        for span in config.spans:
            index = np.arange(max(start, self.begin + span), min(stop, self.end - span))
            if not len(index):
                continue
            a, x, b = (self.small[index + k - self.begin] for k in (-span, 0, span))
            ends, part = b - a, x - a
            apart, along = _dot(ends, ends), _dot(ends, part)
            off = _dot(part, part) - along**2 / (apart + 1e-9)
            between = np.abs(along - 0.5 * apart) < 0.25 * apart
            likely = between & (off < config.mixture * apart)
            likely &= apart > config.change**2 * x.shape[1]
            # Across a cut or a flash anything may look like a mixture of anything.
            lowest = np.lib.stride_tricks.sliding_window_view(steps, 2 * span).min(axis=1)
            likely &= lowest[index - span - self.begin] > config.shared
            # What lies between a picture and plain black or white is a fade or a flash.
            likely &= ~(self._plain(index - span) | self._plain(index + span))
            index = index[likely & (_correlation(a, b) < config.related)]
            first.append(index - span)
            middle.append(index)
        mixed = np.zeros(stop - start, bool)
        if middle:
            low, at = np.concatenate(first), np.concatenate(middle)
            share, *_ = self.compare(low, 2 * at - low)
            mixed[at[share < config.shared] - start] = True
        return mixed


def _shrunk(frames: np.ndarray) -> np.ndarray:
    """A quarter of the size, in [0, 1], flat: [T, H, W, 3] → [T, H · W · 3 / 16]."""
    count, height = frames.shape[:2]
    rows = frames.reshape(count, height // 4, 4, -1).sum(2, dtype=np.uint16)
    cells = rows.reshape(count, -1, 4, 3).sum(2, dtype=np.uint16)
    return cells.reshape(count, -1).astype(np.float32) / (16 * 255)


def _size(pictures: np.ndarray) -> np.ndarray:
    """Root mean squares [T] of pictures [T, D]."""
    return np.sqrt(np.mean(pictures**2, axis=1))


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Products [T] of vectors [T, D]."""
    return np.einsum("td,td->t", a, b)


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Correlations [T] of vectors [T, D]."""
    a, b = (v - v.mean(axis=1, keepdims=True) for v in (a, b))
    return _dot(a, b) / np.sqrt(_dot(a, a) * _dot(b, b) + 1e-9)
