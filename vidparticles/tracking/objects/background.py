"""What a picture shows where no thing is: a running ground that moves with the camera.

For real footage, where the ground has a texture and the camera may move. Each frame (`step`)

1. the ground is laid over the frame: windows of the picture are pulled to where they fit, coarse
   to fine, and the similarity that most of them agree on is the camera's (`camera`);
2. the ground takes a part of the frame: all of it where it was never seen, then less, as the
   mean of what has been seen does, but never less than `RATE`: what stands still sinks in.

Nothing is learned, and nothing looks ahead.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from vidparticles.flow.camera import Similarity, camera_motion
from vidparticles.image.linear import solve_2x2
from vidparticles.image.resample import bicubic, bilinear, box, gray, halve, pixel_centers
from vidparticles.image.structure import smaller_eigenvalue

RATE = 0.05  # of the ground towards the frame, at least
LEVELS, ROUNDS = 3, 2  # of laying the ground over the frame
SMALLEST = 12  # pixels of the shorter side of a level
WINDOW, STEP = 2, 4  # pixels: radius of the windows that are pulled, and how far they are apart
FLAT = 1e-4  # squared luma a pixel, of the fainter direction: below it a window tells nothing
FAR = 1.5  # pixels of its level that a window is pulled in a round, at most
NEAR = 0.5  # pixels within which a window agrees with the camera
ENOUGH = 0.1  # share of all windows that must agree; else the camera is taken to rest


_Laid = tuple[Similarity, Array]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Ground:
    """The ground as it lay in the last frame.

    Attributes:
        color: [..., H, W, 3] in [0, 1].
        seen: [..., H, W] frames in which each place has been seen, up to 1 / `RATE`.
    """

    color: Array
    seen: Array


def start(batch: tuple[int, ...], height: int, width: int) -> Ground:
    """No ground yet."""
    return Ground(jnp.zeros((*batch, height, width, 3)), jnp.zeros((*batch, height, width)))


def step(ground: Ground, frame: Array, cut: Array) -> tuple[Ground, Similarity, Array]:
    """The ground under one frame more.

    Args:
        ground: from `start` or the step before, leading axes [...].
        frame: [..., H, W, 3] uint8.
        cut: bool [...], whether the frame is the first of another shot: the ground is another.

    Returns:
        The ground with the frame in it; how the camera moved it, fields [..., 2]; and the ground
        as it was before, moved so, [..., H, W, 3] in [0, 1]: where no thing is, the frame nearly.

    Example:
        >>> first = jax.random.randint(jax.random.key(0), (32, 48, 3), 0, 255).astype(jnp.uint8)
        >>> once, no = jax.jit(step), jnp.array(False)
        >>> ground, _, _ = once(start((), 32, 48), first, no)
        >>> ground, camera, _ = once(ground, jnp.roll(first, 1, 1), no)
        >>> [round(32 * float(x), 1) for x in camera.shift]
        [1.0, 0.0]
    """
    lead = frame.shape[:-3]
    seen = jnp.where(cut[..., None, None], 0, ground.seen)
    ground = dataclasses.replace(ground, seen=seen)
    flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[len(lead) :]), (ground, frame))
    out = jax.vmap(_step)(*lax.stop_gradient(flat))
    return jax.tree.map(lambda x: x.reshape(*lead, *x.shape[1:]), out)


def _step(ground: Ground, frame: Array) -> tuple[Ground, Similarity, Array]:
    height, width = frame.shape[:2]
    color = frame.astype(jnp.float32) / 255
    motion = _lay(gray(ground.color), ground.seen > 0, gray(color))
    place, inside = _places(motion, height, width)
    seen = bilinear(ground.seen, place)
    known = inside & (seen > 0.5)
    seen = jnp.where(known, seen, 0)
    under = jnp.where(known[..., None], bicubic(ground.color, place), color)
    gain = jnp.maximum(1 / (1 + seen), RATE)[..., None]
    now = Ground(under + gain * (color - under), jnp.minimum(seen + 1, 1 / RATE))
    return now, motion, under


def _places(motion: Similarity, height: int, width: int) -> tuple[Array, Array]:
    """Where what each pixel shows was before a motion [H, W, 2], and whether in the picture."""
    place = height * motion.inverse()(pixel_centers(height, width).reshape(-1, 2) / height)
    inside = jnp.all((place >= 0) & (place <= jnp.asarray([width, height])), axis=-1)
    return place.reshape(height, width, 2), inside.reshape(height, width)


def _lay(ground: Array, known: Array, frame: Array) -> Similarity:
    """How a ground moves to lie over a frame, both luma [H, W]; a rest, where little agrees.

    Windows are pulled as Lucas & Kanade (1981) do, from where all of them lie together.
    """
    levels = [(ground, known.astype(jnp.float32), frame)]
    while len(levels) < LEVELS and min(levels[-1][0].shape) >= 2 * SMALLEST:
        before, there, after = levels[-1]
        levels.append((halve(before), halve(there), halve(after)))
    rest = Similarity(jnp.array([1.0, 0.0]), jnp.zeros(2))
    motion, share = rest, jnp.zeros(())
    for level in reversed(levels):
        # As a loop: half as much to compile.
        motion, share = lax.fori_loop(0, ROUNDS, _pull(*level), (motion, share))
    return jax.tree.map(lambda a, b: jnp.where(share > ENOUGH, a, b), motion, rest)


def _pull(ground: Array, known: Array, frame: Array) -> Callable[[Any, _Laid], _Laid]:
    """A round at a level: a motion and the share of windows that agreed with it → better ones."""
    height, width = frame.shape
    centers = pixel_centers(height, width)[WINDOW::STEP, WINDOW::STEP].reshape(-1, 2)
    gy, gx = jnp.gradient(frame)
    xx, yy, xy = (_windows(a) for a in (gx * gx, gy * gy, gx * gy))
    fainter = smaller_eigenvalue((xx, xy, yy))

    def again(_: Any, laid: _Laid) -> _Laid:
        motion = laid[0]
        place, inside = _places(motion, height, width)
        both = bilinear(jnp.stack([ground, known], axis=-1), place)
        off = both[..., 0] - frame
        px, py = _windows(gx * off), _windows(gy * off)
        pull = jnp.stack(solve_2x2((xx, xy, yy), (px, py), least=FLAT**2), axis=-1)
        alive = (fainter > FLAT) & (_windows(inside * both[..., 1]) > 0.9)
        pulled = (centers + jnp.clip(pull, -FAR, FAR)) / height
        at = motion.inverse()(centers / height)
        motion = camera_motion(at, pulled, alive)[0]
        away = jnp.sum((motion(at) - pulled) ** 2, axis=-1)
        return motion, jnp.mean(alive & (away < (NEAR / height) ** 2))

    return again


def _windows(image: Array) -> Array:
    """Means over windows, one for every few pixels, [M]."""
    return box(image, WINDOW)[WINDOW::STEP, WINDOW::STEP].reshape(-1)
