"""What is seen between two pictures: each kind through the same properties, and what it is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from vidparticles.editing.splicing import MIXES, mix_of
from vidparticles.errors import InputError


def pictures(kind) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    coarse = rng.integers(20, 230, (2, 6, 8, 3)).repeat(8, 1).repeat(8, 2)
    return coarse[0].astype(kind), coarse[1].astype(kind)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
@pytest.mark.parametrize("name", MIXES)
def test_it_begins_with_one_picture_and_ends_with_the_other(name, kind):
    before, after = pictures(kind)
    mix = mix_of(name)
    first, middle, last = (mix(before, after, share) for share in (0.0, 0.5, 1.0))
    np.testing.assert_allclose(first.astype(float), before, atol=1)
    np.testing.assert_allclose(last.astype(float), after, atol=1)
    assert middle.dtype == before.dtype
    assert middle.shape == before.shape
    assert np.abs(middle.astype(float) - before).mean() > 10  # something goes on
    assert np.abs(middle.astype(float) - after).mean() > 10


@pytest.mark.parametrize("name", ["fade", "dip", "wipe"])
def test_it_never_goes_back(name):
    before, after = pictures(np.uint8)
    left = [np.abs(mix_of(name)(before, after, s).astype(float) - after).mean() for s in SHARES]
    if name == "dip":  # first away from both, then to the other
        left = left[len(left) // 2 :]
    assert all(a >= b for a, b in itertools.pairwise(left))


SHARES = np.linspace(0, 1, 11)


def test_a_fade_has_both_and_a_wipe_one_or_the_other():
    before, after = pictures(np.float32)
    np.testing.assert_allclose(mix_of("fade")(before, after, 0.25), 0.75 * before + 0.25 * after)
    half = mix_of("wipe")(before, after, 0.5)
    np.testing.assert_array_equal(half[:, :20], after[:, :20])
    np.testing.assert_array_equal(half[:, -20:], before[:, -20:])


def test_a_morph_moves_what_is_alike_where_a_fade_shows_it_twice():
    rng = np.random.default_rng(2)
    ground = rng.uniform(60, 90, (12, 16, 3)).repeat(8, 0).repeat(8, 1)
    patch = rng.uniform(150, 250, (4, 4, 3)).repeat(6, 0).repeat(6, 1)

    def with_patch(x: int) -> np.ndarray:
        picture = ground.copy()
        picture[36:60, x : x + 24] = patch
        return picture.astype(np.uint8)

    before, after, middle = with_patch(40), with_patch(52), with_patch(46)
    errors = {
        name: np.abs(mix_of(name)(before, after, 0.5).astype(float) - middle).mean()
        for name in ("morph", "fade")
    }
    assert errors["morph"] < 0.5 * errors["fade"]


def test_a_kind_that_there_is_not():
    with pytest.raises(InputError, match="'fade'"):
        mix_of("fde")
