"""Float64 where a property is measured to rounding."""

import jax
import pytest


@pytest.fixture
def x64():
    """64-bit floats while a test runs."""
    with jax.enable_x64(True):
        yield
