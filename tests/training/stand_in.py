"""A model and batches small enough to check training by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax

CLASSES = 3


class Linear:
    """Logits linear in the mean color of each frame, behind noise when it trains."""

    def __init__(self, *, width: int = 4, noise: float = 0.1):
        self.width, self.noise = width, noise

    def init(self, key, batch):
        first, second = jax.random.split(key)
        features = batch["video"].shape[1] * 3
        return {
            "hidden": {"kernel": 0.3 * jax.random.normal(first, (features, self.width))},
            "head": {
                "kernel": 0.3 * jax.random.normal(second, (self.width, CLASSES)),
                "bias": jnp.zeros(CLASSES),
            },
        }

    def apply(self, params, batch, noise=0.0):
        x = jnp.asarray(batch["video"], jnp.float32).mean((2, 3)) / 255
        x = x.reshape(x.shape[0], -1)
        h = jnp.tanh(x @ params["hidden"]["kernel"]) + noise
        return {"logits": h @ params["head"]["kernel"] + params["head"]["bias"]}

    def loss(self, params, batch, key, *, train):
        noise = jax.random.normal(key, (batch["label"].shape[0], self.width))
        logits = self.apply(params, batch, self.noise * train * noise)["logits"]
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, batch["label"])
        return loss, {"accuracy": (logits.argmax(-1) == batch["label"]).astype(jnp.float32)}


def batch(seed: int, *, size: int = 8, masked: int = 0) -> dict[str, np.ndarray]:
    """Random clips; the last `masked` rows are padding."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, CLASSES, size).astype(np.int32)
    video = rng.integers(0, 256, (size, 2, 4, 4, 3)).astype(np.uint8)
    video[..., 0] = (label * 100)[:, None, None, None]
    return {
        "video": video,
        "time": np.tile(np.float32([0.0, 0.5]), (size, 1)),
        "label": label,
        "_mask": np.arange(size) < size - masked,
        "index": np.arange(size) + size * seed,
    }
