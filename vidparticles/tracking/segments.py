"""Objects by common fate (Wertheimer 1923): particles that move together, apart from the camera.

A particle is apart when the motion that most of the picture shares (`camera.py`) does not carry
it; that is averaged over a moment, so that neither one bad match nor a short halt decides.
Those apart that lie near each other and move alike are one group, directly or through others
between them. A group keeps its number as long as the larger part of its particles do; what is
born beside a group is presumed of it until its own motion has been seen.

`start` and `step` stream, `follow` does a whole clip, `region` says which places of a dense
field of motion go with which group.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.flow.camera import NARROW, Similarity, camera_motion
from vidparticles.numerics import masked_mean, safe_norm
from vidparticles.particles import Particles
from vidparticles.tracking.points.tracker import Tracks

DRIFT = 0.05  # frame heights per second off the camera's motion that count as none,
PARALLAX = 0.1  # and more by this share of that motion: near and far do not move alike in it
WIDER = (4.0, 3.0, 2.0, 1.5, 1.0, 1.0)  # times as much is let pass, a round of fitting perspective
RIDGE = 1e-2  # that it does not follow a few particles
MEMORY = 0.15  # seconds over which being apart is averaged
ENTER, LEAVE = 0.75, 0.4  # share apart from which a particle may join, and below which it leaves
REACH = 0.15  # frame heights within which particles hold together
ALIKE = 0.5  # difference of velocities, over the greater of the two, at which they still do
SMALLEST = 3  # particles of a new group, at least


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Groups:
    """Who belongs together.

    Attributes:
        label: [N] int32, 0 for the background and the dead; a new group takes the number
            after the last that was given.
        apart: [N] in [0, 1], share of the last moment in which it moved on its own.
        camera: the motion of the background since the frame before.
        identity: [N] int32, whose these are.
        position: [N, 2] frame heights.
        alive: [N] bool.
        looked: [N] bool, its own motion has been seen.
        newest: int32, the last number given.
        time: seconds.
        passed: seconds since the frame before.
    """

    label: Array
    apart: Array
    camera: Similarity
    identity: Array
    position: Array
    alive: Array
    looked: Array
    newest: Array
    time: Array
    passed: Array


def start(count: int) -> Groups:
    """Before the first frame: all belong to the background.

    Args:
        count: places for particles.
    """
    return Groups(
        label=jnp.zeros(count, jnp.int32),
        apart=jnp.zeros(count, jnp.float32),
        camera=Similarity(jnp.asarray([1.0, 0.0]), jnp.zeros(2)),
        identity=jnp.full(count, -1, jnp.int32),
        position=jnp.zeros((count, 2), jnp.float32),
        alive=jnp.zeros(count, bool),
        looked=jnp.zeros(count, bool),
        newest=jnp.zeros((), jnp.int32),
        time=jnp.zeros((), jnp.float32),
        passed=jnp.zeros((), jnp.float32),
    )


@jax.jit
def step(groups: Groups, points: Particles, identity: Array, time: Array | float) -> Groups:
    """The groups at the next frame.

    Args:
        groups: from `start` or `step`.
        points: [N, ·] particles at the new frame, as from `tracks.step`.
        identity: [N] int32; a place that holds another particle starts anew.
        time: seconds, not before that of `groups`.

    Returns:
        The groups at the new frame. Memory is O(N²).

    Example:
        >>> from vidparticles.particles import particles
        >>> xy = jax.random.uniform(jax.random.key(0), (60, 2)).at[:12].multiply(0.2)
        >>> apart = jnp.zeros((60, 2)).at[:12].set(0.3)
        >>> groups = start(60)
        >>> for time in (0.0, 0.1):
        ...     groups = step(groups, particles(xy + time * apart), jnp.arange(60), time)
        >>> groups.label.tolist() == [1] * 12 + [0] * 48
        True
    """
    time = jnp.asarray(time, jnp.float32)
    known = (identity >= 0) & (identity == groups.identity)
    label = jnp.where(known, groups.label, 0)
    seen = points.alive & known & groups.alive
    passed = jnp.maximum(time - groups.time, 1e-6)
    position = jnp.where(points.alive[:, None], points.position, 0)
    camera, own, drift = _against(groups.position, position, seen, passed)
    vote = 1 / (1 + (safe_norm(own) / drift) ** 2) ** 2

    # A first look decides; then it takes a moment to change.
    fading = jnp.where(known & groups.looked, jnp.exp(-passed / MEMORY), 0)
    apart = jnp.where(known, groups.apart, 0)
    apart = jnp.where(seen, 1 - vote + fading * (apart + vote - 1), apart)
    mover = seen & (apart > jnp.where(label > 0, LEAVE, ENTER))
    square = jnp.sum((position[:, None] - position) ** 2, -1)
    first = _components(_held(square, own, drift) & mover[:, None] & mover)
    label, newest = _named(first, label, mover, groups.newest)

    # What is not seen keeps its number while it is looked for; what is new has its neighbor's.
    reach = jnp.where(seen & (square < REACH**2), square, jnp.inf)
    beside = jnp.argmin(reach, axis=1)
    lent = points.alive & ~known & jnp.isfinite(jnp.min(reach, axis=1))
    kept = known & ~seen
    label = jnp.where(kept, groups.label, jnp.where(lent, label[beside], label))
    return Groups(
        label=jnp.where(identity >= 0, label, 0),
        apart=jnp.where(lent, apart[beside], apart),
        camera=camera,
        identity=identity,
        position=position,
        alive=points.alive,
        looked=seen | (known & groups.looked),
        newest=newest,
        time=time,
        passed=passed,
    )


def _against(
    before: Array, after: Array, seen: Array, passed: Array
) -> tuple[Similarity, Array, Array]:
    """The camera's motion, velocities [N, 2] against it, and those that count as none.

    The faster the camera, the less its picture moves as one, and the more is let pass.
    """
    moved = jnp.where(seen[:, None], after - before, jnp.nan)
    common = safe_norm(jnp.nan_to_num(jnp.nanmedian(moved, axis=0)))
    slack = DRIFT * passed + PARALLAX * common
    # In units in which the slack is what the votes about the camera let pass.
    unit = NARROW / slack
    camera, _ = camera_motion(unit * before, unit * after, seen)
    camera = Similarity(camera.turn, camera.shift / unit)
    off = jnp.where(seen[:, None], after - camera(before), 0)
    # What slopes and curves over the frame is perspective.
    middle = masked_mean(before, seen[:, None], axis=0)
    x, y = jnp.moveaxis(before - middle, -1, 0)
    basis = jnp.stack([jnp.ones_like(x), x, y, x * x, x * y, y * y], -1)

    def again(rest: Array, wide: Array) -> tuple[Array, None]:
        weight = jnp.where(seen, 1 / (1 + jnp.sum(rest**2, -1) / (wide * slack) ** 2) ** 2, 0)
        normal = (weight[:, None] * basis).T @ basis + RIDGE * jnp.eye(6)
        return off - basis @ jnp.linalg.solve(normal, (weight[:, None] * basis).T @ off), None

    off, _ = jax.lax.scan(again, off, jnp.asarray(WIDER))
    off = jnp.where(seen[:, None], off, 0)
    return camera, off / passed, slack / passed


def _held(square: Array, velocity: Array, drift: Array) -> Array:
    """Which pairs [N, N] are near, squared distances given, and move alike."""
    speed = safe_norm(velocity)
    differ = safe_norm(velocity[:, None] - velocity)
    alike = differ < drift + ALIKE * jnp.maximum(speed[:, None], speed)
    return (square < REACH**2) & alike


def _components(joined: Array) -> Array:
    """The first member [N] of the connected part that each belongs to; itself if alone.

    The least index is handed on to neighbors, and then to all that point there, which takes
    a logarithm of the length of the longest chain.
    """
    count = len(joined)
    own = jnp.arange(count)

    def spread(item: tuple[Array, Array]) -> tuple[Array, Array]:
        first, _ = item
        least = jnp.min(jnp.where(joined, first, count), axis=1)
        new = jnp.minimum(first, least)
        # Whom I pointed to learns of what I found, and I of what it did.
        new = new.at[first].min(new)
        new = new[new]
        return new, jnp.any(new != first)

    return jax.lax.while_loop(lambda item: item[1], spread, (own, jnp.asarray(True)))[0]


def _named(first: Array, label: Array, mover: Array, newest: Array) -> tuple[Array, Array]:
    """Numbers [N] for components, carried over by most of their members, and the newest.

    Args:
        first: [N] the first member of the component of each.
        label: [N] what each was before.
        mover: [N] bool; the others are background.
        newest: the last number given.
    """
    count = len(first)
    together = (first[:, None] == first) & mover[:, None] & mover
    same = (label[:, None] == label) & (label > 0)
    votes = jnp.sum(together & same, axis=1) * (label > 0)
    size = jnp.sum(together, axis=1)
    # The number that most of a component bear; of equals, the oldest.
    most = jnp.zeros(count, jnp.int32).at[first].max(jnp.where(mover, votes, 0))[first]
    none = jnp.iinfo(jnp.int32).max
    claim = jnp.where(mover & (votes == most) & (most > 0), label, none)
    claim = jnp.full(count, none).at[first].min(claim)[first]
    # If a group fell apart, its largest part keeps the number.
    rival = (claim[:, None] == claim) & mover & (first[:, None] != first)
    stronger = (most > most[:, None]) | ((most == most[:, None]) & (first < first[:, None]))
    keeps = mover & (claim < none) & ~jnp.any(rival & stronger, axis=1)
    begins = mover & ~keeps & (size >= SMALLEST)
    heads = begins & (first == jnp.arange(count))
    given = newest + jnp.cumsum(heads, dtype=jnp.int32)
    named = jnp.where(keeps, claim, jnp.where(begins, given[first], 0))
    return named, newest + jnp.sum(heads, dtype=jnp.int32)


def follow(tracks: Tracks) -> Array:
    """The groups of a tracked clip.

    Args:
        tracks: of one clip, from `tracks.follow`.

    Returns:
        label [T, N] int32: 0 for the background; a number belongs to one group throughout.
    """
    points, time = tracks.trajectory.particles, tracks.trajectory.time

    def advance(groups: Groups, item: tuple[Particles, Array, Array]) -> tuple[Groups, Array]:
        groups = step(groups, *item)
        return groups, groups.label

    begun = start(points.position.shape[-2])
    return jax.lax.scan(advance, begun, (points, tracks.identity, time))[1]


def region(groups: Groups, points: Particles, place: Array, velocity: Array) -> Array:
    """Which group carries each place of a field of motion.

    A place goes with the nearest grouped particle, if one is within reach and the motion seen
    there is more like that particle's than like the camera's.

    Args:
        groups: from `step`.
        points: [N, ·] the particles that were given to it.
        place: [..., 2] frame heights.
        velocity: [..., 2] of the picture there, frame heights per second.

    Returns:
        label [...] int32, 0 for the background.
    """
    member = points.alive & (groups.label > 0)
    off = jnp.where(member[:, None], points.position, jnp.inf)
    flat, seen = place.reshape(-1, 2), velocity.reshape(-1, 2)
    square = sum((flat[:, None, k] - off[:, k]) ** 2 for k in (0, 1))
    nearest = jnp.argmin(square, axis=1)
    near = jnp.min(square, axis=1) < REACH**2
    still = (flat - groups.camera.inverse()(flat)) / groups.passed
    with_it = safe_norm(seen - points.velocity[nearest])
    label = jnp.where(near & (with_it < safe_norm(seen - still)), groups.label[nearest], 0)
    return label.reshape(place.shape[:-1])
