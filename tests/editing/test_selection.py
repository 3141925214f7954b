"""Which parts of a clip are chosen, of made signals: what holds of any, and a table of cases."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles.editing.selection import SelectionConfig, Signals, choose, parse_kinds
from vidparticles.editing.selection.choose import happenings
from vidparticles.editing.selection.summary import best_under, total
from vidparticles.errors import InputError

STEP = 0.125


def made(count: int = 80, **known: object) -> Signals:
    """Signals of a clip in which nothing happens but what is given."""
    zero, no = np.zeros(count), np.zeros(count, bool)
    signals = {"motion": zero, "novelty": zero, "loudness": zero - 50, "speech": zero}
    signals |= {"black": no, "frozen": no, "duplicate": no, "look": zero[:, None]}
    return Signals(STEP, count * STEP, **{**signals, **known})


def at(count: int, *spans: tuple[int, int], level: float = 1.0) -> np.ndarray:
    values = np.zeros(count)
    for first, stop in spans:
        values[first:stop] = level
    return values


@st.composite
def clips(draw) -> Signals:
    count = draw(st.integers(1, 120))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))

    def runs(share: float) -> np.ndarray:
        edges = np.sort(rng.integers(0, count + 1, 2 * int(share * 10)))
        return at(count, *zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))

    return made(
        count,
        motion=runs(0.3) * rng.uniform(0, 0.02, count),
        speech=runs(0.3) * rng.uniform(0.3, 1, count),
        loudness=-60 + 40 * runs(0.3),
        black=runs(0.2) > 0,
        frozen=runs(0.2) > 0,
        duplicate=runs(0.1) > 0,
        novelty=runs(0.1) * 0.3,
        look=rng.uniform(size=(count, 4)),
    )


KINDS_OF = st.sets(st.sampled_from(["idle", "silence", "black", "duplicate", "frozen"]), min_size=1)


@given(clips(), KINDS_OF, st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_parts_are_in_order_apart_and_within_the_clip(signals, kinds, margin, shortest):
    config = SelectionConfig(remove=frozenset(kinds), margin=margin, shortest=shortest)
    parts = choose(signals, config)
    edges = [edge for part in parts for edge in part[:2]]
    assert edges == sorted(edges)
    assert len({*edges}) == len(edges)  # two that touch would be one
    assert not edges or (edges[0] >= 0 and edges[-1] <= signals.seconds)


@given(clips(), KINDS_OF)
@settings(max_examples=150, deadline=None)
def test_no_part_begins_or_ends_where_someone_speaks(signals, kinds):
    config = SelectionConfig(remove=frozenset(kinds))
    speaks = happenings(signals, config)["speech"]
    for part in choose(signals, config):
        for edge in (part.start, part.end):
            k = round(edge / STEP)
            assert k in (0, len(speaks)) or not (speaks[k - 1] and speaks[k])


@given(clips())
@settings(max_examples=150, deadline=None)
def test_all_that_happens_for_long_enough_is_kept_with_its_margin(signals):
    config = SelectionConfig()
    parts = choose(signals, config)
    happens = np.any([*happenings(signals, config).values()], axis=0)
    kept = np.zeros(len(happens), bool)
    for part in parts:
        kept[round(part.start / STEP) : round(part.end / STEP)] = True
    edges = np.flatnonzero(np.diff(np.r_[0, happens, 0]))
    for first, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - first >= 4:
            assert kept[max(0, first - 2) : stop + 2].all()
    # And nothing is kept that is farther from all that happens than what a gap can be.
    near = np.flatnonzero(happens)
    for k in np.flatnonzero(kept):
        assert np.abs(near - k).min(initial=99) <= 6


@given(clips(), st.floats(0.2, 8))
@settings(max_examples=150, deadline=None)
def test_a_summary_fits_into_its_seconds(signals, most):
    whole = choose(signals)
    parts = choose(signals, SelectionConfig(most=most))
    assert sum(p.end - p.start for p in parts) <= most + 1e-9
    assert all(any(a.start <= p.start and p.end <= a.end for a in whole) for p in parts)
    if whole and most >= 0.25:
        assert parts


@given(st.integers(0, 2**32), st.integers(2, 8), st.integers(1, 20))
@settings(max_examples=100, deadline=None)
def test_the_best_pieces_are_as_good_as_is_promised(seed, count, budget):
    rng = np.random.default_rng(seed)
    values, costs = rng.uniform(0, 1, count), rng.integers(1, 8, count)
    place = rng.uniform(size=(count, 2))
    likeness = np.exp(-4 * ((place[:, None] - place[None]) ** 2).sum(-1))
    chosen = best_under(values, likeness, costs, 0.5, budget)
    assert costs[chosen].sum() <= budget
    every = itertools.chain.from_iterable(
        itertools.combinations(range(count), n) for n in range(count + 1)
    )
    best = max(
        total(some, values, likeness, 0.5) for some in every if costs[[*some]].sum() <= budget
    )
    assert total(chosen, values, likeness, 0.5) >= (1 - 1 / np.e) / 2 * best - 1e-9


@pytest.mark.parametrize(
    ("known", "config", "spans"),
    [
        ({"motion": at(80, (40, 56), level=0.1)}, {}, [(4.75, 7.25)]),
        ({"motion": at(80, (40, 43), level=0.1)}, {}, []),  # too short to be anything
        ({"loudness": -50 + 30 * at(80, (40, 41))}, {}, [(4.75, 5.375)]),  # but a bang is short
        ({"motion": at(80, (40, 41), level=0.1)}, {"shortest": 0.0}, [(4.75, 5.375)]),
        ({"motion": at(80, (40, 48), (50, 56), level=0.1)}, {}, [(4.75, 7.25)]),  # one pause
        ({"speech": at(80, (8, 16), (40, 48))}, {"margin": 0.0}, [(1, 2), (5, 6)]),
        ({"loudness": -50 + 30 * at(80, (8, 16))}, {"margin": 0.0}, [(1, 2)]),
        ({"novelty": at(80, (0, 8))}, {"margin": 0.0}, [(0, 1)]),
        ({"black": at(80, (0, 16)) > 0}, {"remove": {"black"}, "margin": 0.0}, [(2, 10)]),
        ({"black": at(80, (0, 16)) > 0}, {"remove": {"frozen"}}, [(0, 10)]),
        (
            {"loudness": -20 - 80 * at(80, (24, 56))},
            {"remove": {"silence"}, "margin": 0.5},
            [(0, 3.5), (6.5, 10)],
        ),
        # Somebody goes on speaking when the picture goes black: to the end of what is said.
        (
            {"speech": at(80, (0, 30)), "black": at(80, (16, 80)) > 0},
            {"remove": {"black"}, "margin": 0.0},
            [(0, 3.75)],
        ),
    ],
)
def test_parts_of_known_clips(known, config, spans):
    config = {**config, **({"remove": frozenset(config["remove"])} if "remove" in config else {})}
    found = choose(made(**known), SelectionConfig(**config))
    assert [(part.start, part.end) for part in found] == spans


def test_a_summary_takes_what_differs_rather_than_the_same_again():
    look = np.repeat(np.eye(3)[[0, 0, 1, 0]], 20, axis=0)
    signals = made(motion=np.full(80, 0.1), look=look)
    parts = choose(signals, SelectionConfig(most=5.0))
    assert any(part.start < 7.5 and part.end > 5.5 for part in parts)  # the one that differs


@pytest.mark.parametrize(
    ("text", "says"), [("", "nothing to remove"), ("silance", "'silence'"), ("idle|x", "'x'")]
)
def test_kinds_that_there_are_not(text, says):
    with pytest.raises(InputError, match=says):
        parse_kinds(text)


@pytest.mark.parametrize("config", [{"margin": -1}, {"shortest": float("nan")}, {"most": 0}])
def test_numbers_that_cannot_be(config):
    with pytest.raises(InputError, match="give seconds"):
        SelectionConfig(**config)
