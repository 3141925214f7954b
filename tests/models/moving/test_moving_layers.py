"""Sums over neighbors against slow ones, forward and backward."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from scipy import ndimage

from vidparticles.models.moving import layers

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dilation", [1, 2])
def test_a_convolution_and_its_gradients_are_those_of_xla(dilation):
    x, weights = (
        jnp.asarray(RNG.normal(size=s), jnp.float32) for s in ((2, 5, 7, 3), (3, 3, 3, 4))
    )

    def theirs(x, weights):
        d = (dilation, dilation)
        numbers = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(
            x, weights, (1, 1), (d, d), rhs_dilation=d, dimension_numbers=numbers
        )

    def ours(x, weights):
        return layers.conv3(x, weights, dilation)

    ct = jnp.asarray(RNG.normal(size=(2, 5, 7, 4)), jnp.float32)
    for function in (theirs, ours):
        out, back = jax.vjp(function, x, weights)
        if function is theirs:
            expected = (out, *back(ct))
    for got, wanted in zip((out, *back(ct)), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)


def test_correlation_is_the_product_with_each_neighbor():
    a, b = (RNG.normal(size=(2, 4, 6, 3)).astype(np.float32) for _ in range(2))
    radius = 2
    found = np.asarray(layers.correlation(jnp.asarray(a), jnp.asarray(b), radius))
    padded = np.pad(b, ((0, 0), (radius,) * 2, (radius,) * 2, (0, 0)))
    for k, (dx, dy) in enumerate(np.asarray(layers.displacements(radius)).astype(int)):
        moved = padded[:, radius + dy : radius + dy + 4, radius + dx : radius + dx + 6]
        np.testing.assert_allclose(found[..., k], (a * moved).sum(-1), rtol=1e-4, atol=1e-5)


def test_what_flow_carries_is_interpolated_as_scipy_does():
    maps = RNG.normal(size=(1, 5, 7, 2)).astype(np.float32)
    flow = RNG.uniform(-2, 2, size=(1, 5, 7, 2)).astype(np.float32)
    found = np.asarray(layers.carried(jnp.asarray(maps), jnp.asarray(flow)))[0]
    y, x = np.mgrid[:5, :7]
    places = [y - flow[0, ..., 1], x - flow[0, ..., 0]]
    for c in range(2):
        wanted = ndimage.map_coordinates(maps[0, ..., c], places, order=1, mode="nearest")
        np.testing.assert_allclose(found[..., c], wanted, rtol=1e-4, atol=1e-5)
