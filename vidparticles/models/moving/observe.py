"""What the network sees as an observer of `tracking.objects`, at one height or several."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import Array, lax

from vidparticles.flow.camera import Similarity
from vidparticles.image.resample import highest, resize, unit_range
from vidparticles.models.moving.bodies import BodyConfig, Middles, bodies
from vidparticles.models.moving.inputs import given, learned
from vidparticles.models.moving.model import Moving
from vidparticles.models.moving.network import CELL, Maps, NetworkState
from vidparticles.tracking.objects import cues
from vidparticles.tracking.objects.config import ObjectConfig
from vidparticles.tracking.objects.cues import CueConfig, CueState
from vidparticles.tracking.objects.observations import Observations
from vidparticles.tracking.objects.observers import Observer


@dataclasses.dataclass(frozen=True)
class ReadConfig:
    """How objects are read from maps.

    Attributes:
        heights: pixels, of the pictures that the network is given; each tells of what is
            small in it: from `smallest` to `largest` pixels, and less and less beyond.
        smallest, largest: pixels.
        count: K, observations of a height, at most.
        of_mask: how much the mask counts in the score, the center for the rest, in [0, 1].
        sides: half a side of a box, standard deviations of its pixels: √3 of a rectangle, 2 of an
            ellipse.
        gate: probability of an object from which the background is held back.
        body: how boxes are taken from the mask; None, each from what its middle tells.
    """

    heights: tuple[int, ...] = (64,)
    smallest: float = 4.0
    largest: float = 48.0
    count: int = 24
    of_mask: float = 0.3
    sides: float = 1.9
    gate: float = 0.4
    body: BodyConfig | None = None


class DescribeFn(Protocol):
    """What boxes of a picture look like."""

    def __call__(self, picture: Array, box: Array, /) -> Array:
        """Args: a picture [H, W, 3] in [0, 1], boxes [K, 4]; gives unit vectors [K, F]."""


class MovingState(NamedTuple):
    """What is carried from frame to frame, at one height.

    Attributes:
        cues: what was there before.
        network: its memory.
    """

    cues: CueState
    network: NetworkState


def observer(
    model: Moving | None = None,
    config: ReadConfig | None = None,
    *,
    kind: int = 0,
    describe_fn: DescribeFn | None = None,
) -> Observer:
    """An observer of whatever moves; its parameters are the network's.

    Args:
        model: the network; default, that of `files.shipped`.
        config: how objects are read from its maps.
        kind: the number of what moves, among kinds that others tell.
        describe_fn: what objects are told apart by, from a picture [H, W, 3] in [0, 1] and boxes
            [K, 4] in frame heights, as `image.appearance.describe`, so that they can be told from
            what another observer sees; default, the network's own appearance.
    """
    model, config = model or Moving(), config or ReadConfig()

    def sizes(frame: Array) -> list[tuple[int, int]]:
        high, wide = frame.shape[:2]
        side = 2 * CELL
        return [(h, max(1, round(h * wide / high / side)) * side) for h in config.heights]

    def whole(config: CueConfig, size: tuple[int, int]) -> CueConfig:
        """Cues as large as the picture that the network is given, however large."""
        return dataclasses.replace(config, pixels=size[0] * size[1])

    def init(params: Any, frame: Array, /) -> tuple[MovingState, ...]:
        del params
        return tuple(
            MovingState(cues.start(*size, whole(model.cues, size)), model.no_frames(1, size))
            for size in sizes(frame)
        )

    def observe(
        params: Any,
        state: tuple[MovingState, ...],
        frame: Array,
        camera: Similarity,
        dt: Array,
        /,
    ) -> tuple[tuple[MovingState, ...], Observations]:
        after, found = [], []
        for one, size in zip(state, sizes(frame), strict=True):
            # x of the small picture, at one height, is so many times as far in the frame.
            stretch = frame.shape[1] / frame.shape[0] * size[0] / size[1]
            small = resize(unit_range(frame), *size)
            now, maps = _step(model, params, one, small, camera, dt, config)
            seen = read(maps, size[0], config)
            wide = jnp.asarray([stretch, 1.0, stretch, 1.0])
            before = camera(jnp.asarray(seen.before) * wide[:2])
            found.append(dataclasses.replace(seen, box=seen.box * wide, before=before))
            after.append(now)
        every = jax.tree.map(lambda *x: jnp.concatenate(x), *found)
        order = jnp.argsort(-jnp.where(every.valid, every.score, -1))
        every = jax.tree.map(lambda x: x[order], every)
        every = dataclasses.replace(every, kind=jnp.full_like(every.kind, kind))
        if describe_fn is not None:
            shown = jnp.where(every.valid[:, None], every.box, 0)
            every = dataclasses.replace(every, feature=describe_fn(unit_range(frame), shown))
        return tuple(after), every

    return Observer(init, observe)


def _step(
    model: Moving,
    params: Any,
    state: MovingState,
    small: Array,
    camera: Similarity,
    dt: Array,
    config: ReadConfig,
) -> tuple[MovingState, Maps]:
    """One frame more at one height: the state, and the maps [h, w, ·]."""
    seen = cues.look(state.cues, small, camera, model.cues)
    told = given(seen, model.cues)
    video = jnp.round(255 * small).astype(jnp.uint8)
    maps, network = model.step(
        params, video[None, None], jax.tree.map(lambda x: x[None, None], told), state.network
    )
    maps = jax.tree.map(lambda x: x[0, 0], maps)
    there = jax.nn.sigmoid(maps.mask)
    gate = jnp.clip((there - config.gate) / (1 - config.gate), 0, 1)
    return MovingState(learned(seen, gate, dt, model.cues), network), maps


def read(maps: Maps, height: int, config: ReadConfig) -> Observations:
    """Objects from the maps of a frame: where the middle of one is likelier than around it.

    Args:
        maps: fields [h, w, ·].
        height: pixels of the picture.
        config: how they are read.

    Returns:
        K of them, the highest score first, the feature the appearance at the middle; `before` is
        where they were in the frame before, not moved along with the camera.
    """
    h, w = maps.mask.shape
    likely = (1 - config.of_mask) * jax.nn.log_sigmoid(maps.center)
    score = jnp.exp(likely + config.of_mask * jax.nn.log_sigmoid(maps.mask))
    peak = score >= highest(score, 1)
    best, at = lax.top_k(jnp.where(peak, score, 0).reshape(-1), min(config.count, h * w))

    def there(x: Array) -> Array:
        return x.reshape(h * w, *x.shape[2:])[at]

    cells = jnp.stack([at % w, at // w], -1) + 0.5
    position = cells + there(maps.offset)
    deviation = jnp.exp(jnp.clip(there(maps.extent)[:, :2], -3, 3))
    velocity, sides = there(maps.velocity), config.sides
    if config.body is not None:
        middles = Middles(best, at, position, deviation, velocity)
        is_body, position, deviation = bodies(jax.nn.sigmoid(maps.mask), middles, config.body)
        best, sides = jnp.where(is_body, best, 0), config.body.sides
    # Of a size at which this height is not the one to ask.
    pixels = 2 * config.sides * CELL * jnp.sqrt(jnp.prod(deviation, -1))
    off = jnp.maximum(jnp.log(config.smallest / pixels), jnp.log(pixels / config.largest))
    best = best * jnp.exp(-jnp.maximum(off, 0))
    position, extent = position * CELL / height, sides * deviation * CELL / height
    return Observations(
        box=jnp.concatenate([position - extent, position + extent], -1),
        score=best,
        kind=jnp.zeros(len(best), jnp.int32),
        feature=there(maps.appearance),
        valid=best > 0,
        before=position - velocity * CELL / height,
    )


def object_config(model: Moving) -> ObjectConfig:
    """How what the network finds is followed, alone.

    The numbers were searched on composites and shell games of pictures of the training: things that
    turn at once, among others that look like them. An object begins with a box of low score, so
    that it is known where it began and how it moves by the time one is sure enough for a number.
    """
    return ObjectConfig(
        kinds=1,
        features=model.network.appearance,
        contact_told=0.58,
        high=0.31,
        least=0.052,
        spawn=0.3,
        sure=0.5,
        drift=70.0,
        jitter=0.034,
        rough=0.067,
        blur=0.0062,
        rough_sides=0.37,
        contact=1.2,
        contact_pace=5.0,
        contact_kept=0.37,
        alone=10.0,
        alone_low=6.6,
        appearance=6.7,
        unlike=1.1,
        low_unlike=0.96,
        young=3.0,
        held=0.11,
        slowing=0.31,
        active=0.62,
        again=0.55,
        again_distance=0.47,
        sides=0.86,
        areas=2.5,
        confirm=2,
        unsure=0.099,
        patience_most=2.2,
        reach=0.063,
        view_rate=0.38,
        new_view=0.9,
        spawn_contained=0.73,
        overlap=0.58,
        contained=0.75,
        weaker=0.59,
    )
