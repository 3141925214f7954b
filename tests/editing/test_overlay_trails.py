"""A video in a part of another one, in step; and trails of what was a moment ago."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from vidparticles import editing
from vidparticles.editing.edit import parse_edits
from vidparticles.editing.effects.overlay import overlay, parse_place
from vidparticles.editing.effects.regions import Seen
from vidparticles.editing.effects.trails import TrailConfig, trails
from vidparticles.editing.reel import Reel
from vidparticles.errors import InputError
from vidparticles.video import Picture, open_video, write_video


@pytest.mark.parametrize("rotation", [0, 270])
def test_the_other_is_in_step_and_nothing_changes_beside_it(counted, rotation, numbers, tmp_path):
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.mp4"
    write_video(clip, np.full((30, 120, 160, 3), 90, np.uint8), rate=30, rotation=rotation)
    other = counted(frames=12, rate=24)
    edit = overlay(other, parse_place("32,16,64"))
    editing.apply(clip, out, edit)
    part = tmp_path / "part.mp4"
    editing.apply(out, part, editing.crop(editing.effects.size.parse_crop("32,16,64,48")))
    shown = numbers(part)
    # Ten frames of the clip while eight of the other go by; after half a second it has ended.
    assert shown[:15] == [k * 24 // 30 for k in range(15)]
    with open_video(out) as new:
        frames = [frame for _, frame in new]
    assert len(frames) == 30
    assert np.abs(frames[20].astype(int) - 90).max() < 4
    beside = np.abs(frames[7].astype(int) - 90)
    beside[14:66, 30:98] = 0
    assert beside.mean() < 1


def test_a_run_that_begins_later_shows_the_same(counted):
    other = counted(frames=12, rate=24)
    gray = Picture(Picture.of(np.full((60, 80, 3), 90, np.uint8)).stored("yuv420p"))
    times = [Fraction(k, 30) for k in range(20)]

    def again(first, last):
        return iter([(time, gray) for time in times[first:last]])

    reel = Reel(again(0, 20), times, Fraction(2, 3), Fraction(30), 60, 80, again=again)
    new = overlay(other, parse_place("0.5,0.5,0.5"))(reel)
    whole = [picture.rgb() for _, picture in new.frames]
    part = [picture.rgb() for _, picture in new.again(7, 18)]
    np.testing.assert_array_equal(whole[7:18], part)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"at": "1,2,3"}, "--at says where"),
        ({"over": "none.mp4"}, "none.mp4"),
        ({"over": "CLIP", "at": "1,2"}, "X,Y,W"),
        ({"over": "CLIP", "at": "1,2,0"}, "X,Y,W"),
        ({"over": "CLIP", "at": "100,2,100"}, "not inside of 128 × 128"),
        ({"over": "CLIP", "at": "0,0.5,0.9"}, "not inside of 128 × 128"),
    ],
)
def test_words_of_overlays_are_judged(options, says, clip, tmp_path):
    given = {name: str(clip) if word == "CLIP" else word for name, word in options.items()}
    with pytest.raises(InputError, match=says):
        editing.apply(clip, tmp_path / "out.mp4", *parse_edits(**given))
    assert not list(tmp_path.iterdir())


class Dot:
    """A bright square that goes to the right; a cut in frame 12."""

    def __init__(self, count: int):
        self.seen = [Seen(np.zeros(1, int), np.zeros((1, 4)), np.zeros(1, bool))] * count
        self.shot = (np.arange(count) >= 12).astype(int)

    def masks(self, frames, first):
        """Where it is."""
        for index, (time, picture) in enumerate(frames, first):
            mask = np.zeros((picture.height, picture.width), np.float32)
            mask[20:28, 4 * index : 4 * index + 8] = 1
            yield time, picture, {0: mask}


def test_a_trail_is_what_was_fainter_the_longer_ago():
    count, frames = 20, []
    for k in range(count):
        levels = np.full((48, 96, 3), 50, np.uint8)
        levels[20:28, 4 * k : 4 * k + 8] = 210
        frames.append((Fraction(k, 10), Picture(Picture.of(levels).stored("yuv444p"))))

    def again(first, last):
        return iter(frames[first:last])

    times = [time for time, _ in frames]
    reel = Reel(again(0, count), times, Fraction(2), Fraction(10), 48, 96, again=again)
    config = TrailConfig(seconds=Fraction(1, 2), every=Fraction(1, 5), opacity=0.5)
    new = trails(lambda reel: Dot(count), config=config)(reel)
    made = [picture.rgb()[24, :, 1].astype(int) for _, picture in new.frames]
    # In frame 9: itself whole, what was 0.1 and 0.3 s ago with 0.4 and 0.2 of its light.
    assert made[9][36:44].min() > 205
    assert made[9][32:36] == pytest.approx(50 + 0.4 * 160, abs=4)
    assert made[9][24:28] == pytest.approx(50 + 0.2 * 160, abs=4)
    assert made[9][:24] == pytest.approx(50, abs=2)
    assert made[12][:48] == pytest.approx(50, abs=2)  # nothing goes over a cut
    part = [picture.rgb()[24, :, 1].astype(int) for _, picture in new.again(8, 15)]
    np.testing.assert_array_equal(part, made[8:15])
