"""A scene as pictures, with what is true of each cell and object."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image
from scipy import ndimage

from vidparticles.data.composites import paths
from vidparticles.data.composites.scene import CompositeConfig, Layer, Scene, scene

_MOVED = 0.75  # pixels on the ground, from which an object has moved
_EXPOSED = (-0.25, 0.0, 0.25)  # of a frame, moments that a blurred picture is the mean of


def composite(
    rng: np.random.Generator, bank: Sequence[np.ndarray], config: CompositeConfig
) -> dict[str, np.ndarray]:
    """A clip and its truth.

    Args:
        rng: of everything random.
        bank: photographs, as of `pictures.photographs`.
        config: what clips are made of.

    Returns:
        "video" uint8 [T, H, W, 3]; and for cells of `config.cell` pixels, h × w of them, and
        objects K: "cover" uint8 [T, h, w, K], 255 where an object fills a cell; "flow" float16
        [T, h, w, 2], pixels that what is visible in the middle of a cell came since the frame
        before; "center" float32 [T, K, 2] and "covariance" [T, K, 3] (xx, xy, yy), pixels, as if
        nothing hid it; "visible" float32 [T, K] pixels; "moved" bool [T, K], whether it has moved
        over the ground so far; "still" bool [T, K], whether it did not, for four frames.

    Example:
        >>> from vidparticles.data.composites.pictures import photographs
        >>> clip = composite(np.random.default_rng(0), photographs(), CompositeConfig(frames=4))
        >>> clip["video"].shape, clip["cover"].shape
        ((4, 64, 96, 3), (4, 16, 24, 6))
    """
    clip = drawn(scene(rng, bank, config), config)
    return {**clip, "video": exposed(rng, clip["video"])}


def drawn(made: Scene, config: CompositeConfig) -> dict[str, np.ndarray]:
    """A scene in clear light: as of `composite`, but "video" is float32 in 0 … 255."""
    high, wide, cell = config.height, config.width, config.cell
    rows, columns = high // cell, wide // cell
    ground = Image.fromarray(np.pad(made.ground, _pads(made.ground), mode="symmetric"))
    margin = np.array([[1, 0, made.ground.shape[1]], [0, 1, made.ground.shape[0]], [0, 0, 1.0]])
    middles = np.stack(
        [
            *np.meshgrid(*(cell * (np.arange(n) + 0.5) for n in (columns, rows))),
            np.ones((rows, columns)),
        ],
        -1,
    )
    frames = config.frames
    video = np.zeros((frames, high, wide, 3), np.float32)
    cover = np.zeros((frames, rows, columns, config.objects), np.uint8)
    flow = np.zeros((frames, rows, columns, 2), np.float32)
    visible = np.zeros((frames, config.objects), np.float32)
    for t in range(frames):
        to_ground = margin @ np.linalg.inv(made.camera[t])
        data = tuple(to_ground[:2].ravel())
        size = (wide, high)
        affine, linear = Image.Transform.AFFINE, Image.Resampling.BILINEAR
        frame = np.asarray(ground.transform(size, affine, data, linear), np.float32).copy()
        _shade(frame, made, t)
        share = np.zeros((high, wide, config.objects), np.float32)
        before = _came_from(middles, made.camera, t)
        for layer in made.layers:
            box, over = _laid(layer, t, (high, wide), blur=made.blur and layer.owner >= 0)
            if box is None:
                continue
            opaque = over[..., 3:] / 255
            frame[box] = frame[box] * (1 - opaque) + over[..., :3]
            share[box] *= 1 - opaque
            if layer.owner >= 0:
                share[(*box, layer.owner)] += opaque[..., 0]
            whole = np.zeros((high, wide), np.float32)
            whole[box] = opaque[..., 0]
            top = whole[cell // 2 :: cell, cell // 2 :: cell] > 0.5
            before = np.where(top[..., None], _came_from(middles, layer.matrices, t), before)
        video[t] = frame
        cells = share.reshape(rows, cell, columns, cell, -1).mean((1, 3))
        cover[t] = np.round(255 * np.clip(cells, 0, 1))
        visible[t] = share.sum((0, 1))
        flow[t] = middles[..., :2] - before
    way = np.abs(made.world - made.world[:1]).max(-1)
    recent = np.abs(made.world[4:] - made.world[:-4]).max(-1)
    moving = np.pad(recent, ((4, 0), (0, 0)), constant_values=np.inf)
    return {
        "video": video,
        "cover": cover,
        "flow": flow.astype(np.float16),
        "center": made.center,
        "covariance": made.covariance,
        "visible": visible,
        "moved": np.maximum.accumulate(way, 0) > _MOVED,
        "still": moving < 0.3,
    }


def _pads(ground: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Mirrored on all sides, so that a camera that goes far still sees something."""
    return (*((n, n) for n in ground.shape[:2]), (0, 0))


def _came_from(middles: np.ndarray, matrices: np.ndarray, t: int) -> np.ndarray:
    """Where in the frame before what moves by these matrices was, for each cell."""
    back = matrices[max(t - 1, 0)] @ np.linalg.inv(matrices[t])
    return (middles @ back.T)[..., :2]


def _laid(
    layer: Layer, t: int, shape: tuple[int, int], *, blur: bool
) -> tuple[tuple[slice, slice] | None, np.ndarray]:
    """Where a layer lies, rows and columns, and its colors there; None outside the picture."""
    last = len(layer.matrices) - 1
    ahead = layer.matrices[min(t + 1, last)] - layer.matrices[t]
    moments = [layer.matrices[t] + part * ahead for part in (_EXPOSED if blur else (0.0,))]
    side = len(layer.picture)
    corners = np.array([[0, 0, 1], [side, 0, 1], [0, side, 1], [side, side, 1.0]])
    at = np.concatenate([corners @ m[:2].T for m in moments])
    low = np.maximum(np.floor(at.min(0)).astype(int), 0)
    most = np.minimum(np.ceil(at.max(0)).astype(int), shape[::-1])
    if (most <= low).any():
        return None, np.zeros(0)
    box = (slice(low[1], most[1]), slice(low[0], most[0]))
    # As premultiplied: of "RGBA" Pillow would multiply colors by the opacity once more, and divide.
    picture = Image.frombytes("RGBa", (side, side), layer.picture.tobytes())
    over = []
    for m in moments:
        back = np.linalg.inv(m) @ np.array([[1, 0, low[0]], [0, 1, low[1]], [0, 0, 1.0]])
        there = picture.transform(
            tuple((most - low).tolist()),
            Image.Transform.AFFINE,
            tuple(back[:2].ravel()),
            Image.Resampling.BILINEAR,
        )
        over.append(np.asarray(there, np.float32))
    return box, np.mean(over, 0)


def _shade(frame: np.ndarray, made: Scene, t: int) -> None:
    """Shadows on the ground, beside their objects."""
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]] + 0.5
    for k, shadow in enumerate(made.shadows):
        if shadow is None:
            continue
        depth, across, down, flat = shadow
        wide, high = 1.8 * np.sqrt(made.covariance[t, k, [0, 2]])
        a = made.center[t, k, 0] + across * wide
        b = made.center[t, k, 1] + (down + 0.4) * high
        far = np.hypot((x - a) / (wide + 1), (y - b) / (flat * high + 1))
        frame *= (1 - depth * np.clip(2.5 * (1.2 - far), 0, 1))[..., None]


def exposed(rng: np.random.Generator, video: np.ndarray) -> np.ndarray:
    """Light that changes, darkness, defocus, noise, compression; uint8 [T, H, W, 3]."""
    frames, high, wide = video.shape[:3]
    if rng.random() < 0.4:
        drift = paths.smooth(rng, frames, rng.uniform(0, 0.05))
        video = video * np.exp(drift)[:, None, None, None]
    if rng.random() < 0.15:
        video = video * (1 + rng.normal(0, 0.05, (frames, 1, 1, 1)))
    if rng.random() < 0.06:  # a screen that flickers
        top, left = rng.uniform(0, high - 10), rng.uniform(0, wide - 10)
        bottom, right = top + rng.uniform(5, 25), left + rng.uniform(6, 36)
        inside = (slice(None), slice(int(top), int(bottom)), slice(int(left), int(right)))
        video[inside] *= 1 + rng.normal(0, rng.uniform(0.03, 0.25), (frames, 1, 1, 1))
    if rng.random() < 0.4:
        video = video * rng.uniform(0.5, 1.2)
    noise = rng.uniform(1, 9) if rng.random() < 0.5 else 0.0
    if rng.random() < 0.1:  # night
        video, noise = video * rng.uniform(0.2, 0.5), rng.uniform(1, 5)
    if rng.random() < 0.35:
        soft = rng.uniform(0.3, 1.0)
        video = ndimage.gaussian_filter(video, (0, soft, soft, 0), truncate=3)
    if noise:
        video = video + rng.normal(0, noise, video.shape)
    bytes_ = np.clip(np.round(video), 0, 255).astype(np.uint8)
    if rng.random() < 0.35:
        quality = int(rng.uniform(25, 85))
        bytes_ = np.stack([_compressed(frame, quality) for frame in bytes_])
    return bytes_


def _compressed(frame: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))
