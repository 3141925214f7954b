"""Masks of a clip as files: a PNG a frame, whose pixels are numbers of objects."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator

import numpy as np

from vidparticles.errors import InputError
from vidparticles.inference.objects import Objects
from vidparticles.inference.run_lengths import pixels
from vidparticles.storage import PathLike, atomic_write, write_errors


@contextlib.contextmanager
def mask_folder(path: PathLike) -> Iterator[pathlib.Path]:
    """A new or empty folder, in which nothing is left when the `with` block fails.

    Args:
        path: the folder; it is made where it is not there.

    Raises:
        InputError: it is a file, holds files already, or cannot be made.

    Example:
        >>> import tempfile
        >>> with mask_folder(pathlib.Path(tempfile.mkdtemp()) / "masks") as folder:
        ...     folder.is_dir()
        True
    """
    folder = pathlib.Path(path)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; give a folder for the masks.")
    made = not folder.exists()
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InputError(
                f"{folder} holds files already, and masks are written over none; give a new folder "
                "or an empty one."
            )
    try:
        yield folder
    except BaseException:
        with contextlib.suppress(OSError):
            for file in folder.iterdir():  # it was empty before
                file.unlink()
            if made:
                folder.rmdir()
        raise


def write_masks(found: Objects, folder: pathlib.Path, *, every: int = 1) -> None:
    """Write a PNG for each frame that was looked at, NNNNNN.png by its index.

    A pixel is 0 where no object is and else the number of the object that it is most of, plus 1.
    A picture has a palette (PASCAL VOC's) as long as no value in it is above 255, else 16 bits a
    pixel; `numpy.asarray(PIL.Image.open(file))` gives the values in both cases.

    Args:
        found: objects with masks.
        folder: as of `mask_folder`.
        every: each so many-th frame was looked at.

    Raises:
        InputError: they cannot be written.
    """
    from PIL import Image

    frames: dict[int, list[tuple[int, int]]] = {}
    for k, one in enumerate(found.objects):
        for j, frame in enumerate(one.frames):
            frames.setdefault(frame, []).append((k, j))
    for frame in range(0, found.frames, every):
        labels = np.zeros((found.height, found.width), np.uint16)
        for k, j in frames.get(frame, []):
            mask = (found.objects[k].masks or ())[j]
            if mask is not None:
                labels[pixels(mask)] = found.objects[k].number + 1
        path = folder / f"{frame:06d}.png"
        with atomic_write(path, overwrite=False) as partial, write_errors(path):
            if labels.max() > 255:
                Image.fromarray(labels).save(partial)
                continue
            picture = Image.fromarray(labels.astype(np.uint8), "P")
            picture.putpalette(_palette().tobytes())
            picture.save(partial)


def _palette() -> np.ndarray:
    """[256, 3] uint8: of each color three bits of the value in turn, the lowest first."""
    value = np.arange(256)[:, None]
    color = np.zeros((256, 3), int)
    for bit in range(8):
        color |= (value >> np.arange(3) & 1) << (7 - bit)
        value = value >> 3
    return color.astype(np.uint8)
