"""The command when it is stopped: what it says, and that nothing half-written is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from vidparticles import cli, stopping, storage


def python(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=120)


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
    done = python("-c", code)
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
