"""PV-5 T4, permanence: in which frames does something happen that cannot?

Three colored discs move and collide without loss behind and beside an opaque band. Training
clips are normal. A test clip has one violation at a frame t ∈ [32, 64]:

============ ================================================================
teleport     a disc is suddenly elsewhere
kick         a disc turns by 60 to 180 degrees though nothing touched it
pass_through two discs that should collide go through each other
vanish       a disc is gone, from the world too
recolor     a disc has another hue
============ ================================================================

Frames are positive for 6 to 8 frames from when it can be seen: from the first frame that
differs from that of the same world without the violation by a quarter of a disc.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vidparticles.data.order import rng_of
from vidparticles.data.pv5 import drawing, world

STREAM = 4
DISCS, RADIUS = 3, 0.09
SPEED = (0.025, 0.04)
FRAMES = 96
BAND = (0.42, 0.58)
WINDOW = (32, 64)
POSITIVE = (6, 8)
KINDS = ("teleport", "kick", "pass_through", "vanish", "recolor")
HUES = drawing.hues(8)
# A teleport goes at least so far: by more than a disc.
JUMP = 0.3


def batch(indices: Sequence[int] | np.ndarray, *, kind: str | None = None) -> dict[str, Any]:
    """The clips of these indices, of 96 frames.

    Args:
        indices: B of them; a clip is a function of its index and of the kind.
        kind: one of KINDS; None for normal clips.

    Returns:
        frames uint8 [B, 96, 32, 32, 3], label int32 [B, 96] (1 in positive frames), and truth:
        position [B, 96, 3, 2] (in sides), visible [B, 96, 3], color [B, 96, 3] (the hue, of
        8), violation [B] (its frame; −1 in normal clips), disc [B] (whose it is; the first of
        two).

    Example:
        >>> batch([0, 1], kind="kick")["label"].sum(1).tolist()
        [6, 8]
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; expected None or one of {', '.join(KINDS)}.")
    found: dict[int, tuple[np.ndarray, ...]] = {}
    rngs = [rng_of(STREAM, int(index)) for index in indices]
    # Some worlds have no collision in time, or what happens stays hidden: they are drawn again.
    while todo := [row for row in range(len(rngs)) if row not in found]:
        clips, good = _clips([rngs[row] for row in todo], kind)
        for row, ok, *clip in zip(todo, good, *clips, strict=True):
            if ok:
                found[row] = tuple(clip)
    frames, label, path, visible, color, when, disc = (
        np.array(x) for x in zip(*(found[row] for row in range(len(rngs))), strict=True)
    )
    truth = {
        "position": path.astype(np.float32),
        "visible": visible,
        "color": color,
        "violation": when,
        "disc": disc,
    }
    return {"frames": frames, "label": label.astype(np.int32), "truth": truth}


def _clips(
    rngs: list[np.random.Generator], kind: str | None
) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """One try for each generator: the parts of a clip, and whether it shows what it should."""
    draws = [_draw(rng) for rng in rngs]
    start, velocity, hue, when, disc, turn, spots, lasts = (
        np.array(x) for x in zip(*draws, strict=True)
    )
    rows, clock = np.arange(len(rngs)), np.arange(FRAMES)
    path, hits = world.run(start, velocity, radius=RADIUS, frames=FRAMES)
    color = np.repeat(hue[:, None, :DISCS], FRAMES, axis=1)
    exists = np.ones(path.shape[:3], bool)
    frames = _paint(path, color, exists)
    good = np.ones(len(rngs), bool)
    label = np.zeros((len(rngs), FRAMES), bool)
    if kind is None:
        when, disc = np.full_like(when, -1), np.full_like(disc, -1)
    else:
        pair = np.zeros(len(rngs), int)
        if kind == "pass_through":
            when, pair, good = _collision(hits, when)
            disc = world.pairs(DISCS)[0][pair]
        path = _violated(
            start, velocity, kind, when=when, disc=disc, pair=pair, turn=turn, spots=spots
        )
        since = clock >= when[:, None]
        if kind == "vanish":
            exists[rows, :, disc] = ~since
        if kind == "recolor":
            color[rows, :, disc] = np.where(since, hue[:, DISCS:], hue[rows, disc, None])
        normal, frames = frames, _paint(path, color, exists)
        changed = (np.abs(frames.astype(np.int16) - normal).max(-1) > 64).sum((2, 3))
        seen = changed > 0.25 * np.pi * (RADIUS * drawing.SIDE) ** 2
        first = seen.argmax(1)
        good = good & seen.any(1) & (first + lasts <= FRAMES)
        label = (clock >= first[:, None]) & (clock < (first + lasts)[:, None])
    visible = exists & (drawing.share_outside(path[..., 0], RADIUS, *BAND) > 0.1)
    return (frames, label, path, visible, color, when, disc), good


def _draw(rng: np.random.Generator) -> tuple[Any, ...]:
    """All of a clip's randomness, the same for each kind."""
    return (
        world.scatter(rng, DISCS, radius=RADIUS),
        world.velocities(rng, DISCS, *SPEED),
        rng.permutation(len(HUES))[: DISCS + 1],  # the last is for a recolor
        rng.integers(WINDOW[0], WINDOW[1] + 1),
        rng.integers(DISCS),
        rng.uniform(np.pi / 3, np.pi) * (2 * rng.integers(0, 2) - 1),
        rng.uniform(RADIUS, 1 - RADIUS, (64, 2)),
        rng.integers(POSITIVE[0], POSITIVE[1] + 1),
    )


def _collision(hits: np.ndarray, wish: np.ndarray) -> tuple[np.ndarray, ...]:
    """Frame and pair [B] of the collision nearest to the wish, and whether it is in WINDOW."""
    clock = np.arange(FRAMES)
    within = (clock >= WINDOW[0]) & (clock <= WINDOW[1])
    distance = np.where(hits.any(2) & within, np.abs(clock - wish[:, None]), FRAMES)
    when = distance.argmin(1)
    rows = np.arange(len(hits))
    return when, hits[rows, when].argmax(1), distance[rows, when] < FRAMES


def _violated(
    position: np.ndarray,
    velocity: np.ndarray,
    kind: str,
    *,
    when: np.ndarray,
    disc: np.ndarray,
    pair: np.ndarray,
    turn: np.ndarray,
    spots: np.ndarray,
) -> np.ndarray:
    """Paths [B, 96, 3, 2] of worlds with a violation of a kind at frames `when` [B]."""
    first, second = world.pairs(DISCS)
    meets = np.ones((len(position), len(first)), bool)
    path = [position]
    for t in range(1, FRAMES):
        now = np.flatnonzero(when == t)
        if kind == "pass_through":
            meets[now, pair[now]] = False
        position, velocity, _ = world.advance(position, velocity, radius=RADIUS, meets=meets)
        if kind == "pass_through":
            apart = position[:, first] - position[:, second]
            leaving = (apart * (velocity[:, first] - velocity[:, second])).sum(-1) > 0
            meets |= leaving & (np.hypot(apart[..., 0], apart[..., 1]) > 2 * RADIUS)
        which = disc[now]
        if kind == "vanish":
            meets[now] = (first != which[:, None]) & (second != which[:, None])
        if kind == "kick":
            v, c, s = velocity[now, which], np.cos(turn[now]), np.sin(turn[now])
            velocity[now, which] = np.stack(
                [c * v[:, 0] - s * v[:, 1], s * v[:, 0] + c * v[:, 1]], axis=-1
            )
        if kind == "teleport":
            apart = np.linalg.norm(position[now, None] - spots[now][:, :, None], axis=-1)
            need = np.where(np.arange(DISCS) == which[:, None], JUMP, 2 * RADIUS)
            free = (apart > need[:, None]).all(-1).argmax(1)
            position[now, which] = spots[now, free]
        path.append(position)
    return np.stack(path, axis=1)


def _paint(path: np.ndarray, color: np.ndarray, exists: np.ndarray) -> np.ndarray:
    canvas = drawing.canvas(*path.shape[:2])
    for k in range(DISCS):
        drawing.disc(
            canvas,
            path[:, :, k],
            radius=RADIUS,
            color=HUES[color[:, :, k]],
            shown=exists[:, :, k],
        )
    drawing.band(canvas, *BAND)
    return drawing.finish(canvas)
