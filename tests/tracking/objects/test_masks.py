"""Masks of made pictures whose truth is known; what must not depend on where or how large."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.errors import InputError
from vidparticles.image.crops import read
from vidparticles.tracking.objects.masks import (
    MaskConfig,
    nearness,
    object_masks,
    shared,
    squares,
)

CONFIG = MaskConfig(size=48, radius=2, last_radius=1)
HEIGHT, WIDTH = 120, 200


def textured(key: int, color: tuple[float, float, float], spread: float = 0.08) -> np.ndarray:
    """A picture of one color, lighter and darker from place to place."""
    noise = jax.random.normal(jax.random.key(key), (HEIGHT // 6, WIDTH // 6, 3))
    rough = np.asarray(jax.image.resize(noise, (HEIGHT, WIDTH, 3), "cubic"))
    return np.clip(np.array(color) + spread * rough, 0, 1).astype(np.float32)


def disc(x: float, y: float, rx: float, ry: float) -> np.ndarray:
    """Which pixels lie in an ellipse, pixels."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    return ((columns - x) / rx) ** 2 + ((rows - y) / ry) ** 2 < 1


def box_of(truth: np.ndarray) -> np.ndarray:
    """left, top, right, bottom, frame heights."""
    rows, columns = np.nonzero(truth)
    ends = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    return np.array(ends, np.float32) / truth.shape[0]


def picture(truth: np.ndarray, key: int = 0) -> np.ndarray:
    """Orange before green and blue, both textured."""
    ground = textured(key, (0.25, 0.45, 0.4))
    return np.where(truth[..., None], textured(key + 1, (0.8, 0.45, 0.25)), ground)


def masks(frame: np.ndarray, *boxes: np.ndarray, **more) -> np.ndarray:
    found, _ = object_masks(
        jnp.asarray(frame), jnp.asarray(boxes), jnp.ones(len(boxes), bool), CONFIG, **more
    )
    return np.asarray(found)


def iou(mask: np.ndarray, truth: np.ndarray) -> float:
    return float(((mask > 0.5) & truth).sum() / ((mask > 0.5) | truth).sum())


def cross() -> np.ndarray:
    """Not an ellipse: what fills less than half of its box."""
    truth = np.zeros((HEIGHT, WIDTH), bool)
    truth[20:100, 85:105] = truth[40:58, 60:130] = True
    return truth


@pytest.mark.parametrize("key", [0, 5, 9])
@pytest.mark.parametrize(("shape", "least"), [("ellipse", 0.95), ("cross", 0.9)])
def test_it_is_what_has_other_colors(key, shape, least):
    truth = disc(90, 60, 30, 40) if shape == "ellipse" else cross()
    mask = masks(picture(truth, key), box_of(truth))[0]
    assert iou(mask, truth) > least
    assert mask[~truth].mean() < 0.03


def test_the_boundary_is_where_the_edge_is():
    truth = cross()
    mask = masks(picture(truth), box_of(truth))[0]
    from scipy.ndimage import distance_transform_edt as distance

    off = distance(truth) + distance(~truth)
    assert np.mean(np.abs(mask - truth)[off > 3] > 0.5) < 0.002, "3 pixels away all are right"


def test_where_colors_tell_nothing_a_shape_in_the_box_is_left():
    frame = textured(3, (0.5, 0.5, 0.5), 0.0)
    mask = masks(frame, box_of(disc(90, 60, 30, 40)))[0]
    assert iou(mask, disc(90, 60, 30, 40)) > 0.6
    assert mask[60, 90] > 0.6
    assert mask[5, 5] == 0


def test_it_goes_with_the_picture():
    truth = disc(80, 60, 20, 30)
    frame = picture(truth)
    moved = np.roll(frame, (7, 13), (0, 1))
    one = masks(frame, box_of(truth))[0]
    other = masks(moved, box_of(truth) + np.array([13, 7, 13, 7]) / HEIGHT)[0]
    np.testing.assert_allclose(np.roll(one, (7, 13), (0, 1)), other, atol=2e-3)


def test_it_does_not_depend_on_the_number_of_pixels():
    truth = disc(90, 60, 30, 40)
    frame = picture(truth)
    one = masks(frame, box_of(truth))[0]
    twice = masks(frame.repeat(2, 0).repeat(2, 1), box_of(truth))[0]
    mean = twice.reshape(HEIGHT, 2, WIDTH, 2).mean((1, 3))
    assert np.abs(mean - one).mean() < 0.004
    assert np.mean(np.abs(mean - one) > 0.3) < 0.003


@pytest.mark.parametrize("place", [(0, 60), (199, 60), (90, 0), (90, 119), (0, 0)])
def test_what_leaves_the_picture_is_found_in_it(place):
    truth = disc(*place, 30, 40)
    mask = masks(picture(truth), box_of(truth))[0]
    assert iou(mask, truth) > 0.9


def test_boxes_without_a_pixel_and_of_one():
    frame = picture(disc(90, 60, 30, 40))
    none = np.array([0.5, 0.5, 0.5, 0.5], np.float32)
    beyond = np.array([3.0, 0.2, 3.5, 0.7], np.float32)
    point = np.array([90, 60, 91, 61], np.float32) / HEIGHT
    found = masks(frame, none, beyond, point)
    assert np.isfinite(found).all()
    assert found[1].max() == 0
    for mask in found[[0, 2]]:
        assert mask.sum() < 4
    assert found[2, 60, 90] > 0.2


def test_a_pixel_is_shared_and_the_nearer_has_it():
    far, near = disc(80, 60, 30, 40), disc(100, 70, 25, 40)
    ground = textured(0, (0.25, 0.45, 0.4))
    frame = np.where(far[..., None], textured(1, (0.8, 0.45, 0.25)), ground)
    frame = np.where(near[..., None], textured(2, (0.2, 0.2, 0.8)), frame)
    boxes = box_of(far), box_of(near)
    front = nearness(jnp.asarray(boxes), jnp.zeros(2, int), CONFIG)
    assert front[1] > front[0], "it stands lower"
    alike, told = masks(frame, *boxes), masks(frame, *boxes, front=front)
    for found in (alike, told):
        assert found.sum(0).max() <= 1 + 1e-5
    assert iou(told[1], near) > 0.9
    assert iou(told[0], far & ~near) > iou(alike[0], far & ~near) - 1e-3
    turned = masks(frame, *boxes, front=-front)
    assert turned[0][far & near].mean() > told[0][far & near].mean()


def test_shares_are_those_of_layers():
    mask = jax.random.uniform(jax.random.key(1), (4, 3, 5))
    front = jnp.array([2.0, 0.0, 3.0, 1.0])
    left, want = 1.0, {}
    for k in (2, 0, 3, 1):
        want[k] = left * mask[k]
        left = left * (1 - mask[k])
    np.testing.assert_allclose(
        shared(mask, front), jnp.stack([want[k] for k in range(4)]), atol=1e-6
    )
    np.testing.assert_allclose(
        shared(mask, jnp.zeros(4)), mask / jnp.maximum(mask.sum(0), 1), atol=1e-6
    )


def test_what_a_network_says_is_followed_where_colors_do_not_tell():
    truth = cross()
    frame = textured(3, (0.5, 0.5, 0.5), 0.02)
    box = jnp.asarray(box_of(truth))[None]
    said = read(jnp.asarray(truth, jnp.float32)[..., None], squares(box, CONFIG), 128)[..., 0]
    assert iou(masks(frame, box_of(truth), person=said)[0], truth) > 0.8
    assert iou(masks(frame, box_of(truth))[0], truth) < 0.6


def test_what_moved_before_a_ground_of_its_colors_is_found_more_likely():
    """Told by motion alone: the same texture on both, but elsewhere."""
    truth = cross()
    ground = textured(3, (0.5, 0.5, 0.5), 0.15)
    frame = np.where(truth[..., None], textured(4, (0.5, 0.5, 0.5), 0.15), ground)
    box = box_of(truth)
    still = masks(frame, box)[0]
    told = masks(frame, box, ground=(jnp.asarray(ground), jnp.asarray(box)[None]))[0]
    assert iou(told, truth) > iou(still, truth) + 0.03
    assert told[truth].mean() > still[truth].mean() + 0.05
    # A camera that moved meanwhile changes nothing, as long as its motion is told.
    shifted, moved = (
        np.roll(ground, 9, 1),
        jnp.asarray(box)[None] + jnp.array([9, 0, 9, 0]) / HEIGHT,
    )
    other = masks(frame, box, ground=(jnp.asarray(shifted), moved))[0]
    np.testing.assert_allclose(told, other, atol=2e-3)


def test_nothing_said_is_one_half():
    truth = cross()
    half = jnp.full((1, CONFIG.size, CONFIG.size), 0.5)
    one = masks(picture(truth), box_of(truth))
    other = masks(picture(truth), box_of(truth), person=half, before=half)
    np.testing.assert_allclose(one, other, atol=1e-4)


@functools.cache
def few_pixels():
    """A disc of another color, of so few pixels that single operations are soon done."""
    whole = disc(90, 60, 30, 40)
    truth, frame = whole[::4, ::4], jnp.asarray(picture(whole)[::4, ::4])
    config = MaskConfig(size=12, rounds=1, steps=2, radius=1, last_radius=1)
    run = functools.partial(object_masks, valid=jnp.ones(1, bool), config=config)
    return run, frame, jnp.asarray(box_of(truth))[None], truth


@pytest.mark.slow  # each operation is compiled by itself
def test_compiled_masks_are_those_of_single_operations():
    run, frame, box, _ = few_pixels()
    with jax.disable_jit():
        eager, _ = run(frame, box)
    np.testing.assert_allclose(run(frame, box)[0], eager, atol=1e-4)


def test_gradients_of_masks_are_finite():
    run, frame, box, truth = few_pixels()

    def loss(frame, box):
        return jnp.mean((run(frame, box)[0][0] - truth) ** 2)

    for slope in jax.jit(jax.grad(loss, (0, 1)))(frame, box):
        assert bool(jnp.isfinite(slope).all())
        assert float(jnp.abs(slope).max()) > 0


def test_numbers_that_cannot_be_are_a_sentence():
    with pytest.raises(InputError, match="expected 8 pixels"):
        MaskConfig(size=4)
    for wrong in ({"rounds": 0}, {"fitted": 0}, {"fitted": 97}):
        with pytest.raises(InputError, match="a round or more, and every so-manieth of 96"):
            MaskConfig(**wrong)
