"""Models: pure functions over pytrees of parameters, built by name."""

from vidparticles.models.base import Model
from vidparticles.models.registry import build, defaults, names

__all__ = ["Model", "build", "defaults", "names"]
