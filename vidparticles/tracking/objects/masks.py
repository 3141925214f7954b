"""Which pixels in a box are the object's: a soft mask for each box of a frame.

The box and its surroundings are read at a few pixels each way, whatever their size. There, mixtures
of Gaussians over colors tell what is like the object and what is like its surroundings, as in
GrabCut (Rother et al. 2004), but soft: from a first guess on, which is an ellipse, what a network
says of a person, the mask of the frame before. Between rounds the log-odds are smoothed but across
edges, by the guided filter (`image.guided`), whose linear model then carries the mask to all pixels
of the frame.

A mask is carried from frame to frame in its box, and so goes with the object.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.errors import InputError
from vidparticles.image.crops import grown, read, to_pixels
from vidparticles.image.guided import applied, follow_edges, linear_model
from vidparticles.image.mixture import log_density
from vidparticles.image.resample import box as box_mean
from vidparticles.image.resample import unit_range
from vidparticles.tracking.objects.observations import intersection


@dataclasses.dataclass(frozen=True)
class MaskConfig:
    """How masks are found.

    Tuned on clips of tests/data/objects/tuned.csv. Log-odds are those of being the object's.

    Attributes:
        size: S, pixels each way at which a box and its surroundings are read.
        margin: of the surroundings at either side, sides of the box.
        outside: sides of the box over which it is less and less likely that an object sticks out.
        middle, corner: log-odds in the middle and in the corners of a box, before more is known,
        surroundings: and outside.
        inner, outer: cells each way from which the Gaussians begin, of the box, and of it with its
            surroundings.
        color: deviation of colors in [0, 1] that is never told apart,
        height: and of heights, sides of the box: surroundings are told by height, too.
        rounds: of fitting the Gaussians and smoothing, at least one.
        steps: of expectation and maximization, a round.
        fitted: every so-manieth sample, each way, is what the Gaussians are fitted to, and all
            that rounds but the last are of.
        most: log-odds by color, at most.
        trust: what log-odds by color count, where a network says nothing certain of a person.
        person: what log-odds of that network count.
        square: sides of the square around a person that the network is given, longer sides.
        before: what log-odds of the frame before count.
        apart: frames between a frame and the one that it is compared with for motion.
        motion: log-odds of what differs from the ground, at most,
        differs: difference of colors that is half of it.
        radius, edge: of the guided filter between rounds: pixels of S, variance of colors.
        last_radius, last_edge: the same, on the way to the frame.
        least: what is less of a pixel's mask is none of it, and what is above 1 − `least` all.
        held: share of a box within another, from which it is in front of that,
        held_area: if that is so many times as large.
    """

    size: int = 96
    margin: float = 0.25
    outside: float = 0.05
    middle: float = 1.5
    corner: float = -2.0
    surroundings: float = -6.0
    inner: int = 2
    outer: int = 3
    color: float = 0.03
    height: float = 0.12
    rounds: int = 3
    steps: int = 3
    fitted: int = 2
    most: float = 6.0
    trust: float = 1.2
    person: float = 1.0
    square: float = 1.16
    before: float = 0.2
    apart: int = 2
    motion: float = 1.5
    differs: float = 0.12
    radius: int = 4
    edge: float = 1e-3
    last_radius: int = 2
    last_edge: float = 1e-4
    least: float = 0.1
    held: float = 0.2
    held_area: float = 3.0

    def __post_init__(self) -> None:
        if self.size < 8 or not 0 < self.margin <= 1:
            raise InputError(
                f"size is {self.size} and margin {self.margin}; expected 8 pixels or more and a "
                "margin in (0, 1]."
            )
        if self.rounds < 1 or not 1 <= self.fitted <= self.size:
            raise InputError(
                f"rounds is {self.rounds} and fitted {self.fitted}; expected a round or more, and "
                f"every so-manieth of {self.size} samples."
            )


@functools.partial(jax.jit, static_argnames="config")
def object_masks(
    frame: Array,
    box: Array,
    valid: Array,
    config: MaskConfig,
    *,
    person: Array | None = None,
    before: Array | None = None,
    front: Array | None = None,
    ground: tuple[Array, Array] | None = None,
) -> tuple[Array, Array]:
    """Which pixels of a frame are whose.

    Args:
        frame: [H, W, 3] uint8, or floats in [0, 1].
        box: [N, 4] left, top, right, bottom, frame heights.
        valid: [N] bool; the others have no mask.
        config: how masks are found.
        person: [N, P, P] what a network says of the pixels of `squares(box)`, in [0, 1]; 0.5
            where it says nothing. Default, nothing.
        before: [N, S, S] the masks in their boxes, of the frame before; 0.5 likewise.
        front: [N] the higher, the nearer; of boxes that are alike, each has a share of the pixels
            that they claim. Default, all are alike. See `nearness`.
        ground: a picture [H, W, 3] like the frame, in which objects are elsewhere or not at all,
            as the frame before, and where in it [N, 4] the ground behind each box lies, frame
            heights. What differs from it is the object's, or was. Default, nothing is known.

    Returns:
        Masks [N, H, W] in [0, 1], at each pixel at most 1 together; and the masks in their boxes
        [N, S, S], each by itself, for the next frame.

    Example:
        >>> frame = jnp.full((40, 60, 3), 0.2).at[10:30, 20:40].set(jnp.array([0.9, 0.5, 0.1]))
        >>> box = jnp.array([[0.5, 0.25, 1.0, 0.75]])
        >>> mask, _ = object_masks(frame, box, jnp.ones(1, bool), MaskConfig(size=32))
        >>> bool(mask[0, 20, 30] > 0.8), bool(mask[0, 20, 10] < 0.1)
        (True, True)
    """
    picture = unit_range(frame)
    height, width = picture.shape[:2]
    box = jnp.where(valid[:, None], box, jnp.asarray([0.0, 0.0, 1.0, 1.0]))
    region = grown(_with_sides(box, 1 / height), config.margin)
    crops = read(picture, region, config.size)
    inside = jax.vmap(lambda one: _inside(one, width / height, config.size))(region)
    nothing = jnp.full((len(box), config.size, config.size), 0.5)
    told = (
        nothing
        if person is None
        else jax.vmap(_of_square, (0, 0, 0, None))(
            person, squares(box, config), region, config.size
        )
    )
    moved = jnp.zeros_like(nothing)
    if ground is not None:
        behind = grown(_with_sides(ground[1], 1 / height), config.margin)
        moved = jax.vmap(lambda a, b: _difference(a, b, config))(
            crops, read(unit_range(ground[0]), behind, config.size)
        )
    own = jax.vmap(functools.partial(crop_mask, config=config))(
        crops, inside, told, nothing if before is None else before, moved
    )
    # One after the other: all linear models together would be four times as large as the masks.
    full = jax.lax.map(
        lambda one: _to_frame(picture, one[0], one[1], one[2], config), (region, crops, own)
    )
    full = jnp.where(valid[:, None, None], full, 0)
    return shared(full, front), jnp.where(valid[:, None, None], own, 0.5)


def crop_mask(
    crop: Array, inside: Array, person: Array, before: Array, moved: Array, config: MaskConfig
) -> Array:
    """The mask of an object in its box.

    Args:
        crop: [S, S, 3] the box with its surroundings, in [0, 1].
        inside: [S, S] bool, within the picture; the others count for nothing.
        person: [S, S] what a network says, in [0, 1].
        before: [S, S] what was said of the frame before, likewise.
        moved: [S, S] how far it differs from the ground, in [0, 1].
        config: how masks are found.

    Returns:
        [S, S] in [0, 1].
    """
    certain = jnp.abs(2 * person - 1)
    first = (
        _shape(inside, config)
        + config.person * _log_odds(person)
        + config.before * _log_odds(before)
        + config.motion * (1 - certain) * moved
    )
    places = jnp.asarray(_places(config), jnp.float32)
    high = jnp.broadcast_to((places[:, None] - 0.5) / config.height, inside.shape)
    color = (crop - 0.5) / config.color
    layered = jnp.concatenate([color, high[..., None]], -1)
    # Rounds but the last are of these samples alone, and the Gaussians are always theirs.
    few = np.s_[:: config.fitted, :: config.fitted]
    weight = inside[few].reshape(-1).astype(jnp.float32)
    inner, outer = (jnp.asarray(_cells(config, whole)) for whole in (False, True))

    def again(mask: Array, part: tuple[slice, slice], radius: int) -> Array:
        """The mask of some samples, after a round from the mask of the few."""
        share, steps = mask.reshape(-1), config.steps
        colors, layers = color[few].reshape(-1, 3), layered[few].reshape(-1, 4)
        asked = color[part].reshape(-1, 3), layered[part].reshape(-1, 4)
        own = log_density(colors, weight * share, inner, asked[0], steps=steps, given=0)
        rest = log_density(layers, weight * (1 - share), outer, asked[1], steps=steps, given=1)
        told = config.most * jnp.tanh((own - rest) / config.most).reshape(first[part].shape)
        odds = first[part] + config.trust * (1 - certain[part]) * told
        odds = follow_edges(crop[part], jnp.clip(odds, -8, 8), radius=radius, edge=config.edge)
        return jax.nn.sigmoid(odds)

    small = max(config.radius // config.fitted, 1)
    begin = jax.nn.sigmoid(first[few])
    rounds = config.rounds - 1
    mask = jax.lax.scan(lambda m, _: (again(m, few, small), None), begin, None, length=rounds)[0]
    return again(mask, np.s_[:, :], config.radius)


def shared(mask: Array, front: Array | None = None) -> Array:
    """Masks [N, H, W], of which each pixel is given to those in front, at most 1 of it in all.

    Args:
        mask: [N, H, W] in [0, 1], each by itself.
        front: [N] the higher, the nearer; default, all alike.

    Example:
        >>> both = jnp.ones((2, 1, 1))
        >>> shared(both).ravel().tolist(), shared(both, jnp.array([0.0, 1.0])).ravel().tolist()
        ([0.5, 0.5], [0.0, 1.0])
    """
    if front is not None:
        order = jnp.argsort(-front)

        def behind(carry: tuple[Array, Array, Array], k: Array) -> tuple[Any, Array]:
            left, free, last = carry  # left by those in front; and by those alike, too
            free = jnp.where(front[k] < last, left, free)
            return (left * (1 - mask[k]), free, front[k]), mask[k] * free

        every = jnp.ones(mask.shape[1:], mask.dtype)
        _, parts = jax.lax.scan(behind, (every, every, jnp.asarray(jnp.inf)), order)
        mask = jnp.zeros_like(mask).at[order].set(parts)
    return mask / jnp.maximum(jnp.sum(mask, 0), 1)


def nearness(box: Array, kind: Array, config: MaskConfig) -> Array:
    """A guess [N] of what is in front: what stands lower, and what is held before someone larger.

    Args:
        box: [N, 4] frame heights.
        kind: [N] int, what it is: nothing is held by its kind.
        config: from which share of it a box is held.

    Example:
        >>> far, near, ball = [0.0, 0.1, 0.4, 0.8], [0.3, 0.1, 0.8, 0.9], [0.1, 0.4, 0.2, 0.5]
        >>> told = nearness(jnp.array([far, near, ball]), jnp.array([0, 0, 32]), MaskConfig())
        >>> jnp.argsort(told).tolist()
        [0, 2, 1]
    """
    _, within = intersection(box, box)
    area = jnp.prod(box[:, 2:] - box[:, :2], -1)
    held = (within > config.held) & (config.held_area * area[:, None] < area)
    held = held & (kind[:, None] != kind)
    bottom = box[:, 3]
    return jnp.maximum(bottom, jnp.max(jnp.where(held, bottom, -jnp.inf), -1) + 1e-3)


def squares(box: Array, config: MaskConfig) -> Array:
    """Squares [..., 4] around boxes [..., 4], with surroundings: what a network is given."""
    middle = (box[..., :2] + box[..., 2:]) / 2
    half = config.square / 2 * jnp.max(box[..., 2:] - box[..., :2], -1, keepdims=True)
    return jnp.concatenate([middle - half, middle + half], -1)


def _to_frame(picture: Array, region: Array, crop: Array, mask: Array, config: MaskConfig) -> Array:
    """A mask [S, S] of a region at all pixels of the picture, [H, W]; 0 outside."""
    height, width = picture.shape[:2]
    model = linear_model(crop, mask, radius=config.last_radius, edge=config.last_edge)
    left, top, right, bottom = region * height
    down = to_pixels(top, bottom, config.size, height)
    across = to_pixels(left, right, config.size, width)
    lines = jnp.einsum("hs,stc->htc", down, model)
    mask = applied(picture, jnp.einsum("wt,htc->hwc", across, lines))
    return jnp.clip((mask - config.least) / (1 - 2 * config.least), 0, 1)


def _of_square(person: Array, square: Array, region: Array, size: int) -> Array:
    """What is said of a square [P, P], in a region of the frame [S, S]."""
    side = square[2] - square[0]
    at = (region - jnp.tile(square[:2], 2)) / jnp.maximum(side, 1e-6)
    return read(person[..., None], at[None], size)[0, ..., 0]


def _with_sides(box: Array, least: float) -> Array:
    """Boxes with no side shorter than this."""
    middle = (box[:, :2] + box[:, 2:]) / 2
    half = jnp.maximum(box[:, 2:] - box[:, :2], least) / 2
    return jnp.concatenate([middle - half, middle + half], -1)


def _inside(region: Array, width: float, size: int) -> Array:
    """Which samples of a region lie in the picture [S, S]."""
    share = (jnp.arange(size) + 0.5) / size
    x, y = (region[k] + share * (region[k + 2] - region[k]) for k in (0, 1))
    return ((y > 0) & (y < 1))[:, None] & (x > 0) & (x < width)


def _difference(crop: Array, ground: Array, config: MaskConfig) -> Array:
    """How far a crop [S, S, 3] differs from the ground, [S, S] in [0, 1]."""
    off = jnp.max(box_mean(jnp.abs(crop - ground), 2), -1)
    return off**2 / (off**2 + config.differs**2)


def _log_odds(share: Array) -> Array:
    share = jnp.clip(share, 0.01, 0.99)
    return jnp.log(share) - jnp.log1p(-share)


def _places(config: MaskConfig) -> np.ndarray:
    """Where the samples of a crop are [S], in sides of the box, which is [0, 1]."""
    share = (np.arange(config.size) + 0.5) / config.size
    return share * (1 + 2 * config.margin) - config.margin


def _shape(inside: Array, config: MaskConfig) -> Array:
    """Log-odds [S, S] before anything is known of the colors: an ellipse in the box.

    Args:
        inside: [S, S] bool, within the picture.
        config: how masks are found.
    """
    places = _places(config)

    def off(within: Array) -> Array:
        """How far from the middle [S], along one axis; what may go on over the border is not."""
        ends = jnp.any(within[places < 0]), jnp.any(within[places > 1])
        low, high = (jnp.where(end, jnp.abs(places - 0.5), 0) for end in ends)
        return jnp.where(places < 0.5, low, high)

    down, across = off(jnp.any(inside, 1)), off(jnp.any(inside, 0))
    beyond = jnp.maximum(jnp.maximum(down[:, None], across) - 0.5, 0) / config.outside
    round_ = 2 * ((down**2)[:, None] + across**2)  # 1 in the corners
    within = config.middle + (config.corner - config.middle) * round_
    return within + (config.surroundings - within) * jnp.minimum(beyond, 1)


def _cells(config: MaskConfig, whole: bool) -> np.ndarray:
    """In which cell of a grid over the box, or over the whole crop, each fitted sample is."""
    count, margin = (config.outer, config.margin) if whole else (config.inner, 0.0)
    share = (_places(config)[:: config.fitted] + margin) / (1 + 2 * margin)
    cell = np.clip((share * count).astype(int), 0, count - 1)
    return np.eye(count**2, dtype=np.float32)[(cell[:, None] * count + cell).reshape(-1)]
