"""A tiny embedded set and a checkpoint of a tiny model, for every verb."""

from __future__ import annotations

import pathlib

import pytest


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> pathlib.Path:
    """18 clips of two seconds: train|val|test/class/clip.mp4."""
    from vidparticles.data import embedded

    counts = {"train": 1, "val": 1, "test": 1}
    return embedded.make(tmp_path_factory.mktemp("set"), clips_per_class=counts)


@pytest.fixture(scope="session")
def clip(clips) -> pathlib.Path:
    """One clip of the set: 2 s, 128 × 128, 24 frames a second, with sound."""
    return next(clips.glob("test/orbit/*.mp4"))


@pytest.fixture(scope="session")
def run(clips, tmp_path_factory) -> pathlib.Path:
    """The workdir of a run that was stopped before its first step.

    The notebook's test trains; here only what a checkpoint holds matters, not what was learned.
    """
    import jax
    import optax

    from vidparticles import models
    from vidparticles.training import checkpoint, state

    workdir = tmp_path_factory.mktemp("run")
    options = {"planes": 2, "steps": 1, "encoder": [4, 4]}
    config = {
        "classes": sorted(folder.name for folder in (clips / "test").iterdir()),
        "clip_seconds": 2.0,
        "batch_size": 8,
        "data": {"frames": 8, "size": 16, "sampling": "uniform", "rate": 8.0},
        "model": {"name": "particles", "options": options},
    }
    model = models.build("particles", num_classes=len(config["classes"]), **options)
    like = checkpoint.batch_like(batch_size=1, frames=8, size=16)
    params = jax.jit(lambda key: model.init(key, like))(jax.random.key(0))
    checkpoint.write_config(workdir, config)
    with checkpoint.Checkpoints(workdir) as checkpoints:
        checkpoints.save(state.create(params, optax.sgd(0.1)), position=0)
    return workdir
