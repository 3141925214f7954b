"""Which names mean what some words say: by their letters, and by where both lie among texts.

Networks know names alone: of actions, of what is in a picture, of objects. Words of a user are
mostly others. A name means them where it has all of them, or where it is near to them; how near is
counted from the name that is nearest to them, since long texts are far from all names.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import numpy as np

from vidparticles.errors import InputError

_ARTICLES = ("a", "an", "the", "some")


@dataclasses.dataclass(frozen=True)
class MeaningConfig:
    """When a name means a text; all but `words` are cosines.

    Attributes:
        near: of a name that means it, at least,
        share: or this share of that of the nearest name, where that is less.
        least: of the nearest name; below it no name means the text,
        least_long: if that has fewer than `words` words, and else this.
        words: from which on a text is long.
        same: of a kind of object that is the same as the text. Names that are nearer to another
            kind then mean that: a cat is near to a dog.
        alone: or of one that is nearer than any other name by `apart`.
        apart: as said.
        said: of a line of subtitles.
    """

    near: float = 0.5
    share: float = 0.8
    least: float = 0.45
    least_long: float = 0.35
    words: int = 4
    same: float = 0.75
    alone: float = 0.55
    apart: float = 0.1
    said: float = 0.5


@dataclasses.dataclass(frozen=True)
class Names:
    """Names of one sort, and where they lie.

    Attributes:
        names: [N].
        vectors: [N, D] of length one; None where nothing tells where texts lie.
    """

    names: Sequence[str]
    vectors: np.ndarray | None = None


def terms(text: str) -> list[str]:
    """What is asked for: words, several divided by bars.

    Raises:
        InputError: there is none.

    Example:
        >>> terms("dog | playing  tennis")
        ['dog', 'playing tennis']
    """
    found = [" ".join(part.split()) for part in text.split("|")]
    found = [part for part in found if part]
    if not found:
        raise InputError("there are no words in --keep; give some, as dog, or 'playing tennis'.")
    return found


def spelled(term: str, names: Sequence[str]) -> np.ndarray:
    """Which names have all words of a term, in any order; articles and plurals do not count.

    Args:
        term: words.
        names: [N].

    Returns:
        [N] bool; where a name is the term itself, those that are alone.

    Example:
        >>> spelled("a goat", ["feeding goats", "scapegoat", "goat cheese"]).tolist()
        [True, False, True]
        >>> spelled("racket", ["racket", "tennis racket"]).tolist()
        [True, False]
    """
    wanted = _words(term)
    every = [_words(name) for name in names]
    same = np.array([own == wanted for own in every], bool)
    if same.any():
        return same
    if not wanted:  # of another script
        return np.array([term.casefold() in name.casefold() for name in names], bool)
    return np.array([set(wanted) <= set(own) for own in every], bool)


def _words(text: str) -> list[str]:
    words = re.findall(r"\w+", text.casefold().replace("_", " "))
    plain = [w[:-1] if len(w) > 3 and w[-1] == "s" and w[-2] != "s" else w for w in words]
    return [word for word in plain if word not in _ARTICLES]


def meant(
    term: str,
    vector: np.ndarray | None,
    sets: Sequence[Names],
    kinds: Names,
    config: MeaningConfig | None = None,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Which names mean a term.

    Args:
        term: words.
        vector: [D] of length one, where the term lies; None where nothing tells that.
        sets: names of sorts that are compared with each other.
        kinds: of objects; one is meant where it is the same.
        config: when.

    Returns:
        [N] bool of each of `sets`, and [K] of the kinds.

    Example:
        >>> flat = np.eye(3)
        >>> sets = [Names(["hound", "racket"], flat[1:])]
        >>> names, kinds = meant("dog", flat[1], sets, Names(["dog", "car"], flat[1::-1]))
        >>> names[0].tolist(), kinds.tolist()
        ([True, False], [True, False])
    """
    config = config or MeaningConfig()
    by_letters = [spelled(term, names.names) for names in sets]
    # A hot dog is no dog.
    own = np.array([_words(name) == _words(term) for name in kinds.names], bool)
    if vector is None or kinds.vectors is None:
        return by_letters, own
    cosines = [np.zeros(0) if s.vectors is None else s.vectors @ vector for s in sets]
    of_kinds = kinds.vectors @ vector
    best = max((float(c.max()) for c in cosines if len(c)), default=0.0)
    top = np.argmax(of_kinds)
    second = max(best, float(np.delete(of_kinds, top).max(initial=0)))
    alone = (of_kinds >= config.alone) & (of_kinds - second >= config.apart)
    exact = [np.array([_words(name) == _words(term) for name in s.names], bool) for s in sets]
    # Where the term is a label itself, that is what was meant.
    kinds_meant = own if any(e.any() for e in exact) else own | (of_kinds >= config.same) | alone
    long = len(term.split()) >= config.words
    if best < (config.least_long if long else config.least):
        return by_letters, kinds_meant
    limit = min(config.near, config.share * best)
    others = kinds.vectors[~kinds_meant] if kinds_meant.any() else kinds.vectors[:0]
    found = []
    for letters, names, cosine, same in zip(by_letters, sets, cosines, exact, strict=True):
        if names.vectors is None or same.any():
            found.append(letters)
            continue
        near = cosine >= limit
        if len(others):
            near &= cosine >= (names.vectors @ others.T).max(1)
        found.append(letters | near)
    return found, kinds_meant
