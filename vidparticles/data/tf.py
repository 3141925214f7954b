"""tensorflow, imported when first asked for and without a GPU."""

from __future__ import annotations

import functools
import os
import types


@functools.cache
def tensorflow() -> types.ModuleType:
    """The module; its GPUs are hidden, since jax owns them."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    tf.config.set_visible_devices([], "GPU")
    return tf
