"""A timeline as a reel, and written: one pass over its files, each open while it is shown."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import numpy as np

from vidparticles.editing import reel as reels
from vidparticles.editing.base import Edit, chain
from vidparticles.editing.compose.copy import copied
from vidparticles.editing.compose.transition import transition
from vidparticles.editing.reel import Frames, Reel, Written
from vidparticles.editing.splicing.mixes import mix_of
from vidparticles.editing.splicing.sequence import sequence
from vidparticles.editing.timing.clock import Ticks
from vidparticles.editing.timing.retime import retime
from vidparticles.editing.trim import keep, part_of
from vidparticles.errors import InputError
from vidparticles.storage import PathLike
from vidparticles.video import Encoding, Subtitles, Video
from vidparticles.video.timelines import Clip, Effect, Gap, Item, Timeline, Transition

Effects = Callable[[Effect], Edit]


def no_effects(effect: Effect) -> Edit:
    """For timelines without effects.

    Raises:
        InputError: there is one.
    """
    raise InputError(f"the timeline has the effect {effect.name}, which is not known here.")


@contextlib.contextmanager
def opened(timeline: Timeline, *, effects: Effects = no_effects) -> Iterator[Reel]:
    """A timeline as a reel, for as long as the `with` block lasts.

    Frames are those that `editing.trim` keeps; captions are a track of subtitles. The first
    clip's size is that of all.

    Args:
        timeline: what is shown.
        effects: gives the edit that an effect of a clip is.

    Raises:
        InputError: nothing is shown, a file cannot be read, or it does not hold what is shown.

    Example:
        >>> import os, tempfile
        >>> from vidparticles.editing.compose import keep
        >>> from vidparticles.video import write_video
        >>> from vidparticles.video.timelines import concatenate
        >>> clip = os.path.join(tempfile.mkdtemp(), "clip.mp4")
        >>> write_video(clip, np.zeros((10, 32, 48, 3), np.uint8), rate=10)
        >>> part = keep(clip, [(0, 0.2), (0.5, 0.8)])
        >>> with opened(concatenate(part, part)) as reel:
        ...     len(reel.times), str(reel.duration)
        (10, '1')
    """
    with _opened(timeline, effects) as (_, whole):
        yield whole


@contextlib.contextmanager
def _opened(timeline: Timeline, effects: Effects) -> Iterator[tuple[dict[str, Reel], Reel]]:
    """The files of a timeline as reels, and the whole."""
    if not timeline.clips:
        raise InputError("the timeline shows no clip; give it one.")
    with contextlib.ExitStack() as stack:
        files: dict[str, Reel] = {}
        for clip in timeline.clips:
            if clip.source not in files:
                files[clip.source] = stack.enter_context(reels.opened(clip.source))
                files[clip.source].sources[0].rest()
        parts = [_reel(part, files, effects) for part in _parts(timeline.items)]
        first = next(part for part in parts if isinstance(part, Reel))
        whole = sequence([p if isinstance(p, Reel) else _black(p, first) for p in parts])
        if timeline.captions:
            tracks = (*whole.extras.subtitles, Subtitles(timeline.captions))
            whole = whole.replace(extras=dataclasses.replace(whole.extras, subtitles=tracks))
        yield files, whole


def render(
    timeline: Timeline,
    out: PathLike,
    *edits: Edit,
    effects: Effects = no_effects,
    overwrite: bool = False,
    encoding: Encoding | None = None,
) -> Written:
    """Write what a timeline shows, in one pass.

    Where it only cuts and joins files that are stored alike, and no encoding is asked for, what
    lies between the cuts is copied as it is stored; see `copied`.

    Args:
        timeline: what is shown.
        out: what to write.
        *edits: of the whole, in the order in which they are applied.
        effects: gives the edit that an effect of a clip is.
        overwrite: replace an existing file.
        encoding: how pictures are encoded; default, as those of the first clip were.

    Raises:
        InputError: as `opened`, or the file cannot be written.
    """
    for clip in timeline.clips:
        reels.check_paths(clip.source, out, overwrite)
    with _opened(timeline, effects) as (files, reel):
        cuts = [i for i in timeline.items if isinstance(i, Clip) and _only_cut(i)]
        if not edits and encoding in (None, Encoding()) and len(cuts) == len(timeline.items):
            parts = [(files[c.source], part_of(files[c.source], c.start, c.end)) for c in cuts]
            done = copied(reel, parts, out, overwrite=overwrite)
            if done is not None:
                return done
        return reels.write(chain(*edits)(reel), out, overwrite=overwrite, encoding=encoding)


def _only_cut(clip: Clip) -> bool:
    """Whether its pictures are as they are stored."""
    return clip.speed == 1 and all(effect.name == "gain" for effect in clip.effects)


# What follows one another: clips of one file, speed and effects; two clips over each other; black.
_Part = list[Clip] | tuple[Clip, Clip, str] | Gap


def _parts(items: Sequence[Item]) -> list[_Part]:
    parts: list[_Part] = []
    for before, item, after in zip([None, *items], items, [*items[1:], None], strict=False):
        if isinstance(item, Gap):
            parts.append(item)
        elif isinstance(item, Transition):
            assert isinstance(before, Clip)
            assert isinstance(after, Clip)
            tail = before.part(before.seconds - item.before, before.seconds + item.after)
            parts.append((tail, after.part(-item.before, item.after), item.kind))
        else:
            begin = before.after if isinstance(before, Transition) else Fraction(0)
            stop = item.seconds - (after.before if isinstance(after, Transition) else 0)
            if begin < stop:
                shown = item.part(begin, stop)
                last = parts[-1] if parts else None
                if isinstance(last, list) and _alike(last[-1], shown):
                    last.append(shown)
                else:
                    parts.append([shown])
    return parts


def _alike(one: Clip, other: Clip) -> bool:
    """Whether two clips are parts of one run of a file."""
    same = (one.source, one.effects) == (other.source, other.effects)
    return same and one.speed == other.speed == 1


def _reel(part: _Part, files: dict[str, Reel], effects: Effects) -> Reel | Gap:
    if isinstance(part, Gap):
        return part
    if isinstance(part, list):
        return _shown(part, files, effects)
    tail, head, kind = part
    mix = mix_of("fade" if kind == "dissolve" else kind)
    both = [_shown([clip], files, effects) for clip in (tail, head)]
    for clip, reel in zip((tail, head), both, strict=True):
        if abs(reel.duration - clip.seconds) > Fraction(1, 10):
            raise InputError(
                f"{clip.source}: the {kind} shows it from {float(clip.start):g} s to "
                f"{float(clip.end):g} s, which it does not hold; shorten the {kind}."
            )
    one, other = both
    return transition(one, other, mix)


def _shown(clips: Sequence[Clip], files: dict[str, Reel], effects: Effects) -> Reel:
    """A run of clips as a reel; their file is closed behind it."""
    first = clips[0]
    source = files[first.source]
    (video,) = source.sources
    steps: list[Edit] = [keep(*((clip.start, clip.end) for clip in clips))]
    if first.speed != 1:
        steps.append(retime(first.speed))
    steps += [effects(effect) for effect in first.effects]
    return chain(*steps)(source).with_frames(lambda frames, _: _closing(frames, video))


def _closing(frames: Frames, video: Video) -> Frames:
    yield from frames
    video.rest()


def _black(gap: Gap, like: Reel) -> Reel:
    """Black and silence in the size of a reel, on its clock."""
    count = 1 if like.rate is None else max(1, round(gap.seconds * like.rate))
    duration = gap.seconds if like.rate is None else count / like.rate
    times = [Fraction(0)] if like.rate is None else Ticks(range(count), like.rate)

    def again(first: int, last: int) -> Frames:
        black = like.picture(np.zeros((like.height, like.width, 3), np.uint8))
        return zip(times[first:last], itertools.repeat(black), strict=False)

    return Reel(
        frames=again(0, count),
        times=times,
        duration=duration,
        rate=like.rate,
        height=like.height,
        width=like.width,
        rotation=like.rotation,
        pixel_aspect=like.pixel_aspect,
        color=like.color,
        source=like.source,
        again=again,
    )
