"""Video as particles, in JAX.

A clip becomes particles with position, velocity and feature; forces between them are
summed; pure, differentiable integrators move them; what the video is, what happens next
and how it is edited are read from the same trajectories.

The rooms are imported by name (``from vidparticles.dynamics import ...``), so that this
module costs what jax costs.
"""

from vidparticles.errors import InputError
from vidparticles.particles import Particles, Trajectory

__all__ = ["InputError", "Particles", "Trajectory", "__version__"]
__version__ = "0.1.0"
