"""The step against its definition: masks, devices, averages, randomness, broken numbers."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import stand_in
from jax.sharding import AxisType, Mesh

from vidparticles.errors import InputError
from vidparticles.training import metrics, sharding, state, step


def mesh_of(devices: int) -> Mesh:
    return Mesh(np.array(jax.devices()[:devices]), ("data",), axis_types=(AxisType.Auto,))


@functools.cache
def compiled(devices: int, noise: float):
    """Initialization and step, compiled once for all tests."""
    model, mesh = stand_in.Linear(noise=noise), mesh_of(devices)
    optimizer = state.adamw(lambda _: 0.03, weight_decay=0.01, clip=1.0)
    init = jax.jit(
        lambda key, batch: state.create(model.init(key, batch), optimizer),
        out_shardings=sharding.everywhere(mesh),
    )
    return init, step.train_step(model, optimizer, decay=0.9, mesh=mesh), mesh


def run(devices: int, batches, *, seed: int = 0, noise: float = 0.1):
    """Losses and the last state of a run over the batches."""
    init, train, mesh = compiled(devices, noise)
    key = jax.random.key(seed)
    now, losses = init(key, batches[0]), []
    for batch in batches:
        now, got = train(now, sharding.global_batch(batch, mesh), key)
        losses.append(float(got["loss"]))
    return np.array(losses), jax.device_get(now)


def test_one_and_eight_devices_give_one_curve():
    batches = [stand_in.batch(i, size=16, masked=i % 3) for i in range(12)]
    one, state_one = run(1, batches)
    eight, state_eight = run(8, batches)
    np.testing.assert_allclose(eight, one, atol=1e-5, rtol=0)
    assert one[-1] < one[0]
    for a, b in zip(jax.tree.leaves(state_one), jax.tree.leaves(state_eight), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


def test_loss_is_the_mean_over_the_unmasked_rows():
    padded = stand_in.batch(0, size=8, masked=3)
    alone = {name: rows[:5] for name, rows in padded.items()}
    (first,), after = run(8, [padded], noise=0.0)
    (want,), after_want = run(1, [alone], noise=0.0)
    assert first == pytest.approx(want, abs=1e-6)
    for a, b in zip(jax.tree.leaves(after), jax.tree.leaves(after_want), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_randomness_is_of_the_step_and_the_seed():
    same = [stand_in.batch(0, size=16)] * 3
    first, _ = run(1, same)
    again, _ = run(1, same)
    other, _ = run(1, same, seed=1)
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99])
def test_average_matches_its_closed_form(decay):
    values = [{"w": jnp.full((2,), float(i * i))} for i in range(8)]
    ema = values[0]
    for value in values[1:]:
        ema = state.ema_update(ema, value, decay)
    n = len(values) - 1
    want = decay**n * values[0]["w"] + sum(
        (1 - decay) * decay ** (n - i) * values[i]["w"] for i in range(1, n + 1)
    )
    np.testing.assert_allclose(ema["w"], want, rtol=1e-5)


def test_average_forgets_the_start_quickly():
    batch = stand_in.batch(0, size=16)
    _, after = run(1, [batch])
    start = compiled(1, 0.1)[0](jax.random.key(0), batch).params
    # Before the first update the decay is (1 + 0) / (10 + 0), however long the memory is to be.
    want = jax.tree.map(lambda s, p: 0.1 * s + 0.9 * p, start, after.params)
    for e, w in zip(jax.tree.leaves(after.ema), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(e, w, atol=1e-6)


def test_gradients_are_clipped_by_their_global_norm():
    optimizer = state.adamw(lambda _: 1.0, weight_decay=0.0, clip=0.5)
    grads = {"a": jnp.array([3.0]), "b": jnp.array([4.0])}
    clip = optax.clip_by_global_norm(0.5)
    want, _ = clip.update(grads, clip.init(grads))
    assert float(optax.global_norm(want)) == pytest.approx(0.5)
    opt_state = optimizer.init(grads)
    _, opt_state = jax.jit(optimizer.update)(grads, opt_state, grads)
    moments = [s for s in jax.tree.leaves(opt_state) if s.shape == (1,)]
    np.testing.assert_allclose(sorted(float(m[0]) for m in moments)[-2:], [0.03, 0.04], rtol=1e-5)


def test_only_matrices_decay():
    optimizer = state.adamw(lambda _: 0.1, weight_decay=0.5, clip=1.0)
    params = {"kernel": jnp.ones((2, 2)), "strength": jnp.ones(())}
    zero = jax.tree.map(jnp.zeros_like, params)
    updates, _ = jax.jit(optimizer.update)(zero, optimizer.init(params), params)
    assert float(updates["kernel"][0, 0]) == pytest.approx(-0.05)
    assert float(updates["strength"]) == 0.0


def test_schedule_warms_up_and_ends_at_nothing():
    rate = state.learning_rate(peak=2.0, steps=50, warmup=0.2)
    values = np.asarray(jax.vmap(rate)(np.arange(51)))
    np.testing.assert_allclose(values[[0, 10, 50]], [0.0, 2.0, 0.0], atol=1e-6)
    assert (np.diff(values[:11]) > 0).all()
    assert (np.diff(values[10:]) < 0).all()
    assert float(state.learning_rate(peak=2.0, steps=1)(0)) == 2.0


def test_broken_numbers_stop_the_run_and_name_the_step():
    class Broken(stand_in.Linear):
        def loss(self, params, batch, key, *, train):
            loss, more = super().loss(params, batch, key, train=train)
            return loss * jnp.where(batch["label"] == 0, jnp.inf, 1.0), more

    model, mesh = Broken(), mesh_of(2)
    optimizer = state.adamw(lambda _: 0.1, weight_decay=0.0, clip=1.0)
    train = step.train_step(model, optimizer, decay=0.9, mesh=mesh)
    batch = stand_in.batch(0)
    now = state.create(model.init(jax.random.key(0), batch), optimizer)
    _, got = train(now, sharding.global_batch(batch, mesh), jax.random.key(0))
    with pytest.raises(FloatingPointError, match=r"Step 31 .* the run stopped; it is W/30"):
        step.check_finite(31, jax.device_get(got), last_good="it is W/30")
    got["finite"] = True
    step.check_finite(31, got, last_good="it is W/30")


def test_evaluation_counts_what_is_not_padding():
    model, mesh = stand_in.Linear(), mesh_of(4)
    batches = [stand_in.batch(0), stand_in.batch(1, masked=5)]
    params = model.init(jax.random.key(3), batches[0])
    counted = metrics.evaluate(step.eval_step(model, mesh=mesh), params, batches, mesh=mesh)
    labels = np.concatenate([b["label"][b["_mask"]] for b in batches])
    logits = np.concatenate(
        [np.asarray(model.apply(params, b)["logits"])[b["_mask"]] for b in batches]
    )
    want = metrics.score(labels, logits.argmax(-1), num_classes=3)
    np.testing.assert_array_equal(counted.confusion, want.confusion)
    assert counted.count == 11
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    assert counted.loss == pytest.approx(-log_p[np.arange(11), labels].mean(), rel=1e-5)
    with pytest.raises(InputError, match="no clip"):
        metrics.evaluate(None, params, [], mesh=mesh)


def test_windows_of_a_clip_vote_once():
    rows = {
        "probability": np.array([[0.6, 0.4], [0.1, 0.9], [0.8, 0.2], [0.5, 0.5]]),
        "label": np.array([1, 1, 1, 0]),
        "index": np.array([7, 7, 2, -1]),
        "_mask": np.array([True, True, True, False]),
    }
    got = metrics.evaluate(lambda params, batch: rows, None, [{}], mesh=mesh_of(1))
    np.testing.assert_array_equal(got.confusion, [[0, 0], [1, 1]])
    assert got.loss == pytest.approx(-(np.log(0.65) + np.log(0.2)) / 2)


def test_wilson_interval_against_its_equation():
    z = 1.959964
    for correct, count in [(0, 10), (3, 7), (50, 100), (10, 10)]:
        p = correct / count
        for bound in metrics.wilson(correct, count):
            # The bounds are where (p - b)² = z² b (1 - b) / n.
            want = z**2 * bound * (1 - bound) / count
            assert (p - bound) ** 2 == pytest.approx(want, abs=1e-12)
    assert metrics.wilson(0, 0) == (0.0, 1.0)


def test_recall_of_a_class():
    got = metrics.score([0, 0, 2], [0, 1, 2], num_classes=3)
    np.testing.assert_array_equal(got.per_class, [0.5, np.nan, 1.0])


def test_batch_size_must_divide_over_the_devices():
    sharding.check_batch_size(16, mesh_of(8))
    with pytest.raises(InputError, match=r"batch_size is 12; .* 8 devices .* 16"):
        sharding.check_batch_size(12, mesh_of(8))


def test_half_given_processes_are_refused(monkeypatch):
    monkeypatch.delenv("JAX_COORDINATOR_ADDRESS", raising=False)
    sharding.initialize()
    with pytest.raises(InputError, match="--coordinator"):
        sharding.initialize(processes=2)
    with pytest.raises(InputError, match="which of them this is"):
        sharding.initialize(coordinator="localhost:1", processes=2, process=2)
