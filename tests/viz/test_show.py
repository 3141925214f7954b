"""`show` of points: what each kind of file holds; what is said when it cannot be written."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from vidparticles import cli, storage
from vidparticles.errors import InputError
from vidparticles.video import open_video, probe, write_video
from vidparticles.viz.show import show

SIZE, RATE = (96, 128), 12
NUMBER, X, Y, LABEL, VISIBLE, TAIL = 0, 1, 2, 6, 9, 10


@pytest.fixture(scope="module")
def moving(tmp_path_factory):
    """A textured square that crosses a texture, 14 frames."""
    random = np.random.default_rng(0)
    behind, thing = (
        np.kron(random.integers(30, 220, (n, m, 3)), np.ones((6, 6, 1))).astype(np.uint8)
        for n, m in ((16, 22), (7, 7))
    )
    frames = np.tile(behind[: SIZE[0], : SIZE[1]], (14, 1, 1, 1))
    for t, frame in enumerate(frames):
        frame[27:69, 4 + 3 * t : 46 + 3 * t] = thing
    path = tmp_path_factory.mktemp("moving") / "it's <b> & co.mp4"
    write_video(path, frames, rate=RATE, crf=8)
    return path


@pytest.fixture(scope="module")
def page(moving, tmp_path_factory):
    """The text of its page."""
    out = tmp_path_factory.mktemp("page") / "page.html"
    made = show(moving, out, color="group")
    assert (made.frames, made.note) == (14, "")
    return out.read_text(encoding="utf-8")


def held(page: str) -> dict:
    """What a page holds, as its script reads it."""
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_a_page_holds_every_moment_and_needs_nothing_else(page):
    data = held(page)
    assert len(data["moments"]) == len(data["pictures"]) == 14
    assert [m["t"] for m in data["moments"]] == pytest.approx(np.arange(14) / RATE, abs=1e-3)
    assert all(text.startswith("/9j/") for text in data["pictures"])  # what a JPEG begins with
    assert not re.search(r"https?:|//[a-z]|src=|href=|@import|url\(", page.split('id="data"')[0])
    assert not re.search(r"https?:|fetch\(|XMLHttp|import ", page.split("<script>")[1])
    assert "it&#x27;s &lt;b&gt; &amp; co.mp4" in page
    assert "<b>" not in page.split('id="data"')[0]
    assert page.count("</script>") == 2


def test_particles_of_a_page_lie_in_the_frame_and_keep_their_numbers(page):
    data = held(page)
    rows = [row for moment in data["moments"] for row in moment["p"]]
    assert len(rows) > 14 * 10
    place = np.array([row[X : Y + 1] for row in rows]) / data["units"][0]
    assert (place >= 0).all()
    assert (place <= [data["width"], 1]).all()
    for before, after in zip(data["moments"], data["moments"][1:], strict=False):
        old, new = ({row[NUMBER]: row for row in moment["p"]} for moment in (before, after))
        assert len(new) == len(after["p"])
        shared = old.keys() & new.keys()
        assert len(shared) > len(new) / 2
        moved = [np.subtract(new[k][X : Y + 1], old[k][X : Y + 1]) for k in shared]
        assert np.median(np.abs(moved)) < 0.01 * data["units"][0]
    assert all(row[VISIBLE] == 1 for row in rows)
    # The square goes its own way, and where it came from lies behind it.
    own = [row for row in data["moments"][-1]["p"] if row[LABEL] > 0]
    assert own
    assert all(row[TAIL] < 0 for row in own if len(row) > TAIL)


def test_the_script_of_a_page_is_one(page, tmp_path):
    if shutil.which("node") is None:
        pytest.skip("no node to check it with")
    script = tmp_path / "script.js"
    script.write_text(re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1], encoding="utf-8")
    done = subprocess.run(["node", "--check", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_long_clip_is_thinned_evenly_and_says_so(moving, tmp_path, monkeypatch):
    from vidparticles.viz import page

    monkeypatch.setattr(page, "CONFIG", page.PageConfig(moments=5))
    made = show(moving, tmp_path / "page.html", points=True)
    times = [m["t"] for m in held((tmp_path / "page.html").read_text())["moments"]]
    assert len(times) == made.frames == 5
    assert times[0] == 0
    assert np.ptp(np.diff(times)) < 1.5 / RATE
    assert "5 of its 14 frames" in made.note


def test_colors_and_arrows_change_what_is_drawn(moving, tmp_path):
    drawn = {}
    for name, options in {
        "speed": {"points": True},
        "group": {"color": "group"},
        "forces": {"forces": True},
    }.items():
        out = tmp_path / f"{name}.mp4"
        show(moving, out, **options)
        with open_video(out) as video:
            drawn[name] = np.stack([frame for _, frame in video]).astype(int)
    assert len(drawn["speed"]) == 14
    for name in ("group", "forces"):
        assert (np.abs(drawn[name][8:] - drawn["speed"][8:]).max(-1) > 40).mean() > 1e-3


def test_what_moves_together_has_one_color(moving, tmp_path):
    show(moving, tmp_path / "still.png", color="group")
    picture = np.asarray(Image.open(tmp_path / "still.png")).astype(int)
    orange = (picture[..., 0] > 150) & (picture[..., 0] - picture[..., 2] > 90)
    assert picture.shape == (*SIZE, 3)
    assert orange.sum() > 4


def test_a_gif_keeps_the_frames(moving, tmp_path):
    made = show(moving, tmp_path / "out.gif", points=True)
    assert made.frames == probe(tmp_path / "out.gif").frames == 14


@pytest.mark.parametrize(
    "frames",
    [
        np.random.default_rng(1).integers(0, 255, (1, *SIZE, 3), dtype=np.uint8),
        np.zeros((3, *SIZE, 3), np.uint8),
        np.full((3, *SIZE, 3), 128, np.uint8),
    ],
    ids=["one frame", "black", "gray"],
)
@pytest.mark.parametrize("suffix", ["mp4", "gif", "png", "html"])
def test_a_clip_with_nothing_to_follow_is_shown_as_it_is(frames, suffix, tmp_path):
    clip, out = tmp_path / "clip.mp4", tmp_path / f"out.{suffix}"
    write_video(clip, frames, rate=RATE)
    made = show(clip, out, color="group", forces=True)
    assert made.frames == (1 if suffix == "png" else len(frames))
    if suffix == "html":
        assert len(held(out.read_text())["moments"]) == len(frames)


@pytest.mark.parametrize(
    ("out", "options", "says"),
    [
        ("out.htm", {}, "ends in .mp4, .m4v, .mov, .mkv, .webm, .gif, .png or .html"),
        ("nowhere/out.html", {}, "does not exist"),
        ("folder.html", {}, "is a folder"),
        ("there.html", {}, "exists"),
        ("out.mp4", {"color": "sped"}, "Did you mean 'speed'"),
    ],
)
def test_what_cannot_be_written_is_refused_and_left(out, options, says, moving, tmp_path):
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "there.html").write_text("mine")
    with pytest.raises(InputError, match=says):
        show(moving, tmp_path / out, **options)
    assert (tmp_path / "there.html").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_page_that_fails_half_way_leaves_nothing(moving, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    for way in ("replace", "link"):
        monkeypatch.setattr(storage.os, way, full)
    assert cli.main(["show", str(moving), "-o", str(tmp_path / "page.html")]) == 2
    assert "the disk is full" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
