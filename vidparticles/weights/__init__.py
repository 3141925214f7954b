"""What others have trained: which files there are, fetched by their hash and kept converted."""

from vidparticles.weights.cache import Status, load, read_file, remove, status, verify
from vidparticles.weights.fetch import get
from vidparticles.weights.table import TABLE, Weights, named

__all__ = [
    "TABLE",
    "Status",
    "Weights",
    "get",
    "load",
    "named",
    "read_file",
    "remove",
    "status",
    "verify",
]
