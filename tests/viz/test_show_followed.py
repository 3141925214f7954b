"""`show` of objects from the file on: what is found, followed and masked in made clips."""

from __future__ import annotations

import numpy as np
import pytest

from tests.inference.test_objects import bright
from vidparticles import cli
from vidparticles.editing.reel import opened
from vidparticles.inference import objects as inference
from vidparticles.video import probe, write_video
from vidparticles.viz import show
from vidparticles.viz.objects import stream

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def square_detector(monkeypatch, tmp_path_factory):
    """Finds one white square, as a dog; there is no network of persons."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr(show, "detector_parameters", lambda: ())
    monkeypatch.setattr(inference.nanodet, "observe", lambda: bright)


def frames_of(count, seed=0):
    """A texture on which a square goes right, two pixels a frame."""
    texture = np.random.default_rng(seed).integers(20, 110, (12, 16, 3))
    frames = np.tile(np.kron(texture, np.ones((4, 4, 1))).astype(np.uint8), (count, 1, 1, 1))
    for k, frame in enumerate(frames):
        frame[10 + 12 * seed : 26 + 12 * seed, 2 * k : 2 * k + 16] = 255
    return frames


def test_numbers_and_paths_end_at_a_cut_and_masks_are_of_their_object(tmp_path):
    write_video(tmp_path / "clip.mp4", np.concatenate([frames_of(9), frames_of(9, 1)]), rate=10)
    with opened(tmp_path / "clip.mp4") as reel:
        found = list(stream.object_moments((), reel))
    numbers = [[one.number for one in moment.objects] for moment in found]
    assert numbers[:9] == [[0]] * 9
    assert [0] not in numbers[9:]
    assert numbers[-1] == [1]
    for k in range(18):
        for one in found[k].objects:
            assert len(one.path) <= 1 + k % 9
            assert (np.abs(one.path[:, 2] - one.path[-1, 2]) < 0.1).all()
    (one,) = found[7].objects
    square = np.zeros((48, 64), bool)
    square[10:26, 14:30] = True
    mask = one.mask > 0.5
    assert (mask & square).sum() / (mask | square).sum() > 0.7


@pytest.mark.parametrize("suffix", ["mp4", "png", "html"])
@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_frames_are_shown(count, suffix, tmp_path, capsys):
    clip, out = tmp_path / "clip.mp4", tmp_path / f"out.{suffix}"
    write_video(clip, frames_of(count), rate=10)
    assert cli.main(["show", str(clip), "-o", str(out)]) == 0
    assert capsys.readouterr().err == ""
    if suffix == "mp4":
        assert (probe(out).frames, probe(out).height) == (count, 384)


def test_a_still_picture_has_an_object_without_a_force(tmp_path):
    write_video(tmp_path / "clip.mp4", np.repeat(frames_of(1), 8, 0), rate=10)
    with opened(tmp_path / "clip.mp4") as reel:
        found = list(stream.object_moments((), reel, masks=False))
    assert [len(moment.objects) for moment in found] == [1] * 8
    assert all((one.force == 0).all() for moment in found for one in moment.objects)
