"""README and RESULTS: blocks run as they stand, figures are those that were measured."""

from __future__ import annotations

import pathlib
import re

import jax
import numpy as np

from experiments import results_tables

ROOT = pathlib.Path(__file__).resolve().parents[1]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def _run(number):
    names: dict = {}
    exec(compile(BLOCKS[number], f"README.md, block {number}", "exec"), names)
    return names


def test_the_gradient_through_the_rollout_is_that_of_finite_differences():
    names = _run(0)
    slopes, spread, clips = names["slopes"], jax.jit(names["spread"]), names["clips"]
    ahead, behind = (np.asarray(spread(0.05 + h, clips[0])) for h in (1e-3, -1e-3))
    np.testing.assert_allclose(slopes[0], (ahead - behind) / 2e-3, rtol=0.02)
    assert slopes.shape == (8,)
    assert abs(slopes[0]) > 1e-4


def test_jax_md_moves_by_our_force_and_we_by_its_energy():
    names = _run(1)
    moved = names["state"].position - names["start"]
    assert 0 < np.abs(moved).max() < 0.1
    # Soft spheres push the three apart, and only that.
    path = names["path"].particles.position
    distances = np.linalg.norm(path[:, :, None] - path[:, None], axis=-1).sum((1, 2))
    assert (np.diff(distances) > 0).all()


def test_every_block_is_run():
    assert len(BLOCKS) == 2


def test_tables_and_figures_are_those_of_the_measured_files():
    for page in results_tables.PAGES:
        assert results_tables.written(page.read_text()) == page.read_text(), page.name


def test_every_file_of_results_has_its_place():
    measured = {path.stem for path in (ROOT / "experiments" / "results").glob("*.json")}
    page = (ROOT / "experiments" / "RESULTS.md").read_text()
    places = (results_tables.TABLE, results_tables.FIGURE)
    assert {match["name"] for place in places for match in place.finditer(page)} == measured


def test_numbers_that_readme_claims_are_set_from_files():
    """A share or a ratio in the text of README's results comes from a file, none is typed."""
    readme = (ROOT / "README.md").read_text()
    told = readme[readme.index("## Results") : readme.index("## Development")]
    typed = results_tables.FIGURE.sub("", told)
    # What is left are settings, which are told in words or belong to a task.
    assert re.findall(r"\d+(?:\.\d+)? %", typed) == ["25 %"]  # of a guess


def test_readme_is_short_and_names_what_is_there():
    readme = (ROOT / "README.md").read_text()
    assert len(readme.splitlines()) <= 250
    paths = set(re.findall(r"(?:\]\(|`)((?:experiments|notebooks|tests)/[\w./]+)", readme))
    assert len(paths) > 5
    for path in paths:
        assert (ROOT / path).exists(), path
    rooms = set(re.findall(r"`((?:models|tracking|dynamics|editing|viz|data)/[\w./]+)`", readme))
    for room in rooms:
        assert (ROOT / "vidparticles" / room).exists(), room


def test_the_commands_of_readme_are_those_of_the_program():
    from vidparticles import cli

    readme = (ROOT / "README.md").read_text()
    commands = re.findall(r"^vidparticles (\w+) ([^#\n]*)", readme, re.MULTILINE)
    assert {verb for verb, _ in commands} >= {"show", "cuts", "edit", "splice", "understand"}
    for verb, words in commands:
        known = {name for option in cli.VERBS[verb].options for name in option.names}
        assert {w for w in words.split() if re.match(r"--?[a-z]", w)} <= known, (verb, words)
