"""`vidparticles edit`: options to a chain of edits, and a clip through it in one pass."""

from __future__ import annotations

import dataclasses
import difflib
import pathlib
from collections.abc import Callable, Sequence
from typing import TypedDict, Unpack

from vidparticles.editing import base, compose, reel
from vidparticles.editing.captions.options import captioned
from vidparticles.editing.effects.blur import (
    Cover,
    blur,
    boxes_of,
    faces_of,
    objects_of,
    read_boxes,
)
from vidparticles.editing.effects.cube import read_cube
from vidparticles.editing.effects.fps import fps, parse_rate
from vidparticles.editing.effects.overlay import PLACE, overlay, parse_place
from vidparticles.editing.effects.recolor import parse_colors, recolor
from vidparticles.editing.effects.reframe import parse_shape, reframe
from vidparticles.editing.effects.regions import Finders, FindObjects
from vidparticles.editing.effects.size import crop, parse_crop, parse_size, resize
from vidparticles.editing.effects.sound import lay_under, mute
from vidparticles.editing.effects.trails import trails
from vidparticles.editing.steady.stabilize import stabilize
from vidparticles.editing.timing.in_between import Network
from vidparticles.editing.timing.retime import retime
from vidparticles.editing.trim import Span, keep, parse_span, trim
from vidparticles.errors import InputError
from vidparticles.storage import PathLike
from vidparticles.video import Encoding, copy_with_sound, cut
from vidparticles.video.timelines import is_timeline

BY_LEVEL = (
    "the sound was lowered where the clip is loud; `vidparticles weights get silero` gets what "
    "tells where somebody speaks."
)


class EditOptions(TypedDict, total=False):
    """What may be asked of `edit`; what is left out or None is not done.

    Attributes:
        trim: START:END in seconds or frames, see `editing.trim.parse_span`.
        parts: (start, end) of the parts to keep, instead of `trim`, see `editing.trim.keep`; those
            in which something happens are `inference.highlights.highlights(path).spans`.
        stabilize: take out the shake of the camera; the clip is read twice.
        stabilize_crop, fill: of stabilizing, see `editing.stabilize.stabilize`.
        reframe: W:H, a window of this shape that follows an object or what moves.
        crop: X,Y,W,H in pixels or shares, see `editing.effects.size.parse_crop`.
        resize: the height, or WxH, see `editing.effects.size.parse_size`.
        speed: 0.5 is half speed, 2 double, −1 backwards; or a curve, see
            `editing.timing.curve.parse_curve`.
        network: whose motion slow motion shows, see `editing.retime.retime`.
        recolor: KEY=VALUE,… of hue, saturation, brightness, contrast, exposure, a preset by name,
            or a .cube file.
        object: a number or a kind: what alone `recolor` changes, and what `reframe` follows.
        blur, mosaic: what is not to be seen, separated by commas: faces, a kind, the number of an
            object, a .csv file of boxes, see `editing.effects.blur`.
        check: of faces: tell when one may have been missed.
        trails: what leaves a trail behind: a kind, the number of an object, or all.
        over: a video that is shown in a part of the picture,
        at: X,Y,W: which part, see `editing.effects.overlay.parse_place`.
        mute: no sound.
        sound: a file whose sound is laid under that of the clip, see `editing.effects.sound`.
        fps: frames a second, see `editing.effects.fps.parse_rate`.
        subtitles, burn, shift, font: of subtitles, see `editing.captions.options.captioned`.
        find: what finds objects, as `inference.finders.finders` makes it.
    """

    trim: str | None
    parts: Sequence[Span] | None
    stabilize: bool
    stabilize_crop: float | None
    fill: bool
    reframe: str | None
    crop: str | None
    resize: str | None
    speed: float | str | None
    network: Network | None
    recolor: str | None
    object: str | None
    blur: str | None
    mosaic: str | None
    check: bool
    trails: str | None
    over: str | None
    at: str | None
    mute: bool
    sound: str | None
    fps: str | None
    subtitles: PathLike | None
    burn: PathLike | None
    shift: float | None
    font: PathLike | None
    find: Finders | None


def _trim(given: EditOptions) -> base.Edit | None:
    span, parts = given.get("trim"), given.get("parts")
    if span is not None and parts is not None:
        raise InputError("trim and parts exclude each other; give one of them.")
    if parts is not None:
        return keep(*parts)
    return None if span is None else trim(*parse_span(span))


def _stabilize(given: EditOptions) -> base.Edit | None:
    least, fill = given.get("stabilize_crop"), given.get("fill", False)
    if given.get("stabilize"):
        return stabilize(crop=least, fill=fill)
    if least is not None or fill:
        name = "--fill" if least is None else "--stabilize-crop"
        raise InputError(f"{name} is of stabilizing; give --stabilize too.")
    return None


def _reframe(given: EditOptions) -> base.Edit | None:
    shape = given.get("reframe")
    return None if shape is None else reframe(parse_shape(shape), _objects(given, "--reframe"))


def _crop(given: EditOptions) -> base.Edit | None:
    part = given.get("crop")
    return None if part is None else crop(parse_crop(part))


def _resize(given: EditOptions) -> base.Edit | None:
    size = given.get("resize")
    return None if size is None else resize(*parse_size(size))


def _speed(given: EditOptions) -> base.Edit | None:
    speed, network = given.get("speed"), given.get("network")
    if speed is not None:
        return retime(speed, network=network)
    if network is not None:
        raise InputError("a network's motion is shown in slow motion alone; give --speed too.")
    return None


def _recolor(given: EditOptions) -> base.Edit | None:
    told = given.get("recolor")
    if told is None:
        return None
    look = read_cube(told) if told.lower().endswith(".cube") else parse_colors(told)
    alone = given.get("object") is not None
    return recolor(look, _objects(given, "--recolor") if alone else None)


def _fps(given: EditOptions) -> base.Edit | None:
    rate = given.get("fps")
    return None if rate is None else fps(parse_rate(rate))


def _blur(given: EditOptions) -> base.Edit | None:
    wanted = given.get("blur"), given.get("mosaic")
    if given.get("check") and not any("faces" in (told or "") for told in wanted):
        raise InputError("--check is of faces; give --blur faces or --mosaic faces too.")
    edits = [
        blur(_cover(given, what.strip()), mosaic=k == 1)
        for k, told in enumerate(wanted)
        if told is not None
        for what in told.split(",")
    ]
    return base.chain(*edits) if edits else None


def _trails(given: EditOptions) -> base.Edit | None:
    what = given.get("trails")
    if what is None:
        return None
    return trails(_finders(given, "--trails").objects("" if what == "all" else what))


def _over(given: EditOptions) -> base.Edit | None:
    path, place = given.get("over"), given.get("at")
    if path is not None:
        return overlay(path, parse_place(place or PLACE))
    if place is not None:
        raise InputError("--at says where --over is shown; give that too.")
    return None


def _sound(given: EditOptions) -> base.Edit | None:
    path, edits = given.get("sound"), list[base.Edit]()
    if given.get("mute"):
        edits.append(mute())
    if path is not None:
        find = given.get("find")
        edits.append(lay_under(path, speech=None if find is None else find.speech))
    return base.chain(*edits) if edits else None


def _cover(given: EditOptions, what: str) -> Cover:
    if what.lower().endswith(".csv"):
        return boxes_of(read_boxes(what))
    if what in ("faces", "face"):
        return faces_of(_finders(given, "--blur faces").faces(given.get("check", False)))
    if difflib.get_close_matches(what.lower(), ["faces"], cutoff=0.75):
        raise InputError(f"there is nothing called '{what}' to blur. Did you mean 'faces'?")
    if not what:
        raise InputError("blur what? Give faces, a kind as person, a number or a .csv of boxes.")
    return objects_of(_finders(given, "--blur").objects(what))


def _objects(given: EditOptions, use: str) -> FindObjects:
    """What finds the object that is named, or all of them."""
    return _finders(given, use).objects(given.get("object") or "")


def _finders(given: EditOptions, use: str) -> Finders:
    find = given.get("find")
    if find is None:
        raise InputError(f"{use} looks for things; give find=inference.finders.finders() too.")
    return find


# In the order in which they are applied.
STEPS: tuple[Callable[[EditOptions], base.Edit | None], ...] = (
    _trim,
    _stabilize,
    _trails,
    _blur,
    _reframe,
    _crop,
    _resize,
    _over,
    _speed,
    _recolor,
    _fps,
    _sound,
)


_FOLLOWING = (_trails, _blur, _recolor, _reframe)  # objects


def parse_edits(**options: Unpack[EditOptions]) -> list[base.Edit]:
    """The edits that options ask for, in the order of `STEPS`; subtitles go with them.

    Args:
        **options: see `EditOptions`.

    Raises:
        InputError: an option that is not understood, or one without that which it is of.

    Example:
        >>> len(parse_edits(trim="1:3", recolor="gray"))
        2
    """
    if options.get("object") is not None and not any(
        options.get(name) is not None for name in ("reframe", "recolor")
    ):
        raise InputError("--object is of --recolor and --reframe; give one of these too.")
    named = [options.get("object"), *(options.get("blur") or "").split(",")]
    named += [options.get("trails"), *(options.get("mosaic") or "").split(",")]
    steps = list(STEPS)
    if any((name or "").strip().isdecimal() for name in named):
        # Numbers are those of the whole clip: who has one is found before anything is cut off.
        steps.sort(key=lambda step: step not in _FOLLOWING)
    elif options.get("object") is not None:
        # Frames that are made in between would have to be looked at, too.
        steps.sort(key=lambda step: step in (_speed, _fps))
    edits = [edit for edit in (step(options) for step in steps) if edit is not None]
    return captioned(
        edits,
        subtitles=options.get("subtitles"),
        burn=options.get("burn"),
        shift=options.get("shift"),
        font=options.get("font"),
    )


def edit(
    path: PathLike,
    out: PathLike,
    *,
    overwrite: bool = False,
    encoding: Encoding | None = None,
    **options: Unpack[EditOptions],
) -> reel.Written:
    """Write an edited clip.

    Args:
        path: a video file; or a timeline, which is rendered.
        out: what to write.
        overwrite: replace an existing file.
        encoding: how pictures are encoded; default, as they were. What is only cut is copied as
            it is stored, but for the frames at the cuts, where none is asked for.
        **options: what is done, see `EditOptions`.

    Returns:
        What was written.

    Raises:
        InputError: nothing to do, an option that is not understood, or a file that cannot be
            read or written.
    """
    edits = parse_edits(**options)
    asked = {name for name, value in options.items() if value}
    if is_timeline(path) or (asked and asked <= {"trim", "parts"}):
        # What is only cut is a timeline, of which no more is encoded than the cuts touch.
        rest = options.copy()
        span, parts = rest.pop("trim", None), rest.pop("parts", None)
        return compose.render(
            compose.part_of(path, trim=span, parts=parts),
            out,
            *parse_edits(**rest),
            effects=compose.effect,
            overwrite=overwrite,
            encoding=encoding,
        )
    if not edits:
        raise InputError(
            "edit has nothing to do; give --trim, --speed, --recolor or another of what "
            "`vidparticles edit --help` tells."
        )
    done = None
    if encoding in (None, Encoding()) and not options.keys() - {"mute", "sound", "find"}:
        done = _with_sound(path, out, base.chain(*edits), overwrite)
    done = done or base.apply(path, out, *edits, overwrite=overwrite, encoding=encoding)
    find = options.get("find")
    if options.get("sound") and not options.get("mute") and not (find and find.speech):
        return dataclasses.replace(done, warnings=(*done.warnings, BY_LEVEL))
    return done


def _with_sound(
    path: PathLike, out: PathLike, change: base.Edit, overwrite: bool
) -> reel.Written | None:
    """A clip with another sound, its picture copied as it is; None where it cannot be."""
    reel.check_paths(path, out, overwrite)
    with reel.opened(path) as own:
        new = change(own)
        audio = new.audio and cut(new.audio, 0, new.duration)
        if not copy_with_sound(path, out, audio, extras=new.extras, overwrite=overwrite):
            return None
        return reel.Written(
            pathlib.Path(out),
            len(own.times),
            float(own.duration),
            own.width,
            own.height,
            sound=audio is not None,
            warnings=own.warnings,
        )
