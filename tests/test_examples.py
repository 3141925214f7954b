"""Every example in a docstring of the package runs and says what it prints."""

from __future__ import annotations

import doctest
import importlib.util
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.errors import MissingExtraError

ROOT = pathlib.Path(__file__).resolve().parents[1]
# module → how many examples its file holds
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): count
    for path in sorted((ROOT / "vidparticles").rglob("*.py"))
    if (count := path.read_text().count(">>> "))
}
# What a reader of jax's own documentation takes for imported.
NAMES = {"jax": jax, "jnp": jnp, "np": np}


class Runner(doctest.DocTestRunner):
    """Raises what an example raises because an extra is not installed."""

    def report_unexpected_exception(self, out, test, example, exc_info):
        if isinstance(exc_info[1], MissingExtraError):
            raise exc_info[1]
        super().report_unexpected_exception(out, test, example, exc_info)


def run(module) -> tuple[int, str]:
    """How many examples of a module were run, and the report of those that failed."""
    said: list[str] = []
    runner = Runner(verbose=False, optionflags=doctest.ELLIPSIS)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, extraglobs=NAMES):
        try:
            runner.run(test, out=said.append)
        except MissingExtraError as error:
            pytest.skip(str(error))
    return runner.tries, "".join(said)


@pytest.mark.parametrize(("name", "expected"), MODULES.items(), ids=list(MODULES))
def test_examples(name, expected):
    count, failures = run(importlib.import_module(name))
    assert not failures, failures
    assert count == expected, "the docstring of a nested function is not looked at"


def test_a_wrong_example_is_seen(tmp_path):
    path = tmp_path / "made_up.py"
    path.write_text('def f():\n    """\n    >>> jnp.zeros(2)\n    Array([1., 0.])\n    """\n')
    spec = importlib.util.spec_from_file_location("made_up", path)
    spec.loader.exec_module(module := importlib.util.module_from_spec(spec))
    count, failures = run(module)
    assert count == 1
    assert "Array([0., 0.]" in failures
