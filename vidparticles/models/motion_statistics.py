"""Statistics of tracked points: how a clip moves, whatever it shows.

From each frame to the next come *signals* over the points that are seen in both: how fast they
go against the camera, how they speed up and turn, how springs between neighbors are strained,
how far the moving ones go one way, how many are lost. A clip's features are statistics of the
signals over its time. None tells where in the picture something is or which way it goes; how
the camera moves is told by signals of its own alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles import dynamics
from vidparticles.dynamics.neighbors import nearest_neighbors
from vidparticles.flow.camera import camera_motion
from vidparticles.numerics import safe_divide, safe_norm
from vidparticles.particles import Trajectory

BONDS = 4  # springs of a point
SLOW = 0.05  # frame heights per second at which a point counts half as moving
SPEEDS = 0.05, 0.15, 0.4  # frame heights per second, whose excess is counted
QUANTILES = 0.5, 0.75, 0.9, 0.97  # of speed over the points of a frame
SECTORS = 8  # of direction, the first around the x axis
NEAREST = 0.01  # frame heights, the least length that strain is measured against

# signal → the value that is small for it, where it is spread over decades: then its logarithm
# is what statistics are taken of.
SIGNALS: dict[str, float | None] = {
    "speed": 0.01,
    "speed_rms": 0.01,
    **{f"speed_q{round(100 * q)}": 0.01 for q in QUANTILES},
    **{f"share_over_{s:g}": 0.01 for s in SPEEDS},
    "acceleration": 0.1,
    "acceleration_q90": 0.1,
    "acceleration_moving": 0.1,
    "turning": None,
    "straightness": None,
    "force": 0.01,
    "force_moving": 0.01,
    "strain": 0.1,
    "strain_moving": 0.1,
    "shear": 0.01,
    "discord": None,
    "alignment": None,
    "direction_entropy": None,
    "extent": None,
    "expansion": None,
    "rotation": None,
    "lost": 0.05,
    "lost_speed": 0.01,
    "camera_speed": 0.005,
    "camera_zoom": 0.005,
}
STATISTICS = "mean", "deviation", "low", "high", "change"
NAMES = tuple(f"{signal} {statistic}" for signal in SIGNALS for statistic in STATISTICS)


def _mean(x: Array, weight: Array) -> Array:
    """Weighted mean over all axes but the first; 0 where nothing weighs."""
    axes = tuple(range(1, x.ndim))
    return safe_divide(jnp.sum(weight * x, axes), jnp.sum(weight, axes))


def _quantile(x: Array, among: Array, q: float) -> Array:
    """Quantile over the last axis, 0 where it holds nothing."""
    return jnp.nan_to_num(jnp.nanquantile(jnp.where(among, x, jnp.nan), q, axis=-1))


def signals(trajectory: Trajectory) -> tuple[dict[str, Array], Array]:
    """How the points move from each moment to the next.

    Args:
        trajectory: tracked points, fields [T, N, ·], T ≥ 3, N > `BONDS`; frame heights, seconds.
            An unbroken run of `alive` is one point.

    Returns:
        The signals, each [T − 2], at the moments with one before and one after; and bool
        [T − 2], false where no point is seen in all three.

        `speed`, against the camera, has mean, root of the mean square, quantiles and the shares
        over `SPEEDS`; so has `acceleration`, its change. A point moves as far as
        m = v² / (v² + SLOW²). `turning` is Σ|Δv| / Σ|v|; `straightness` the cosine between
        successive velocities; `force`, per second, what springs of stiffness 1 between nearest
        neighbors, relaxed before, exert after; `strain` their relative change of length per
        second; `shear` the difference of neighbors' velocities, and `discord` that over the
        sum of their speeds. `alignment` is |Σ m v| / Σ m |v|; `direction_entropy` that of the
        directions, 0 … 1; `extent` how far the moving are spread; `expansion` and `rotation`
        how far they go apart and around their center. `lost` is the share of points lost per
        second and `lost_speed` how fast they were; `camera_speed` and `camera_zoom` are per
        second.
    """
    points, time = trajectory.particles, trajectory.time
    alive = points.alive
    dt = jnp.diff(time)
    both = alive[1:] & alive[:-1]
    before, after = (jnp.where(both[..., None], x, 0) for x in _pairs(points.position))
    camera, _ = camera_motion(before, after, both)
    carried = jnp.where(both[..., None], camera(before), 0)
    velocity = jnp.where(both[..., None], after - carried, 0) / dt[:, None, None]
    speed = safe_norm(velocity)
    moving = both * speed**2 / (speed**2 + SLOW**2)

    # Over one step.
    step: dict[str, Array] = {
        "speed": _mean(speed, both),
        "speed_rms": jnp.sqrt(_mean(speed**2, both)),
        **{f"speed_q{round(100 * q)}": _quantile(speed, both, q) for q in QUANTILES},
        **{f"share_over_{s:g}": _mean(speed > s, both) for s in SPEEDS},
        **_springs(before, after, both, velocity, moving, dt),
        **_group(before, velocity, moving),
    }
    middle = jnp.sum(both[..., None] * before, 1) / jnp.maximum(both.sum(-1), 1)[:, None]
    drift = safe_norm(camera(middle[:, None])[:, 0] - middle)
    step["camera_speed"] = drift / dt
    step["camera_zoom"] = jnp.abs(camera.scale - 1) / dt

    # Over two.
    seen = both[1:] & both[:-1]
    apart = (dt[1:] + dt[:-1]) / 2
    turned = safe_norm(velocity[1:] - velocity[:-1])
    acceleration = turned / apart[:, None]
    still_moving = seen * (moving[1:] + moving[:-1]) / 2
    cosine = safe_divide(jnp.sum(velocity[1:] * velocity[:-1], -1), speed[1:] * speed[:-1])
    gone = both[:-1] & ~alive[2:]
    found = {
        **{name: signal[1:] for name, signal in step.items()},
        "acceleration": _mean(acceleration, seen),
        "acceleration_q90": _quantile(acceleration, seen, 0.9),
        "acceleration_moving": _mean(acceleration, still_moving),
        "turning": safe_divide(
            jnp.sum(seen * turned, -1), jnp.sum(seen * (speed[1:] + speed[:-1]) / 2, -1)
        ),
        "straightness": _mean(cosine, still_moving),
        "lost": _mean(gone, both[:-1]) / dt[1:],
        "lost_speed": _mean(speed[:-1], gone),
    }
    return found, seen.any(-1)


def _pairs(x: Array) -> tuple[Array, Array]:
    return x[:-1], x[1:]


def _springs(
    before: Array, after: Array, both: Array, velocity: Array, moving: Array, dt: Array
) -> dict[str, Array]:
    """Signals of neighbors [T − 1], from positions before and after [T − 1, N, 2]."""
    neighbor, bonded = nearest_neighbors(before, both, k=BONDS)
    beside = jax.vmap(lambda x, index: x[index])

    def lengths(x: Array) -> Array:
        return safe_norm(x[:, :, None] - beside(x, neighbor))

    rest, now = lengths(before), lengths(after)
    pull = dynamics.bonds(dynamics.spring, dynamics.free()[0], stiffness=1.0)
    force = pull(after, alive=both, index=neighbor, bonded=bonded, length=rest)
    force = safe_norm(force) / dt[:, None]
    strain = jnp.abs(now - rest) / jnp.maximum(rest, NEAREST) / dt[:, None, None]
    shear = safe_norm(velocity[:, :, None] - beside(velocity, neighbor))
    speed = safe_norm(velocity)
    pair_moving = bonded * (moving[..., None] + beside(moving, neighbor)) / 2
    pair_speed = speed[..., None] + beside(speed, neighbor)
    return {
        "force": _mean(force, both),
        "force_moving": _mean(force, moving),
        "strain": _mean(strain, bonded),
        "strain_moving": _mean(strain, pair_moving),
        "shear": _mean(shear, bonded),
        "discord": safe_divide(
            jnp.sum(pair_moving * shear, (1, 2)), jnp.sum(pair_moving * pair_speed, (1, 2))
        ),
    }


def _group(position: Array, velocity: Array, moving: Array) -> dict[str, Array]:
    """Signals of what moves as one group [T − 1], from positions and velocities [T − 1, N, 2]."""
    flow = moving * safe_norm(velocity)
    total = jnp.sum(flow, -1)
    center = safe_divide(jnp.sum(flow[..., None] * position, 1), total[:, None])
    arm = position - center[:, None]
    swept = jnp.sum(flow * safe_norm(arm), -1)
    cross = arm[..., 0] * velocity[..., 1] - arm[..., 1] * velocity[..., 0]
    turns = jnp.arctan2(velocity[..., 1], velocity[..., 0]) / (2 * jnp.pi) % 1
    sector = jnp.round(turns * SECTORS).astype(jnp.int32) % SECTORS
    share = jnp.sum(jax.nn.one_hot(sector, SECTORS) * flow[..., None], 1)
    share = safe_divide(share, total[:, None])
    logarithm = jnp.log(jnp.where(share > 0, share, 1))
    return {
        "alignment": safe_divide(safe_norm(jnp.sum(moving[..., None] * velocity, 1)), total),
        "direction_entropy": -jnp.sum(share * logarithm, -1) / jnp.log(SECTORS),
        "extent": jnp.sqrt(_mean(jnp.sum(arm**2, -1), flow)),
        "expansion": safe_divide(jnp.sum(moving * jnp.sum(arm * velocity, -1), -1), swept),
        "rotation": safe_divide(jnp.abs(jnp.sum(moving * cross, -1)), swept),
    }


# statistic → of a signal [T] where it is valid [T] and NaN elsewhere
_OVER_TIME: dict[str, Callable[[Array], Array]] = {
    "mean": jnp.nanmean,
    "deviation": jnp.nanstd,
    "low": functools.partial(jnp.nanquantile, q=0.1),
    "high": functools.partial(jnp.nanquantile, q=0.9),
    "change": lambda x: jnp.nanmean(jnp.abs(jnp.diff(x))),
}


@jax.jit
def motion_statistics(trajectory: Trajectory) -> Array:
    """How a clip moves, as numbers a classifier can be fitted to.

    Args:
        trajectory: tracked points, fields [..., T, N, ·], T ≥ 3, N > `BONDS`; leading axes are
            clips. Moments at the end in which nothing is alive count for nothing.

    Returns:
        [..., F] the features that `NAMES` names; of the signals that span decades, in the
        logarithm. They stay the same when all points are shifted, mirrored or permuted, and
        but for those of the camera when the camera moves. All are finite; a clip of which
        nothing is seen has zeros.

    Raises:
        ValueError: fewer than 3 moments, or too few places for particles.

    Example:
        >>> from vidparticles.particles import particles
        >>> place = jax.random.uniform(jax.random.key(0), (9, 2))
        >>> still = Trajectory(particles(jnp.stack([place] * 4)), jnp.arange(4) / 25)
        >>> speed = motion_statistics(still)[NAMES.index("speed mean")]  # log(0 + 0.01)
        >>> round(float(speed), 1)
        -4.6
    """
    count, moments = trajectory.particles.count, trajectory.time.shape[-1]
    if moments < 3 or count <= BONDS:
        raise ValueError(
            f"the trajectory has {moments} moments of {count} particles; expected at least 3 "
            f"of {BONDS + 1}."
        )
    if trajectory.time.ndim > 1:
        return jax.lax.map(motion_statistics, trajectory)
    found, valid = signals(trajectory)
    features = []
    for name, small in SIGNALS.items():
        signal = found[name] if small is None else jnp.log(found[name] + small)
        signal = jnp.where(valid, signal, jnp.nan)
        features += [_OVER_TIME[statistic](signal) for statistic in STATISTICS]
    return jnp.nan_to_num(jnp.stack(features))
