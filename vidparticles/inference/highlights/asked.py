"""`asked(path, text)`: where in a clip is what some words name.

Whatever here can tell is asked: what is kept of the clip for searches (labels of actions and of
pictures, lines of subtitles), objects that are followed where a kind of them is named, and the
classes of a training run. The networks of the former look at a clip once; its objects are followed
anew each time. Which names mean which words, and how likely they must be, was chosen on the clips
of shared/data/clips.
"""

from __future__ import annotations

import collections
import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from vidparticles import storage, weights
from vidparticles.editing.selection.spans import held, stretches
from vidparticles.errors import InputError, MissingExtraError
from vidparticles.inference.highlights.meaning import MeaningConfig, Names, meant, spelled
from vidparticles.inference.objects import FoundObject, detector_parameters, followed, gathered
from vidparticles.inference.searching.entry import SETS, Entry
from vidparticles.inference.searching.index import NETWORKS, build, default_folder, lookers
from vidparticles.inference.searching.words import Words, words
from vidparticles.inference.understanding.moments import Moment, moments
from vidparticles.inference.understanding.trained import Classified, classify
from vidparticles.inference.understanding.understand import OBJECTS_RATE, chosen
from vidparticles.models.published import nanodet
from vidparticles.models.published.parts import labels
from vidparticles.video import open_video

Span = tuple[float, float]
_TOLD = 6  # names of what else is in a clip


@dataclasses.dataclass(frozen=True)
class AskedConfig:
    """When something is there.

    Attributes:
        meaning: which names mean what.
        share: probability of all labels together that mean it, of actions or of a picture, from
            which on it is there,
        lasts: and down to which it stays.
        shows: of a label, from which on it is said to be in the clip.
    """

    meaning: MeaningConfig = dataclasses.field(default_factory=MeaningConfig)
    share: float = 0.35
    lasts: float = 0.1
    shows: float = 0.2


@dataclasses.dataclass(frozen=True)
class Asked:
    """Where what was asked for is.

    Attributes:
        there: name → [T] bool, of steps of time; nothing where it is nowhere.
        cuts: seconds at which shots of the clip begin by a cut.
        shows: names of what else is in the clip, nearest to the words first.
        warnings: sentences on what could not be told.
    """

    there: Mapping[str, np.ndarray]
    cuts: tuple[float, ...]
    shows: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def asked(
    path: str | os.PathLike[str],
    terms: Sequence[str],
    *,
    step: float,
    count: int,
    checkpoint: str | os.PathLike[str] | None = None,
    config: AskedConfig | None = None,
) -> Asked:
    """Where in a clip is what some words name.

    Args:
        path: a video file.
        terms: each is asked for by itself.
        step: seconds of a step of time.
        count: T, how many there are.
        checkpoint: the workdir of a training run, whose classes may be named.
        config: when something is there.

    Raises:
        InputError: the clip cannot be read, the folder is no such run, or nothing here can tell
            where any of the words is.
    """
    config = config or AskedConfig()
    trained = None if checkpoint is None else classify(path, checkpoint)
    reader, warnings = _reader()
    (entry,) = build([path], words=reader).entries
    sets = [Names(labels.read(name)) for name in SETS]
    kinds = Names(nanodet.KINDS)
    if reader is not None:
        vectors = zip(SETS, reader.labels, strict=True)
        sets = [Names(labels.read(name), known) for name, known in vectors]
        kinds = Names(nanodet.KINDS, reader.embed(list(nanodet.KINDS)))
    at = [None if reader is None else reader.embed([term])[0] for term in terms]
    told = [meant(t, v, sets, kinds, config.meaning) for t, v in zip(terms, at, strict=True)]
    wanted = {nanodet.KINDS[k] for _, own in told for k in np.flatnonzero(own)}
    params = detector_parameters() if wanted else None
    if wanted and params is None:
        get = "`vidparticles weights get nanodet`"
        warnings.append(f"where {' or '.join(sorted(wanted))} is, is told without {get}.")
    seeing = bool(len(entry.starts)) or params is not None
    if not seeing and not entry.lines and trained is None:
        raise InputError(
            f"{path}: nothing here can tell where {' or '.join(terms)} is; `vidparticles weights "
            f"get {' '.join((*NETWORKS, 'nanodet', 'minilm'))}` gets what can."
        )
    missing = [name for name in NETWORKS if name not in lookers()]
    if missing:
        get = f"`vidparticles weights get {' '.join(missing)}`"
        warnings.append(f"less is known of what is to be seen than with {get}.")
    cuts, objects = _followed(path, params)

    there: dict[str, np.ndarray] = {}

    def add(name: str, spans: Sequence[Span]) -> None:
        mask = _steps(spans, step, count)
        if mask.any():
            there[name] = there.get(name, False) | mask

    for term, vector, (own, _) in zip(terms, at, told, strict=True):
        for name, mask in _by_labels(entry, own, step, count, config).items():
            there[name] = there.get(name, False) | mask
        for line in _lines(entry, term, vector, config):
            add(f"“{entry.lines[line].text}”", [(entry.lines[line].start, entry.lines[line].end)])
        if trained is not None:
            for name, spans in _classes(trained, term, vector, reader, config).items():
                add(name, spans)
    for one in objects:
        if one.kind in wanted:
            add(one.kind, _in_sight(one))
    others = {one.kind for one in objects} - {"moving"}
    shows = _shows(entry, others, trained, None if reader is None else (reader, at), config)
    return Asked(there, tuple(cuts), shows, tuple(warnings))


def _reader() -> tuple[Words | None, list[str]]:
    """What knows where texts lie; without it words are compared by their letters."""
    alone = "only names with these very words were looked for"
    if weights.status("minilm").state == "not there":
        return None, [f"{alone}; `vidparticles weights get minilm` gets what knows more."]
    folder = default_folder()
    with storage.write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        return words(folder), []
    except MissingExtraError as error:
        return None, [f"{alone}: {error}"]


def _followed(
    path: str | os.PathLike[str], params: object | None
) -> tuple[list[float], list[FoundObject]]:
    """Seconds of the clip's cuts, and its objects where there is what finds them."""
    cuts: list[float] = []

    def noted(frames: Iterator[Moment]) -> Iterator[Moment]:
        for moment in frames:
            if moment.cut:
                cuts.append(moment.time)
            yield moment

    with open_video(path) as video:
        frames = noted(moments(video))
        if params is not None:
            return cuts, gathered(followed(params, chosen(frames, 1 / OBJECTS_RATE)))
        collections.deque(frames, maxlen=0)
    return cuts, []


def _steps(spans: Sequence[Span], step: float, count: int) -> np.ndarray:
    """[T] bool: the middle of a step is in one of the spans; a short span has one at least."""
    mask = np.zeros(count, bool)
    for start, end in spans:
        first, stop = (int(np.ceil(t / step - 0.5)) for t in (start, end))
        mask[max(0, first) : max(stop, first + 1)] = True
    return mask


def _by_labels(
    entry: Entry, own: Sequence[np.ndarray], step: float, count: int, config: AskedConfig
) -> dict[str, np.ndarray]:
    """Where labels that mean it are likely enough: the likeliest of them → [T] bool."""
    total = np.zeros(count)
    best = np.full(count, -1)
    names: list[str] = []
    for k, ones in enumerate(own):
        known = np.append(ones, False)  # −1 is none
        share = np.where(known[entry.labels[:, k]], entry.shares[:, k], 0)
        for m in np.flatnonzero(share.any(1)):
            mask = _steps([(float(entry.starts[m]), float(entry.ends[m]))], step, count)
            mask &= share[m].sum() > total
            total[mask] = share[m].sum()
            best[mask] = len(names)
            names.append(labels.read(SETS[k])[entry.labels[m, k, share[m].argmax()]])
    found: dict[str, np.ndarray] = {}
    for first, stop in stretches(held(total, config.lasts, config.share)):
        for at in range(first, stop):
            found.setdefault(names[best[at]], np.zeros(count, bool))[at] = True
    return found


def _lines(entry: Entry, term: str, vector: np.ndarray | None, config: AskedConfig) -> list[int]:
    """Which lines of the subtitles have the words, or mean them."""
    found = spelled(term, [line.text for line in entry.lines])
    if vector is not None and entry.spoken is not None:
        found = found | (entry.spoken @ vector >= config.meaning.said)
    return np.flatnonzero(found).tolist()


def _classes(
    trained: Classified,
    term: str,
    vector: np.ndarray | None,
    reader: Words | None,
    config: AskedConfig,
) -> dict[str, list[Span]]:
    """Where classes of a training run are that have the words, or are the same."""
    classes = [*trained.classes]
    found = spelled(term, classes)
    if vector is not None and reader is not None and not found.any():
        near = reader.embed([name.replace("_", " ") for name in classes]) @ vector
        found = near >= config.meaning.same
    own = {name for name, yes in zip(classes, found, strict=True) if yes}
    spans: dict[str, list[Span]] = {}
    for event in trained.timeline:
        if event.label in own:
            spans.setdefault(event.label, []).append((event.start, event.end))
    return spans


def _in_sight(one: FoundObject) -> list[Span]:
    """When an object is there: also while it is hidden by another."""
    ends = [min(b, a + 2 / OBJECTS_RATE) for a, b in zip(one.times, one.times[1:], strict=False)]
    return [*zip(one.times, [*ends, one.times[-1] + 1 / OBJECTS_RATE], strict=True)]


def _shows(
    entry: Entry,
    kinds: set[str],
    trained: Classified | None,
    known: tuple[Words, Sequence[np.ndarray | None]] | None,
    config: AskedConfig,
) -> tuple[str, ...]:
    """Names of what is in the clip, nearest to what was asked for first."""
    likely: dict[str, float] = dict.fromkeys(sorted(kinds), 1.0)
    for m in range(len(entry.starts)):
        for name, share in entry.told(m):
            if share >= config.shows:
                likely[name] = max(likely.get(name, 0.0), share)
    if trained is not None:
        likely |= {event.label: 1.0 for event in trained.timeline}
    names = sorted(likely, key=lambda name: -likely[name])
    if known is not None and names:
        reader, vectors = known
        near = (reader.embed(names) @ np.stack([v for v in vectors if v is not None]).T).max(1)
        names = [names[k] for k in np.argsort(-near, kind="stable")]
    return tuple(names[:_TOLD])
