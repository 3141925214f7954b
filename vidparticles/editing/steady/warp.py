"""Frames as a window sees them that stands elsewhere in each, and what lies beyond their edges."""

from __future__ import annotations

from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.image.resample import bicubic, bilinear, pixel_centers, to_bytes


def places(height: int, width: int, window: Array) -> Array:
    """Where the pixels of a window lie in the frame, [H, W, 2] pixels.

    Args:
        height, width: of the frame, and of the window's picture.
        window: [4, 2] complex numbers: by the first it is turned and scaled, by the second its
            center is off that of the frame, frame heights; the others are ω and ν, by which
            rows of the frame are away, see `steady.path.Path`.
    """
    size, off, turn, move = window
    middle = jnp.asarray([width, height], jnp.float32) / 2
    at = _times(size, pixel_centers(height, width) - middle) + height * off
    late = at[..., 1:] / height
    return middle + at + late * (_times(turn, at) + height * move)


def _times(number: Array, points: Array) -> Array:
    """A complex number [2] times others [..., 2]."""
    x, y = points[..., 0], points[..., 1]
    return jnp.stack([number[0] * x - number[1] * y, number[1] * x + number[0] * y], -1)


@jax.jit
def warped(frame: Array, window: Array) -> Array:
    """A frame [H, W, 3] through a window, see `places`."""
    height, width = frame.shape[:2]
    shown = bicubic(frame.astype(jnp.float32), places(height, width, window))
    return to_bytes(shown) if frame.dtype == jnp.uint8 else shown


def _softness(at: Array, height: int, width: int, feather: Array) -> Array:
    """Share [H, W] of what is shown at places in a frame: none beyond its edges."""
    inside = jnp.minimum(at, jnp.asarray([width, height], jnp.float32) - at).min(-1)
    return jnp.clip(inside / (feather * height), 0.0, 1.0)


@jax.jit
def _own(frame: Array, window: Array, feather: Array) -> tuple[Array, Array]:
    """A frame through a window, its edge drawn out beyond it, and the share of it [H, W]."""
    height, width = frame.shape[:2]
    at = places(height, width, window)
    return bicubic(frame.astype(jnp.float32), at), _softness(at, height, width, feather)


@jax.jit
def _under(
    picture: Array, cover: Array, frame: Array, window: Array, feather: Array
) -> tuple[Array, Array]:
    """A picture [H, W, 3], × its cover [H, W], with another frame warped under it, in its light."""
    height, width = frame.shape[:2]
    at = places(height, width, window)
    shown, soft = bilinear(frame.astype(jnp.float32), at), _softness(at, height, width, feather)
    # In a fade, or where exposure changes, neighbors are lighter or darker.
    both = soft[..., None] * cover[..., None]
    known, found = (jnp.sum(p, (0, 1)) for p in (picture * soft[..., None], shown * both))
    light = jnp.clip((known + 1) / (found + 1), 0.0, 2.0)
    new = ((1 - cover) * soft)[..., None]
    return picture + new * light * shown, cover + new[..., 0]


def filled(
    frame: np.ndarray, others: Iterable[np.ndarray], windows: np.ndarray, *, feather: float
) -> Array:
    """A frame through a window wider than it is, with what neighbors show beyond its edges.

    Args:
        frame: [H, W, 3] uint8, or floats of the same levels.
        others: its neighbors, the one first that is to be asked first; so many are taken as are
            needed. What none shows is the frame's edge, drawn out.
        windows: [1 + K, 4] complex, of the frame and of its neighbors, see `places`.
        feather: frame heights over which a frame fades into what is under it.
    """
    parts = np.stack([windows.real, windows.imag], -1).astype(np.float32)  # [1 + K, 4, 2]
    soft = np.float32(feather)
    own, cover = _own(frame, parts[0], soft)
    picture = own * cover[..., None]
    for layer, window in zip(others, parts[1:], strict=True):
        if float(jnp.min(cover)) > 0.999:
            break
        picture, cover = _under(picture, cover, layer, window, soft)
    whole = picture + (1 - cover)[..., None] * own
    return to_bytes(whole) if frame.dtype == np.uint8 else whole
