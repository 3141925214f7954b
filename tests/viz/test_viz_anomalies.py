"""What `anomaly` prints."""

from __future__ import annotations

import pathlib

from vidparticles.inference.anomalies import Alarm, Anomalies
from vidparticles.viz.anomalies import curve, list_anomalies


def _found(novelty, alarms=()):
    count = len(novelty)
    return Anomalies(
        path=pathlib.Path("clip.mp4"),
        seconds=0.5 * count,
        against="60 s in normal",
        starts=tuple(0.5 * k for k in range(count)),
        ends=tuple(0.5 * (k + 1) for k in range(count)),
        novelty=tuple(novelty),
        threshold=8.0,
        alarms=tuple(alarms),
        broken=(),
        warnings=(),
    )


def test_an_alarm_is_a_line_under_the_curve():
    alarm = Alarm(2.0, 2.5, 9.4, "sudden motion")
    told = list_anomalies(_found([0.0, 1, 2, 4, 9.4, 1, 0, 0], [alarm])).splitlines()
    assert told[0] == "clip.mp4  0:04.0, against 60 s in normal: 1 alarm"
    assert told[3].split("·")[-1].split() == [
        "0:02.0",
        "–",
        "0:02.5",
        "sudden",
        "motion,",
        "9",
        "nats",
    ]
    # The alarm's bar lies under the highest part of the curve.
    start = told[2].index("█")
    assert told[3].index("█") == start
    assert told[2].count("█") == told[3].count("█")


def test_what_is_not_known_is_drawn_so_and_nothing_is_said_of_a_clip_without_alarms():
    drawn = curve(_found([None, None, 8.0, 0.0]), width=8)
    assert drawn == "····██▁▁"
    assert "nothing that was not to be expected" in list_anomalies(_found([None, 1.0]))
    assert len(list_anomalies(_found([None, None])).splitlines()) == 1


def test_a_clip_longer_than_the_curve_is_wide_shows_its_highest():
    assert curve(_found([0.0] * 50 + [8.0] + [0.0] * 49), width=10).count("█") == 1
