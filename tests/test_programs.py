"""Programs that are traced once and kept: the same numbers, and no second tracing."""

from __future__ import annotations

import os
import pathlib

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles import programs
from vidparticles.programs import persistent_jit

X, Y = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3), np.arange(3, dtype=np.int32)


@pytest.fixture
def folder(tmp_path):
    """Where programs are kept during a test."""
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    yield tmp_path
    jax.config.update("jax_compilation_cache_dir", before)


def fresh(power=2.0):
    """A function as a fresh process has it, and the list of its tracings."""
    traced = []

    def function(tree, x, *, scale=1.0):
        traced.append(scale)
        found = scale * jnp.sin(tree["a"] @ x) ** power
        return {"found": found, "both": (tree["b"] + 1, [found.sum()])}

    return persistent_jit(function, static_argnames=("scale",)), traced


def kept(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(folder.glob("*.stablehlo"))


def test_the_numbers_are_those_of_jit(folder):
    function, traced = fresh()
    given = {"a": X, "b": Y}, X[0]
    expected = jax.jit(lambda *args: fresh()[0](*args, scale=3.0))(*given)
    for _ in range(2):
        chex.assert_trees_all_close(function(*given, scale=3.0), expected, rtol=1e-6)
    assert len(kept(folder)) == 1, "calls under jit keep nothing, those without keep one"
    assert traced == [3.0]


def test_a_fresh_process_does_not_trace_again(folder):
    given = {"a": jnp.asarray(X), "b": Y}, X[0]
    first, _ = fresh()
    second, traced = fresh()
    chex.assert_trees_all_equal(first(*given), second(*given))
    assert not traced
    # What it gives, it takes, bound to a device or not, without another program.
    out = second(*given)
    second({"a": X, "b": out["both"][0]}, X[0])
    assert not traced
    assert len(kept(folder)) == 1


@pytest.mark.parametrize(
    ("args", "options"),
    [
        (({"a": X[:, :2], "b": Y}, X[0, :2]), {}),
        (({"a": X, "b": Y.astype(np.float32)}, X[0]), {}),
        (({"a": X, "b": Y, "c": Y}, X[0]), {}),
        (({"a": X, "b": Y}, X[0]), {"scale": 2.0}),
    ],
    ids=["shape", "dtype", "tree", "option"],
)
def test_what_differs_has_a_program_of_its_own(folder, args, options):
    fresh()[0]({"a": X, "b": Y}, X[0])
    expected = jax.jit(lambda *a: fresh()[0](*a, **options))(*args)
    function, traced = fresh()
    chex.assert_trees_all_close(function(*args, **options), expected, rtol=1e-6)
    assert traced
    assert len(kept(folder)) == 2


@pytest.mark.parametrize("what", ["_code", "_versions", "_settings"])
def test_other_code_is_traced_anew(folder, monkeypatch, what):
    given = {"a": X, "b": Y}, X[0]
    fresh()[0](*given)
    monkeypatch.setattr(programs, what, lambda: ("other",))
    function, traced = fresh(power=3.0)
    np.testing.assert_allclose(function(*given)["found"], np.sin(X @ X[0]) ** 3, rtol=1e-5)
    assert traced


@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b"", lambda b: b[::-1]])
def test_a_damaged_file_is_written_again(folder, damage):
    given = {"a": X, "b": Y}, X[0]
    expected = fresh()[0](*given)
    (path,) = kept(folder)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    function, traced = fresh()
    chex.assert_trees_all_equal(function(*given), expected)
    assert traced
    again, traced = fresh()
    again(*given)
    assert not traced


def test_without_a_folder_to_write_in_it_is_traced(folder):
    (folder / "file").write_text("no folder")
    jax.config.update("jax_compilation_cache_dir", str(folder / "file" / "within"))
    function, traced = fresh()
    np.testing.assert_allclose(
        function({"a": X, "b": Y}, X[0])["found"], np.sin(X @ X[0]) ** 2, rtol=1e-5
    )
    assert traced


def test_transformations_go_through(folder):
    function, _ = fresh()

    def total(x):
        return function({"a": X, "b": Y}, x)["found"].sum()

    numeric = jax.grad(lambda x: (jnp.sin(X @ x) ** 2).sum())(X[0])
    np.testing.assert_allclose(jax.grad(total)(X[0]), numeric, rtol=1e-5)
    np.testing.assert_allclose(jax.vmap(total)(X), [total(x) for x in X], rtol=1e-5)


def test_the_hash_of_the_package_tells_one_byte(tmp_path, monkeypatch):
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "a.py").write_text("x = 1\n")
    monkeypatch.setattr(programs, "__file__", os.fspath(tmp_path / "programs.py"))
    hashes = [programs._code.__wrapped__()]
    (tmp_path / "room" / "a.py").write_text("x = 2\n")
    hashes.append(programs._code.__wrapped__())
    (tmp_path / "room" / "a.py").rename(tmp_path / "room" / "b.py")
    hashes.append(programs._code.__wrapped__())
    assert len(set(hashes)) == 3
