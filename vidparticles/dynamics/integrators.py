"""Integrators: `(init_fn, apply_fn)`, as in jax-md.

    init_fn(key, particles, **params) -> State
    apply_fn(state, *, dt=None, **params) -> State        one step

The parameters go to the force and to the space. Inactive particles stay as they are. `dt` is a
number or has the leading axes of the particles; given at a step, it overrides the
integrator's own. Masses divide forces; the velocity is carried along by the differential of
the space's `shift_fn`, which turns it round at a wall.

| integrator | order | notes |
|---|---|---|
| semi_implicit_euler | 1 | symplectic; one force a step and none to start |
| velocity_verlet | 2 | symplectic, reversible; order 1 where the force depends on velocity |
| overdamped | 1 | no inertia: the velocity *is* mobility × force |
| langevin | 2 | heat bath, BAOAB; with kT = 0 plain friction |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from vidparticles.dynamics.force import ForceFn, canonicalize_force
from vidparticles.dynamics.space import ShiftFn
from vidparticles.dynamics.state import Integrator, Leapfrog, State, masked_force
from vidparticles.particles import Particles


def _kick(p: Particles, force: Array, dt: Array) -> Particles:
    """v ← v + dt F / m."""
    mass = jnp.where(p.alive, p.mass, 1)[..., None]
    return p.replace(velocity=p.velocity + dt * force / mass)


def _drift(p: Particles, shift_fn: ShiftFn, dt: Array, params: dict[str, Any]) -> Particles:
    """x ← shift(x, dt v), and v with it."""

    def shift(position: Array) -> Array:
        return shift_fn(position, dt * p.velocity, **params)

    position, velocity = jax.jvp(shift, (p.position,), (p.velocity,))
    living = p.alive[..., None]
    return p.replace(
        position=jnp.where(living, position, p.position),
        velocity=jnp.where(living, velocity, p.velocity),
    )


def _finite(p: Particles) -> Array:
    fine = jnp.isfinite(p.position) & jnp.isfinite(p.velocity)
    return jnp.all(fine | ~p.alive[..., None], axis=(-2, -1))


def _start(key: Array | None, p: Particles, force: Array) -> State:
    return State(
        particles=p,
        force=force,
        # Zero for each system, which varies over devices as the positions do.
        time=jnp.sum(p.position[..., :0, :], axis=(-2, -1)),
        step=jnp.zeros((), jnp.int32),
        key=key,
        finite=_finite(p),
    )


def _integrator(
    own_dt: ArrayLike,
    start: Callable[[Particles, dict[str, Any]], Array],
    step: Callable[[State, Array, dict[str, Any]], tuple[Particles, Array]],
    *,
    random: bool = False,
) -> Integrator:
    """What all integrators share, around `step(state, dt, params) -> (particles, force)`.

    `start(particles, params)` gives the force at the start; dt reaches `step` shaped so that
    it broadcasts against [..., N, D].
    """

    def init_fn(key: Array | None, particles: Particles, **params: Any) -> State:
        if random and key is None:
            raise ValueError("this integrator draws random numbers; give it a key of jax.random.")
        return _start(key, particles, start(particles, params))

    def apply_fn(state: State, *, dt: ArrayLike | None = None, **params: Any) -> State:
        size = jnp.asarray(own_dt if dt is None else dt, state.time.dtype)
        particles, force = step(state, size[..., None, None], params)
        return state.replace(
            particles=particles,
            force=force,
            time=state.time + size,
            step=state.step + 1,
            finite=state.finite & _finite(particles),
        )

    return Integrator(init_fn, apply_fn)


def _no_force(particles: Particles, params: dict[str, Any]) -> Array:
    return jnp.zeros_like(particles.position)


def _leapfrog(
    integrator: Integrator,
    force_fn: ForceFn,
    shift_fn: ShiftFn,
    dt: ArrayLike,
    kicks: tuple[float, float],
) -> Integrator:
    """The same integrator, its parts open."""
    init_fn, apply_fn = integrator
    return Integrator(init_fn, Leapfrog(apply_fn, force_fn, shift_fn, dt, kicks))


def semi_implicit_euler(
    energy_or_force_fn: Callable[..., Array], shift_fn: ShiftFn, dt: ArrayLike
) -> Integrator:
    """Semi-implicit (symplectic) Euler: v ← v + dt F(x, v) / m, then x ← x + dt v.

    Args:
        energy_or_force_fn: what `canonicalize_force` takes.
        shift_fn: of a space, ours or jax-md's.
        dt: seconds a step.

    Example:
        >>> from vidparticles.dynamics import free
        >>> from vidparticles.particles import particles
        >>> init_fn, apply_fn = semi_implicit_euler(lambda R: -R, free()[1], 0.5)
        >>> apply_fn(init_fn(None, particles(jnp.ones((1, 1))))).particles.position.tolist()
        [[0.75]]
    """
    force_fn = canonicalize_force(energy_or_force_fn)

    def step(state: State, dt: Array, params: dict[str, Any]) -> tuple[Particles, Array]:
        force = masked_force(force_fn, state.particles, params)
        return _drift(_kick(state.particles, force, dt), shift_fn, dt, params), force

    return _leapfrog(_integrator(dt, _no_force, step), force_fn, shift_fn, dt, (1.0, 0.0))


def velocity_verlet(
    energy_or_force_fn: Callable[..., Array], shift_fn: ShiftFn, dt: ArrayLike
) -> Integrator:
    """Velocity Verlet: half a kick, a drift, half a kick with the new force.

    Args:
        energy_or_force_fn: what `canonicalize_force` takes.
        shift_fn: of a space, ours or jax-md's.
        dt: seconds a step.

    Example:
        >>> from vidparticles.dynamics import free
        >>> from vidparticles.particles import particles
        >>> init_fn, apply_fn = velocity_verlet(lambda R: -R, free()[1], 0.5)
        >>> apply_fn(init_fn(None, particles(jnp.ones((1, 1))))).particles.position.tolist()
        [[0.875]]
    """
    force_fn = canonicalize_force(energy_or_force_fn)

    def start(particles: Particles, params: dict[str, Any]) -> Array:
        return masked_force(force_fn, particles, params)

    def step(state: State, dt: Array, params: dict[str, Any]) -> tuple[Particles, Array]:
        p = _kick(state.particles, state.force, dt / 2)
        p = _drift(p, shift_fn, dt, params)
        force = masked_force(force_fn, p, params)
        return _kick(p, force, dt / 2), force

    return _leapfrog(_integrator(dt, start, step), force_fn, shift_fn, dt, (0.5, 0.5))


def overdamped(
    energy_or_force_fn: Callable[..., Array],
    shift_fn: ShiftFn,
    dt: ArrayLike,
    *,
    mobility: ArrayLike = 1.0,
) -> Integrator:
    """Motion without inertia, x ← x + dt μ F(x): gradient descent where F has a potential.

    Args:
        energy_or_force_fn: what `canonicalize_force` takes.
        shift_fn: of a space, ours or jax-md's.
        dt: seconds a step.
        mobility: μ, velocity per force; a number. Masses play no part.

    Example:
        >>> from vidparticles.dynamics import free
        >>> from vidparticles.particles import particles
        >>> init_fn, apply_fn = overdamped(lambda R: -R, free()[1], 0.5, mobility=0.5)
        >>> apply_fn(init_fn(None, particles(jnp.ones((1, 1))))).particles.position.tolist()
        [[0.75]]
    """
    force_fn = canonicalize_force(energy_or_force_fn)

    def step(state: State, dt: Array, params: dict[str, Any]) -> tuple[Particles, Array]:
        force = masked_force(force_fn, state.particles, params)
        velocity = jnp.asarray(mobility, force.dtype) * force
        living = state.particles.alive[..., None]
        p = state.particles.replace(velocity=jnp.where(living, velocity, state.particles.velocity))
        return _drift(p, shift_fn, dt, params), force

    return _integrator(dt, _no_force, step)


def langevin(
    energy_or_force_fn: Callable[..., Array],
    shift_fn: ShiftFn,
    dt: ArrayLike,
    *,
    kT: ArrayLike,
    friction: ArrayLike,
) -> Integrator:
    """Langevin dynamics, m dv = F dt − γ m v dt + √(2 γ m kT) dW, by BAOAB.

    Half a kick, half a drift, the exact solution of friction and noise over dt, half a drift,
    half a kick (Leimkuhler and Matthews, Appl. Math. Res. Express 2013, 34).

    Args:
        energy_or_force_fn: what `canonicalize_force` takes.
        shift_fn: of a space, ours or jax-md's.
        dt: seconds a step.
        kT: temperature ≥ 0 in units of energy; a number.
        friction: γ ≥ 0, 1 / seconds; a number.

    Raises:
        ValueError: `init_fn` is given no key.

    Example:
        >>> from vidparticles.dynamics import free
        >>> from vidparticles.particles import particles
        >>> init_fn, apply_fn = langevin(lambda R: -R, free()[1], 0.5, kT=1.0, friction=1.0)
        >>> state = init_fn(jax.random.key(0), particles(jnp.ones((1, 1))))
        >>> bool(apply_fn(state).finite)
        True
    """
    force_fn = canonicalize_force(energy_or_force_fn)

    def start(particles: Particles, params: dict[str, Any]) -> Array:
        return masked_force(force_fn, particles, params)

    def bath(p: Particles, key: Array, dt: Array) -> Particles:
        keep = jnp.exp(-jnp.asarray(friction, dt.dtype) * dt)
        heat = jnp.asarray(kT, dt.dtype) * (1 - keep**2)
        noise = jax.random.normal(key, p.velocity.shape, p.velocity.dtype)
        mass = jnp.where(p.alive, p.mass, 1)[..., None]
        velocity = keep * p.velocity + jnp.sqrt(heat / mass) * noise
        return p.replace(velocity=jnp.where(p.alive[..., None], velocity, p.velocity))

    def step(state: State, dt: Array, params: dict[str, Any]) -> tuple[Particles, Array]:
        assert state.key is not None, "init_fn saw to it"
        p = _kick(state.particles, state.force, dt / 2)
        p = _drift(p, shift_fn, dt / 2, params)
        p = bath(p, jax.random.fold_in(state.key, state.step), dt)
        p = _drift(p, shift_fn, dt / 2, params)
        force = masked_force(force_fn, p, params)
        return _kick(p, force, dt / 2), force

    return _integrator(dt, start, step, random=True)
