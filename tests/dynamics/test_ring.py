"""Particles spread over devices: the same forces and gradients as on one device."""

from __future__ import annotations

import functools
import os
import socket
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from vidparticles import dynamics as dyn
from vidparticles.particles import particles

DISPLACEMENTS = {"free": dyn.free()[0], "periodic": dyn.periodic(1.0)[0]}
NETWORK = jax.tree.map(
    np.asarray,
    jax.jit(lambda key: dyn.init_pair_network(key, feature_dim=3, width=8))(jax.random.key(0)),
)


def featured(dr, fa, fb, *, strength, power):
    square = jnp.sum(dr * dr, axis=-1, keepdims=True)
    return strength * (fa[..., :1] - 2 * fb[..., :1]) * dr / (square**power + 0.1)


LAWS = {
    "repulsion": (dyn.repulsion, {"strength": 0.3}),
    "radial_basis": (dyn.radial_basis, {"weights": np.array([0.3, -0.2]), "cutoff": 0.4}),
    "pair_network": (dyn.pair_network, {"params": NETWORK}),
    # A parameter of integers has no derivative.
    "featured": (featured, {"strength": 0.4, "power": np.array(2)}),
}


@functools.cache
def devices(*shape):
    names = {1: ("particles",), 2: ("batch", "particles")}[len(shape)]
    return jax.make_mesh(shape, names, axis_types=(AxisType.Auto,) * len(shape))


def places(kind, *lead, n=24):
    rng = np.random.default_rng(0)
    x = rng.random((*lead, n, 2))
    if kind == "clustered":
        x = 0.5 + 1e-3 * rng.normal(size=x.shape)
    if kind == "collinear":
        x[..., 1] = 0.3
    if kind == "coincident":
        x[..., 1::2, :] = x[..., ::2, :]
    return x


@functools.cache
def slopes(law, space, mesh=None, **options):
    """Force and all gradients: of a ring, or of one device; jitted."""
    law_fn, params = LAWS[law]
    fixed = {k: v for k, v in params.items() if k == "power"}
    if mesh is None:
        force_fn = dyn.all_pairs(law_fn, DISPLACEMENTS[space])
    else:
        force_fn = dyn.ring(law_fn, DISPLACEMENTS[space], mesh, "particles", **options)

    def run(position, feature, alive, smooth, cotangent):
        def force(position, feature, smooth):
            return force_fn(position, feature=feature, alive=alive, **smooth, **fixed)

        out, back = jax.vjp(force, position, feature, smooth)
        return out, back(cotangent)

    return jax.jit(run)


def compare(law, space, mesh, position, *, alive=None, rtol=1e-9, **options):
    """Force and all gradients beside all_pairs."""
    rng = np.random.default_rng(1)
    dtype = position.dtype
    alive = np.ones(position.shape[:-1], bool) if alive is None else alive
    feature = rng.normal(size=(*position.shape[:-1], 3)).astype(dtype)
    cotangent = rng.normal(size=position.shape).astype(dtype)
    smooth = {k: v for k, v in LAWS[law][1].items() if k != "power"}
    smooth = jax.tree.map(lambda x: np.asarray(x, dtype), smooth)
    names = (*([None] * (position.ndim - 2)), "particles")
    if "batch_axis" in options:
        names = (options["batch_axis"], *names[1:])
    where = NamedSharding(mesh, PartitionSpec(*names))
    spread = [jax.device_put(x, where) for x in (position, feature, alive)]
    got = slopes(law, space, mesh, **options)(*spread, smooth, cotangent)
    want = slopes(law, space)(position, feature, alive, smooth, cotangent)
    assert got[0].sharding.is_equivalent_to(where, position.ndim)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        scale = float(np.max(np.abs(b), initial=0.0))
        np.testing.assert_allclose(a, b, rtol=0, atol=rtol * scale + 1e-300)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    ("law", "space"), zip(LAWS, ("free", "periodic", "periodic", "free"), strict=True)
)
def test_all_laws_are_those_of_one_device(law, space):
    position = places("random")
    position[2] = np.nan
    compare(law, space, devices(4), position, alive=np.arange(24) % 5 != 2)


@pytest.mark.parametrize("law", ["repulsion", "featured"])
def test_places_in_single_precision(law):
    for kind in ("clustered", "collinear", "coincident"):
        compare(law, "free", devices(4), places(kind).astype(np.float32), rtol=1e-5)


@pytest.mark.parametrize("law", ["repulsion", "featured"])
def test_batch_by_particles(law):
    position = places("random", 2, 3, n=8).astype(np.float32)
    compare(law, "free", devices(2, 4), position, rtol=1e-5, batch_axis="batch")


def test_a_parameter_for_each_of_the_batch():
    position = places("random", 4, n=8).astype(np.float32)
    strength = np.arange(1.0, 5.0, dtype=np.float32)[:, None]
    d = DISPLACEMENTS["free"]
    spread = dyn.ring(dyn.repulsion, d, devices(2, 4), "particles", batch_axis="batch")

    def value(strength, make):
        return jnp.sum(jnp.sin(make(position, strength=strength)))

    run = jax.jit(jax.value_and_grad(value), static_argnums=1)
    got, want = (run(strength, make) for make in (spread, dyn.all_pairs(dyn.repulsion, d)))
    np.testing.assert_allclose(got[0], want[0], rtol=1e-4)
    np.testing.assert_allclose(got[1], want[1], rtol=1e-4)


def test_through_a_rollout():
    """Stored and run backwards, as on one device."""
    p = particles(places("random", n=8).astype(np.float32))
    displacement_fn, shift_fn = dyn.free()
    where = NamedSharding(devices(4), PartitionSpec("particles"))
    spread = dyn.ring(dyn.repulsion, displacement_fn, devices(4), "particles")

    def slope(force, p, gradient):
        integrator = dyn.velocity_verlet(force, shift_fn, 0.01)

        def loss(x, k):
            path = dyn.rollout(
                integrator,
                p.replace(position=x),
                steps=5,
                params={"strength": k},
                gradient=gradient,
            )
            return jnp.sum(path.particles.position[-1] ** 2)

        return jax.jit(jax.grad(loss, argnums=(0, 1)))(p.position, 0.02)

    want = slope(dyn.all_pairs(dyn.repulsion, displacement_fn), p, "store")
    for gradient in ("store", "reversible"):
        got = slope(spread, jax.device_put(p, where), gradient)
        np.testing.assert_allclose(got[0], want[0], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(got[1], want[1], rtol=1e-4)


@pytest.mark.parametrize("law", ["repulsion", "featured"])
def test_memory_of_a_device_falls_with_the_devices(law):
    law_fn, params = LAWS[law]
    needs = []
    for count in (2, 8):
        force = dyn.ring(law_fn, DISPLACEMENTS["free"], devices(count), "particles", **params)
        where = NamedSharding(devices(count), PartitionSpec("particles"))
        given = jax.ShapeDtypeStruct((4096, 2), jnp.float32, sharding=where)
        loss = jax.grad(lambda x, f, force=force: jnp.sum(force(x, feature=f) ** 2))
        needs.append(jax.jit(loss).lower(given, given).compile().memory_analysis())
    two, eight = (need.temp_size_in_bytes for need in needs)
    assert eight < 0.3 * two


def test_ring_only():
    """What goes between devices: blocks to the neighbor, nothing gathered."""
    force = dyn.ring(dyn.repulsion, DISPLACEMENTS["free"], devices(8), "particles", strength=1.0)
    where = NamedSharding(devices(8), PartitionSpec("particles"))
    given = jax.ShapeDtypeStruct((64, 2), jnp.float32, sharding=where)
    text = jax.jit(jax.grad(lambda x: jnp.sum(force(x) ** 2))).lower(given).compile().as_text()
    assert "collective-permute" in text
    assert "all-gather" not in text


@pytest.mark.parametrize("n", [0, 8])
def test_none_one_each_and_all_inactive(n):
    force = dyn.ring(dyn.spring, DISPLACEMENTS["free"], devices(8), "particles", stiffness=1.0)
    given = np.full((n, 2), np.nan, np.float32), np.zeros(n, bool)

    def value(x, alive):
        got = force(x, alive=alive)
        return jnp.sum((1 + got) ** 2), got

    (_, got), slope = jax.jit(jax.value_and_grad(value, has_aux=True))(*given)
    np.testing.assert_array_equal(got, np.zeros((n, 2)))
    np.testing.assert_array_equal(slope, np.zeros((n, 2)))


def test_sentences_for_mistakes():
    d = DISPLACEMENTS["free"]
    with pytest.raises(ValueError, match=r"axes \('particles',\), none called 'rows'"):
        dyn.ring(dyn.repulsion, d, devices(4), "rows")
    force = dyn.ring(dyn.repulsion, d, devices(4), "particles", strength=1.0)
    with pytest.raises(ValueError, match=r"10 particles cannot be spread .* 4 devices .* make 12"):
        force(jnp.zeros((10, 2)))
    with pytest.raises(ValueError, match=r"strength has shape \(8,\)"):
        force(jnp.zeros((8, 2)), strength=jnp.ones(8))
    both = dyn.ring(dyn.repulsion, d, devices(2, 4), "particles", batch_axis="batch", strength=1.0)
    with pytest.raises(ValueError, match=r"positions \(3, 8, 2\) have no first axis"):
        both(jnp.zeros((3, 8, 2)))


PROCESS = """
import sys
import jax
jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.distributed.initialize("localhost:" + sys.argv[1], 2, int(sys.argv[2]))
import jax.numpy as jnp, numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from vidparticles import dynamics as dyn
mesh = jax.make_mesh((4,), ("particles",), axis_types=(AxisType.Auto,))
x = np.random.default_rng(0).random((32, 2)).astype(np.float32)
where = NamedSharding(mesh, PartitionSpec("particles"))
spread = jax.make_array_from_callback(x.shape, where, lambda index: x[index])
slope = lambda force: jax.jit(jax.value_and_grad(lambda x: jnp.sum(jnp.sin(0.1 * force(x)))))
got = slope(dyn.ring(dyn.repulsion, dyn.free()[0], mesh, "particles", strength=0.1))(spread)
want = slope(dyn.all_pairs(dyn.repulsion, dyn.free()[0], strength=0.1))(x)
assert len(jax.devices()) == 4 and len(spread.addressable_shards) == 2
np.testing.assert_allclose(got[0], want[0], rtol=1e-5)
whole = multihost_utils.process_allgather(got[1], tiled=True)
np.testing.assert_allclose(whole, want[1], rtol=1e-4, atol=1e-5)
print("same")
"""


def test_two_processes():
    """Two processes of two devices each, on this machine."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    settings = {**os.environ, "JAX_PLATFORMS": "cpu"}
    run = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, port, str(rank)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=settings,
        )
        for rank in range(2)
    ]
    for process in run:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err[-2000:]
        assert "same" in out
