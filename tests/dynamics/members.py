"""The table of members that the shared properties are tested on: laws, spaces, integrators.

One force holds every law and all of them at strength zero; a law is switched on by its
parameters. So one program is compiled for a space and an integrator, with the number of steps
and their size as arguments, and every law and every property runs through it.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from vidparticles import dynamics as dyn
from vidparticles.particles import Particles, particles

BOX = 9.0
SPACES = {"free": dyn.free(), "periodic": dyn.periodic(BOX), "walls": dyn.walls(BOX)}

INTEGRATORS = {
    "semi_implicit_euler": dyn.semi_implicit_euler,
    "velocity_verlet": dyn.velocity_verlet,
    "overdamped": dyn.overdamped,
    "langevin": functools.partial(dyn.langevin, kT=0.0, friction=0.5),
}
ORDERS = {"semi_implicit_euler": 1, "velocity_verlet": 2, "overdamped": 1, "langevin": 2}

# What switches each law on; smooth along the paths of `start`, so that orders can be measured.
LAWS = {
    "attraction": {"strength": 0.3},
    "repulsion": {"strength": 0.4},
    "collision": {"stiffness": 0.2},
    "spring": {"stiffness": 0.8},
    "radial_basis": {"weights": jnp.array([0.9, 0.4, -0.3, -0.6, 0.2])},
    "pair_network": {"params": {"outward": 2.0}},
    "drag": {"rate": 0.6},
    "uniform": {"force": jnp.array([0.3, 0.5])},
}
PAIRWISE = tuple(law for law in LAWS if law not in ("drag", "uniform"))
CONSERVATIVE = ("attraction", "repulsion", "collision", "spring", "radial_basis")
FEATURES = 3
NETWORK = dyn.init_pair_network(jax.random.key(7), feature_dim=FEATURES, width=8)


def params(law: str | None, dtype=None) -> dict:
    """Parameters of the total force with one law (None: all of them) switched on."""
    on = {name: law in (None, name) for name in LAWS}
    out = {}
    for name, values in LAWS.items():
        if name == "pair_network":
            scale = values["params"]["outward"] * on[name]
            out[name] = {"params": {**NETWORK, "outward": NETWORK["outward"] * scale}}
        else:
            out[name] = {key: jnp.asarray(value) * on[name] for key, value in values.items()}
    return jax.tree.map(lambda x: jnp.asarray(x, dtype or jnp.float64), out)


def force(space: str):
    """All laws at once, at strengths that `params` gives."""
    displacement_fn, _ = SPACES[space]
    return dyn.combine(
        attraction=dyn.all_pairs(dyn.attraction, displacement_fn, softening=0.4),
        repulsion=dyn.all_pairs(dyn.repulsion, displacement_fn),
        collision=dyn.all_pairs(dyn.collision, displacement_fn, diameter=4.0),
        spring=dyn.all_pairs(dyn.spring, displacement_fn, length=0.8),
        radial_basis=dyn.all_pairs(dyn.radial_basis, displacement_fn, cutoff=4.0),
        pair_network=dyn.all_pairs(dyn.pair_network, displacement_fn),
        drag=dyn.external(dyn.drag),
        uniform=dyn.external(dyn.uniform),
    )


@functools.cache
def energy(space: str):
    """The potential that belongs to `force`, for the laws that have one."""
    displacement_fn, _ = SPACES[space]
    fixed = {
        "attraction": {"softening": 0.4},
        "repulsion": {},
        "collision": {"diameter": 4.0},
        "spring": {"length": 0.8},
        "radial_basis": {"cutoff": 4.0},
    }
    terms = {
        name: dyn.potential(getattr(dyn, f"{name}_energy"), displacement_fn, **fixed[name])
        for name in CONSERVATIVE
    }

    def energy_fn(position, *, alive=None, **params):
        return sum(fn(position, alive=alive, **params[name]) for name, fn in terms.items())

    return jax.jit(energy_fn)


@functools.cache
def integrator(space: str, name: str):
    """An integrator of the total force."""
    return INTEGRATORS[name](force(space), SPACES[space][1], 0.05)


def start(space: str, dtype=jnp.float64) -> Particles:
    """Five living particles of unequal mass and two inactive, in no one's way.

    In the box they sit astride its edge (periodic) or well inside (walls), and no pair comes
    near half the box, where the shortest way round jumps.
    """
    rng = np.random.default_rng(3)
    position = np.array([[0, 0], [1.3, 0.2], [0.3, 1.4], [1.7, 1.6], [-0.9, 0.8], [5, 5], [0, 0]])
    center = {"free": [0.0, 0.0], "periodic": [8.6, 8.4], "walls": [4.2, 4.0]}[space]
    position = position + np.array(center)
    if space == "periodic":
        position = position % BOX
    return particles(
        jnp.asarray(position, dtype),
        velocity=jnp.asarray(rng.normal(size=(7, 2)) * 0.3, dtype),
        feature=jnp.asarray(rng.normal(size=(7, FEATURES)), dtype),
        mass=jnp.asarray(rng.uniform(0.7, 1.6, 7), dtype),
        alive=jnp.array([True] * 5 + [False] * 2),
    )


@functools.partial(jax.jit, static_argnames=("space", "name"))
def advance(space: str, name: str, p: Particles, params: dict, dt, steps) -> Particles:
    """The particles after a number of steps: one program for all laws, steps and sizes."""
    init_fn, apply_fn = integrator(space, name)
    state = init_fn(jax.random.key(0), p, **params)
    turn = lambda _, state: apply_fn(state, dt=dt, **params)  # noqa: E731
    return lax.fori_loop(0, steps, turn, state).particles


def living(p: Particles) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities of those alive."""
    alive = np.asarray(p.alive)
    return np.asarray(p.position)[alive], np.asarray(p.velocity)[alive]


def distance(space: str, a: np.ndarray, b: np.ndarray) -> float:
    """The largest displacement between two sets of positions."""
    return float(np.max(np.abs(np.asarray(SPACES[space][0](jnp.asarray(a), jnp.asarray(b))))))
