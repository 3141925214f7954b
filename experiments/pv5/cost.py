"""What a clip and what a frame costs the models of PV-5, by the length of the clip."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.configs import pv5 as config_of
from experiments.pv5.plans import build
from vidparticles.data.pv5 import FRAME_RATE, seconds

LENGTHS = (32, 128, 512, 2048, 4096)
REPEATS = 3
STREAMED = 200


def curves(name: str, lengths: Sequence[int]) -> dict[str, float]:
    """Slopes of time and memory over clip lengths on log–log axes, batch 1; and of a frame, FLOPs.

    Returns:
        parameters, slope_time, slope_train_time (forward and backward), slope_memory (what XLA
        sets aside for the latter's intermediates), flops_frame, and for models that stream
        state_bytes, stream_fps and latency (seconds, the median).
    """
    chosen = config_of.get_config(f"t2,{name}").model
    model = build(chosen.name, num_classes=4, **chosen.options.to_dict())
    rng, key = np.random.default_rng(0), jax.random.key(0)
    clip = rng.integers(0, 256, (1, max(lengths), 32, 32, 3), np.uint8)
    time_of = seconds(clip)
    params = jax.jit(model.init)(key, {"video": clip[:, :32], "time": time_of[:, :32]})
    forward = jax.jit(lambda params, batch: model.apply(params, batch)["logits"])
    train = jax.jit(
        jax.grad(lambda params, batch: model.loss(params, batch, key, train=True)[0].mean())
    )
    times, train_times, memory = [], [], []
    for length in lengths:
        batch = {"video": clip[:, :length], "time": time_of[:, :length]}
        batch["label"] = np.zeros(1, np.int32)
        compiled = train.lower(params, batch).compile()
        times.append(_median(lambda b=batch: forward(params, b)))
        train_times.append(_median(lambda b=batch, c=compiled: c(params, b)))
        memory.append(compiled.memory_analysis().temp_size_in_bytes)
        print(
            f"{name} T = {length}: {times[-1]:.4f} s forward, {train_times[-1]:.4f} s with "
            f"backward, {memory[-1] / 2**20:.1f} MiB",
            flush=True,
        )
    figures = {
        "parameters": float(sum(x.size for x in jax.tree.leaves(params))),
        "slope_time": _slope(lengths, times),
        "slope_train_time": _slope(lengths, train_times),
        "slope_memory": _slope(lengths, memory),
    }
    if model.capabilities.streams:
        frame, now = jnp.asarray(clip[:, 0]), jnp.asarray(time_of[:, 0])
        step = jax.jit(model.step)
        state = model.init_state(params, frame, now)
        figures["state_bytes"] = float(sum(x.nbytes for x in jax.tree.leaves(state)))
        cost = step.lower(params, state, frame, now).compile().cost_analysis()
        figures["flops_frame"] = float(cost["flops"])
        latencies = []
        for t in range(STREAMED):
            began = time.perf_counter()
            frame, now = clip[:, t % clip.shape[1]], np.full(1, t / FRAME_RATE, np.float32)
            state, _ = jax.block_until_ready(step(params, state, frame, now))
            latencies.append(time.perf_counter() - began)
        figures["latency"] = float(np.median(latencies[STREAMED // 4 :]))
        figures["stream_fps"] = 1 / figures["latency"]
    else:
        batch = {"video": clip[:, :32], "time": time_of[:, :32]}
        cost = forward.lower(params, batch).compile().cost_analysis()
        figures["flops_frame"] = float(cost["flops"]) / 32
    return figures


def _median(function: Callable[[], Any]) -> float:
    """Median seconds of calls, after one that compiles."""
    jax.block_until_ready(function())
    latencies = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        jax.block_until_ready(function())
        latencies.append(time.perf_counter() - began)
    return float(np.median(latencies))


def _slope(lengths: Sequence[int], values: Sequence[float]) -> float:
    return float(np.polyfit(np.log(lengths), np.log(values), 1)[0])
