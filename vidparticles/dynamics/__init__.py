"""Particles under forces: pure, differentiable, in jax-md's idiom.

- space: `(displacement_fn, shift_fn)`; `free`, `periodic`, `walls`, or one of jax-md's.
- law: a function of one pair, `law(dr, fa, fb, **params)`, or of one particle,
  `law(r, v, f, **params)`; a readable formula, nothing else.
- interaction: how a law is summed; `all_pairs`, `multipole`, `ring`, `ewald`, `cutoff`, `bonds`,
  `external`, and `combine` of several.
- integrator: `(init_fn, apply_fn)`; `semi_implicit_euler`, `velocity_verlet`, `overdamped`,
  `langevin`.
- `bounce`: hard discs, whose collisions are events and no forces.
- `rollout`: many steps, what is recorded, how it is differentiated.

An energy is accepted wherever a force is. Everything works under `jit`, `vmap`, `pmap` and
`grad`, and with leading axes before [N, D].

Example:
    >>> import jax.numpy as jnp
    >>> from vidparticles.particles import particles
    >>> displacement_fn, shift_fn = free()
    >>> pull = all_pairs(attraction, displacement_fn, strength=1.0)
    >>> start = particles(jnp.array([[0.0, 0.0], [1.0, 0.0]]))
    >>> path = rollout(velocity_verlet(pull, shift_fn, 0.01), start, steps=10)
    >>> path.particles.position.shape, bool(path.at(10).position[0, 0] > 0)
    ((11, 2, 2), True)
"""

from vidparticles.dynamics.collisions import bounce
from vidparticles.dynamics.force import canonicalize_force
from vidparticles.dynamics.integrators import (
    Integrator,
    State,
    langevin,
    overdamped,
    semi_implicit_euler,
    velocity_verlet,
)
from vidparticles.dynamics.interactions import (
    all_pairs,
    bonds,
    combine,
    cutoff,
    ewald,
    external,
    multipole,
    multipole_potential,
    potential,
    ring,
)
from vidparticles.dynamics.laws import (
    attraction,
    attraction_energy,
    collision,
    collision_energy,
    drag,
    init_pair_network,
    pair_network,
    radial_basis,
    radial_basis_energy,
    repulsion,
    repulsion_energy,
    spring,
    spring_energy,
    uniform,
)
from vidparticles.dynamics.rollout import rollout
from vidparticles.dynamics.space import free, periodic, walls

__all__ = [
    "Integrator",
    "State",
    "all_pairs",
    "attraction",
    "attraction_energy",
    "bonds",
    "bounce",
    "canonicalize_force",
    "collision",
    "collision_energy",
    "combine",
    "cutoff",
    "drag",
    "ewald",
    "external",
    "free",
    "init_pair_network",
    "langevin",
    "multipole",
    "multipole_potential",
    "overdamped",
    "pair_network",
    "periodic",
    "potential",
    "radial_basis",
    "radial_basis_energy",
    "repulsion",
    "repulsion_energy",
    "ring",
    "rollout",
    "semi_implicit_euler",
    "spring",
    "spring_energy",
    "uniform",
    "velocity_verlet",
    "walls",
]
