"""YAMNet: each published tensor has its place; features and scores are those of Keras.

Of made-up parameters: the published ones are in no package registry. `record_yamnet.py` is the
published definition; what it gave of a made sound every run compares with, and the slow test runs
it on real sounds. That script also recorded the names of the tensors, of a file that Keras 2 wrote.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import jax
import made_inputs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles.errors import InputError
from vidparticles.models.published import yamnet
from vidparticles.video import read_audio, resample

HERE = pathlib.Path(__file__).parent / "recorded"
SHAPES = json.loads((HERE / "names.json").read_text())["yamnet"]
RECORDED = dict(np.load(HERE / "yamnet.npz"))
SOUND = made_inputs.sound(40000)
# Fewer than the sound has, and it does not fill the last ones: what is held between counts.
CONFIG = yamnet.YamnetConfig(windows=2)


@pytest.fixture(scope="module")
def params():
    return yamnet.parameters(made_inputs.keras_tensors(SHAPES))


def scores(params, *blocks: np.ndarray) -> np.ndarray:
    nothing = np.zeros((0, yamnet.CLASSES), np.float32)
    return np.concatenate([nothing, *yamnet.stream(params, blocks, CONFIG)])


def test_features_and_scores_are_those_of_keras(params):
    full = np.pad(SOUND, (0, yamnet.WINDOW + 4 * yamnet.HOP - len(SOUND)))
    features = yamnet.log_mel(full)[::4]
    assert np.ptp(RECORDED["made_features"]) > 5
    np.testing.assert_allclose(features, RECORDED["made_features"], rtol=0, atol=1e-4)
    assert RECORDED["made_scores"].std(0).max() > 0.1  # they tell windows apart
    np.testing.assert_allclose(scores(params, SOUND), RECORDED["made_scores"], rtol=0, atol=1e-4)


@settings(max_examples=10)
@given(st.lists(st.integers(0, len(SOUND)), max_size=6), st.integers(0, len(SOUND)))
def test_the_scores_do_not_depend_on_how_the_sound_comes(params, at, length):
    sound = SOUND[:length]
    found = scores(params, *np.split(sound, sorted(min(k, length) for k in at)))
    assert len(found) == yamnet.count(length)
    # A window is of its own samples, and silence behind the end, whatever is before and after.
    for k, row in enumerate(found):
        own = sound[yamnet.HOP * k :][: yamnet.WINDOW]
        np.testing.assert_allclose(row, scores(params, own)[0], rtol=0, atol=1e-5)


@pytest.mark.slow
def test_features_and_scores_of_real_sounds_are_those_of_keras(params, shared_data, tmp_path):
    clips = {
        "speech": shared_data / "speech-align" / "sonnet001.mp3",
        "rain": shared_data / "clips" / "rain.mp3",
        "crunching": shared_data / "clips" / "crunching.mp3",
        "pancake": shared_data / "clips" / "flipping_a_pancake.mkv",
        "film": shared_data / "clips" / "chaplin.mp4",
        "cartoon": shared_data / "clips" / "bigbuckbunny_5s.mp4",
    }
    sounds = {}
    for name, path in clips.items():
        same = resample(read_audio(path), rate=yamnet.RATE, channels=1)
        sounds[name] = np.concatenate([*same.blocks(0, min(same.length, 10 * yamnet.RATE))])[:, 0]
    sounds["short"] = sounds["speech"][8000:12000]
    np.savez(tmp_path / "sounds.npz", **sounds)
    environment = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"}
    environment["PYTHONPATH"] = str(HERE.parent)
    command = [sys.executable, str(HERE / "record_yamnet.py")]
    command += [str(tmp_path / "sounds.npz"), str(tmp_path / "found.npz")]
    subprocess.run(command, check=True, env=environment, capture_output=True, timeout=300)
    theirs = np.load(tmp_path / "found.npz")
    for name, sound in sounds.items():
        length = yamnet.WINDOW + yamnet.HOP * (yamnet.count(len(sound)) - 1)
        features = yamnet.log_mel(np.pad(sound, (0, length - len(sound))))
        off = np.abs(features - theirs[f"{name}_features"]).max()
        assert off <= 1e-4, f"features of {name}: {off}"
        off = np.abs(scores(params, sound) - theirs[f"{name}_scores"]).max()
        assert off <= 1e-4, f"scores of {name}: {off}"


def test_each_tensor_has_its_place():
    tensors = made_inputs.keras_tensors(SHAPES)
    params = yamnet.parameters(tensors)
    assert len(jax.tree.leaves(params)) == len(SHAPES) == 110
    np.testing.assert_array_equal(
        params["layer7_depthwise"]["kernel"],
        tensors["layer7/depthwise_conv/layer7/depthwise_conv/depthwise_kernel:0"],
    )
    missing = "layer9/pointwise_conv/bn/layer9/pointwise_conv/bn/beta:0"
    of_missing = tensors.pop(missing)
    with pytest.raises(InputError, match=f"of YAMNet: {missing} is missing"):
        yamnet.parameters(tensors)
    with pytest.raises(InputError, match=f"{missing} of shape .*has no place"):
        yamnet.parameters(tensors | {missing: of_missing[1:]})
    with pytest.raises(InputError, match=r"of YAMNet: dense/kernel:0 has no place"):
        yamnet.parameters(tensors | {missing: of_missing, "dense/kernel:0": of_missing})


@pytest.mark.parametrize("sound", [np.zeros((2, 512), np.float32), np.zeros(512, np.int16)])
def test_another_sound_is_one_sentence(sound):
    with pytest.raises(InputError, match=r"a block of sound is .*; YAMNet takes floats \[S\]"):
        next(yamnet.stream({}, [sound]))


def test_a_config_that_cannot_be_is_a_sentence():
    with pytest.raises(InputError, match="windows is 0; expected"):
        yamnet.YamnetConfig(windows=0)
