"""That published weights fit is known by the names and shapes of their parameters."""

from __future__ import annotations

import importlib
import json
import pathlib

import jax
import pytest
from made_inputs import flax_tensors, graph_tensors, keras_tensors, tensors

from vidparticles.errors import InputError
from vidparticles.models.published.parts import names

SHAPES = json.loads((pathlib.Path(__file__).parent / "recorded" / "names.json").read_text())
MODULES = {
    "centerface": tensors,
    "efficientnet-lite0": tensors,
    "i3d": flax_tensors,
    "minilm": tensors,
    "nanodet": graph_tensors,
    "rife": tensors,
    "selfie": graph_tensors,
    "silero": tensors,
    "transnetv2": tensors,
    "yamnet": keras_tensors,
}


def module_of(name):
    short = {"efficientnet-lite0": "efficientnet", "transnetv2": "transnet"}.get(name, name)
    return importlib.import_module(f"vidparticles.models.published.{short}")


@pytest.mark.parametrize("name", MODULES)
def test_what_fits_is_known_without_tracing(name, monkeypatch):
    module, traced = module_of(name), names.shapes_of

    def shapes_of(*_):
        raise AssertionError("the network was traced")

    made = MODULES[name](SHAPES[name])
    monkeypatch.setattr(names, "shapes_of", shapes_of)
    params = module.parameters(made)
    # What the hash stands for is what the network has: a kernel less or of another shape is told.
    monkeypatch.setattr(names, "shapes_of", traced)
    monkeypatch.setattr(module, "_LAYOUT", "")
    again = module.parameters(made)
    assert jax.tree.structure(params) == jax.tree.structure(again)
    largest = max(made, key=lambda key: made[key].size if key != "vocabulary" else 0)
    made[largest] = made[largest][:-1]
    with pytest.raises(InputError, match="not the weights of"):
        module.parameters(made)
