"""When a face may have been missed: every way to lose one is told."""

from __future__ import annotations

import numpy as np
import pytest

from vidparticles.inference.faces import Detected, FaceConfig, covering, doubtful, faceless, head_of
from vidparticles.tracking.box_tracks import box_tracks

TIMES = np.arange(100) / 25
SHOT = np.zeros(100, int)
FACE = np.array([[0.5, 0.4, 0.6, 0.52]])
NONE = np.zeros((0, 4))


def detected(seen, score=0.9, box=FACE) -> Detected:
    """A face that is found in these frames."""
    there = np.isin(np.arange(100), list(seen))
    boxes = [box if t else NONE for t in there]
    return Detected(boxes, [np.full(len(own), score) for own in boxes], SHOT)


def spans(found: Detected, **options) -> list[tuple[float, float]]:
    tracks = box_tracks(found.boxes, found.scores, TIMES, SHOT, FaceConfig().tracks)
    told = doubtful(found, tracks, TIMES, 1.78, **options)
    return sorted((doubt.start, round(doubt.end, 2)) for doubt in told)


def test_a_face_that_is_always_seen_leaves_no_doubt():
    assert not spans(detected(range(100)))
    assert not spans(detected(set(range(100)) - {30, 31}))


def test_a_face_that_is_carried_is_told():
    assert spans(detected(set(range(100)) - set(range(30, 45)))) == [(29 / 25, 1.8)]


def test_a_face_that_is_lost_or_comes_late_is_told_to_the_end_of_the_shot():
    assert spans(detected(range(60))) == [(2.4, 4.0)]
    assert spans(detected(range(60, 100))) == [(0, 2.4)]
    assert spans(detected(range(50)), beyond=1.0) == [(2.0, 3.0)]


@pytest.mark.parametrize("box", [[[0.0, 0.4, 0.1, 0.5]], [[1.7, 0.4, 1.78, 0.5]]])
def test_a_face_may_leave_over_the_edge(box):
    assert not spans(detected(range(60), box=np.array(box)))


def test_what_may_be_a_face_is_told():
    assert spans(detected(range(20, 30), score=0.3)) == [(0.8, 1.2)]


def test_a_person_without_a_face_is_told():
    heads = {t: np.array([[0.4, 0.3, 0.7, 0.6]]) for t in range(0, 100, 4)}
    boxes = covering([], 100)
    assert [(d.start, d.end) for d in faceless(heads, boxes, TIMES)] == [(0, pytest.approx(4))]
    boxes = [FACE if t < 50 else NONE for t in range(100)]
    ((start, end),) = [(d.start, d.end) for d in faceless(heads, boxes, TIMES)]
    assert (start, end) == (52 / 25, pytest.approx(4))


def test_who_is_seen_by_half_has_the_face_in_the_middle_of_the_box():
    sits = np.array([[0.22, 0.1, 1.18, 1.0]])  # the carphone clip: to the chest, in a car
    face = np.array([[0.55, 0.25, 0.85, 0.65]])
    heads = {t: head_of(sits) for t in range(0, 100, 4)}
    assert not faceless(heads, [face] * 100, TIMES)
    low = face + np.array([0, 0.35, 0, 0.35])
    assert faceless(heads, [low] * 100, TIMES)
