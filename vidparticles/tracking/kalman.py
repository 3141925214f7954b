"""How sure of position and velocity a filter is, in seconds.

A Kalman filter (Trans. ASME J. Basic Eng. 82, 1960) with a state (x, v) for each object, alike
along x and y. Between frames the velocity is disturbed by white acceleration noise of spectral
density q; over dt it adds q [dt³/3, dt²/2; dt²/2, dt] to the covariance (Bar-Shalom, Li &
Kirubarajan, Estimation with Applications, 2001, §6.2), so that two steps of dt / 2 are one of dt.
Lengths are in frame heights.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array


def predicted_covariance(
    covariance: Array, dt: Array, *, density: Array, impulse: Array | float = 0.0
) -> Array:
    """How unsure objects are dt later.

    Args:
        covariance: [..., K, 3]: of position, of position and velocity, of velocity.
        dt: seconds, [...] or what broadcasts to [..., K].
        density: q of the acceleration noise, in squared frame heights per s³, of all or [..., K].
        impulse: variance of one change of velocity at an unknown moment of the step, as in a
            collision, of all or [..., K].

    Example:
        >>> start, density = jnp.array([[0.0, 0.0, 1.0]]), jnp.array(3.0)
        >>> predicted_covariance(start, jnp.array(1.0), density=density).tolist()
        [[2.0, 2.5, 4.0]]
    """
    xx, xv, vv = covariance[..., 0], covariance[..., 1], covariance[..., 2]
    added = density * dt + impulse
    return jnp.stack(
        [xx + dt * (2 * xv + dt * (vv + added / 3)), xv + dt * (vv + added / 2), vv + added],
        axis=-1,
    )


def gain(covariance: Array, noise: Array) -> tuple[Array, Array, Array]:
    """Kalman's gains and the covariance after a position was measured.

    Args:
        covariance: [..., K, 3], as of `predicted_covariance`.
        noise: [..., K] variance of the position measured; infinite measures nothing.

    Returns:
        Gains of position and of velocity (1 / s), both [..., K], and the covariance [..., K, 3].

    Example:
        >>> of_position, of_velocity, _ = gain(jnp.array([[3.0, 1.0, 1.0]]), jnp.array([1.0]))
        >>> of_position.tolist(), of_velocity.tolist()
        ([0.75], [0.25])
    """
    xx, xv, vv = covariance[..., 0], covariance[..., 1], covariance[..., 2]
    of_position, of_velocity = xx / (xx + noise), xv / (xx + noise)
    after = [(1 - of_position) * xx, (1 - of_position) * xv, vv - of_velocity * xv]
    return of_position, of_velocity, jnp.stack(after, axis=-1)
