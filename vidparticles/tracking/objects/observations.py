"""What is observed in a frame: boxes with a score, a kind and what lies in them."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array, lax


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Observations:
    """Boxes of a frame, the highest score first; padded and masked.

    Attributes:
        box: [..., K, 4] left, top, right, bottom, frame heights.
        score: [..., K] in [0, 1].
        kind: [..., K] int32, what it is, as the detector numbers kinds.
        feature: [..., K, F] unit vectors of what lies in it, as of `image.appearance`; F may be 0.
        valid: [..., K] bool; the others say nothing.
        before: [..., K, 2] where its middle was in the frame before, moved along with the camera,
            frame heights; NaN where that is not known. Default, nowhere known.
    """

    box: Array
    score: Array
    kind: Array
    feature: Array
    valid: Array
    before: Array | None = None

    def __post_init__(self) -> None:
        if self.before is None and hasattr(self.box, "shape"):
            object.__setattr__(self, "before", jnp.full_like(self.box[..., :2], jnp.nan))

    @property
    def position(self) -> Array:
        """The middles [..., K, 2]."""
        return (self.box[..., :2] + self.box[..., 2:]) / 2

    @property
    def shift(self) -> tuple[Array, Array]:
        """How far the middles came since the frame before [..., K, 2], 0 where that is not known,
        and where it is known [..., K]."""
        shift = self.position - jnp.asarray(self.before)
        known = jnp.all(jnp.isfinite(shift), -1)
        return jnp.where(known[..., None], shift, 0), known

    @property
    def extent(self) -> Array:
        """Half the sides [..., K, 2]."""
        return (self.box[..., 2:] - self.box[..., :2]) / 2


def intersection(box: Array, other: Array) -> tuple[Array, Array]:
    """How far boxes cover each other.

    Args:
        box: [..., N, 4].
        other: [..., M, 4].

    Returns:
        Intersection over union, and over the smaller of the two, both [..., N, M].

    Example:
        >>> box = jnp.array([[0.0, 0.0, 2.0, 1.0]])
        >>> iou, contained = intersection(box, jnp.array([[1.0, 0.0, 2.0, 1.0]]))
        >>> iou.tolist(), contained.tolist()
        ([[0.5]], [[1.0]])
    """
    one, two = box[..., :, None, :], other[..., None, :, :]
    sides = jnp.minimum(one[..., 2:], two[..., 2:]) - jnp.maximum(one[..., :2], two[..., :2])
    both = jnp.prod(jnp.maximum(sides, 0), -1)
    first, second = (jnp.prod(x[..., 2:] - x[..., :2], -1) for x in (one, two))
    least = 1e-12
    iou = both / jnp.maximum(first + second - both, least)
    return iou, both / jnp.maximum(jnp.minimum(first, second), least)


def without_doubles(
    seen: Observations, alike: Array, *, overlap: float, contained: float, weaker: float
) -> Observations:
    """Observations of which none is another one's double.

    A box goes that covers a better one, whatever their kinds; and a part of a better one of a
    kind that the detector confuses with it.

    Args:
        seen: [K] boxes, the highest score first.
        alike: [C, C] bool, which kinds are confused.
        overlap: intersection over union, above which two are the same thing.
        contained: share of the smaller within the other, above which it may be its part,
        weaker: if its score is below this share of the other's.

    Returns:
        The same, with fewer of them valid.
    """
    iou, inside = intersection(seen.box, seen.box)
    same = alike[seen.kind[:, None], seen.kind]
    part = same & (inside > contained) & (seen.score[:, None] < weaker * seen.score)
    double = (iou > overlap) | part
    order = jnp.arange(len(seen.score))

    def decide(k: Array, kept: Array) -> Array:
        return kept.at[k].set(kept[k] & ~jnp.any(double[k] & kept & (order < k)))

    kept = lax.fori_loop(0, jnp.sum(seen.valid), decide, seen.valid)
    return dataclasses.replace(seen, valid=kept)
