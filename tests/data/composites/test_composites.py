"""Composites: what is told of them is true of their pictures, and a run of them is repeatable."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from scipy import ndimage

from vidparticles.data.composites import pictures, pool, shapes
from vidparticles.data.composites.drawing import _laid, composite, drawn
from vidparticles.data.composites.pool import Composites
from vidparticles.data.composites.scene import CompositeConfig, Layer, scene
from vidparticles.errors import InputError

CONFIG = CompositeConfig(frames=12)
CLIPS = 24


@functools.cache
def clear(seed: int):
    """A clip in clear light."""
    made = scene(np.random.default_rng(seed), pictures.photographs(), CONFIG)
    return made, drawn(made, CONFIG)


def middles():
    rows, columns = CONFIG.height // CONFIG.cell, CONFIG.width // CONFIG.cell
    y, x = np.mgrid[:rows, :columns]
    return CONFIG.cell * (np.stack([x, y], -1) + 0.5)


def test_what_is_in_a_cell_came_from_where_its_flow_says():
    off, by_chance, moved = [], [], []
    for seed in range(CLIPS):
        made, clip = clear(seed)
        if made.blur or any(made.shadows):
            continue
        # A cell of one thing, in it and around it, now and before.
        edges = clip["cover"].max(-1)
        sure = np.isin(edges, (0, 255))
        for t in range(1, CONFIG.frames):
            came = middles() - clip["flow"][t].astype(float)
            inside = np.all((came > 3) & (came < [CONFIG.width - 3, CONFIG.height - 3]), -1)
            there = np.floor(came / CONFIG.cell).astype(int)
            there = np.where(inside[..., None], there, 0)
            kept = (
                sure[t]
                & inside
                & (clip["cover"][t - 1][there[..., 1], there[..., 0]].max(-1) == edges[t])
            )
            now, before = (
                np.stack(
                    [ndimage.gaussian_filter(c, 1.0) for c in np.moveaxis(clip["video"][k], -1, 0)]
                )
                for k in (t, t - 1)
            )

            def at(picture, where):
                places = [where[..., 1] - 0.5, where[..., 0] - 0.5]
                return np.stack([ndimage.map_coordinates(c, places, order=1) for c in picture])

            here = at(now, middles())
            off.append(np.abs(here - at(before, came)).mean(0)[kept])
            by_chance.append(np.abs(here - at(before, middles())).mean(0)[kept])
            moved.append(np.linalg.norm(clip["flow"][t].astype(float), axis=-1)[kept])
    off, by_chance, moved = (np.concatenate(x) for x in (off, by_chance, moved))
    assert np.median(off) < 1.5
    far = moved > 1.0
    assert far.sum() > 500
    assert np.median(off[far]) < 0.35 * np.median(by_chance[far])


def test_middles_and_sizes_are_those_of_what_is_seen_of_a_whole_object():
    off, ratio = [], []
    for seed in range(CLIPS):
        made, clip = clear(seed)
        whole = clip["visible"].max(0)
        for t in range(CONFIG.frames):
            for k in range(made.count):
                cover = clip["cover"][t, ..., k] / 255
                size = np.sqrt(clip["covariance"][t, k, ::2])
                center = clip["center"][t, k]
                inside = np.all(center > 2.5 * size) and np.all(
                    center < [CONFIG.width, CONFIG.height] - 2.5 * size
                )
                if whole[k] < 40 or clip["visible"][t, k] < 0.97 * whole[k] or not inside:
                    continue
                weight = cover / cover.sum()
                mean = (weight[..., None] * middles()).sum((0, 1))
                spread = (weight[..., None] * (middles() - mean) ** 2).sum((0, 1))
                off.append(np.linalg.norm(mean - center))
                ratio.append(np.sqrt(spread) / np.sqrt(size**2 + CONFIG.cell**2 / 12))
    assert len(off) > 50
    assert np.median(off) < 0.3
    assert np.percentile(off, 90) < 1.5  # limbs of one body over each other count once
    assert 0.93 < np.median(ratio) < 1.07


def test_an_edge_is_a_mixture_of_what_is_on_its_sides():
    rng, color = np.random.default_rng(0), np.array([200.0, 60.0, 10.0])
    plain = np.zeros((40, 40, 3)) + color
    pose = np.stack([shapes.matrix((32, 24), 0.7, 0.6)] * 2)
    piece = shapes.rigid(rng, "blob", plain, 28, 2)[0]
    layer = Layer(0, piece.picture, pose @ piece.matrices)
    _, over = _laid(layer, 0, (64, 96), blur=False)
    opaque = over[..., 3:] / 255
    assert ((opaque > 0.05) & (opaque < 0.95)).sum() > 30
    np.testing.assert_allclose(over[..., :3], opaque * color, atol=2.5)


def test_an_object_rests_where_it_is_said_to():
    for seed in range(CLIPS):
        made, clip = clear(seed)
        shift = np.abs(np.diff(made.world, axis=0)).max(-1)
        still = clip["still"][1:]
        assert shift[still].max(initial=0) < 0.61  # a fourth of a frame's share, and noise
        assert not clip["still"][:4].any()
        assert (np.diff(clip["moved"].astype(int), axis=0) >= 0).all()


def test_of_things_that_swap_one_comes_to_where_another_began():
    bank = pictures.photographs()
    # Some clips end before a swap does.
    for swaps, least_share, most_share in ((0.0, 0, 0), (1.0, 0.6, 1)):
        config = CompositeConfig(hard=1.0, swaps=swaps)
        exchanged = []
        for seed in range(8):
            made = scene(np.random.default_rng(seed), bank, config)
            at = made.center[:, : made.count]
            off = np.linalg.norm(at[:, :, None] - at[0], axis=-1).min(0)
            least = off[~np.eye(made.count, dtype=bool)].min(initial=np.inf)
            exchanged.append(np.ptp(made.camera, axis=0).max() == 0 and least < 0.3)
        assert least_share <= np.mean(exchanged) <= most_share


def test_a_clip_is_a_function_of_its_seed():
    one, two, other = (
        composite(np.random.default_rng(seed), pictures.photographs(), CONFIG) for seed in (3, 3, 4)
    )
    for key, value in one.items():
        np.testing.assert_array_equal(value, two[key])
    assert (one["video"] != other["video"]).any()


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    made = Composites(
        dir=str(tmp_path_factory.mktemp("pool")),
        clips=5,
        frames=8,
        options={"frames": 12, "width": 80},
    )
    made.make()
    return made


def test_a_pool_goes_on_and_one_made_otherwise_is_refused(clips, tmp_path):
    path = clips._path(2)
    content = path.read_bytes()
    path.unlink()
    clips.make()
    np.testing.assert_array_equal(clips.clip(2)["video"], dict(np.load(path))["video"])
    assert len(path.read_bytes()) == len(content)
    other = Composites(dir=clips.dir, clips=5, seed=1, options=clips.options, frames=8)
    with pytest.raises(InputError, match="holds composites made otherwise"):
        other.make()


def test_a_batch_follows_from_its_step_and_is_shared_out_over_hosts(clips):
    def second(**options):
        stream = clips.batches(split="train", batch_size=4, seed=1, **options)
        next(stream)
        return next(stream)

    whole, again = second(), next(clips.batches(split="train", batch_size=4, seed=1, start=1))
    parts = [second(host=host, hosts=2) for host in (0, 1)]
    for key, value in whole.items():
        np.testing.assert_array_equal(value, again[key])
        np.testing.assert_array_equal(value, np.concatenate([p[key] for p in parts]))
    assert whole["video"].shape == (4, 8, 64, 64, 3)
    assert whole["video"].dtype == np.uint8
    with pytest.raises(InputError, match="no split 'val'"):
        clips.batches(split="val", batch_size=4)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_mirror_image_is_true_too_and_twice_is_once(clips, axis):
    rng = np.random.default_rng(0)
    part = pool.example(rng, clips.clip(1), 8, 64, clips.config)
    size = (64, clips.config.height)[axis]
    mirrored = pool._mirrored(part, axis=axis, size=size)
    back = pool._mirrored(mirrored, axis=axis, size=size)
    for key, value in part.items():
        np.testing.assert_allclose(back[key], value, atol=1e-4)
    # What an object covers lies as far from its middle as before, on the other side.
    cover = part["cover"].astype(float)
    y, x = np.mgrid[: cover.shape[1], : cover.shape[2]]
    cells = 4 * (np.stack([x, y], -1) + 0.5)[None, :, :, None]

    def away(example):
        weight = example["cover"].astype(float)[..., None]
        mean = (weight * cells).sum((1, 2)) / (weight.sum((1, 2)) + 1e-9)
        return (mean - example["center"]) * (weight.sum((1, 2)) > 0)

    def against(example):
        """How far the cells of an object came otherwise than its middle."""
        weight = example["cover"].astype(float)[..., None]
        flow = (weight * example["flow"][:, :, :, None]).sum((1, 2)) / (weight.sum((1, 2)) + 1e-9)
        return (flow - example["shift"]) * (weight.sum((1, 2)) > 0)

    assert np.abs(part["shift"]).max() > 0.5
    sign = np.array([[-1, 1], [1, -1]][axis])
    np.testing.assert_allclose(away(mirrored), sign * away(part), atol=1e-3)
    np.testing.assert_allclose(against(mirrored), sign * against(part), atol=1e-3)


def test_what_cannot_be_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="not made of cells of 4"):
        CompositeConfig(height=50)
    with pytest.raises(InputError, match="a clip of the pool has 36 frames"):
        Composites(dir=str(tmp_path), frames=40)
    with pytest.raises(InputError, match="holds no picture"):
        pictures.photographs(str(tmp_path))
    (tmp_path / "broken.png").write_bytes(b"no")
    with pytest.raises(InputError, match=r"broken\.png cannot be read as a picture"):
        pictures.photographs(str(tmp_path))


@pytest.mark.parametrize("seed", range(5))
def test_the_dressed_wear_one_color_on_the_trunk_and_another_on_both_legs(seed):
    flat = [np.full((96, 96, 3), shade, np.float32) for shade in (40.0, 120.0, 200.0)]
    parts = shapes.body(np.random.default_rng(seed), flat, 30.0, 4, dressed=True)
    sums = [p.picture.sum((0, 1), dtype=float) for p in parts]
    shade = [round(255 * s[0] / s[3], -1) for s in sums]
    assert shade.count(120) == 2  # legs
    assert 40 in shade
    assert set(shade) <= {40, 120, 200}
