"""Weights files of Keras: what they hold comes out, and what they do not hold is a sentence."""

from __future__ import annotations

import io
import sys

import h5py
import numpy as np
import pytest

from tests.made_yamnet import keras_file
from vidparticles import weights
from vidparticles.errors import InputError, MissingExtraError
from vidparticles.weights import keras

VALUES = {
    "layer1/conv/layer1/conv/kernel:0": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "layer1/conv/bn/layer1/conv/bn/beta:0": np.float32([0.5, -1, 2]),
    "logits/logits/bias:0": np.float64([1e-3]),
}


def made(write) -> bytes:
    whole = io.BytesIO()
    with h5py.File(whole, "w") as file:
        write(file)
    return whole.getvalue()


def test_tensors_come_out_as_they_went_in(tmp_path):
    (tmp_path / "net.h5").write_bytes(keras_file(VALUES))
    found = weights.read_file(tmp_path / "net.h5", "keras")
    assert found.keys() == VALUES.keys()
    for name, value in VALUES.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)


def huge(file):
    """Of 4 TB that no one wrote: HDF5 would make them up."""
    file.create_dataset("kernel:0", shape=(10**6, 10**6), dtype="<f4")


def elsewhere(file):
    file.create_dataset("kernel:0", (4,), "<f4", external=[("/etc/hostname", 0, 16)])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not HDF5"),
        (b"\0\0\0\x18ftypisom" * 9, "not HDF5"),
        (keras_file(VALUES)[:2000], "truncated"),
        (made(lambda _: None), "there are no numbers in it"),
        (made(huge), "kernel:0 is not kept as plain floats"),
        (made(elsewhere), "kernel:0 is not kept as plain floats"),
        (made(lambda f: f.create_dataset("text", data=b"words")), "text is not kept as plain"),
        (
            made(lambda f: f.create_dataset("k", data=np.zeros(900, "f4"), compression="gzip")),
            "k is not kept as plain floats",
        ),
    ],
)
def test_another_file_is_one_sentence(content, says):
    with pytest.raises(InputError, match=rf"net\.h5 cannot be read as weights of Keras \(.*{says}"):
        keras.read(content, "net.h5")


def test_any_damage_is_a_sentence_or_changes_numbers_alone():
    """A byte in a number cannot be told from a number; everything else can."""
    whole = keras_file(VALUES)
    rng = np.random.default_rng(0)
    told = 0
    for _ in range(300):
        content = bytearray(whole)
        content[rng.integers(len(content))] ^= int(rng.integers(1, 256))
        try:
            keras.read(bytes(content), "net.h5")
        except InputError:
            told += 1
    assert told > 10


def test_without_h5py_the_sentence_says_what_installs_it(monkeypatch):
    content = keras_file(VALUES)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'vidparticles\[sounds\]'"):
        keras.read(content, "net.h5")
