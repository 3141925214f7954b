"""The command line: what it imports, which mistakes it names, what of it a verb is given."""

from __future__ import annotations

import json
import logging
import os
import pathlib
import subprocess
import sys
import warnings

import pytest

from vidparticles import __version__, cli, editing, startup
from vidparticles.editing import Written
from vidparticles.editing import edit as edit_module
from vidparticles.inference import predict as predict_module
from vidparticles.video import Encoding
from vidparticles.viz import show as show_module

VERBS = ("understand", "predict", "edit", "splice", "cuts", "show", "objects", "search")
VERBS += ("recommend", "anomaly", "prepare", "weights")
HEAVY = ("flax", "optax", "orbax", "tensorflow", "jax_md", "av", "matplotlib", "sklearn")


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
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=120
    )
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


# ------------------------------------------------------------------ options


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
            {"transition": "cut", "seconds": 0.5, "match": None, "loudness": "first"}
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
