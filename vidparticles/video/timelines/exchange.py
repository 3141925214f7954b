"""Timelines of editing programs, read and written by OpenTimelineIO (extra `timeline`)."""

from __future__ import annotations

import contextlib
import io
import logging
import pathlib
import warnings
from collections.abc import Iterator
from typing import Any

from vidparticles.errors import InputError, reason, require
from vidparticles.storage import PathLike, write_text
from vidparticles.video.files import check_output
from vidparticles.video.timelines.data import Timeline
from vidparticles.video.timelines.reading import EDL_RATE, edl_options, timeline_of
from vidparticles.video.timelines.writing import content, plain

# How a file's name ends, and OpenTimelineIO's name of what reads and writes it.
ADAPTERS = {".otio": "otio_json", ".edl": "cmx_3600", ".xml": "fcp_xml", ".fcpxml": "fcpx_xml"}


def is_timeline(path: PathLike) -> bool:
    """Whether a file is a timeline by its name."""
    return pathlib.Path(path).suffix.lower() in ADAPTERS


def read_timeline(path: PathLike) -> Timeline:
    """The timeline of a file of an editing program: its first track of pictures.

    A file that it names and that has gone is looked for beside it.

    Args:
        path: an .otio, .edl (CMX 3600) or .xml (Final Cut Pro 7).

    Raises:
        InputError: it cannot be read, or shows what a timeline here cannot hold.
    """
    path = pathlib.Path(path)
    otio = _otio(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the path of a timeline.")
    if path.suffix.lower() == ".fcpxml":  # its adapter takes whole numbers of float products
        raise InputError(
            f"{path}: times of an .fcpxml cannot be read to the frame; export it as .otio or .xml."
        )
    options = edl_options(path) if path.suffix.lower() == ".edl" else {}
    with _told(path, "is not a timeline that can be read"):
        read = otio.adapters.read_from_file(str(path), adapter_name=_adapter(path), **options)
    return timeline_of(otio, read, path)


def write_timeline(
    timeline: Timeline, path: PathLike, *, overwrite: bool = False
) -> tuple[str, ...]:
    """Write a timeline for editing programs, all of it or nothing.

    Args:
        timeline: the timeline.
        path: an .otio, which holds all of it, .edl (CMX 3600), .xml (Final Cut Pro 7) or .fcpxml.
        overwrite: replace an existing file.

    Returns:
        Sentences on what this kind of file cannot hold; at most one.

    Raises:
        InputError: the file cannot be written, or not with what the timeline holds.

    Example:
        >>> import os, tempfile
        >>> from fractions import Fraction
        >>> from vidparticles.video.timelines import Clip
        >>> cut = Timeline((Clip("/a.mp4", Fraction(1), Fraction(2)),), Fraction(25))
        >>> path = os.path.join(tempfile.mkdtemp(), "cut.otio")
        >>> write_timeline(cut, path), read_timeline(path) == cut
        ((), True)
    """
    path = check_output(path, overwrite, suffixes=tuple(ADAPTERS))
    otio, kind = _otio(path), path.suffix.lower()
    lost: list[str] = []
    if kind != ".otio":
        timeline = plain(timeline, kind, lost)
    whole = content(otio, timeline, path.stem, tracks=1 if kind == ".edl" else 2)
    options = {"rate": float(timeline.rate)} if kind == ".edl" and timeline.rate else {}
    with _told(path, "could not be written"):
        text = otio.adapters.write_to_string(whole, adapter_name=_adapter(path), **options)
    if kind == ".edl":
        text = f"{text.rstrip()}\n{EDL_RATE}{timeline.rate}\n"
    write_text(path, text, overwrite=overwrite)
    return (f"{path} cannot hold {', '.join(lost)}; left out.",) if lost else ()


def _otio(path: pathlib.Path) -> Any:
    otio = require("opentimelineio", extra="timeline")
    if _adapter(path) not in otio.adapters.available_adapter_names():
        raise InputError(
            f"{path}: what reads and writes {path.suffix} is not installed; it comes with "
            "pip install 'vidparticles[timeline]'."
        )
    return otio


def _adapter(path: pathlib.Path) -> str:
    return ADAPTERS[path.suffix.lower()]


@contextlib.contextmanager
def _told(path: pathlib.Path, failed: str) -> Iterator[None]:
    """What goes wrong in an adapter as a sentence, and what it logs and warns not on the terminal.

    Adapters raise whatever comes up in them.
    """
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        told = " ".join(reason(error).split())[:200]
        raise InputError(f"{path} {failed} ({told}); an .otio holds all of a timeline.") from error
    finally:
        logging.disable(before)
