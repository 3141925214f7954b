"""Many steps of an integrator: what is recorded, and how it is differentiated."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

from vidparticles.dynamics.reversible.reversible import obstacle, record_reversibly
from vidparticles.dynamics.state import State
from vidparticles.particles import Particles, Trajectory

Body = Callable[[Any, Any], tuple[Any, Any]]
Gradient = Literal["store", "checkpoint", "reversible"]


def rollout(
    integrator: tuple[Callable[..., State], Callable[..., State]],
    particles: Particles,
    *,
    key: Array | None = None,
    steps: int,
    dt: ArrayLike | None = None,
    params: dict[str, Any] | None = None,
    every: int = 1,
    gradient: Gradient = "store",
    reach: ArrayLike | None = None,
    record: Callable[[State], Any] | None = None,
    throw: bool = True,
) -> Any:
    """Steps of an integrator from a start, as a trajectory that can be differentiated.

    Args:
        integrator: `(init_fn, apply_fn)`. Keep the same one from call to call where this is not
            inside your own `jit`: it is compiled once for each.
        particles: the start, fields [..., N, ·].
        key: of jax.random, for integrators that draw random numbers.
        steps: how many.
        dt: seconds a step, for the integrator's own: a number, or [steps] (or [steps, ...], with
            the leading axes of the particles), one for each step.
        params: keywords of the force and the space, the same at every step.
        every: record each so many steps; divides `steps`.
        gradient: "store" keeps every step for the way back; "checkpoint" keeps about √steps of
            them and computes the others again: the same gradient, less memory, more time;
            "reversible" keeps none and runs the motion backwards, exactly, on a lattice of
            integers (`dynamics.reversible.lattice`). Only leapfrogs in free or periodic space
            can be undone, under forces that do not depend on velocity: others are checkpointed,
            with a warning.
        reach: for "reversible" in free space, how far from the origin a component of a position
            may go, in the unit of positions: a number, or one for each of the leading axes. Its
            2³¹st part is the unit of the lattice. By default 8 × the farthest of the start; either
            is rounded up to a power of two. A step may cover no more than its 64th part.
        record: `record(state)` → a pytree that is recorded in place of the particles.
        throw: raise where the motion ceased to be finite. Under `jit`, `grad` and `vmap`
            nothing can be raised: there the record holds what came of it, and `State.finite`
            says so.

    Returns:
        Trajectory of T = steps // every + 1 times, the start included: particles' fields
        [..., T, N, ·], time [..., T] seconds since the start. With `record`, the recorded
        pytrees stacked along a new first axis of T.

    Raises:
        ValueError: `every` does not divide `steps`; dt has another length; an unknown gradient;
            a particle left the lattice (under `jit` and `grad`, what follows is NaN, and so are
            all gradients).
        FloatingPointError: a position or velocity is not finite; names the first such step, and
            the particles.

    Example:
        >>> from vidparticles.dynamics import free, semi_implicit_euler
        >>> from vidparticles.particles import particles
        >>> fall = semi_implicit_euler(lambda R: -jnp.ones_like(R), free()[1], 0.5)
        >>> path = rollout(fall, particles(jnp.zeros((1, 1))), steps=4, every=2)
        >>> path.time.tolist(), path.particles.position.ravel().tolist()
        ([0.0, 1.0, 2.0], [0.0, -0.75, -2.5])
    """
    if steps < 0 or every < 1 or steps % every:
        raise ValueError(f"every={every} does not divide steps={steps}; record at a divisor.")
    if gradient not in get_args(Gradient):
        raise ValueError(
            f"gradient={gradient!r} is unknown; give 'store', 'checkpoint' or 'reversible'."
        )
    if dt is not None and jnp.ndim(dt) > 0 and jnp.shape(dt)[0] != steps:
        raise ValueError(
            f"dt has shape {jnp.shape(dt)} for {steps} steps; give one number or one for each step."
        )
    recorded, fine, near = _rollout(
        tuple(integrator), particles, key, dt, params or {}, steps, every, gradient, reach, record
    )
    if throw and not isinstance(fine, jax.core.Tracer):
        init_fn, apply_fn = integrator
        whose = functools.partial(_whose, (init_fn, apply_fn), particles, key, dt, params or {})
        _raise_unless_good(int(fine), int(near), steps, whose)
    return recorded


def _raise_unless_good(fine: int, near: int, steps: int, whose: Callable[[int], str]) -> None:
    """Say where the motion ceased to be finite, or left the lattice."""
    if min(fine, near) > steps:
        return
    if fine <= near:
        raise FloatingPointError(
            f"positions or velocities are not finite from step {fine} of {steps} on "
            f"(0 is the start){whose(fine)}; take a smaller dt, soften the forces or bound their "
            "parameters."
        )
    raise ValueError(
        f"a particle left the lattice of gradient='reversible' at step {near} of {steps} (0 is the "
        "start): it went farther from the origin than reach, or moved more in a step than the 64th "
        "part of reach (the 8th of a periodic box); give a larger reach, or gradient='checkpoint'."
    )


def _whose(
    integrator: tuple[Callable[..., State], Callable[..., State]],
    particles: Particles,
    key: Array | None,
    dt: ArrayLike | None,
    params: dict[str, Any],
    step: int,
) -> str:
    """The part of a sentence that names the particles that are not finite at a step.

    So many steps are taken once more, so that a motion that stays finite pays nothing for it.
    """
    if dt is not None and jnp.ndim(dt) > 0:
        dt = jnp.asarray(dt)[:step]
    path, *_ = _rollout(
        integrator, particles, key, dt, params, step, max(step, 1), "store", None, None
    )
    end = path.at(-1)
    fine = jnp.all(jnp.isfinite(end.position) & jnp.isfinite(end.velocity), axis=-1)
    bad = np.argwhere(np.asarray(end.alive & ~fine)).tolist()
    if not bad:  # on a lattice it was, and in floats it comes a step later
        return ""
    *system, first = bad[0]
    others = f" and {len(bad) - 1} others" if len(bad) > 1 else ""
    return f", first of particle {first}{others}" + (f" (system {system})" if system else "")


@functools.partial(jax.jit, static_argnames=("integrator", "steps", "every", "gradient", "record"))
def _rollout(
    integrator: tuple[Callable[..., State], Callable[..., State]],
    particles: Particles,
    key: Array | None,
    dt: ArrayLike | None,
    params: dict[str, Any],
    steps: int,
    every: int,
    gradient: Gradient,
    reach: ArrayLike | None,
    record: Callable[[State], Any] | None,
) -> tuple[Any, Array, Array]:
    """The record, and how many states from the start on were finite, and on a lattice."""
    init_fn, apply_fn = integrator
    snapshot = record or (lambda state: Trajectory(state.particles, state.time))
    if gradient == "reversible" and steps > 0:
        why = obstacle(apply_fn, particles, params)
        if why is None:
            recorded, *good = record_reversibly(
                apply_fn,  # type: ignore[arg-type]
                particles,
                snapshot,
                key=key,
                dt=dt,
                params=params,
                steps=steps,
                every=every,
                reach=reach,
            )
            fine, near = (jnp.min(n, initial=steps + 1) for n in good)
            return (_in_place(recorded) if record is None else recorded), fine, near
        warnings.warn(
            f"gradient='reversible' became 'checkpoint', since {why}.", UserWarning, stacklevel=2
        )
    scan = lax.scan if gradient == "store" else _checkpointed_scan

    def step(carry: tuple[State, Array], size: Array | None) -> tuple[tuple[State, Array], None]:
        state, fine_steps = carry
        state = apply_fn(state, dt=dt if size is None else size, **params)
        return (state, fine_steps + jnp.all(state.finite)), None

    def interval(carry: tuple[State, Array], sizes: Array | None) -> tuple[Any, Any]:
        if every == 1:
            carry, _ = step(carry, None if sizes is None else sizes[0])
        else:
            carry, _ = scan(step, carry, sizes, length=every)
        return carry, snapshot(carry[0])

    start = init_fn(key, particles, **params)
    sizes = None
    if dt is not None and jnp.ndim(dt) > 0:
        sizes = jnp.reshape(jnp.asarray(dt), (steps // every, every, *jnp.shape(dt)[1:]))
    carry = (start, jnp.all(start.finite).astype(jnp.int32))
    (_, fine_steps), rows = scan(interval, carry, sizes, length=steps // every)
    recorded = jax.tree.map(
        lambda first, rest: jnp.concatenate([jnp.asarray(first)[None], rest]), snapshot(start), rows
    )
    every_step = jnp.full_like(fine_steps, steps + 1)
    return (_in_place(recorded) if record is None else recorded), fine_steps, every_step


def _in_place(stacked: Trajectory) -> Trajectory:
    """The time axis moved from the front to where a trajectory has it."""
    axes = {"position": -3, "velocity": -3, "feature": -3, "mass": -2, "alive": -2}
    moved = {f: jnp.moveaxis(getattr(stacked.particles, f), 0, a) for f, a in axes.items()}
    return Trajectory(Particles(**moved), jnp.moveaxis(stacked.time, 0, -1))


def _checkpointed_scan(body: Body, carry: Any, xs: Any, *, length: int) -> tuple[Any, Any]:
    """lax.scan that keeps only every √length-th carry for the way back."""
    inner = max(math.isqrt(length), 1)
    outer, rest = divmod(length, inner)

    @functools.partial(jax.checkpoint, static_argnums=2)
    def segment(carry: Any, xs: Any, count: int) -> tuple[Any, Any]:
        return lax.scan(body, carry, xs, length=count)

    def first(x: Array) -> Array:
        return jnp.reshape(x[: outer * inner], (outer, inner, *x.shape[1:]))

    carry, ys = lax.scan(
        lambda carry, x: segment(carry, x, inner), carry, jax.tree.map(first, xs), length=outer
    )
    ys = jax.tree.map(lambda y: jnp.reshape(y, (outer * inner, *y.shape[2:])), ys)
    if rest:
        carry, last = segment(carry, jax.tree.map(lambda x: x[outer * inner :], xs), rest)
        ys = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), ys, last)
    return carry, ys
