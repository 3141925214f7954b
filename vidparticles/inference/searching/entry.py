"""What is kept of one clip: its moments, what they show, what is said in it, who moves where."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Iterable

import numpy as np

from vidparticles import storage
from vidparticles.inference.understanding.features import PARTS, ClipFeatures
from vidparticles.models.published.parts import labels
from vidparticles.video import Subtitles
from vidparticles.video.subtitles.markup import plain

TOP = 10  # labels of each network that are kept of a moment
SETS = ("kinetics400", "imagenet")  # what the labels of a moment are of, in order


@dataclasses.dataclass(frozen=True)
class Line:
    """Words that are shown or said in a clip.

    Attributes:
        start, end: seconds.
        text: without markup.
    """

    start: float
    end: float
    text: str


@dataclasses.dataclass(frozen=True)
class Entry:
    """What is kept of a clip.

    Attributes:
        seconds: how long it plays.
        starts, ends: [M] seconds, of its moments.
        like: [M, D] of length one, where a moment lies among what the networks know; D is 0
            without networks.
        layouts: [M, 64] how bright the parts of its pictures are, of length one; shorter where all
            are nearly as bright.
        labels: int [M, 2, `TOP`] of the two `SETS`, the likeliest first; −1 is none.
        shares: [M, 2, `TOP`] their probabilities.
        lines: of its subtitles.
        spoken: [L, 384] of length one, where the lines lie among texts; None: not looked at yet.
        moves: who moves where and what the camera does, in words.
        moved: of these, as `spoken`.
    """

    seconds: float
    starts: np.ndarray
    ends: np.ndarray
    like: np.ndarray
    layouts: np.ndarray
    labels: np.ndarray
    shares: np.ndarray
    lines: tuple[Line, ...] = ()
    spoken: np.ndarray | None = None
    moves: tuple[Line, ...] = ()
    moved: np.ndarray | None = None

    @classmethod
    def unseen(cls, seconds: float) -> Entry:
        """What is known of a clip that nothing has looked at.

        Example:
            >>> len(Entry.unseen(2.5).starts)
            0
        """
        none = np.zeros((0, len(SETS), TOP), np.int32)
        return cls(
            seconds,
            starts=np.zeros(0),
            ends=np.zeros(0),
            like=np.zeros((0, 0), np.float32),
            layouts=np.zeros((0, PARTS**2), np.float32),
            labels=none,
            shares=none.astype(np.float32),
        )

    def at(self, start: float, end: float) -> int:
        """The moment whose middle is nearest to that of a span; −1 where there is none."""
        if not len(self.starts):
            return -1
        return int(np.argmin(np.abs((self.starts + self.ends) - (start + end))))

    def told(self, moment: int, count: int = 3) -> list[tuple[str, float]]:
        """What a moment shows, by the networks: labels and probabilities, the likeliest first."""
        found = [
            (labels.read(SETS[k])[number], float(share))
            for k in range(len(SETS))
            for number, share in zip(self.labels[moment, k], self.shares[moment, k], strict=True)
            if number >= 0
        ]
        return sorted(found, key=lambda pair: -pair[1])[:count]


def entry_of(
    seen: ClipFeatures, subtitles: Iterable[Subtitles] = (), moves: tuple[Line, ...] = ()
) -> Entry:
    """What is kept of a clip that was looked at.

    A moment is a window of I3D, or a picture of EfficientNet where only that is there. It is the
    square root of each network's features, which are not negative, at length one, both side by
    side: cosines are those of Hellinger's kernel, in which a few large features do not outweigh
    the rest (Arandjelović and Zisserman 2012).

    Args:
        seen: what the networks see of it.
        subtitles: its tracks.
        moves: who moves where in it.
    """
    windows, pictures = len(seen.starts), len(seen.times)
    starts, ends = seen.starts, seen.ends
    if not windows and pictures:
        starts, ends = seen.times, np.append(seen.times[1:], max(seen.seconds, seen.times[-1]))
    of = [_within(seen.times, start, end) for start, end in zip(starts, ends, strict=True)]
    parts, sets = [], []
    if windows:
        parts.append(_rooted(seen.features))
    sets.append(_top(seen.logits if windows else np.zeros((len(starts), 0))))
    if pictures:
        parts.append(_rooted(np.stack([seen.picture_features[k].mean(0) for k in of])))
    shown = [seen.picture_logits[k].mean(0) for k in of] if pictures else np.zeros((len(starts), 0))
    sets.append(_top(np.asarray(shown)))
    like = np.concatenate(parts, -1) / len(parts) ** 0.5 if parts else np.zeros((0, 0))
    layouts = seen.layouts if windows else seen.picture_layouts
    numbers, shares = (np.stack(x, 1) for x in zip(*sets, strict=True))
    return Entry(
        seconds=seen.seconds,
        starts=np.asarray(starts, float),
        ends=np.asarray(ends, float),
        # As a file keeps it, so that what is found does not depend on when it was looked at.
        like=like.astype(np.float16).astype(np.float32),
        layouts=_centered(layouts).astype(np.float16).astype(np.float32),
        labels=numbers,
        shares=shares,
        lines=tuple(
            Line(float(cue.start), float(cue.end), text)
            for track in subtitles
            for cue in track.cues
            if (text := " ".join(plain(cue.text).split()))
        ),
        moves=moves,
    )


def _centered(layouts: np.ndarray) -> np.ndarray:
    flat = layouts.reshape(len(layouts), PARTS**2)
    flat = flat - flat.mean(-1, keepdims=True)
    # What differs by less than a level is of one gray.
    return flat / np.maximum(np.linalg.norm(flat, axis=-1, keepdims=True), 1 / 255)


def _within(times: np.ndarray, start: float, end: float) -> np.ndarray:
    """The pictures of a moment: those within it, or the one nearest to its middle."""
    inside = np.flatnonzero((times >= start) & (times < end))
    if len(inside) or not len(times):
        return inside
    return np.array([np.argmin(np.abs(times - (start + end) / 2))])


def _rooted(features: np.ndarray) -> np.ndarray:
    root = np.sqrt(np.maximum(features, 0))
    return root / np.maximum(np.linalg.norm(root, axis=-1, keepdims=True), 1e-12)


def _top(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities [M, `TOP`]; −1 and 0 without logits."""
    if not logits.shape[-1]:
        shape = len(logits), TOP
        return np.full(shape, -1, np.int32), np.zeros(shape, np.float32)
    power = np.exp(logits - logits.max(-1, keepdims=True))
    share = power / power.sum(-1, keepdims=True)
    order = np.argsort(-share, -1, kind="stable")[:, :TOP]
    return order.astype(np.int32), np.take_along_axis(share, order, -1).astype(np.float32)


# ---------------------------------------------------------------- files


def write(path: pathlib.Path, entry: Entry) -> None:
    """Keep an entry, whole or not at all.

    Raises:
        InputError: it cannot be written.
    """
    from safetensors import numpy as safetensors

    tensors = {
        "starts": entry.starts,
        "ends": entry.ends,
        "like": entry.like.astype(np.float16),
        "layouts": entry.layouts.astype(np.float16),
        "labels": entry.labels,
        "shares": entry.shares,
    }
    if entry.spoken is not None:
        tensors["spoken"] = entry.spoken
    if entry.moved is not None:
        tensors["moved"] = entry.moved
    tensors = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    facts = {
        "seconds": repr(entry.seconds),
        "lines": _packed(entry.lines),
        "moves": _packed(entry.moves),
    }
    facts["digest"] = _digest(tensors, facts)
    storage.write_bytes(path, safetensors.save(tensors, facts))


def read(path: pathlib.Path) -> Entry | None:
    """An entry that was kept; None where there is none, or a damaged one."""
    from safetensors import SafetensorError
    from safetensors import numpy as safetensors

    try:
        content = path.read_bytes()
        tensors = safetensors.load(content)
        size = int.from_bytes(content[:8], "little")
        facts = json.loads(content[8 : 8 + size])["__metadata__"]
        if facts.pop("digest") != _digest(tensors, facts):
            return None
        return Entry(
            seconds=float(facts["seconds"]),
            starts=tensors["starts"],
            ends=tensors["ends"],
            like=tensors["like"].astype(np.float32),
            layouts=tensors["layouts"].astype(np.float32),
            labels=tensors["labels"],
            shares=tensors["shares"],
            lines=_unpacked(facts["lines"]),
            spoken=tensors.get("spoken"),
            moves=_unpacked(facts["moves"]),
            moved=tensors.get("moved"),
        )
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return None


def _packed(lines: Iterable[Line]) -> str:
    return json.dumps([dataclasses.astuple(line) for line in lines])


def _unpacked(text: str) -> tuple[Line, ...]:
    return tuple(Line(*line) for line in json.loads(text))


def _digest(tensors: dict[str, np.ndarray], facts: dict[str, str]) -> str:
    total = hashlib.sha256(repr(sorted(facts.items())).encode())
    for name, value in sorted(tensors.items()):
        total.update(f"{name} {value.dtype.str} {value.shape}".encode())
        total.update(value.tobytes())
    return total.hexdigest()
