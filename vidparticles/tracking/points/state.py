"""What following points carries from one frame to the next, and how it is set."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.flow.camera import CameraConfig
from vidparticles.flow.global_motion import GlobalMotionConfig
from vidparticles.flow.patches import Level, PatchConfig, levels_of
from vidparticles.image.resample import shrink_size
from vidparticles.particles import Particles
from vidparticles.tracking.points.camera import Drift
from vidparticles.tracking.points.confidence import ConfidenceConfig
from vidparticles.tracking.points.match import MatchConfig
from vidparticles.tracking.points.spawn import SpawnConfig
from vidparticles.tracking.points.springs import SpringConfig, Springs, no_springs

COARSE = 2  # halvings of the picture in which global motion is found


@dataclasses.dataclass(frozen=True)
class PointConfig:
    """How points are followed.

    Attributes:
        count: particles spread over a frame full of texture.
        slots: places for particles, at least `count`, which is the default. More of them leave
            room for what appears while many are hidden.
        spare: one in so many of `count` has no cell of its own, for what appears while others are
            hidden.
        longest: pixels of the longer side of what is followed.
        shortest: pixels of the shorter side, at least; thinner pictures are stretched.
        smoothing: seconds over which displacements are averaged to velocities.
        noise: frame heights; a displacement that differs by as much from the one before is not
            smoothed,
        turn: and goes on changing as much, if it changes by less than this share of itself.
        reach: frame heights from where it is expected that a hidden particle may be,
        reach_speed: and per second that it has been hidden.
        longest_hidden: seconds that a particle is looked for.
        spawn_interval: seconds between spawns, which cost as much as following,
        spawn_share: but at once where a smaller share than this of the particles is found.
        duplicate: pixels within which two particles of a cell are one.
        global_motion: how the motion of the whole picture is found,
        camera: and fitted to what the particles did.
        patches, match, spawn, springs, confidence: of these parts.

    Raises:
        ValueError: a number of particles is out of range.
    """

    count: int = 256
    slots: int | None = None
    spare: int = 8
    longest: int = 320
    shortest: int = 16
    smoothing: float = 0.04
    noise: float = 0.005
    turn: float = 0.5
    reach: float = 0.02
    reach_speed: float = 0.1
    longest_hidden: float = 0.6
    spawn_interval: float = 0.1
    spawn_share: float = 0.2
    duplicate: float = 2.0
    global_motion: GlobalMotionConfig = dataclasses.field(default_factory=GlobalMotionConfig)
    camera: CameraConfig = dataclasses.field(default_factory=lambda: CameraConfig(rounds=4))
    patches: PatchConfig = dataclasses.field(default_factory=PatchConfig)
    match: MatchConfig = dataclasses.field(default_factory=MatchConfig)
    spawn: SpawnConfig = dataclasses.field(default_factory=SpawnConfig)
    springs: SpringConfig = dataclasses.field(default_factory=SpringConfig)
    confidence: ConfidenceConfig = dataclasses.field(default_factory=ConfidenceConfig)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count is {self.count}; expected at least 1 particle.")
        if self.slots is not None and self.slots < self.count:
            raise ValueError(f"slots is {self.slots}; expected at least count, {self.count}.")

    @property
    def total(self) -> int:
        """N, slots for particles."""
        return self.count if self.slots is None else self.slots

    @property
    def cells(self) -> int:
        """Cells wanted of the grid in which particles are spawned."""
        return max(1, self.count - self.count // self.spare)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width at which frames of a size are followed."""
        height, width = shrink_size(height, width, longest=self.longest)
        return max(height, self.shortest), max(width, self.shortest)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class PointState:
    """What following carries from one frame to the next.

    Attributes:
        particles: position, velocity in frame heights and seconds; feature: color [N, 3]
            in [0, 1]. Those that are hidden are inactive, and where they are expected.
        identity: [N] int32, a number for each particle ever spawned; −1 for a free slot.
        cut: bool, the newest frame is the first of another shot.
        age: [N] int32, frames since it was spawned or found again, 0 where inactive.
        hidden: [N] seconds hidden; 0 for the visible, infinity for free slots.
        time: seconds, of the newest frame.
        spawned: int32, particles ever spawned.
        spawn_time: seconds, when free slots were last filled.
        turn: [N, 2] frame heights / s, by which its own velocity changed, where that is no noise.
        picture: [h, w] luma of the newest frame, at the level in which global motion is found.
        camera: how fast the whole picture moved, a second.
        springs: between neighbors.
        deformation: [2, 2, N] how the surroundings have deformed since the spawn.
        misfit: [N] how much it differed from its template when it was visible last.
        renewals: [N] int32, how often what was visible took the place of its template.
        confidence: [N] in [0, 1], the chance that it is within a pixel of what it was spawned on,
            at the size at which it is followed; 0 where inactive.
        template: [K, W + 2, W + 2, N] luma around the particle when it was spawned, finest level
            first.
        patches: [L, P + 2, P + 2, N] around where it was visible last, coarsest level first.
    """

    particles: Particles
    identity: Array
    cut: Array
    age: Array
    hidden: Array
    time: Array
    spawned: Array
    spawn_time: Array
    turn: Array
    picture: Array
    camera: Drift
    springs: Springs
    deformation: Array
    misfit: Array
    renewals: Array
    confidence: Array
    template: Array
    patches: Array


def no_points(size: tuple[int, int], time: Array | float, config: PointConfig) -> PointState:
    """Before the first frame, of a size (H, W): all slots are free; the first step fills them."""
    count, patches = config.total, config.patches
    flat = jnp.zeros((count, 2), jnp.float32)
    levels = len(levels_of(*config.size(*size), patches))
    small, wide = patches.size + 2, patches.template + 2
    return PointState(
        particles=Particles(
            position=flat,
            velocity=flat,
            feature=jnp.zeros((count, 3), jnp.float32),
            mass=jnp.ones(count, jnp.float32),
            alive=jnp.zeros(count, bool),
        ),
        identity=jnp.full(count, -1, jnp.int32),
        cut=jnp.zeros((), bool),
        age=jnp.zeros(count, jnp.int32),
        hidden=jnp.full(count, jnp.inf, jnp.float32),
        time=jnp.asarray(time, jnp.float32),
        spawned=jnp.zeros((), jnp.int32),
        spawn_time=jnp.asarray(-jnp.inf, jnp.float32),
        turn=flat,
        picture=jnp.zeros(_level(config.size(*size), COARSE, config)[1:], jnp.float32),
        camera=Drift(jnp.zeros(2), jnp.zeros(2)),
        springs=no_springs(count),
        deformation=jnp.broadcast_to(jnp.eye(2)[..., None], (2, 2, count)),
        misfit=jnp.zeros(count, jnp.float32),
        renewals=jnp.zeros(count, jnp.int32),
        confidence=jnp.zeros(count, jnp.float32),
        template=jnp.zeros((min(1 + config.match.coarser, levels), wide, wide, count), jnp.float32),
        patches=jnp.zeros((levels, small, small, count), jnp.float32),
    )


def _level(size: tuple[int, int], number: int, config: PointConfig) -> Level:
    levels = levels_of(*size, config.patches)
    return levels[min(number, len(levels) - 1)]


def level_of(flat: Array, size: tuple[int, int], number: int, config: PointConfig) -> Array:
    """A level [h, w] of a pyramid, after so many halvings or as many as there are."""
    (offset, height, width), pad = _level(size, number, config), config.patches.template
    wide = (height + 2 * pad, width + 2 * pad)
    level = flat[offset : offset + wide[0] * wide[1]].reshape(wide)
    return level[pad:-pad, pad:-pad]
