"""Compiled programs of other flags or another machine cannot be loaded, and libraries are quiet."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata

import pytest

from vidparticles import startup


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch):
    """What a test sets is taken back: jax of this process keeps its own cache."""
    monkeypatch.setenv(startup.CACHE, os.environ.get(startup.CACHE, ""))
    monkeypatch.delitem(sys.modules, "jax", raising=False)


def test_the_folder_is_another_for_other_flags_another_jax_and_another_cpu(monkeypatch, tmp_path):
    def folder():
        return startup.compile_cache()

    monkeypatch.setenv(startup.CACHE, str(tmp_path))
    monkeypatch.setenv("XLA_FLAGS", "--a=1 --b=2")
    first = folder()
    assert first.parent == tmp_path
    assert os.environ[startup.CACHE] == str(first)
    monkeypatch.setenv("XLA_FLAGS", "--b=2   --a=1")
    assert folder() == first
    monkeypatch.setenv("XLA_FLAGS", "--a=1 --b=3")
    flags = folder()
    monkeypatch.setattr(startup, "_cpu", lambda: ["x86_64", "avx"])
    cpu = folder()
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.0.1")
    versions = folder()
    assert len({first, flags, cpu, versions}) == 4
    assert {f.parent for f in (flags, cpu, versions)} == {tmp_path}  # none within another


def test_the_users_folder_comes_first_and_without_any_there_is_no_cache(monkeypatch, tmp_path):
    monkeypatch.setenv(startup.CACHE, str(tmp_path / "mine"))
    assert startup.compile_cache(tmp_path / "other").parent == tmp_path / "mine"
    monkeypatch.delenv(startup.CACHE)
    assert startup.compile_cache() is None
    assert startup.CACHE not in os.environ
    assert startup.compile_cache(tmp_path / "other").parent == tmp_path / "other"


def test_the_command_keeps_its_programs_for_the_next_time(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    startup.keep_programs()
    assert os.environ[startup.CACHE] != str(tmp_path / "vidparticles")  # another is named
    monkeypatch.delenv(startup.CACHE)
    old, new = (tmp_path / "vidparticles" / f"programs-{n}" / "x-cache" for n in "ab")
    for age, path in ((100, old), (1, new)):
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(1000))
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))
    startup.keep_programs(most=1500)
    assert os.environ[startup.CACHE] == str(tmp_path / "vidparticles")
    assert (old.exists(), new.exists()) == (False, True)
    assert startup.compile_cache().parent == tmp_path / "vidparticles"


@pytest.mark.parametrize("early", [True, False], ids=["before jax", "after jax"])
def test_programs_are_kept_there_whenever_it_is_called(early, tmp_path):
    call = "from vidparticles import startup; folder = startup.compile_cache()"
    lines = [call, "import jax"] if early else ["import jax", call]
    lines += ["jax.jit(lambda x: x + 1)(1.0)", "print(len(list(folder.glob('*-cache'))))"]
    environment = {**os.environ, startup.CACHE: str(tmp_path)}
    environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert int(done.stdout) > 0
    assert [p.name.startswith("programs-") for p in tmp_path.iterdir()] == [True]


def test_a_level_that_the_user_has_set_stays(monkeypatch):
    monkeypatch.setenv(startup.LOG_LEVEL, "0")
    startup.quiet_libraries()
    assert os.environ[startup.LOG_LEVEL] == "0"
    monkeypatch.delenv(startup.LOG_LEVEL)
    startup.quiet_libraries()
    assert os.environ[startup.LOG_LEVEL] == "3"
    monkeypatch.setenv(startup.LOG_LEVEL, "1")  # as jax leaves it to what its process starts
    startup.quiet_libraries()
    assert os.environ[startup.LOG_LEVEL] == "3"


def test_cheap_programs_are_asked_for_beside_the_flags_of_the_user(monkeypatch):
    monkeypatch.setenv(startup.FLAGS, "--xla_backend_optimization_level=3")
    startup.compile_cheaply()
    flags = os.environ[startup.FLAGS].split()
    assert flags[0] == "--xla_backend_optimization_level=1"
    assert flags[-1] == "--xla_backend_optimization_level=3"  # the last counts
    known = "--xla_cpu_use_fusion_emitters=false"
    assert (known in flags) == (metadata.version("jaxlib").startswith("0.10."))
    monkeypatch.setenv(startup.FLAGS, "")
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.11.0")
    startup.compile_cheaply(level=2)
    assert os.environ[startup.FLAGS] == "--xla_backend_optimization_level=2"


def test_tensorflow_says_nothing_when_it_is_imported():
    code = "from vidparticles import startup; startup.quiet_libraries(); import tensorflow"
    environment = {k: v for k, v in os.environ.items() if k != startup.ONEDNN}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_tensorflow_leaves_keras_alone():
    asked = (
        "import sys; from vidparticles import startup; startup.without_keras(); "
        "from vidparticles.data import tf; tf.tensorflow_datasets(); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert "tensorflow" in done.stdout.split()
    assert "keras" not in done.stdout.split()
