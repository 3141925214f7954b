"""The contract of what finds boxes: frames in, observations out, with a memory of its own.

An observer is a pair of pure functions, as a tracker is:

    observer = together(stateless(nanodet.observe()), motion_observer(kind=80))
    state = observer.init_fn(params, frame)                           # before the first frame
    state, seen = observer.observe_fn(params, state, frame, camera, dt)

`init_fn` looks at the shape of a frame alone. The tracker carries the state in its own, tells how
the picture moved and how long it was, and at a cut begins with `init_fn` anew, so that no observer
need know of cuts.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.flow.camera import Similarity
from vidparticles.tracking.objects.observations import Observations, intersection

Params = Any
State = Any


class ObserverInitFn(Protocol):
    """The state before the first frame of a shot."""

    def __call__(self, params: Params, frame: Array, /) -> State:
        """Args: parameters, a frame [H, W, 3] for its shape."""


class ObserveFn(Protocol):
    """What is observed in a frame, and the state after it."""

    def __call__(
        self, params: Params, state: State, frame: Array, camera: Similarity, dt: Array, /
    ) -> tuple[State, Observations]:
        """Args: parameters, the state, a frame [H, W, 3], uint8 or floats in [0, 1], how the
        picture moved into it, as far as that is known, and seconds [] since the frame before."""


class Observer(NamedTuple):
    """Frames to boxes.

    Attributes:
        init_fn: (params, frame) → state before the first frame of a shot.
        observe_fn: (params, state, frame, camera, dt) → (state, observations).
    """

    init_fn: ObserverInitFn
    observe_fn: ObserveFn


class DetectFn(Protocol):
    """A frame to what is observed in it alone: any detector."""

    def __call__(self, params: Any, frame: Array, /) -> Observations:
        """Args: its parameters, a frame [H, W, 3], uint8 or floats in [0, 1]."""


def stateless(detect_fn: DetectFn) -> Observer:
    """A detector as an observer that remembers nothing.

    Args:
        detect_fn: finds boxes in a frame.

    Example:
        >>> box, one = jnp.array([[0.0, 0.0, 1.0, 1.0]]), jnp.ones(1)
        >>> whole = Observations(box, one, jnp.zeros(1, int), jnp.ones((1, 1)), one > 0)
        >>> observer = stateless(lambda params, frame: whole)
        >>> still = Similarity(jnp.array([1.0, 0.0]), jnp.zeros(2))
        >>> _, seen = observer.observe_fn((), (), jnp.zeros((4, 4, 3)), still, jnp.float32(0))
        >>> seen.position.tolist()
        [[0.5, 0.5]]
    """

    def init(params: Params, frame: Array, /) -> State:
        del params, frame
        return ()

    def observe(
        params: Params, state: State, frame: Array, camera: Similarity, dt: Array, /
    ) -> tuple[State, Observations]:
        del camera, dt
        return state, detect_fn(params, frame)

    return Observer(init, observe)


@dataclasses.dataclass(frozen=True)
class FusionConfig:
    """When two observers saw the same thing.

    Attributes:
        sure: score from which a box of the first stands for what it covers.
        covered: share of a box of the second that one of the first may cover at most,
        overlap: intersection over union with one of the first, at most, and
        holds: share of one of the first that a box of the second may cover at most: else it is
            no other thing.
        supported: kinds of the first, boxes of which are the more certain where the second has
            one too: the two are taken for witnesses who have not talked to each other, whose odds
            multiply.
        support: logarithm of the odds that a box of the second is worth, if its score is 1 and
            it is the same; it falls with
        fit: this power of the intersection over union.
    """

    sure: float = 0.15
    covered: float = 0.4
    overlap: float = 0.3
    holds: float = 0.6
    supported: tuple[int, ...] = ()
    support: float = 4.0
    fit: float = 3.0


def together(first: Observer, second: Observer, config: FusionConfig | None = None) -> Observer:
    """What either of two observers sees; where both see one thing, the box and kind of the first.

    The parameters are a pair, the first's and the second's.

    Args:
        first: whose boxes are all kept.
        second: whose boxes are kept where the first sees nothing; with as many features, and its
            kinds counted on from the first's.
        config: when a thing is the same.
    """
    config = config or FusionConfig()

    def init(params: Params, frame: Array, /) -> State:
        return first.init_fn(params[0], frame), second.init_fn(params[1], frame)

    def observe(
        params: Params, state: State, frame: Array, camera: Similarity, dt: Array, /
    ) -> tuple[State, Observations]:
        one, seen = first.observe_fn(params[0], state[0], frame, camera, dt)
        other, more = second.observe_fn(params[1], state[1], frame, camera, dt)
        return (one, other), fused(seen, more, config)

    return Observer(init, observe)


def fused(first: Observations, second: Observations, config: FusionConfig) -> Observations:
    """The boxes of both, the highest score first, but for those of the second on the first's.

    Args:
        first: [K] boxes.
        second: [L] boxes.
        config: when a thing is the same.

    Example:
        >>> def of(*boxes):
        ...     count = len(boxes)
        ...     kind, feature = jnp.zeros(count, int), jnp.zeros((count, 0))
        ...     score, valid = jnp.full(count, 0.5), jnp.ones(count, bool)
        ...     return Observations(jnp.array(boxes), score, kind, feature, valid)
        >>> body, hand, ball = (0.1, 0.1, 0.3, 0.9), (0.2, 0.4, 0.3, 0.5), (0.6, 0.1, 0.7, 0.2)
        >>> fused(of(body), of(hand, ball), FusionConfig()).valid.tolist()
        [True, True, False]
    """
    iou, _ = intersection(second.box, first.box)
    first = _supported(first, jnp.where(second.valid, second.score, 0), iou, config)
    common = _common(second.box, first.box)
    area, others = _area(second.box)[:, None], _area(first.box)
    same = (
        (iou > config.overlap) | (common > config.covered * area) | (common > config.holds * others)
    )
    taken = jnp.any(same & first.valid & (first.score >= config.sure), -1)
    second = dataclasses.replace(second, valid=second.valid & ~taken)
    both = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), first, second)
    order = jnp.argsort(-jnp.where(both.valid, both.score, -1), stable=True)
    return jax.tree.map(lambda x: x[order], both)


def _supported(first: Observations, score: Array, iou: Array, config: FusionConfig) -> Observations:
    """The first's boxes with the scores that they have after the second [L] was heard."""
    heard = jnp.max(score[:, None] * iou**config.fit, 0, initial=0)
    member = jnp.isin(first.kind, jnp.asarray(config.supported, jnp.int32))
    odds = jax.scipy.special.logit(jnp.clip(first.score, 1e-6, 1 - 1e-6))
    more = jax.nn.sigmoid(odds + config.support * heard)
    return dataclasses.replace(first, score=jnp.where(member, more, first.score))


def _common(box: Array, other: Array) -> Array:
    """The area that boxes [N, 4] and [M, 4] share, [N, M]."""
    one, two = box[:, None], other[None]
    sides = jnp.minimum(one[..., 2:], two[..., 2:]) - jnp.maximum(one[..., :2], two[..., :2])
    return jnp.prod(jnp.maximum(sides, 0), -1)


def _area(box: Array) -> Array:
    return jnp.prod(box[:, 2:] - box[:, :2], -1)
