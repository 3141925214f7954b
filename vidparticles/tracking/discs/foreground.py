"""What a frame says of objects: where there is something, and what it looks like.

Learned, light, one frame at a time. The picture is seen in cells of a few pixels. What is
foreground is told first from how far a cell's color is from the background's, which is the color
that most of the picture has or what was seen there before (`background`), and then, as it is
learned, from what a small network makes of the cell and of those around it.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.image.discs import pixels
from vidparticles.image.resample import unit_range

# The first columns of `Foreground.statistics`.
MASS, POSITION, COLOR = slice(0, 1), slice(1, 3), slice(3, 6)


@dataclasses.dataclass(frozen=True)
class ForegroundConfig:
    """How the foreground is told from the background; colors are in [0, 1].

    Attributes:
        slope: how fast a cell becomes foreground with its color distance, to start from.
        distance: color distance at which it is half foreground, to start from; over a running
            background, which is known better, half of it.
        least: weight below which there is nothing: it must not draw what is hidden for long.
        same_color: cosine of two colors, seen from the background's, of one object.
        rounds: of finding the background's color.
    """

    slope: float = 24.0
    distance: float = 0.3
    least: float = 0.05
    same_color: float = 0.97
    rounds: int = 3


DEFAULT = ForegroundConfig()


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Foreground:
    """A frame as objects see it, in P cells.

    Attributes:
        weight: [..., P] how far a cell is foreground, in [0, 1].
        coverage: [..., P] what part of the cell a rigid disc covers, in [0, 1]; of soft objects,
            the weight.
        color: [..., P, 3] of the cells, in [0, 1].
        appearance: [..., P, L] in [−1, 1], by which objects are told apart.
        statistics: [..., P, 6 + L + F], all times the weight: one, position, color, appearance,
            features. Their sum over cells is what an object observes.
        background: [..., P, 3], the color that would be there without objects.
        shape: rows and columns of cells; not an array.
    """

    weight: Array
    coverage: Array
    color: Array
    appearance: Array
    statistics: Array
    background: Array
    shape: tuple[int, int] = dataclasses.field(metadata={"static": True})


def init(
    key: Array,
    *,
    stride: int,
    widths: tuple[int, ...],
    appearance: int,
    features: int,
    slope: float = DEFAULT.slope,
    distance: float = DEFAULT.distance,
) -> dict[str, Any]:
    """Parameters: one 3 × 3 convolution of each width, and a linear read-out."""
    keys = jax.random.split(key, len(widths) + 1)
    channels = 3 * stride**2 + 3
    layers = []
    for k, width in zip(keys, widths, strict=False):
        kernel = jax.random.normal(k, (3, 3, channels, width)) * (2 / (9 * channels)) ** 0.5
        layers.append({"kernel": kernel, "bias": jnp.zeros(width)})
        channels = width
    read = jax.random.normal(keys[-1], (channels, 1 + appearance + features))
    read = read * 0.5 * channels**-0.5
    return {
        "layers": layers,
        # What is foreground starts from the color alone.
        "read": {"kernel": read.at[:, 0].multiply(0.2), "bias": jnp.zeros(read.shape[1])},
        # With their dtype said: weak types would turn strong in the first update.
        "slope": jnp.asarray(slope, jnp.float32),
        "distance": jnp.asarray(distance, jnp.float32),
    }


def dominant_color(color: Array, *, rounds: int = DEFAULT.rounds) -> Array:
    """The color [..., 1, 3] that most of [..., P, 3] are near: their geometric median, nearly.

    A few rounds of weights 1 / d² from the mean on (as Weiszfeld's, Tôhoku Math. J. 43, 1937,
    whose are 1 / d: these forget sooner what is far).

    Example:
        >>> found = dominant_color(jnp.array([[0.2] * 3] * 8 + [[1.0] * 3]))
        >>> [round(float(x), 2) for x in found[0]]
        [0.2, 0.2, 0.2]
    """
    middle = jnp.mean(color, axis=-2, keepdims=True)
    for _ in range(rounds):
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


def _covered(apart: Array, config: ForegroundConfig) -> Array:
    """What part of each cell [N, h, w] objects cover, from colors less the background's.

    A cell that an object covers in part is as far from the background as it is covered. One that
    it covers whole is beside it: the farthest of the nine around that have the same direction.
    """
    h, w = apart.shape[1:3]
    square = jnp.sum(apart * apart, axis=-1)
    wide = jnp.pad(apart, ((0, 0), (1, 1), (1, 1), (0, 0)))
    most = jnp.maximum(square, config.distance**2)
    for i in range(3):
        for j in range(3):
            other = wide[:, i : i + h, j : j + w]
            size = jnp.sum(other * other, axis=-1)
            along = jnp.maximum(jnp.sum(apart * other, axis=-1), 0)
            alike = along * along > config.same_color**2 * square * size
            most = jnp.where(alike, jnp.maximum(most, size), most)
    return jnp.sqrt(square / most)


def gather(
    params: dict[str, Any],
    frames: Array,
    *,
    stride: int,
    appearance: int,
    scene: Array | None = None,
    background: Array | None = None,
    rigid: bool = False,
    config: ForegroundConfig = DEFAULT,
) -> Foreground:
    """The foreground of frames.

    Args:
        params: from `init`.
        frames: [..., H, W, 3] uint8, or floats in [0, 1]; stride divides H and W.
        stride: pixels of a cell's side.
        appearance: L.
        scene: [P, 3] what a still scene differs by from the usual color, or None.
        background: [..., H, W, 3] in [0, 1], or None where it is of the usual color.
        rigid: whether objects have sharp rims, so that what part of a cell they cover can be told.
        config: how the foreground is told.
    """
    *lead, height, width, _ = frames.shape
    h, w = height // stride, width // stride

    def cells(x: Array) -> Array:
        return x.reshape(-1, h, stride, w, stride, 3).transpose(0, 1, 3, 2, 4, 5)

    x = cells(unit_range(frames))
    color = jnp.mean(x, axis=(3, 4)).reshape(-1, h * w, 3)
    if background is None:
        bare = jax.lax.stop_gradient(dominant_color(color, rounds=config.rounds))
    else:
        bare = jnp.mean(cells(background), axis=(3, 4)).reshape(-1, h * w, 3)
    if scene is not None:
        bare = bare + scene
    apart = color - bare
    hidden = jnp.concatenate([x.reshape(-1, h, w, 3 * stride**2), apart.reshape(-1, h, w, 3)], -1)
    for layer in params["layers"]:
        hidden = jax.nn.relu(_convolve(hidden, layer["kernel"]) + layer["bias"])
    read = hidden.reshape(-1, h * w, hidden.shape[-1]) @ params["read"]["kernel"]
    read = read + params["read"]["bias"]
    distance = jnp.sqrt(jnp.sum(apart * apart, axis=-1) + 1e-6)
    weight = jax.nn.sigmoid(read[..., 0] + params["slope"] * (distance - params["distance"]))
    weight = jnp.maximum(weight - config.least, 0) / (1 - config.least)
    coverage = weight
    if rigid:
        still = jax.lax.stop_gradient(apart).reshape(-1, h, w, 3)
        coverage = _covered(still, config).reshape(-1, h * w)
    what = jnp.tanh(read[..., 1:])
    one = jnp.ones_like(weight)[..., None]
    position = jnp.broadcast_to(pixels(h, w), (*weight.shape, 2))
    statistics = jnp.concatenate([one, position, color, what], axis=-1) * weight[..., None]
    whole = Foreground(
        weight,
        coverage,
        color,
        what[..., :appearance],
        statistics,
        jnp.broadcast_to(bare, color.shape),
        (h, w),
    )
    return jax.tree.map(lambda y: y.reshape(*lead, *y.shape[1:]), whole)
