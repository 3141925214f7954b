"""The command line: what it prints where, what it imports, how it stops."""

from __future__ import annotations

import json
import logging
import os
import pathlib
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest

from vidparticles import __version__, cli, editing, startup, stopping, storage
from vidparticles.editing import Written
from vidparticles.editing import edit as edit_module
from vidparticles.inference import predict as predict_module
from vidparticles.inference.understanding.report import Report
from vidparticles.video import Encoding, open_video, probe
from vidparticles.viz import show as show_module

VERBS = ("understand", "predict", "edit", "splice", "cuts", "show", "objects", "search")
VERBS += ("recommend", "anomaly", "prepare", "weights")
HEAVY = ("flax", "optax", "orbax", "tensorflow", "jax_md", "av", "matplotlib", "sklearn")


def python(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=120)


# ------------------------------------------------------------------ light


@pytest.mark.parametrize("words", [["--help"], ["edit", "--help"], ["--version"], ["edti"]])
def test_help_and_mistakes_load_nothing_that_the_package_itself_does_not(words):
    """Seconds of imports before a line of help would be felt."""
    code = (
        "import sys, vidparticles; before = set(sys.modules)\n"
        "from vidparticles import cli\n"
        "try: cli.main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "new = {m.split('.')[0] for m in set(sys.modules) - before}\n"
        f"print('LOADED', *sorted(new & {{*{HEAVY}, 'jax', 'numpy'}}))"
    )
    done = python("-c", code, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "LOADED"


def test_help_names_every_verb(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert all(verb in text for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help(verb, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([verb, "--help"])
    assert stop.value.code == 0
    assert f"vidparticles {verb}" in capsys.readouterr().out


def test_version(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out.strip() == f"vidparticles {__version__}"


# ------------------------------------------------------------------ misspelt


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["understnd", "a.mp4"], "'understand'"),
        (["splise", "a.mp4", "b.mp4", "-o", "c.mp4"], "'splice'"),
        (["understand", "a.mp4", "--chekpoint", "w"], "'--checkpoint'"),
        (["edit", "a.mp4", "--spede=0.5", "-o", "b.mp4"], "'--speed'"),
        (["edit", "a.mp4", "--overwrit", "-o", "b.mp4"], "'--overwrite'"),
        (["--versoin"], "'--version'"),
        ([], "understand, predict"),
        (["edit", "a.mp4"], "-o/--output"),
        (["edit", "a.mp4", "--speed", "fast", "-o", "b.mp4"], "'fast'"),
        (["edit", "a.mp4", "b.mp4", "--speed", "2", "-o", "c.mp4"], "b.mp4"),
    ],
)
def test_what_is_misspelt_or_missing_is_named(words, hint, capsys):
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("vidparticles: ")
    assert err.count("\n") == 1
    assert hint in err


def test_a_name_like_an_option_is_told_how_to_be_one(clip, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-clip.mp4").write_bytes(clip.read_bytes())
    words = ["edit", "-clip.mp4", "--trim", ":0.2", "-o", "out.mp4"]
    assert cli.main(words) == 2
    assert "give the file as ./-clip.mp4, or behind --" in capsys.readouterr().err
    assert cli.main(["edit", "--trim", ":0.2", "-o", "out.mp4", "--", "-clip.mp4"]) == 0
    assert (tmp_path / "out.mp4").exists()


# ------------------------------------------------------------------ output


@pytest.fixture
def no_weights(monkeypatch, tmp_path_factory):
    """As for someone who has just installed the package."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def test_json_and_the_layout_say_the_same_and_json_is_alone_on_stdout(
    clip, run, no_weights, tmp_path, monkeypatch, capsys
):
    words = ["understand", str(clip), "--checkpoint", str(run), "--no-objects"]
    assert cli.main([*words, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert "`vidparticles weights get i3d efficientnet-lite0 silero` gets what tells it" in err
    found = json.loads(out)
    assert found["path"] == str(clip)
    trained = found["trained"]
    assert sum(trained["classes"].values()) == pytest.approx(1)
    assert trained["timeline"][0].keys() == {"label", "start", "end", "probability"}
    assert {"decode_seconds", "model_seconds", "compile_seconds"} < trained.keys()

    report = Report.from_json(out)
    monkeypatch.setattr("vidparticles.inference.understand", lambda *_, **__: report, raising=False)
    assert cli.main([*words, "--json", str(tmp_path / "a.json")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert Report.from_json((tmp_path / "a.json").read_text()) == report
    assert lines[0] == str(clip)
    assert lines[1] == "0:02.0, 128 × 128, 1 shot"
    assert sum(line.count("%") for line in lines) == 7  # six classes and one event
    assert "0:00.0 – 0:02.0" in lines[-3]
    assert lines[-1].split()[0] == "decode"
    assert cli.main([*words, "--json", str(tmp_path / "a.json")]) == 2  # it is there
    assert "a.json exists" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_file_of_another_kind_is_refused_before_any_work(option, clip, capsys):
    assert cli.main(["understand", str(clip), option, "out.mp4"]) == 2
    err = capsys.readouterr().err
    assert f"{option} is out.mp4; expected a file whose name ends in .{option[2:]}" in err
    assert cli.main(["understand", str(clip), option, f"nowhere/out.{option[2:]}"]) == 2
    assert "nowhere" in capsys.readouterr().err


def test_shots_are_listed(clip, tmp_path, capsys):
    dark, both = tmp_path / "dark.mp4", tmp_path / "both.mp4"
    assert cli.main(["edit", str(clip), "--recolor", "brightness=-1", "-o", str(dark)]) == 0
    assert cli.main(["splice", str(clip), str(dark), str(clip), "-o", str(both)]) == 0
    capsys.readouterr()
    assert cli.main(["cuts", str(both)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{both}  0:06.0, 3 shots"
    assert [line.split()[0] for line in lines[2:]] == ["1", "2", "3"]
    assert "0:02.0 – 0:04.0" in lines[3]
    assert [line.endswith("cut") for line in lines[2:]] == [False, True, True]
    span = next(word for word in lines[3].split() if word.endswith("f"))
    shot = tmp_path / "shot.mp4"
    assert cli.main(["edit", str(both), "--trim", span, "-o", str(shot)]) == 0
    capsys.readouterr()
    with open_video(both) as whole, open_video(shot) as part:
        assert len(part) == 48
        apart = np.abs(part.frames([0, 47]).astype(int) - whole.frames([48, 95]))
    assert apart.mean() < 2
    assert cli.main(["cuts", str(both), "--json"]) == 0
    out, err = capsys.readouterr()
    assert not err
    seen = json.loads(out)
    assert seen.keys() == {"path", "seconds", "shots", "warnings"}
    assert [(s["begins"], s["first"], s["last"]) for s in seen["shots"]] == [
        ("", 0, 47),
        ("cut", 48, 95),
        ("cut", 96, 143),
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00.0"), (59.96, "1:00.0"), (61.25, "1:01.2"), (7325.0, "2:02:05.0")],
)
def test_clock(seconds, text):
    from vidparticles.viz.text import clock

    assert clock(seconds) == text


def test_edit_writes_what_it_says(clip, tmp_path, capsys):
    out = tmp_path / "part.mp4"
    assert cli.main(["edit", str(clip), "--trim", "0.5:1.5", "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert said == f"{out}  1.00 s, 24 frames, 128 × 128, sound\n"
    info = probe(out)
    assert (info.frames, info.width, info.height) == (24, 128, 128)
    assert info.audio is not None


def test_what_is_cropped_away_is_said(clip, monkeypatch, capsys):
    made = Written(pathlib.Path("c.mp4"), 2, 1.0, 4, 4, sound=False, crop=0.914)
    monkeypatch.setattr(edit_module, "edit", lambda *args, **options: made)
    assert cli.main(["edit", str(clip), "--stabilize", "-o", "c.mp4"]) == 0
    assert capsys.readouterr().out.endswith("no sound, cropped to 91%\n")


def test_options_reach_the_verbs(clip, monkeypatch, capsys):
    """Every option of the command line arrives under the name that the function knows."""
    calls = {}

    def stand_in(name):
        def verb(*args, **options):
            calls[name] = (args, options)
            return Written(pathlib.Path("c.mp4"), 2, 1.0, 4, 4, sound=False, note="Beware.")

        return verb

    verbs = {"predict": predict_module, "edit": edit_module, "splice": editing, "show": show_module}
    for name, module in verbs.items():
        monkeypatch.setattr(module, name, stand_in(name))
    a = str(clip)
    for line in (
        "predict a.mp4 --checkpoint w --seconds 2.5 -o c.mp4",
        "edit a.mp4 --speed 0.5 --recolor hue=90 --trim 1:2 --stabilize --stabilize-crop 0.8 "
        "--fill --crop 0,0,8,8 --resize 720 --fps 25 --mute --over b.mp4 --at 1,2,3 "
        "-o c.mp4 --overwrite --codec hevc --crf 22 --preset fast --pix-fmt yuv420p10le",
        "splice a.mp4 b.mp4 d.mp4 -o c.mp4",
        "show a.mp4 -o c.mp4 --overwrite --color group --forces",
    ):
        words = [a if word.endswith(".mp4") and word != "c.mp4" else word for word in line.split()]
        assert cli.main(words) == 0
    edit = {
        "trim": "1:2",
        "stabilize": True,
        "stabilize_crop": 0.8,
        "fill": True,
        "crop": "0,0,8,8",
        "resize": "720",
        "fps": "25",
        "mute": True,
        "over": a,
        "at": "1,2,3",
        "speed": "0.5",
        "recolor": "hue=90",
        "overwrite": True,
        "encoding": Encoding("hevc", crf=22, preset="fast", pix_fmt="yuv420p10le"),
    }
    usual = Encoding()
    assert calls == {
        "predict": (
            (a, "c.mp4"),
            {"checkpoint": "w", "seconds": 2.5, "overwrite": False, "encoding": usual},
        ),
        "edit": ((a, "c.mp4"), edit),
        "splice": (
            ([a, a, a], "c.mp4"),
            {"transition": "cut", "seconds": 0.5, "loudness": None}
            | {"overwrite": False, "encoding": usual},
        ),
        "show": (
            (a, "c.mp4"),
            {"points": False, "color": "group", "forces": True, "masks": True}
            | {"every": 1, "checkpoint": None}
            | {"overwrite": True, "encoding": usual},
        ),
    }
    assert capsys.readouterr().err == 4 * "vidparticles: warning: Beware.\n"


def test_prepare_makes_copies_once(clips, tmp_path, capsys):
    words = ["prepare", str(clips), "-o", str(tmp_path / "small"), "--size", "32"]
    assert cli.main(words) == 0
    assert "18 clips made, 0 kept, 0 left out" in capsys.readouterr().out
    copies = sorted((tmp_path / "small").glob("*/*/*.mp4"))
    assert len(copies) == 18
    assert probe(copies[0]).height == 32
    assert cli.main(words) == 0
    assert "0 clips made, 18 kept" in capsys.readouterr().out


# ------------------------------------------------------------------ quiet


def test_quiet_prints_errors_alone(clip, run, tmp_path, monkeypatch, capsys):
    made = Written(
        tmp_path / "c.mp4", 2, 1.0, 4, 4, sound=False, note="Beware.", warnings=("Cut.",)
    )
    monkeypatch.setattr(edit_module, "edit", lambda *args, **options: made)
    words = ["edit", str(clip), "--speed", "2", "-o", "c.mp4"]
    assert cli.main(words) == 0
    assert capsys.readouterr().err == "".join(
        f"vidparticles: warning: {sentence}\n" for sentence in ("Cut.", "Beware.")
    )
    assert cli.main([*words, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert cli.main(["cuts", str(tmp_path / "none.mp4"), "-q"]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("vidparticles: ")
    assert cli.main(["cuts", str(clip), "-q", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shots"]


def test_every_verb_can_be_quiet_and_says_so(capsys):
    for verb in VERBS:
        with pytest.raises(SystemExit):
            cli.main([verb, "--help"])
        assert "--quiet" in capsys.readouterr().out


def test_what_a_verb_is_built_from_is_not_heard(monkeypatch, capfd):
    """Neither its logs nor its warnings; and afterwards they are heard again."""

    def noisy(*_, **__):
        logging.getLogger("absl").warning("LOG")
        warnings.warn("WARNING", UserWarning, stacklevel=1)
        return Written(pathlib.Path("c.mp4"), 2, 1.0, 4, 4, sound=False)

    monkeypatch.setattr(edit_module, "edit", noisy)
    assert cli.main(["edit", "a.mp4", "--speed", "2", "-o", "c.mp4"]) == 0
    assert capfd.readouterr().err == ""
    assert not logging.root.manager.disable
    with pytest.warns(UserWarning, match="WARNING"):
        noisy()


EVERY_VERB = """
import sys
from vidparticles import cli
clip, run, folder, out = sys.argv[1:]
for line in (
    "cuts {clip}",
    "understand {clip} --checkpoint {run} --no-objects --html {out}/e.html",
    "edit {clip} --speed 0.5 --recolor hue=90 --stabilize -o {out}/a.mp4",
    "splice {clip} {clip} -o {out}/b.mp4",
    "predict {clip} --seconds 0.2 -o {out}/c.mp4",
    "show {clip} --forces --color group -o {out}/d.html",
    "prepare {folder} -o {out}/small --size 32",
):
    words = line.format(clip=clip, run=run, folder=folder, out=out).split()
    assert cli.main(words) == 0, line
"""


@pytest.mark.slow
def test_no_verb_prints_anything_but_its_own_words(clip, clips, run, tmp_path):
    """Also where XLA takes the programs of the cache for those of another machine."""
    environment = {**os.environ, startup.CACHE: str(tmp_path / "cache"), "XLA_FLAGS": ""}
    environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    environment.pop(startup.LOG_LEVEL)
    counts = []
    for attempt in ("first", "second"):
        (tmp_path / attempt).mkdir()
        words = [clip, run, clips / "test", tmp_path / attempt]
        done = subprocess.run(
            [sys.executable, "-c", EVERY_VERB, *map(str, words)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=1800,
        )
        assert done.returncode == 0, done.stderr
        assert not [x for x in done.stderr.splitlines() if not x.startswith("vidparticles: ")]
        counts.append(len(done.stdout.splitlines()))
        if attempt == "first":
            assert foreign(tmp_path / "cache") > 50
    assert counts[0] == counts[1]

    # Whoever asks for what XLA says still hears it: there was something to be silent about.
    done = subprocess.run(
        [sys.executable, "-m", "vidparticles.cli", "cuts", str(clip)],
        env={**environment, startup.LOG_LEVEL: "0"},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert "cpu_aot_loader" in done.stderr


def foreign(cache: pathlib.Path) -> int:
    """Make the programs of a cache look as if built for a CPU that has what this one has not."""
    import zlib

    changed = 0
    for path in cache.rglob("*-cache"):
        packed = path.read_bytes()
        if packed.startswith(b"\x28\xb5\x2f\xfd"):
            zstandard = pytest.importorskip("zstandard")
            program = zstandard.ZstdDecompressor().decompress(packed, max_output_size=2**30)
            pack = zstandard.ZstdCompressor().compress
        else:
            program, pack = zlib.decompress(packed), zlib.compress
        other = program.replace(b"-xop", b"+xop").replace(b"-sha512", b"+sha512")
        changed += other != program
        path.write_bytes(pack(other))
    return changed


# ------------------------------------------------------------------ stopped


def started(words, cache):
    """The command as a shell starts it."""
    # What is started in the background is deaf to Ctrl-C, and so are its children: tests too.
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "vidparticles.cli", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"JAX_COMPILATION_CACHE_DIR": str(cache)},
        )
    finally:
        signal.signal(signal.SIGINT, heard)


def partial_of(folder, child, *, seconds=60):
    """The hidden file that a command writes, once it has begun."""
    for _ in range(seconds * 50):
        if found := [p for p in folder.iterdir() if ".partial" in p.name]:
            return found[0]
        assert child.poll() is None, child.stderr.read()
        time.sleep(0.02)
    raise AssertionError("nothing was begun")


def test_stopped_while_it_imports_says_so_too():
    code = (
        "import os, signal, sys\n"
        "from vidparticles import command\n"
        "class Stopped:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'vidparticles.cli': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Stopped())\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "command.console()"
    )
    done = python("-c", code)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == f"{stopping.sentence([])}\n"


def test_what_has_succeeded_is_not_killed_on_its_way_out():
    """Python gives signals their own meaning back while it ends: what comes then is too late."""
    code = """
import os, signal
from vidparticles import cli
cli.main = lambda: 0
class Last:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
last = Last()
cli.console()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_stopped_while_it_writes_or_compiles_leaves_nothing(clip, tmp_path, name):
    """Without a compile cache, what is begun is compiling for many seconds."""
    out = tmp_path / "out"
    out.mkdir()
    child = started(["show", clip, "--points", "-o", out / "o.mp4"], tmp_path / "none")
    partial_of(out, child)
    child.send_signal(getattr(signal, name))
    said, warned = child.communicate(timeout=10)  # what compiles takes many times that
    assert (child.returncode, said) == (130, "")
    assert warned == "vidparticles: stopped; nothing was written.\n"
    assert list(out.iterdir()) == []


def test_what_was_killed_leaves_nothing_for_long(clip, tmp_path):
    """And what another writes there meanwhile is left alone."""
    words = ["edit", clip, "--speed", "0.05", "-o"]
    dead, alive = (started([*words, tmp_path / f"{n}.mp4"], tmp_path / "c") for n in "ab")
    try:
        partial_of(tmp_path, dead)
        dead.kill()
        dead.communicate()
        mine = tmp_path / "note.txt"
        for _ in range(500):
            if any(p.name.startswith(".b.") for p in tmp_path.iterdir()):
                break
            time.sleep(0.02)
        storage._swept.discard(tmp_path)
        storage.write_text(mine, "text")
        left = {p.name.split(".")[1] for p in tmp_path.iterdir() if ".partial" in p.name}
        assert left == {"b"}
    finally:
        alive.kill()
        alive.communicate()


def test_stopped_after_the_result_is_there_says_so(clip, tmp_path, monkeypatch, capsys):
    out = tmp_path / "o.mp4"

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_say", stopped)
    assert cli.main(["edit", str(clip), "--trim", ":0.2", "-o", str(out)]) == 130
    assert capsys.readouterr().err == f"vidparticles: stopped; {out} had been written, whole.\n"
    assert out.exists()


def test_a_reader_that_goes_away_is_no_error(clip):
    words = f"{sys.executable} -m vidparticles.cli cuts {clip} --json"
    done = subprocess.run(
        ["bash", "-c", f"{words} | true"], capture_output=True, text=True, timeout=120
    )
    assert "Traceback" not in done.stderr
    assert "Error" not in done.stderr
