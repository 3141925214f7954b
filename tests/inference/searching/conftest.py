"""A folder of small clips, and networks that know colors and nothing else."""

from __future__ import annotations

import types

import numpy as np
import pytest

from vidparticles.inference.searching import find, index, words
from vidparticles.inference.understanding.networks import Networks
from vidparticles.models.published import efficientnet, i3d
from vidparticles.models.published.parts import labels
from vidparticles.video import write_video

COLORS = {"red": (220, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 220)}
# What the networks call a color, by number.
ACTIONS = {"red": 7, "green": 30, "blue": 99}
THINGS = {"red": 100, "green": 200, "blue": 300}


def _shares(pictures):
    """[..., 3] how much of each color there is."""
    total = np.asarray(pictures, np.float32).mean((-3, -2))
    return total / np.maximum(total.sum(-1, keepdims=True), 1e-6)


def _spread(shares, width, places):
    out = np.zeros((*shares.shape[:-1], width), np.float32)
    out[..., list(places)] = 12 * shares
    return out


def _actions(clips):
    shares = _shares(clips)  # [B, T, 3]
    steps = shares[:, ::8]
    features = np.zeros((*steps.shape[:2], i3d.FEATURES), np.float32)
    features[..., :3] = steps
    logits = _spread(steps, i3d.CLASSES, ACTIONS.values())
    return i3d.Actions(logits.mean(1), logits, features)


def _tags(pictures):
    shares = _shares(pictures)
    features = np.zeros((len(shares), efficientnet.FEATURES), np.float32)
    features[..., :3] = shares
    return efficientnet.Tags(
        _spread(shares, efficientnet.CLASSES, THINGS.values()),
        features,
    )


def _embed(texts):
    """Texts lie along the axes of the words they hold; a label's word is its color."""
    known = {labels.read("kinetics400")[n]: c for c, n in ACTIONS.items()}
    known |= {labels.read("imagenet")[n]: c for c, n in THINGS.items()}
    axes = [*COLORS, "fight", "left", "right"]
    rows = np.full((len(texts), 384), 1e-3, np.float32)
    for row, text in zip(rows, texts, strict=True):
        told = known.get(text, text)
        for axis, word in enumerate(axes):
            row[axis] += word in told
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


@pytest.fixture
def networks(monkeypatch):
    """The networks of colors in place of the published ones; counts the clips looked at."""
    looks = types.SimpleNamespace(count=0, stop_at=None)
    true = index.look

    def look(path, **how):
        looks.count += 1
        if looks.count == looks.stop_at:
            raise KeyboardInterrupt
        return true(path, **how)

    known = words.Words(_embed, tuple(_embed(labels.read(n)) for n in ("kinetics400", "imagenet")))
    monkeypatch.setattr(index, "look", look)
    monkeypatch.setattr(index, "networks", lambda size, names: Networks(_actions, _tags))
    for room in (index, find):
        monkeypatch.setattr(room, "lookers", lambda: {"i3d": "a", "efficientnet-lite0": "b"})
    for room in (index, find):
        monkeypatch.setattr(room, "detector", lambda: None)
    monkeypatch.setattr(find, "_words", lambda index: known)
    return looks


def paint(path, color, *, seconds=1.0, seed=0):
    """A clip of one color with some noise."""
    noise = np.random.default_rng(seed).integers(-20, 20, (round(10 * seconds), 48, 64, 3))
    write_video(path, np.clip(noise + np.array(color), 0, 255).astype(np.uint8), rate=10)


def pan(path, step, *, frames=20):
    """A clip in which the camera goes so many pixels a frame to the right over a rough texture."""
    rough = np.random.default_rng(5).integers(0, 255, (12, 60, 3)).astype(np.uint8)
    wide = np.repeat(np.repeat(rough, 8, 0), 8, 1)
    first = 0 if step > 0 else -step * (frames - 1)
    write_video(
        path, np.stack([wide[:, first + step * k :][:, :128] for k in range(frames)]), rate=10
    )


@pytest.fixture
def folder(tmp_path):
    """Two clips of each color, one of them in a folder within."""
    root = tmp_path / "clips"
    (root / "more").mkdir(parents=True)
    for k, (name, color) in enumerate(COLORS.items()):
        paint(root / f"{name}.mp4", color, seed=k)
        paint(root / "more" / f"{name}2.mp4", [min(255, c + 25) for c in color], seed=10 + k)
    return root
