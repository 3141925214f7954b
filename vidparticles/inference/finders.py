"""What effects look for in a clip, and the networks that find it."""

from __future__ import annotations

from vidparticles.editing.effects.regions import Finders
from vidparticles.inference.faces import find_faces
from vidparticles.inference.reel_objects import find_objects


def finders() -> Finders:
    """What finds objects and faces for effects, for `editing.edit.edit`.

    Example:
        >>> from vidparticles.editing.edit import parse_edits
        >>> len(parse_edits(reframe="9:16", find=finders()))
        1
    """
    return Finders(objects=find_objects, faces=find_faces)
