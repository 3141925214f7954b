"""The motion between two pictures, both ways: a sheet of particles pulled into place.

A particle for every second pixel of a picture lies where it is in the other picture,
u away. Two forces act on it: the picture's, which pulls until a window around the particle
looks the same in both, and springs to its four neighbors, which let parts of an object move
together and give way where two things move apart. At rest

    W (A u' + b) = Σⱼ kⱼ (uⱼ' − u'),   A = ⟨g gᵀ⟩,   b = ⟨g (r − gᵀu)⟩
    W = 1 / (√(⟨r²⟩ + ε²) √(⟨|g|²⟩ + n²)),   kⱼ ∝ exp(−|Iⱼ − I| / κ) / √(|uⱼ − u|² + τ²)

with r the difference of the pictures along u, g their mean gradient and ⟨⟩ the mean over the
window: Lucas and Kanade's windows joined by Horn and Schunck's springs (Bruhn, Weickert and
Schnörr 2005), weighted so that neither what does not fit nor a strong edge outvotes the rest.
The equation is linear in u' and is relaxed with inertia (Chebyshev's), from the coarsest of a
pyramid of pictures to the finest.

A thing that moves further than its own size is not there on the levels that could reach it. So the
two levels above the finest are searched too, all displacements of some pixels each way: one is
taken where it makes the window much more alike, and where that of the other picture leads back.
"""

from __future__ import annotations

import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from vidparticles.image.linear import invert_2x2
from vidparticles.image.resample import bilinear, box, enlarge, gray, halve, pixel_centers
from vidparticles.image.structure import slopes


@dataclasses.dataclass(frozen=True)
class DenseConfig:
    """How a sheet is pulled into place. Lengths are in pixels of a level of the pyramid.

    Attributes:
        widest: longer side of the finest sheet: memory at 8K.
        coarsest: shorter side of the smallest picture, at least.
        rounds: look-ups in the pictures on each level.
        pulls: of the springs a round.
        span: spectral radius that the pulls are tuned for.
        window: radius of the windows.
        stiff: of a slack spring, in units of the picture's pull, times τ.
        noise: ε, luma: differences below it count alike.
        faint: n, luma a pixel: gradients below it pull less.
        edge: κ, luma: difference across which a spring is weak.
        slack: τ, stretch from which a spring gives way.
        stay: hold of a particle on where it lies, for those that nothing else holds.
        step: longest way in one round.
        reach: of the search, each way; 0, and there is none.
        alike: share of the difference over a window, below which what was found is taken,
        plain: luma; where the difference is less than that already nothing is,
        astray: nor what ends so far from its start on the way there and back.
    """

    widest: int = 1000
    coarsest: int = 12
    rounds: int = 4
    pulls: int = 8
    span: float = 0.98
    window: int = 2
    stiff: float = 2.0
    noise: float = 0.01
    faint: float = 0.03
    edge: float = 0.05
    slack: float = 1.0
    stay: float = 1e-3
    step: float = 2.0
    reach: int = 8
    alike: float = 0.7
    plain: float = 0.01
    astray: float = 1.5


_LOOKUPS = 4  # towards what is at a position of a frame, of a motion at the moment between
_Pair = tuple[Array, Array, Array, Array]  # what a loop keeps of two sheets, two of each


def warp(images: Array, motion: Array) -> Array:
    """Each image sampled at positions moved away from its pixels.

    Args:
        images: [B, H, W] or [B, H, W, C] floats.
        motion: [B, H, W, 2] pixels.

    Returns:
        The shape of `images`.

    Example:
        >>> warp(jnp.array([[[0.0, 1.0, 2.0]]]), jnp.full((1, 1, 3, 2), 0.5)).tolist()
        [[[0.5, 1.5, 2.0]]]
    """
    centers = pixel_centers(*images.shape[1:3])
    # `map` leaves its result in memory: fused into the sums over windows that follow, every
    # look-up would be done again for each pixel of the window.
    return lax.map(lambda item: bilinear(item[0], centers + item[1]), (images, motion))


def motions(before: Array, after: Array, config: DenseConfig | None = None) -> tuple[Array, Array]:
    """How each position of two pictures moves to the other one.

    Args:
        before, after: [H, W, 3] uint8, neighbors in time.
        config: how the sheet is pulled; default `DenseConfig()`.

    Returns:
        [2, h, w, 2] pixels of a grid that spans the frame, about half as dense as its own:
        from `before` to `after` and back; zero where the pictures are equal.
        [2, h, w] luma of the pictures on that grid.

    Example:
        >>> wave = 127 + 100 * jnp.sin((jnp.arange(64) - jnp.array([[0], [2]])) / 5)
        >>> frames = jnp.broadcast_to(wave[:, None, :, None], (2, 64, 64, 3)).astype(jnp.uint8)
        >>> steps, _ = jax.jit(motions)(*frames)
        >>> [round(float(step), 1) for step in steps[:, 16, 16, 0]]
        [1.0, -1.0]
    """
    config = config or DenseConfig()
    pictures, finest = _pyramid(before, after, config)
    motion = jnp.zeros((*pictures[-1].shape, 2))
    for level in range(len(pictures) - 1, finest - 1, -1):
        size = pictures[level].shape[1:]
        if motion.shape[1:3] != size:
            motion = 2 * jax.vmap(lambda sheet, size=size: enlarge(sheet, *size))(motion)
        if config.reach and finest < level <= finest + 2:
            found = _searched(pictures[level], config)
            motion = _better(pictures[level], motion, found, config)
        motion = _settle(pictures[level], motion, config)
    return motion, pictures[finest]


def settled(
    before: Array, after: Array, halfway: Array, config: DenseConfig | None = None
) -> tuple[Array, Array]:
    """The same from a motion that is known already: pulled into place on the finest level alone.

    Args:
        before, after: [H, W, 3] uint8, neighbors in time.
        halfway: [H, W, 2] pixels, from `before` to `after`, of what is at each position at the
            moment between them.
        config: how the sheet is pulled; default `DenseConfig(rounds=2)`: it is nearly in place.

    Returns:
        As `motions`.

    Example:
        >>> wave = 127 + 100 * jnp.sin((jnp.arange(64) - jnp.array([[0], [2]])) / 5)
        >>> frames = jnp.broadcast_to(wave[:, None, :, None], (2, 64, 64, 3)).astype(jnp.uint8)
        >>> way = jnp.broadcast_to(jnp.array([2.0, 0.0]), (64, 64, 2))
        >>> steps, _ = jax.jit(settled)(*frames, way)
        >>> [round(float(step), 1) for step in steps[:, 16, 16, 0]]
        [1.0, -1.0]
    """
    config = config or DenseConfig(rounds=2)
    pictures, finest = _pyramid(before, after, config)
    sheets = jnp.moveaxis(halfway, -1, 0)
    for _ in range(finest):
        sheets = jax.vmap(halve)(sheets) / 2
    way = jnp.moveaxis(sheets, 0, -1)
    both = jnp.stack([way, -way])
    # What is at x in a frame is half of its motion further at that moment.
    motion = both
    for _ in range(_LOOKUPS):
        motion = warp(both, motion / 2)
    seen = warp(pictures[finest], -both / 2)
    apart = jnp.broadcast_to(jnp.abs(seen[0] - seen[1]), seen.shape)
    motion = _better(pictures[finest], motion, _sent(both, -both / 2, apart, motion), config)
    return _settle(pictures[finest], motion, config), pictures[finest]


def _sent(motion: Array, way: Array, apart: Array, rest: Array) -> Array:
    """What moves, at the positions that it is at after some way.

    Looking up what comes to a position fails for what moves further than its own size: around that
    position there is something else. So it is sent.

    Args:
        motion: [2, h, w, 2] what is told of each position.
        way: [2, h, w, 2] pixels, how far it is sent.
        apart: [2, h, w]; of all that is sent to one position the one that has least is told.
        rest: [2, h, w, 2] told where nothing is sent to.
    """
    height, width = motion.shape[1:3]
    x, y = jnp.moveaxis(jnp.floor(pixel_centers(height, width) + way), -1, 0)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    # Those that leave the picture are sent beyond its end, where they are dropped.
    to = jnp.where(inside, y * width + x, height * width).astype(jnp.int32)

    def send(item: tuple[Array, ...]) -> Array:
        motion, to, apart, rest = item
        least = jnp.full(height * width, jnp.inf).at[to].min(apart, mode="drop")
        wins = apart <= least.at[to].get(mode="clip")
        return rest.at[jnp.where(wins, to, height * width)].set(motion, mode="drop")

    flat = (part.reshape(2, height * width, *part.shape[3:]) for part in (motion, to, apart, rest))
    return lax.map(send, tuple(flat)).reshape(motion.shape)


def _pyramid(before: Array, after: Array, config: DenseConfig) -> tuple[list[Array], int]:
    """Luma of both pictures [2, h, w], each half of the one before, and which is the finest."""
    chex.assert_equal_shape([before, after])
    chex.assert_shape(before, (None, None, 3))
    pictures = [jnp.stack([gray(before), gray(after)])]
    while min(pictures[-1].shape[1:]) >= 2 * config.coarsest:
        pictures.append(jax.vmap(halve)(pictures[-1]))
    finest = 0
    while finest < len(pictures) - 1:
        if finest > 0 and max(pictures[finest].shape) <= config.widest:
            break
        finest += 1
    return pictures, finest


def _searched(pictures: Array, config: DenseConfig) -> Array:
    """The displacements [2, h, w, 2], whole pixels, that make two pictures [2, h, w] most alike."""
    (first, second), reach = pictures, config.reach
    padded = jnp.pad(second, reach, mode="edge")
    side = np.arange(-reach, reach + 1)
    ways = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    ways = ways[np.argsort(np.hypot(*ways.T), kind="stable")]  # of equal ones, the shortest

    # Of both pictures, the least difference so far and the number of its displacement.
    def look(best: _Pair, item: tuple[Array, Array]) -> tuple[_Pair, None]:
        (least, number, least_back, number_back), (which, way) = best, item
        corner = reach + way[1], reach + way[0]
        apart = jnp.abs(first - lax.dynamic_slice(padded, corner, first.shape))
        apart = box(apart, config.window)
        # From the second picture it is the same difference, the other way.
        room = jnp.pad(apart, reach, constant_values=jnp.inf)
        back = lax.dynamic_slice(room, (reach - way[1], reach - way[0]), first.shape)
        return (
            jnp.minimum(apart, least),
            jnp.where(apart < least, which, number),
            jnp.minimum(back, least_back),
            jnp.where(back < least_back, which, number_back),
        ), None

    worst, none = jnp.full(first.shape, jnp.inf, jnp.float32), jnp.zeros(first.shape)
    # Counted in floats: one type in the loop is what the compiler makes vectors of.
    numbered = jnp.arange(len(ways), dtype=jnp.float32), jnp.asarray(ways)
    (_, there, _, back), _ = lax.scan(look, (worst, none, worst, none), numbered)
    way = jnp.asarray(ways, jnp.float32)
    return jnp.stack([way[there.astype(jnp.int32)], -way[back.astype(jnp.int32)]])


def _better(pictures: Array, motion: Array, found: Array, config: DenseConfig) -> Array:
    """A motion, and another one where that makes the pictures much more alike; [2, h, w, 2]."""
    others = pictures[::-1]

    def apart(motion: Array) -> Array:
        return _boxes(jnp.abs(warp(others, motion) - pictures), config.window)

    now = apart(motion)
    astray = jnp.sum((found + warp(found[::-1], found)) ** 2, axis=-1)
    height, width = pictures.shape[1:]
    end = pixel_centers(height, width) + found
    inside = ((end > 0) & (end < jnp.asarray([width, height], jnp.float32))).all(-1)
    sound = inside & (astray <= config.astray**2)
    taken = sound & (now > config.plain) & (apart(found) < config.alike * now)
    # One alone is chance, a gap among several too.
    taken = sound & (_boxes(taken.astype(jnp.float32), 1) > 0.4)
    return jnp.where(taken[..., None], found, motion)


def _settle(pictures: Array, motion: Array, config: DenseConfig) -> Array:
    """The sheets of two pictures [2, h, w] pulled into place from where they lie, pixels."""
    size = pictures.shape[1:]
    others = pictures[::-1]
    alike = [jnp.exp(-jnp.abs(jnp.diff(pictures, axis=axis)) / config.edge) for axis in (1, 2)]
    own = slopes(pictures)
    corner = jnp.asarray([size[1], size[0]], jnp.float32)
    centers = pixel_centers(*size)

    def round_(motion: Array, _round: None) -> tuple[Array, None]:
        shown = warp(others, motion)
        gx, gy = ((a + b) / 2 for a, b in zip(own, slopes(shown), strict=True))
        apart = shown - pictures
        products = [gx * gx, gx * gy, gy * gy, gx * apart, gy * apart, apart * apart]
        sums = _boxes(jnp.stack(products), config.window)
        moved = centers + motion
        inside = ((moved > 0) & (moved < corner)).all(-1)
        trust = lax.rsqrt(sums[5] + config.noise**2) * lax.rsqrt(
            sums[0] + sums[2] + config.faint**2
        )
        axx, axy, ayy, bx, by = jnp.where(inside, trust, 0) * sums[:5]
        springs = _springs(motion, alike, config)
        hold = sum(springs) + config.stay
        u, v = motion[..., 0], motion[..., 1]
        pull = axx * u + axy * v - bx + config.stay * u, axy * u + ayy * v - by + config.stay * v
        # Kept in memory: the pulls below apply it again and again.
        inverse = jnp.stack(invert_2x2((axx + hold, axy, ayy + hold)))

        def relax(state: _Pair, inertia: Array) -> tuple[_Pair, None]:
            u, v, u_last, v_last = state
            fx, fy = pull[0] + _held(u, springs), pull[1] + _held(v, springs)
            u_next = inverse[0] * fx + inverse[1] * fy
            v_next = inverse[1] * fx + inverse[2] * fy
            u_next = u_last + inertia * (u_next - u_last)
            v_next = v_last + inertia * (v_next - v_last)
            return (u_next, v_next, u, v), None

        state, _ = lax.scan(relax, (u, v, u, v), jnp.asarray(_inertia(config)))
        u, v = state[:2]
        moved = motion + jnp.clip(jnp.stack([u, v], axis=-1) - motion, -config.step, config.step)
        moved = lax.map(_median, jnp.moveaxis(moved, -1, 0))  # by `map`, as in `warp`
        return jnp.moveaxis(moved, 0, -1), None

    return lax.scan(round_, motion, None, length=config.rounds)[0]


def _boxes(images: Array, radius: int) -> Array:
    """Means over windows of [..., h, w]."""
    flat = images.reshape(-1, *images.shape[-2:])
    return jax.vmap(lambda image: box(image, radius))(flat).reshape(images.shape)


def _springs(
    motion: Array, alike: list[Array], config: DenseConfig
) -> tuple[Array, Array, Array, Array]:
    """Stiffness of the springs to the neighbors above, below, left and right, [2, h, w]."""
    sides = []
    for axis in (1, 2):
        stretch = jnp.sum(jnp.diff(motion, axis=axis) ** 2, axis=-1)
        stiff = config.stiff * alike[axis - 1] * lax.rsqrt(stretch + config.slack**2)
        for end in ((1, 0), (0, 1)):
            sides.append(jnp.pad(stiff, [end if a == axis else (0, 0) for a in range(3)]))
    above, below, left, right = sides
    return above, below, left, right


def _held(u: Array, springs: tuple[Array, Array, Array, Array]) -> Array:
    """The sum of stiffness · position over the neighbors."""
    padded = jnp.pad(u, [(0, 0), (1, 1), (1, 1)])
    above, below, left, right = springs
    return (
        above * padded[:, :-2, 1:-1]
        + below * padded[:, 2:, 1:-1]
        + left * padded[:, 1:-1, :-2]
        + right * padded[:, 1:-1, 2:]
    )


def _inertia(config: DenseConfig) -> np.ndarray:
    """Chebyshev's weights (Golub and Varga 1961): Jacobi's sweeps with momentum."""
    square = config.span**2
    weights = [1.0, 2 / (2 - square)]
    while len(weights) < config.pulls:
        weights.append(4 / (4 - square * weights[-1]))
    return np.asarray(weights[: config.pulls], np.float32)


def _median(sheets: Array) -> Array:
    """The median over 3 × 3 pixels of [B, h, w], edges repeated: strays fall in line.

    By exchanges of pairs (Smith 1996), which fuse; a sort of nine costs a hundred times more.
    """
    height, width = sheets.shape[1:]
    padded = jnp.pad(sheets, [(0, 0), (1, 1), (1, 1)], mode="edge")
    nine = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    pairs = "12 45 78 01 34 67 12 45 78 03 58 47 36 14 25 47 42 64 42"
    for low, high in (map(int, pair) for pair in pairs.split()):
        nine[low], nine[high] = (
            jnp.minimum(nine[low], nine[high]),
            jnp.maximum(nine[low], nine[high]),
        )
    return nine[4]
