"""What is nearest, against a plain sort, and what is chosen to be diverse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles.errors import InputError
from vidparticles.inference.searching import nearest

WIDTH = 6


def _unit(rng, count):
    x = rng.standard_normal((count, WIDTH)).astype(np.float32)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


cases = given(
    seed=st.integers(0, 1000),
    rows=st.integers(1, 40),
    asked=st.integers(1, 4),
    count=st.sampled_from([1, 5]),
)


@settings(max_examples=25)
@cases
def test_the_nearest_moments_are_those_of_a_sort(seed, rows, asked, count):
    rng = np.random.default_rng(seed)
    vectors, queries = _unit(rng, rows), _unit(rng, asked)
    found = nearest.nearest_moments(vectors, queries, min(count, rows))
    score = (vectors.astype(float) @ queries.T.astype(float)).max(1)
    order = np.argsort(-score, kind="stable")[:count]
    np.testing.assert_allclose(found.score, score[order], atol=1e-6)
    np.testing.assert_allclose(score[found.moment], score[order], atol=1e-6)
    assert len(set(found.moment.tolist())) == len(found.moment)


@settings(max_examples=25)
@cases
def test_the_nearest_files_are_those_of_a_loop(seed, rows, asked, count):
    rng = np.random.default_rng(seed)
    vectors, queries = _unit(rng, rows), _unit(rng, asked)
    owners = rng.integers(0, 8, rows)
    files, found = nearest.nearest_files(vectors, owners, queries, count, files=8)
    product = vectors.astype(float) @ queries.T.astype(float)
    score = {f: product[owners == f].max(0).mean() for f in set(owners.tolist())}
    order = sorted(score, key=lambda f: -score[f])[:count]
    np.testing.assert_allclose(found.score, [score[f] for f in order], atol=1e-6)
    np.testing.assert_allclose([score[f] for f in files], found.score, atol=1e-6)
    for file, moment in zip(files, found.moment, strict=True):
        assert owners[moment] == file
        assert product[moment].max() == pytest.approx(product[owners == file].max())


@settings(max_examples=25)
@cases
def test_a_file_is_as_near_as_the_version_that_it_is_nearest_to(seed, rows, asked, count):
    rng = np.random.default_rng(seed)
    vectors, queries = _unit(rng, rows), _unit(rng, 2 * asked)
    owners = rng.integers(0, 8, rows)
    files, found = nearest.nearest_files(vectors, owners, queries, count, files=8, versions=2)
    each = [
        dict(zip(*(x.tolist() for x in (order, told.score)), strict=True))
        for order, told in (
            nearest.nearest_files(vectors, owners, part, 8, files=8)
            for part in np.split(queries, 2)
        )
    ]
    better = {file: max(score[file] for score in each) for file in each[0]}
    best = sorted(better.values(), reverse=True)[:count]
    np.testing.assert_allclose(found.score, best, atol=1e-6)
    np.testing.assert_allclose([better[int(f)] for f in files], found.score, atol=1e-6)


@settings(max_examples=25)
@cases
def test_layouts_lift_copies_and_leave_the_order_of_all_others(seed, rows, asked, count):
    rng = np.random.default_rng(seed)
    vectors, queries = _unit(rng, rows), _unit(rng, asked)
    places, sought = _unit(rng, rows), _unit(rng, asked)
    places[0] = 0.95 * sought[0]
    there, wanted = nearest.Seen(vectors, places), nearest.Seen(queries, sought)
    found = nearest.nearest_moments(there, wanted, rows)
    like = vectors.astype(float) @ queries.T.astype(float)
    same = places.astype(float) @ sought.T.astype(float)
    share = np.clip((same - 0.7) / 0.3, 0, 1)
    score = (like + (1 - like) * share).max(1)
    np.testing.assert_allclose(found.score, np.sort(score)[::-1], atol=1e-6)
    np.testing.assert_allclose(score[found.moment], found.score, atol=1e-6)
    if share[1:].max(initial=0) == 0:
        others = found.moment[found.moment != 0]
        np.testing.assert_allclose(np.diff(like.max(1)[others]).clip(0), 0, atol=1e-6)


def test_a_copy_is_found_first_whatever_its_size():
    vectors = _unit(np.random.default_rng(0), 300)
    assert nearest.nearest_moments(vectors, vectors[257:258], 1).moment[0] == 257


def test_beyond_a_million_most_of_the_largest_are_found():
    """The same call with `exact=False`, on few."""
    rng = np.random.default_rng(1)
    vectors, queries = _unit(rng, 200), _unit(rng, 1)
    right = set(nearest.nearest_moments(vectors, queries, 10).moment.tolist())
    some = set(nearest.nearest_moments(vectors, queries, 10, exact=False).moment.tolist())
    assert len(right & some) >= 8


def test_what_is_chosen_is_relevant_and_then_unlike():
    rng = np.random.default_rng(2)
    vectors = np.concatenate([np.tile(_unit(rng, 1), (5, 1)), _unit(rng, 5)])
    relevance = np.concatenate([np.linspace(1, 0.9, 5), np.full(5, 0.5)])
    alone = nearest.diverse(relevance, vectors, 5, balance=1).tolist()
    both = nearest.diverse(relevance, vectors, 5, balance=0.5).tolist()
    assert alone == [0, 1, 2, 3, 4]
    assert both[0] == 0
    assert len(set(both) & {1, 2, 3, 4}) <= 1
    assert sorted(nearest.diverse(relevance, vectors, 99, balance=0.5).tolist()) == [*range(10)]


def test_what_is_chosen_is_that_of_a_loop():
    rng = np.random.default_rng(3)
    vectors, relevance = _unit(rng, 12), rng.random(12)
    chosen = []
    for _ in range(6):
        worth = {
            k: 0.6 * relevance[k] - 0.4 * max((vectors[k] @ vectors[c] for c in chosen), default=0)
            for k in range(12)
            if k not in chosen
        }
        chosen.append(max(worth, key=worth.get))
    assert nearest.diverse(relevance, vectors, 6, balance=0.6).tolist() == chosen


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: nearest.nearest_moments(np.eye(3), np.eye(2), 1), r"\[N, D\]"),
        (lambda: nearest.nearest_moments(np.eye(3), np.eye(3)[:0], 1), "no query"),
        (lambda: nearest.nearest_moments(np.eye(3), np.eye(3), 0), "1 or more"),
        (lambda: nearest.nearest_files(np.eye(3), [0, 1], np.eye(3), 1, files=2), "one for each"),
        (lambda: nearest.nearest_files(np.eye(2), [0, 2], np.eye(2), 1, files=2), "file 2"),
        (
            lambda: nearest.nearest_files(np.eye(3), [0, 1, 1], np.eye(3), 1, files=2, versions=2),
            "each of 2 versions",
        ),
        (lambda: nearest.diverse([1.0], [[1.0]], 1, balance=2), "from 0 to 1"),
    ],
)
def test_mistakes_are_sentences(call, told):
    with pytest.raises(InputError, match=told):
        call()


def test_nothing_is_found_in_nothing():
    empty = np.zeros((0, 3))
    assert len(nearest.nearest_moments(empty, np.eye(3), 4).moment) == 0
    assert len(nearest.nearest_files(empty, [], np.eye(3), 4, files=0)[0]) == 0
    assert len(nearest.diverse([], empty, 4, balance=0.5)) == 0
