"""tensorflow and TFDS, imported when first asked for and without a GPU."""

from __future__ import annotations

import functools
import os
import types

from vidparticles.errors import require


@functools.cache
def tensorflow() -> types.ModuleType:
    """The module; its GPUs are hidden, since jax owns them.

    Raises:
        MissingExtraError: it is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    tf = require("tensorflow", extra="train")
    tf.config.set_visible_devices([], "GPU")
    return tf


def tensorflow_datasets() -> types.ModuleType:
    """The module, imported after tensorflow's GPUs were hidden.

    Raises:
        MissingExtraError: it is not installed.
    """
    tensorflow()
    return require("tensorflow_datasets", extra="train")
