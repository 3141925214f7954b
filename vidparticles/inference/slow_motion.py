"""What slow motion shows: the motion and the pictures of a network that others have trained."""

from __future__ import annotations

from vidparticles import weights
from vidparticles.editing.timing.in_between import Network
from vidparticles.models.published.rife import RifeConfig, between, parameters
from vidparticles.storage import PathLike


def rife(path: PathLike | None = None, *, pictures: bool = False) -> Network:
    """RIFE, for `editing.retime.retime`.

    Args:
        path: its weights; default, those that `vidparticles weights get rife` has fetched.
        pictures: its refined pictures too, not its motion alone: five times the time.

    Raises:
        InputError: there are none, or they are another network's.
    """
    params = parameters(weights.load("rife", path))
    motion = between(params, RifeConfig(refine=False))
    return Network(motion, between(params) if pictures else None)
