"""The notebooks run from their first cell to their last, and show what they say."""

from __future__ import annotations

import ast
import collections
import importlib
import pathlib

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "notebooks"


@pytest.fixture(params=sorted(path.stem for path in FOLDER.glob("*.ipynb")))
def name(request) -> str:
    return request.param


@pytest.fixture
def notebook(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def test_no_output_is_kept_in_the_file(notebook):
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs
            assert cell.execution_count is None


def test_its_imports_exist(notebook):
    """What a renaming breaks first, at little cost."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("vidparticles"):
                module = importlib.import_module(node.module)
                for alias in node.names:
                    if not hasattr(module, alias.name):
                        importlib.import_module(f"{node.module}.{alias.name}")


def test_colab_opens_this_file(notebook, name):
    text = notebook.cells[0].source
    assert "colab-badge.svg" in text
    assert f"/blob/main/notebooks/{name}.ipynb" in text


# Of each: pictures, videos, and the videos that are left in its folder.
SHOWN = {
    "quickstart": (3, 5, {"story.mp4", "particles.mp4", "pulled.mp4", "next.mp4", "slow.mp4"}),
    "edit": (0, 6, {"short.mp4", "safe.mp4", "colored.mp4", "told.mp4", "film.mp4"}),
}


@pytest.mark.slow
def test_every_cell_runs(notebook, name, monkeypatch, tmp_path):
    """At smoke size; a failing cell raises.

    The quick start trains, for two steps, unless VIDPARTICLES_RUN names the workdir of a run: CI
    gives that of the demo, so that only one of them trains.
    """
    monkeypatch.setenv("VIDPARTICLES_SMOKE", "1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    # The picture backend of the suite would show nothing in a notebook.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": FOLDER}}
    )
    client.execute()
    shown = collections.Counter(
        kind
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        for kind in output.get("data", {})
    )
    pictures, played, files = SHOWN[name]
    assert shown["image/png"] == pictures
    videos = sum(
        "<video" in str(output.get("data", {}).get("text/html", ""))
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )
    assert videos == played
    (work,) = tmp_path.glob("vidparticles-*")
    assert {p.name for p in work.glob("*.mp4")} == files
