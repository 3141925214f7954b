"""`cuts` writes a file of each shot, pictures, lists and chapters."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from vidparticles import cli
from vidparticles.editing import compose
from vidparticles.inference.cuts import cuts, pieces
from vidparticles.video import Sound, open_video, write_video
from vidparticles.video.timelines import read_timeline

RATE, HZ, EACH = 25, 8000, 30
LEVELS = (40, 200, 110)
LOUD = (0.02, 0.06, 0.2)


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """Three still, textured shots of 30 frames with noise of a loudness each."""
    path = tmp_path_factory.mktemp("shots") / "film.mp4"
    rng = np.random.default_rng(0)
    looks = [np.clip(rng.normal(level, 25, (96, 128, 3)), 0, 255) for level in LEVELS]
    frames = (looks[k // EACH].astype(np.uint8) for k in range(3 * EACH))
    heard = np.concatenate([rng.normal(0, level, HZ * EACH // RATE) for level in LOUD])[:, None]
    write_video(path, frames, rate=RATE, audio=Sound.of(heard.astype(np.float32), HZ))
    return path


def test_all_that_is_asked_for_is_written_at_once(three, tmp_path, capsys):
    words = ["cuts", str(three), "--split", str(tmp_path / "v"), "--images", str(tmp_path / "p")]
    words += ["--edl", str(tmp_path / "a.edl"), "--otio", str(tmp_path / "a.otio")]
    words += ["--qp", str(tmp_path / "qp.txt"), "--chapters", str(tmp_path / "c.mp4")]
    assert cli.main(words) == 0
    out, err = capsys.readouterr()
    assert "film-003.mp4" in out
    assert not err
    assert (tmp_path / "qp.txt").read_text() == "0 I -1\n30 I -1\n60 I -1\n"
    for k in range(3):
        with open_video(tmp_path / "v" / f"film-{k + 1:03d}.mp4") as video:
            assert len(video) == EACH
            means = [frame.mean() for _, frame in video]
            assert max(abs(mean - LEVELS[k]) for mean in means) < 12
            heard = video.audio().samples[:, 0]
        inside = heard[HZ // 10 : EACH * HZ // RATE - HZ // 10]
        assert inside.std() == pytest.approx(LOUD[k], rel=0.3)
        with Image.open(tmp_path / "p" / f"film-{k + 1:03d}.jpg") as image:
            assert np.asarray(image).mean() == pytest.approx(LEVELS[k], abs=12)
    for name in ("a.edl", "a.otio"):
        told = read_timeline(tmp_path / name)
        edges = [(clip.start, clip.end) for clip in told.clips]
        assert edges == [(k * Fraction(6, 5), (k + 1) * Fraction(6, 5)) for k in range(3)]
    with open_video(tmp_path / "c.mp4") as video, open_video(three) as source:
        starts = [chapter.start for chapter in video.extras().chapters]
        assert starts == [k * Fraction(6, 5) for k in range(3)]
        picked = [0, 31, 89]
        np.testing.assert_array_equal(video.frames(picked), source.frames(picked))
    # What is there already stays.
    assert cli.main(words) == 2
    assert "exists; give --overwrite" in capsys.readouterr().err


def test_the_pieces_of_a_clip_are_all_of_it(three):
    found = cuts(three)
    assert pieces(found) == ((0, EACH), (EACH, 2 * EACH), (2 * EACH, 3 * EACH))


def test_a_list_has_the_name_of_its_kind(three, tmp_path, capsys):
    assert cli.main(["cuts", str(three), "--edl", str(tmp_path / "a.txt")]) == 2
    assert "--edl writes a .edl" in capsys.readouterr().err


def test_a_shot_between_keyframes_is_copied_but_for_its_ends(three, tmp_path):
    (done,) = compose.split(three, [(5, 85)], tmp_path)
    assert 0 <= done.copied < 1
    with open_video(done.path) as video, open_video(three) as source:
        got, want = (
            v.frames(k).astype(int) for v, k in ((video, range(80)), (source, range(5, 85)))
        )
    assert np.abs(got - want).mean((1, 2, 3)).max() < 3
