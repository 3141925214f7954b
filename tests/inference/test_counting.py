"""How many there are when, who crosses a line, who is in a zone: on paths whose truth is plain."""

from __future__ import annotations

import dataclasses
import json
import pathlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidparticles import cli
from vidparticles.inference import counting
from vidparticles.inference.objects import Objects
from vidparticles.viz import text


@dataclasses.dataclass(frozen=True)
class Walker:
    """Someone, as `FoundObject`, whose feet are at places."""

    number: int
    kind: str
    times: tuple[float, ...]
    places: tuple[tuple[float, float], ...]

    @property
    def boxes(self) -> tuple[tuple[float, ...], ...]:
        return tuple((x - 0.1, y - 0.4, x + 0.1, y) for x, y in self.places)


ACROSS = Walker(0, "person", (0.0, 1.0, 2.0), ((0.2, 0.9), (0.6, 0.9), (1.4, 0.9)))
BACK = Walker(1, "person", (1.0, 3.0), ((1.4, 0.8), (0.2, 0.8)))
DOG = Walker(2, "dog", (2.5,), ((0.5, 0.5),))
WALL = ((0.8, 0.0), (0.8, 1.0))


def test_counts_change_where_someone_comes_or_goes():
    person, dog = counting.count([ACROSS, BACK, DOG], 4.0)
    assert (person.kind, person.total, person.most) == ("person", 2, 2)
    assert [(s.start, s.end, s.count) for s in person.spans] == [
        (0.0, 1.0, 1),
        (1.0, 2.0, 2),
        (2.0, 3.0, 1),
        (3.0, 4.0, 0),
    ]
    assert (dog.total, dog.most) == (1, 1)


def test_a_line_is_crossed_when_and_where_it_is():
    found = counting.line_crossings([ACROSS, BACK, DOG], WALL)
    assert [(c.number, c.way) for c in found] == [(0, "right"), (1, "left")]
    np.testing.assert_allclose([c.time for c in found], [1.25, 2.0])
    above = (WALL[0], (0.8, 0.5))  # it ends over their heads
    assert counting.line_crossings([ACROSS, BACK], above) == ()
    flat = counting.line_crossings(
        [Walker(3, "cat", (0, 1), ((0.5, 0), (0.5, 1)))], ((0, 0.5), (1, 0.5))
    )
    assert [c.way for c in flat] == ["down"]


def test_who_touches_a_line_and_turns_back_does_not_cross_it():
    touching = [[0.2, 0.5], [0.8, 0.5], [0.2, 0.5]]
    assert counting.crossings([0, 1, 2], touching, WALL) == []
    through = [[0.2, 0.5], [0.8, 0.5], [1.2, 0.5]]
    assert len(counting.crossings([0, 1, 2], through, WALL)) == 1


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0.1, 0.9)), min_size=2, max_size=12))
def test_whoever_ends_on_the_other_side_has_crossed_an_odd_number_of_times(places):
    times = np.arange(len(places))
    long = ((0.8123, -9.0), (0.8123, 9.0))
    found = counting.crossings(times, places, long)
    changed = (places[0][0] < 0.8123) != (places[-1][0] < 0.8123)
    assert len(found) % 2 == changed
    assert [t for t, _ in found] == sorted(t for t, _ in found)
    backwards = counting.crossings(times, places[::-1], long)
    np.testing.assert_allclose(
        [t for t, _ in found], [len(places) - 1 - t for t, _ in backwards][::-1], atol=1e-6
    )


def test_visits_of_a_zone_begin_and_end():
    found = counting.zone_visits([ACROSS, BACK, DOG], (0.4, 0.7, 1.0, 1.0))
    assert [(v.number, v.start, v.end) for v in found] == [(0, 1.0, 1.0)]


def test_counts_are_told_in_lines():
    found = Objects(pathlib.Path("clip.mp4"), 4.0, 100, 160, 100, (ACROSS, BACK, DOG), ())
    told = counting.count_all(found, [(0.8, 0, 0.8, 1)], [(0.4, 0.7, 1.0, 1.0)])
    lines = text.list_counts(told).splitlines()
    assert "  person: 2 in all, at most 2 at once" in lines
    assert "  line 0.8,0,0.8,1: 1 left, 1 right" in lines
    assert "     0:01.2  person 0  right" in lines
    assert "  zone 0.4,0.7,1,1: 1" in lines
    assert json.loads(json.dumps(dataclasses.asdict(told), default=str))["kinds"][0]["most"] == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--line", "1,2,3"], "--line is '1,2,3'; expected X,Y,X,Y"),
        (["--line", "1,2,1,2"], "a point"),
        (["--zone", "1,0,0,1"], "which holds nothing"),
        (["--zone", "a,0,0,1"], "expected LEFT,TOP,RIGHT,BOTTOM"),
        (["--csv", "--count"], "--csv prints boxes, not counts"),
    ],
)
def test_mistakes_are_sentences(words, says, capsys):
    assert cli.main(["objects", "clip.mp4", *words]) == 2
    assert says in capsys.readouterr().err
