"""The table of members that the shared properties are tested on: laws, spaces, integrators.

One force holds every law and all of them at strength zero; a law is switched on by its
parameters. So one program is compiled for a space and an integrator: it takes a row of
parameters and a start for each law, and the number of steps and their size as arguments, and
every property runs through it.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from vidparticles import dynamics as dyn
from vidparticles.particles import Particles, kinetic_energy

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
    "radial_basis": {"weights": np.array([0.9, 0.4, -0.3, -0.6, 0.2])},
    "pair_network": {"params": {"outward": 2.0}},
    "drag": {"rate": 0.6},
    "uniform": {"force": np.array([0.3, 0.5])},
}
FIXED = {
    "attraction": {"softening": 0.4},
    "collision": {"diameter": 4.0},
    "spring": {"length": 0.8},
    "radial_basis": {"cutoff": 4.0},
}
PAIRWISE = tuple(law for law in LAWS if law not in ("drag", "uniform"))
CONSERVATIVE = ("attraction", "repulsion", "collision", "spring", "radial_basis")
# One of each way that a law is summed: in closed form, recomputed, particle by particle.
KINDS = ("attraction", "pair_network", "drag")
FEATURES = 3
NETWORK = jax.tree.map(
    np.asarray,
    jax.jit(lambda key: dyn.init_pair_network(key, feature_dim=FEATURES, width=8))(
        jax.random.key(7)
    ),
)


def dense(position, *, alive, strength):
    """Softened repulsion of all others, quick to compile: for what any force would show."""
    dr = position[..., :, None, :] - position[..., None, :, :]
    both = alive[..., :, None] & alive[..., None, :]
    weight = strength * both / (jnp.sum(dr * dr, axis=-1) + 1e-3)
    return jnp.sum(weight[..., None] * dr, axis=-2)


def params(law: str | None, dtype=np.float64, laws=tuple(LAWS)) -> dict:
    """Parameters of the force of some laws with one of them (None: all) switched on."""
    out = {}
    for name in laws:
        on = float(law in (None, name))
        if name == "pair_network":
            scale = LAWS[name]["params"]["outward"] * on
            out[name] = {"params": {**NETWORK, "outward": NETWORK["outward"] * scale}}
        else:
            out[name] = {key: np.asarray(value) * on for key, value in LAWS[name].items()}
    return jax.tree.map(lambda x: np.asarray(x, dtype), out)


def stacked(trees) -> dict:
    """Pytrees of equal shapes as one, with a first axis."""
    return jax.tree.map(lambda *x: np.stack(x), *trees)


@functools.cache
def each_law() -> dict:
    """A row of parameters for each law."""
    return stacked([params(law) for law in LAWS])


def force(space: str, laws=tuple(LAWS)):
    """Some laws at once, at strengths that `params` gives."""
    displacement_fn, _ = SPACES[space]
    return dyn.combine(
        **{
            law: dyn.all_pairs(getattr(dyn, law), displacement_fn, **FIXED.get(law, {}))
            if law in PAIRWISE
            else dyn.external(getattr(dyn, law))
            for law in laws
        }
    )


@functools.cache
def integrator(space: str, name: str, laws=tuple(LAWS)):
    """An integrator of their total force."""
    return INTEGRATORS[name](force(space, laws), SPACES[space][1], 0.05)


@functools.cache
def energies(space: str):
    """Kinetic and potential energy [2, L] of rows of particles, for the laws that have one."""
    displacement_fn, _ = SPACES[space]
    terms = {
        law: dyn.potential(getattr(dyn, f"{law}_energy"), displacement_fn, **FIXED.get(law, {}))
        for law in CONSERVATIVE
    }

    def both(p, params):
        each = [fn(p.position, alive=p.alive, **params[law]) for law, fn in terms.items()]
        return jnp.stack([kinetic_energy(p), sum(each)])

    return jax.jit(jax.vmap(both, out_axes=1))


def start(space: str, dtype=np.float64) -> Particles:
    """Five particles alive, of unequal mass, and an inactive one, on top of another.

    In the box they sit astride its edge (periodic) or well inside (walls), and no pair comes
    near half the box, where the shortest way round jumps.
    """
    rng = np.random.default_rng(3)
    position = np.array([[0, 0], [1.3, 0.2], [0.3, 1.4], [1.7, 1.6], [-0.9, 0.8], [0, 0]])
    velocity = rng.normal(size=(7, 2)) * 0.3
    feature = rng.normal(size=(7, FEATURES))
    mass = rng.uniform(0.7, 1.6, 7)
    center = {"free": [0.0, 0.0], "periodic": [8.6, 8.4], "walls": [4.2, 4.0]}[space]
    position = position + np.array(center)
    if space == "periodic":
        position = position % BOX
    return Particles(
        position=position.astype(dtype),
        velocity=velocity[:6].astype(dtype),
        feature=feature[:6].astype(dtype),
        mass=mass[:6].astype(dtype),
        alive=np.array([True] * 5 + [False]),
    )


def for_each_law(p: Particles) -> Particles:
    """The same particles, once for each law."""
    return jax.tree.map(lambda x: np.broadcast_to(x, (len(LAWS), *x.shape)), p)


@functools.partial(jax.jit, static_argnames=("space", "name"))
def _advance(space, name, p, params, dt, steps):
    init_fn, apply_fn = integrator(space, name)

    def one(p, params):
        state = init_fn(jax.random.key(0), p, **params)
        turn = lambda _, state: apply_fn(state, dt=dt, **params)  # noqa: E731
        return lax.fori_loop(0, steps, turn, state).particles

    return jax.vmap(one)(p, params)


def advance(space: str, name: str, p: Particles, dt: float, steps: int) -> Particles:
    """The particles after a number of steps, under each law: fields [L, N, ·] of numpy.

    p is one start, or has a row for each law. One program for all laws, steps and sizes.
    """
    rows = p if p.position.ndim > 2 else for_each_law(p)
    return jax.tree.map(np.asarray, _advance(space, name, rows, each_law(), dt, steps))


def distance(space: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The largest component of a displacement between positions [L, N, D], for each law."""
    apart = np.asarray(a) - np.asarray(b)
    if space == "periodic":
        apart = apart - BOX * np.round(apart / BOX)
    return np.abs(apart).max(axis=(1, 2))


def spread(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The largest difference, for each law."""
    apart = np.abs(np.asarray(a) - np.asarray(b))
    return apart.reshape(len(apart), -1).max(axis=1)


def hold(values, test, laws=tuple(LAWS), what="") -> None:
    """Fail with the names of the laws whose value does not pass the test."""
    by_law = dict(zip(LAWS, np.asarray(values).tolist(), strict=True))
    wrong = {law: by_law[law] for law in laws if not test(by_law[law])}
    assert not wrong, f"{what}: {wrong}"


def along(function, at, *, step, seed=1):
    """Slopes of a function along a random direction: by its gradient, by central differences.

    `function(*at)` gives a value and the gradient by each of `at`; arrays are numpy's.
    """
    rng = np.random.default_rng(seed)
    way = jax.tree.map(lambda x: rng.normal(size=np.shape(x)), at)
    ahead, behind = (
        function(*jax.tree.map(lambda x, d, s=s: x + s * d, at, way))[0] for s in (step, -step)
    )
    gradient = jax.tree.leaves(function(*at)[1])
    pairs = zip(gradient, jax.tree.leaves(way), strict=True)
    return float(sum(np.sum(np.asarray(g) * d) for g, d in pairs)), float(ahead - behind) / 2 / step
