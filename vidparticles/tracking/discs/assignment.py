"""Which part of a frame belongs to which object, and where objects therefore are.

- `assign`: cells go to objects in competition; the middle of what an object was assigned is where
  it roughly is. It reaches far, but cannot part objects that overlap.
- `fit`: discs are drawn where objects are thought to be and moved to where the drawing fits the
  foreground, all at once; what lies inside of two discs says nothing of either.

Lengths are in frame heights.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from vidparticles.image.discs import inside, offsets, square_distance
from vidparticles.image.linear import solve_2x2
from vidparticles.tracking.discs.foreground import MASS, POSITION


@dataclasses.dataclass(frozen=True)
class AssignmentConfig:
    """How cells are shared out and discs are fitted.

    Attributes:
        least: cells of foreground below which there is no middle of them.
        rounds: of fitting.
        leap: frame heights that a round moves an object along x or y, at most.
        soft_rim: cells that the rims of discs are widened by to be fitted to the weights of cells.
        rigid_rim: the same, to be fitted to the part of a cell that rigid discs cover.
    """

    least: float = 1e-3
    rounds: int = 2
    leap: float = 0.05
    soft_rim: float = 1 / 3
    rigid_rim: float = 0.1


DEFAULT = AssignmentConfig()


def assign(
    position: Array,
    alive: Array,
    appearance: Array,
    appearance_weight: Array,
    cell_appearance: Array,
    statistics: Array,
    *,
    shape: tuple[int, int],
    width: Array,
    reach: Array,
) -> Array:
    """What each object observes when all compete for the cells, with the background as one more.

    A cell's share for an object is a softmax over objects of −d² / 2 w² − λ |a − q|², and of
    −reach² / 2 for none: flat within so many widths, split half way between two.

    Args:
        position: [..., K, 2].
        alive: [..., K]; the inactive get nothing.
        appearance: a, [..., K, L] by which an object is told apart.
        appearance_weight: λ ≥ 0, [..., K] how much of it counts.
        cell_appearance: q, [..., P, L] of the cells.
        statistics: [..., P, C] what is summed, times the weight of the foreground.
        shape: rows and columns of cells.
        width: w, [..., K].
        reach: of an object against none, in widths.

    Returns:
        [..., K, C], the sum over cells of share times statistics.
    """
    score = -0.5 * square_distance(position, *shape) / (width * width)[..., None]
    cross = jnp.einsum("...kl,...pl->...kp", appearance, cell_appearance)
    own = jnp.sum(appearance * appearance, axis=-1)[..., None]
    theirs = jnp.sum(cell_appearance * cell_appearance, axis=-1)[..., None, :]
    score = score - appearance_weight[..., None] * (own + theirs - 2 * cross)
    score = jnp.where(alive[..., None], score + 0.5 * reach * reach, -1e9)
    top = jax.lax.stop_gradient(jnp.maximum(jnp.max(score, axis=-2, keepdims=True), 0))
    share = jnp.exp(score - top)
    share = share / (jnp.sum(share, axis=-2, keepdims=True) + jnp.exp(-top))
    return jnp.einsum("...kp,...pc->...kc", share, statistics)


def centroid(statistics: Array, otherwise: Array, *, least: float = DEFAULT.least) -> Array:
    """The middle [..., K, 2] of what was assigned [..., K, C]; `otherwise` where nothing was."""
    weight = statistics[..., MASS] + least
    return (statistics[..., POSITION] + least * otherwise) / weight


def fit(
    position: Array,
    alive: Array,
    visible: Array,
    coverage: Array,
    clear: Array | None,
    *,
    shape: tuple[int, int],
    radius: Array,
    edge: ArrayLike,
    damping: ArrayLike,
    config: AssignmentConfig = DEFAULT,
) -> Array:
    """Positions moved to where discs drawn at them fit the foreground.

    Damped Gauss–Newton steps (Levenberg, Quart. Appl. Math. 2, 1944) on Σ (e − c U)², where
    U = 1 − Π (1 − cover) is what discs cover together, one 2 × 2 system an object.

    Args:
        position: [..., K, 2].
        alive: [..., K].
        visible: [..., K] in [0, 1], how much of a step each takes.
        coverage: e, [..., P] of the foreground.
        clear: c, [..., P] how far the scene lets objects be seen, or None, everywhere.
        shape: rows and columns of cells.
        radius: of the discs.
        edge: width of their rims.
        damping: > 0, in units of the system's.
        config: of fitting.

    Returns:
        [..., K, 2].
    """
    cell = 1 / shape[0] ** 2
    active = alive[..., None]
    clear = jnp.ones_like(coverage) if clear is None else clear

    # Unrolled: as a loop it is four times slower on a CPU.
    for _ in range(config.rounds):
        dx, dy = offsets(position, *shape)
        depth = inside(dx * dx + dy * dy, radius, edge)
        covers = jnp.where(active, jax.nn.sigmoid(depth), 0)
        bare = jnp.where(active, -jax.nn.softplus(depth), 0)  # log (1 − cover)
        total = jnp.sum(bare, axis=-2, keepdims=True)
        residual = coverage[..., None, :] - clear[..., None, :] * (1 - jnp.exp(total))
        # d c U / d position = slope · offset
        slope = clear[..., None, :] * covers * (1 - covers) * jnp.exp(total - bare)
        slope = slope / (radius * edge)
        x, y = slope * dx, slope * dy
        px, py = (jnp.sum(a * residual, -1) * cell for a in (x, y))
        xx, yy = (jnp.sum(a * a, -1) * cell + damping for a in (x, y))
        xy = jnp.sum(x * y, -1) * cell
        step = jnp.stack(solve_2x2((xx, xy, yy), (px, py)), axis=-1)
        step = jnp.clip(step, -config.leap, config.leap)
        position = position + jnp.where(active, visible[..., None] * step, 0)
    return position
