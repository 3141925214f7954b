"""OpenTimelineIO's timelines to ours."""

from __future__ import annotations

import itertools
import os
import pathlib
import re
import urllib.parse
import urllib.request
from fractions import Fraction
from typing import Any

from vidparticles.errors import InputError
from vidparticles.video.extras import Span
from vidparticles.video.read import probe
from vidparticles.video.timelines.data import Clip, Effect, Gap, Item, Timeline, Transition
from vidparticles.video.timelines.writing import DISSOLVE, OWN
from vidparticles.video.write import exact_rate

EDL_RATE = "* FRAMES A SECOND: "  # a comment: an EDL itself tells no rate


def timeline_of(otio: Any, content: Any, path: pathlib.Path) -> Timeline:
    """The first track of pictures of what an adapter has read.

    Raises:
        InputError: it shows nothing, or what a timeline here cannot hold.
    """
    if isinstance(content, otio.schema.SerializableCollection):
        content = next(iter(content.find_children(descended_from_type=otio.schema.Timeline)), None)
    tracks = [] if not isinstance(content, otio.schema.Timeline) else content.video_tracks()
    if not tracks or not len(tracks[0]):
        raise InputError(f"{path} shows nothing; expected a timeline with a track of pictures.")
    if path.suffix.lower() == ".edl":
        _relink(otio, tracks[0], path)
    items = tuple(_item(otio, child, path) for child in tracks[0])
    own = content.metadata.get(OWN, {})
    captions = tuple(
        Span(Fraction(cue["start"]), Fraction(cue["end"]), str(cue["text"]))
        for cue in own.get("captions", ())
    )
    timed = [child for child in tracks[0] if isinstance(child, otio.schema.Clip)]
    rates = (
        exact_rate(child.source_range.start_time.rate) for child in timed if child.source_range
    )
    rate = Fraction(own["rate"]) if "rate" in own else next(rates, None)
    return Timeline(items, rate, captions)


def edl_options(path: pathlib.Path) -> dict[str, Any]:
    """The rate that an EDL is counted in: of a comment of ours, or of the first file it names.

    Raises:
        InputError: neither is there.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    if told := re.search(rf"^{re.escape(EDL_RATE)}(\d+(?:/\d+)?)\s*$", text, re.MULTILINE):
        return {"rate": float(Fraction(told[1]))}
    for url in re.findall(r"^\* FROM (?:CLIP|FILE): *(.+?)\s*$", text, re.MULTILINE):
        if pathlib.Path(source := _found(url, path)).exists():
            return {"rate": float(probe(source).rate)}
    raise InputError(
        f"{path} tells no frames a second, and none of the files that it names is there; put them "
        f"beside it, or add a line such as '{EDL_RATE}25'."
    )


def _relink(otio: Any, track: Any, path: pathlib.Path) -> None:
    """Give clips behind a dissolve their own file: the adapter gives them that of the one before.

    Raises:
        InputError: the EDL names no such file.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    urls = re.findall(r"^\* TO (?:CLIP|FILE): *(.+?)\s*$", text, re.MULTILINE)
    behind = [
        after
        for before, after in itertools.pairwise(track)
        if isinstance(before, otio.schema.Transition)
    ]
    if len(urls) != len(behind):
        raise InputError(
            f"{path} has {len(behind)} dissolves and {len(urls)} lines '* TO CLIP: FILE'; give "
            "each one, or write an .otio or .xml instead."
        )
    for clip, url in zip(behind, urls, strict=True):
        clip.media_reference = otio.schema.ExternalReference(target_url=url)


def _seconds(time: Any) -> Fraction:
    return Fraction(time.value).limit_denominator(1_000_000) / exact_or_whole(time.rate)


def exact_or_whole(rate: float) -> Fraction:
    """A rate of time stamps: of frames, see `exact_rate`, or of parts of a second.

    Example:
        >>> exact_or_whole(23.976024), exact_or_whole(90000.0)
        (Fraction(24000, 1001), Fraction(90000, 1))
    """
    return exact_rate(rate) if rate <= 1000 else Fraction(rate)


def _item(otio: Any, child: Any, path: pathlib.Path) -> Item:
    """An item of OpenTimelineIO's as one of ours."""
    if isinstance(child, otio.schema.Transition):
        plain = child.transition_type == DISSOLVE or not child.name
        kind = "dissolve" if plain else child.name
        return Transition(_seconds(child.in_offset), _seconds(child.out_offset), kind)
    if isinstance(child, otio.schema.Gap):
        return Gap(_seconds(child.duration()))
    if not isinstance(child, otio.schema.Clip):
        raise InputError(
            f"{path} holds a {type(child).__name__.lower()} within a track; flatten it first, so "
            "that its track of pictures holds clips, gaps and transitions alone."
        )
    media = child.media_reference
    if not isinstance(media, otio.schema.ExternalReference) or not media.target_url:
        raise InputError(
            f"{path}: clip {child.name!r} names no file; link it to one in the program that wrote "
            "it."
        )
    used = child.source_range or media.available_range
    if used is None:
        raise InputError(f"{path}: clip {child.name!r} tells no in and out; give it both.")
    # Times of the file's own clock, such as one of 01:00:00:00 at its first frame.
    available = media.available_range
    start = _seconds(used.start_time) - (_seconds(available.start_time) if available else 0)
    speed = Fraction(1)
    effects = []
    for effect in child.effects:
        own = effect.metadata.get(OWN)
        if isinstance(effect, otio.schema.LinearTimeWarp):
            told = Fraction(child.metadata.get(OWN, {}).get("speed", 0))
            scalar = Fraction(effect.time_scalar).limit_denominator(10_000)
            # Others may have changed it since.
            speed *= told if told and abs(float(told) - effect.time_scalar) < 1e-9 else scalar
        elif own is not None:
            effects.append(Effect(effect.effect_name, str(own["value"])))
    end = start + _seconds(used.duration) * abs(speed)
    return Clip(_found(media.target_url, path), start, end, speed, tuple(effects))


def _found(url: str, path: pathlib.Path) -> str:
    """The file that a timeline names; where it has gone, the one of that name beside it."""
    parts = urllib.parse.urlparse(url)
    named = url
    if parts.scheme == "file":
        named = urllib.request.url2pathname(parts.path)
    elif parts.scheme and len(parts.scheme) > 1:
        raise InputError(f"{path} names {url}, which is no file of this machine; fetch it first.")
    source = path.parent / named  # which is `named` itself where it begins at the root
    beside = path.parent / source.name
    return os.fspath(beside if not source.exists() and beside.exists() else source)
