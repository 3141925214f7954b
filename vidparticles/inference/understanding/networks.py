"""The published networks that look at a clip: those that are here, and what the others would do."""

from __future__ import annotations

import csv
import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from vidparticles import weights
from vidparticles.errors import InputError, reason
from vidparticles.inference.understanding.sound import HearFn, SoundKinds
from vidparticles.models.published import efficientnet, i3d, nanodet, silero, yamnet

# What each serves, as a sentence names it.
SERVES = {
    "i3d": "what is done",
    "efficientnet-lite0": "what is in the picture",
    "silero": "when someone speaks",
    "nanodet": "which persons, animals and things move",
}
# The file beside YAMNet's weights that says what its scores are called, and its columns.
CLASS_MAP, COLUMNS = "yamnet_class_map.csv", ["index", "mid", "display_name"]
OF_FEATURES = ("i3d", "efficientnet-lite0")


@dataclasses.dataclass(frozen=True)
class Networks:
    """What looks at a clip; None for what is not here.

    Attributes:
        actions: I3D, of clips of squares as `FeatureConfig` has them.
        tags: EfficientNet-lite0, of such squares.
        hear: Silero, of blocks of sound.
        detector: parameters of NanoDet.
        missing: sentences on what is not here and how to get it.
    """

    actions: i3d.ActionsFn | None = None
    tags: efficientnet.TagsFn | None = None
    hear: HearFn | None = None
    detector: Any | None = None
    missing: tuple[str, ...] = ()


def networks(size: int = 224, *, names: Sequence[str] = OF_FEATURES) -> Networks:
    """The networks whose weights are in the user's cache; load them once for many clips.

    Args:
        size: pixels of each side of the squares that those of pictures will be given.
        names: which, of `SERVES`; default, those that `clip_features` asks.

    Example:
        >>> found = networks()
        >>> (found.actions is None) <= (len(found.missing) > 0)
        True
    """
    found: dict[str, Any] = {}
    absent, sentences = [], []
    for name in names:
        if weights.status(name).state == "not there":
            absent.append(name)
            continue
        try:
            found[name] = _MAKERS[name](weights.load(name), size)
        except InputError as error:  # damaged: the rest can be told nevertheless
            sentences.append(str(error))
    if absent:
        *first, last = (SERVES[name] for name in absent)
        served = f"{', '.join(first)} and {last}" if first else last
        command = f"vidparticles weights get {' '.join(absent)}"
        sentences.append(f"it is not told {served}; `{command}` gets what tells it.")
    return Networks(
        actions=found.get("i3d"),
        tags=found.get("efficientnet-lite0"),
        hear=found.get("silero"),
        detector=found.get("nanodet"),
        missing=tuple(sentences),
    )


def sound_kinds(path: str | os.PathLike[str]) -> SoundKinds:
    """YAMNet, whose weights no registry has: by the path of its published file.

    Args:
        path: `yamnet.h5`, beside which lies `yamnet_class_map.csv`. The SavedModel and the other
            forms in which YAMNet is published are not read.

    Raises:
        InputError: either is not there, or is another file.
        MissingExtraError: h5py, which reads such files, is not installed.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; expected the file yamnet.h5, no SavedModel.")
    tensors = weights.read_file(path, "keras")
    try:
        params = yamnet.parameters(tensors)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return SoundKinds(functools.partial(yamnet.stream, params), _class_names(path))


def _class_names(path: pathlib.Path) -> tuple[str, ...]:
    """What the scores are called, of the file beside the weights."""
    beside = path.with_name(CLASS_MAP)
    try:
        with beside.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        names = tuple(name for _, _, name in rows)
        if header != COLUMNS or [row[0] for row in rows] != [*map(str, range(yamnet.CLASSES))]:
            raise ValueError(f"it is not {','.join(COLUMNS)} of 0 to {yamnet.CLASSES - 1}")
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(
            f"{beside} cannot be read ({reason(error)}); it says what YAMNet's scores are called, "
            "and is published with it: research/audioset/yamnet in github.com/tensorflow/models."
        ) from error
    return names


def _actions(tensors: Any, size: int) -> i3d.ActionsFn:
    return i3d.actions(i3d.parameters(tensors), i3d.I3DConfig(size=size, share=1))


def _tags(tensors: Any, size: int) -> efficientnet.TagsFn:
    config = efficientnet.EfficientNetConfig(size=size, share=1)
    return efficientnet.tags(efficientnet.parameters(tensors), config)


_MAKERS: dict[str, Callable[[Any, int], Any]] = {
    "i3d": _actions,
    "efficientnet-lite0": _tags,
    "silero": lambda tensors, _: functools.partial(silero.stream, silero.parameters(tensors)),
    "nanodet": lambda tensors, _: nanodet.parameters(tensors),
}
