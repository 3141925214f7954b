"""How a whole picture moved: a similarity found from its pixels, however far the picture jumped.

Where it may have gone is told by phase correlation (Kuglin & Hines 1975), by where it went before,
and by rest; whichever explains most begins. From there it is fitted by Gauss-Newton, inverse
compositional (Baker & Matthews 2004), coarse to fine, with Geman & McClure's weights, so that what
moves on its own has no say.
"""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.flow.camera import Similarity
from vidparticles.image.linear import solve_cholesky
from vidparticles.image.resample import bilinear, halve, pixel_centers
from vidparticles.image.structure import slopes


@dataclasses.dataclass(frozen=True)
class GlobalMotionConfig:
    """How the motion of a picture is found.

    Attributes:
        coarsest: pixels of the shorter side of the coarsest level, at least.
        levels: of the pyramid, at most.
        steps: of Gauss-Newton, a level.
        robust: residual that halves the weight of a pixel twice, × the contrast of the pictures.
        longest: frame heights that phase correlation may find, each way.
        pitch: of the detail that it listens to, cycles a pixel: blur takes what is finer.
        damping: of the fit, × its trace.
        least_share: of the texture that must agree, for the motion to be believed; .38 does by
            chance.
    """

    coarsest: int = 12
    levels: int = 2
    steps: int = 5
    robust: float = 0.5
    longest: float = 0.35
    pitch: float = 0.15
    damping: float = 1e-4
    least_share: float = 0.55


def phase_correlation(before: Array, after: Array, *, pitch: float = 0.15) -> Array:
    """The correlation of two pictures over all shifts of the whole, in phase alone.

    Args:
        before, after: [..., H, W].
        pitch: of the detail that is listened to, cycles a pixel.

    Returns:
        [..., H, W], highest at the shift (row, column), counted round, from before to after.

    Example:
        >>> noise = jax.random.uniform(jax.random.key(0), (24, 32))
        >>> int(jnp.argmax(jax.jit(phase_correlation)(noise, jnp.roll(noise, (2, 5), (0, 1)))))
        69
    """
    height, width = before.shape[-2:]
    taper = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    cycles = np.fft.fftfreq(height)[:, None] ** 2 + np.fft.rfftfreq(width) ** 2
    first, second = (
        jnp.fft.rfft2((p - p.mean((-2, -1), keepdims=True)) * taper.astype(np.float32))
        for p in (before, after)
    )
    cross = jnp.conj(first) * second
    size = jnp.abs(cross)
    say = np.exp(-cycles / (2 * pitch**2)).astype(np.float32)
    cross = cross * say / (size + 1e-3 * size.mean((-2, -1), keepdims=True) + 1e-9)
    return jnp.fft.irfft2(cross, (height, width))


def global_motion(
    before: Array, after: Array, start: Similarity, config: GlobalMotionConfig
) -> tuple[Similarity, Array]:
    """The similarity by which most of a picture went over into another.

    Args:
        before, after: [H, W] luma, small: some 60 pixels high.
        start: where it went in the step before, frame heights; one of the first guesses.
        config: how it is found.

    Returns:
        The similarity, frame heights; and the share [] of the pixels in both pictures that agree
        with it: below `least_share` it is not to be believed.

    Example:
        >>> noise = jax.random.uniform(jax.random.key(0), (12, 16))
        >>> picture = jax.image.resize(noise, (48, 64), "cubic")
        >>> rest = Similarity(jnp.array([1.0, 0.0]), jnp.zeros(2))
        >>> moved = jnp.roll(picture, 6, axis=1)
        >>> find = functools.partial(global_motion, config=GlobalMotionConfig())
        >>> found, _ = jax.jit(find)(picture, moved, rest)
        >>> [abs(x) for x in found.shift.round(3).tolist()]
        [0.125, 0.0]
    """
    pairs = [(before, after)]
    while len(pairs) < config.levels and min(pairs[-1][0].shape) >= 2 * config.coarsest:
        pairs.append((halve(pairs[-1][0]), halve(pairs[-1][1])))
    pairs = [(_band(a), _band(b)) for a, b in pairs]
    rest = Similarity(jnp.asarray([1.0, 0.0]), jnp.zeros(2))
    jumps = Similarity(rest.turn, _jump(before, after, config))
    starts = [rest, start, jumps]
    fits = [_Fit(*pair, config) for pair in pairs]
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *starts)
    best = jnp.argmin(jax.lax.map(fits[-1].cost, stacked))
    motion = jax.tree.map(lambda x: x[best], stacked)
    for fit in fits[::-1]:
        motion = jax.lax.fori_loop(0, config.steps, lambda _, m, fit=fit: fit.step(m), motion)
    return motion, fits[0].share(motion)


def _band(picture: Array) -> Array:
    """The picture without its slow changes of light."""
    wide = picture
    for axis in (0, 1):
        padded = jnp.pad(wide, [(3, 4) if k == axis else (0, 0) for k in (0, 1)], mode="edge")
        size = picture.shape[axis]
        lines = [jax.lax.slice_in_dim(padded, k, k + size, axis=axis) for k in range(8)]
        wide = sum(lines, start=jnp.zeros(())) / 8
    return picture - wide


def _jump(before: Array, after: Array, config: GlobalMotionConfig) -> Array:
    """The shift [2] in frame heights that phase correlation finds."""
    height, width = before.shape
    peaks = phase_correlation(before, after, pitch=config.pitch)
    down, across = np.fft.fftfreq(height, 1 / height), np.fft.fftfreq(width, 1 / width)
    limit = config.longest * height
    near = (np.abs(down) <= limit)[:, None] & (np.abs(across) <= limit)
    place = jnp.argmax(jnp.where(near, peaks, -jnp.inf))
    y, x = jnp.asarray(down)[place // width], jnp.asarray(across)[place % width]
    return jnp.stack([x, y]).astype(jnp.float32) / height


class _Fit:
    """The fit at one level: what does not change from step to step."""

    def __init__(self, before: Array, after: Array, config: GlobalMotionConfig):
        height, width = before.shape
        self.after, self.height, self.config = after, height, config
        self.places = pixel_centers(height, width).reshape(-1, 2) / height
        self.known = before.reshape(-1)
        self.extent = jnp.asarray([width / height, 1.0], jnp.float32)
        self.scale = config.robust * jnp.sqrt(jnp.mean(before**2) + jnp.mean(after**2) + 1e-10)
        gx, gy = (height * s.reshape(-1) for s in slopes(before))
        # Of the middle, so that turn and shift do not stand for each other.
        middle = self.places - self.extent / 2
        x, y = middle[:, 0], middle[:, 1]
        self.slopes = jnp.stack([gx * x + gy * y, gy * x - gx * y, gx, gy])  # [4, P]

    def residual(self, motion: Similarity) -> tuple[Array, Array]:
        at = motion(self.places)
        inside = jnp.all((at > 0) & (at < self.extent), -1)
        return bilinear(self.after, at * self.height) - self.known, inside

    def weight(self, residual: Array, inside: Array) -> Array:
        return inside / (1 + (residual / self.scale) ** 2) ** 2

    def share(self, motion: Similarity) -> Array:
        residual, inside = self.residual(motion)
        # A flat place agrees with anything: it has no say.
        say = jnp.sum(self.slopes[2:] ** 2, 0) * inside
        agrees = residual**2 < self.scale**2
        return jnp.sum(say * agrees) / (jnp.sum(say) + 1e-9)

    def cost(self, motion: Similarity) -> Array:
        """What is not explained: 0 to 1 a pixel; of what leaves the picture, most."""
        residual, inside = self.residual(motion)
        lost = residual**2 / (residual**2 + self.scale**2)
        return jnp.mean(jnp.where(inside, lost, 0.5))

    def step(self, motion: Similarity) -> Similarity:
        residual, inside = self.residual(motion)
        weight = self.weight(residual, inside)
        weighted = self.slopes * weight
        matrix, right = weighted @ self.slopes.T, weighted @ residual
        matrix = matrix + (self.config.damping * jnp.trace(matrix) + 1e-9) * jnp.eye(4)
        a, b, tx, ty = solve_cholesky(list(matrix), list(right))
        turn, middle = jnp.stack([1 + a, b]), self.extent / 2
        shift = jnp.stack([tx, ty])
        about = functools.partial(Similarity, turn)
        # p ↦ middle + (1 + a, b) · (p − middle) + t
        delta = about(shift + middle - about(jnp.zeros(2))(middle[None])[0])
        return motion.after(delta.inverse())
