"""Rollouts that are run backwards: exact, in little memory, and never silently wrong."""

from __future__ import annotations

import functools
import warnings

import jax
import jax.numpy as jnp
import members as m
import numpy as np
import pytest
from jax import lax
from jax.sharding import AxisType, PartitionSpec

from vidparticles import dynamics as dyn
from vidparticles.dynamics.reversible import lattice
from vidparticles.dynamics.reversible.leapfrog import _drift, _kick
from vidparticles.particles import particles

displacement_fn, shift_fn = dyn.free()
DT = 0.004


FORCES = {"dense": m.dense, "all_pairs": dyn.all_pairs(dyn.repulsion, displacement_fn)}
LEAPFROGS = {
    (name, force): getattr(dyn, name)(FORCES[force], shift_fn, DT)
    for name in ("velocity_verlet", "semi_implicit_euler")
    for force in FORCES
}
VERLET = LEAPFROGS["velocity_verlet", "dense"]
PARAMS = {"strength": 0.02}


def some(*lead, n=9, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    return particles(
        rng.random((*lead, n, 2)).astype(dtype),
        velocity=(0.2 * rng.normal(size=(*lead, n, 2))).astype(dtype),
        feature=np.zeros((*lead, n, 0), dtype),
        mass=rng.uniform(0.5, 2, (*lead, n)).astype(dtype),
        alive=np.ones((*lead, n), bool),
    )


def cost(p):
    return jnp.sum(jnp.sin(3 * p.position)) + jnp.sum(p.velocity**2)


def end_cost(p, gradient, *, integrator=VERLET, steps=40, **options):
    options = {"every": steps, "params": PARAMS, **options}
    path = dyn.rollout(integrator, p, steps=steps, gradient=gradient, **options)
    return cost(path.at(-1))


@functools.partial(jax.jit, static_argnames=("gradient", "integrator", "steps", "every"))
def _slopes(p, params, gradient, integrator, steps, every, key):
    def loss(position, velocity):
        moved = p.replace(position=position, velocity=velocity)
        path = dyn.rollout(
            integrator,
            moved,
            steps=steps,
            every=every,
            gradient=gradient,
            params=params,
            key=key,
        )
        return cost(path.at(-1)), path

    return jax.grad(loss, argnums=(0, 1), has_aux=True)(p.position, p.velocity)


def slopes_and_path(
    p, gradient, *, integrator=VERLET, steps=40, every=None, params=PARAMS, key=None
):
    """Of the cost of the end by position and velocity; the path."""
    return _slopes(p, params, gradient, integrator, steps, every or steps, key)


def slopes(p, gradient, **options):
    return slopes_and_path(p, gradient, **options)[0]


def equal(got, want, rtol, atol=0.0):
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        scale = float(np.max(np.abs(b), initial=0.0))
        np.testing.assert_allclose(a, b, rtol=0, atol=rtol * scale + atol)


def stored_adjoint(p, apply_fn, path):
    """The adjoint along a path all of whose positions were kept."""
    before, after = apply_fn.kicks
    steps = len(path.time) - 1
    force = functools.partial(apply_fn.force_fn, alive=p.alive, **PARAMS)
    mass = p.mass[:, None]
    dt = jnp.float32(DT)

    @jax.jit
    def run(positions, end):
        slope = jax.grad(cost, allow_int=True)(end)
        first = jnp.arange(steps + 1)

        def back(carry, row):
            gx, gv = carry
            t, x = row
            ahead, h = jnp.where(t < steps, dt, 0), jnp.where(t > 0, dt, 0)
            f, of_force = jax.vjp(force, x)
            _, of_kick = jax.vjp(lambda f: _kick(f, mass, before * ahead), f)
            (gf,) = of_kick(gv)
            is_end = t == steps
            gx, gv = (
                g + jnp.where(is_end, own, 0)
                for g, own in ((gx, slope.position), (gv, slope.velocity))
            )
            _, of_kick = jax.vjp(lambda f: _kick(f, mass, after * h), f)
            gx = gx + of_force(gf + of_kick(gv)[0])[0]
            _, of_drift = jax.vjp(lambda v: _drift(v, h), gv)
            return (gx, gv + of_drift(gx)[0]), None

        zero = jnp.zeros_like(end.position)
        return lax.scan(back, (zero, zero), (first, positions), reverse=True)[0]

    return run(path.particles.position, path.at(-1))


@pytest.mark.parametrize(
    "name",
    [
        ("velocity_verlet", "dense"),
        ("velocity_verlet", "all_pairs"),
        ("semi_implicit_euler", "dense"),
    ],
    ids="-".join,
)
def test_the_gradient_is_that_of_the_stored_path_to_the_last_bit(name):
    """And close to that of the plain rollout, as the path is to its."""
    p, integrator = some(n=24), LEAPFROGS[name]
    options = {"integrator": integrator, "steps": 150, "every": 1}
    got, path = slopes_and_path(p, "reversible", **options)
    want = stored_adjoint(p, integrator[1], path)
    np.testing.assert_array_equal(got[0], want[0])
    np.testing.assert_array_equal(got[1], want[1])
    plain, store = slopes_and_path(p, "store", **options)
    np.testing.assert_allclose(path.particles.position, store.particles.position, atol=2e-5)
    np.testing.assert_allclose(path.time, store.time, rtol=1e-5)
    np.testing.assert_allclose(path.particles.position[0], p.position, atol=1e-8)
    equal(got, plain, 1e-3)


@pytest.mark.parametrize("unequal", [False, True], ids=["equal", "unequal"])
@pytest.mark.parametrize("space", ["free", "periodic"])
def test_the_way_back_is_the_way_there_however_it_was_compiled(space, unequal):
    """Eager, there and back are programs of their own; in a `jit` they are parts of one."""
    displacement, shift = dyn.free() if space == "free" else dyn.periodic(1.0)
    force = dyn.all_pairs(dyn.attraction, displacement, softening=0.1)
    dt = np.linspace(0.005, 0.015, 50, dtype=np.float32) if unequal else None
    options = {"integrator": dyn.velocity_verlet(force, shift, 0.01), "steps": 50, "dt": dt}

    def loss(position, p, gradient):
        return end_cost(p.replace(position=position), gradient, throw=False, **options)

    slope = jax.grad(loss)
    compiled = jax.jit(slope, static_argnums=2)
    for seed in range(3):
        p = some(n=16, seed=seed)
        want = compiled(p.position, p, "store")
        for got in (slope, compiled):
            equal(got(p.position, p, "reversible"), want, 2e-3)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    ("box", "every", "record"), [(None, 4, False), ((1.0, 1.5), 1, True), (1.0, 3, False)]
)
def test_every_gradient_in_double_precision(box, every, record):
    """By start, mass, feature, parameters and the size of each step, at rows and with record."""
    p = some(2, n=5, dtype=np.float64)
    p = p.replace(feature=np.ones((2, 5, 1)), alive=np.arange(10).reshape(2, 5) % 5 != 3)
    box = None if box is None else np.array(box)
    displacement, shift = dyn.free() if box is None else dyn.periodic(box)

    def force(position, *, alive, feature, strength):
        dr = displacement(position[..., :, None, :], position[..., None, :, :])
        both = (alive[..., None] & alive[..., None, :])[..., None]
        pull = -strength * feature[..., None, :] * jnp.sin(2 * jnp.pi * dr)
        return jnp.sum(jnp.where(both, pull, 0), axis=-2)

    integrator = dyn.velocity_verlet(force, shift, 0.05)
    weigh = np.arange(1.0, 14.0)

    def loss(p, params, dt, gradient, record):
        look = None
        if record:
            look = lambda s: jnp.sum(s.force * s.particles.velocity) + jnp.sum(s.time)  # noqa: E731
        out = dyn.rollout(
            integrator,
            p,
            steps=12,
            every=every,
            params=params,
            dt=dt,
            gradient=gradient,
            record=look,
        )
        if record:
            return jnp.sum(out**2)
        rows = jnp.sum(jnp.sin(2 * jnp.pi * out.particles.position), axis=(0, 2, 3))
        return jnp.sum(rows * weigh[: len(rows)]) + jnp.sum(
            out.time**2 * out.particles.mass[..., 0]
        )

    slope = jax.grad(loss, argnums=(0, 1, 2), allow_int=True)
    slope = jax.jit(slope, static_argnames=("gradient", "record"))
    # One size for all steps, or one for each.
    dt = np.float64(0.07) if record else np.linspace(0.05, 0.1, 12)
    given = (p, {"strength": 0.4}, dt)
    store, reversible = (slope(*given, gradient=g, record=record) for g in ("store", "reversible"))
    for a, b in zip(jax.tree.leaves(reversible), jax.tree.leaves(store), strict=True):
        if a.dtype != jax.dtypes.float0:
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_the_lattice_rounds_to_the_nearest_and_knows_its_ends():
    """Down at every step would be a wind; what does not fit is told and becomes 0."""
    x = np.random.default_rng(0).uniform(-1e3, 1e3, 200).astype(np.float32)
    ends = np.array([2**31 - 128, -(2**31) + 128, 2**31, -(2**31), np.inf, np.nan], np.float32)
    whole, fits = jax.jit(lattice.rounded)(np.concatenate([x, ends]))
    np.testing.assert_array_equal(whole[:200], np.round(x))
    np.testing.assert_array_equal(whole[200:], [2**31 - 128, -(2**31) + 128, 0, 0, 0, 0])
    np.testing.assert_array_equal(fits, [True] * 202 + [False] * 4)


def test_memory_does_not_grow_with_the_steps():
    p = some(n=64)

    def scratch(steps, gradient):
        loss = lambda x: end_cost(p.replace(position=x), gradient, steps=steps)  # noqa: E731
        compiled = jax.jit(jax.grad(loss)).lower(p.position).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    many = scratch(1024, "reversible")
    assert many <= 1.02 * scratch(64, "reversible")
    assert many < scratch(64, "store")


def test_leaving_the_lattice_is_told():
    place = np.array([[0.5, 0.5], [0.6, 0.5]], np.float32)
    p = particles(place, velocity=np.array([[0.0, 1.0], [0.0, 0.0]], np.float32))
    run = functools.partial(
        dyn.rollout, VERLET, steps=400, gradient="reversible", params={"strength": 0.0}
    )
    # From 0.5 at 1 a second to 2, the power of two above 1.5: 375 steps.
    with pytest.raises(ValueError, match=r"left the lattice .* at step 37[456] of 400"):
        run(p, reach=1.5)
    with pytest.raises(ValueError, match="at step 0 of 400"):
        run(p, reach=0.3)
    with pytest.raises(ValueError, match="more in a step than the 64th"):
        run(p.replace(velocity=p.velocity * 100), reach=1.5)
    run(p, reach=4.0)
    row = functools.partial(run, reach=1.5, throw=False)
    path = jax.jit(row)(p)
    assert jnp.isfinite(path.particles.position[:370]).all()
    assert jnp.isnan(path.particles.position[380:]).all()
    fine = jax.jit(functools.partial(row, record=lambda s: s.finite))(p)
    assert fine[:370].all()
    assert not fine[380:].any()
    # Of rows before as well, no gradient is handed out.
    early = lambda x: jnp.sum(row(p.replace(position=x)).particles.position[3])  # noqa: E731
    slope = jax.jit(jax.grad(early))(p.position)
    assert jnp.isnan(slope).all()


def test_what_is_not_finite_is_told():
    p = some()
    with pytest.raises(FloatingPointError, match=r"from step 0 of 5 on .* particle 2;"):
        dyn.rollout(
            VERLET,
            p.replace(velocity=np.where(np.arange(9)[:, None] == 2, np.nan, p.velocity)),
            steps=5,
            gradient="reversible",
            params=PARAMS,
        )

    def bad(position):
        return jnp.where(position[0, 0] > 1.15, jnp.nan, 0.0) * jnp.ones_like(position)

    blows = dyn.velocity_verlet(bad, shift_fn, 0.5)
    start = particles(jnp.ones((1, 2)), velocity=jnp.full((1, 2), 0.2))
    with pytest.raises(FloatingPointError, match=r"from step 2 of 9 on .* particle 0;"):
        dyn.rollout(blows, start, steps=9, gradient="reversible")


def test_a_path_that_does_not_lead_back_gives_no_gradient(monkeypatch):
    p = some()
    assert jnp.isfinite(slopes(p, "reversible")[0]).all()
    drifted = lattice.Lattice.drifted

    def off(grid, place, length):
        there, near = drifted(grid, place, length)
        return there + (np.arange(length.shape[-2])[:, None] == 3), near

    monkeypatch.setattr(lattice.Lattice, "drifted", off)
    fresh = dyn.velocity_verlet(m.dense, shift_fn, DT)
    assert jnp.isnan(slopes(p, "reversible", integrator=fresh)[0]).all()


def test_round_and_round_a_periodic_box():
    box = np.array([1.0, 2.0])
    _, shift = dyn.periodic(box)
    coast = dyn.velocity_verlet(lambda R: jnp.zeros_like(R), shift, 0.05)
    velocity = np.array([[1.0, -2.0], [-0.3, 0.1]], np.float32)
    p = particles(np.array([[0.2, 0.3], [0.99, 1.99]], np.float32), velocity=velocity)
    path = dyn.rollout(coast, p, steps=200, gradient="reversible")
    want = np.mod(p.position + 0.05 * 200 * velocity, box)
    got = np.asarray(path.particles.position[200])
    assert ((got >= 0) & (got <= box)).all()
    apart = (got - want + box / 2) % box - box / 2
    np.testing.assert_allclose(apart, 0, atol=1e-4)
    slope = slopes(p, "reversible", integrator=coast, steps=200, params={})[1]
    np.testing.assert_allclose(slope, 10 * 3 * np.cos(3 * got) + 2 * velocity, rtol=1e-3, atol=1e-3)


def unstoppable():
    drag = dyn.combine(pull=m.dense, drag=dyn.external(dyn.drag, rate=0.1))
    named = {"pull": PARAMS}
    return {
        "only velocity_verlet": (dyn.overdamped(m.dense, shift_fn, DT), PARAMS),
        "run backwards": (dyn.langevin(m.dense, shift_fn, DT, kT=0.1, friction=1.0), PARAMS),
        "neither free nor periodic": (dyn.velocity_verlet(m.dense, dyn.walls(1.0)[1], DT), PARAMS),
        "depends on the velocity": (dyn.velocity_verlet(drag, shift_fn, DT), named),
    }


def test_what_cannot_be_undone_is_checkpointed_and_says_so():
    for why, (integrator, params) in unstoppable().items():
        options = {"integrator": integrator, "params": params, "key": jax.random.key(0), "steps": 9}
        with pytest.warns(UserWarning, match=f"became 'checkpoint', since .*{why}"):
            jax.eval_shape(functools.partial(slopes, gradient="reversible", **options), some())
    why = "run backwards"  # what was traced before does not warn again: one made anew
    options["integrator"], options["params"] = unstoppable()[why]
    with pytest.warns(UserWarning, match=why):
        got = slopes(some(), "reversible", **options)
    np.testing.assert_array_equal(got[0], slopes(some(), "checkpoint", **options)[0])


def test_what_can_be_undone_goes_without_a_word():
    wind = dyn.combine(pull=m.dense, wind=dyn.external(dyn.uniform, force=np.ones(2)))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for shift, params in ((shift_fn, {"pull": PARAMS}), (lambda R, dR, **_: R + dR, {})):
            force = wind if params else lambda R: -R
            integrator = dyn.velocity_verlet(force, shift, DT)
            for given in (integrator, tuple(integrator)):
                options = {"integrator": given, "params": params, "steps": 3}
                jax.eval_shape(functools.partial(slopes, gradient="reversible", **options), some())


def test_batches_are_their_systems():
    """Along leading axes, under vmap, over devices."""
    p = some(2, 3)
    p.alive[1, 2, 4:] = False
    got = slopes(p, "reversible")
    one = functools.partial(slopes, gradient="reversible")
    mapped = jax.jit(jax.vmap(jax.vmap(one)))(p)
    mesh, along = jax.make_mesh((2,), ("data",), axis_types=(AxisType.Auto,)), PartitionSpec("data")
    spread = jax.jit(jax.shard_map(one, mesh=mesh, in_specs=along, out_specs=along))(p)
    for i, j in np.ndindex(2, 3):
        own = one(jax.tree.map(lambda x, at=(i, j): x[at], p))
        for each in (got, mapped, spread):
            equal([g[i, j] for g in each], own, 1e-5)


@pytest.mark.parametrize("n", [0, 1])
def test_none_one_and_the_inactive(n):
    p = some(n=n)
    equal(slopes(p, "reversible"), slopes(p, "store"), 1e-4)
    if n:
        return
    inactive = particles(np.full((2, 2), np.nan, np.float32), alive=np.zeros(2, bool))
    path = dyn.rollout(VERLET, inactive, steps=3, gradient="reversible", params=PARAMS)
    assert np.isnan(path.particles.position).all()
    # At rest at the origin there is no length to go by.
    fall = dyn.velocity_verlet(lambda R: jnp.ones_like(R), shift_fn, 0.1)
    rest = particles(np.zeros((1, 2), np.float32))
    path = dyn.rollout(fall, rest, steps=10, gradient="reversible", reach=64.0)
    np.testing.assert_allclose(path.particles.position[10], 0.5, rtol=1e-5)


def test_a_law_whose_parameters_are_closed_over():
    p = some()

    def loss(k):
        force = functools.partial(m.dense, strength=k)
        integrator = dyn.velocity_verlet(force, shift_fn, DT)
        return end_cost(p, "reversible", integrator=integrator, params={})

    given = jax.grad(lambda k: end_cost(p, "reversible", params={"strength": k}))
    want = jax.jit(given)(0.02)
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(0.02), want, rtol=1e-5)


def test_half_precision_moves_on_the_lattice_of_single():
    p = jax.tree.map(lambda x: x.astype(jnp.bfloat16) if x.dtype == np.float32 else x, some())
    got, path = slopes_and_path(p, "reversible", steps=10)
    assert path.particles.position.dtype == jnp.bfloat16
    assert got[0].dtype == jnp.bfloat16
    equal([g.astype(jnp.float32) for g in got], slopes(some(), "store", steps=10), 0.05)
