"""What a picture shows where no object is: a running background that moves with the camera.

For real footage, where the background has a texture and the camera may move. Each frame (`step`)

1. the background is laid over the frame: windows of the picture are pulled to where they fit,
   coarse to fine, and the similarity that most of them agree on is the camera's (`camera`);
2. the background takes a part of the frame: all of it where it was never observed, then as much
   as the mean of what has been observed does, but never less than with the time constant of a
   running mean: what stands still sinks in.

Nothing is learned, and nothing looks ahead.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from vidparticles.flow.camera import Similarity, camera_motion
from vidparticles.image.linear import solve_2x2
from vidparticles.image.resample import (
    bicubic,
    bilinear,
    box,
    gray,
    halve,
    pixel_centers,
    unit_range,
)
from vidparticles.image.structure import smaller_eigenvalue


@dataclasses.dataclass(frozen=True)
class BackgroundConfig:
    """How the running background is kept.

    Attributes:
        time: seconds, time constant of the background towards the frame.
        first: seconds that a pixel's first observation counts for.
        levels: of laying the background over the frame, coarse to fine.
        rounds: of each level.
        smallest: pixels of the shorter side of a level.
        window: pixels, radius of the windows that are pulled.
        spacing: pixels between them.
        flat: squared luma a pixel, of the fainter direction, below which a window tells nothing.
        far: pixels of its level that a window is pulled in a round, at most.
        near: pixels within which a window agrees with the camera.
        enough: share of all windows that must agree; else the camera is taken to rest.
    """

    time: float = 0.78
    first: float = 0.04
    levels: int = 3
    rounds: int = 2
    smallest: int = 12
    window: int = 2
    spacing: int = 4
    flat: float = 1e-4
    far: float = 1.5
    near: float = 0.5
    enough: float = 0.1


DEFAULT = BackgroundConfig()
_Laid = tuple[Similarity, Array]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Background:
    """The background as it lay in the last frame.

    Attributes:
        color: [..., H, W, 3] in [0, 1].
        observed: [..., H, W] seconds for which each pixel has been observed, up to the time
            constant; 0 never.
    """

    color: Array
    observed: Array


def start(batch: tuple[int, ...], height: int, width: int) -> Background:
    """No background yet."""
    return Background(jnp.zeros((*batch, height, width, 3)), jnp.zeros((*batch, height, width)))


def step(
    background: Background,
    frame: Array,
    dt: Array,
    cut: Array,
    *,
    config: BackgroundConfig = DEFAULT,
) -> tuple[Background, Similarity, Array]:
    """The background under one frame more.

    Args:
        background: from `start` or the step before, leading axes [...].
        frame: [..., H, W, 3] uint8, or floats in [0, 1].
        dt: seconds [...] since the frame before.
        cut: bool [...], whether the frame is the first of another shot: the background is another.
        config: how it is kept.

    Returns:
        The background with the frame in it; how the camera moved it, fields [..., 2]; and the
        background as it was before, moved so, [..., H, W, 3] in [0, 1]: where no object is, the
        frame nearly.

    Example:
        >>> first = jax.random.randint(jax.random.key(0), (32, 48, 3), 0, 255).astype(jnp.uint8)
        >>> once, no, dt = jax.jit(step), jnp.array(False), jnp.array(0.04)
        >>> background, _, _ = once(start((), 32, 48), first, dt, no)
        >>> background, camera, _ = once(background, jnp.roll(first, 1, 1), dt, no)
        >>> [round(32 * float(x), 1) for x in camera.shift]
        [1.0, 0.0]
    """
    lead = frame.shape[:-3]
    observed = jnp.where(cut[..., None, None], 0, background.observed)
    background = dataclasses.replace(background, observed=observed)
    dt = jnp.broadcast_to(dt, lead)
    given = (background, unit_range(frame), dt)
    flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[len(lead) :]), given)
    out = jax.vmap(functools.partial(_step, config=config))(*lax.stop_gradient(flat))
    return jax.tree.map(lambda x: x.reshape(*lead, *x.shape[1:]), out)


def _step(
    background: Background, color: Array, dt: Array, *, config: BackgroundConfig
) -> tuple[Background, Similarity, Array]:
    motion = laid(background, color, config=config)
    under = carried(background, motion, color, config=config)
    return learned(under, color, dt, config=config), motion, under.color


def carried(
    background: Background,
    motion: Similarity,
    color: Array,
    *,
    config: BackgroundConfig = DEFAULT,
) -> Background:
    """The background moved to where it lies in a frame; where it was never observed, the frame.

    Args:
        background: fields [H, W, ·].
        motion: from `laid`, or the camera's otherwise.
        color: the frame [H, W, 3] in [0, 1].
        config: how it is kept.
    """
    position, inside = _before(motion, *color.shape[:2])
    observed = bilinear(background.observed, position)
    known = inside & (observed > 0.5 * config.first)
    under = jnp.where(known[..., None], bicubic(background.color, position), color)
    return Background(under, jnp.where(known, observed, 0))


def learned(
    background: Background,
    color: Array,
    dt: Array,
    *,
    weight: Array | None = None,
    config: BackgroundConfig = DEFAULT,
) -> Background:
    """The background with a part of the frame in it.

    Args:
        background: from `carried`.
        color: the frame [H, W, 3] in [0, 1].
        dt: seconds [] since the frame before.
        weight: [H, W] in [0, 1], how far a pixel is believed to show the background; default, 1.
        config: how it is kept.
    """
    observed = background.observed
    # The mean of all that was observed, until that is a running mean.
    spent = jnp.where(observed > 0, dt, config.first)
    share = jnp.maximum(spent / (observed + spent + 1e-9), -jnp.expm1(-spent / config.time))
    if weight is not None:
        share = jnp.where(observed > 0, weight * share, 1)
    return Background(
        background.color + share[..., None] * (color - background.color),
        jnp.minimum(observed + spent, config.time),
    )


def _before(motion: Similarity, height: int, width: int) -> tuple[Array, Array]:
    """Where what each pixel shows was before a motion [H, W, 2], and whether in the picture."""
    position = height * motion.inverse()(pixel_centers(height, width).reshape(-1, 2) / height)
    inside = jnp.all((position >= 0) & (position <= jnp.asarray([width, height])), axis=-1)
    return position.reshape(height, width, 2), inside.reshape(height, width)


def laid(
    background: Background,
    color: Array,
    start: Similarity | None = None,
    *,
    config: BackgroundConfig = DEFAULT,
) -> Similarity:
    """How a background moves to lie over a frame; as `start`, where little agrees.

    Windows are pulled as Lucas & Kanade (1981) do, from where all of them lie together.

    Args:
        background: fields [H, W, ·].
        color: the frame [H, W, 3] in [0, 1].
        start: where it lies already, nearly; default, where it was.
        config: how it is kept.
    """
    start = start or Similarity(jnp.array([1.0, 0.0]), jnp.zeros(2))
    known = (background.observed > 0).astype(jnp.float32)
    levels = [(gray(background.color), known, gray(color))]
    while len(levels) < config.levels and min(levels[-1][0].shape) >= 2 * config.smallest:
        before, visible, after = levels[-1]
        levels.append((halve(before), halve(visible), halve(after)))
    motion, share = start, jnp.zeros(())
    for level in reversed(levels):
        # As a loop: half as much to compile.
        motion, share = lax.fori_loop(0, config.rounds, _pull(*level, config), (motion, share))
    return jax.tree.map(lambda a, b: jnp.where(share > config.enough, a, b), motion, start)


def _pull(
    background: Array, known: Array, frame: Array, config: BackgroundConfig
) -> Callable[[Any, _Laid], _Laid]:
    """A round at a level: a motion and the share of windows that agreed with it → better ones."""
    height, width = frame.shape
    first, spacing = config.window, config.spacing
    centers = pixel_centers(height, width)[first::spacing, first::spacing].reshape(-1, 2)

    def windows(image: Array) -> Array:
        """Means over windows, one for every few pixels, [M]."""
        return box(image, config.window)[first::spacing, first::spacing].reshape(-1)

    gy, gx = jnp.gradient(frame)
    xx, yy, xy = (windows(a) for a in (gx * gx, gy * gy, gx * gy))
    fainter = smaller_eigenvalue((xx, xy, yy))

    def again(_: Any, laid: _Laid) -> _Laid:
        motion = laid[0]
        position, inside = _before(motion, height, width)
        both = bilinear(jnp.stack([background, known], axis=-1), position)
        off = both[..., 0] - frame
        px, py = windows(gx * off), windows(gy * off)
        pull = jnp.stack(solve_2x2((xx, xy, yy), (px, py), least=config.flat**2), axis=-1)
        alive = (fainter > config.flat) & (windows(inside * both[..., 1]) > 0.9)
        pulled = (centers + jnp.clip(pull, -config.far, config.far)) / height
        at = motion.inverse()(centers / height)
        motion = camera_motion(at, pulled, alive)[0]
        away = jnp.sum((motion(at) - pulled) ** 2, axis=-1)
        return motion, jnp.mean(alive & (away < (config.near / height) ** 2))

    return again
