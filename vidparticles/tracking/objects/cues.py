"""What is seen of motion before anything is said of objects: how a frame differs from the ground.

The running background (`tracking.background`) is laid over a small picture of the frame; what is
left between the two, and between the frame and the one before, are the cues of whoever tells
objects by their motion: `motion`, or a network. It also says where objects are, so that the
background does not take them in:

    state = start(frame.shape, config)
    state, cues = look(state, frame, camera, dt, config)
    state = learn(state, cues, dt, weight, config)

The light of the background follows that of the frame, a gain and an offset a channel. Where so much
differs at once that it must be the light or the place, the background begins anew.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from vidparticles.flow.camera import Similarity
from vidparticles.flow.global_motion import GlobalMotionConfig, global_motion
from vidparticles.image.resample import gray, highest, resize, resize_by_lines, unit_range
from vidparticles.image.structure import slopes
from vidparticles.tracking import background
from vidparticles.tracking.background import Background, BackgroundConfig


@dataclasses.dataclass(frozen=True)
class CueConfig:
    """How a frame is compared with what was there before; differences of colors are in [0, 1].

    Attributes:
        pixels: of the small picture that is compared, about.
        background: how the background is kept.
        rounds: of fitting the light,
        light: difference that halves a pixel's say in it twice, in the last round.
        blocks: rows and columns of blocks,
        textured: mean change of luma a pixel from which a block has texture,
        ground: and the share of blocks that must have it for a motion of the camera to be believed:
            the texture on a plain ground is an object's.
        changed: difference that counts as another picture,
        anew: and the share of the picture that must differ so, for the background to begin anew.
    """

    pixels: int = 16000
    background: BackgroundConfig = dataclasses.field(
        default_factory=lambda: BackgroundConfig(time=0.4)
    )
    motion: GlobalMotionConfig = dataclasses.field(default_factory=GlobalMotionConfig)
    rounds: int = 3
    light: float = 0.05
    blocks: tuple[int, int] = (8, 12)
    textured: float = 0.008
    ground: float = 0.25
    changed: float = 0.06
    anew: float = 0.6

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the small picture of frames of a size."""
        scale = min(1.0, (self.pixels / (height * width)) ** 0.5)
        return max(1, round(height * scale)), max(1, round(width * scale))


class CueState(NamedTuple):
    """What is remembered of a shot.

    Attributes:
        background: as it lay in the newest frame; observed is 0 before the first.
        last: [h, w, 3] the small picture of the newest frame, in [0, 1].
    """

    background: Background
    last: Array


class Cues(NamedTuple):
    """A frame and what was there before, in the small picture.

    Attributes:
        color: [h, w, 3] the frame, in [0, 1].
        under: the background moved to where it lies in it, in the frame's light.
        before: [h, w, 3] the frame before, moved and lit so too.
        camera: how the background moved into the frame.
        fresh: [] bool, there was nothing to compare with: no difference is told.
    """

    color: Array
    under: Background
    before: Array
    camera: Similarity
    fresh: Array

    def channels(self, config: CueConfig) -> Array:
        """[h, w, 7] differences to the frame before and to the background, and 1 / (1 + age), the
        age in first observations: what a network is given."""
        age = self.under.observed / config.background.first
        differences = [self.color - self.before, self.color - self.under.color]
        return jnp.concatenate([*differences, 1 / (1 + age)[..., None]], -1)


def start(height: int, width: int, config: CueConfig) -> CueState:
    """Nothing is known of what frames of this size show."""
    rows, columns = config.size(height, width)
    return CueState(background.start((), rows, columns), jnp.zeros((rows, columns, 3)))


def look(state: CueState, frame: Array, camera: Similarity, config: CueConfig) -> Cues:
    """A frame compared with what was there before.

    Args:
        state: from `start`, or `learn` after the frame before.
        frame: [H, W, 3] uint8, or floats in [0, 1].
        camera: how the picture moved into it, nearly; what moves but a part of it is not believed.
        config: how they are compared.
    """
    ground, last = state
    color = resize_by_lines(unit_range(frame), *last.shape[:2])
    rest = Similarity(jnp.asarray([1.0, 0.0]), jnp.zeros(2))
    believed = _textured(color, config) > config.ground
    found, agree = global_motion(gray(ground.color), gray(color), camera, config.motion)
    motion = jax.tree.map(
        lambda a, b: jnp.where(agree > config.motion.least_share, a, b), found, camera
    )
    motion, camera = jax.tree.map(
        lambda a, b: jnp.where(believed, a, b), (motion, camera), (rest, rest)
    )
    under = background.carried(ground, motion, color, config=config.background)
    known = under.observed > 0
    # From frame to frame the camera's motion is surer than over the life of the background.
    moved = background.carried(
        Background(last, ground.observed), camera, color, config=config.background
    )
    lit = _lit(under.color, color, known, config)
    before = _lit(moved.color, color, known, config)
    other = jnp.mean(known * (apart(color, lit) > config.changed))
    fresh = (other > config.anew * jnp.mean(known)) | ~jnp.any(known)
    seen = jnp.where(fresh, 0, under.observed)
    lit, before = (jnp.where(fresh, color, x) for x in (lit, before))
    return Cues(color, Background(lit, seen), before, motion, fresh)


def learn(cues: Cues, dt: Array, weight: Array, config: CueConfig) -> CueState:
    """The state with the frame in it.

    Args:
        cues: from `look`.
        dt: seconds [] since the frame before.
        weight: [h, w] in [0, 1], how far a pixel is believed to show the background.
        config: how it is kept.
    """
    learned = background.learned(
        cues.under, cues.color, dt, weight=weight, config=config.background
    )
    return CueState(learned, cues.color)


def apart(color: Array, other: Array) -> Array:
    """How far a picture is from all that another shows within a pixel, [h, w] in [0, 1].

    So an edge that lies half a pixel off is no difference.

    Args:
        color, other: [h, w, 3].

    Example:
        >>> edge = jnp.zeros((3, 9, 3)).at[:, 4:].set(1.0)
        >>> shifted = apart(edge, jnp.roll(edge, 1, 1))[:, 1:]
        >>> float(shifted.max()), float(apart(edge, 0 * edge).max())
        (0.0, 1.0)
    """
    most, least = highest(other, 1), 1 - highest(1 - other, 1)
    return jnp.max(jnp.maximum(jnp.maximum(color - most, least - color), 0), -1)


def _lit(picture: Array, color: Array, known: Array, config: CueConfig) -> Array:
    """A picture in the light of another: a gain and an offset a channel, fitted robustly."""
    say = known.reshape(-1).astype(picture.dtype)
    exactly = functools.partial(jnp.dot, precision=lax.Precision.HIGHEST)
    planes = (jnp.moveaxis(x, -1, 0).reshape(3, -1) for x in (picture, color))
    # About their means, so that products keep their digits.
    means, about = zip(*((exactly(x, say) / (jnp.sum(say) + 1e-6), x) for x in planes), strict=True)
    p, q = (x - mean[:, None] for x, mean in zip(about, means, strict=True))
    # All that a round sums is one product with the weights.
    terms = jnp.concatenate([jnp.ones_like(p[:1]), p, q, p * q, p * p])

    def again(k: Array, fit: tuple[Array, Array]) -> tuple[Array, Array]:
        gain, offset = fit
        off = jnp.max(jnp.abs(q - gain[:, None] * p - offset[:, None]), 0)
        width = config.light * 2.0 ** (config.rounds - 1 - k)
        sums = exactly(terms, say / (1 + (off / width) ** 2) ** 2)
        p_mean, q_mean, both, square = (sums[1:] / (sums[0] + 1e-6)).reshape(4, 3)
        # Of a plain picture the gain cannot be told: it is 1.
        gain = (both - p_mean * q_mean + 1e-3) / (square - p_mean**2 + 1e-3)
        gain = jnp.clip(gain, 0.3, 3)
        return gain, q_mean - gain * p_mean

    start = jnp.ones(3), means[0] - means[1]  # as it is
    gain, offset = lax.fori_loop(0, config.rounds, again, start)
    return jnp.clip(gain * (picture - means[0]) + offset + means[1], 0, 1)


def _textured(color: Array, config: CueConfig) -> Array:
    """The share [] of blocks of a picture [h, w, 3] that have texture."""
    across, down = slopes(gray(color))
    mean = resize(jnp.abs(across) + jnp.abs(down), *config.blocks)
    return jnp.mean(mean > config.textured)
