"""Laws: what one particle does to another, or what befalls one alone. One file a law.

A pair law is `law(dr, fa, fb, **params)`: the force on a due to b, where `dr [..., D]` points
from b to a and `fa`, `fb [..., F]` are their features. A body law is `law(r, v, f, **params)`.
Laws broadcast, and a parameter broadcasts against [...], the axes of dr before D. The law
never knows how it is summed (`vidparticles.dynamics.interactions`). The closed forms are
`central`: defined by the force per distance as a function of the squared distance, which the
ways of summing exploit.

At r = 0 there is no direction: every force is zero there, with a finite derivative.
A closed-form conservative law has its potential beside it, `<law>_energy(dr, fa, fb, **params)`,
of which it is minus the gradient.
"""

from vidparticles.dynamics.laws.attraction import (
    attraction,
    attraction_energy,
    repulsion,
    repulsion_energy,
)
from vidparticles.dynamics.laws.body import drag, uniform
from vidparticles.dynamics.laws.central import CentralLaw, central
from vidparticles.dynamics.laws.collision import collision, collision_energy
from vidparticles.dynamics.laws.pair_network import init_pair_network, pair_network
from vidparticles.dynamics.laws.radial_basis import radial_basis, radial_basis_energy
from vidparticles.dynamics.laws.spring import spring, spring_energy

__all__ = [
    "CentralLaw",
    "attraction",
    "attraction_energy",
    "central",
    "collision",
    "collision_energy",
    "drag",
    "init_pair_network",
    "pair_network",
    "radial_basis",
    "radial_basis_energy",
    "repulsion",
    "repulsion_energy",
    "spring",
    "spring_energy",
    "uniform",
]
