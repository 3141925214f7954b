"""A tiny embedded set that the tests of this room share."""

from __future__ import annotations

import pathlib

import pytest

from vidparticles.data import embedded


@pytest.fixture(scope="session")
def clips_dir(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """6 classes × (3 train, 1 val, 2 test) clips; not to be written to."""
    folder = tmp_path_factory.mktemp("embedded")
    return embedded.make(folder, seed=5, clips_per_class={"train": 3, "val": 1, "test": 2})
