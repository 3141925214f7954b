"""Models: pure functions over pytrees of parameters, built by name."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vidparticles.models.base import Model
    from vidparticles.models.registry import build, defaults, names

__all__ = ["Model", "build", "defaults", "names"]


def __getattr__(name: str) -> Any:
    """What is asked for: whoever takes one network of this room does without all others."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from vidparticles.models import registry

    return getattr(registry, name)
