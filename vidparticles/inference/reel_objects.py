"""The objects of a reel, for effects that follow them: where they are, and their masks.

The frames are run through once for the boxes, of which a few numbers a frame are kept; masks are
made when frames come by again, one frame after the other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import jax
import numpy as np

from vidparticles import shots
from vidparticles import weights as published
from vidparticles.editing.effects.regions import FindObjects, Objects, Seen
from vidparticles.editing.reel import Frames, Reel
from vidparticles.errors import InputError
from vidparticles.image.resample import shrunk_bytes
from vidparticles.inference.masks import masked, person_network
from vidparticles.inference.objects import (
    Followed,
    detector_parameters,
    followed,
    gathered,
    kinds_named,
)
from vidparticles.models.published import nanodet
from vidparticles.progress import counted
from vidparticles.storage import PathLike
from vidparticles.tracking.objects.step import ObjectReport
from vidparticles.video import Picture


def find_objects(which: str = "", *, weights: PathLike | None = None) -> FindObjects:
    """A function that finds objects in a reel, as `inference.objects.objects` does in a file.

    Args:
        which: a number, as `vidparticles objects` gives it; a kind, as person; "" for all.
        weights: a file of NanoDet; default, the one that `vidparticles weights get nanodet` got;
            where there is none, what moves is found.

    Raises:
        InputError: there is no such kind, or a kind is named and the weights are not there.

    Example:
        >>> find = find_objects("3")
    """
    which = which.strip()
    number = int(which) if which.isdecimal() else None
    kinds = None if not which or number is not None else kinds_named(which)
    params = detector_parameters(weights)
    if params is None and kinds not in (None, {"moving"}):
        published.load("nanodet")  # says what is missing

    def find(reel: Reel) -> Objects:
        return _found(reel, params, number, kinds)

    return find


class _Alive(NamedTuple):
    alive: np.ndarray


class _State(NamedTuple):
    """What is kept of the state of a tracker: of those that are there."""

    particles: _Alive
    identity: np.ndarray
    camera: Any


@dataclasses.dataclass(frozen=True)
class _Known:
    """A frame and what is known in it, as `masks.Known`."""

    frame: np.ndarray
    cut: bool
    state: _State
    report: ObjectReport


class ReelObjects:
    """The objects of a reel that were asked for.

    Args:
        known: of each frame, without the frame.
        chosen: identities of those that were asked for, with their numbers.
        again: frames from one on to another anew.

    Attributes:
        seen: of each frame, who is there.
        shot: [T] int, which shot each frame belongs to.
    """

    def __init__(self, known: list[_Known], chosen: dict[int, int], reel: Reel):
        self._known, self._chosen, self._again = known, chosen, reel.again
        self.shot = np.cumsum([one.cut for one in known])
        last: dict[int, int] = {}
        for index, one in enumerate(known):
            for name in one.state.identity[np.asarray(one.report.unseen) <= 0]:
                last[int(name)] = index
        self.seen = [self._seen(one, index, last) for index, one in enumerate(known)]

    def _seen(self, one: _Known, index: int, last: dict[int, int]) -> Seen:
        # Who is hidden and does not come back is gone.
        there = [int(name) for name in one.state.identity]
        own = [k for k, n in enumerate(there) if n in self._chosen and index <= last.get(n, -1)]
        number = np.array([self._chosen[int(one.state.identity[k])] for k in own], int)
        return Seen(number, np.asarray(one.report.box[own]), np.asarray(one.report.unseen[own]) > 0)

    def masks(
        self, frames: Frames, first: int
    ) -> Iterator[tuple[Fraction, Picture, dict[int, np.ndarray]]]:
        """Frames with the masks of those that are in sight, see `editing.effects.regions`."""
        begin = int(np.searchsorted(self.shot, self.shot[first]))
        assert self._again is not None
        lead = self._again(begin, first) if begin < first else iter(())
        held: list[tuple[Fraction, Picture]] = []

        def known() -> Iterator[_Known]:
            index = begin
            for run in (lead, frames):
                for time, picture in run:
                    held.append((time, picture))
                    yield dataclasses.replace(self._known[index], frame=picture.rgb())
                    index += 1

        for index, now in enumerate(masked(known(), person=person_network()), begin):
            time, picture = held.pop(0)
            if index >= first:
                told = zip(now.number, now.mask, strict=True)
                yield (
                    time,
                    picture,
                    {self._chosen[int(n)]: mask for n, mask in told if int(n) in self._chosen},
                )


def _found(
    reel: Reel, params: Any | None, number: int | None, kinds: set[str] | None
) -> ReelObjects:
    if reel.again is None:
        raise ValueError("these frames can be run through but once: nothing is found in them.")
    count, known = len(reel.times), list[_Known]()
    every = counted(reel.again(0, count), count, work="following")
    # As small as the detector wants them: shrunk once, for cuts too.
    longest = nanodet.NanoDetConfig().size
    small = ((time, shrunk_bytes(picture.rgb(), longest=longest)) for time, picture in every)
    stream = ((k, *told) for k, told in enumerate(shots.stream(small)))

    def kept() -> Iterator[Followed]:
        for one in followed(params, stream):
            known.append(_of(one))
            yield one

    found = gathered(kept())
    if number is not None and number >= len(found):
        raise InputError(
            f"{reel.name}: there is no object {number}; it has {len(found)}, from 0 on; "
            f"`vidparticles objects` tells which."
        )
    chosen = {
        one.number: k
        for k, one in enumerate(found)
        if (number is None or k == number) and (kinds is None or one.kind in kinds)
    }
    return ReelObjects(known, chosen, reel)


def _of(one: Followed) -> _Known:
    """The same without what takes room."""
    told = one.state.particles.alive, one.state.identity, one.state.camera, one.report
    alive, identity, camera, report = jax.tree.map(np.asarray, told)
    there = np.flatnonzero(alive)
    report = jax.tree.map(lambda part: part[there], report)
    state = _State(_Alive(np.ones(len(there), bool)), identity[there], camera)
    return _Known(np.zeros((0, 0, 3), np.uint8), one.cut, state, report)
