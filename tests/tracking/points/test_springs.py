"""Springs between neighbors: what they pull."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from vidparticles.particles import particles
from vidparticles.tracking.points.springs import SpringConfig, Springs, pull


def test_a_stretched_spring_pulls_its_ends_together_by_hookes_law():
    position = jnp.array([[0.2, 0.5], [0.5, 0.9], [0.3, 0.3]])
    springs = Springs(
        neighbor=jnp.array([[1, 0], [0, 0], [0, 0]]),
        bonded=jnp.array([[True, False], [True, False], [True, False]]),
        length=jnp.full((3, 2), 0.4),
    )
    alive = jnp.array([True, True, False])
    force = np.asarray(pull(particles(position, alive=alive), springs, SpringConfig()))
    expected = SpringConfig().stiffness * (0.5 - 0.4) * np.array([0.6, 0.8])
    np.testing.assert_allclose(force, [expected, -expected, [0, 0]], rtol=1e-4, atol=1e-6)
