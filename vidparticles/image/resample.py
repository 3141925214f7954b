"""Reading images between their pixels, shrinking and blurring them.

An image is [H, W] or [H, W, C]. A position in it is given in pixels from the top-left corner
of the picture, x first, so the center of the first pixel is (0.5, 0.5): the same position at
another resolution is the same number times the ratio of the sizes.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

# Weights of red, green and blue in luma, ITU-R BT.601.
LUMA = (0.299, 0.587, 0.114)


def gray(frames: Array) -> Array:
    """Luma in [0, 1] of frames [..., H, W, 3], uint8 in [0, 255] or floats in [0, 1].

    Example:
        >>> round(float(gray(jnp.full((1, 1, 3), 255, jnp.uint8))[0, 0]), 3)
        1.0
    """
    weights = jnp.asarray(LUMA, jnp.float32)
    if frames.dtype == jnp.uint8:
        weights = weights / 255
    red, green, blue = (frames[..., c].astype(jnp.float32) * weights[c] for c in range(3))
    return red + green + blue


def bilinear(image: Array, xy: Array) -> Array:
    """The image at positions between its pixels; outside, the nearest edge is taken.

    Args:
        image: [H, W] or [H, W, C] floats.
        xy: [..., 2] pixels from the top-left corner.

    Returns:
        [...] or [..., C].

    Example:
        >>> ramp = jnp.array([[0.0, 1.0, 2.0]])
        >>> bilinear(ramp, jnp.array([[1.0, 0.5], [9.0, 0.5]])).tolist()
        [0.5, 2.0]
    """
    height, width = image.shape[:2]
    x = jnp.clip(xy[..., 0] - 0.5, 0, width - 1)
    y = jnp.clip(xy[..., 1] - 0.5, 0, height - 1)
    x0 = jnp.minimum(x.astype(jnp.int32), max(width - 2, 0))
    y0 = jnp.minimum(y.astype(jnp.int32), max(height - 2, 0))
    fx, fy = x - x0, y - y0
    x1, y1 = jnp.minimum(x0 + 1, width - 1), jnp.minimum(y0 + 1, height - 1)
    # One flat gather a corner: a gather of scalars stays inside XLA's fused loops on CPU.
    flat = image.reshape(height * width, *image.shape[2:])
    if image.ndim == 3:
        fx, fy = fx[..., None], fy[..., None]

    def corner(yy: Array, xx: Array) -> Array:
        return flat.at[yy * width + xx].get(mode="promise_in_bounds")

    top = corner(y0, x0) * (1 - fx) + corner(y0, x1) * fx
    low = corner(y1, x0) * (1 - fx) + corner(y1, x1) * fx
    return top * (1 - fy) + low * fy


def bicubic(image: Array, xy: Array) -> Array:
    """The image at positions between its pixels, by cubics through four of them each way.

    Unlike `bilinear` it does not blur, so that an image may be moved many times (Catmull & Rom's
    spline; Keys, IEEE Trans. ASSP 29, 1981); it may overshoot.

    Args:
        image: [H, W, C] floats.
        xy: [..., 2] pixels from the top-left corner; outside, the nearest edge is taken.

    Returns:
        [..., C].

    Example:
        >>> bend = jnp.array([[[0.0], [1.0], [4.0], [9.0], [16.0]]])
        >>> jax.jit(bicubic)(bend, jnp.array([[3.0, 0.5]])).tolist()
        [[6.25]]
    """
    height, width = image.shape[:2]
    flat = image.reshape(height * width, -1)

    def axis(at: Array, size: int) -> list[tuple[Array, Array]]:
        first = jnp.floor(at - 0.5)
        t = at - 0.5 - first
        weights = (
            ((-t + 2) * t - 1) * t / 2,
            ((3 * t - 5) * t * t + 2) / 2,
            ((-3 * t + 4) * t + 1) * t / 2,
            (t - 1) * t * t / 2,
        )
        first = jnp.clip(first, -2, size + 1).astype(jnp.int32)
        return [(jnp.clip(first + k - 1, 0, size - 1), w) for k, w in enumerate(weights)]

    rows, columns = axis(xy[..., 1], height), axis(xy[..., 0], width)
    lines = [
        wy[..., None]
        * sum(
            (
                wx[..., None] * flat.at[y * width + x].get(mode="promise_in_bounds")
                for x, wx in columns
            ),
            start=jnp.zeros(()),
        )
        for y, wy in rows
    ]
    return sum(lines, start=jnp.zeros(()))


def to_bytes(picture: Array) -> Array:
    """Floats rounded and clipped to uint8."""
    return jnp.clip(jnp.round(picture), 0, 255).astype(jnp.uint8)


def unit_range(frames: Array) -> Array:
    """Frames, uint8 in [0, 255] or floats in [0, 1], as floats in [0, 1].

    Example:
        >>> float(unit_range(jnp.full((1, 1, 3), 255, jnp.uint8))[0, 0, 0])
        1.0
    """
    floats = frames.astype(jnp.float32)
    return floats / 255 if frames.dtype == jnp.uint8 else floats


def pixel_centers(height: int, width: int) -> Array:
    """[H, W, 2], the positions of the pixels' centers.

    Example:
        >>> pixel_centers(1, 2).tolist()
        [[[0.5, 0.5], [1.5, 0.5]]]
    """
    y, x = jnp.mgrid[0:height, 0:width].astype(jnp.float32)
    return jnp.stack([x + 0.5, y + 0.5], axis=-1)


def resize(image: Array, height: int, width: int) -> Array:
    """The image [H, W, ...] at another size, low-passed when it shrinks."""
    return jax.image.resize(image, (height, width, *image.shape[2:]), "linear", antialias=True)


def central_square(image: Array, size: int, *, share: float = 1.0) -> Array:
    """The square in the middle of an image [H, W, ...], at another size [size, size, ...].

    Args:
        image: floats.
        size: pixels of each side of the result.
        share: of the image's shorter side, that the square covers, in (0, 1].

    Example:
        >>> central_square(jnp.arange(6.0).reshape(2, 3), 1).tolist()
        [[2.0]]
    """
    height, width = image.shape[:2]
    side = max(1, round(share * min(height, width)))
    top, left = (height - side) // 2, (width - side) // 2
    return resize(image[top : top + side, left : left + side], size, size)


def resize_by_lines(image: Array, height: int, width: int) -> Array:
    """As `resize`, from the few lines that each new one is made of.

    On CPU a third of the time of its dense matrices, where an image shrinks to less than half; its
    gradient scatters, which is slow.

    Example:
        >>> image = jax.random.uniform(jax.random.key(0), (30, 41, 3))
        >>> by_lines, at_once = (
        ...     jax.jit(f, static_argnums=(1, 2))(image, 12, 20) for f in (resize_by_lines, resize)
        ... )
        >>> bool(jnp.max(jnp.abs(by_lines - at_once)) < 1e-6)
        True
    """
    for axis, size in ((0, height), (1, width)):
        length = image.shape[axis]
        if length == size:
            continue
        at = (np.arange(size) + 0.5) * length / size - 0.5
        away = np.abs(at[:, None] - np.arange(length))
        weight = np.maximum(1 - away / max(length / size, 1), 0)
        weight = (weight / weight.sum(1, keepdims=True)).astype(np.float32)
        count = int((weight > 0).sum(1).max())
        first = np.minimum(np.argmax(weight > 0, 1), length - count)
        lines = jnp.moveaxis(image, axis, 0)
        share = np.take_along_axis(weight, first[:, None] + np.arange(count), 1).T
        shares = jnp.asarray(share.reshape(count, size, *[1] * (image.ndim - 1)))
        # As a loop: as a sum, XLA:CPU makes it anew wherever it is used.
        made = lax.fori_loop(
            0,
            count,
            lambda k, made, lines=lines, first=first, shares=shares: (
                made + shares[k] * lines.at[first + k].get(mode="promise_in_bounds")
            ),
            jnp.zeros((size, *lines.shape[1:]), image.dtype),
        )
        image = jnp.moveaxis(made, 0, axis)
    return image


def enlarge(image: Array, height: int, width: int) -> Array:
    """The image [H, W, ...] at a larger size, linear between its pixels.

    Two passes of neighboring lines: `jax.image.resize` multiplies by dense matrices, which
    costs several times as much when enlarging.

    Example:
        >>> enlarge(jnp.array([[0.0, 1.0]]), 1, 4)[0].tolist()
        [0.0, 0.25, 0.75, 1.0]
    """
    return stretch(stretch(image, height, axis=0), width, axis=1)


def stretch(image: Array, size: int, *, axis: int, lines: Array | None = None) -> Array:
    """The image enlarged along one axis, linear between its pixels.

    Args:
        image: [..., L, ...].
        size: pixels along the axis, at least L.
        axis: which.
        lines: [S] int32, those of the `size` that are wanted; default, all.

    Example:
        >>> stretch(jnp.array([0.0, 1.0]), 4, axis=0, lines=jnp.array([2])).tolist()
        [0.75]
    """
    length = image.shape[axis]
    at = np.clip((np.arange(size) + 0.5) * length / size - 0.5, 0, length - 1)
    below = at.astype(int)
    share = jnp.asarray(at - below, jnp.float32)
    low, high = jnp.asarray(below), jnp.asarray(np.minimum(below + 1, length - 1))
    if lines is not None:
        low, high, share = low[lines], high[lines], share[lines]
    share = share.reshape([-1 if a == axis else 1 for a in range(image.ndim)])
    first, second = (jnp.take(image, k, axis=axis) for k in (low, high))
    return first + share * (second - first)


def shrink_size(height: int, width: int, *, longest: int) -> tuple[int, int]:
    """The size with the same shape whose longer side is at most `longest`; never larger.

    Example:
        >>> shrink_size(720, 1280, longest=320), shrink_size(64, 64, longest=320)
        ((180, 320), (64, 64))
    """
    scale = min(1.0, longest / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def shrunk_bytes(frame: np.ndarray, *, longest: int) -> np.ndarray:
    """A frame [H, W, 3] uint8 in memory as `resize` shrinks it, to the level; never larger.

    Pillow takes a fifth of the time of the dense matrices of `jax.image.resize`.

    Args:
        frame: the frame.
        longest: pixels of the longer side, at most.

    Example:
        >>> shrunk_bytes(np.full((720, 1280, 3), 7, np.uint8), longest=416).shape
        (234, 416, 3)
    """
    from PIL import Image

    height, width = shrink_size(*frame.shape[:2], longest=longest)
    if (height, width) == frame.shape[:2]:
        return frame
    small = Image.fromarray(frame).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(small)


def shrink(image: Array, *, longest: int, shortest: int = 1) -> Array:
    """The image at a size at which it costs little to work on; never larger than it was.

    Args:
        image: [H, W, ...] floats.
        longest: pixels of the longer side, at most.
        shortest: pixels of the shorter side, at least: a thinner picture is stretched for those
            who need so many.

    Example:
        >>> shrink(jnp.zeros((90, 640)), longest=320, shortest=64).shape
        (64, 320)
    """
    height, width = shrink_size(*image.shape[:2], longest=longest)
    return resize(image, max(height, shortest), max(width, shortest))


def halve(image: Array) -> Array:
    """Half the size, low-passed by (1, 3, 3, 1)/8 each way; an odd last line is dropped.

    The kernel is even, so a position x in the image is x / 2 in its half, exactly.

    Args:
        image: [H, W] with H and W at least 2.
    """
    for axis in (0, 1):
        half = image.shape[axis] // 2
        padded = jnp.pad(image, [(1, 1) if k == axis else (0, 0) for k in (0, 1)], mode="edge")
        a, b, c, d = (lax.slice_in_dim(padded, k, k + 2 * half - 1, 2, axis=axis) for k in range(4))
        # Kept in memory: of a pyramid, each level would be made anew from all that are finer.
        image = lax.optimization_barrier((a + 3 * b + 3 * c + d) / 8)
    return image


def smooth(image: Array) -> Array:
    """The image [H, W, ...] blurred by (1, 2, 1)/4 each way; edges are repeated."""
    rest = image.ndim - 2
    image = jnp.pad(image, [(1, 1)] * 2 + [(0, 0)] * rest, mode="edge")
    for window in ((2, 1), (2, 1), (1, 2), (1, 2)):
        image = _over_windows(image, lax.add, *window)
    return image / 16


def box(image: Array, radius: int) -> Array:
    """Mean over the square window of the given radius; edges are repeated.

    Args:
        image: [H, W, ...].
        radius: pixels; the window is 2 · radius + 1 wide.

    Example:
        >>> box(jnp.array([[0.0, 3.0, 0.0]]), 1).tolist()
        [[1.0, 1.0, 1.0]]
    """
    size = 2 * radius + 1
    rest = image.ndim - 2
    image = jnp.pad(image, [(radius, radius)] * 2 + [(0, 0)] * rest, mode="edge")
    for window in ((size, 1), (1, size)):
        image = _over_windows(image, lax.add, *window)
    return image / size**2


def highest(image: Array, radius: int) -> Array:
    """The maximum over the square window of the given radius; 0 beyond the edges.

    Args:
        image: [H, W, ...] ≥ 0.
        radius: pixels; the window is 2 · radius + 1 wide.

    Example:
        >>> highest(jnp.array([[0.0, 3.0, 0.0, 1.0]]), 1).tolist()
        [[3.0, 3.0, 3.0, 1.0]]
    """
    size = 2 * radius + 1
    image = jnp.pad(image, [(radius, radius)] * 2 + [(0, 0)] * (image.ndim - 2))
    for window in ((size, 1), (1, size)):
        image = _over_windows(image, lax.max, *window)
    return image


def _over_windows(image: Array, function: Any, height: int, width: int) -> Array:
    """Sums or, of what is not negative, maxima over windows [H, W, ...]."""
    # Not by adding shifted slices: what is summed would be computed anew for each of them.
    shape = (height, width) + (1,) * (image.ndim - 2)
    return lax.reduce_window(image, 0.0, function, shape, (1,) * image.ndim, "VALID")
