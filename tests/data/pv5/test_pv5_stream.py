"""PV-5's batches: functions of the seed and the step alone, the same on any number of hosts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vidparticles.data.pv5.stream import Curriculum
from vidparticles.data.spec import DataSpec, clip_seconds
from vidparticles.errors import InputError

CLIPS = Curriculum(
    task="shell_game",
    steps=8,
    stages={"swaps": ((0, 1), (0, 2))},
    draw={"idle": (0, 4, 12)},
    val=10,
)


def stream(start: int, count: int, **options):
    batches = CLIPS.batches(split="train", batch_size=4, start=start, **options)
    return [next(batches) for _ in range(count)]


def assert_same(one, other) -> None:
    for a, b in zip(one, other, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


def test_a_stream_goes_on_from_an_integer() -> None:
    whole = stream(0, 8, seed=3)
    assert_same(whole[5:], stream(5, 3, seed=3))
    assert not np.array_equal(whole[0]["index"], stream(0, 1, seed=4)[0]["index"])
    indices = np.concatenate([batch["index"] for batch in whole])
    assert len(set(indices.tolist())) == len(indices)


def test_hosts_share_a_batch() -> None:
    parts = [stream(2, 2, host=host, hosts=2) for host in range(2)]
    joined = [
        {name: np.concatenate([p[i][name] for p in parts]) for name in parts[0][i]}
        for i in range(2)
    ]
    assert_same(joined, stream(2, 2))


def test_clips_get_harder_by_the_step_alone() -> None:
    lengths = [batch["video"].shape[1] for batch in stream(0, 8)]
    idle = [CLIPS.at(step, seed=0)["idle"] for step in range(8)]
    assert lengths == [20 + i for i in idle[:4]] + [30 + i for i in idle[4:]]
    assert len(set(idle)) > 1
    assert CLIPS.at(100, seed=0)["swaps"] == (0, 2)
    first, last = stream(0, 1)[0], stream(7, 1)[0]
    np.testing.assert_allclose(np.diff(first["time"]), 1 / 25, rtol=1e-4)
    assert last["time"].shape == last["video"].shape[:2]


def test_validation_is_one_pass_of_the_last_stage() -> None:
    batches = list(CLIPS.batches(split="val", batch_size=4, train=False))
    assert [int(batch["_mask"].sum()) for batch in batches] == [4, 4, 2]
    assert {batch["video"].shape[1] for batch in batches} == {10 + 20 + 12}
    assert (batches[-1]["index"][~batches[-1]["_mask"]] == -1).all()


def test_a_config_that_was_json_gives_the_same_clips() -> None:
    spec = {"task": "shell_game", "steps": 8, "val": 10}
    spec |= {"stages": {"swaps": [[0, 1], [0, 2]]}, "draw": {"idle": [0, 4, 12]}}
    data = DataSpec(**json.loads(json.dumps({"kind": "pv5", "pv5": spec})))
    dataset = data.open()
    assert dataset.classes == ("0", "1", "2", "3")
    assert clip_seconds(dataset) == (30 + CLIPS.at(7, seed=0)["idle"]) / 25
    batches = data.batches(dataset, split="train", batch_size=4, train=True, start=5, seed=0)
    assert_same([next(batches)], stream(5, 1))


def test_mistakes_are_said() -> None:
    with pytest.raises(InputError, match="no task 'shell_gam'"):
        Curriculum(task="shell_gam", steps=1)
    with pytest.raises(InputError, match="equally many"):
        Curriculum(task="shell_game", steps=1, stages={"swaps": (1,), "idle": (0, 1)})
    with pytest.raises(InputError, match="has no split 'test'"):
        CLIPS.batches(split="test", batch_size=4)
    assert Curriculum(task="permanence", steps=1).classes == ()
