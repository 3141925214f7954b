"""Float64 where a property is measured to rounding; loops that compile soon."""

import jax
import pytest

from vidparticles.dynamics.interactions.cutoff import central
from vidparticles.dynamics.interactions.multipole import walk
from vidparticles.dynamics.interactions.pairs import loop

MOST, SOURCES, WALK_SOURCES = loop.MOST, central.SOURCES, walk.SOURCES


@pytest.fixture(scope="module", autouse=True)
def short_turns():
    """Sums with fewer sources a turn: the same sums, of programs a fraction as long.

    What `shipped` is asked for by shows that the number of sources changes nothing.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "MOST", 1)
        patch.setattr(central, "SOURCES", 2)
        patch.setattr(walk, "SOURCES", 1)
        yield


@pytest.fixture
def shipped(monkeypatch):
    """Sums with as many sources a turn as users get."""
    monkeypatch.setattr(loop, "MOST", MOST)
    monkeypatch.setattr(central, "SOURCES", SOURCES)
    monkeypatch.setattr(walk, "SOURCES", WALK_SOURCES)


@pytest.fixture
def x64():
    """64-bit floats while a test runs."""
    with jax.enable_x64(True):
        yield
