"""Leapfrog on a lattice, forwards and backwards: memory of a few states, whatever the steps.

    w = v + α h F(x)/m      x' = x + h w      v' = w + β h F(x')/m

(α, β) is (½, ½) for velocity Verlet and (1, 0) for semi-implicit Euler. On a lattice
(`reversible.lattice`) the increments are rounded to integers, and so each step is
undone to the last bit. The way back rebuilds the path from its end with one force a step, whose
value undoes the kicks and whose derivative carries the cotangent. The rounding counts as the
identity. What reaches the start again must be the start: if not, the gradient is NaN.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from vidparticles.dynamics.reversible.lattice import Lattice, as_is


@dataclasses.dataclass(frozen=True)
class Clock:
    """When a step is how long; step t leads from state t − 1 to state t."""

    steps: int
    every: int
    each: bool

    def longest(self, size: Array) -> Array:
        """Seconds of the longest step, [..., 1, 1]."""
        size = jnp.abs(size)
        return (jnp.max(size, axis=0) if self.each else size)[..., None, None]

    def times(self, size: Array, lead: tuple[int, ...]) -> Array:
        """Seconds at the recorded states, [rows, ...]."""
        if self.each:
            passed = jnp.concatenate([jnp.zeros_like(size[:1]), jnp.cumsum(size, axis=0)])
            passed = passed[:: self.every]
        else:
            count = jnp.arange(0, self.steps + 1, self.every, dtype=size.dtype)
            passed = jnp.reshape(count, (-1, *[1] * size.ndim)) * size
        pad = [1] * (len(lead) + 1 - passed.ndim)
        passed = jnp.reshape(passed, (len(passed), *pad, *passed.shape[1:]))
        return jnp.broadcast_to(passed, (len(passed), *lead))

    def at(self, size: Array, t: Array) -> Array:
        """Seconds of step t, [..., 1, 1]; none before the first and after the last."""
        taken = (t >= 1) & (t <= self.steps)
        own = size[jnp.clip(t - 1, 0, self.steps - 1)] if self.each else size
        return as_is(jnp.where(taken, own, 0)[..., None, None])

    def add(self, total: Array, t: Array, cotangent: Array) -> Array:
        """The cotangent of the sizes, with that of step t added."""
        taken = (t >= 1) & (t <= self.steps)
        own = jnp.where(taken, cotangent[..., 0, 0], 0)
        return total.at[jnp.clip(t - 1, 0, self.steps - 1)].add(own) if self.each else total + own


def _kick(f: Array, mass: Array, h: Array) -> Array:
    return h * f / mass


def _drift(v: Array, h: Array) -> Array:
    return h * v


@dataclasses.dataclass(frozen=True)
class Path:
    """The steps forward, recorded, and back; all arrays are handed through, none closed over."""

    kicks: tuple[float, float]
    clock: Clock
    force: Callable[..., Array]
    look: Callable[..., Any]

    def run(self, smooth: Any, fixed: Any) -> tuple[Any, Array, Array]:
        """Rows, and the numbers of good states."""

        @jax.custom_vjp
        def run(smooth: Any, fixed: Any) -> Any:
            return self.forward(smooth, fixed)[0]

        def forward(smooth: Any, fixed: Any) -> Any:
            out, kept = self.forward(smooth, fixed)
            return out, (smooth, fixed, kept)

        def backward(kept: Any, cotangents: Any) -> Any:
            smooth, fixed, end = kept
            return self.backward(smooth, fixed, end, cotangents[0]), None

        run.defvjp(forward, backward)
        return run(smooth, fixed)

    def forward(self, smooth: Any, fixed: Any) -> tuple[Any, Any]:
        """What is recorded, and what the way back needs."""
        grid: Lattice = fixed["grid"]
        size, mass, every = smooth["size"], smooth["mass"], self.clock.every
        before, after = self.kicks

        def each(good: Array) -> Array:
            return jnp.all(good, axis=(-2, -1))

        def step(t: Array, carry: Any) -> Any:
            place, pace, f, finite, near, good = carry
            h = self.clock.at(size, t)
            pace, first = grid.kicked(pace, _kick(f, mass, as_is(before * h)))
            place, second = grid.drifted(place, _drift(grid.velocity(pace), h))
            f = self._force(smooth, fixed, grid.position(place), smooth["constants"])
            pace, third = grid.kicked(pace, _kick(f, mass, as_is(after * h)))
            finite &= each(jnp.isfinite(f))
            near &= each(first & second & third)
            return place, pace, f, finite, near, (good[0] + finite, good[1] + near)

        def row(carry: Any, r: Array) -> tuple[Any, Any]:
            # State 0 is reached by a step of no time; a row ends with the state it records.
            begin = jnp.where(r == 0, 0, (r - 1) * every + 1)
            end = jnp.where(r == 0, 1, r * every + 1)
            carry = step(r, carry) if every == 1 else lax.fori_loop(begin, end, step, carry)
            place, pace, f, finite, near, _ = carry
            x, v = grid.position(place), grid.velocity(pace)
            lost = jnp.where(near, 0, jnp.nan).astype(x.dtype)[..., None, None]
            fine = finite & near
            seen = self.look(
                smooth["look"],
                fixed["look"],
                *(x + lost, v + lost, f, smooth["times"][r], smooth["constants"]),
                (end - 1, fine),
            )
            return carry, (seen, fine)

        place, pace, on = grid.enter(smooth["x"], smooth["v"])
        start = place, pace
        finite, near = each(jnp.isfinite(smooth["x"] + smooth["v"])), each(on)
        none = jnp.zeros_like(finite, jnp.int32)
        carry = (place, pace, jnp.zeros_like(smooth["x"]), finite, near, (none, none))
        carry, (rows, fine) = lax.scan(row, carry, jnp.arange(len(smooth["times"])))
        place, pace, _, _, near, good = carry
        return (rows, *good), (start, (place, pace), near, fine)

    def _force(self, smooth: Any, fixed: Any, x: Array, constants: Any) -> Array:
        return as_is(self.force(smooth["force"], fixed["force"], x, constants))

    def backward(self, smooth: Any, fixed: Any, kept: Any, rows: Any) -> Any:
        """The cotangent of `smooth`, given that of the rows."""
        grid: Lattice = fixed["grid"]
        clock, every, (before, after) = self.clock, self.clock.every, self.kicks
        size, mass, constants = smooth["size"], smooth["mass"], smooth["constants"]
        (place0, pace0), (place, pace), near, fine = kept

        def state(i: Array, carry: Any) -> Any:
            """Back from the half kick behind state t to the drift before it."""
            t = clock.steps - i
            place, pace, gx, gv, total = carry
            x = grid.position(place)
            f, of_force = jax.vjp(
                lambda x, c, own: self.force(own, fixed["force"], x, c),
                *(x, constants, smooth["force"]),
            )
            f = as_is(f)
            ahead, h = clock.at(size, t + 1), clock.at(size, t)
            kick, of_kick = jax.vjp(lambda f, m, h: _kick(f, m, as_is(before * h)), f, mass, ahead)
            pace = pace - grid.kick(kick)[0]
            gf, g_mass, g_ahead = of_kick(gv)
            total = total | {"mass": total["mass"] + g_mass}
            total["size"] = clock.add(total["size"], t + 1, g_ahead)

            def recorded(gx: Array, gv: Array, gf: Array, total: Any) -> Any:
                r = t // every
                _, of_look = jax.vjp(
                    lambda x, v, f, time, c, own: self.look(
                        own, fixed["look"], x, v, f, time, c, (t, fine[r])
                    ),
                    *(x, grid.velocity(pace), f, smooth["times"][r], constants, smooth["look"]),
                )
                x_, v_, f_, g_time, c_, own = of_look(jax.tree.map(lambda g: _entry(g, r), rows))
                total = total | {"times": total["times"].at[r].set(g_time)}
                total |= jax.tree.map(
                    jnp.add,
                    {name: total[name] for name in ("constants", "look")},
                    {"constants": c_, "look": own},
                )
                return gx + x_, gv + v_, gf + f_, total

            if every == 1:
                gx, gv, gf, total = recorded(gx, gv, gf, total)
            else:
                gx, gv, gf, total = lax.cond(
                    t % every == 0, recorded, lambda *a: a, gx, gv, gf, total
                )
            kick, of_kick = jax.vjp(lambda f, m, h: _kick(f, m, as_is(after * h)), f, mass, h)
            pace = pace - grid.kick(kick)[0]
            g_kick, g_mass, g_h = of_kick(gv)
            x_, c_, own = of_force(gf + g_kick)
            gx = gx + x_
            drift, of_drift = jax.vjp(_drift, grid.velocity(pace), h)
            place = place - grid.drift(drift)[0]
            v_, g_drift = of_drift(gx)
            total |= jax.tree.map(
                jnp.add,
                {name: total[name] for name in ("mass", "constants", "force")},
                {"mass": g_mass, "constants": c_, "force": own},
            )
            total["size"] = clock.add(total["size"], t, g_h + g_drift)
            return place, pace, gx, gv + v_, total

        total = jax.tree.map(jnp.zeros_like, {k: v for k, v in smooth.items() if k not in "xv"})
        zero = jnp.zeros_like(smooth["x"])
        end = lax.fori_loop(0, clock.steps + 1, state, (place, pace, zero, zero, total))
        place, pace, gx, gv, total = end
        back = jnp.all((place == place0) & (pace == pace0), axis=(-2, -1)) & near
        # A path that did not lead back was another's: its gradient is not handed out.
        poison = jnp.where(back, 0, jnp.nan)[..., None, None]
        total = jax.tree.map(lambda g: g + jnp.sum(poison).astype(g.dtype), total)
        return total | {"x": gx + poison.astype(gx.dtype), "v": gv + poison.astype(gv.dtype)}


def _entry(cotangent: Any, r: Array) -> Any:
    """Row r of the cotangent of what is stacked; of integers there is none."""
    if cotangent.dtype == jax.dtypes.float0:
        return np.zeros(cotangent.shape[1:], jax.dtypes.float0)
    return cotangent[r]
