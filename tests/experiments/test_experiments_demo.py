"""The first command: its pieces, and (slow) the whole of it at its smoke size in a real browser."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

from experiments.demo import picture, real, trained
from tests import browser
from vidparticles.data.embedded import Act
from vidparticles.video import open_video, write_video

ROOT = pathlib.Path(__file__).resolve().parents[2]
ACTS = [Act("orbit", 0.0, 2.0), Act("pass", 2.0, 4.0), Act("chase", 4.0, 6.0)]


def test_an_act_is_told_right_by_the_label_that_has_most_of_its_time():
    def told(*timeline):
        return trained.acts_right(ACTS, [Act(*event) for event in timeline])

    assert told(("orbit", 0.0, 2.0), ("pass", 2.0, 4.0), ("chase", 4.0, 6.0)) == [True] * 3
    assert told(("orbit", 0.0, 2.9), ("pass", 2.9, 4.9), ("chase", 4.9, 6.0)) == [True] * 3
    assert told(("orbit", 0.0, 3.1), ("pass", 3.1, 6.0)) == [True, False, False]
    # Two short events of one label count together.
    pieces = ("pass", 0.0, 2.6), ("chase", 2.6, 3.0), ("stick", 3.0, 3.7), ("chase", 3.7, 6.0)
    assert told(*pieces) == [False, False, True]


def test_half_speed_stands_beside_the_mean_of_neighbors(tmp_path):
    rng = np.random.default_rng(0)
    clip = np.repeat(np.repeat(rng.integers(0, 200, (4, 8, 10, 1)), 16, 1), 16, 2)
    clip = np.repeat(clip, 3, -1).astype(np.uint8)
    slow = 255 - np.repeat(clip, 2, axis=0)
    for name, frames in (("clip", clip), ("slow", slow)):
        write_video(tmp_path / f"{name}.mp4", frames, rate=25)
    out = tmp_path / "beside.mp4"
    real.half_speed_beside_blend(tmp_path / "clip.mp4", tmp_path / "slow.mp4", out)
    with open_video(out) as video:
        assert video.info.rate == 25
        found = video.frames(range(len(video))).astype(float)
    assert found.shape == (8, 128, 320, 3)
    found = found[:, 32:]  # below the titles
    for k in range(8):
        blend = (clip[k // 2].astype(float) + clip[min((k + 1) // 2, 3)]) / 2
        assert np.abs(found[k, :, :160] - blend[32:]).mean() < 6, k
        assert np.abs(found[k, :, 160:] - slow[k, 32:]).mean() < 6, k


def test_a_small_gif_keeps_what_moves_and_its_color(tmp_path):
    frames = np.full((10, 60, 80, 3), 90, np.uint8)
    frames += np.random.default_rng(0).integers(0, 6, frames.shape, dtype=np.uint8)  # grain
    for k in range(10):
        frames[k, 20:26, 5 * k : 5 * k + 6] = (250, 220, 20)
    picture.gif(frames, tmp_path / "a.gif", seconds=0.08)
    with open_video(tmp_path / "a.gif") as video:
        found = video.frames(range(len(video))).astype(int)
    assert len(found) == 10
    for k in range(10):
        spot = found[k, 22:24, 5 * k + 2 : 5 * k + 4]
        assert np.abs(spot - (250, 220, 20)).max() < 30, k
        away = np.abs(found[k] - (250, 220, 20)).max(-1) < 60
        assert away.sum() == 36, k  # nothing is left where it was
    assert (tmp_path / "a.gif").stat().st_size < 10_000


def test_the_picture_of_readme_is_small_and_moves():
    file = ROOT / "experiments" / "demo" / "particles.gif"
    assert f"({file.relative_to(ROOT)})" in (ROOT / "README.md").read_text()
    assert file.stat().st_size < 1_000_000
    with open_video(file) as video:
        assert len(video) > 20
        ends = video.frames([0, len(video) - 1]).astype(int)
    spread = ends.max(-1) - ends.min(-1)
    assert (spread[1] > 60).sum() > 50  # the clip is gray: what is colored was drawn
    assert np.abs(ends[1] - ends[0]).mean() > 2


# ---------------------------------------------------------------- the whole, slow


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """The demo at its smoke size, as a user starts it: its folder and what it printed."""
    folder = tmp_path_factory.mktemp("demo") / "out"
    command = [sys.executable, "-m", "experiments.demo", "--smoke", "--workdir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder, done


@pytest.mark.slow
def test_it_prints_nothing_but_its_own_words(smoke):
    _, done = smoke
    own = r"step \d|first step|device busy|skipped a clip"
    assert [line for line in done.stderr.splitlines() if not re.match(own, line)] == []
    foreign = r"^[IWEF]\d{4} |WARNING|Warning|absl|oneDNN|cpu_aot|tensorflow/"
    assert [line for line in done.stdout.splitlines() if re.search(foreign, line)] == []
    sections = re.findall(r"^── (.*?)  \(\d+ s\)$", done.stdout, re.MULTILINE)
    assert sections[0].startswith("a real clip")
    assert sections[-1] == "writing the page"


@pytest.mark.slow
@pytest.mark.parametrize("width", [1400, 390])
def test_the_page_is_right_in_a_browser(smoke, width):
    folder, _ = smoke
    seen = browser.look(folder / "index.html", width=width)
    assert not seen.console
    # The real clips come first.
    names = [pathlib.PurePosixPath(m["source"]).name for m in seen.media]
    assert names[:3] == ["particles.mp4", "beside.mp4", "nasa.mp4"]
    assert [m["tag"] for m in seen.media] == ["video"] * 8 + ["img"] * 3
    # Chromium's own least width of a window is 500.
    assert seen.wide <= max(width, 500)
    for m in seen.media:
        assert m["width"], m  # it has loaded
        shown = m["shown"]
        assert 120 < shown[0] < width + 120, m
        assert shown[0] / shown[1] == pytest.approx(m["width"] / m["height"], rel=0.03), m
    assert (seen.media[0]["width"], seen.media[0]["height"]) == (328, 240)
    assert (seen.media[1]["width"], seen.media[1]["height"]) == (656, 240)
