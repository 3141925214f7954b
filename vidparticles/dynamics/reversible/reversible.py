"""A rollout of a leapfrog that is run backwards to differentiate it.

Which steps can be undone, and what of a rollout a path on a lattice (`leapfrog`) needs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.extend.core import Literal
from jax.typing import ArrayLike

from vidparticles.dynamics.reversible.lattice import lattice
from vidparticles.dynamics.reversible.leapfrog import Clock, Path
from vidparticles.dynamics.space import Wrap
from vidparticles.dynamics.state import Leapfrog, State, masked_force
from vidparticles.particles import Particles


def obstacle(apply_fn: Callable[..., State], p: Particles, params: dict[str, Any]) -> str | None:
    """Why steps cannot be undone, or None if they can."""
    if not isinstance(apply_fn, Leapfrog):
        return "only velocity_verlet and semi_implicit_euler can be run backwards"
    shift_fn = apply_fn.shift_fn
    if isinstance(shift_fn, Wrap):
        if isinstance(shift_fn.box, jax.core.Tracer):
            return "the box of the space is itself being traced"
    elif not _adds(shift_fn, p.position, params):
        return "the space is neither free nor periodic, and hitting a wall cannot be undone"

    def force(velocity: Array) -> Array:
        return masked_force(apply_fn.force_fn, p.replace(velocity=velocity), params)

    if _depends(force, p.velocity):
        return "the force depends on the velocity"
    return None


def _adds(shift_fn: Callable[..., Array], position: Array, params: dict[str, Any]) -> bool:
    """Whether shift_fn(R, dR) is R + dR and no more."""
    jaxpr = jax.make_jaxpr(lambda R, dR: shift_fn(R, dR, **params))(position, position).jaxpr
    named = [eqn.primitive.name for eqn in jaxpr.eqns]
    return named == ["add"] and jaxpr.eqns[0].outvars == jaxpr.outvars


def _depends(function: Callable[[Array], Array], x: Array) -> bool:
    """Whether what a function returns is computed from x."""
    jaxpr = jax.make_jaxpr(function)(x).jaxpr
    reached = set(jaxpr.invars)
    for eqn in jaxpr.eqns:
        if any(not isinstance(v, Literal) and v in reached for v in eqn.invars):
            reached.update(eqn.outvars)
    return any(not isinstance(v, Literal) and v in reached for v in jaxpr.outvars)


def record_reversibly(
    leapfrog: Leapfrog,
    start: Particles,
    snapshot: Callable[[State], Any],
    *,
    key: Array | None,
    dt: ArrayLike | None,
    params: dict[str, Any],
    steps: int,
    every: int,
    reach: ArrayLike | None,
) -> tuple[Any, Array, Array]:
    """The snapshots of a rollout, and how many states from the start on were good.

    Args:
        leapfrog: to which there is no `obstacle`.
        start: the particles.
        snapshot: what is recorded of a state.
        key, dt, params, steps, every, reach: those of `rollout`; at least one step.

    Returns:
        Snapshots stacked along a new first axis; how many states [...] were finite; how many [...]
        were on the lattice. What is recorded off the lattice is NaN.
    """
    dtype = jnp.promote_types(start.position.dtype, jnp.float32)
    alive, lead = start.alive, start.position.shape[:-2]
    living = alive[..., None]
    x, v = (jnp.where(living, a, 0).astype(dtype) for a in (start.position, start.velocity))
    given = {"feature": start.feature, "mass": start.mass, "params": params}
    constants, others, join = smooth_apart(given)
    # All vary over devices as the positions do: so do the sums that their cotangents are.
    zero = jnp.sum(x[..., :0, :])
    constants = [leaf + zero.astype(leaf.dtype) for leaf in constants]

    def particles(x: Array, v: Array, constants: Any) -> tuple[Particles, Any]:
        rest = join(constants, others)
        kind = start.position.dtype
        p = Particles(x.astype(kind), v.astype(kind), rest["feature"], rest["mass"], alive)
        return p, rest["params"]

    def force(x: Array, constants: Any) -> Array:
        p, params = particles(x, jnp.zeros_like(x), constants)
        return masked_force(leapfrog.force_fn, p, params).astype(dtype)

    def look(x: Array, v: Array, f: Array, time: Array, constants: Any, at: Any) -> Any:
        p, _ = particles(x, v, constants)
        position = jnp.where(living, p.position, start.position)
        velocity = jnp.where(living, p.velocity, start.velocity)
        p = p.replace(position=position, velocity=velocity)
        return snapshot(State(p, f.astype(position.dtype), time, at[0], key, at[1]))

    each = dt is not None and jnp.ndim(dt) > 0
    clock = Clock(steps, every, each)
    size = jnp.asarray(leapfrog.dt if dt is None else dt, dtype) + zero
    times = clock.times(size, lead).astype(start.position.dtype)
    at = jnp.zeros((), jnp.int32), jnp.ones(lead, bool)
    call, force_smooth, force_fixed = _hoisted(force, x, constants)
    see, look_smooth, look_fixed = _hoisted(look, x, v, x, times[0], constants, at)
    box = leapfrog.shift_fn.box if isinstance(leapfrog.shift_fn, Wrap) else None
    grid = lattice(x, v, alive, clock.longest(size), box=box, reach=reach)
    smooth = {
        "x": x,
        "v": v,
        "mass": jnp.where(alive, start.mass, 1).astype(dtype)[..., None] + zero,
        "size": size,
        "times": times,
        "constants": constants,
        "force": force_smooth,
        "look": look_smooth,
    }
    fixed = lax.stop_gradient({"grid": grid, "force": force_fixed, "look": look_fixed})
    return Path(leapfrog.kicks, clock, call, see).run(smooth, fixed)


def smooth_apart(tree: Any) -> tuple[list[Any], list[Any], Callable[[Any, Any], Any]]:
    """The leaves that can have derivatives, the others, and what puts them together again."""
    form: Any = jax.tree.structure(tree)
    leaves = [x if isinstance(x, jax.Array) else jnp.asarray(x) for x in jax.tree.leaves(tree)]
    smooth = [jnp.issubdtype(x.dtype, jnp.inexact) for x in leaves]

    def join(floats: Any, others: Any) -> Any:
        first, second = iter(floats), iter(others)
        return form.unflatten([next(first) if yes else next(second) for yes in smooth])

    kinds = [[x for x, s in zip(leaves, smooth, strict=True) if s is yes] for yes in (True, False)]
    return kinds[0], kinds[1], join


def _hoisted(function: Callable[..., Any], *args: Any) -> tuple[Callable[..., Any], Any, Any]:
    """The same function asked with what it closes over; that: with derivatives, and without."""
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*args)
    form: Any = jax.tree.structure(shape)
    smooth, fixed, join = smooth_apart(list(closed.consts))

    def call(smooth: Any, fixed: Any, *args: Any) -> Any:
        values = jax.tree.leaves(args)
        return form.unflatten(jax.core.eval_jaxpr(closed.jaxpr, join(smooth, fixed), *values))

    return call, smooth, fixed
