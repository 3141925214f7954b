"""The learned baselines: sizes as published, no look ahead, streams equal to clips."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from vidparticles.errors import InputError
from vidparticles.models import build
from vidparticles.models.baselines import lru

NAMES = ("tsn", "slowfast", "vivit", "lru", "gru")
CLIP = np.random.default_rng(0).integers(0, 256, (2, 11, 16, 16, 3), np.uint8)


def _parameters(model, shape: tuple[int, ...]) -> int:
    """Counted without making any."""
    video = jax.ShapeDtypeStruct(shape, jnp.uint8)
    params = jax.eval_shape(lambda v: model.init(jax.random.key(0), {"video": v}), video)
    return sum(x.size for x in jax.tree.leaves(params))


@pytest.fixture(scope="module")
def models() -> dict:
    """Each with prediction, with parameters drawn at random, and jitted."""
    found, rng = {}, np.random.default_rng(1)
    for name in NAMES:
        model = build(name, num_classes=5, prediction_weight=2.0)
        shapes = jax.eval_shape(lambda m=model: m.init(jax.random.key(0), {"video": CLIP}))
        params = jax.tree.map(
            lambda x: rng.normal(0, np.prod(x.shape[:-1]) ** -0.5, x.shape).astype(x.dtype), shapes
        )
        found[name] = model, params, jax.jit(model.apply)
    return found


@pytest.mark.parametrize(
    ("name", "shape", "millions"),
    [
        ("tsn", (1, 3, 224, 224, 3), 24.33),
        ("slowfast", (1, 64, 224, 224, 3), 34.57),
        ("vivit", (1, 32, 224, 224, 3), 115.1),
    ],
)
def test_published_sizes(name: str, shape: tuple[int, ...], millions: float) -> None:
    count = _parameters(build(name, num_classes=400, size="published"), shape)
    assert count / 1e6 == pytest.approx(millions, rel=0.01)


@pytest.mark.parametrize("name", NAMES)
def test_small_ones_are_no_larger_than_the_suite_allows(name: str) -> None:
    for weight in (0.0, 1.0):
        model = build(name, num_classes=24, prediction_weight=weight)
        assert _parameters(model, (1, 16, 32, 32, 3)) < 300_000


@pytest.mark.parametrize("name", NAMES)
def test_what_may_matter_to_an_answer_and_what_not(models: dict, name: str) -> None:
    _, params, apply = models[name]
    late = CLIP.copy()
    late[:, 6:] = 255 - late[:, 6:]
    rows = np.concatenate([CLIP, late, CLIP[:, ::-1]])
    out = apply(params, {"video": rows})
    prediction, logits = (np.split(out[k], 3) for k in ("prediction", "logits"))
    # prediction[:, t] is of frame t + 1: those of frames up to 6 come from frames up to 5.
    assert prediction[0].shape == (2, 10, 16, 16, 3)
    np.testing.assert_allclose(prediction[0][:, :6], prediction[1][:, :6], atol=1e-5)
    assert np.abs(prediction[0][:, 6:] - prediction[1][:, 6:]).max() > 1e-3
    assert np.abs(logits[0] - logits[1]).max() > 1e-3
    # The order of frames, for all that are no mere average; the other rows, for none.
    assert np.allclose(logits[0], logits[2], atol=1e-5) == (name == "tsn")
    np.testing.assert_allclose(
        apply(params, {"video": rows[::-1]})["logits"][::-1], out["logits"], atol=1e-5
    )


@pytest.mark.parametrize("name", ["lru", "gru"])
def test_a_stream_gives_what_the_clip_gives(models: dict, name: str) -> None:
    model, params, apply = models[name]
    out = apply(params, {"video": CLIP})
    step = jax.jit(model.step)
    state = model.init_state(params, CLIP[:, 0], np.zeros(2))
    size = sum(x.nbytes for x in jax.tree.leaves(state))
    for t in range(CLIP.shape[1]):
        state, now = step(params, state, CLIP[:, t], np.full(2, t / 8))
        if t < CLIP.shape[1] - 1:
            np.testing.assert_allclose(now["prediction"], out["prediction"][:, t], atol=1e-5)
    np.testing.assert_allclose(now["logits"], out["logits"], atol=1e-5)
    assert sum(x.nbytes for x in jax.tree.leaves(state)) == size < 32_000


def test_the_scan_is_the_recurrence() -> None:
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(size=shape) + 1j * rng.normal(size=shape)

    decay, drive, h = 0.6 * draw(2, 37, 3), draw(2, 37, 3), draw(2, 3)
    found = lru.scan(jnp.asarray(decay), jnp.asarray(drive), jnp.asarray(h))
    for t in range(37):
        h = decay[:, t] * h + drive[:, t]
        np.testing.assert_allclose(found[:, t], h, rtol=1e-4, atol=1e-4)


def test_gradients_of_the_recurrence_are_those_of_finite_differences() -> None:
    layer = lru._Layer(4)
    x, before = jnp.asarray(CLIP[:, :, 0, 0, :] / 255, jnp.float32), jnp.ones((2, 4), complex)
    params = jax.jit(layer.init)(jax.random.key(0), x, before)

    @jax.jit
    def loss(params):
        return jnp.square(layer.apply(params, x, before)[0]).mean()

    check_grads(loss, (params,), order=1, modes=["rev"], atol=1e-2, rtol=1e-2, eps=1e-2)


def test_the_loss_is_of_labels_and_of_predicted_frames(models: dict) -> None:
    model, params, apply = models["gru"]
    out = apply(params, {"video": CLIP})
    key, label = jax.random.key(0), np.array([1, 3])
    loss = jax.jit(functools.partial(model.loss, train=True))
    both, metrics = loss(params, {"video": CLIP, "label": label}, key)
    frames, _ = loss(params, {"video": CLIP}, key)
    error = np.square(out["prediction"] - CLIP[:, 1:] / 255.0).mean((2, 3, 4))
    np.testing.assert_allclose(frames, 2 * error.mean(1), rtol=1e-4)
    np.testing.assert_allclose(metrics["prediction_error"], error.mean(1), rtol=1e-4)
    entropy = -jax.nn.log_softmax(out["logits"])[np.arange(2), label]
    np.testing.assert_allclose(both - frames, entropy, rtol=1e-4)
    novelty = jax.jit(model.novelty)(params, {"video": CLIP})
    np.testing.assert_allclose(novelty[:, 1:], error, rtol=1e-4)
    assert (novelty[:, 0] == 0).all()


def test_wrong_options_are_said() -> None:
    with pytest.raises(InputError, match="expected one of small, published"):
        build("tsn", num_classes=2, size="huge")
    with pytest.raises(InputError, match="do not predict frames"):
        build("vivit", num_classes=2, size="published", prediction_weight=1.0)
    with pytest.raises(InputError, match="prediction_weight above 0"):
        build("gru", num_classes=2).novelty({}, {"video": CLIP})
