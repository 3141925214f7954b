"""What the installed wheel does with the core alone; run by `run` where no extra is installed.

In a folder outside of the clone, with the Python of that environment: `python wheel.py`.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import pathlib
import pkgutil
import subprocess
import sys
import tempfile

import jax.numpy as jnp

import vidparticles
from vidparticles import dynamics
from vidparticles.data import embedded
from vidparticles.errors import MissingExtraError
from vidparticles.particles import particles
from vidparticles.video import footage, probe

EXTRAS = ("tensorflow", "tensorflow_datasets", "ml_collections", "sklearn", "matplotlib", "jax_md")


def main() -> None:
    """Check what the wheel holds, then what it does."""
    for name in EXTRAS:
        assert importlib.util.find_spec(name) is None, f"{name} is installed: not the core alone"
    _contents()
    _modules()
    _rollout()
    with tempfile.TemporaryDirectory() as folder:
        _verbs(pathlib.Path(folder))
        _absent(pathlib.Path(folder))


def _contents() -> None:
    found = importlib.metadata.distribution("vidparticles")
    files = [str(path) for path in found.files or ()]
    assert "vidparticles/py.typed" in files
    assert any(name.endswith(".mp4") for name in files)
    outside = {name.split("/")[0] for name in files} - {"vidparticles", "..", "vidparticles.pth"}
    assert all(name.endswith(".dist-info") for name in outside), outside
    assert found.metadata.get_all("Project-URL")
    assert "Typing :: Typed" in found.metadata.get_all("Classifier")
    print(f"{len(files)} files, none of them of experiments or tests")


def _modules() -> None:
    names = [m.name for m in pkgutil.walk_packages(vidparticles.__path__, "vidparticles.")]
    for name in names:
        if not name.endswith("__main__"):
            importlib.import_module(name)
    print(f"{len(names)} modules can be imported")


def _rollout() -> None:
    displacement_fn, shift_fn = dynamics.free()
    force_fn = dynamics.all_pairs(dynamics.attraction, displacement_fn, strength=0.1, softening=0.1)
    verlet = dynamics.velocity_verlet(force_fn, shift_fn, dt=0.01)
    start = particles(jnp.array([[0.0, 0.0], [1.0, 0.0]]))
    end = dynamics.rollout(verlet, start, steps=20).at(-1).position
    assert 0 < end[0, 0] < end[1, 0] < 1, "two particles that attract each other come nearer"
    print("a rollout runs")


def _verbs(folder: pathlib.Path) -> None:
    part, both = folder / "part.mp4", folder / "both.mp4"
    _say("cuts", footage.path("nasa"))
    _say("edit", footage.path("chaplin"), "--trim", "3:4", "-o", part)
    assert abs(float(probe(part).duration) - 1) < 0.1
    _say("splice", part, part, "-o", both)
    assert abs(float(probe(both).duration) - 2) < 0.1
    _say("show", part, "-o", folder / "show.mp4")
    # A small picture is drawn some whole times as large, so that its labels can be read.
    assert probe(folder / "show.mp4").width % probe(part).width == 0
    _say("predict", part, "--seconds", "0.5", "-o", folder / "next.mp4")
    assert abs(float(probe(folder / "next.mp4").duration) - 0.5) < 0.1


def _say(*words: object) -> None:
    command = [sys.executable, "-m", "vidparticles.cli", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout, f"{words[0]} printed nothing"
    strange = [x for x in done.stderr.splitlines() if not x.startswith("vidparticles: ")]
    assert not strange, f"{words[0]} printed {strange}"
    print(f"the verb {words[0]} runs")


def _absent(folder: pathlib.Path) -> None:
    said = ""
    try:
        embedded.make(folder / "set", clips_per_class={"train": 1, "val": 0, "test": 0})
    except MissingExtraError as error:
        said = str(error)
    assert "pip install 'vidparticles[train]'" in said, said
    print(f"what needs an extra says: {said}")


if __name__ == "__main__":
    main()
