"""A verb of one clip over many: files or folders of them, each by itself.

One that cannot be used is a sentence at the end and exit status 1, and the others are done. What a
verb writes with -o goes into a folder under the clip's own name. Beside it lies a small hidden
record of the clip's content and the options, written before the work: a file that is there, and
newer than its record, is whole, since files appear whole. So the same command takes up where it was
stopped; a clip that has changed is done again, and what others put there is left as it is.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

from vidparticles import progress, storage
from vidparticles.errors import InputError, reason
from vidparticles.parsing import Option
from vidparticles.verbs.base import CLIP, Result, Verb

RECORDS = ".vidparticles"
# Options that name a file to write, and what its name ends in; "" for as the clip's own does.
_FILES = {"output": "", "html": ".html", "json": ".json", "masks": "/"}
# What changes nothing of what is written.
_TELLING = ("clip", "source", "run", "quiet", "progress", "overwrite", *_FILES)


def many(verb: Verb) -> Verb:
    """The verb for any number of clips; itself where it takes none or makes one of many.

    Example:
        >>> done = many(Verb("", [CLIP], lambda args: Result(f"{args.clip} is fine.")))
        >>> print(done.run(argparse.Namespace(clip=["a.mp4", "b.mp4"])).text)
        a.mp4 is fine.
        <BLANKLINE>
        b.mp4 is fine.
    """
    clip = next((option for option in verb.options if _is_clip(option)), None)
    if clip is None:
        return verb
    what = f"{clip.meaning['help']}; or many, or folders of them"
    more = Option(*clip.names, **clip.meaning | {"nargs": "+", "help": what})
    options = [more if option is clip else option for option in verb.options]
    return dataclasses.replace(
        verb, options=options, run=lambda args: _run(verb, args, clip.names[0])
    )


def _is_clip(option: Option) -> bool:
    """Whether it is the one file that a verb takes."""
    own = option.meaning.get("metavar") == CLIP.meaning["metavar"]
    return own and not option.names[0].startswith("-") and "nargs" not in option.meaning


@dataclasses.dataclass(frozen=True)
class _Job:
    """One clip, and the words of the command for it alone."""

    clip: pathlib.Path
    args: argparse.Namespace


def _run(verb: Verb, args: argparse.Namespace, where: str) -> Result:
    clips: list[str] = getattr(args, where)
    folders = {
        name: pathlib.Path(told)
        for name, told in vars(args).items()
        if name in _FILES and isinstance(told, str)
    }
    alone, out = clips[0], vars(args).get("output")
    if len(clips) == 1 and not os.path.isdir(alone) and not _is_folder(out):
        return verb.run(argparse.Namespace(**{**vars(args), where: alone}))
    jobs = _jobs(verb, args, where, folders)
    texts: list[str] = []
    data: list[Any] = []
    warnings: list[str] = []
    broken: list[str] = []
    for job in progress.counted(jobs, len(jobs), work="clips"):
        try:
            with progress.listening(None):
                result = _done(verb, job)
        except InputError as error:
            sentence = " ".join(line.strip() for line in str(error).splitlines())
            if len(jobs) == 1 or (not texts and job.clip.name not in sentence):
                raise  # or it is of the options, and each clip would say it
            broken.append(sentence)
            continue
        texts.append(result.text)
        warnings += [*result.warnings]
        if getattr(args, "json", False) is True and result.data is not None:
            data.append(result.data)
    count = f"{len(broken)} of {len(jobs)} clips could not be used"
    return Result(
        ("\n" if "output" in folders else "\n\n").join(texts),
        data,
        [*dict.fromkeys([*warnings, *broken, *([f"{count}, see above."] if broken else [])])],
        status=1 if broken else 0,
    )


def _is_folder(told: Any) -> bool:
    return isinstance(told, str) and (told.endswith(("/", os.sep)) or os.path.isdir(told))


def _jobs(
    verb: Verb, args: argparse.Namespace, where: str, folders: dict[str, pathlib.Path]
) -> list[_Job]:
    """One for each clip; nothing is done yet."""
    for name, folder in folders.items():
        if folder.is_file() or (folder.suffix and not _is_folder(getattr(args, name))):
            *_, last = getattr(args, where)
            what = "is a folder" if os.path.isdir(last) else "is one of many clips"
            raise InputError(f"{last} {what}, and {folder} one file; give a folder to write into.")
    jobs: dict[pathlib.Path, _Job] = {}
    for clip, within in _clips(getattr(args, where), [*folders.values()]):
        stem = within.with_suffix("")
        if stem in jobs and folders:
            raise InputError(
                f"{clip} and {jobs[stem].clip} have one name, and what is written "
                "of them would, too; rename one, or give them in two runs."
            )
        own = copy.copy(args)
        setattr(own, where, str(clip))
        for option, folder in folders.items():
            suffix = _FILES[option] or verb.suffix or _suffix(within)
            setattr(own, option, str(folder / within.with_suffix("" if suffix == "/" else suffix)))
        jobs[stem if folders else clip] = _Job(clip, own)
    return [*jobs.values()]


def _clips(
    told: Sequence[str], written: Sequence[pathlib.Path]
) -> Iterator[tuple[pathlib.Path, pathlib.Path]]:
    """Each clip and its name: of one in a folder, its path from there."""
    from vidparticles.data.folder import SUFFIXES

    made = [folder.resolve() for folder in written]
    for path in map(pathlib.Path, told):
        if not path.is_dir():
            yield path, pathlib.Path(path.name)
            continue
        if path.resolve() in made:
            raise InputError(f"{path} is where the clips are; give another folder to write into.")
        found = [
            file
            for file in sorted(path.rglob("*"))
            if file.suffix.lower() in SUFFIXES
            and not any(part.startswith(".") for part in file.relative_to(path).parts)
            and file.is_file()
            and not any(folder in file.resolve().parents for folder in made)
        ]
        if not found:
            raise InputError(f"{path} is a folder without a video file; give a video file.")
        yield from ((file, file.relative_to(path)) for file in found)


def _suffix(name: pathlib.Path) -> str:
    from vidparticles.video.files import SUFFIXES

    return name.suffix if name.suffix.lower() in SUFFIXES else ".mp4"


# ---------------------------------------------------------------- what is there already


def _done(verb: Verb, job: _Job) -> Result:
    """What the verb has to say of a clip, or that its file is there."""
    told = getattr(job.args, "output", None)
    for option in _FILES:
        name = getattr(job.args, option, None)
        if isinstance(name, str):
            with storage.write_errors(name):
                pathlib.Path(name).parent.mkdir(parents=True, exist_ok=True)
    if told is None:
        return verb.run(job.args)
    out = pathlib.Path(told)
    record = out.parent / RECORDS / f"{out.name}.json"
    options = _options(job.args)
    before = _read(record) if out.exists() else {}
    ours = before.get("options") == options and out.stat().st_mtime_ns != before.get("before")
    if ours and not job.args.overwrite and _same(job.clip, before):
        return Result(f"{out}  was there")
    if not out.exists() or ours or job.args.overwrite:
        facts = _facts(job.clip)
        if facts:
            facts |= {"options": options, "before": out.stat().st_mtime_ns if out.exists() else 0}
            with storage.write_errors(record):
                record.parent.mkdir(exist_ok=True)
            storage.write_text(record, json.dumps(facts) + "\n")
    args = copy.copy(job.args)
    args.overwrite = job.args.overwrite or ours
    return verb.run(args)


def _options(args: argparse.Namespace) -> str:
    told = {name: value for name, value in vars(args).items() if name not in _TELLING}
    return json.dumps(told, sort_keys=True, default=str)


def _read(record: pathlib.Path) -> dict[str, Any]:
    try:
        found = json.loads(record.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _facts(clip: pathlib.Path) -> dict[str, Any]:
    """Of a clip's content; nothing of one that cannot be read, which the verb will say."""
    try:
        about = clip.stat()
        with clip.open("rb") as file:
            content = hashlib.file_digest(file, "blake2b").hexdigest()
    except OSError:
        return {}
    return {"bytes": about.st_size, "changed": about.st_mtime_ns, "blake2b": content}


def _same(clip: pathlib.Path, before: dict[str, Any]) -> bool:
    """The clip has the content that was recorded; it is read only where it may have another."""
    try:
        about = clip.stat()
    except OSError as error:
        raise InputError(f"{clip}: {reason(error)}; give a video file.") from error
    if (about.st_size, about.st_mtime_ns) == (before.get("bytes"), before.get("changed")):
        return True
    return _facts(clip).get("blake2b") == before.get("blake2b")
