"""What is told of a clip: the report, and its JSON.

The JSON is one object; numbers are plain, times in seconds from the first frame.

======================= ==========================================================================
format, version         "vidparticles report", 1: a reader of 1 reads any later 1, in which keys
                        may have been added
path, seconds, frames,  of the file; width and height in pixels, as it is shown
width, height
shots                   [{begins, start, end, first, last}]: begins is "", "cut", "dissolve", "fade"
actions                 [{label, start, end, confidence, likeliest}]: side by side within a shot;
                        label is "unsure" where nothing is likely enough; likeliest is
                        [[label, probability]]
tags                    the same, of what is in a picture, where that is sure
movements               [{words, start, end, kind, numbers}]: who moves where
camera, picture, sound  [{label, start, end, confidence, likeliest}]: what is measured
sounds                  the same, of kinds of sound, empty without --sounds: several at a time;
                        confidence is YAMNet's mean score, no probability; where none is sure
                        label is "unsure", likeliest as of actions
novelty                 {times, values}: how unlike all before a moment is, in [0, 1]
trained                 null, or what the model of --checkpoint says: {classes, timeline, …}
warnings                [sentence]: what is wrong with the file, and what was not here
======================= ==========================================================================
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import TYPE_CHECKING, Any

from vidparticles.errors import InputError
from vidparticles.inference.cuts import Shot
from vidparticles.inference.timeline import Event
from vidparticles.inference.understanding.movers import Movement
from vidparticles.inference.understanding.told import Told

if TYPE_CHECKING:
    from vidparticles.inference.understanding.trained import Classified

FORMAT, VERSION = "vidparticles report", 1


@dataclasses.dataclass(frozen=True)
class Curve:
    """A number over time.

    Attributes:
        times: seconds.
        values: at these.
    """

    times: tuple[float, ...] = ()
    values: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True)
class Report:
    """What is told of a clip.

    Attributes:
        path: the clip.
        seconds: how long it plays.
        frames: how many it has.
        width, height: pixels.
        shots: in order, at least one.
        actions: what is done and when, shot by shot; empty without that network.
        tags: what is in the picture, where that is sure.
        movements: who moves where, in the order in which they begin.
        camera: what the camera does.
        picture: when it is black, white, of one color, frozen or still.
        sound: speech, other sound, silence; empty without a sound track.
        sounds: which kinds of sound, several at a time; empty without YAMNet's file.
        novelty: how unlike all that came before each moment is, in [0, 1].
        trained: what the model of a training run says, where one was given.
        warnings: sentences on what is wrong with the file, and on what is not here.
    """

    path: pathlib.Path
    seconds: float
    frames: int
    width: int
    height: int
    shots: tuple[Shot, ...]
    actions: tuple[Told, ...] = ()
    tags: tuple[Told, ...] = ()
    movements: tuple[Movement, ...] = ()
    camera: tuple[Told, ...] = ()
    picture: tuple[Told, ...] = ()
    sound: tuple[Told, ...] = ()
    sounds: tuple[Told, ...] = ()
    novelty: Curve = Curve()
    trained: Classified | None = None
    warnings: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The report as JSON; see the module's own words for its keys."""
        data = {"format": FORMAT, "version": VERSION, **dataclasses.asdict(self)}
        return json.dumps(data, default=str, indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Report:
        """A report that `to_json` wrote, of this version or of one with more keys.

        Raises:
            InputError: it is not one.

        Example:
            >>> told = Report(pathlib.Path("a.mp4"), 2.0, 50, 64, 48, (Shot("", 0.0, 2.0, 0, 49),))
            >>> Report.from_json(told.to_json()) == told
            True
        """
        try:
            data = json.loads(text)
            if data["format"] != FORMAT or data["version"] != VERSION:
                raise InputError(
                    f"this is {data['format']!r} of version {data['version']}; expected "
                    f"{FORMAT!r} of version {VERSION}, as `understand --json` writes it."
                )
            known = {field.name for field in dataclasses.fields(cls)}
            kept: dict[str, Any] = {key: data[key] for key in known if key in data}
            return cls(**(kept | _restored(kept)))
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"this is no report ({type(error).__name__}: {error}); expected what "
                "`understand --json` writes."
            ) from error


def _restored(data: dict[str, Any]) -> dict[str, Any]:
    """Objects of JSON as what they were."""

    def told(rows: list[dict[str, Any]]) -> tuple[Told, ...]:
        return tuple(
            Told(**row | {"likeliest": tuple((name, p) for name, p in row["likeliest"])})
            for row in rows
        )

    trained = data["trained"]
    if trained is not None:
        # What classifies imports jax, which a report without it need not wait for.
        from vidparticles.inference.understanding.trained import Classified

        events = tuple(Event(**event) for event in trained["timeline"])
        path, warnings = pathlib.Path(trained["path"]), tuple(trained["warnings"])
        trained = Classified(**trained | {"timeline": events, "path": path, "warnings": warnings})
    return {
        "path": pathlib.Path(data["path"]),
        "shots": tuple(Shot(**shot) for shot in data["shots"]),
        "movements": tuple(
            Movement(**m | {"numbers": tuple(m["numbers"])}) for m in data["movements"]
        ),
        "novelty": Curve(tuple(data["novelty"]["times"]), tuple(data["novelty"]["values"])),
        "trained": trained,
        "warnings": tuple(data["warnings"]),
        **{name: told(data[name]) for name in ("actions", "tags", "camera", "picture", "sound")},
        # Reports that were written before there was this key do not have it.
        "sounds": told(data.get("sounds", [])),
    }
