"""A still scene, taken from clips in which things move: how it looks, and where it hides things.

What most frames show of a cell is the scene, as in background subtraction by the median
(Lo & Velastin, ISIMP 2001); where nothing is seen to pass, what passes is hidden.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array

from vidparticles.particleize import evidence

MOST = 0.99  # the share of frames in which there is less of a thing in a cell than at its most
LEAST_CLEAR = 0.02  # and as much less than all: a logit, which training can go on from


def estimate(params: dict[str, Any], frames: Array, *, stride: int, look: int) -> dict[str, Array]:
    """The scene of clips.

    Args:
        params: of `evidence`.
        frames: [B, T, H, W, 3] uint8 of one scene, through all of which things move, so that each
            cell shows one whole in more than one frame of a hundred and in less than half.
        stride: pixels of a cell's side.
        look: as of `evidence.gather`.

    Returns:
        {"colour": [P, 3], what it differs by from the usual colour; "hides": [P], logits}.

    Example:
        >>> import jax, numpy as np
        >>> frames = np.zeros((1, 40, 8, 8, 3), np.uint8)
        >>> for t in range(40):  # a bar passes
        ...     frames[0, t, :, t % 8] = 255
        >>> frames[:, :, :, 3] = 64
        >>> params = evidence.init(jax.random.key(0), stride=1, widths=(2,), look=1, features=1)
        >>> scene = estimate(params, frames, stride=1, look=1)
        >>> (scene["hides"].reshape(8, 8)[0] > 0).astype(int).tolist()
        [0, 0, 0, 1, 0, 0, 0, 0]
        >>> round(float(scene["colour"].reshape(8, 8, 3)[0, 3, 0]), 2)
        0.25
    """
    seen = evidence.gather(params, frames, stride=stride, look=look, scene=None)
    colour = jnp.median(seen.colour - seen.ground, axis=(0, 1))
    weight = evidence.gather(params, frames, stride=stride, look=look, scene=colour).weight
    most = jnp.quantile(weight, MOST, axis=(0, 1))
    clear = jnp.clip(most, LEAST_CLEAR, 1 - LEAST_CLEAR)
    return {"colour": colour, "hides": jnp.log(1 - clear) - jnp.log(clear)}
