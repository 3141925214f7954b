"""Interactions: how a law is summed. The law does not know. One file a way of summing.

    force_fn(position [..., N, D], *, feature=None, alive=None, **params) -> [..., N, D]

`bodies` sums nothing, `bonds` sums over a fixed list of neighbours, `all_pairs` over all others,
`multipole` over all others with what is far off taken together, `ring` over all others on many
devices, `mesh` over all others and all their images, `within` over those nearer than a cut-off,
`total` over several named forces. Dead particles neither exert nor feel; no particle acts on
itself.
"""

from vidparticles.dynamics.interactions.all_pairs import all_pairs, potential
from vidparticles.dynamics.interactions.bodies import bodies
from vidparticles.dynamics.interactions.bonds import bonds
from vidparticles.dynamics.interactions.cells import within
from vidparticles.dynamics.interactions.mesh import mesh
from vidparticles.dynamics.interactions.multipole import multipole, multipole_potential
from vidparticles.dynamics.interactions.ring import ring
from vidparticles.dynamics.interactions.total import total

__all__ = [
    "all_pairs",
    "bodies",
    "bonds",
    "mesh",
    "multipole",
    "multipole_potential",
    "potential",
    "ring",
    "total",
    "within",
]
