"""The parts of one step of `objects`: predict, correct, births, memory.

`positive` are the parameters of that name behind their softplus.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles import dynamics
from vidparticles.image import discs
from vidparticles.numerics import masked_mean, safe_norm
from vidparticles.particles import Particles
from vidparticles.tracking.objects import assignment as innovation
from vidparticles.tracking.objects.foreground import MASS, PLACE, Evidence
from vidparticles.tracking.objects.state import Objects, Params, Things

UNSURE_SPEED = 0.04  # of a new particle, frame heights per frame
LEAST_HILL = 0.4  # of unowned evidence that becomes a particle
HILL = 0.5  # radii, the blur in which hills are looked for
OWNED = 1.3  # radii around a particle in which nothing is born
CLASH = 0.2  # of the change of velocity in a collision of hard things, how unsure it is
# Cells that the rims of discs are widened by where they are fitted to the evidence: to the part
# of a cell that hard things cover, or to a weight.
SHARP, SOFT = 0.1, 1 / 3
SHUT = 0.1  # of a gate of the memory, below which it lets nothing in
LATCH = math.log(SHUT / (1 - SHUT))  # the logit of that
# Squared distance of things that touch, in diameters, and how gradually they come to.
BESIDE, BLUNT = 1.2, 0.05


def clear_of(params: Params, config: Objects) -> Array | None:
    """How far the scene lets things be seen, [P]."""
    return None if config.scene is None else jax.nn.sigmoid(-params["scene"]["hides"])


def predict(
    positive: dict[str, Array], config: Objects, p: Particles, shape: tuple[int, int]
) -> tuple[Particles, Array]:
    """A frame later, by the laws alone, as far as the prior has any; and by how much others turned
    each, |Δv| [..., K]."""
    if config.prior == "rest":
        p = p.replace(velocity=jnp.zeros_like(p.velocity))
    elif config.prior != "laws":
        return p, jnp.zeros_like(p.mass)
    displacement_fn, shift_fn = dynamics.free()
    if config.walls:
        margin = positive["margin"]
        box = jnp.array([shape[1] / shape[0], 1.0]) - 2 * margin
        _, within = dynamics.walls(box)

        def shift_fn(R: Array, dR: Array, **unused: Any) -> Array:
            return within(R - margin, dR) + margin

    if config.hard:
        way, velocity = dynamics.bounce(p, diameter=positive["diameter"], dt=1.0)
        struck = safe_norm(velocity - p.velocity)
        position, velocity = jax.jvp(lambda R: shift_fn(R, way), (p.position,), (velocity,))
        return p.replace(position=position, velocity=velocity), struck
    force_fn = dynamics.all_pairs(
        dynamics.collision,
        displacement_fn,
        stiffness=positive["stiffness"],
        diameter=positive["diameter"],
    )
    init_fn, apply_fn = dynamics.semi_implicit_euler(force_fn, shift_fn, 1.0)
    return apply_fn(init_fn(None, p)).particles, jnp.zeros(p.alive.shape)


def foresee(positive: dict[str, Array], config: Objects, covariance: Array, struck: Array) -> Array:
    """How unsure particles are a frame later, when others turned them by `struck` [..., K]."""
    jolt = positive["jolt"]
    if config.hard:
        jolt = jnp.sqrt(jolt * jolt + (CLASH * struck) ** 2)
    return innovation.foresee(covariance, jolt)


def _squares(position: Array) -> Array:
    """Squared distances [..., K, K] of positions [..., K, 2]."""
    x, y = position[..., 0], position[..., 1]
    return (x[..., :, None] - x[..., None, :]) ** 2 + (y[..., :, None] - y[..., None, :]) ** 2


def twins(positive: dict[str, Array], position: Array, alive: Array, identity: Array) -> Array:
    """Which hard things [..., K] are where an older one is already; one of them is none."""
    square = _squares(position)
    older = identity[..., :, None] > identity[..., None, :]
    both = alive[..., :, None] & alive[..., None, :]
    return jnp.any(both & older & (square < (positive["diameter"] / 2) ** 2), axis=-1)


def covers(positive: dict[str, Array], p: Particles, shape: tuple[int, int]) -> Array:
    """How far the disc of each covers each cell, [..., K, P]."""
    return discs.cover(
        p.position,
        p.alive,
        radius=positive["radius"],
        edge=positive["edge"],
        height=shape[0],
        width=shape[1],
    )


def visible(positive: dict[str, Array], mass: Array) -> Array:
    """How far what a particle sees is believed, in [0, 1), from the mass of it [..., K]."""
    square = mass * mass
    return square / (square + positive["mass"] ** 2)


def middle(seen: Array, place: Array) -> Array:
    """The middle of what was seen [..., C]; `place` where nothing was."""
    weight = seen[..., MASS] + innovation.FAINTEST
    return (seen[..., PLACE] + innovation.FAINTEST * place) / weight


def correct(
    params: Params,
    config: Objects,
    positive: dict[str, Array],
    things: Things,
    predicted: Particles,
    covariance: Array,
    frame: Evidence,
) -> tuple[Particles, Array, Array, Array]:
    """Particles moved by their innovation, how unsure they still are, their mass, what they saw."""
    place, alive, shape = predicted.position, predicted.alive, frame.shape
    clear = clear_of(params, config)
    width = jnp.sqrt(positive["width"] ** 2 + covariance[..., 0])
    seen = innovation.claim(
        place,
        alive,
        things.look,
        jnp.broadcast_to(positive["likeness"], alive.shape),
        frame.look,
        frame.seen,
        shape=shape,
        width=jnp.full(alive.shape, 1e3) if config.prior == "look" else width,
        reach=positive["reach"],
        compete=config.compete,
    )
    mass = seen[..., 0] / shape[0] ** 2
    if config.prior == "grid":
        return predicted, covariance, mass, seen
    if config.prior == "look":
        moved = jnp.where(alive[..., None], middle(seen, place), place)
        return predicted.replace(position=moved), covariance, mass, seen
    believed = visible(positive, mass)
    of_position, of_velocity, covariance = innovation.gain(
        covariance, positive["noise"] ** 2 / (believed + 1e-9)
    )
    expected = place
    if clear is not None:
        # Of what the scene hides in part, the middle of the rest.
        showing = covers(positive, predicted, shape) * clear
        ones = jnp.concatenate([jnp.ones((clear.shape[0], 1)), discs.pixels(*shape)], axis=-1)
        expected = middle(jnp.einsum("...kp,pc->...kc", showing, ones), place)
    rough = middle(seen, place) - expected
    fine = innovation.refine(
        place + of_position[..., None] * rough,
        alive,
        believed,
        frame.part,
        clear,
        shape=shape,
        radius=positive["radius"],
        edge=positive["edge"] + (SHARP if config.hard else SOFT) / shape[0],
        damping=positive["damping"],
        compete=config.compete,
    )
    moved = jnp.where(alive[..., None], fine - place, 0)
    if config.prior == "rest":
        # As if its speed had never been seen.
        still = jnp.stack([covariance[..., 0], 0 * mass, jnp.full_like(mass, UNSURE_SPEED**2)], -1)
        return predicted.replace(position=place + moved), still, mass, seen
    ratio = of_velocity / jnp.maximum(of_position, 1e-3)
    corrected = predicted.replace(
        position=place + moved, velocity=predicted.velocity + ratio[..., None] * moved
    )
    return corrected, covariance, mass, seen


def births(
    positive: dict[str, Array], config: Objects, p: Particles, frame: Evidence
) -> tuple[Array, Array, Array, Array]:
    """Places [..., K, 2] for the newborn, which particles these are [..., K], their covariance,
    and what nobody owns of what is seen."""
    grown = {**positive, "radius": OWNED * positive["radius"]}
    owned = jnp.minimum(jnp.sum(covers(grown, p, frame.shape), axis=-2), 1)
    left = jax.lax.stop_gradient(1 - owned)
    place, found = innovation.peaks(
        jax.lax.stop_gradient(frame.weight) * left,
        config.count,
        shape=frame.shape,
        blur=HILL * jax.lax.stop_gradient(positive["radius"]),
        least=LEAST_HILL,
    )
    # The n-th free place takes the n-th highest hill.
    order = jnp.maximum(jnp.cumsum(~p.alive, axis=-1) - 1, 0)
    place = jnp.take_along_axis(place, order[..., None], axis=-2)
    new = ~p.alive & jnp.take_along_axis(found, order, axis=-1)
    noise = positive["noise"] ** 2
    covariance = jnp.stack([noise, jnp.zeros_like(noise), jnp.full_like(noise, UNSURE_SPEED**2)])
    return place, new, covariance, frame.seen * left[..., None]


def touching(positive: dict[str, Array], position: Array, alive: Array) -> Array:
    """How far each pair touches, [..., K, K] in [0, 1]."""
    square = _squares(position)
    near = jax.nn.sigmoid((BESIDE - square / positive["diameter"] ** 2) / BLUNT)
    others = alive[..., :, None] & alive[..., None, :] & ~jnp.eye(alive.shape[-1], dtype=bool)
    return jnp.where(others, near, 0)


def remember(
    memory: dict[str, Array],
    news: Array,
    usual: Array,
    kept: Array,
    met: Array,
    alive: Array,
    believed: Array,
) -> tuple[Array, Array]:
    """The memory [..., K, M] after what each saw, and what those it meets know.

    Only what happens is written: the gates see what is not as usual, and whom a thing did not
    touch before. While nothing happens they are shut, so that what is kept neither fades nor
    counts frames, however long that lasts.

    Args:
        memory: parameters.
        news: [..., K, N] what each looks like.
        usual: [..., K, N] what it looked like of late.
        kept: [..., K, M] the memory before.
        met: [..., K, K] how far each pair began to touch.
        alive: [..., K].
        believed: [..., K] how far what each sees is believed.

    Returns:
        memory, and how far the gates of the living were open [...], in [0, 1].
    """
    own = jnp.concatenate([news, kept], axis=-1)
    heard = jnp.einsum("...ij,...jm->...im", met, own)
    meets = jnp.minimum(jnp.sum(met, axis=-1, keepdims=True), 1)
    # What is kept has a say in what is written when others are met: the second to come is not
    # the first.
    events = jnp.concatenate([news - usual, heard, meets * kept], axis=-1)
    bias = LATCH - jax.nn.softplus(memory["gate_bias"])
    gate = jax.nn.sigmoid(events @ memory["gate"] + bias)
    gate = jnp.maximum(gate - SHUT, 0) / (1 - SHUT) * believed[..., None]
    value = jnp.concatenate([own, heard], axis=-1) @ memory["value"] + memory["value_bias"]
    opened = masked_mean(jnp.mean(gate, axis=-1), alive, axis=-1)
    return kept + gate * (jnp.tanh(value) - kept), opened
