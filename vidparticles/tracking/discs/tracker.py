"""Objects that keep their identity: learned particles carried through a video, frame by frame.

A particle is an object: its position and velocity, its appearance, and a memory of what happened
to it. For each frame

1. the laws of motion predict where it is now: it flies on, bounces off walls and off others;
2. the cells of the frame's foreground are assigned to objects in competition;
3. it is updated by what differs, as in a Kalman filter, as far as it is visible: what is hidden
   moves on by itself;
4. foreground that belongs to no object becomes a new one, in a free slot;
5. its memory takes, through gates, what is new in what it observes and what those know whom it
   meets;
6. an object that has not been visible for long is given up; of rigid discs, also one that should
   have been visible, and one that is where another is.

Everything is counted in seconds and frame heights: a clip of 12 frames a second and one of 24 are
followed alike, and so is one of uneven frames. Nothing looks ahead; the state does not grow.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from vidparticles.errors import InputError
from vidparticles.flow.camera import Similarity
from vidparticles.particles import Particles
from vidparticles.tracking import background
from vidparticles.tracking.background import Background
from vidparticles.tracking.base import Tracker
from vidparticles.tracking.discs import foreground
from vidparticles.tracking.discs.config import DiscConfig
from vidparticles.tracking.discs.foreground import Foreground
from vidparticles.tracking.discs.parts import DEFAULT, Parts
from vidparticles.tracking.discs.state import DiscState, Params, empty, init
from vidparticles.tracking.discs.step import DiscReport, advance, elapsed, report

__all__ = ["DiscConfig", "DiscReport", "DiscState", "Parts", "disc_tracker", "init"]


def disc_tracker(
    config: DiscConfig,
    *,
    parts: Parts = DEFAULT,
    chunk: int = 32,
    recompute: bool = False,
) -> Tracker:
    """Objects found and followed, as a `tracking.base.Tracker` whose parameters are `init`'s.

    Args:
        config: as of `init`; its count may differ.
        parts: what a step is made of.
        chunk: the most frames of a clip whose foreground is gathered at once.
        recompute: keep only the state at the beginning of each chunk for the gradient, and compute
            the rest again: the same gradient in less memory.

    Returns:
        `init_fn`, `step_fn` and `scan_fn`; states are `DiscState`, reports `DiscReport`.

    Raises:
        InputError: by the functions: H or W is no multiple of the stride, or they are not those of
            the scene.

    Example:
        >>> config = DiscConfig(count=2)
        >>> params, tracker = init(jax.random.key(0), config), disc_tracker(config)
        >>> frame = jnp.zeros((32, 32, 3), jnp.uint8).at[8:14, 20:26].set(200)
        >>> state = tracker.init_fn(params, frame, 0.0)
        >>> state, report = jax.jit(tracker.step_fn)(params, state, frame, 0.0)
        >>> [round(float(x), 2) for x in state.particles.position[0]]
        [0.72, 0.34]
        >>> state.particles.alive.tolist()
        [True, False]
    """
    return _disc_tracker(config, parts, chunk, recompute)


@functools.cache
def _disc_tracker(config: DiscConfig, parts: Parts, chunk: int, recompute: bool) -> Tracker:
    """One tracker for the same options, so that a program compiled for it is found again."""

    def init_fn(params: Params, frame: Array, time: ArrayLike) -> DiscState:
        _check(frame.shape, config)
        lead, size = frame.shape[:-3], frame.shape[-3:-1]
        seconds = jnp.broadcast_to(jnp.asarray(time, jnp.float32), lead)
        state = empty(parts.start(lead, config), seconds, config)
        if config.running_background:
            state = state.replace(background=background.start(lead, *size))
        return state

    def step_fn(
        params: Params,
        state: DiscState,
        frame: Array,
        time: ArrayLike,
        *,
        cut: Array | None = None,
    ) -> tuple[DiscState, DiscReport]:
        _check(frame.shape, config)
        lead = frame.shape[:-3]
        seconds = jnp.broadcast_to(jnp.asarray(time, jnp.float32), lead)
        cut = jnp.zeros(lead, bool) if cut is None else jnp.broadcast_to(cut, lead)
        under: Array | None = None
        camera: Similarity | None = None
        if state.background is not None:
            dt = elapsed(state.time, seconds)
            behind, camera, under = background.step(
                state.background, frame, dt, cut, config=config.background
            )
            state = state.replace(background=behind)
        cells = _gather(params, config, frame, under)
        state, told = advance(params, config, parts, state, cells, camera, seconds, cut)
        return state, report(params, config, state, told, cells)

    def scan_fn(
        params: Params, state: DiscState, frames: Array, times: Array, cuts: Array
    ) -> tuple[DiscState, tuple[Particles, Array, DiscReport]]:
        _check(frames.shape, config)
        axis = frames.ndim - 4
        forward = jax.tree.map(lambda x: jnp.moveaxis(x, axis, 0), (frames, times, cuts))
        part: Callable[..., Any] = functools.partial(_chunk, config=config, parts=parts)
        if recompute:
            part = jax.checkpoint(part)
        length = frames.shape[axis]
        # Chunks of one length, if that can be: each other one is another program to compile.
        size = math.ceil(length / math.ceil(length / chunk))
        whole = length // size if length > size else 0
        out = []
        if whole:
            folded = jax.tree.map(
                lambda x: x[: whole * size].reshape(whole, size, *x.shape[1:]), forward
            )
            state, many = jax.lax.scan(lambda state, x: part(params, state, x), state, folded)
            out.append(jax.tree.map(lambda x: x.reshape(whole * size, *x.shape[2:]), many))
        if whole * size < length:
            rest = jax.tree.map(lambda x: x[whole * size :], forward)
            state, last = part(params, state, rest)
            out.append(last)
        return state, jax.tree.map(lambda *x: jnp.moveaxis(jnp.concatenate(x), 0, axis), *out)

    return Tracker(init_fn, step_fn, scan_fn)


def _chunk(
    params: Params,
    state: DiscState,
    clip: tuple[Array, Array, Array],
    *,
    config: DiscConfig,
    parts: Parts,
) -> tuple[DiscState, Any]:
    """Some frames, times and cuts, time first: their foregrounds at once, then one by one."""
    frames, times, cuts = clip
    behind: Any = state.background
    under: Array | None = None
    camera: Similarity | None = None
    if behind is not None:
        before = jnp.concatenate([state.time[None], times[:-1]])

        def move(behind: Background, x: tuple[Array, Array, Array]) -> tuple[Background, Any]:
            behind, camera, under = background.step(behind, *x, config=config.background)
            return behind, (camera, under)

        behind, (camera, under) = jax.lax.scan(move, behind, (frames, elapsed(before, times), cuts))
    cells = _gather(params, config, frames, under)

    def one(state: DiscState, x: tuple[Any, ...]) -> tuple[DiscState, Any]:
        state, told = advance(params, config, parts, state, *x)
        return state, (state, told)

    state, (path, told) = jax.lax.scan(
        one, state.replace(background=None), (cells, camera, times, cuts)
    )
    said = report(params, config, path, told, cells)
    return state.replace(background=behind), (path.particles, path.identity, said)


def _gather(params: Params, config: DiscConfig, frames: Array, under: Array | None) -> Foreground:
    return foreground.gather(
        params["foreground"],
        frames,
        stride=config.stride,
        appearance=config.appearance,
        scene=params["scene"]["color"] if config.scene is not None else None,
        background=under,
        rigid=config.rigid_discs,
        config=config.foreground,
    )


def _check(shape: tuple[int, ...], config: DiscConfig) -> None:
    size = shape[-3:-1]
    if len(shape) < 3 or shape[-1] != 3 or any(n % config.stride for n in size):
        raise InputError(
            f"frames have shape {shape}; expected [..., H, W, 3] with H and W multiples of the "
            f"stride, {config.stride}: crop or resize them."
        )
    if config.scene is not None and size != tuple(config.scene):
        raise InputError(
            f"frames are of {size} pixels and the scene of {tuple(config.scene)}; give the same."
        )
