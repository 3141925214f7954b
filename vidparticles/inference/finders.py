"""What effects look for in a clip, and the networks that find it."""

from __future__ import annotations

import numpy as np

from vidparticles import weights
from vidparticles.editing.effects.regions import Finders
from vidparticles.editing.effects.sound import SpeechFn
from vidparticles.inference.faces import find_faces
from vidparticles.inference.reel_objects import find_objects
from vidparticles.models.published import silero
from vidparticles.video import Sound, resample


def finders() -> Finders:
    """What finds objects, faces and speech for effects, for `editing.edit.edit`.

    Example:
        >>> from vidparticles.editing.edit import parse_edits
        >>> len(parse_edits(reframe="9:16", find=finders()))
        1
    """
    return Finders(objects=find_objects, faces=find_faces, speech=speech())


def speech() -> SpeechFn | None:
    """What tells when somebody speaks; None where the weights of Silero are not there."""
    if weights.status("silero").state != "there":
        return None
    params = silero.parameters(weights.load("silero"))

    def hear(sound: Sound) -> np.ndarray:
        same = resample(sound, rate=silero.RATE, channels=1)
        told = silero.stream(params, (block[:, 0] for block in same.blocks()))
        return np.concatenate([np.zeros(0, np.float32), *told])

    return hear
