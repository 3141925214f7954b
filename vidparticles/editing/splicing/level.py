"""Sound made louder or quieter as a whole."""

from __future__ import annotations

import math

from vidparticles.editing.base import Edit
from vidparticles.editing.reel import Reel
from vidparticles.errors import InputError
from vidparticles.video.sound.loudness import amplified


def amplify(told: str) -> Edit:
    """An edit that multiplies the samples of the sound.

    Args:
        told: by how much, a number above 0.

    Raises:
        InputError: it is none.

    Example:
        >>> reel = Reel(frames=iter(()), times=[0], duration=1, rate=1, height=2, width=2)
        >>> amplify("0.5")(reel) is reel
        True
    """
    try:
        factor = float(told)
    except ValueError:
        factor = math.nan
    if not 0 < factor < math.inf:
        raise InputError(f"the gain {told!r} is not understood; give a number above 0, as 0.5.")

    def edit(reel: Reel) -> Reel:
        if reel.audio is None:
            return reel
        return reel.replace(audio=amplified(reel.audio, factor))

    return edit
