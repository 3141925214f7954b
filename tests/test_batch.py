"""Verbs over many clips: one output each, one line a broken one, taken up where it stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from vidparticles import cli
from vidparticles.video import open_video, probe, write_video

EDIT = ["--recolor", "gray", "--progress", "none"]


@pytest.fixture
def folder(tmp_path):
    """Three clips, one of them in a folder within, and two that are none."""
    clips = tmp_path / "clips"
    (clips / "in").mkdir(parents=True)
    for k, name in enumerate(("a.mp4", "b.mkv", "in/a.mp4")):
        write_video(clips / name, np.full((6, 32, 48, 3), 40 * k + 40, np.uint8), rate=6)
    (clips / "broken.mp4").write_bytes((clips / "a.mp4").read_bytes()[:200])
    (clips / "text.mov").write_text("no video")
    (clips / "notes.txt").write_text("not looked at")
    return clips


def edit(*words: object) -> int:
    return cli.main(["edit", *map(str, words), *EDIT])


def test_a_folder_is_edited_and_what_is_broken_is_a_line_each(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert edit(folder, "-o", out) == 1
    said, told = capsys.readouterr()
    made = sorted(p.relative_to(out).as_posix() for p in out.rglob("[!.]*.m??"))
    assert made == ["a.mp4", "b.mkv", "in/a.mp4"]
    assert said.count("\n") == 3
    lines = told.splitlines()
    assert [line for line in lines if "broken.mp4" in line and "text.mov" not in line]
    assert [line for line in lines if "text.mov" in line]
    assert len(lines) == 3
    assert "2 of 5 clips" in lines[-1]
    for name, level in (("a.mp4", 40), ("b.mkv", 80), ("in/a.mp4", 120)):
        with open_video(out / name) as video:
            assert abs(int(video[0].mean()) - level) <= 2


def test_it_is_taken_up_where_it_stopped(folder, tmp_path, capsys):
    out = tmp_path / "out"
    edit(folder, "-o", out)
    first = {p: p.stat().st_mtime_ns for p in out.rglob("*.m??")}
    (out / "a.mp4").unlink()  # as if it had been stopped here
    write_video(folder / "b.mkv", np.full((3, 32, 48, 3), 200, np.uint8), rate=6, overwrite=True)
    os.utime(folder / "in/a.mp4")  # the same content at another time
    capsys.readouterr()
    assert edit(folder, "-o", out) == 1
    said = capsys.readouterr().out.splitlines()
    assert [("was there" in line) for line in said] == [False, False, True]
    assert probe(out / "b.mkv").frames == 3
    assert (out / "in/a.mp4").stat().st_mtime_ns == first[out / "in/a.mp4"]
    assert (out / "a.mp4").exists()


def test_what_others_put_there_and_other_options_made_is_left(folder, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    shutil.copy(folder / "in/a.mp4", out / "a.mp4")
    foreign = (out / "a.mp4").read_bytes()
    assert edit(folder / "a.mp4", folder / "b.mkv", "-o", out) == 1
    assert "a.mp4" in capsys.readouterr().err
    assert (out / "a.mp4").read_bytes() == foreign
    made = (out / "b.mkv").read_bytes()
    words = ["edit", str(folder / "b.mkv"), "-o", f"{out}/", "--speed", "2", "--progress", "none"]
    assert cli.main(words) == 2
    assert (out / "b.mkv").read_bytes() == made
    assert cli.main([*words, "--overwrite"]) == 0
    assert (out / "b.mkv").read_bytes() != made


def test_an_old_file_is_not_taken_for_one_that_was_to_replace_it(folder, tmp_path):
    """Stopped between the record and the new file."""
    out = tmp_path / "out"
    edit(folder / "a.mp4", "-o", f"{out}/")
    record = out / ".vidparticles" / "a.mp4.json"
    facts = json.loads(record.read_text())
    facts["before"] = (out / "a.mp4").stat().st_mtime_ns
    record.write_text(json.dumps(facts))
    assert edit(folder / "a.mp4", "-o", f"{out}/") == 2  # not ours: left, and said


def test_what_prints_prints_a_block_a_clip_and_json_a_list(folder, capsys):
    words = ["cuts", str(folder / "a.mp4"), str(folder / "text.mov"), str(folder / "b.mkv")]
    assert cli.main([*words, "--json"]) == 1
    said, told = capsys.readouterr()
    assert [clip["path"][-5:] for clip in json.loads(said)] == ["a.mp4", "b.mkv"]
    assert told.count("text.mov") == 1
    assert cli.main([*words, "--quiet"]) == 1
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("{c}/a.mp4 {c}/b.mkv -o {o}/one.mp4", "one file; give a folder"),
        ("{c} -o {c}", "where the clips are"),
        ("{c}/in/a.mp4 {c}/a.mp4 -o {o}", "one name"),
        ("{c} -o {o} --speed fast", "'fast'"),
        ("{c}/none -o {o}/", "none"),
        ("{o} -o {o}/new", "without a video file"),
    ],
)
def test_a_mistake_in_the_words_is_one_sentence(words, says, folder, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    assert edit(*words.format(c=folder, o=out).split()) == 2
    told = capsys.readouterr().err
    assert says in told
    assert told.count("\n") == 1
    assert not [*out.rglob("*.m??")]


def test_what_is_written_within_the_clips_is_not_taken_for_clips(folder, capsys):
    assert edit(folder, "-o", folder / "gray") == 1
    capsys.readouterr()
    assert edit(folder, "-o", folder / "gray") == 1
    assert "2 of 5 clips" in capsys.readouterr().err


@pytest.mark.slow
def test_ctrl_c_leaves_whole_files_and_the_next_run_goes_on(folder, tmp_path):
    for k in range(60):
        shutil.copy(folder / "a.mp4", folder / f"c{k:02}.mp4")
    out = tmp_path / "out"
    code = "import sys; from vidparticles import cli; sys.argv[0] = 'vidparticles'; cli.console()"
    words = [sys.executable, "-c", code, "edit", str(folder), "-o", str(out), *EDIT]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while len([*out.glob("c*.mp4")]) < 1:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    told = process.communicate()[1].decode()
    assert process.returncode == 130
    assert "each whole" in told
    made = [*out.glob("*.mp4")]
    assert 1 <= len(made) < 60
    assert all(probe(path).frames == 6 for path in made)
    assert not [*out.glob(".*.partial*")]
    assert edit(folder, "-o", out) == 1
    assert len([*out.glob("c*.mp4")]) == 60
