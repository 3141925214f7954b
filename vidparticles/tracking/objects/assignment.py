"""How particles are corrected by a frame, as in a filter: by what they see against what they
should see.

Each particle carries a position, a velocity and how sure it is of them. Two looks correct it:

- `claim`: cells go to particles in competition; the middle of what a particle got is where it
  roughly is. It reaches far, but cannot part things that overlap.
- `refine`: discs are drawn where particles are thought to be and moved to where the drawing
  fits the evidence, all at once; what lies inside of two discs says nothing of either.

`gain` says how much of the difference is believed. Lengths are in frame heights, times in frames.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from vidparticles.image.discs import inside, offsets, square_distance
from vidparticles.image.linear import solve_2x2

ROUNDS = 2  # of refining
LEAP = 0.05  # the most that a round moves a particle
FAINTEST = 1e-3  # cells of evidence below which there is no middle


def claim(
    position: Array,
    alive: Array,
    look: Array,
    likeness: Array,
    evidence_look: Array,
    seen: Array,
    *,
    shape: tuple[int, int],
    width: Array,
    reach: Array,
    compete: bool = True,
) -> Array:
    """What each particle sees when all compete for the cells, with the background as one more.

    A cell's share for a particle is a softmax over particles of −d² / 2 w² − λ |look − q|², and of
    −reach² / 2 for nobody: flat within so many widths, split half way between two.

    Args:
        position: [..., K, 2].
        alive: [..., K]; the dead claim nothing.
        look: [..., K, L] by which a particle is told apart.
        likeness: λ ≥ 0, [..., K] how much of it counts.
        evidence_look: [..., P, L] of the cells.
        seen: [..., P, C] what is summed, times the weight of the evidence.
        shape: rows and columns of cells.
        width: w, [..., K].
        reach: of a particle against nobody, in widths.
        compete: whether with the others too.

    Returns:
        [..., K, C], the sum over cells of share times seen.
    """
    score = -0.5 * square_distance(position, *shape) / (width * width)[..., None]
    cross = jnp.einsum("...kl,...pl->...kp", look, evidence_look)
    own = jnp.sum(look * look, axis=-1)[..., None]
    theirs = jnp.sum(evidence_look * evidence_look, axis=-1)[..., None, :]
    score = score - likeness[..., None] * (own + theirs - 2 * cross)
    score = jnp.where(alive[..., None], score + 0.5 * reach * reach, -1e9)
    if not compete:
        return jnp.einsum("...kp,...pc->...kc", jax.nn.sigmoid(score), seen)
    top = jax.lax.stop_gradient(jnp.maximum(jnp.max(score, axis=-2, keepdims=True), 0))
    share = jnp.exp(score - top)
    share = share / (jnp.sum(share, axis=-2, keepdims=True) + jnp.exp(-top))
    return jnp.einsum("...kp,...pc->...kc", share, seen)


def refine(
    position: Array,
    alive: Array,
    believed: Array,
    weight: Array,
    clear: Array | None,
    *,
    shape: tuple[int, int],
    radius: Array,
    edge: ArrayLike,
    damping: ArrayLike,
    compete: bool = True,
) -> Array:
    """Positions moved to where discs drawn at them fit the evidence.

    Damped Gauss–Newton steps (Levenberg, Quart. Appl. Math. 2, 1944) on Σ (e − c U)², where
    U = 1 − Π (1 − cover) is what discs cover together, one 2 × 2 system a particle.

    Args:
        position: [..., K, 2].
        alive: [..., K].
        believed: [..., K] in [0, 1], how much of a step each takes.
        weight: e, [..., P] of the evidence.
        clear: c, [..., P] how far the scene lets things be seen, or None, everywhere.
        shape: rows and columns of cells.
        radius: of the discs.
        edge: width of their rims.
        damping: > 0, in units of the system's.
        compete: whether discs cover together; else each is fitted as if it were alone.

    Returns:
        [..., K, 2].
    """
    cell = 1 / shape[0] ** 2
    living = alive[..., None]
    clear = jnp.ones_like(weight) if clear is None else clear

    # Unrolled: as a loop it is four times slower on a CPU.
    for _ in range(ROUNDS):
        dx, dy = offsets(position, *shape)
        depth = inside(dx * dx + dy * dy, radius, edge)
        covers = jnp.where(living, jax.nn.sigmoid(depth), 0)
        bare = jnp.where(living, -jax.nn.softplus(depth), 0)  # log (1 − cover)
        total = jnp.sum(bare, axis=-2, keepdims=True) if compete else bare
        residual = weight[..., None, :] - clear[..., None, :] * (1 - jnp.exp(total))
        # d c U / d position = slope · offset
        slope = clear[..., None, :] * covers * (1 - covers) * jnp.exp(total - bare)
        slope = slope / (radius * edge)
        x, y = slope * dx, slope * dy
        px, py = (jnp.sum(a * residual, -1) * cell for a in (x, y))
        xx, yy = (jnp.sum(a * a, -1) * cell + damping for a in (x, y))
        xy = jnp.sum(x * y, -1) * cell
        step = jnp.stack(solve_2x2((xx, xy, yy), (px, py)), axis=-1)
        step = jnp.clip(step, -LEAP, LEAP)
        position = position + jnp.where(living, believed[..., None] * step, 0)
    return position


def foresee(covariance: Array, jolt: Array) -> Array:
    """How unsure particles are a frame later.

    Args:
        covariance: [..., K, 3]: of position, of position and velocity, of velocity; alike along x
            and y.
        jolt: standard deviation of a change of velocity from frame to frame, of all or [..., K].
    """
    xx, xv, vv = covariance[..., 0], covariance[..., 1], covariance[..., 2]
    q = jolt * jolt
    return jnp.stack([xx + 2 * xv + vv + q / 4, xv + vv + q / 2, vv + q], axis=-1)


def gain(covariance: Array, noise: Array) -> tuple[Array, Array, Array]:
    """Kalman's gains of position and velocity, both [..., K], and what is unsure afterwards.

    Args:
        covariance: [..., K, 3], as of `foresee`.
        noise: [..., K] variance of the position seen; infinite sees nothing.

    Example:
        >>> of_position, of_velocity, _ = gain(jnp.array([[3.0, 1.0, 1.0]]), jnp.array([1.0]))
        >>> of_position.tolist(), of_velocity.tolist()
        ([0.75], [0.25])
    """
    xx, xv, vv = covariance[..., 0], covariance[..., 1], covariance[..., 2]
    of_position, of_velocity = xx / (xx + noise), xv / (xx + noise)
    after = [(1 - of_position) * xx, (1 - of_position) * xv, vv - of_velocity * xv]
    return of_position, of_velocity, jnp.stack(after, axis=-1)


def peaks(
    weight: Array, count: int, *, shape: tuple[int, int], blur: Array, least: float
) -> tuple[Array, Array]:
    """Where evidence is that nobody owns: the middle of the `count` highest hills.

    Args:
        weight: [..., P] evidence without an owner.
        count: how many places are looked for.
        shape: rows and columns of cells.
        blur: standard deviation of the Gaussian that smooths it.
        least: the lowest a hill may be, in (0, 1).

    Returns:
        places [..., count, 2], and which of them are one [..., count].
    """
    h, w = shape

    def smooth(cells: int) -> Array:
        at = jnp.arange(cells) / h
        gauss = jnp.exp(-0.5 * ((at[:, None] - at) / blur) ** 2)
        return gauss / (jnp.sqrt(2 * jnp.pi) * blur * h)

    hills = weight.reshape(*weight.shape[:-1], h, w)
    hills = jnp.einsum("ij,...jk,kl->...il", smooth(h), hills, smooth(w))
    window = (1,) * (hills.ndim - 2) + (5, 5)
    ones = (1,) * hills.ndim
    top = jax.lax.reduce_window(hills, -jnp.inf, jax.lax.max, window, ones, "SAME")
    height = jnp.where((hills >= top) & (hills > least), hills, 0).reshape(weight.shape)
    height, cell = jax.lax.top_k(height, min(count, h * w))
    extra = [(0, 0)] * (height.ndim - 1) + [(0, count - height.shape[-1])]
    height, cell = jnp.pad(height, extra), jnp.pad(cell, extra)
    place = jnp.stack([cell % w, cell // w], axis=-1)
    return (place + 0.5) / h, height > 0
