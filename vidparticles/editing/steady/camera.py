"""How the camera of a clip moved, as far as its ground tells.

From each frame to the next there are some motions that large parts of the picture share
(`flow.ground`). The ground's are those that hold together over a shot: the sequence with the
largest parts, counting what the parts of one step and the next have in common, is found by
dynamic programming (Viterbi 1967). So what passes in front of the ground is not followed even while
it is the larger part.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles import shots
from vidparticles.editing.reel import Frames
from vidparticles.editing.steady.shutter import ShutterConfig, bends, readout, row_moments
from vidparticles.flow.camera import Similarity
from vidparticles.flow.ground import GroundConfig, Motions, ground_motions
from vidparticles.image.resample import gray, resize


@dataclasses.dataclass(frozen=True)
class CameraConfig:
    """How the ground is told from what is in front of it.

    Attributes:
        ground: how the motions of one step are found.
        holds: weight of what the parts of two steps have in common, against their sizes.
        points: that must take part in a motion, at least, for it to be believed,
        share: and their share of all.
        shutter: when it is taken for a rolling one.
    """

    ground: GroundConfig = dataclasses.field(default_factory=GroundConfig)
    holds: float = 4.0
    points: float = 6.0
    share: float = 0.06
    shutter: ShutterConfig = dataclasses.field(default_factory=ShutterConfig)


@dataclasses.dataclass(frozen=True)
class Camera:
    """The steps of the picture of the ground, p ↦ turn · p + shift in the complex plane.

    Attributes:
        turn: [T] complex, scale and angle, to each frame from the one before.
        shift: [T] complex, frame heights.
        known: [T] bool, the step was seen; the others are filled in between those that were.
        readout: of a rolling shutter, see `steady.shutter`; its bending is not in the steps.
        shot: [T] the shot that each frame belongs to.
    """

    turn: np.ndarray
    shift: np.ndarray
    known: np.ndarray
    shot: np.ndarray
    readout: float


@functools.partial(jax.jit, static_argnames="config")
def _small(frame: Array, config: GroundConfig) -> Array:
    """Luma of a frame, uint8 [H, W, 3], at the size at which it is compared."""
    height, width = frame.shape[:2]
    sides = sorted((height, width))
    # Not stretched: a step is a similarity.
    scale = max(min(1.0, config.longest / sides[1]), config.shortest / sides[0])
    return resize(gray(frame), round(height * scale), round(width * scale))


@dataclasses.dataclass(frozen=True)
class _Steps:
    """The motions of all steps: turn, shift, share [T, K], votes [T, K, N], the say [T, N] and
    what each tells of the readout [T, 4, K]."""

    turn: np.ndarray
    shift: np.ndarray
    share: np.ndarray
    vote: np.ndarray
    say: np.ndarray
    moments: np.ndarray


def watch(timed: Frames, config: CameraConfig) -> Camera:
    """The camera's steps, and the shots.

    Args:
        timed: frames with their times; they are used up.
        config: how the ground is told.
    """
    found, seconds, aspects = [], [], []
    count, ground = config.ground.motions, config.ground
    rest = Similarity(jnp.tile(jnp.asarray([1.0, 0.0]), (count, 1)), jnp.zeros((count, 2)))

    def frames() -> Iterator[np.ndarray]:
        before, guess = None, rest
        for time, stored in timed:
            frame = stored.rgb()
            luma = _small(frame, ground)
            told = ground_motions(luma if before is None else before, luma, guess, ground)
            found.append(_kept(told))
            seconds.append(float(time))
            aspects.append(frame.shape[1] / frame.shape[0])
            before, guess = luma, told.motion
            yield np.asarray(shots.thumbnail(frame))

    signals = shots.measure(frames())
    times = np.asarray(seconds)
    changes = shots.transitions(signals, times)
    shot, mixed = _shots(changes, signals)
    steps = _Steps(*(np.stack(part) for part in zip(*found, strict=True)))
    return _along(steps, shot, mixed, times, (aspects[0] + 1j) / 2, config)


def _kept(told: Motions) -> tuple[np.ndarray, ...]:
    """What is kept of a step, see `_Steps`."""
    turn, shift = (
        np.asarray(x, np.float64) @ [1, 1j] for x in (told.motion.turn, told.motion.shift)
    )
    vote = np.round(255 * np.asarray(told.vote)).astype(np.uint8)
    say = np.round(255 * np.asarray(told.say)).astype(np.uint8)
    return turn, shift, np.asarray(told.share), vote, say, row_moments(told)


def _shots(
    changes: list[shots.Transition], signals: shots.Signals
) -> tuple[np.ndarray, np.ndarray]:
    """The shot that each frame belongs to [T], and where two pictures lie over each other [T]."""
    count = len(signals.level)
    shot, mixed = np.zeros(count, int), np.zeros(count, bool)
    for change in changes:
        begin = change.last + (change.kind != "cut")
        if change.kind == "fade":
            # The darkest or whitest frame parts what went out from what comes in.
            part = slice(change.first, change.last + 1)
            dark, white = signals.level[part], signals.below_white[part]
            begin = change.first + int(np.argmin(dark if dark.min() < white.min() else white))
        elif change.kind == "dissolve":
            mixed[change.first : change.last + 1] = True
        shot[begin:] += 1
    return shot, mixed


def _along(
    steps: _Steps,
    shot: np.ndarray,
    mixed: np.ndarray,
    times: np.ndarray,
    center: complex,
    config: CameraConfig,
) -> Camera:
    """The ground's motions of all steps, and what lies between where there is none."""
    count = len(shot)
    turn, shift = np.ones(count, complex), np.zeros(count, complex)
    known, moments = np.zeros(count, bool), np.zeros((count, 4), complex)
    total = steps.say.sum(-1) / 255
    for number in np.unique(shot):
        part = np.flatnonzero(shot == number)[1:]
        if not len(part):
            continue
        chosen = _sequence(steps, part, config.holds)
        turn[part], shift[part] = steps.turn[part, chosen], steps.shift[part, chosen]
        share = steps.share[part, chosen]
        seen = (share >= config.share) & (share * total[part] >= config.points) & ~mixed[part]
        known[part] = seen
        moments[part] = np.where(seen[:, None], steps.moments[part, :, chosen], 0)
        if not seen.any():
            turn[part], shift[part] = 1, 0
            continue
        # Between what is known, in a straight line; beyond it, rest.
        at, logs = times[part], np.log(turn[part])
        turn[part] = np.exp(np.interp(at, at[seen], logs[seen], left=0, right=0))
        shift[part] = np.interp(at, at[seen], shift[part][seen], left=0, right=0)
    bend = bends(turn * center + shift - center, shot)
    rolls = readout(moments, bend, config.shutter)
    turn = turn - rolls * bend * moments[:, 2]
    shift = shift - rolls * bend * moments[:, 3]
    return Camera(turn, shift, known, shot, rolls)


def _sequence(steps: _Steps, part: np.ndarray, holds: float) -> np.ndarray:
    """Which motion of each step [P] is the ground's."""
    weight = steps.say[part][:, None] / 255 * (steps.vote[part] / 255)  # [P, K, N]
    best = steps.share[part[0]].copy()
    back = np.zeros((len(part), len(best)), int)
    for t in range(1, len(part)):
        both = np.minimum(weight[t - 1][:, None], weight[t]).sum(-1)
        sizes = weight[t - 1].sum(-1)[:, None], weight[t].sum(-1)
        # Half of the larger is enough: what is easily told is not for that the ground. Of the
        # smaller it would not be: a small part can lie in two that have nothing in common.
        alike = np.minimum(1.0, 2 * both / np.maximum(np.maximum(*sizes), 1e-6))
        score = best[:, None] + holds * alike
        back[t] = np.argmax(score, 0)
        best = score.max(0) + steps.share[part[t]]
    chosen = np.empty(len(part), int)
    chosen[-1] = int(np.argmax(best))
    for t in range(len(part) - 1, 0, -1):
        chosen[t - 1] = back[t, chosen[t]]
    return chosen
