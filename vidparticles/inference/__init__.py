"""What is said of a file: what it shows and when, what comes next, its shots and objects."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vidparticles.inference.anomalies import anomaly
    from vidparticles.inference.searching import recommend, search
    from vidparticles.inference.understanding.report import Report
    from vidparticles.inference.understanding.understand import understand

__all__ = ["Report", "anomaly", "recommend", "search", "understand"]

_PLACES = {
    "Report": "understanding.report",
    "anomaly": "anomalies",
    "recommend": "searching",
    "search": "searching",
    "understand": "understanding.understand",
}


def __getattr__(name: str) -> Any:
    """The functions, imported when they are asked for: their networks take a second."""
    import importlib

    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
