"""What is said of files by a trained model is what the model says of them."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from vidparticles.data import embedded
from vidparticles.data.pipeline import batches
from vidparticles.inference.understanding.trained import classify
from vidparticles.training.run import load_model
from vidparticles.viz.text import describe


def test_a_clip_gets_what_evaluation_gives_it(run, clips, clip):
    loaded = load_model(run)
    frames, size = loaded.config["data"]["frames"], loaded.config["data"]["size"]
    options = {"train": False, "batch_size": 6, "frames": frames, "size": size}
    batch = next(batches(str(clips), split="test", **options))
    row = {name: batch[name][loaded.classes.index("orbit")][None] for name in ("video", "time")}
    logits = np.asarray(jax.jit(loaded.model.apply)(loaded.params, row)["logits"][0], np.float64)
    expected = np.exp(logits) / np.exp(logits).sum()
    seen = classify(clip, run)
    got = [seen.classes[label] for label in loaded.classes]
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    assert list(seen.classes.values()) == sorted(got, reverse=True)
    assert [(e.start, e.end) for e in seen.timeline] == [(0, 2.0)]
    assert seen.timeline[0].label == next(iter(seen.classes))
    assert seen.warnings == ()


def test_a_longer_file_gets_a_timeline(run, tmp_path):
    story = tmp_path / "story.mp4"
    acts = embedded.story(story, seed=1, acts=3)
    seen = classify(story, run)
    assert seen.seconds == pytest.approx(acts[-1].end)
    assert sum(seen.classes.values()) == pytest.approx(1)
    assert seen.timeline[-1].end == pytest.approx(seen.seconds)
    assert min(seen.decode_seconds, seen.model_seconds, seen.compile_seconds) > 0
    assert seen.model_seconds < seen.compile_seconds
    text = describe(seen)
    assert all(label in text for label in seen.classes)
    assert max(map(len, text.splitlines())) <= 100
