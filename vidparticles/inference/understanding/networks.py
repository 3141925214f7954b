"""The published networks that look at a clip: those that are here, and what the others would do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from vidparticles import weights
from vidparticles.errors import InputError
from vidparticles.models.published.efficientnet import TagsFn
from vidparticles.models.published.i3d import ActionsFn

_SERVES = {"i3d": "what is done", "efficientnet-lite0": "what is in the picture"}


@dataclasses.dataclass(frozen=True)
class Networks:
    """What looks at a clip; None for what is not here.

    Attributes:
        actions: I3D, of clips of squares as `FeatureConfig` has them.
        tags: EfficientNet-lite0, of such squares.
        missing: sentences on what is not here and how to get it.
    """

    actions: ActionsFn | None = None
    tags: TagsFn | None = None
    missing: tuple[str, ...] = ()


def networks(size: int = 224) -> Networks:
    """The networks whose weights are in the user's cache; load them once for many clips.

    Args:
        size: pixels of each side of the squares that they will be given.

    Example:
        >>> found = networks()
        >>> (found.actions is None) <= (len(found.missing) > 0)
        True
    """
    from vidparticles.models.published import efficientnet, i3d

    makers: dict[str, Callable[[Any], Any]] = {
        "i3d": lambda t: i3d.actions(i3d.parameters(t), i3d.I3DConfig(size=size, share=1)),
        "efficientnet-lite0": lambda t: efficientnet.tags(
            efficientnet.parameters(t), efficientnet.EfficientNetConfig(size=size, share=1)
        ),
    }
    found: dict[str, Any] = {}
    absent, sentences = [], []
    for name, make in makers.items():
        if weights.status(name).state == "not there":
            absent.append(name)
            continue
        try:
            found[name] = make(weights.load(name))
        except InputError as error:  # damaged: the rest can be told nevertheless
            sentences.append(str(error))
    if absent:
        served = " and ".join(_SERVES[name] for name in absent)
        sentences.append(
            f"{served} is not told; `vidparticles weights get {' '.join(absent)}` gets what tells "
            "it."
        )
    return Networks(found.get("i3d"), found.get("efficientnet-lite0"), tuple(sentences))
