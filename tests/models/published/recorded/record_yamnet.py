"""YAMNet as its authors define it, in Keras, on parameters that no one has trained.

Without arguments it records: `yamnet.npz`, and the names and shapes of all tensors in
`names.json`, of the file that Keras 2 itself writes. That needs tf_keras (2.21), because Keras 3
has neither such a file nor slashes in names of layers:

    TF_USE_LEGACY_KERAS=1 PYTHONPATH=tests/models/published:. \
        python tests/models/published/recorded/record_yamnet.py

With arguments `SOUNDS.npz OUT.npz` it gives, by either Keras, features and scores of sounds [S]
of 16 kHz: of each the log mel spectrogram as `NAME_features` and the scores as `NAME_scores`. The
scores are made of features in float32, as published. The features are given in float64: those in
float32 are off by up to 0.001 on speech, where a band is so quiet that rounding is heard in it.

What is from where: research/audioset/yamnet of tensorflow/models, its params.py (sizes, rates,
epsilon of the normalization), features.py (padding, spectrogram, windows) and yamnet.py (layers).
"""

from __future__ import annotations

import json
import math
import os
import pathlib
import sys
import tempfile

import made_inputs as made
import numpy as np
import tensorflow as tf

HERE = pathlib.Path(__file__).parent
KERAS2 = os.environ.get("TF_USE_LEGACY_KERAS") == "1"
WIDTHS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)  # of layers 2 … 14
HALVED = (3, 5, 7, 13)  # layers of stride 2, besides the first


def network() -> tf.keras.Model:
    """[B, 96, 64] → [B, 521]."""
    layers = tf.keras.layers

    def named(name: str) -> str:
        return name if KERAS2 else name.replace("/", "|")

    def normal(name: str, x):
        norm = layers.BatchNormalization(scale=False, epsilon=1e-4, name=named(f"{name}/bn"))
        return layers.ReLU()(norm(x))

    common = {"padding": "same", "use_bias": False}
    given = layers.Input((96, 64))
    x = layers.Reshape((96, 64, 1))(given)
    x = layers.Conv2D(32, 3, strides=2, name=named("layer1/conv"), **common)(x)
    x = normal("layer1/conv", x)
    for k, width in enumerate(WIDTHS, start=2):
        name, stride = f"layer{k}/depthwise_conv", 2 if k in HALVED else 1
        x = normal(name, layers.DepthwiseConv2D(3, stride, name=named(name), **common)(x))
        name = f"layer{k}/pointwise_conv"
        x = normal(name, layers.Conv2D(width, 1, name=named(name), **common)(x))
    x = layers.Dense(521, name="logits")(layers.GlobalAveragePooling2D()(x))
    return tf.keras.Model(given, layers.Activation("sigmoid")(x))


def weights_of(model: tf.keras.Model) -> dict[str, tuple[tf.keras.layers.Layer, int]]:
    """Path in a weights file of Keras 2 → the layer and which of its weights it is."""
    found = {}
    for layer in model.layers:
        name = layer.name.replace("|", "/")
        for k, weight in enumerate(layer.weights):
            last = weight.name.split("/")[-1].removesuffix(":0")
            if last == "kernel" and "depthwise" in name:  # as Keras 3 says
                last = "depthwise_kernel"
            found[f"{name}/{name}/{last}:0"] = layer, k
    return found


def filled(model: tf.keras.Model) -> dict[str, np.ndarray]:
    """Give a model made-up parameters, and return them."""
    places = weights_of(model)
    shapes = {path: layer.get_weights()[k].shape for path, (layer, k) in places.items()}
    tensors = made.keras_tensors(shapes)
    for layer in model.layers:
        own = [path for path in places if places[path][0] is layer]
        layer.set_weights([tensors[path] for path in own])
    return tensors


def features(sound: np.ndarray, kind: tf.DType) -> tf.Tensor:
    """The log mel spectrogram of a sound that is filled up to whole windows."""
    least, hop = 15600, 7680
    more = max(0, len(sound) - least)
    full = least + hop * math.ceil(more / hop)
    padded = tf.constant(np.pad(sound, (0, full - len(sound))), kind)
    spectrum = tf.abs(tf.signal.stft(padded, frame_length=400, frame_step=160, fft_length=512))
    bands = tf.signal.linear_to_mel_weight_matrix(64, 257, 16000.0, 125.0, 7500.0, dtype=kind)
    return tf.math.log(tf.matmul(spectrum, bands) + tf.constant(0.001, kind))


def main(*names: str) -> None:
    model = network()
    tensors = filled(model)
    sounds = dict(np.load(names[0])) if names else {"made": made.sound(40000)}
    found = {}
    for name, sound in sounds.items():
        found[f"{name}_features"] = np.float32(features(sound, tf.float64))
        windows = tf.signal.frame(features(sound, tf.float32), 96, 48, axis=0)
        found[f"{name}_scores"] = np.asarray(model(windows, training=False))
    if names:
        np.savez(names[1], **found)
        return
    from vidparticles import weights

    with tempfile.TemporaryDirectory() as folder:
        model.save_weights(f"{folder}/yamnet.h5")
        read = weights.read_file(f"{folder}/yamnet.h5", "keras")
    assert read.keys() == tensors.keys(), read.keys() ^ tensors.keys()
    assert all(np.array_equal(read[name], tensors[name]) for name in tensors)
    found["made_features"] = found["made_features"][::4]
    np.savez_compressed(HERE / "yamnet.npz", **found)
    known = json.loads((HERE / "names.json").read_text())
    known["yamnet"] = {name: list(value.shape) for name, value in read.items()}
    (HERE / "names.json").write_text(json.dumps(known, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
