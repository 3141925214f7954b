"""The network as a stream, its loss against maps that are right, and what is read from them."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.data.composites import pictures, pool
from vidparticles.data.composites.drawing import composite
from vidparticles.data.composites.scene import CompositeConfig
from vidparticles.models.moving import inputs
from vidparticles.models.moving.loss import LossConfig, losses
from vidparticles.models.moving.model import Moving
from vidparticles.models.moving.network import CELL, Maps, NetworkConfig
from vidparticles.models.moving.observe import ReadConfig, observer, read
from vidparticles.tracking.objects.tracker import rest

SMALL = Moving(
    network=NetworkConfig(channels=8, matching=4, radius=2, lag=2, hidden=8, appearance=4)
)
CONFIG = CompositeConfig(frames=6, height=32, width=48, largest=14, large=14, huge=20)
ROWS = 3


@functools.cache
def batch():
    """Examples in which something moves."""
    found = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        clip = composite(rng, pictures.photographs(), CONFIG)
        if (clip["moved"][2:] & (clip["visible"][2:] > 25)).any():
            found.append(pool.example(rng, clip, 5, 32, CONFIG))
        if len(found) == ROWS:
            return {key: np.stack([e[key] for e in found]) for key in found[0]}
    raise AssertionError


@functools.cache
def params():
    return jax.jit(SMALL.init)(jax.random.key(0), batch())


@functools.cache
def given():
    b = batch()
    return jax.jit(lambda v, g, t: inputs.of_clips(v, g, t, SMALL.cues))(
        b["video"], b["gate"], b["time"]
    )


def test_frame_by_frame_is_all_at_once_and_rows_do_not_see_each_other():
    video, step = jnp.asarray(batch()["video"]), jax.jit(SMALL.step)
    start = SMALL.no_frames(ROWS, (32, 32))
    whole, after = step(params(), video, given(), start)
    state, told = start, []
    for t in range(video.shape[1]):
        one = jax.tree.map(lambda x, t=t: x[:, t : t + 1], (video, given()))
        maps, state = step(params(), *one, state)
        told.append(maps)
    joined = jax.tree.map(lambda *x: jnp.concatenate(x, 1), *told)
    for got, wanted in zip(
        jax.tree.leaves((joined, state)), jax.tree.leaves((whole, after)), strict=True
    ):
        np.testing.assert_allclose(got, wanted, atol=2e-4)
    # Another first row leaves the others as they are.
    changed = jax.tree.map(lambda x: x.at[0].set(x[1]), (video, given()))
    other, _ = step(params(), *changed, start)
    for got, wanted in zip(jax.tree.leaves(other), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(got[1:], wanted[1:], atol=2e-4)
        assert np.abs(np.asarray(got[0]) - np.asarray(wanted[0])).max() > 1e-3


def right(batch):
    """Maps that say what is true, where something is true."""
    cover = batch["cover"] / 255 * batch["moved"][:, :, None, None]
    h, w = cover.shape[2:4]
    y, x = np.mgrid[:h, :w] + 0.5
    cells = np.stack([x, y], -1)
    off = batch["center"][:, :, None, None] / CELL - cells[:, :, None]
    near = np.all(np.abs(off) <= 0.5, -1)
    whose = np.where(near.any(-1), near.argmax(-1), cover.argmax(-1))

    def of(value):
        return np.take_along_axis(value, whose[..., None, None], 4)[..., 0, :]

    spread = batch["covariance"] / CELL**2
    deviation = np.log(np.sqrt(spread[..., ::2] + 1e-4))
    rho = spread[..., 1] / np.sqrt(spread[..., 0] * spread[..., 2] + 1e-6)
    extent = np.concatenate([deviation, np.arctanh(np.clip(rho, -0.99, 0.99))[..., None]], -1)

    def everywhere(v):
        return np.broadcast_to(v[:, :, None, None], (*off.shape[:5], v.shape[-1]))

    flow = batch["flow"] / CELL
    reach = np.stack(np.meshgrid(np.arange(-2, 3), np.arange(-2, 3)), -1).reshape(-1, 2)
    place = np.prod(np.maximum(1e-3, 1 - np.abs(-flow[..., None, :] - reach)), -1)
    name = np.eye(cover.shape[-1])[whose][..., :4] * (cover.max(-1) > 0)[..., None]
    seen = (batch["visible"] > 0.25) & batch["moved"]
    covered = np.clip(1.5 * cover.sum(-1), 1e-3, 1 - 1e-3)
    center = (near & seen[:, :, None, None]).any(-1)
    return Maps(
        mask=jnp.asarray(np.log(covered / (1 - covered))),
        center=jnp.asarray(np.where(center, 9.0, -9.0)),
        offset=jnp.asarray(of(off)),
        extent=jnp.asarray(of(everywhere(extent))),
        velocity=jnp.asarray(of(everywhere(batch["shift"] / CELL))),
        appearance=jnp.asarray(name),
        flow=jnp.asarray(flow),
        matching=jnp.asarray(np.log(place)),
    )


def test_maps_that_are_right_cost_less_than_those_of_no_network():
    b = batch()
    truth = right(b)
    none = jax.tree.map(lambda x: 0.1 * jnp.ones_like(x), truth)
    cost, blank = (
        {k: float(v.mean()) for k, v in losses(m, b, LossConfig(), radius=2).items()}
        for m in (truth, none)
    )
    for name in ("mask", "dice", "center", "offset", "extent", "velocity", "flow", "matching"):
        assert cost[name] < 0.5 * blank[name], (name, cost[name], blank[name])
    assert cost["appearance"] < blank["appearance"]


def test_every_parameter_is_taught():
    def total(p):
        loss, _ = SMALL.loss(p, batch(), jax.random.key(0), train=True)
        return loss.mean()

    # Off what starts at zero: what is behind it would have no gradient.
    moved = jax.tree.map(lambda x: x + 0.02, params())
    gradient = jax.jit(jax.grad(total))(moved)
    for path, g in jax.tree_util.tree_leaves_with_path(gradient):
        assert np.isfinite(g).all(), path
        assert np.abs(g).max() > 0, path


def test_objects_are_read_where_they_are():
    b = batch()
    truth, config = right(b), ReadConfig(smallest=1.0, largest=60.0)
    found = 0
    for row in range(ROWS):
        maps = jax.tree.map(lambda x, row=row: x[row, -1], truth)
        seen = read(maps, 32, config)
        sure = np.asarray(seen.score) > 0.5
        there = b["center"][row, -1] / 32
        asked = b["moved"][row, -1] & (b["visible"][row, -1] > 0.25)
        asked &= np.all((there > 0) & (there < 1), -1) & (b["cover"][row, -1].sum((0, 1)) > 60)
        for place in there[asked]:
            off = np.linalg.norm(np.asarray(seen.position)[sure] - place, axis=-1)
            found += off.min(initial=9.0) < 1e-3
        assert sure.sum() <= b["moved"][row, -1].sum()
    assert found >= 2


@pytest.mark.parametrize("shape", [(40, 64), (64, 40)])
def test_an_observer_is_the_network_with_its_own_gate(shape):
    watch = observer(SMALL, ReadConfig(heights=(16, 32), count=4))
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (3, *shape, 3)).astype(np.uint8)
    state = watch.init_fn(params(), frames[0])
    step = jax.jit(watch.observe_fn)
    for frame in frames:
        state, seen = step(params(), state, frame, rest(), jnp.float32(0.04))
    score = np.asarray(seen.score)
    assert seen.box.shape == (8, 4)
    assert (np.diff(np.where(seen.valid, score, -1)) <= 0).all()
    middles = np.asarray(seen.position)[np.asarray(seen.valid)]
    assert (middles[:, 0] < shape[1] / shape[0] + 0.5).all()
