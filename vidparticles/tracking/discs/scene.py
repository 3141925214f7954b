"""A still scene, taken from clips in which objects move: how it looks, where it hides objects.

What a cell shows when it differs least from the usual color is the scene: an object may rest on it
for most of the time. Where nothing is seen to pass, what passes is hidden.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp
from jax import Array

from vidparticles.tracking.discs import foreground


@dataclasses.dataclass(frozen=True)
class SceneConfig:
    """How a scene is told from frames.

    Attributes:
        least: share of frames in which a cell is nearer to the usual color than its scene.
        most: share of frames in which there is less of an object in a cell than at its most.
        least_clear: how clear a cell is taken to be at least, and as much less than all: a
            probability whose logit training can go on from.
    """

    least: float = 0.02
    most: float = 0.99
    least_clear: float = 0.02


DEFAULT = SceneConfig()


def estimate(
    params: dict[str, Any],
    frames: Array,
    *,
    stride: int,
    appearance: int,
    config: SceneConfig = DEFAULT,
) -> dict[str, Array]:
    """The scene of clips.

    Args:
        params: of `foreground`.
        frames: [B, T, H, W, 3] of one scene, through all of which objects move, so that each
            cell that is not hidden shows one whole in more than one frame of a hundred, and none in
            more than two.
        stride: pixels of a cell's side.
        appearance: as of `foreground.gather`.
        config: how the scene is told.

    Returns:
        {"color": [P, 3], what it differs by from the usual color; "occlusion": [P], logits}.

    Example:
        >>> import jax, numpy as np
        >>> frames = np.zeros((1, 40, 8, 8, 3), np.uint8)
        >>> for t in range(40):  # a bar passes
        ...     frames[0, t, :, t % 8] = 255
        >>> frames[:, :, :, 3] = 64
        >>> key = jax.random.key(0)
        >>> params = foreground.init(key, stride=1, widths=(2,), appearance=1, features=1)
        >>> scene = estimate(params, jnp.asarray(frames), stride=1, appearance=1)
        >>> (scene["occlusion"].reshape(8, 8)[0] > 0).astype(int).tolist()
        [0, 0, 0, 1, 0, 0, 0, 0]
        >>> round(float(scene["color"].reshape(8, 8, 3)[0, 3, 0]), 2)
        0.25
    """
    bare = foreground.gather(params, frames, stride=stride, appearance=appearance, scene=None)
    # What is usual differs from frame to frame, where objects fill much of the picture.
    usual = jnp.median(bare.background, axis=(0, 1))
    apart = (bare.color - usual).reshape(-1, *bare.color.shape[2:])
    order = jnp.argsort(jnp.sum(apart * apart, axis=-1), axis=0)
    rank = order[int(config.least * len(apart))]
    color = jnp.take_along_axis(apart, rank[None, :, None], axis=0)[0]
    weight = foreground.gather(
        params, frames, stride=stride, appearance=appearance, scene=color
    ).weight
    most = jnp.quantile(weight, config.most, axis=(0, 1))
    clear = jnp.clip(most, config.least_clear, 1 - config.least_clear)
    return {"color": color, "occlusion": jnp.log(1 - clear) - jnp.log(clear)}
