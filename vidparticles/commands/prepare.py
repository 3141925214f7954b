"""Small copies of a folder of clips, once, for training."""

from __future__ import annotations

import os

from tqdm import tqdm

from vidparticles.data.prepare import Prepared
from vidparticles.data.prepare import prepare as make_copies
from vidparticles.errors import InputError


def prepare(
    directory: str | os.PathLike[str], out: str | os.PathLike[str], *, size: int = 128
) -> Prepared:
    """Write a small copy of every clip, with a progress bar where stderr is a terminal.

    Args:
        directory: DIR/class/clip.mp4, or DIR/{train,val,test}/class/clip.mp4.
        out: the folder of the copies, laid out alike; copies that it holds already are kept.
        size: their shorter side, pixels; nothing is enlarged.

    Raises:
        InputError: a wrong layout, no clip that can be read, a bad size, or the disk is full.
    """
    if size < 16:
        raise InputError(f"--size {size} is too small; give at least 16 pixels.")
    with tqdm(unit="clip", desc="prepare", disable=None, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return make_copies(directory, out, size=size, progress=progress)
