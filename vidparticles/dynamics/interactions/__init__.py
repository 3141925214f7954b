"""Interactions: how a law is summed, the same law in any of these ways.

    force_fn(position [..., N, D], *, feature=None, alive=None, **params) -> [..., N, D]

`external` sums nothing, `bonds` sums over a fixed list of neighbors, `all_pairs` over all others,
`multipole` over all others with what is far off taken together, `ring` over all others on many
devices, `ewald` over all others and all their images, `cutoff` over those nearer than a cut-off,
`combine` over several named forces. Inactive particles neither exert nor feel; no particle acts on
itself.
"""

from vidparticles.dynamics.interactions.bonds import bonds
from vidparticles.dynamics.interactions.combine import combine
from vidparticles.dynamics.interactions.cutoff.cutoff import cutoff
from vidparticles.dynamics.interactions.ewald.ewald import ewald
from vidparticles.dynamics.interactions.external import external
from vidparticles.dynamics.interactions.multipole.multipole import multipole, multipole_potential
from vidparticles.dynamics.interactions.pairs.all_pairs import all_pairs, potential
from vidparticles.dynamics.interactions.ring import ring

__all__ = [
    "all_pairs",
    "bonds",
    "combine",
    "cutoff",
    "ewald",
    "external",
    "multipole",
    "multipole_potential",
    "potential",
    "ring",
]
