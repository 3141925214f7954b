"""The contract of `models.base`, of every member of the registry: one table, shared properties."""

from __future__ import annotations

import dataclasses
import functools
import json
import pathlib
from typing import Any

import jax
import numpy as np
import optax
import pytest

from vidparticles import models
from vidparticles.errors import InputError
from vidparticles.models import motion
from vidparticles.numerics import masked_mean
from vidparticles.tracking.base import scan
from vidparticles.training import checkpoint, run, state

ROWS, FRAMES, HEIGHT, WIDTH, CLASSES = 3, 5, 16, 24, 3
NEXT = {"prediction_weight": 2.0}
# Tiny, but with all of their parts.
MEMBERS: dict[str, tuple[str, dict[str, Any]]] = {
    "frame_particles": (
        "frame_particles",
        {"planes": 2, "charge": 2, "encoder": [4, 4], "motion_clips": 0}
        | {"interactions": {"width": 4, "steps": 1}},
    ),
    "object_particles": (
        "object_particles",
        {"objects": {"count": 2, "widths": [2], "memory": 2}, "hidden": 4},
    ),
    "single_frame": ("single_frame", {"encoder": [4, 4]}),
    "tsn": ("tsn", {}),
    "slowfast": ("slowfast", NEXT),
    "vivit": ("vivit", {"layers": 1}),
    "lru": ("lru", {"layers": 1, "features": 8}),
    "gru": ("gru", {"features": 8, **NEXT}),
    "conv_gru": ("conv_gru", {"features": 4, **NEXT}),
    "slots": ("slots", {"count": 3, "features": 8, **NEXT}),
}
ALL = pytest.mark.parametrize("member", MEMBERS)


@dataclasses.dataclass(frozen=True)
class Member:
    model: Any
    params: Any
    program: Any


def real_batch(seed: int = 0) -> dict[str, np.ndarray]:
    """A bright square that moves over noise, not square pictures, the last row padding."""
    rng = np.random.default_rng(seed)
    video = rng.integers(0, 60, (ROWS, FRAMES, HEIGHT, WIDTH, 3), np.uint8)
    for row in range(ROWS):
        for t in range(FRAMES):
            video[row, t, 4 + 2 * row : 8 + 2 * row, 2 + 3 * t : 6 + 3 * t] = 230
    time = np.tile(np.arange(FRAMES, dtype=np.float32) / 25, (ROWS, 1))
    return {
        "video": video,
        "time": time,
        "label": np.array([0, 2, 1], np.int32),
        "_mask": np.array([True, True, False]),
        "index": np.arange(ROWS, dtype=np.int32),
    }


@functools.cache
def made(member: str) -> Member:
    """A member with parameters, and one program of all that is asked of it."""
    name, options = MEMBERS[member]
    model: Any = models.build(name, num_classes=CLASSES, **options)
    params = jax.device_get(jax.jit(model.init)(jax.random.key(0), real_batch()))
    # Off what starts at zero: what is behind it would have no gradient.
    leaves, tree = jax.tree.flatten(params)
    rng = np.random.default_rng(1)
    params = tree.unflatten([x + 0.05 * rng.normal(size=x.shape).astype(x.dtype) for x in leaves])

    @jax.jit
    def program(params: Any, batch: Any) -> dict[str, Any]:
        def training(params: Any) -> Any:
            loss, _ = model.loss(params, batch, jax.random.key(2), train=True)
            return masked_mean(loss, batch["_mask"], axis=0)

        loss, metrics = model.loss(params, batch, jax.random.key(2), train=False)
        out = {"logits": model.apply(params, batch)["logits"], "loss": loss, "metrics": metrics}
        if model.capabilities.predicts:
            out["novelty"] = model.novelty(params, batch)
        value, out["gradient"] = jax.value_and_grad(training)(params)
        return {**out, "training": value}

    return Member(model, params, program)


def test_every_model_of_the_registry_that_labels_is_a_member() -> None:
    labels = {n for n in models.names() if models.build(n, num_classes=2).capabilities.labels}
    assert {name for name, _ in MEMBERS.values()} == labels


@ALL
def test_shapes_are_those_said_and_everything_is_a_number(member: str) -> None:
    m = made(member)
    out = m.program(m.params, real_batch())
    assert out["logits"].shape == (ROWS, CLASSES)
    assert all(x.shape == (ROWS,) for x in (out["loss"], *out["metrics"].values()))
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(jax.device_get(out)))
    still = [
        jax.tree_util.keystr(path)
        for path, g in jax.tree_util.tree_leaves_with_path(out["gradient"])
        if not np.any(g) and "motion" not in jax.tree_util.keystr(path)
    ]
    # A model of objects has parts that nothing in so short a clip makes use of.
    assert len(still) <= (12 if member == "object_particles" else 0), still


@ALL
def test_rows_do_not_see_each_other_and_padding_does_not_matter(member: str) -> None:
    m, batch = made(member), real_batch()
    out = m.program(m.params, batch)
    other = {**batch, "video": batch["video"].copy(), "label": np.array([0, 2, 0], np.int32)}
    other["video"][2] = 255 - other["video"][2]  # the padding
    changed = m.program(m.params, other)
    for name in ("logits", "loss"):
        np.testing.assert_allclose(changed[name][:2], out[name][:2], atol=1e-5)
    for a, b in zip(*map(jax.tree.leaves, (changed["gradient"], out["gradient"])), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    np.testing.assert_allclose(changed["training"], out["training"], atol=1e-6)
    assert np.abs(changed["logits"][2] - out["logits"][2]).max() > 1e-6
    order = np.array([2, 0, 1])
    turned = m.program(m.params, {name: x[order] for name, x in batch.items()})
    np.testing.assert_allclose(turned["logits"], out["logits"][order], atol=1e-5)


# By default one that is a picture's and one that runs through time: without jit every operation is
# compiled by itself.
@pytest.mark.parametrize(
    "member",
    [
        m if m in ("single_frame", "gru") else pytest.param(m, marks=pytest.mark.slow)
        for m in MEMBERS
    ],
)
def test_eager_is_jitted(member: str) -> None:
    m = made(member)
    eager = m.model.apply(m.params, real_batch())["logits"]
    np.testing.assert_allclose(eager, m.program(m.params, real_batch())["logits"], atol=1e-4)


@ALL
def test_what_is_saved_is_what_is_loaded(member: str, tmp_path: pathlib.Path) -> None:
    m, batch, (name, options) = made(member), real_batch(), MEMBERS[member]
    config = {
        "model": {"name": name, "options": options},
        "classes": [str(i) for i in range(CLASSES)],
        "data": {},
        "batch_size": ROWS,
        "example": run.row_shapes(batch),
    }
    run.write_config(tmp_path, json.loads(json.dumps(config)))
    with checkpoint.Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(state.create(m.params, optax.sgd(0.1)), position=0)
    loaded = run.load_model(tmp_path)
    assert loaded.model == m.model
    hash(loaded.model)  # a static argument of jit
    assert jax.tree.structure(loaded.params) == jax.tree.structure(m.params)
    for a, b in zip(jax.tree.leaves(loaded.params), jax.tree.leaves(m.params), strict=True):
        np.testing.assert_array_equal(a, b)


@ALL
def test_it_streams_where_it_says_so(member: str) -> None:
    m, batch = made(member), real_batch()
    if not m.model.capabilities.streams:
        assert not hasattr(m.model, "step")
        assert not hasattr(m.model, "init_state")
        return
    now, step = m.model.init_state(m.params, batch["video"][:, 0], batch["time"][:, 0]), None
    step = jax.jit(m.model.step)
    size = [x.shape for x in jax.tree.leaves(now)]
    for t in range(FRAMES):
        now, out = step(m.params, now, batch["video"][:, t], batch["time"][:, t])
    assert [x.shape for x in jax.tree.leaves(now)] == size
    np.testing.assert_allclose(
        out["logits"], m.program(m.params, batch)["logits"], atol=1e-4, rtol=1e-4
    )


@ALL
def test_it_predicts_where_it_says_so(member: str) -> None:
    m, batch = made(member), real_batch()
    if not m.model.capabilities.predicts:
        with pytest.raises((AttributeError, InputError)):
            m.model.novelty(m.params, batch)
        return
    novelty = m.program(m.params, batch)["novelty"]
    assert novelty.shape == (ROWS, FRAMES)
    assert not np.any(novelty[:, 0])
    # Nothing that comes later changes what a frame was worth.
    later = {**batch, "video": batch["video"].copy()}
    later["video"][:, -1] = 255 - later["video"][:, -1]
    changed = m.program(m.params, later)["novelty"]
    np.testing.assert_allclose(changed[:, :-1], novelty[:, :-1], atol=1e-4, rtol=1e-4)
    assert np.abs(changed[:, -1] - novelty[:, -1]).min() > 1e-5


@ALL
def test_the_other_capabilities_are_true(member: str) -> None:
    m, batch = made(member), real_batch()
    can = m.model.capabilities
    assert can.labels
    assert not dataclasses.replace(m.model, num_classes=1).capabilities.labels
    assert hasattr(m.model, "motion_laws") == can.motion_laws
    assert hasattr(m.model, "tracker") == can.tracks
    if can.motion_laws:
        _, force = motion.force_curves(m.model.motion_laws(m.params))["total"]
        assert np.isfinite(force).all()
    if can.tracks:
        tracks = jax.jit(functools.partial(scan, m.model.tracker))(
            m.model.tracker_params(m.params), batch["video"], batch["time"]
        )
        assert tracks.identity.shape[:2] == (ROWS, FRAMES)
    assert not can.still_scene
