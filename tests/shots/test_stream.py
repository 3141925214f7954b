"""Cuts told while the frames go by: the same as of the whole film, and hardly a frame held."""

from __future__ import annotations

import numpy as np
import pytest

from tests.shots.test_shots import BLACK, WHITE, A, B, hold, jump, pan, ramp
from vidparticles import shots

FILMS = {
    "cuts": hold(A, 20) + hold(B, 9) + hold(A, 40),
    "cut at once": [A, *hold(B, 20)],
    "cut at the end": [*hold(A, 20), B],
    "cut to black and on": hold(A, 20) + hold(BLACK, 20) + hold(B, 20),
    "cut, a few black frames": hold(A, 20) + hold(BLACK, 3) + hold(B, 20),
    "flash": [*hold(A, 20), WHITE, *hold(A, 20)],
    "flash of three": hold(A, 20) + hold(WHITE, 3) + hold(A, 20),
    "whip pan": pan([0] * 12 + [3, 10, 18, 22, 24, 22, 18, 10, 3] + [0] * 12),
    "dissolve": hold(A, 30) + ramp(A, B, 10) + hold(B, 30),
    "fade": hold(A, 20) + ramp(A, BLACK, 12) + hold(BLACK, 3) + ramp(BLACK, B, 12) + hold(B, 20),
    "one who jumps": jump(0, 20) + jump(60, 30),
    "flash at the start": [WHITE, *hold(A, 40)],
    "flash at the end": [*hold(A, 20), WHITE, WHITE],
    "fade through white": hold(A, 20) + ramp(A, WHITE, 12) + ramp(WHITE, B, 12) + hold(B, 20),
    "cut, then a fade": hold(B, 20) + ramp(A, BLACK, 12) + hold(BLACK, 20) + hold(B, 20),
}


def film(name: str) -> list[np.ndarray]:
    return [np.round(255 * np.clip(frame, 0, 1)).astype(np.uint8) for frame in FILMS[name]]


@pytest.mark.parametrize("name", FILMS)
def test_cuts_are_those_of_the_whole_film(name):
    frames = film(name)
    times = np.arange(len(frames)) / 25
    told = list(shots.stream(zip(times, frames, strict=True), shrink=lambda frame: frame))
    assert [time for time, _, _ in told] == times.tolist()
    assert all(a is b for (_, a, _), b in zip(told, frames, strict=True))
    assert [cut for _, _, cut in told] == shots.cuts_of(frames, times).tolist()


def test_a_frame_waits_only_where_the_picture_breaks_and_not_for_long():
    frames, given = film("cuts"), [0]

    def counted():
        for k, frame in enumerate(frames):
            given[0] = k
            yield k / 25, frame

    waits = [
        given[0] - k for k, _ in enumerate(shots.stream(counted(), shrink=lambda frame: frame))
    ]
    assert not any(waits[:20])  # before the first cut every frame goes on at once
    assert 0 < max(waits) <= shots.StreamConfig().ahead + 1
