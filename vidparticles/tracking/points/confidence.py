"""How sure a particle is of its place.

The chance that it is within a pixel of what it was spawned on, logistic in what the match left:

    logit p = c + m log(misfit + 0.02) + d log(change + 0.02) + r log(1 + renewals)

fitted to points of made scenes whose truth is known (shaken, blurred, compressed, dim, …).
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array


@dataclasses.dataclass(frozen=True)
class ConfidenceConfig:
    """What confidence is made of.

    Attributes:
        certain: c, the logit where all logarithms are 0.
        misfit: m, per log of how much it differs from its template.
        change: d, per log of how much it differs from where it was visible last.
        renewals: r, per log of 1 + how often what is visible has taken the place of its template:
            each time, it may have slipped.
    """

    certain: float = -1.83
    misfit: float = -0.57
    change: float = -1.2
    renewals: float = -2.24


def confidence(misfit: Array, change: Array, renewals: Array, config: ConfidenceConfig) -> Array:
    """The chance [N] that particles are within a pixel, of the size at which they are followed.

    Args:
        misfit, change: [N] as of `match.Match`.
        renewals: [N] of their templates.
        config: what it is made of.

    Example:
        >>> nothing, much = jnp.array([0.0]), jnp.array([0.5])
        >>> config = ConfidenceConfig()
        >>> sure, unsure = (confidence(x, x, 0 * x, config) for x in (nothing, much))
        >>> round(float(sure[0]), 2), round(float(unsure[0]), 2)
        (0.99, 0.34)
    """
    logit = config.certain + config.renewals * jnp.log1p(renewals)
    for what, weight in ((misfit, config.misfit), (change, config.change)):
        logit = logit + weight * jnp.log(what + 0.02)
    return jax.nn.sigmoid(logit)
