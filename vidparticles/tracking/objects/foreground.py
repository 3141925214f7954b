"""What a frame says of things: where there is something, and what it looks like.

Learned, light, one frame at a time. The picture is seen in cells of a few pixels. What is there
is told first from how far a cell's color is from the ground's, which is the color that most of
the picture has or what was seen there before (`ground`), and then, as it is learned, from what a
small network makes of the cell and of those around it.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.image.discs import pixels

# The first columns of `Evidence.seen`.
MASS, PLACE, COLOR = slice(0, 1), slice(1, 3), slice(3, 6)
CLEAR, FAINT = 24.0, 0.3  # how fast, and from which color distance on, something is there
NOTHING = 0.05  # evidence below it is none: it must not draw what is hidden for long
ALIKE = 0.97  # cosine of two colors, seen from the ground's, that are of one thing
ROUNDS = 3  # of finding the ground's color


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Evidence:
    """A frame as particles see it, in P cells.

    Attributes:
        weight: [..., P] how far something is there, in [0, 1].
        part: [..., P] what part of the cell it covers, in [0, 1]: of hard things; else the weight.
        color: [..., P, 3] of the cells, in [0, 1].
        look: [..., P, L] in [−1, 1], by which things are told apart.
        seen: [..., P, 6 + L + F], all times the weight: one, place, color, look, features.
        ground: [..., P, 3], the color that would be there without things.
        shape: rows and columns of cells; not an array.
    """

    weight: Array
    part: Array
    color: Array
    look: Array
    seen: Array
    ground: Array
    shape: tuple[int, int] = dataclasses.field(metadata={"static": True})


def init(
    key: Array,
    *,
    stride: int,
    widths: tuple[int, ...],
    look: int,
    features: int,
    faint: float = FAINT,
) -> dict[str, Any]:
    """Parameters: one 3 × 3 convolution of each width, and a linear read-out."""
    keys = jax.random.split(key, len(widths) + 1)
    channels = 3 * stride**2 + 3
    layers = []
    for k, width in zip(keys, widths, strict=False):
        kernel = jax.random.normal(k, (3, 3, channels, width)) * (2 / (9 * channels)) ** 0.5
        layers.append({"kernel": kernel, "bias": jnp.zeros(width)})
        channels = width
    read = jax.random.normal(keys[-1], (channels, 1 + look + features)) * 0.5 * channels**-0.5
    return {
        "layers": layers,
        # What is there starts from the color alone.
        "read": {"kernel": read.at[:, 0].multiply(0.2), "bias": jnp.zeros(read.shape[1])},
        # With their dtype said: weak types would turn strong in the first update.
        "clear": jnp.asarray(CLEAR, jnp.float32),
        "faint": jnp.asarray(faint, jnp.float32),
    }


def usual_color(color: Array) -> Array:
    """The color [..., 1, 3] that most of [..., P, 3] are near: their geometric median, nearly.

    A few rounds of weights 1 / d² from the mean on (as Weiszfeld's, Tôhoku Math. J. 43, 1937,
    whose are 1 / d: these forget sooner what is far).
    """
    middle = jnp.mean(color, axis=-2, keepdims=True)
    for _ in range(ROUNDS):
        weight = 1 / (jnp.sum((color - middle) ** 2, axis=-1, keepdims=True) + 1e-3)
        total = jnp.sum(weight, axis=-2, keepdims=True)
        middle = jnp.sum(weight * color, axis=-2, keepdims=True) / total
    return middle


def _convolve(x: Array, kernel: Array) -> Array:
    """[N, h, w, C] under a kernel [3, 3, C, W], zero outside: one product, then nine shifts.

    Inside of a scan XLA takes sixteen times longer for the gradient of its own on a CPU.
    """
    h, w = x.shape[1:3]
    nine = x @ kernel.transpose(2, 0, 1, 3).reshape(kernel.shape[2], -1)
    nine = jnp.pad(nine, ((0, 0), (1, 1), (1, 1), (0, 0)))
    parts = jnp.split(nine, 9, axis=-1)
    return sum(
        (parts[3 * i + j][:, i : i + h, j : j + w] for i in range(3) for j in range(3)),
        start=jnp.zeros(()),
    )


def _covered(apart: Array) -> Array:
    """What part of each cell [N, h, w] things cover, from colors less the ground's [N, h, w, 3].

    A cell that a thing covers in part is as far from the ground as it is covered. One that it
    covers whole is beside it: the farthest of the nine around that have the same direction.
    """
    h, w = apart.shape[1:3]
    square = jnp.sum(apart * apart, axis=-1)
    wide = jnp.pad(apart, ((0, 0), (1, 1), (1, 1), (0, 0)))
    most = jnp.maximum(square, FAINT**2)
    for i in range(3):
        for j in range(3):
            other = wide[:, i : i + h, j : j + w]
            size = jnp.sum(other * other, axis=-1)
            along = jnp.maximum(jnp.sum(apart * other, axis=-1), 0)
            alike = along * along > ALIKE**2 * square * size
            most = jnp.where(alike, jnp.maximum(most, size), most)
    return jnp.sqrt(square / most)


def gather(
    params: dict[str, Any],
    frames: Array,
    *,
    stride: int,
    look: int,
    scene: Array | None = None,
    ground: Array | None = None,
    hard: bool = False,
) -> Evidence:
    """The evidence of frames.

    Args:
        params: from `init`.
        frames: [..., H, W, 3] uint8; stride divides H and W.
        stride: pixels of a cell's side.
        look: L.
        scene: [P, 3] what a still scene differs by from the usual color, or None.
        ground: [..., H, W, 3] in [0, 1], or None where it is of the usual color.
        hard: whether things have sharp rims, so that what part of a cell they cover can be told.
    """
    *lead, height, width, _ = frames.shape
    h, w = height // stride, width // stride

    def cells(x: Array) -> Array:
        x = x.reshape(-1, h, stride, w, stride, 3).astype(jnp.float32)
        return x.transpose(0, 1, 3, 2, 4, 5)

    x = cells(frames) / 255
    color = jnp.mean(x, axis=(3, 4)).reshape(-1, h * w, 3)
    if ground is None:
        bare = jax.lax.stop_gradient(usual_color(color))
    else:
        bare = jnp.mean(cells(ground), axis=(3, 4)).reshape(-1, h * w, 3)
    if scene is not None:
        bare = bare + scene
    apart = color - bare
    hidden = jnp.concatenate([x.reshape(-1, h, w, 3 * stride**2), apart.reshape(-1, h, w, 3)], -1)
    for layer in params["layers"]:
        hidden = jax.nn.relu(_convolve(hidden, layer["kernel"]) + layer["bias"])
    read = hidden.reshape(-1, h * w, hidden.shape[-1]) @ params["read"]["kernel"]
    read = read + params["read"]["bias"]
    distance = jnp.sqrt(jnp.sum(apart * apart, axis=-1) + 1e-6)
    weight = jax.nn.sigmoid(read[..., 0] + params["clear"] * (distance - params["faint"]))
    weight = jnp.maximum(weight - NOTHING, 0) / (1 - NOTHING)
    part = weight
    if hard:
        part = _covered(jax.lax.stop_gradient(apart).reshape(-1, h, w, 3)).reshape(-1, h * w)
    what = jnp.tanh(read[..., 1:])
    one = jnp.ones_like(weight)[..., None]
    place = jnp.broadcast_to(pixels(h, w), (*weight.shape, 2))
    seen = jnp.concatenate([one, place, color, what], axis=-1) * weight[..., None]
    whole = Evidence(
        weight, part, color, what[..., :look], seen, jnp.broadcast_to(bare, color.shape), (h, w)
    )
    return jax.tree.map(lambda y: y.reshape(*lead, *y.shape[1:]), whole)
