"""How two things move and meet: the trajectories behind the embedded video set.

A class is a law of motion. The separation r = x₁ − x₂ of two digits obeys r″ = a(r, r′):

====== ==================================================================
pass   a = 0: they cross straight through each other
bounce stiff spring while nearer than a diameter: they hit and recoil
avoid  a = + k r/|r|²: they repel, and turn away before touching
orbit  a = − k r/|r|²: they circle each other
stick  a damped spring from first contact on: they meet and go on together
chase  one follows, a moment later, the path that the other took
====== ==================================================================

and their center of mass drifts. Everything else (start, direction, speed, size, time of
meeting, mass ratio, who is who) is drawn in the same way for all, and the ranges below
are chosen so that a single frame, which shows a separation but not its change, tells
little of the class. Plain numpy: points of the plane are complex numbers, x + i y.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable

import numpy as np

CLASSES = ("avoid", "bounce", "chase", "orbit", "pass", "stick")
SUBSTEPS = 6

Law = Callable[[complex, complex], complex]


def trajectory(
    rng: np.random.Generator, label: str, *, times: np.ndarray, contact: float, margin: float
) -> np.ndarray:
    """Centers of the two digits of one clip of a class.

    Args:
        rng: where all randomness comes from.
        label: one of CLASSES.
        times: [T] seconds, evenly spaced from 0.
        contact: distance between centers at which the digits touch, in frame heights.
        margin: how far from the frame's edge a center stays, in frame heights.

    Returns:
        [T, 2, 2] (time, digit, xy) in frame heights, inside the unit square less the margin.

    Example:
        >>> t = np.arange(48) / 24
        >>> x = trajectory(np.random.default_rng(0), "orbit", times=t, contact=0.14, margin=0.1)
        >>> x.shape, bool(x.min() >= 0.1), bool(x.max() <= 0.9)
        ((48, 2, 2), True, True)
    """
    room = 1 - 2 * margin
    turn = cmath.exp(2j * math.pi * rng.random())
    # A draw that does not fit in the frame is drawn again; about half of them fit.
    while True:
        pair = _chase(rng, times) if label == "chase" else _two_bodies(rng, label, times, contact)
        pair = pair * turn
        if rng.random() < 0.5:
            pair = pair.conj()
        low = np.array([pair.real.min(), pair.imag.min()])
        size = np.array([pair.real.max(), pair.imag.max()]) - low
        if (size <= room).all():
            break
        turn = cmath.exp(2j * math.pi * rng.random())
    offset = margin - low + rng.random(2) * (room - size)
    if rng.random() < 0.5:
        pair = pair[:, ::-1]
    return np.stack([pair.real, pair.imag], axis=-1) + offset


def _two_bodies(
    rng: np.random.Generator, label: str, times: np.ndarray, contact: float
) -> np.ndarray:
    """Two bodies from the state at their meeting, run forwards and backwards: [T, 2] complex."""
    speed = rng.uniform(0.4, 0.75)
    meeting = rng.uniform(0.15, 0.75) * times[-1]
    touch = contact * rng.uniform(0.75, 1.05)
    after: Law = _free
    before: Law = _free
    if label == "pass":
        r, v = 1j * rng.uniform(-0.6, 0.6) * contact, complex(speed)
    elif label == "bounce":
        # From deepest contact; the spring is stiff enough to let go within three frames.
        stiffness = (2 * math.pi * 6) ** 2
        depth = speed / math.sqrt(stiffness)
        r, v = complex(touch - depth), 1j * rng.uniform(-0.3, 0.3) * speed
        after = before = _soft_sphere(stiffness, touch)
    elif label == "avoid":
        nearest = contact * rng.uniform(1.35, 2.0)
        r, v = complex(nearest), 1j * rng.uniform(0.1, 0.5) * speed
        after = before = _inverse(rng.uniform(0.5, 1.0) * speed**2)
    elif label == "orbit":
        radius = contact * rng.uniform(0.9, 4.0)
        r, v = complex(radius), 1j * speed * 1.1
        # The circular orbit of this law has speed √k at every radius.
        after = before = _inverse(-(abs(v) ** 2) * rng.uniform(0.6, 1.4))
    elif label == "stick":
        r, v = complex(touch), speed * cmath.exp(1j * (math.pi + rng.uniform(-0.9, 0.9)))
        after = _bond(rng.uniform(40, 150), rng.uniform(0.5, 3.0), contact * rng.uniform(0.8, 2.0))
    else:
        raise ValueError(f"label is {label!r}; expected one of {', '.join(CLASSES)}.")
    future = _integrate(r, v, after, times[times >= meeting] - meeting)
    past = _integrate(r, -v, before, (meeting - times[times < meeting])[::-1])[::-1]
    separation = np.concatenate([past, future])
    drift = rng.uniform(0.1, 0.3) * cmath.exp(2j * math.pi * rng.random())
    share = rng.uniform(0.35, 0.65)
    center = drift * (times - meeting)
    return np.stack([center + share * separation, center - (1 - share) * separation], axis=1)


def _chase(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """A leader on a winding path and a follower a moment behind it: [T, 2] complex."""
    delay = rng.uniform(0.35, 1.3)
    speed = rng.uniform(0.26, 0.48)
    step = times[1] - times[0]
    clock = np.arange(-delay, times[-1] + step, step / SUBSTEPS)
    bend, wobble = rng.uniform(-1.6, 1.6), rng.uniform(-1.2, 1.2)
    rate, phase = rng.uniform(2.0, 5.0), rng.uniform(0, 2 * math.pi)
    heading = bend * clock + wobble * np.sin(rate * clock + phase)
    pace = speed * (1 + rng.uniform(0, 0.5) * np.sin(rng.uniform(2, 5) * clock + phase))
    path = np.cumsum(pace * np.exp(1j * heading)) * (step / SUBSTEPS)

    def at(t: np.ndarray) -> np.ndarray:
        return np.interp(t, clock, path.real) + 1j * np.interp(t, clock, path.imag)

    return np.stack([at(times), at(times - delay)], axis=1)


def _integrate(r: complex, v: complex, law: Law, times: np.ndarray) -> np.ndarray:
    """Velocity Verlet from t = 0 through increasing times ≥ 0: [T] complex separations."""
    out, now = [], 0.0
    a = law(r, v)
    for time in times:
        dt = (time - now) / SUBSTEPS
        for _ in range(SUBSTEPS):
            v += 0.5 * dt * a
            r += dt * v
            a = law(r, v)
            v += 0.5 * dt * a
        now = time
        out.append(r)
    return np.array(out, complex)


def _free(r: complex, v: complex) -> complex:
    return 0j


def _inverse(strength: float) -> Law:
    return lambda r, v: strength * r / (abs(r) ** 2 + 1e-6)


def _soft_sphere(stiffness: float, diameter: float) -> Law:
    def law(r: complex, v: complex) -> complex:
        d = abs(r)
        return stiffness * (diameter - d) * r / d if 0 < d < diameter else 0j

    return law


def _bond(stiffness: float, damping: float, length: float) -> Law:
    """A spring along the line between them, and friction in the joint."""

    def law(r: complex, v: complex) -> complex:
        d = max(abs(r), 1e-6)
        along = (v * r.conjugate()).real / d
        return (stiffness * (length - d) - damping * along) * r / d

    return law
