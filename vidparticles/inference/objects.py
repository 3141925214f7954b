"""`vidparticles objects`: the persons, animals and things of a clip, each with one number.

Boxes are NanoDet's, and where it sees nothing those of what moves, by the network of
`models.moving`, which comes with the package; without NanoDet's weights, the latter alone. A person
of whom NanoDet is unsure begins where the other sees something too. They are followed by
`tracking.objects`. What is there in the first frames is known from the first on, by a pass
backwards over them.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vidparticles import shots
from vidparticles import weights as published
from vidparticles.errors import InputError, nearest
from vidparticles.image.appearance import describe
from vidparticles.image.resample import shrunk_bytes
from vidparticles.inference.crowds import is_crowded, told_of_crowds
from vidparticles.inference.masks import WITHOUT_PERSONS, masked, person_network, run_lengths
from vidparticles.inference.run_lengths import RunLengths
from vidparticles.models.moving import files
from vidparticles.models.moving import observe as moving
from vidparticles.models.moving.bodies import BodyConfig
from vidparticles.models.moving.observe import ReadConfig
from vidparticles.models.published import nanodet
from vidparticles.models.published.selfie import PersonFn
from vidparticles.progress import counted
from vidparticles.tracking.base import Tracker
from vidparticles.tracking.objects.config import ObjectConfig
from vidparticles.tracking.objects.observers import (
    DetectFn,
    FusionConfig,
    Observer,
    stateless,
    together,
)
from vidparticles.tracking.objects.seed import seeded
from vidparticles.tracking.objects.state import ObjectState
from vidparticles.tracking.objects.step import ObjectReport, confusion
from vidparticles.tracking.objects.tracker import object_tracker
from vidparticles.video import open_video

KINDS = (*nanodet.KINDS, "moving")  # what a number of `ObjectReport.kind` means
MOVING = KINDS.index("moving")
WITHOUT = (
    "objects are found by their motion alone; `vidparticles weights get nanodet` gets what finds "
    "persons, animals and things that rest, and says what they are."
)
# Of persons the detector is often unsure where a camera on a wall films them; what stands does
# not begin so.
FUSION = FusionConfig(supported=(KINDS.index("person"),))
FIRST = 4  # frames of the pass backwards: those that a number takes, and one more
_SHORT = {"ball": "sports ball", "phone": "cell phone", "plant": "potted plant"}


@dataclasses.dataclass(frozen=True)
class FoundObject:
    """An object of a clip.

    Attributes:
        number: from 0, in the order of appearance.
        kind: what it is.
        start, end: seconds, of the frames in which it is there first and last.
        frames: indices of the frames in which it is there, rising.
        times: seconds of these frames.
        boxes: left, top, right, bottom in frame heights, one a frame of `frames`.
        hidden: whether it was out of sight, and the box is where it was expected.
        score: of the box it was last observed in, in [0, 1].
        masks: which pixels are its, one a frame of `frames`, None where it was hidden; None where
            they were not asked for.
    """

    number: int
    kind: str
    start: float
    end: float
    frames: tuple[int, ...]
    times: tuple[float, ...]
    boxes: tuple[tuple[float, ...], ...]
    hidden: tuple[bool, ...]
    score: tuple[float, ...]
    masks: tuple[RunLengths | None, ...] | None = None


@dataclasses.dataclass(frozen=True)
class Objects:
    """What `objects` found.

    Attributes:
        path: the clip.
        seconds: how long it plays.
        frames: how many it has.
        width, height: pixels.
        objects: in the order of appearance.
        warnings: sentences on what is wrong with the file.
    """

    path: pathlib.Path
    seconds: float
    frames: int
    width: int
    height: int
    objects: tuple[FoundObject, ...]
    warnings: tuple[str, ...]


def objects(
    path: str | os.PathLike[str],
    *,
    kinds: Sequence[str] | None = None,
    every: int = 1,
    weights: str | os.PathLike[str] | None = None,
    masks: bool = False,
) -> Objects:
    """The persons, animals and things of a clip, each followed with one number.

    Args:
        path: a video file.
        kinds: names of `KINDS`, or ball; default, all. With each go those that NanoDet
            takes for it: with a dog a cat, with a ball a frisbee.
        every: look at each so many-th frame.
        weights: a file of NanoDet; default, the one that `vidparticles weights get nanodet` got.
        masks: tell which pixels are whose, too; those of persons are sharper with the network that
            `vidparticles weights get selfie` gets.

    Raises:
        InputError: there is no such kind, the weights that are named or, for a kind of NanoDet's,
            any are not there, or the clip cannot be read.
    """
    wanted = None if kinds is None else {kind for name in kinds for kind in kinds_named(name)}
    with open_video(path) as video:
        params = detector_parameters(weights)
        if params is None and wanted not in (None, {KINDS[MOVING]}):
            published.load("nanodet")  # says what is missing
        # As small as the detector wants them: shrunk once, for cuts too.
        longest = nanodet.NanoDetConfig().size
        whole: dict[int, np.ndarray] = {}
        every_frame = _kept(video.every(), whole) if masks else video.every()
        small = ((time, shrunk_bytes(frame, longest=longest)) for time, frame in every_frame)
        shown = counted(small, len(video), work="following")
        stream = enumerate(shots.stream(shown))
        chosen = ((k, *item) for k, item in each(stream, every))
        crowds: list[float] = []
        told = _watched(followed(params, chosen), crowds)
        pixels: dict[tuple[int, int], RunLengths] | None = {} if masks else None
        network = person_network() if masks else None
        if pixels is not None:
            told = _with_masks(told, whole, network, pixels)
        found = gathered(told, pixels)
        kept = [one for one in found if wanted is None or one.kind in wanted]
        numbered = [dataclasses.replace(one, number=k) for k, one in enumerate(kept)]
        height, width = video.info.height, video.info.width
        rough = masks and network is None and any(one.kind == "person" for one in kept)
        return Objects(
            video.path,
            video.info.duration,
            len(video),
            width,
            height,
            tuple(numbered),
            (
                *video.warnings,
                *([f"{path}: {WITHOUT}"] if params is None else []),
                *told_of_crowds(video.path, crowds, nanodet.object_config().count),
                *((WITHOUT_PERSONS,) if rough else ()),
            ),
        )


def detector_parameters(weights: str | os.PathLike[str] | None = None) -> Any | None:
    """The parameters of NanoDet; None where no file is given and none was got.

    Args:
        weights: a file of it; default, the one that `vidparticles weights get nanodet` got.

    Raises:
        InputError: the file is not there, or is another's.
    """
    if weights is None and published.status("nanodet").state != "there":
        return None
    return nanodet.parameters(published.load("nanodet", weights))


def object_config(**changes: Any) -> ObjectConfig:
    """How what NanoDet finds and what moves are followed.

    Args:
        changes: fields of `ObjectConfig`.
    """
    told: dict[str, Any] = {
        "kinds": len(KINDS),
        "classless": (MOVING,),
        # Parts of the ground flare up and are gone: what moves has to go on, and to go somewhere.
        "confirm_classless": 15,
        "classless_moved": 1.0,
    }
    return nanodet.object_config(**(told | changes))


def moving_config() -> ObjectConfig:
    """How what moves is followed where no detector tells what it is."""
    # Who stays where they are has no other to tell of them.
    return object_config(classless_moved=0.0, confirm_classless=10)


def kinds_named(name: str) -> set[str]:
    """The kinds that are meant by a name, with those that the detector takes for them."""
    kind = _SHORT.get(name.strip(), name.strip())
    if kind not in KINDS:
        raise InputError(f"there is no class '{kind}'.{nearest(kind, [*KINDS, *_SHORT])}")
    alike = confusion(object_config())[KINDS.index(kind)]
    return {KINDS[k] for k in np.flatnonzero(alike)}


def each(
    stream: Iterable[tuple[int, tuple[Any, Any, bool]]], every: int
) -> Iterator[tuple[int, tuple[float, np.ndarray, bool]]]:
    """Each so many-th frame; a cut in a frame that is left out is the next one's."""
    cut = False
    for k, (time, frame, begins) in stream:
        cut |= bool(begins)
        if k % every == 0:
            yield k, (float(time), frame, cut)
            cut = False


@dataclasses.dataclass(frozen=True)
class Followed:
    """A frame and what is known in it.

    Attributes:
        index: of the frame.
        time: seconds.
        frame: [H, W, 3] uint8.
        cut: it begins another shot.
        state: of the tracker.
        report: what the tracker says of it.
    """

    index: int
    time: Any
    frame: np.ndarray
    cut: bool
    state: ObjectState
    report: ObjectReport


def followed(
    params: Any, frames: Iterable[tuple[int, Any, np.ndarray, bool]]
) -> Iterator[Followed]:
    """Objects frame by frame, those of the first frames known from the first on.

    Args:
        params: of NanoDet; None, to find what moves alone.
        frames: (index, seconds, [H, W, 3] uint8, whether it begins another shot).
    """
    tracker, config = _compiled(None if params is None else nanodet.observe)
    params = files.shipped() if params is None else (params, files.shipped())
    frames = iter(frames)
    first = list(itertools.islice(frames, FIRST))
    if not first:
        return
    shot = next((k for k, (_, _, _, cut) in enumerate(first) if cut and k), len(first))
    pictures = [jnp.asarray(frame) for _, _, frame, _ in first[:shot]]
    times = [float(time) for _, time, _, _ in first[:shot]]
    # Of fewer frames the last stands still, so that in a picture things are found too.
    more = FIRST - len(pictures)
    pictures, times = pictures + pictures[-1:] * more, times + times[-1:] * more
    state: ObjectState = seeded(tracker, params, pictures, times, config)
    for index, time, frame, cut in itertools.chain(first, frames):
        seconds, begins = jnp.float32(time), jnp.asarray(cut)
        picture = jnp.asarray(frame)
        state, report = tracker.step_fn(params, state, picture, seconds, cut=begins)
        yield Followed(index, time, frame, cut, state, report)


def moving_observer() -> Observer:
    """Whole bodies of what moves, told apart by what tells apart what NanoDet finds."""
    return moving.observer(config=ReadConfig(body=BodyConfig()), kind=MOVING, describe_fn=describe)


@functools.cache
def _compiled(observe: Callable[[], DetectFn] | None) -> tuple[Tracker, ObjectConfig]:
    """The tracker and its numbers: the same for all clips, so that it is traced once a size.

    Args:
        observe: makes what finds boxes, beside what moves; None, to find what moves alone.
    """
    if observe is not None:
        config = object_config()
        tracker = object_tracker(together(stateless(observe()), moving_observer(), FUSION), config)
    else:
        config = moving_config()
        tracker = object_tracker(moving_observer(), config)
    return tracker._replace(step_fn=jax.jit(tracker.step_fn)), config


def _watched(told: Iterator[Followed], crowds: list[float]) -> Iterator[Followed]:
    """The same; seconds at which there may be more objects than are followed are noted."""
    for one in told:
        if is_crowded(np.asarray(one.state.slots.used)):
            crowds.append(float(one.time))
        yield one


def _kept(
    frames: Iterable[tuple[Any, np.ndarray]], whole: dict[int, np.ndarray]
) -> Iterator[tuple[Any, np.ndarray]]:
    """The same; each is kept by its index."""
    for k, (time, frame) in enumerate(frames):
        whole[k] = frame
        yield time, frame


def _with_masks(
    told: Iterator[Followed],
    whole: dict[int, np.ndarray],
    network: PersonFn | None,
    pixels: dict[tuple[int, int], RunLengths],
) -> Iterator[Followed]:
    """The same; the pixels of each object in each frame are noted, by frame and identity."""

    def large() -> Iterator[Followed]:
        for one in told:
            frame = whole[one.index]
            for k in [k for k in whole if k <= one.index]:
                del whole[k]
            yield dataclasses.replace(one, frame=frame)

    for now in masked(large(), person=network):
        pixels.update({(now.known.index, k): mask for k, mask in run_lengths(now).items()})
        yield now.known


class _Row(NamedTuple):
    """An object in a frame."""

    frame: int
    time: float
    box: tuple[float, ...]
    hidden: bool
    score: float
    kind: str


def gathered(
    told: Iterator[Followed], pixels: dict[tuple[int, int], RunLengths] | None = None
) -> list[FoundObject]:
    """Frame by frame to object by object.

    Args:
        told: of `followed`.
        pixels: masks by frame and identity, where there are.
    """
    rows: dict[int, list[_Row]] = {}
    for one in told:
        alive, number, report = jax.tree.map(
            np.asarray, (one.state.particles.alive, one.state.identity, one.report)
        )
        for k in np.flatnonzero(alive):
            row = _Row(
                one.index,
                float(one.time),
                tuple(round(float(x), 4) for x in report.box[k]),
                bool(report.unseen[k] > 0),
                round(float(report.score[k]), 3),
                KINDS[report.kind[k]],
            )
            rows.setdefault(int(number[k]), []).append(row)
    found: list[FoundObject] = []
    for name, seen in rows.items():
        while seen[-1].hidden:  # gone, not hidden: it did not come back
            seen.pop()
        found.append(
            FoundObject(
                name,
                seen[-1].kind,
                seen[0].time,
                seen[-1].time,
                tuple(row.frame for row in seen),
                tuple(row.time for row in seen),
                tuple(row.box for row in seen),
                tuple(row.hidden for row in seen),
                tuple(row.score for row in seen),
                None if pixels is None else tuple(pixels.get((row.frame, name)) for row in seen),
            )
        )
    return sorted(found, key=lambda one: (one.frames[0], one.number))
