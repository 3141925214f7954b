"""Sections of dynamics.py: gradients through time, and particles on many devices."""

from __future__ import annotations

import json
import pathlib
import statistics
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.dynamics_pairs import (
    FOUNDING,
    SHIFT,
    compile_,
    exact,
    relative,
    seconds_of,
    slope,
    uniform,
)
from vidparticles import dynamics as vd
from vidparticles.particles import particles


def reversible(bench: Any) -> None:
    """The gradient through a rollout that is run backwards, N = 256."""
    count = 256
    position = jnp.asarray(uniform(count)[0])
    verlet = vd.velocity_verlet(FOUNDING, SHIFT, 8e-4 / count**0.5 / 16)

    def end(position: jax.Array, steps: int, gradient: str) -> jax.Array:
        path = vd.rollout(
            verlet, particles(position), steps=steps, every=steps, gradient=gradient, throw=False
        )
        last = path.at(-1)
        return jnp.sum(last.position**2) + 0.1 * jnp.sum(last.velocity**2)

    lengths = (16, 64) if bench.smoke else (256, 4096)
    needs, calls = {}, {}
    for steps in lengths:
        for gradient in ("reversible", "checkpoint", "store"):
            slope_fn = jax.grad(lambda p, s=steps, g=gradient: end(p, s, g))
            call, needs[gradient, steps] = compile_(slope_fn, position)
            if steps == lengths[0]:
                calls[f"gradient, {gradient}"] = seconds_of(call)
    forward, _ = compile_(lambda p: end(p, lengths[0], "reversible"), position)
    calls["forward"] = seconds_of(forward)
    got = bench.interleave(calls)
    for name, seconds in got.items():
        memory = needs.get((name.removeprefix("gradient, "), lengths[0]))
        bench.row(
            f"rollout, N = {count}, T = {lengths[0]}",
            name,
            seconds,
            pairs=count**2 * lengths[0],
            memory=memory,
        )
    key = f"reversible_mem_t{lengths[1]}_vs_t{lengths[0]}"
    bench.ratio(key, needs["reversible", lengths[1]], needs["reversible", lengths[0]])
    median = {name: statistics.median(seconds) for name, seconds in got.items()}
    bench.ratio("reversible_grad_vs_fwd", median["gradient, reversible"], median["forward"])


def ring(bench: Any) -> None:
    """Particles on 1 to 8 fake devices, in a process of their own that has eight."""
    done = subprocess.run(
        [sys.executable, __file__, "512" if bench.smoke else "8192"],
        capture_output=True,
        text=True,
        cwd=pathlib.Path(__file__).parent,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    got = json.loads(done.stdout.splitlines()[-1])
    bench.figures["ring8_rel"] = got["error"]
    bench.figures["ring8_temp_slope"] = slope(got["devices"], got["bytes"])
    for devices, needed in zip(got["devices"], got["bytes"], strict=True):
        print(f"  {devices} devices: {needed / 1e6:.3f} MB a device", flush=True)


def _ring(count: int) -> dict:
    """Error with all devices, and bytes a device with some of them."""
    jax.config.update("jax_num_cpu_devices", 8)
    position = uniform(count)[0]
    report: dict[str, Any] = {"devices": [], "bytes": []}
    for devices in (1, 2, 4, 8):
        mesh = jax.sharding.Mesh(
            np.array(jax.devices()[:devices]), ("particles",), axis_types=(AUTO,)
        )
        where = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("particles"))
        force = vd.ring(vd.repulsion, vd.free()[0], mesh, "particles", strength=1.0)
        given = jax.device_put(jnp.asarray(position), where)
        compiled = jax.jit(force, in_shardings=where, out_shardings=where).lower(given).compile()
        report["devices"].append(devices)
        report["bytes"].append(compiled.memory_analysis().temp_size_in_bytes)
    index, wanted = exact(position[None], sample=512)
    report["error"] = relative(np.asarray(compiled(given))[index], wanted)
    return report


AUTO = jax.sharding.AxisType.Auto

if __name__ == "__main__":
    print(json.dumps(_ring(int(sys.argv[1]))))
