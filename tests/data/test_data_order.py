"""The order of clips and times is a pure function that covers everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidparticles.data import order
from vidparticles.data.augment import Augment

SEEDS = st.integers(0, 2**63)


@given(count=st.integers(1, 3000), seed=SEEDS, epoch=st.integers(0, 2**40))
def test_permutation_is_one(count: int, seed: int, epoch: int) -> None:
    image = order.permute(np.arange(count), count=count, seed=seed, epoch=epoch)
    assert np.array_equal(np.sort(image), np.arange(count))


@given(count=st.integers(2, 3000), seed=SEEDS, data=st.data())
def test_one_place_is_as_in_the_whole(count: int, seed: int, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, count - 1))
    whole = order.permute(np.arange(count), count=count, seed=seed, epoch=1)
    assert order.permute(place, count=count, seed=seed, epoch=1) == whole[place]


def test_every_place_is_as_likely() -> None:
    epochs, count = 2000, 10
    seen = np.array(
        [order.permute(np.arange(count), count=count, seed=1, epoch=e) for e in range(epochs)]
    )
    for place in range(count):
        times = np.bincount(seen[:, place], minlength=count)
        chi2 = np.sum((times - epochs / count) ** 2) / (epochs / count)
        assert chi2 < 33.7  # 1 in 10,000 for 9 degrees of freedom
    # Neighbors are not kept together either: after 3 comes 4 about once in ten.
    follows = np.mean([np.any((row[:-1] == 3) & (row[1:] == 4)) for row in seen])
    assert 0.08 < follows < 0.12


def test_order_stays_what_it_was() -> None:
    # A run that goes on with a newer version must meet the same clips.
    orders = [order.permute(np.arange(7), count=7, seed=0, epoch=e).tolist() for e in range(2)]
    assert orders == [[2, 0, 5, 6, 1, 3, 4], [2, 4, 1, 6, 5, 0, 3]]


def test_epochs_and_seeds_differ() -> None:
    many = {
        tuple(order.permute(np.arange(50), count=50, seed=s, epoch=e).tolist())
        for s in range(5)
        for e in range(5)
    }
    assert len(many) == 25


def test_draws_are_of_the_counter_alone() -> None:
    a = order.rng_of(3, 7).random(4)
    assert np.array_equal(a, order.rng_of(3, 7).random(4))
    assert not np.allclose(a, order.rng_of(3, 8).random(4))
    assert not np.allclose(a, order.rng_of(4, 7).random(4))


@given(duration=st.floats(0.05, 1e4), frames=st.integers(1, 64), seed=SEEDS)
def test_uniform_times_take_one_in_each_part(duration: float, frames: int, seed: int) -> None:
    for rng in (None, order.rng_of(seed, 0)):
        times = order.uniform_times(duration, frames=frames, rng=rng)
        assert np.array_equal(np.floor(times / duration * frames + 1e-9), np.arange(frames))


@given(duration=st.floats(0.05, 100), frames=st.integers(1, 32), rate=st.floats(1, 60))
def test_dense_windows_cover_the_clip(duration: float, frames: int, rate: float) -> None:
    windows = order.windows_of(duration, frames=frames, rate=rate)
    times = [
        order.dense_times(duration, frames=frames, rate=rate, window=w, windows=windows)
        for w in range(windows)
    ]
    assert np.allclose(np.diff(times, axis=1), 1 / rate)
    covered = np.concatenate(times)
    gaps = np.diff(np.sort(np.concatenate([[-0.5 / rate], covered, [duration + 0.5 / rate]])))
    assert gaps.max() <= 1 / rate * (1 + 1e-3)
    if duration > frames / rate:
        assert covered.max() < duration
        assert covered.min() >= 0


def test_augment_varies_only_what_is_asked() -> None:
    video = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 3), dtype=np.uint8)
    size = (16, 16)
    plain = Augment(crop=0.8)
    assert plain.source_size(size) == (20, 20)
    crops = [plain(video, size=size, rng=order.rng_of(0, i)) for i in range(40)]
    places = set()
    for crop in crops:
        at = [
            (y, x)
            for y in range(5)
            for x in range(5)
            if np.array_equal(video[:, y : y + 16, x : x + 16], crop)
        ]
        assert len(at) == 1  # a crop, never a mirrored or brightened one
        places.add(at[0])
    assert len(places) > 10
    again = plain(video, size=size, rng=order.rng_of(0, 3))
    assert np.array_equal(again, crops[3])
    mirrored = [Augment(flip=True)(video, size=(20, 20), rng=order.rng_of(0, i)) for i in range(40)]
    share = np.mean([np.array_equal(m, video[:, :, ::-1]) for m in mirrored])
    assert 0.25 < share < 0.75
    bright = Augment(brightness=0.2)(video, size=(20, 20), rng=order.rng_of(0, 1))
    ratio = bright[video == 100] / 100
    assert np.ptp(ratio) == 0
    assert 0.8 <= ratio[0] <= 1.2
    assert ratio[0] != 1


@pytest.mark.parametrize("wrong", [{"crop": 0.0}, {"crop": 1.5}, {"brightness": 1.0}])
def test_augment_refuses(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Augment(**wrong)
