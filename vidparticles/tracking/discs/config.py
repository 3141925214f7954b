"""How objects are followed: every number that is chosen and not learned."""

from __future__ import annotations

import dataclasses

from vidparticles.errors import InputError
from vidparticles.tracking.background import BackgroundConfig
from vidparticles.tracking.discs.assignment import AssignmentConfig
from vidparticles.tracking.discs.filter import FilterConfig
from vidparticles.tracking.discs.foreground import ForegroundConfig
from vidparticles.tracking.discs.memory import MemoryConfig
from vidparticles.tracking.discs.novelty import NoveltyConfig
from vidparticles.tracking.discs.spawn import SpawnConfig


@dataclasses.dataclass(frozen=True)
class DiscConfig:
    """How objects are followed. Lengths are in frame heights, times in seconds.

    Attributes:
        count: K, slots for objects; parameters do not depend on it.
        stride: pixels of a cell's side, in which the foreground is gathered; it divides H and W.
        widths: of the encoder's convolutions.
        appearance: L, numbers by which objects are told apart.
        features: F, numbers that the encoder sees beside.
        memory: M, numbers that an object keeps.
        radius: of objects, to start from, frame heights.
        walls: whether objects bounce off the border of the picture.
        rigid_discs: whether objects are discs with sharp rims, whose velocity changes only when
            they collide, at once and without loss; else they are soft and their velocity drifts.
        scene: (H, W) of a picture whose still background is learned, and where it hides objects;
            None where the background is of one color.
        estimate_scene: whether the scene is taken from the batch that a model's `init` sees, see
            `scene`; else it is learned from nothing.
        running_background: whether the background is what has been seen before, moved with the
            camera, as in real footage; see `background`.
        patience: seconds without being visible after which an object is given up.
        least_existence: existence probability below which a rigid disc is given up, in (0, 1).
        appearance_time: seconds, time constant of the running mean of an appearance.
        color_time: seconds, time constant of the running mean of a color, so that a new one is
            new for a few frames.
        baseline_time: seconds, time constant of the baseline by which events are told, and of
            who is in contact with whom.
        time_unit: seconds, the unit of time in which learned rates are stored, near the time
            between two frames, so that they are of the size of the other parameters. A new
            object counts as observed for so long.
        memory_rate: how many times faster than the filter the memory is learned.
        foreground: how the foreground is told from the background.
        background: how the running background is kept.
        assignment: how cells are shared out and discs are fitted.
        filter: how positions are predicted.
        spawn: where new objects begin.
        gates: when memories are written.
        novelty: how unlikely what is new is.

    Raises:
        InputError: a number is out of its range, or `estimate_scene` is without a scene.

    Example:
        >>> DiscConfig(count=0)
        Traceback (most recent call last):
        ...
        vidparticles.errors.InputError: count is 0; expected at least 1.
    """

    count: int = 6
    stride: int = 2
    widths: tuple[int, ...] = (8,)
    appearance: int = 4
    features: int = 8
    memory: int = 24
    radius: float = 0.1
    walls: bool = False
    rigid_discs: bool = False
    scene: tuple[int, int] | None = None
    estimate_scene: bool = False
    running_background: bool = False
    # Between 47 and 48 frames of PV-5: at a multiple of a frame, rounding would decide.
    patience: float = 1.9
    least_existence: float = 0.01
    appearance_time: float = 0.112
    color_time: float = 0.16
    baseline_time: float = 0.112
    time_unit: float = 0.04
    memory_rate: float = 2.5
    foreground: ForegroundConfig = dataclasses.field(default_factory=ForegroundConfig)
    background: BackgroundConfig = dataclasses.field(default_factory=BackgroundConfig)
    assignment: AssignmentConfig = dataclasses.field(default_factory=AssignmentConfig)
    filter: FilterConfig = dataclasses.field(default_factory=FilterConfig)
    spawn: SpawnConfig = dataclasses.field(default_factory=SpawnConfig)
    gates: MemoryConfig = dataclasses.field(default_factory=MemoryConfig)
    novelty: NoveltyConfig = dataclasses.field(default_factory=NoveltyConfig)

    def __post_init__(self) -> None:
        for name in ("count", "stride", "appearance", "features", "memory"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; expected at least 1.")
        for name in ("patience", "appearance_time", "color_time", "baseline_time", "time_unit"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)}; expected positive seconds.")
        if self.estimate_scene and self.scene is None:
            raise InputError("estimate_scene is True and scene None; give the (H, W) of the scene.")
        if not self.radius > 0:
            raise InputError(f"radius is {self.radius}; expected a positive part of the height.")
