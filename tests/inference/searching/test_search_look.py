"""One reading of a clip: objects and camera become lines, frames are brought to few sizes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.inference.test_objects import bright
from vidparticles.errors import InputError
from vidparticles.inference import objects as following
from vidparticles.inference.searching.look import look, size_of, unbroken
from vidparticles.inference.understanding.features import DEFAULT
from vidparticles.inference.understanding.networks import Networks
from vidparticles.video import write_video


def test_a_folder_of_many_sizes_needs_two_programs():
    sizes = {size_of(h, w) for h in range(120, 1100, 70) for w in range(120, 2000, 70)}
    assert sizes == {(192, 288), (288, 192)}
    assert size_of(1080, 1080) == size_of(360, 640)


def test_a_rate_below_nothing_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="rate is -1"):
        look(tmp_path / "clip.mp4", networks_here=Networks(), config=DEFAULT, rate=-1)


def test_who_is_taken_for_something_of_another_size_is_two():
    person, bed = (0.2, 0.0, 0.5, 1.0), (0.5, 0.4, 1.0, 0.7)
    near = (0.3, 0.0, 0.6, 1.0)
    one = following.FoundObject(
        3,
        "person",
        *(0.0, 1.2),
        (0, 10, 20, 30),
        (0.0, 0.4, 0.8, 1.2),
        (person, near, bed, bed),
        (False,) * 4,
        (0.9, 0.8, 0.7, 0.6),
    )
    first, second = unbroken(one)
    assert (first.boxes, first.end, first.frames) == ((person, near), 0.4, (0, 10))
    assert (second.boxes, second.start, second.score) == ((bed, bed), 0.8, (0.7, 0.6))
    assert list(unbroken(first)) == [first]


@pytest.mark.slow
def test_a_dog_that_crosses_is_told_with_its_time(tmp_path, monkeypatch):
    ground = np.random.default_rng(0).integers(0, 180, (12, 20, 3)).astype(np.uint8)
    frames = np.repeat(ground.repeat(8, 0).repeat(8, 1)[None], 40, 0)  # it is seen to rest
    for k in range(40):  # it waits for a second, then goes from left to right
        left = 4 + 4 * max(0, k - 10)
        frames[k, 40:72, left : left + 32] = 255
    write_video(tmp_path / "clip.mp4", frames, rate=10)
    monkeypatch.setattr(following.nanodet, "observe", lambda: bright)
    here = Networks(detector=())
    found = look(tmp_path / "clip.mp4", networks_here=here, config=DEFAULT, rate=5.0).moves
    goes = next(line for line in found if "crosses" in line.text)
    assert goes.text == "one dog crosses from left to right"
    assert 0.7 <= goes.start <= 1.4
    assert goes.end >= 3.4
    assert any(line.text == "one dog stays on the left" and line.start < 0.3 for line in found)
    none = look(tmp_path / "clip.mp4", networks_here=here, config=DEFAULT, rate=0).moves
    assert all(line.text.startswith("the camera") for line in none)
