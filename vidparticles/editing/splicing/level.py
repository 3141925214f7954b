"""Sound made louder or quieter as a whole; clips made as loud as each other."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from vidparticles.editing.base import Edit
from vidparticles.editing.reel import Reel
from vidparticles.errors import InputError
from vidparticles.video.sound.loudness import Loudness, amplified


@dataclasses.dataclass(frozen=True)
class LevelConfig:
    """When clips are brought to the loudness of the first.

    Attributes:
        apart: LU; clips that differ by less are left as they are: EBU R128 allows as much.
        quiet: LUFS; of a clip that is no louder nothing but noise may be heard: it is left as it
            is, and no other is brought to it.
        peak: decibels, of which 0 is full scale, that no true peak may be raised above.
    """

    apart: float = 1.0
    quiet: float = -50.0
    peak: float = -1.0


def as_the_first(
    found: Sequence[Loudness | None], config: LevelConfig | None = None
) -> list[tuple[float, float]]:
    """What brings sounds to the loudness of the first of them that is heard.

    Args:
        found: what was measured of each; None where there is no sound.
        config: when.

    Returns:
        Of each, by what its samples are multiplied, and how many LU are missing nevertheless
        because of its peaks.

    Example:
        >>> factors = as_the_first([Loudness(-20.0, -3.0), None, Loudness(-26.0, -12.0)])
        >>> [(round(factor, 2), missing) for factor, missing in factors]
        [(1.0, 0.0), (1.0, 0.0), (2.0, 0.0)]
    """
    config = config or LevelConfig()
    heard = [one.integrated for one in found if one and one.integrated > config.quiet]
    factors = []
    for one in found:
        more = heard[0] - one.integrated if one and one.integrated > config.quiet else 0.0
        if one is None or abs(more) < config.apart:
            factors.append((1.0, 0.0))
            continue
        room = min(more, max(0.0, config.peak - one.peak)) if more > 0 else more
        factors.append((10 ** (room / 20), more - room))
    return factors


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
