"""The peers of dynamics.py: other ways to compute the founding force and its gradients.

F_i = Σ_j (p_i − p_j) / |p_i − p_j|², float32. A peer is `make(position [B, N, 2])` → a function
without arguments whose result is an array [B, N, 2]; it raises `AbsentError` where it is not
installed. The peers in jax run in a process of their own (`Worker`), because they are at their
best under another XLA flag than ours needs: with it, reductions are not handed to the library
that is slow at them.
"""

from __future__ import annotations

import ctypes
import functools
import multiprocessing
import os
import pathlib
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

STEPS = 10
PEER_FLAGS = "--xla_cpu_experimental_ynn_fusion_type=-reduce"


class AbsentError(Exception):
    """A peer that is not installed here; the text says what is missing."""


def dt(count: int) -> float:
    """The time step of the gradient's rollout: small enough for the closest pairs."""
    return 1e-4 / count


# ---------------------------------------------------------------- compiled


def c_force(position: np.ndarray) -> Callable[[], np.ndarray]:
    """The loop of dynamics_kernel.c."""
    source = pathlib.Path(__file__).with_name("dynamics_kernel.c")
    library = pathlib.Path(tempfile.gettempdir()) / f"dynamics_kernel_{os.getuid()}.so"
    flags = ["-O3", "-march=native", "-ffast-math", "-fopenmp", "-shared", "-fPIC"]
    try:
        subprocess.run(["cc", *flags, source, "-o", library], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise AbsentError(f"C, AVX: {error}") from error
    run = ctypes.CDLL(str(library)).founding_force
    x, y = (np.ascontiguousarray(position[..., d]) for d in range(2))
    out = np.empty((2, *x.shape), np.float32)
    pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (x, y, out[0], out[1])]
    sizes = [ctypes.c_long(n) for n in x.shape]

    def call() -> np.ndarray:
        run(*pointers, *sizes)
        return np.moveaxis(out, 0, -1)

    return call


def numba_force(position: np.ndarray) -> Callable[[], np.ndarray]:
    """Parallel and fastmath, components apart."""
    try:
        import numba
    except ImportError as error:
        raise AbsentError("numba") from error

    @numba.njit(parallel=True, fastmath=True, error_model="numpy")
    def run(x, y, fx, fy):
        systems, count = x.shape
        for k in numba.prange(systems * count):
            b, i = k // count, k % count
            sx, sy = np.float32(0), np.float32(0)
            for j in range(count):
                dx, dy = x[b, i] - x[b, j], y[b, i] - y[b, j]
                square = dx * dx + dy * dy
                inverse = np.float32(1) / square if square > 0 else np.float32(0)
                sx += inverse * dx
                sy += inverse * dy
            fx[b, i], fy[b, i] = sx, sy

    x, y = (np.ascontiguousarray(position[..., d]) for d in range(2))
    out = np.empty((2, *x.shape), np.float32)

    def call() -> np.ndarray:
        run(x, y, out[0], out[1])
        return np.moveaxis(out, 0, -1)

    return call


# ---------------------------------------------------------------- torch


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise AbsentError("torch") from error
    return torch


def _torch_rollout(torch: Any, force: Callable, position: np.ndarray) -> Callable[[], Any]:
    """The gradient through STEPS velocity-Verlet steps, by torch's own autodiff."""
    h = dt(position.shape[-2])

    def call() -> Any:
        start = torch.from_numpy(position).requires_grad_(True)
        p, v = start, torch.zeros_like(start)
        f = force(p)
        for _ in range(STEPS):
            v = v + 0.5 * h * f
            p = p + h * v
            f = force(p)
            v = v + 0.5 * h * f
        (torch.sum(p * p) + torch.sum(v * v)).backward()
        return start.grad.numpy()

    return call


def torch_broadcast(position: np.ndarray, *, gradient: bool = False) -> Callable[[], Any]:
    """[B, N, N] differences at once, components apart."""
    torch = _torch()

    def force(p: Any) -> Any:
        dx, dy = (p[..., d][:, :, None] - p[..., d][:, None] for d in range(2))
        square = dx * dx + dy * dy
        inverse = torch.where(square > 0, 1 / torch.where(square > 0, square, 1.0), 0.0)
        return torch.stack([(inverse * dx).sum(2), (inverse * dy).sum(2)], -1)

    if gradient:
        return _torch_rollout(torch, force, position)
    p = torch.from_numpy(position)

    def call() -> Any:
        with torch.no_grad():
            return force(p).numpy()

    return call


def keops(position: np.ndarray, *, gradient: bool = False) -> Callable[[], Any]:
    """KeOps' LazyTensor: a compiled map-reduce over pairs, O(N) in memory."""
    torch = _torch()
    try:
        from pykeops.torch import LazyTensor
    except ImportError as error:
        raise AbsentError("pykeops") from error

    def force(p: Any) -> Any:
        a, b = LazyTensor(p[:, :, None].contiguous()), LazyTensor(p[:, None].contiguous())
        difference = a - b
        return (difference / ((difference**2).sum(-1) + 1e-12)).sum(2)

    if gradient:
        return _torch_rollout(torch, force, position)
    p = torch.from_numpy(position)

    def call() -> Any:
        with torch.no_grad():
            return force(p).numpy()

    return call


def founding_modules(position: np.ndarray) -> Callable[[], Any]:
    """The founding document's own style: a module a particle, loops in Python."""
    torch = _torch()
    count = position.shape[-2]

    class Particle(torch.nn.Module):
        def __init__(self, place: np.ndarray):
            super().__init__()
            self.position = torch.nn.Parameter(torch.from_numpy(place.copy()))
            self.velocity = torch.nn.Parameter(torch.zeros(2))

    particles = torch.nn.ModuleList([Particle(place) for place in position[0]])
    h = dt(count)

    def forces(places: list) -> list:
        out = []
        for i in range(count):
            total = torch.zeros(2)
            for j in range(count):
                if i != j:
                    difference = places[i] - places[j]
                    total = total + difference / (difference**2).sum()
            out.append(total)
        return out

    def call() -> Any:
        particles.zero_grad()
        places = [p.position for p in particles]
        speeds = [p.velocity for p in particles]
        f = forces(places)
        for _ in range(STEPS):
            speeds = [v + 0.5 * h * a for v, a in zip(speeds, f, strict=True)]
            places = [p + h * v for p, v in zip(places, speeds, strict=True)]
            f = forces(places)
            speeds = [v + 0.5 * h * a for v, a in zip(speeds, f, strict=True)]
        (sum((p * p).sum() for p in places) + sum((v * v).sum() for v in speeds)).backward()
        return torch.stack([p.position.grad for p in particles]).numpy()[None]

    return call


# ---------------------------------------------------------------- jax, in a process of its own


def _jax_forces() -> dict[str, Callable]:
    import jax.numpy as jnp

    def broadcast(p: Any) -> Any:
        dx, dy = (p[:, None, d] - p[None, :, d] for d in range(2))
        square = dx * dx + dy * dy
        inverse = jnp.where(square > 0, 1 / jnp.where(square > 0, square, 1), 0)
        return jnp.stack([jnp.sum(inverse * dx, 1), jnp.sum(inverse * dy, 1)], -1)

    forces = {"jnp broadcast": broadcast}
    try:
        from jax_md import quantity, smap, space
    except ImportError:
        return forces
    displacement_fn, _ = space.free()

    def energy(dr: Any, **unused: Any) -> Any:
        return jnp.where(dr > 0, -jnp.log(jnp.where(dr > 0, dr, 1)), 0)

    metric = space.canonicalize_displacement_or_metric(displacement_fn)
    forces["jax-md smap.pair"] = quantity.force(smap.pair(energy, metric))
    return forces


def _jax_case(name: str, kind: str, position: np.ndarray) -> Callable[[], Any]:
    """A compiled call; a single system is not lifted, which would make it slower."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    force = _jax_forces()[name]
    h = np.float32(dt(position.shape[-2]))

    def loss(p: Any) -> Any:
        def step(state: Any, _: Any) -> Any:
            p, v, f = state
            v = v + 0.5 * h * f
            p = p + h * v
            f = force(p)
            return (p, v + 0.5 * h * f, f), None

        (p, v, _), _ = lax.scan(step, (p, jnp.zeros_like(p), force(p)), None, length=STEPS)
        return jnp.sum(p * p) + jnp.sum(v * v)

    function = force if kind == "force" else jax.grad(loss)
    one = len(position) == 1
    argument = jnp.asarray(position[0] if one else position)
    compiled = jax.jit(function if one else jax.vmap(function)).lower(argument).compile()
    return lambda: np.asarray(compiled(argument))[None if one else slice(None)]


def _serve(pipe: Any, flags: str) -> None:
    os.environ["XLA_FLAGS"] = flags
    calls: dict[tuple, Callable] = {}
    while True:
        request = pipe.recv()
        if request is None:
            return
        kind, key, argument = request
        try:
            if kind == "make":
                calls[key] = argument[0](*argument[1:])
                pipe.send(calls[key]())
            else:
                begin = time.perf_counter()
                calls[key]()
                pipe.send(time.perf_counter() - begin)
        except Exception as error:
            pipe.send(AbsentError(f"{key}: {type(error).__name__}: {str(error)[:120]}"))


class Worker:
    """Peers in a process with its own XLA flags; each call is timed over there."""

    def __init__(self, flags: str = PEER_FLAGS):
        context = multiprocessing.get_context("spawn")
        self._pipe, end = context.Pipe()
        self._process = context.Process(target=_serve, args=(end, flags), daemon=True)
        self._process.start()

    def _ask(self, *request: Any) -> Any:
        self._pipe.send(request)
        answer = self._pipe.recv()
        if isinstance(answer, AbsentError):
            raise answer
        return answer

    def make(self, key: str, factory: Callable, *arguments: Any) -> tuple[Callable, Any]:
        """A function that returns seconds of one call over there, and its first result."""
        result = self._ask("make", key, (factory, *arguments))
        return functools.partial(self._ask, "time", key, None), result

    def jax_case(self, name: str, kind: str, position: np.ndarray) -> tuple[Callable, Any]:
        """A jax peer: kind is "force" or "gradient"."""
        key = f"{name} {kind} {position.shape}"
        return self.make(key, _jax_case, name, kind, position)

    def close(self) -> None:
        """End the process."""
        self._pipe.send(None)
        self._process.join(10)
