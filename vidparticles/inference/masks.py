"""Whose the pixels of a clip are: soft masks of the objects that are followed in it.

    frames = ((k, time, frame, False) for k, (time, frame) in enumerate(zip(times, pictures)))
    for now in masked(followed(params, frames), person=person_network()):
        now.number, now.mask

One frame after the other; what is kept between them is a small mask for each object.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles import weights
from vidparticles.flow.camera import Similarity
from vidparticles.image.crops import read
from vidparticles.image.resample import unit_range
from vidparticles.inference.run_lengths import RunLengths, of_labels
from vidparticles.models.published import nanodet, selfie
from vidparticles.tracking.objects.masks import MaskConfig, nearness, object_masks, squares

WITHOUT_PERSONS = (
    "the masks of persons are told by their colors alone; `vidparticles weights get selfie` gets "
    "the network that makes them sharper."
)
_PERSON = nanodet.KINDS.index("person")


class Known(Protocol):
    """A frame and what is known in it, as `inference.objects.followed` gives it."""

    @property
    def frame(self) -> np.ndarray:
        """[H, W, 3] uint8."""

    @property
    def cut(self) -> bool:
        """It begins another shot."""

    @property
    def state(self) -> Any:
        """Of a tracker of `tracking.objects`."""

    @property
    def report(self) -> Any:
        """What the tracker says of it."""


@dataclasses.dataclass(frozen=True)
class Masked:
    """A frame and whose its pixels are.

    Attributes:
        known: the frame and what is known in it.
        slot: [K] int, of the tracker, of the objects that are in sight.
        number: [K] int, theirs.
        mask: [K, H, W] float32 in [0, 1], at each pixel at most 1 together.
    """

    known: Any
    slot: np.ndarray
    number: np.ndarray
    mask: np.ndarray


def person_network() -> selfie.PersonFn | None:
    """The network that tells where a person is; None where its weights are not there.

    Example:
        >>> network = person_network()
    """
    if weights.status("selfie").state != "there":
        return None
    return selfie.person_mask(selfie.parameters(weights.load("selfie")))


def masked(
    known: Iterable[Known],
    *,
    person: selfie.PersonFn | None = None,
    config: MaskConfig | None = None,
) -> Iterator[Masked]:
    """Soft masks frame by frame, of the objects in sight; who is hidden has none.

    Args:
        known: as `inference.objects.followed` gives it.
        person: as `person_network` gives it; default, persons are told by their colors.
        config: how masks are found; default `MaskConfig()`.
    """
    config = config or MaskConfig()
    before: dict[int, Array] = {}
    past: collections.deque[tuple[Array, Similarity]] = collections.deque(maxlen=config.apart)
    for now in known:
        told = now.state.particles.alive, now.state.identity, now.report
        alive, identity, report = jax.tree.map(np.asarray, told)
        slot = np.flatnonzero(alive & (report.unseen <= 0))
        number, box, frame = identity[slot], report.box[slot], jnp.asarray(now.frame)
        if now.cut:
            past.clear()
        ways = [now.state.camera, *(camera for _, camera in reversed(past))][: len(past)]
        ground = past[0][0] if past else frame
        past.append((frame, now.state.camera))
        if len(slot) == 0:
            before = {}
            yield Masked(now, slot, number, np.zeros((0, *frame.shape[:2]), np.float32))
            continue
        # Filled up to a power of two, so that few programs serve all counts.
        count = 1 << (len(slot) - 1).bit_length()
        box = jnp.asarray(np.pad(box, [(0, count - len(slot)), (0, 0)]))
        kind = jnp.asarray(np.pad(report.kind[slot], (0, count - len(slot))))
        nothing = jnp.full((config.size, config.size), 0.5, jnp.float32)
        last = [before.get(int(k), nothing) for k in number] + [nothing] * (count - len(slot))
        persons = None
        if person is not None:
            persons = _persons(person, frame, box, report.kind[slot] == _PERSON, config)
        mask, own = object_masks(
            frame,
            box,
            jnp.arange(count) < len(slot),
            config,
            person=persons,
            before=jnp.stack(last),
            front=nearness(box, kind, config),
            ground=(ground, moved_back(box, ways)),
        )
        before = {int(k): own[j] for j, k in enumerate(number)}
        yield Masked(now, slot, number, np.asarray(mask)[: len(slot)])


def moved_back(box: Array, ways: list[Similarity]) -> Array:
    """Where boxes [N, 4] lay in an earlier picture, by how it moved since, the last first."""
    corners = np.asarray(box).reshape(-1, 2)
    for way in ways:
        (c, s), shift = np.asarray(way.turn), np.asarray(way.shift)
        corners = (corners - shift) @ np.array([[c, -s], [s, c]]) / max(c * c + s * s, 1e-9)
    return jnp.asarray(corners.reshape(-1, 4), jnp.float32)


def _persons(
    person: selfie.PersonFn, frame: Array, box: Array, which: np.ndarray, config: MaskConfig
) -> Array:
    """What the network says of each square [N, P, P]; 0.5, which says nothing, where no person is.

    Args:
        person: the network.
        frame: [H, W, 3].
        box: [N, 4].
        which: [K] bool, of the first ones, which are persons.
        config: how large the squares are.
    """
    nothing = jnp.full(selfie.SIZE, 0.5, jnp.float32)
    told = [nothing] * len(box)
    for k in np.flatnonzero(which):
        told[k] = person(_square(frame, box[k], config))
    return jnp.stack(told)


@functools.partial(jax.jit, static_argnames="config")
def _square(frame: Array, box: Array, config: MaskConfig) -> Array:
    return read(unit_range(frame), squares(box[None], config), selfie.SIZE[0])[0]


def labels(mask: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Whose each pixel is most: an image of numbers + 1, 0 for no one's.

    Args:
        mask: [K, H, W] in [0, 1], at each pixel at most 1 together.
        number: [K] int, from 0.

    Returns:
        [H, W] int.

    Example:
        >>> labels(np.array([[[0.3, 0.1]], [[0.5, 0.2]]]), np.array([7, 4])).tolist()
        [[5, 0]]
    """
    rest = 1 - np.sum(mask, 0, keepdims=True)
    most = np.argmax(np.concatenate([rest, mask]), 0)
    return np.concatenate([[0], number + 1])[most]


def run_lengths(now: Masked) -> dict[int, RunLengths]:
    """The pixels that are most of each number; one that has none is absent."""
    told = of_labels(labels(now.mask, now.number))
    return {label - 1: mask for label, mask in told.items()}
