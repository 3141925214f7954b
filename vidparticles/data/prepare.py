"""Prepare once: small copies of a folder of clips, at the size that a model reads."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from vidparticles.data.folder import Clip, scan
from vidparticles.errors import InputError
from vidparticles.progress import counted
from vidparticles.storage import write_text

VERSION = 1


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What became of a folder.

    Attributes:
        out: where the copies are, laid out like the source.
        made, kept: how many were written now, and were there already.
        skipped: corrupt clips: path → what is wrong.
    """

    out: pathlib.Path
    made: int
    kept: int
    skipped: Mapping[str, str]


def prepare(
    directory: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] = 128,
    crf: float = 13,
    workers: int = 2,
) -> Prepared:
    """Write a small copy of every clip of a folder, and beside each a `.json` of facts.

    The copies (`video.proxy`) read an order of magnitude faster than the usual source, keep
    true times, rotation, color tags and sound (16 kHz), and are laid out as the source is,
    so that `folder.scan` and everything after it take `out` for the folder. The facts hold
    the source's SHA-256, so a copy is made again only when its source or the settings have
    changed; a stopped call goes on where it was.

    Args:
        directory: laid out as `folder.scan` says.
        out: where to write; made when absent; not inside `directory`.
        size: the shorter side in pixels (never enlarged), or (height, width) for all.
        crf: quality, 0 lossless … 51 worst.
        workers: clips at a time.

    Returns:
        counts, and the corrupt clips by name: those are passed over.

    Raises:
        InputError: the folder is laid out otherwise, `out` lies inside it, no clip can be
            read, or the disk is full.
    """
    root, target = pathlib.Path(directory), pathlib.Path(out)
    dataset = scan(root)
    if root.resolve() in (target.resolve(), *target.resolve().parents):
        raise InputError(f"{target} lies inside {root}; give another folder for the copies.")
    clips = [clip for split in dataset.splits.values() for clip in split]
    settings = {"version": VERSION, "size": size, "crf": crf}
    names = _names(root, clips)
    skipped: dict[str, str] = {}
    made = 0
    with ThreadPoolExecutor(workers) as pool:
        jobs = [
            pool.submit(_prepare_one, clip.path, target / names[clip.path], settings)
            for clip in clips
        ]
        try:
            pairs = zip(clips, jobs, strict=True)
            for clip, job in counted(pairs, len(clips), work="preparing"):
                try:
                    made += job.result()
                except _Unreadable as error:
                    skipped[str(clip.path)] = str(error)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if len(skipped) == len(clips):
        name, reason = next(iter(skipped.items()))
        raise InputError(f"none of the {len(clips)} clips can be read; {name}: {reason}")
    return Prepared(target, made, len(clips) - made - len(skipped), skipped)


class _Unreadable(Exception):  # noqa: N818
    """A source that cannot be read, as opposed to a copy that cannot be written."""


def _prepare_one(source: pathlib.Path, out: pathlib.Path, settings: Mapping[str, Any]) -> bool:
    """Make one copy unless it is there; whether it was made."""
    from vidparticles.video import proxy

    facts_path = out.with_name(out.name + ".json")
    before = _facts(facts_path) if out.exists() else {}
    stat = source.stat()
    stamp = {"bytes": stat.st_size, "modified_ns": stat.st_mtime_ns}
    wanted = json.loads(json.dumps(settings))
    same_settings = before.get("settings") == wanted
    if same_settings and before.get("stamp") == stamp:
        return False
    digest = _sha256(source)
    if same_settings and before.get("sha256") == digest:
        write_text(facts_path, json.dumps({**before, "stamp": stamp}))
        return False
    size = _size(source, settings["size"])
    out.parent.mkdir(parents=True, exist_ok=True)
    # Without facts a copy counts as absent, so one from another source never passes for new.
    facts_path.unlink(missing_ok=True)
    try:
        about = proxy.write_proxy(source, out, size=size, crf=settings["crf"])
    except InputError as error:
        if str(error).startswith(str(out)):
            raise
        raise _Unreadable(str(error)) from error
    facts = {
        "source": str(source),
        "sha256": digest,
        "stamp": stamp,
        "settings": wanted,
        "height": size[0],
        "width": size[1],
        **about,
    }
    write_text(facts_path, json.dumps(facts))
    return True


def _size(source: pathlib.Path, size: int | tuple[int, int]) -> tuple[int, int]:
    from vidparticles.video import probe, proxy

    if not isinstance(size, int):
        return size
    try:
        info = probe(source)
    except InputError as error:
        raise _Unreadable(str(error)) from error
    return proxy.proxy_size(info.height, info.width, short_side=size)


def _names(root: pathlib.Path, clips: Sequence[Clip]) -> dict[pathlib.Path, pathlib.Path]:
    """Source → its copy's relative name: `.mp4` for the suffix, or behind it where two clash."""
    stems = collections.Counter(clip.path.with_suffix("") for clip in clips)
    names = {}
    for clip in clips:
        relative = clip.path.relative_to(root)
        alone = stems[clip.path.with_suffix("")] == 1
        names[clip.path] = (
            relative.with_suffix(".mp4") if alone else relative.with_name(relative.name + ".mp4")
        )
    return names


def _facts(path: pathlib.Path) -> dict:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


def _sha256(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
