"""What is told of made-up clips and observations: words, runs, labels, JSON."""

from __future__ import annotations

import dataclasses
import itertools
import json
import pathlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidparticles.errors import InputError
from vidparticles.inference.cuts import Shot
from vidparticles.inference.objects import FoundObject
from vidparticles.inference.timeline import Event
from vidparticles.inference.understanding import labels, movers
from vidparticles.inference.understanding.camera import CameraPath
from vidparticles.inference.understanding.features import ClipFeatures
from vidparticles.inference.understanding.movers import Movement
from vidparticles.inference.understanding.novelty import novelty
from vidparticles.inference.understanding.report import Curve, Report
from vidparticles.inference.understanding.sound import heard
from vidparticles.inference.understanding.told import UNSURE, Told, runs
from vidparticles.inference.understanding.trained import Classified
from vidparticles.models.published.parts import labels as names
from vidparticles.video import Sound

ACTIONS, TAGS = names.read("kinetics400"), names.read("imagenet")
STILL = CameraPath((), np.zeros(0), np.zeros((0, 2)))


# ---------------------------------------------------------------- runs


@given(
    st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=40),
    st.floats(0, 5),
)
def test_runs_tile_what_is_told_and_none_is_short(cells, shortest):
    edges = np.arange(len(cells) + 1) * 0.5
    found = runs(cells, edges, shortest=shortest)
    for (_, _, stop), (_, first, _) in itertools.pairwise(found):
        assert stop <= first
    if len(found) > 1 or (found and None not in cells):
        assert all(b - a >= min(2 * shortest, len(cells)) - 1e-9 for _, a, b in found)
    if shortest == 0:
        told = [None] * len(cells)
        for label, first, stop in found:
            told[first:stop] = [label] * (stop - first)
        assert told == cells


# ---------------------------------------------------------------- labels


def seen(windows: list[tuple[float, float, dict[str, float]]], pictures=()) -> ClipFeatures:
    """Logits of 4 parts of each window, and of pictures, by label; all others 0."""

    def row(of: dict[str, float], known: tuple[str, ...]) -> np.ndarray:
        values = np.zeros(len(known), np.float32)
        for name, value in of.items():
            values[known.index(name)] = value
        return values

    steps = [np.repeat(row(of, ACTIONS)[None], 4, 0) for _, _, of in windows]
    steps = np.reshape(steps, (-1, 4, 400))
    of_pictures = np.reshape([row(of, TAGS) for _, of in pictures], (-1, 1000))
    return ClipFeatures(
        pathlib.Path("clip.mp4"),
        10.0,
        np.array([w[0] for w in windows], float),
        np.array([w[1] for w in windows], float),
        steps.mean(1),
        steps,
        np.zeros((len(steps), 1024)),
        np.array([p[0] for p in pictures], float),
        of_pictures,
        np.zeros((len(of_pictures), 1280)),
        np.zeros((len(steps), 8, 8)),
        np.zeros((len(of_pictures), 8, 8)),
        (),
    )


SURE, DOUBTFUL = {"archery": 25.0}, {"archery": 9.0, "yoga": 8.0}
WHOLE = (Shot("", 0.0, 10.0, 0, 249),)
TWO = (Shot("", 0.0, 5.12, 0, 127), Shot("cut", 5.12, 10.0, 128, 249))


def test_what_is_sure_is_named_and_what_is_not_is_unsure():
    one = seen([(0, 2.56, SURE), (2.56, 5.12, SURE), (5.12, 7.68, DOUBTFUL), (7.44, 10, DOUBTFUL)])
    first, second = labels.actions(one, TWO)
    assert (first.label, first.start, first.end) == ("archery", 0.0, 5.12)
    assert first.confidence > 0.99
    assert (second.label, second.start, second.end) == (UNSURE, 5.12, 10.0)
    assert second.confidence < 0.95
    assert [name for name, _ in second.likeliest[:2]] == ["archery", "yoga"]
    assert first.likeliest[0][1] > 0.99


def test_no_label_goes_over_a_cut():
    one = seen([(0, 2.56, SURE), (2.56, 5.12, SURE), (5.12, 7.68, {}), (7.44, 10, {})])
    cut, whole = labels.actions(one, TWO), labels.actions(one, WHOLE)
    assert cut[0].end == 5.12
    assert whole[0].label == "archery"
    assert whole[0].end != pytest.approx(5.12)  # smoothed over where there is no cut


def test_nothing_is_done_in_the_dark():
    one = seen([(0, 2.56, SURE), (2.56, 5.12, SURE)])
    blank = (Told("black", 0.0, 5.12),)
    (told,) = labels.actions(one, TWO[:1], blank=blank)
    assert told.label == UNSURE


def test_tags_are_of_each_shot_the_surest_first():
    pictures = [(0.5, {"goldfish": 12.0, "tench": 11.0}), (1.5, {"goldfish": 12.0, "tench": 11.0})]
    one = seen([], [*pictures, (6.0, {"goldfish": 5.0})])
    told = labels.tags(one, TWO)
    assert [(t.label, t.start, t.end) for t in told] == [
        ("goldfish", 0.0, 5.12),
        ("tench", 0.0, 5.12),
    ]
    assert labels.actions(one, TWO) == ()


def test_the_confidence_grows_with_the_logit_and_half_is_at_the_center():
    sure = labels.LabelConfig().action
    assert sure(sure.center) == pytest.approx(0.5)
    assert (np.diff(sure(np.linspace(-20, 40, 50))) >= 0).all()


# ---------------------------------------------------------------- who moves


def found(path, *, kind="person", number=0, times=None, high=0.4) -> FoundObject:
    """An object of a picture 4 : 3 whose middle goes along a path [T, 2], in widths and heights."""
    path = np.asarray(path, float)
    times = np.arange(len(path)) / 5 if times is None else times
    high = np.broadcast_to(high, len(path))
    x, y = path[:, 0] * 4 / 3, path[:, 1]
    boxes = np.column_stack([x - 0.1, y - high / 2, x + 0.1, y + high / 2])
    count = len(path)
    return FoundObject(
        number,
        kind,
        float(times[0]),
        float(times[-1]),
        tuple(range(count)),
        tuple(times.tolist()),
        tuple(map(tuple, boxes.tolist())),
        (False,) * count,
        (0.9,) * count,
    )


def line(start, end, count=16) -> np.ndarray:
    return np.linspace(start, end, count)


def told_of(*objects, camera=STILL, cuts=()) -> list[str]:
    return [m.words for m in movers.movements(objects, camera, width=4 / 3, cuts=cuts)]


@pytest.mark.parametrize(
    ("path", "high", "words"),
    [
        (line((0.1, 0.5), (0.9, 0.5)), 0.4, "one person crosses from left to right"),
        (line((0.9, 0.5), (0.1, 0.5)), 0.4, "one person crosses from right to left"),
        (line((0.4, 0.5), (0.8, 0.5)), 0.4, "one person moves right"),
        (line((0.5, 0.2), (0.5, 0.8)), 0.4, "one person moves down"),
        (line((0.5, 0.8), (0.52, 0.2)), 0.4, "one person moves up"),
        (line((0.5, 0.5), (0.5, 0.5)), 0.4, "one person stays in the middle"),
        (line((0.2, 0.5), (0.21, 0.5)), 0.4, "one person stays on the left"),
        (
            line((0.4, 0.5), (0.8, 0.5)),
            np.linspace(0.2, 0.5, 16),
            "one person moves right and comes nearer",
        ),
    ],
)
def test_a_path_is_told_in_words(path, high, words):
    assert told_of(found(path, high=high)) == [words]


def test_who_walks_and_then_stands_does_one_after_the_other():
    path = np.concatenate([line((0.1, 0.5), (0.6, 0.5), 11), np.repeat([[0.6, 0.5]], 15, 0)])
    first, second = movers.movements([found(path)], STILL, width=4 / 3)
    assert first.words == "one person moves right"
    assert first.start == 0
    assert first.end == pytest.approx(2.0, abs=0.4)
    assert second.words == "one person stays in the middle"
    assert second.end == pytest.approx(5.0)


def test_several_who_do_the_same_are_counted():
    path = line((0.1, 0.4), (0.9, 0.4))
    three = [found(path + np.array([0, 0.05 * k]), number=k) for k in range(3)]
    (movement,) = movers.movements(three, STILL, width=4 / 3)
    assert movement.words == "three persons cross from left to right"
    assert movement.numbers == (0, 1, 2)
    assert len(told_of(*three[:2], found(path, kind="dog", number=7))) == 2


def test_who_stands_while_the_camera_pans_stays():
    times = np.arange(16) / 5
    pan = CameraPath((), times, np.column_stack([-0.2 * times, 0 * times]))
    path = line((0.8, 0.5), (0.2, 0.5))
    assert told_of(found(path)) == ["one person crosses from right to left"]
    assert told_of(found(path), camera=pan) == ["one person stays in the middle"]


def test_furniture_is_told_of_only_where_it_goes():
    """A bed does not come nearer: somebody stepped aside."""
    stands = np.repeat([[0.5, 0.5]], 16, 0)
    assert told_of(found(stands, kind="bed", high=np.linspace(0.2, 0.5, 16))) == []
    assert told_of(found(line((0.4, 0.5), (0.8, 0.5)), kind="chair")) == ["one chair moves right"]


def test_what_is_done_ends_with_the_shot():
    path = np.concatenate([line((0.1, 0.5), (0.5, 0.5), 10), line((0.9, 0.5), (0.5, 0.5), 10)])
    told = movers.movements([found(path)], STILL, width=4 / 3, cuts=[2.0])
    assert [m.words for m in told] == [
        "one person moves right",
        "one person moves left",
    ]
    assert told[0].end <= 2.0 <= told[1].start


# ---------------------------------------------------------------- sound, novelty


def tone(seconds: float, level: float) -> np.ndarray:
    return (level * np.sin(np.arange(int(16000 * seconds)) / 8)).astype(np.float32)[:, None]


def test_sound_is_speech_where_the_network_says_so():
    samples = np.concatenate([tone(2, 0.0), tone(2, 0.3), tone(2, 0.3)])
    cells = -(-len(samples) // 512)

    def hear(blocks):
        count = -(-sum(map(len, blocks)) // 512)
        yield (np.arange(count) * 0.032 > 4).astype(np.float32)

    told = heard(Sound.of(samples, rate=16000), hear)
    assert [t.label for t in told] == ["silence", "sound", "speech"]
    np.testing.assert_allclose([t.start for t in told], [0, 2, 4], atol=0.3)
    assert told[-1].end == pytest.approx(6.0)
    assert [t.label for t in heard(Sound.of(samples, rate=16000), None)] == ["silence", "sound"]
    assert cells > 0
    assert heard(None, hear) == ()


def test_novelty_is_of_what_was_never_before():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 40)) ** 4
    values = novelty(np.stack([a, a * 2, b, a, b]))
    np.testing.assert_allclose(values[[0, 1, 3, 4]], 0, atol=1e-6)
    assert values[2] > 0.2
    assert novelty(np.zeros((0, 3))).shape == (0,)
    assert novelty(np.zeros((3, 3))).max() <= 1


# ---------------------------------------------------------------- JSON


def report() -> Report:
    told = (Told("archery", 0.0, 2.0, 0.97, (("archery", 0.9), ("yoga", 0.05))),)
    classified = Classified(
        pathlib.Path("a.mp4"), 2.0, {"x": 1.0}, (Event("x", 0.0, 2.0, 1.0),), 1.0, 2.0, 3.0, ("w",)
    )
    return Report(
        path=pathlib.Path("a.mp4"),
        seconds=2.0,
        frames=50,
        width=64,
        height=48,
        shots=(Shot("", 0.0, 2.0, 0, 49),),
        actions=told,
        tags=told,
        movements=(Movement("one dog stays", 0.0, 2.0, "dog", (3,)),),
        camera=(Told("is still", 0.0, 2.0),),
        picture=(),
        sound=(Told("silence", 0.0, 2.0),),
        sounds=(Told("Music", 0.0, 1.5, 0.75), Told(UNSURE, 1.5, 2.0, 0.3, (("Dog", 0.3),))),
        novelty=Curve((0.5, 1.5), (0.0, 0.25)),
        trained=classified,
        warnings=("a sentence.",),
    )


def test_json_is_versioned_and_comes_back_the_same():
    text = report().to_json()
    assert Report.from_json(text) == report()
    data = json.loads(text)
    assert (data["format"], data["version"]) == ("vidparticles report", 1)
    data["later"] = "a key of a later version"
    assert Report.from_json(json.dumps(data)) == report()
    earlier = {key: value for key, value in data.items() if key not in ("sounds", "later")}
    assert Report.from_json(json.dumps(earlier)) == dataclasses.replace(report(), sounds=())
    described = (pathlib.Path(labels.__file__).parent / "report.py").read_text().split('"""')[1]
    assert all(key in described for key in data if key != "later")


@pytest.mark.parametrize(
    ("change", "says"),
    [({"version": 2}, "version 2"), ({"format": "other"}, "'other'"), ({"shots": 5}, "no report")],
)
def test_another_json_is_one_sentence(change, says):
    with pytest.raises(InputError, match=says):
        Report.from_json(json.dumps(json.loads(report().to_json()) | change))


@pytest.mark.parametrize("text", ["", "{}", "[1]", "words"])
def test_what_is_no_json_is_one_sentence(text):
    with pytest.raises(InputError, match="no report"):
        Report.from_json(text)
