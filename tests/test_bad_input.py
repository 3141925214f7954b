"""Bad input, row by row: one sentence that names it, exit status 2, nothing written.

Misspelt keys of a config are held in tests/experiments, damaged files of every kind in
tests/video; here is what a user of the command sees.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import wave

import av
import numpy as np
import pytest

from vidparticles import cli
from vidparticles.video import probe, write_video

# Every verb that reads a clip, with what it needs beside it; {out} is not there yet.
READERS = {
    "understand": "understand {clip} --no-objects",
    "cuts": "cuts {clip}",
    "predict": "predict {clip} --checkpoint {run} --seconds 0.2 -o {out}",
    "edit": "edit {clip} --speed 2 -o {out}",
    "splice": "splice {good} {clip} -o {out}",
    "show": "show {clip} --points -o {out}",
}
WRITERS = [verb for verb in READERS if verb not in ("understand", "cuts")]


@pytest.fixture(autouse=True)
def no_weights(monkeypatch, tmp_path_factory):
    """What others have trained is not here, whoever runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def bad(tmp_path_factory, clip) -> dict[str, pathlib.Path]:
    """Files that are no whole videos, by what is wrong with them."""
    folder = tmp_path_factory.mktemp("bad")
    found = {"missing": folder / "nowhere.mp4", "folder": folder / "folder.mp4"}
    found["folder"].mkdir()
    for name, content in (("empty", b""), ("text", b"These are words, not frames.\n" * 50)):
        found[name] = folder / f"{name}.mp4"
        found[name].write_bytes(content)
    found["sound"] = folder / "sound.wav"
    with wave.open(str(found["sound"]), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))
    found["no frames"] = folder / "frameless.mp4"
    with av.open(str(found["no frames"]), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        container.start_encoding()
    # The table of frames comes first in the file, so its first half still opens.
    found["cut short"] = folder / "half.mp4"
    whole = clip.read_bytes()
    assert whole.find(b"moov") < whole.find(b"mdat")
    found["cut short"].write_bytes(whole[: len(whole) * 2 // 3])
    return found


def refused(words, capsys, *, folder: pathlib.Path) -> str:
    """Run, expect a refusal that leaves the folder as it was; the sentence."""
    before = snapshot(folder)
    status = cli.main([str(word) for word in words])
    out, err = capsys.readouterr()
    assert status == 2, (out, err)
    assert out == ""
    assert err.startswith("vidparticles: ")
    assert err.count("\n") == 1, err
    assert snapshot(folder) == before
    return err


def snapshot(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def words_of(line: str, **files) -> list[str]:
    return [word.format(**files) for word in line.split()]


# ------------------------------------------------------------------ clips


@pytest.mark.parametrize("verb", READERS)
@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("missing", "no such file"),
        ("folder", "is a folder"),
        ("empty", "it is empty"),
        ("text", "is not a video"),
        ("sound", "sound only"),
        ("no frames", "expected"),
    ],
)
def test_what_is_no_video(verb, kind, says, bad, clip, run, tmp_path, capsys):
    files = {"clip": bad[kind], "good": clip, "run": run, "out": tmp_path / "out.mp4"}
    err = refused(words_of(READERS[verb], **files), capsys, folder=tmp_path)
    assert str(bad[kind]) in err
    assert says in err


@pytest.mark.parametrize("verb", READERS)
def test_what_is_cut_short_is_used_with_a_warning(verb, bad, clip, run, tmp_path, capsys):
    out = tmp_path / "out.mp4"
    files = {"clip": bad["cut short"], "good": clip, "run": run, "out": out}
    assert cli.main(words_of(READERS[verb], **files)) == 0
    err = capsys.readouterr().err
    assert err.startswith(f"vidparticles: warning: {bad['cut short']} is cut short")
    # and, of `understand`, what is not here
    assert err.count("\n") == 1 + ("weights get" in err) == 1 + (verb == "understand")
    if verb in WRITERS:
        assert probe(out).frames > 0
        assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize("verb", ["cuts", "edit", "splice"])
def test_frames_that_do_not_decode_are_told_of(verb, clip, run, shared_data, tmp_path, capsys):
    broken = shared_data / "clips" / "corrupted.mp4"
    files = {"clip": broken, "good": clip, "run": run, "out": tmp_path / "out.mp4"}
    assert cli.main(words_of(READERS[verb], **files)) == 0
    err = capsys.readouterr().err
    assert err.startswith(f"vidparticles: warning: {broken}: 1 of 50 frames do not decode")
    assert err.count("\n") == 1


@pytest.mark.parametrize(("frames", "side"), [(1, 128), (5, 2)])
def test_one_frame_and_tiny_frames_are_one_shot(frames, side, tmp_path, capsys):
    tiny = tmp_path / "tiny.mp4"
    write_video(tiny, iter([np.full((side, side, 3), 90, np.uint8)] * frames), rate=25)
    assert cli.main(["cuts", str(tiny)]) == 0
    assert "1 shot\n" in capsys.readouterr().out


# ------------------------------------------------------------------ outputs


@pytest.mark.parametrize("verb", WRITERS)
def test_an_output_that_exists_is_kept(verb, clip, run, tmp_path, capsys):
    out = tmp_path / "out.mp4"
    out.write_bytes(b"mine")
    files = {"clip": clip, "good": clip, "run": run, "out": out}
    err = refused(words_of(READERS[verb], **files), capsys, folder=tmp_path)
    assert f"{out} exists" in err
    assert "--overwrite" in err


@pytest.mark.parametrize("verb", WRITERS)
@pytest.mark.parametrize(
    ("name", "says"), [("nowhere/out.mp4", "does not exist"), ("out.xyz", "'.xyz'")]
)
def test_an_output_that_cannot_be(verb, name, says, clip, run, tmp_path, capsys):
    out = tmp_path / name
    files = {"clip": clip, "good": clip, "run": run, "out": out}
    err = refused(words_of(READERS[verb], **files), capsys, folder=tmp_path)
    assert str(out) in err
    assert says in err


def test_an_output_that_is_the_input(clip, tmp_path, capsys):
    mine = tmp_path / "mine.mp4"
    shutil.copy(clip, mine)
    refused(["edit", mine, "--speed", 2, "-o", mine, "--overwrite"], capsys, folder=tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="sets a limit on the size of files")
def test_a_disk_that_fills_leaves_no_partial_file(clip, tmp_path):
    code = (
        "import resource, sys; from vidparticles import cli\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))\n"
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    out = tmp_path / "out.mp4"
    words = ["edit", str(clip), "--recolor", "hue=90", "-o", str(out)]
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "JAX_ENABLE_COMPILATION_CACHE": "false"},
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"vidparticles: {out}: the disk is full")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------ options


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("", "nothing to do"),
        ("--speed 0", "0"),
        ("--speed -30", "speed -30"),
        ("--speed -1:1@0-1", "turns round"),
        ("--speed nan", "nan"),
        ("--trim 3:1", "3:1"),
        ("--trim 70:80", "70"),
        ("--trim soon", "START:END"),
        ("--recolor hew=90", "'hue'"),
        ("--recolor hue=red", "hue=red"),
    ],
)
def test_edits_that_make_no_sense(options, says, clip, tmp_path, capsys):
    words = ["edit", clip, *options.split(), "-o", tmp_path / "out.mp4"]
    assert says in refused(words, capsys, folder=tmp_path)


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "9999"])
def test_predictions_that_make_no_sense(seconds, clip, run, tmp_path, capsys):
    words = ["predict", clip, "--checkpoint", run, f"--seconds={seconds}"]
    assert "seconds" in refused([*words, "-o", tmp_path / "o.mp4"], capsys, folder=tmp_path)


def test_one_clip_is_nothing_to_splice(clip, tmp_path, capsys):
    refused(["splice", clip, "-o", tmp_path / "out.mp4"], capsys, folder=tmp_path)


# ------------------------------------------------------------------ checkpoints


def test_no_checkpoint(clip, tmp_path, capsys):
    for folder in (tmp_path, tmp_path / "nowhere"):
        err = refused(["understand", clip, "--checkpoint", folder], capsys, folder=tmp_path)
        assert str(folder) in err
        assert "train.py" in err


def test_a_checkpoint_of_another_model(clip, run, tmp_path, capsys):
    other = tmp_path / "other"
    shutil.copytree(run, other)
    config = json.loads((other / "config.json").read_text())
    config["model"]["options"]["planes"] = 3
    (other / "config.json").write_text(json.dumps(config))
    err = refused(["understand", clip, "--checkpoint", other], capsys, folder=tmp_path)
    assert "another model" in err
    assert "float32[" in err  # the first leaf that differs, in both shapes


# ------------------------------------------------------------------ folders


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (None, "no such folder"),
        ([], "is empty"),
        (["clip.mp4"], "DIR/class/clip.mp4"),
        (["wave/clip.mp4", "jump/"], "'jump' has no clips"),
        (["train/clip.mp4", "test/"], "DIR/class/clip.mp4"),
    ],
)
def test_folders_laid_out_wrongly(files, says, clip, tmp_path, capsys):
    folder = tmp_path / "set"
    for name in files or []:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            (folder / name).mkdir(parents=True)
        else:
            shutil.copy(clip, folder / name)
    if files == []:
        folder.mkdir()
    words = ["prepare", folder, "-o", tmp_path / "out"]
    err = refused(words, capsys, folder=tmp_path)
    assert str(folder) in err
    assert says in err
    assert not (tmp_path / "out").exists()


def test_a_corrupt_clip_of_a_folder_is_left_out_by_name(bad, clip, tmp_path, capsys):
    (tmp_path / "set" / "wave").mkdir(parents=True)
    shutil.copy(clip, tmp_path / "set" / "wave" / "good.mp4")
    shutil.copy(bad["text"], tmp_path / "set" / "wave" / "broken.mp4")
    assert cli.main(["prepare", str(tmp_path / "set"), "-o", str(tmp_path / "out")]) == 0
    out, err = capsys.readouterr()
    assert "1 clips made" in out
    assert "1 left out" in out
    assert "broken.mp4" in err
    assert err.count("\n") == 1


# ------------------------------------------------------------------ as a process


@pytest.mark.parametrize(
    "line", ["edit nowhere.mp4 --speed 2 -o out.mp4", "understand nowhere.mp4 --checkpoint w"]
)
def test_as_a_process(line, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "vidparticles.cli", *line.split()],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "vidparticles: nowhere.mp4: no such file; give the path of a video file.\n"
    )
    assert list(tmp_path.iterdir()) == []
