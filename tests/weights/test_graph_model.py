"""Files of TensorFlow.js: what they hold comes out; a JSON of another file is a sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest
from made_files import VALUES, graph_model

from vidparticles.errors import InputError
from vidparticles.weights import graph_model as reader


def test_tensors_come_out_as_they_went_in():
    found = reader.read(*graph_model(VALUES), "net.bin")
    assert list(found) == list(VALUES)
    for name, value in VALUES.items():
        np.testing.assert_array_equal(found[name], value)
    assert found["net.layer.weight"].dtype == np.float16


def in_bytes(manifest: bytes) -> bytes:
    return manifest.replace(
        b'"quantization": {"dtype": "float16"', b'"quantization": {"dtype": "uint8"'
    )


def test_what_does_not_fit_is_one_sentence():
    content, manifest = graph_model(VALUES)
    two = json.loads(manifest)
    two["weightsManifest"] *= 2
    wrong = {
        "cut short": (content[:-3], manifest),
        "longer": (content + b"1", manifest),
        "no JSON": (content, b"words"),
        "another JSON": (content, b"[1]"),
        "in bytes": (content, in_bytes(manifest)),
        "several files": (content, json.dumps(two).encode()),
    }
    for kind, (numbers, names) in wrong.items():
        with pytest.raises(InputError, match=r"net\.bin cannot be read by its JSON") as told:
            reader.read(numbers, names, "net.bin")
        assert "\n" not in str(told.value), kind
