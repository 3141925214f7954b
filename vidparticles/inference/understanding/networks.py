"""The published networks that look at a clip: those that are here, and what the others would do."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

from vidparticles import weights
from vidparticles.errors import InputError
from vidparticles.inference.understanding.sound import HearFn
from vidparticles.models.published import efficientnet, i3d, nanodet, silero

# What each serves, as a sentence names it.
SERVES = {
    "i3d": "what is done",
    "efficientnet-lite0": "what is in the picture",
    "silero": "when someone speaks",
    "nanodet": "which persons, animals and things move",
}
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
