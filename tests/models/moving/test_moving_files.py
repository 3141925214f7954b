"""Parameters as files: there and back, and what is not one is a sentence."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.errors import InputError
from vidparticles.models.moving import files
from vidparticles.models.moving.model import Moving
from vidparticles.models.moving.network import NetworkConfig


def made(model):
    batch = {"video": jnp.zeros((1, 1, 32, 32, 3), jnp.uint8)}
    return jax.jit(model.init)(jax.random.key(0), batch)


def test_parameters_come_back_and_those_of_another_network_do_not(tmp_path):
    params = jax.device_get(made(Moving()))
    (tmp_path / "own.safetensors").write_bytes(files.to_bytes(params))
    back = files.parameters(tmp_path / "own.safetensors")
    assert jax.tree.structure(back) == jax.tree.structure(params)
    jax.tree.map(np.testing.assert_array_equal, back, params)
    small = made(Moving(network=NetworkConfig(hidden=8)))
    (tmp_path / "small.safetensors").write_bytes(files.to_bytes(small))
    with pytest.raises(InputError, match=r"small\.safetensors is of another network"):
        files.parameters(tmp_path / "small.safetensors")
    (tmp_path / "none.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"none\.safetensors cannot be read"):
        files.parameters(tmp_path / "none.safetensors")
    with pytest.raises(InputError, match=r"absent cannot be read \(No such file"):
        files.parameters(tmp_path / "absent")


def test_training_begins_with_parameters_of_a_file_or_of_the_package(tmp_path):
    own = jax.device_get(made(Moving()))
    (tmp_path / "own.safetensors").write_bytes(files.to_bytes(own))
    for given, wanted in ((str(tmp_path / "own.safetensors"), own), ("shipped", files.shipped())):
        jax.tree.map(np.testing.assert_array_equal, made(Moving(initial_weights=given)), wanted)
    with pytest.raises(InputError, match="absent cannot be read"):
        made(Moving(initial_weights="absent"))
