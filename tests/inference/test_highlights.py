"""What happens in made clips is told from what only looks like it: noise, coding, light."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from vidparticles import cli
from vidparticles.editing import apply
from vidparticles.editing.selection import SelectionConfig
from vidparticles.editing.trim import keep
from vidparticles.errors import InputError
from vidparticles.inference.highlights import highlights, signals
from vidparticles.inference.highlights.duplicates import duplicates
from vidparticles.inference.highlights.motion import moving
from vidparticles.inference.highlights.sound import listened
from vidparticles.video import Sound, probe, write_video

RATE, SECONDS = 12, 16
EVENT = (6.0, 9.0)  # something goes through the picture


def room(rng: np.random.Generator) -> np.ndarray:
    """A picture with some texture, [120, 160, 3] levels."""
    coarse = rng.uniform(40, 200, (8, 10, 3)).repeat(15, 0).repeat(16, 1)
    return coarse + rng.normal(0, 6, (120, 160, 1))


@functools.cache
def film(light: str, *, event: bool, noise: float = 4.0) -> np.ndarray:
    """Frames of a camera that stands, with the noise of its sensor."""
    rng = np.random.default_rng(3)
    still, frames = room(rng), []
    for k in range(RATE * SECONDS):
        time = k / RATE
        gain = {
            "even": 1.0,
            "drift": 1 + 0.15 * np.sin(time / 3),
            "lamp": 1.0 if time < 12 else 1.25,
            "flicker": 1 + 0.04 * (k % 3 - 1),
            "from the side": 1 + 0.2 * np.sin(time / 2) * np.linspace(0, 1, 160)[:, None],
        }[light]
        picture = still.copy()
        if event and EVENT[0] <= time < EVENT[1]:
            x = 10 + round(40 * (time - EVENT[0]))
            picture[60:84, x : x + 10] = 230
        frames.append(picture * gain + rng.normal(0, noise, still.shape))
    return np.clip(np.round(frames), 0, 255).astype(np.uint8)


def written(path, frames, *, audio=None, crf=30.0):
    write_video(path, frames, rate=RATE, audio=audio, crf=crf)
    return path


@pytest.mark.parametrize("light", ["even", "drift", "flicker", "from the side", "lamp"])
def test_noise_coding_and_light_are_no_motion(light, tmp_path):
    """All of it at once, at a quality at which keyframes pop."""
    clip = written(tmp_path / "clip.mp4", film(light, event=True))
    found = highlights(clip)
    around = [(p.start, p.end) for p in found.parts]
    inside = [span for span in around if span[0] < EVENT[1] and span[1] > EVENT[0]]
    assert len(inside) == 1
    start, end = inside[0]
    assert EVENT[0] - 0.8 <= start <= EVENT[0]
    assert EVENT[1] <= end <= EVENT[1] + 0.8
    # A lamp that is switched on is an event, of which some moments may be kept.
    assert found.kept - (end - start) <= (1.5 if light == "lamp" else 0)


def test_nothing_at_all_is_one_sentence(tmp_path):
    clip = written(tmp_path / "clip.mp4", film("drift", event=False))
    with pytest.raises(InputError, match="all of it is idle"):
        highlights(clip)


@pytest.mark.parametrize("noise", [0.5, 3.0, 8.0])
def test_motion_is_measured_beside_the_noise_of_the_clip_itself(noise):
    rng = np.random.default_rng(0)
    still = rng.uniform(40, 200, (60, 80))
    luma = still + rng.normal(0, noise / 3, (100, 60, 80))  # the mean of a cell's pixels
    assert moving(luma).max() < 0.001
    for k in range(40, 60):
        luma[k, 20:30, 2 * (k - 30) : 2 * (k - 30) + 5] = 220
    share = moving(luma)
    assert share[40:60].min() > 0.002
    assert max(share[:37].max(), share[63:].max()) < 0.001


def test_one_picture_and_none_that_move():
    assert moving(np.full((1, 60, 80), 90.0)).tolist() == [0]
    assert moving(np.full((9, 60, 80), 90.0)).max() == 0


def test_motion_of_the_whole_picture_is_motion():
    wide = np.random.default_rng(0).uniform(40, 200, (12, 40)).repeat(5, 0).repeat(5, 1)
    pan = np.stack([wide[:, k : k + 80] for k in range(100)])
    luma = np.concatenate([pan[:1].repeat(200, 0), pan, pan[-1:].repeat(200, 0)])
    share = moving(luma)
    assert share[205:295].min() > 0.1
    assert max(share[:195].max(), share[305:].max()) < 0.001


def test_loudness_is_what_was_made_and_speech_goes_by_the_network():
    level = np.repeat([0.0, 0.001, 0.5, 0.001], 16384)
    tone = level * np.sin(np.arange(65536) * 0.3)
    sound = Sound.of(tone[:, None].astype(np.float32), rate=16000)
    loudness, speech = listened(sound, None, step=1.024, count=5)
    assert loudness[1:4] == pytest.approx([-63, -9, -63], abs=0.3)
    assert loudness[[0, 4]].tolist() == [-120, -120]
    assert speech.tolist() == [0, 0, 1, 0, 0]

    def hear(blocks):
        for block in blocks:
            yield np.full(-(-len(block) // 512), 0.7)

    assert listened(sound, hear, step=1.024, count=5)[1].tolist() == [0.7] * 4 + [0]


def test_black_and_frozen_are_told(tmp_path):
    frames = film("even", event=True)[: RATE * 6].copy()
    frames[RATE * 2 : RATE * 4] = frames[RATE * 2]
    frames[RATE * 4 : RATE * 5] = 0
    told = signals(written(tmp_path / "clip.mp4", frames, crf=0))
    seconds = np.arange(len(told.motion)) * told.step
    assert told.frozen[(seconds >= 2.25) & (seconds < 3.75)].all()
    assert not told.frozen[seconds < 1.75].any()
    assert (told.black == ((seconds >= 4) & (seconds < 5))).all()


def test_a_shot_that_is_shown_twice_is_told_the_second_time():
    rng = np.random.default_rng(1)

    def walk(n: int) -> np.ndarray:
        return 0.5 + 0.05 * np.cumsum(rng.normal(size=(n, 48)), 0)

    first, second = walk(30), walk(25)
    noise = 0.002 * rng.normal(size=(115, 48))
    look = np.concatenate([first, second, first, second[:5] * 0 + 0.5, walk(25)]) + noise
    found = duplicates(look, np.ones(115))
    assert found[55:85].mean() > 0.9
    assert not found[:55].any()
    assert not found[90:].any()


def test_what_stands_is_no_duplicate_of_itself():
    look = 0.5 + 0.001 * np.random.default_rng(0).normal(size=(200, 48))
    assert not duplicates(look, np.ones(200)).any()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--remove silence", "has no sound"),
        ("--remove black", "nothing is left"),
        ("--margin 1", "--margin is of --auto"),
        ("--auto --trim 1:2", "exclude each other"),
        ("--auto --margin -1", "margin is -1"),
    ],
)
def test_a_mistake_is_a_sentence(words, says, tmp_path, capsys):
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.mp4"
    write_video(clip, np.zeros((12, 48, 64, 3), np.uint8), rate=12)
    assert cli.main(["edit", str(clip), *words.split(), "-o", str(out)]) == 2
    assert says in capsys.readouterr().err
    assert not out.exists()


def test_the_command_prints_the_cut_list_and_writes_it(tmp_path, capsys):
    clip, out = written(tmp_path / "clip.mp4", film("even", event=True)), tmp_path / "out.mp4"
    assert cli.main(["edit", str(clip), "--auto", "--progress", "none", "-o", str(out)]) == 0
    said = capsys.readouterr().out
    found = highlights(clip)
    assert "1 part" in said
    assert "motion" in said
    assert probe(out).duration == pytest.approx(found.kept, abs=1 / RATE)
    same = tmp_path / "same.mp4"
    assert apply(clip, same, keep(*found.spans)).frames == probe(out).frames


def test_a_summary_is_no_longer_than_was_asked_for(tmp_path):
    clip = written(tmp_path / "clip.mp4", film("even", event=True))
    found = highlights(clip, config=SelectionConfig(most=1.5))
    assert 1 <= found.kept <= 1.5
