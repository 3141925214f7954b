"""A still scene, taken from clips in which things move: how it looks, and where it hides things.

What a cell shows when it differs least from the usual color is the scene: a thing may rest on it
for most of the time. Where nothing is seen to pass, what passes is hidden.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array

from vidparticles.tracking.objects import foreground as evidence

LEAST = 0.02  # the share of frames in which a cell is nearer to the usual color than its scene
MOST = 0.99  # the share of frames in which there is less of a thing in a cell than at its most
LEAST_CLEAR = 0.02  # and as much less than all: a logit, which training can go on from


def estimate(params: dict[str, Any], frames: Array, *, stride: int, look: int) -> dict[str, Array]:
    """The scene of clips.

    Args:
        params: of `evidence`.
        frames: [B, T, H, W, 3] uint8 of one scene, through all of which things move, so that each
            cell that is not hidden shows one whole in more than one frame of a hundred, and none in
            more than two.
        stride: pixels of a cell's side.
        look: as of `evidence.gather`.

    Returns:
        {"color": [P, 3], what it differs by from the usual color; "hides": [P], logits}.

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
        >>> round(float(scene["color"].reshape(8, 8, 3)[0, 3, 0]), 2)
        0.25
    """
    seen = evidence.gather(params, frames, stride=stride, look=look, scene=None)
    # What is usual differs from frame to frame, where things fill much of the picture.
    usual = jnp.median(seen.ground, axis=(0, 1))
    apart = (seen.color - usual).reshape(-1, *seen.color.shape[2:])
    order = jnp.argsort(jnp.sum(apart * apart, axis=-1), axis=0)
    rank = order[int(LEAST * len(apart))]
    color = jnp.take_along_axis(apart, rank[None, :, None], axis=0)[0]
    weight = evidence.gather(params, frames, stride=stride, look=look, scene=color).weight
    most = jnp.quantile(weight, MOST, axis=(0, 1))
    clear = jnp.clip(most, LEAST_CLEAR, 1 - LEAST_CLEAR)
    return {"color": color, "hides": jnp.log(1 - clear) - jnp.log(clear)}
