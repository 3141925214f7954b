"""The notebook runs from its first cell to its last, and shows what it says."""

from __future__ import annotations

import ast
import collections
import importlib
import pathlib

import nbformat
import pytest
from nbclient import NotebookClient

PATH = pathlib.Path(__file__).resolve().parents[1] / "notebooks" / "quickstart.ipynb"


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(PATH, as_version=4)


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


def test_colab_opens_this_file(notebook):
    text = notebook.cells[0].source
    assert "colab-badge.svg" in text
    assert "/blob/main/notebooks/quickstart.ipynb" in text


@pytest.mark.slow
def test_every_cell_runs(notebook, monkeypatch, tmp_path):
    """At smoke size; a failing cell raises.

    It trains, for two steps, unless VIDPARTICLES_RUN names the workdir of a run: CI gives that of
    the demo, so that only one of them trains.
    """
    monkeypatch.setenv("VIDPARTICLES_SMOKE", "1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    # The picture backend of the suite would show nothing in a notebook.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": PATH.parent}}
    )
    client.execute()
    shown = collections.Counter(
        kind
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        for kind in output.get("data", {})
    )
    assert shown["image/png"] == 3
    videos = sum(
        "<video" in str(output.get("data", {}).get("text/html", ""))
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )
    assert videos == 5
    (work,) = tmp_path.glob("vidparticles-*")
    assert {p.name for p in work.glob("*.mp4")} == {
        "story.mp4",
        "particles.mp4",
        "pulled.mp4",
        "next.mp4",
        "slow.mp4",
    }
