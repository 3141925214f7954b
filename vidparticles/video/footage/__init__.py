"""Two short real clips that come with the package, to try things on without a file of one's own.

======= ============================================================================
chaplin 5 s, 328 × 240, 25 frames/s, gray, no sound: one shot in which a man leaps in
        from the right, jostles a policeman and walks up to the camera; a silent film
nasa    6.5 s, 480 × 270, 29.97 frames/s, color, with sound: three shots of people at
        work on a telescope's mirror, joined by a dissolve and a cut; NASA footage
======= ============================================================================

Both are taken to be in the public domain; where they come from, and how they were cut out, is in
SOURCES beside this file.
"""

from __future__ import annotations

import pathlib

from vidparticles.errors import InputError, nearest

NAMES = ("chaplin", "nasa")


def path(name: str) -> pathlib.Path:
    """The file of one of the clips.

    Args:
        name: one of NAMES.

    Returns:
        The path of an mp4 within the installed package; not to be written to.

    Raises:
        InputError: there is no such clip.

    Example:
        >>> path("chaplin").name
        'chaplin.mp4'
    """
    if name not in NAMES:
        raise InputError(
            f"no clip '{name}' comes with the package, only {', '.join(NAMES)}."
            f"{nearest(name, NAMES)}"
        )
    return pathlib.Path(__file__).with_name(f"{name}.mp4")
