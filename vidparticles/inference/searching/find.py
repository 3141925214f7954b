"""`vidparticles search` and `recommend`: clips of a folder that are like what is given."""

from __future__ import annotations

import dataclasses
import pathlib
import unicodedata
from collections.abc import Sequence

import numpy as np

from vidparticles import storage, weights
from vidparticles.errors import InputError
from vidparticles.inference.searching import nearest
from vidparticles.inference.searching.entry import Entry
from vidparticles.inference.searching.index import (
    DETECTOR,
    NETWORKS,
    Index,
    build,
    default_folder,
    detector,
    lookers,
    seen,
    videos,
)
from vidparticles.inference.searching.words import Words, in_words, words
from vidparticles.storage import PathLike

COUNT = 10  # clips that are told, unless another number is given
BALANCE = 0.7  # of relevance against diversity in what is recommended
_READ = 250  # words of a text that are read, about


@dataclasses.dataclass(frozen=True)
class Hit:
    """A clip that was found, or a moment of one.

    Attributes:
        path: the clip.
        score: cosine, −1 … 1, the more the more alike.
        start, end: seconds, of its moment that is most alike.
        seconds: how long the clip plays.
        shows: labels of that moment and their probabilities, the likeliest first.
        says: the line of its subtitles that was found, or "".
        moves: who moves where in it, where that was found, or "".
    """

    path: pathlib.Path
    score: float
    start: float
    end: float
    seconds: float
    shows: tuple[tuple[str, float], ...]
    says: str = ""
    moves: str = ""


@dataclasses.dataclass(frozen=True)
class Found:
    """What was found in a folder.

    Attributes:
        folder: that was searched.
        asked: a phrase on what for.
        hits: the best first.
        clips: how many could be searched.
        made: how many of them were looked at for the first time.
        broken: a sentence on each clip that could not be read.
        warnings: sentences on what else one should know.
    """

    folder: pathlib.Path
    asked: str
    hits: tuple[Hit, ...]
    clips: int
    made: int
    broken: tuple[str, ...]
    warnings: tuple[str, ...]


def search(
    folder: PathLike,
    *,
    like: PathLike | None = None,
    text: str | None = None,
    at: bool = False,
    count: int = COUNT,
    index: PathLike | None = None,
) -> Found:
    """Clips of a folder that are like another clip, or like some words.

    Args:
        folder: with video files, in folders within, too.
        like: a clip; it is not found itself.
        text: words on what is seen, done or said, or who moves where, in English.
        at: find moments, several of a clip where they are the best; else clips.
        count: how many to find.
        index: where what is known of clips is kept; by default in the user's cache.

    Raises:
        InputError: not one of `like` and `text` is given, or it cannot be used; no clip can be
            read; weights are missing.

    Example:
        >>> search(".", text=" ")
        Traceback (most recent call last):
        ...
        vidparticles.errors.InputError: the text is empty; say in a few words what to look for.
    """
    if (like is None) == (text is None):
        raise InputError("search looks for --like CLIP or for --text WORDS; give one of them.")
    if text is not None and not text.strip():
        raise InputError("the text is empty; say in a few words what to look for.")
    if count < 1:
        raise InputError(f"count is {count}; ask for 1 or more.")
    clips = videos(folder)
    told = _missing(needed=text is None)
    rows: np.ndarray | nearest.Seen
    queries: np.ndarray | nearest.Seen
    if text is not None:
        known = _words(index)
        asked = f"“{_short(text)}”"
        told += _hard_to_read(text)
        if detector() is None:
            get = f"`vidparticles weights get {DETECTOR}`"
            told.append(f"who moves where is not searched; {get} gets what finds it.")
        library = build(clips, folder=index, words=known)
        rows, owners, moments = texts(library, known)
        queries = known.embed([text])
    else:
        assert like is not None
        asked = f"clips like {like}"
        (wanted,) = build([like], folder=index).entries
        library = build(clips, folder=index)
        owners, moments = library.owners, library.moments
        own = pathlib.Path(like).resolve()
        others = np.array([path.resolve() != own for path in library.paths])[owners]
        rows = nearest.Seen(*(part[others] for part in library.seen))
        owners, moments = owners[others], moments[others]
        queries = as_it_is_and_mirrored(wanted)
    if at:
        best = nearest.nearest_moments(rows, queries, count)
    elif len(owners):
        files = len(library.paths)
        versions = 1 if like is None else 2
        _, best = nearest.nearest_files(
            rows, owners, queries, count, files=files, versions=versions
        )
    hits = (
        []
        if not len(owners)
        else [
            hit(library, int(owners[row]), int(moments[row]), float(score))
            for score, row in zip(*best, strict=True)
        ]
    )
    return _found(folder, asked, hits, library, told)


def recommend(
    folder: PathLike,
    *,
    history: Sequence[PathLike],
    count: int = COUNT,
    balance: float = BALANCE,
    index: PathLike | None = None,
) -> Found:
    """Clips of a folder for someone who liked others, and not all of them alike.

    A clip is as relevant as it is like the one of the history which it is most like; the choice is
    that of `nearest.diverse`.

    Args:
        folder: with video files, in folders within, too.
        history: clips; none of them, nor a copy, is recommended.
        count: how many to recommend.
        balance: 1 asks for relevance alone, 0 for diversity alone.
        index: where what is known of clips is kept; by default in the user's cache.

    Raises:
        InputError: the history is empty or cannot be read; no clip can be read; weights are
            missing.
    """
    if not history:
        raise InputError("the history is empty; give at least one clip with --history.")
    clips = videos(folder)
    told = _missing(needed=True)
    past = build(history, folder=index)
    if past.broken:
        raise InputError(past.broken[0])
    library = build(clips, folder=index)
    seen = set(past.hashes)
    new = [k for k, content in enumerate(library.hashes) if content not in seen]
    profile = np.stack([_whole(entry.like) for entry in past.entries])
    vectors = np.stack([_whole(library.entries[k].like) for k in new]) if new else profile[:0]
    relevance = (vectors @ profile.T).max(1) if new else np.zeros(0)
    hits = []
    for row in nearest.diverse(relevance, vectors, count, balance=balance):
        entry = library.entries[new[row]]
        moment = int(np.argmax((entry.like @ profile.T).max(1)))
        hits.append(hit(library, new[row], moment, float(relevance[row])))
    names = ", ".join(str(path) for path in history[:3]) + (" …" if len(history) > 3 else "")
    return _found(folder, f"clips for who liked {names}", hits, library, told)


# ---------------------------------------------------------------- parts


def as_it_is_and_mirrored(wanted: Entry) -> nearest.Seen:
    """What is seen in the moments of a clip, then in those of its mirror image."""
    both = zip(seen(wanted), seen(wanted, mirrored=True), strict=True)
    return nearest.Seen(*(np.concatenate(parts) for parts in both))


def texts(library: Index, known: Words) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where moments and lines lie among texts, whose they are, and which of it.

    Lines of subtitles are counted behind the moments of their clip, and behind them who moves
    where, each with what the moment shows in which it is.
    """
    rows = [np.zeros((0, known.labels[0].shape[1]), np.float32)]
    owners: list[int] = []
    numbers: list[int] = []
    for k, entry in enumerate(library.entries):
        rows.append(in_words(entry.labels, entry.shares, known.labels))
        if entry.spoken is not None:
            rows.append(entry.spoken)
        if entry.moved is not None:
            of = [entry.at(line.start, line.end) for line in entry.moves]
            if len(entry.starts):
                labels, shares = entry.labels[of], entry.shares[of]
            else:  # nothing looked at the clip, but the camera's motion is measured
                labels, shares = np.full((len(of), 2, 1), -1), np.zeros((len(of), 2, 1))
            rows.append(in_words(labels, shares, known.labels, moved=entry.moved))
        told_of = [entry.starts, entry.spoken, entry.moved]
        count = sum(len(part) for part in told_of if part is not None)
        owners += [k] * count
        numbers += range(count)
    return np.concatenate(rows), np.array(owners, int), np.array(numbers, int)


def hit(library: Index, clip: int, moment: int, score: float) -> Hit:
    """What is told of a row of `texts`, or of a moment, of a clip."""
    entry, path = library.entries[clip], library.paths[clip]
    said = moment - len(entry.starts)
    goes = said - (0 if entry.spoken is None else len(entry.spoken))
    if said >= 0 > goes:
        line = entry.lines[said]
        return Hit(path, score, line.start, line.end, entry.seconds, (), line.text)
    if goes >= 0:
        line = entry.moves[goes]
        at = entry.at(line.start, line.end)
        shows = () if at < 0 else tuple(entry.told(at))
        return Hit(path, score, line.start, line.end, entry.seconds, shows, moves=line.text)
    start, end = float(entry.starts[moment]), float(entry.ends[moment])
    return Hit(path, score, start, end, entry.seconds, tuple(entry.told(moment)))


def _found(
    folder: PathLike, asked: str, hits: Sequence[Hit], library: Index, told: Sequence[str]
) -> Found:
    return Found(
        folder=pathlib.Path(folder),
        asked=asked,
        hits=tuple(hits),
        clips=len(library.paths),
        made=library.made,
        broken=library.left_out,
        warnings=(*told, *_renewed(library)),
    )


def _renewed(library: Index) -> list[str]:
    """A sentence on clips that were looked at once more, which takes its time."""
    if not library.renewed:
        return []
    many = f"{library.renewed} clips were" if library.renewed > 1 else "one clip was"
    return [
        f"{many} looked at again: what is kept of a clip, or what looks at it, is another than "
        "before."
    ]


def _whole(like: np.ndarray) -> np.ndarray:
    """Where a whole clip lies."""
    mean = like.mean(0)
    return mean / max(float(np.linalg.norm(mean)), 1e-12)


def _words(index: PathLike | None) -> Words:
    folder = default_folder() if index is None else pathlib.Path(index)
    if weights.status("minilm").state == "not there":
        raise InputError(
            "to search by words, get the network of texts with `vidparticles weights get minilm`; "
            "--like CLIP does without."
        )
    with storage.write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return words(folder)


def _missing(*, needed: bool) -> list[str]:
    """Sentences on the networks that look at clips and are not here.

    Raises:
        InputError: none of them is, and without one nothing is found.
    """
    missing = [name for name in NETWORKS if name not in lookers()]
    get = f"`vidparticles weights get {' '.join(missing)}`"
    if not missing:
        return []
    if len(missing) < len(NETWORKS):
        return [f"clips are compared without {missing[0]}; {get} gets it, and more is found."]
    if needed:
        raise InputError(
            f"nothing here can look at clips; {get} gets what does; --text finds subtitles without."
        )
    return [f"only subtitles are searched: nothing here can look at clips; {get} gets what does."]


def _hard_to_read(text: str) -> list[str]:
    """Sentences on what the network of texts cannot make of one."""
    told = []
    if len(text.split()) > _READ or len(text) > 6 * _READ:
        told.append(f"only the first {_READ} words of the text, about, are read.")
    letters = [letter for letter in text if letter.isalpha()]
    latin = sum("LATIN" in unicodedata.name(letter, "") for letter in letters)
    if 2 * latin < len(letters):
        told.append("texts are understood in English; what is found for this one is a guess.")
    return told


def _short(text: str, longest: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"
