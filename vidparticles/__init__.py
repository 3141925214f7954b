"""Video as particles, in JAX.

A clip becomes particles with position, velocity and feature; forces between them are
summed; pure, differentiable integrators move them; what the video is, what happens next
and how it is edited are read from the same trajectories.

The rooms are imported by name (``from vidparticles.dynamics import ...``), and what stands here
when it is first asked for, so that ``vidparticles --help`` need not wait for jax.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vidparticles.errors import InputError
    from vidparticles.particles import Particles, Trajectory

__all__ = ["InputError", "Particles", "Trajectory", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "InputError":
        from vidparticles.errors import InputError

        return InputError
    if name in ("Particles", "Trajectory"):
        from vidparticles import particles

        return getattr(particles, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
