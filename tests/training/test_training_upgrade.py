"""Runs from before the renaming: read where a rename suffices, or one sentence says what to do."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import jax
import numpy as np
import optax
import pytest

from vidparticles import models
from vidparticles.errors import InputError
from vidparticles.training import checkpoint, run, state

# Written by the code as it was: a config, the names and shapes of its parameters, and what it
# answered with parameters drawn by `draw`.
OLD = json.loads((pathlib.Path(__file__).parent / "run_before_renaming.json").read_text())


def draw(name: str, shape: list[int]) -> np.ndarray:
    rng = np.random.default_rng(list(name.encode()))
    return (0.3 * rng.normal(size=shape)).astype(np.float32)


def old_params() -> dict[str, Any]:
    """The old run's parameters, in its own tree."""
    tree: dict[str, Any] = {}
    for name, shape in OLD["shapes"].items():
        *folders, leaf = name.split("/")
        node = tree
        for folder in folders:
            node = node.setdefault(folder, {})
        node[leaf] = draw(name, shape)
    return tree


def test_an_old_run_of_frame_particles_answers_as_it_did(tmp_path: pathlib.Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(OLD["config"]))
    with checkpoint.Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(state.create(old_params(), optax.sgd(0.1)), position=0)
    loaded = run.load_model(tmp_path)
    assert loaded.model_name == "frame_particles"
    assert loaded.model == models.build(
        "frame_particles",
        num_classes=2,
        planes=2,
        charge=3,
        encoder=(2, 3),
        interactions={"width": 4, "steps": 2},
    )
    rng = np.random.default_rng(0)
    video = rng.integers(0, 256, (3, 4, 16, 16, 3), np.uint8)
    batch = {"video": video, "time": np.tile(np.arange(4, dtype=np.float32) / 8, (3, 1))}
    logits = jax.jit(loaded.model.apply)(loaded.params, batch)["logits"]
    np.testing.assert_allclose(logits, OLD["logits"], atol=2e-4)


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (
            {"name": "objects", "options": {"objects": {"look": 4}}},
            "were per frame and are per second now; train it again",
        ),
        ({"name": "particles", "options": {"dynamics": "none"}}, "an ablation without dynamics"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(
    tmp_path: pathlib.Path, model: dict[str, Any], sentence: str
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**OLD["config"], "model": model}))
    with pytest.raises(InputError, match=sentence):
        run.load_model(tmp_path)
