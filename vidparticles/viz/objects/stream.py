"""Frames of a clip to what is known of the objects in them: found, followed, with masks."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import jax
import numpy as np

from vidparticles import shots
from vidparticles.editing.reel import Reel
from vidparticles.image.resample import shrunk_bytes
from vidparticles.inference.crowds import is_crowded
from vidparticles.inference.masks import masked, person_network
from vidparticles.inference.objects import Followed, followed
from vidparticles.models.published import nanodet
from vidparticles.video import Picture
from vidparticles.viz.objects.between import between
from vidparticles.viz.objects.moments import (
    CONFIG,
    History,
    Known,
    ObjectMoment,
    ObjectMomentConfig,
)


def object_moments(
    params: Any,
    reel: Reel,
    *,
    masks: bool = True,
    every: int = 1,
    config: ObjectMomentConfig = CONFIG,
) -> Iterator[ObjectMoment]:
    """Objects frame by frame; uses the frames of the reel up.

    Args:
        params: of NanoDet, as `inference.objects.detector_parameters` gives them, or None.
        reel: of the clip.
        masks: those of what is in sight are told.
        every: look at each so many-th frame; in between objects are moved straight on.
        config: what is told.
    """
    # The detector is given frames as small as it wants them; the stored ones wait here until they
    # are spoken of.
    waiting: dict[int, _Waiting] = {}
    longest = nanodet.NanoDetConfig().size
    small = (
        (time, (shrunk_bytes(picture.rgb(), longest=longest), picture))
        for time, picture in reel.frames
    )
    told = shots.stream(small, shrink=lambda both: shots.thumbnail(both[0]))

    def frames() -> Iterator[tuple[int, Fraction, np.ndarray, bool]]:
        begins = False
        for index, (time, (frame, picture), cut) in enumerate(told):
            waiting[index] = _Waiting(time, picture, cut)
            begins |= cut
            if index % every == 0:
                yield index, time, frame, begins
                begins = False

    history = History(config)
    found = followed(params, frames())
    last: ObjectMoment | None = None
    for one, mask in _with_masks(found) if masks else ((one, {}) for one in _one_behind(found)):
        known = jax.device_get(_known(one))
        objects = tuple(
            dataclasses.replace(shown, mask=mask.get(shown.number))
            for shown in history.extend(float(one.time), known)
        )
        skipped = [waiting.pop(index) for index in sorted(waiting) if index < one.index]
        crowded = is_crowded(known.used)
        own = waiting.pop(one.index)
        moment = ObjectMoment(own.time, own.picture, objects, crowded)
        if last is not None:
            yield from _in_between(last, moment, skipped, own.cut)
        yield moment
        last = moment
    if last is not None:
        ends = dataclasses.replace(last, objects=())
        rest = [waiting[index] for index in sorted(waiting)]
        over = itertools.accumulate(frame.cut for frame in rest)
        for frame, cut in zip(rest, over, strict=True):
            held = ends if cut else last
            yield dataclasses.replace(held, time=frame.time, picture=frame.picture)


class _Waiting(NamedTuple):
    """A frame that nothing has been said of yet."""

    time: Fraction
    picture: Picture
    cut: bool


def _in_between(
    before: ObjectMoment, after: ObjectMoment, skipped: list[_Waiting], cut: bool
) -> Iterator[ObjectMoment]:
    """Frames that were not looked at; where a shot begins among them, objects stand still."""
    cuts = [one.cut for one in skipped]
    for k, one in enumerate(skipped):
        if any(cuts) or cut:
            objects = after.objects if any(cuts[: k + 1]) else before.objects
        else:
            share = float((one.time - before.time) / (after.time - before.time))
            objects = between(before.objects, after.objects, share)
        yield ObjectMoment(one.time, one.picture, objects, after.crowded)


def _with_masks(found: Iterable[Followed]) -> Iterator[tuple[Followed, dict[int, np.ndarray]]]:
    """The same items with masks by number, of the frames that the detector is given."""
    for one in masked(found, person=person_network()):
        yield one.known, dict(zip(one.number.tolist(), one.mask, strict=True))


def _one_behind(items: Iterable[Followed]) -> Iterator[Followed]:
    """The same items, each after the next was asked for: it is computed while this is drawn."""
    last: Followed | None = None
    for item in items:
        if last is not None:
            yield last
        last = item
    if last is not None:
        yield last


def _known(one: Followed) -> Known:
    slots, camera = one.state.slots, one.state.camera
    return Known(
        alive=one.state.particles.alive,
        used=slots.used,
        number=one.state.identity,
        kind=one.report.kind,
        box=one.report.box,
        position=slots.position,
        velocity=slots.velocity,
        unseen=slots.unseen,
        turn=camera.turn,
        shift=camera.shift,
        cut=np.asarray(one.cut),
    )
