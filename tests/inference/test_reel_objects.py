"""Objects of a reel as effects take them: numbers, who is hidden, masks that come again."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from vidparticles.editing.reel import Reel
from vidparticles.errors import InputError
from vidparticles.inference import reel_objects as module
from vidparticles.inference.objects import Followed, kinds_named
from vidparticles.inference.reel_objects import find_objects
from vidparticles.models.published import nanodet
from vidparticles.tracking.objects.step import ObjectReport
from vidparticles.tracking.objects.tracker import rest
from vidparticles.video import Picture

HEIGHT, WIDTH, COUNT, CUT = 60, 120, 9, 5
PERSON, DOG = nanodet.KINDS.index("person"), nanodet.KINDS.index("dog")
GONE, BACK = 3, 4  # when the dog is out of sight, and seen last


def boxes(k: int) -> np.ndarray:
    """Of the dog, number 7 to the tracker, and the person, 4; pixels."""
    return np.array([[70 - 2 * k, 20, 90 - 2 * k, 40], [10 + 3 * k, 10, 30 + 3 * k, 40]])


def frame(k: int) -> np.ndarray:
    levels = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    for (left, top, right, bottom), color in zip(
        boxes(k), ([200, 40, 40], [40, 200, 220]), strict=True
    ):
        levels[top:bottom, left:right] = color
    return levels


def stand_in(params, frames):
    """What the tracker would say."""
    del params
    for index, time, small, cut in frames:
        hidden = index == GONE
        report = ObjectReport(
            box=boxes(index) / HEIGHT,
            kind=np.array([DOG, PERSON]),
            score=np.array([0.8, 0.9]),
            unseen=np.array([0.1 * hidden, 0.0]),
            existence=np.ones(2),
            began=np.zeros((2, 2)),
        )
        state = SimpleNamespace(
            # Behind a cut nothing is known any more.
            particles=SimpleNamespace(alive=np.array([index < CUT, index >= 1])),
            identity=np.array([7, 4 if index < CUT else 9]),
            camera=rest(),
        )
        yield Followed(index, time, small, cut, state, report)


@pytest.fixture
def reel(monkeypatch) -> Reel:
    """A clip that is found in by the stand-in."""
    frames = [(Fraction(k, 10), Picture.of(frame(k))) for k in range(COUNT)]

    def again(first, last):
        return iter(frames[first:last])

    cuts = [(k, (time, small, k == CUT)) for k, (time, small) in enumerate(frames)]
    monkeypatch.setattr(module, "followed", stand_in)
    monkeypatch.setattr(module, "detector_parameters", lambda weights=None: object())
    monkeypatch.setattr(module, "person_network", lambda: None)
    monkeypatch.setattr(module.shots, "stream", lambda small: (told for _, told in cuts))
    times = [time for time, _ in frames]
    return Reel(again(0, COUNT), times, Fraction(9, 10), Fraction(10), HEIGHT, WIDTH, again=again)


def numbers(found) -> list[list[int]]:
    return [seen.number.tolist() for seen in found.seen]


def test_numbers_are_by_appearance_and_end_with_the_last_sight(reel):
    found = find_objects("")(reel)
    both = [[0], *[[0, 1]] * BACK, *[[2]] * (COUNT - CUT)]
    assert numbers(found) == both
    assert [seen.hidden.any() for seen in found.seen] == [k == GONE for k in range(COUNT)]
    assert found.shot.tolist() == [int(k >= CUT) for k in range(COUNT)]
    np.testing.assert_allclose(found.seen[2].box, boxes(2) / HEIGHT)


@pytest.mark.parametrize(("which", "chosen"), [("1", {1}), ("person", {1, 2}), ("dog", {0})])
def test_they_are_chosen_by_number_or_kind(which, chosen, reel):
    assert {n for own in numbers(find_objects(which)(reel)) for n in own} == chosen


def test_who_is_not_there_is_told(reel):
    with pytest.raises(InputError, match="there is no object 3; it has 3"):
        find_objects("3")(reel)
    with pytest.raises(InputError, match="person"):
        find_objects("persn")
    assert "cat" in kinds_named("dog")


def test_masks_follow_and_come_again_as_they_were(reel):
    found = find_objects("person")(reel)
    whole = list(found.masks(reel.again(0, COUNT), 0))
    assert [sorted(masks) for _, _, masks in whole] == [[], *[[1]] * BACK, *[[2]] * (COUNT - CUT)]
    for k, (_, _, masks) in enumerate(whole[1:], 1):
        left, top, right, bottom = boxes(k)[1]
        inside = np.zeros((HEIGHT, WIDTH), bool)
        inside[top:bottom, left:right] = True
        (mask,) = masks.values()
        assert mask[~inside].mean() < 0.05
        assert mask[inside].mean() > 0.4
    for first in (3, 7):
        again = list(found.masks(reel.again(first, COUNT), first))
        for (time, picture, masks), (then, own, was) in zip(again, whole[first:], strict=True):
            assert time == then
            assert picture is own
            np.testing.assert_array_equal(*(next(iter(m.values())) for m in (masks, was)))
