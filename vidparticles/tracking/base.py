"""The contract of every tracker: pictures in, particles with an identity out.

A tracker is a pair of pure functions, as an integrator of `dynamics` is:

    tracker = point_tracker(PointConfig())
    state = tracker.init_fn(params, frame, time)                      # before the first frame
    state, report = tracker.step_fn(params, state, frame, time, cut=cut)

`init_fn` looks at the shape of a frame and at the clock alone: every frame, the first one too, is
then given to `step_fn`. Time is in seconds, velocities in frame heights per second. A tracker that
learns nothing takes `params=()`. Cuts are told to a tracker, it does not look for them: `shots`
does. At a cut identities end, and no number is given twice.

`scan` is the only way through a whole clip, and equals streaming.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.particles import Particles, Trajectory

Params = Any
State = Any
Report = Any


class TrackerState(Protocol):
    """What the state of every tracker carries, beside what is its own.

    Attributes:
        particles: fields [..., N, ·]; those that are not visible are inactive, or where they are
            expected, as the tracker says.
        identity: [..., N] int32, a number for each particle of the clip; −1 for a free slot.
        cut: [...] bool, the newest frame is the first of another shot.
    """

    @property
    def particles(self) -> Particles:
        """Where they are now."""

    @property
    def identity(self) -> Array:
        """Who they are."""

    @property
    def cut(self) -> Array:
        """Whether a shot began."""


class InitFn(Protocol):
    """The state before the first frame."""

    def __call__(self, params: Params, frame: Array, time: Array | float) -> State:
        """Args: parameters, a frame [..., H, W, 3] for its shape, seconds [...]."""


class StepFn(Protocol):
    """The state after one frame more, and what the tracker says of the frame."""

    def __call__(
        self,
        params: Params,
        state: State,
        frame: Array,
        time: Array | float,
        *,
        cut: Array | None = None,
    ) -> tuple[State, Report]:
        """Args: a frame [..., H, W, 3], its seconds [...], whether a shot begins with it [...]."""


class ScanFn(Protocol):
    """A tracker's own pass over a clip, where that costs less than `step_fn` frame by frame."""

    def __call__(
        self, params: Params, state: State, frames: Array, times: Array, cuts: Array
    ) -> tuple[State, tuple[Particles, Array, Report]]:
        """Args: frames [..., T, H, W, 3], times and cuts [..., T]; returns fields [..., T, ·]."""


class Tracker(NamedTuple):
    """Pictures to particles.

    Attributes:
        init_fn: (params, frame, time) → state before the first frame.
        step_fn: (params, state, frame, time, *, cut=None) → (state, report).
        scan_fn: a faster way through a whole clip that gives the same, or None.
    """

    init_fn: InitFn
    step_fn: StepFn
    scan_fn: ScanFn | None = None


def one_by_one(init_fn: Any, step_fn: Any) -> Tracker:
    """A tracker of any leading axes from one of a single clip.

    Clips are gone through one after another, not by `vmap`: a branch or a loop whose length
    depends on what is in the picture then costs what it does for each clip alone.

    Args:
        init_fn: (params, frame [H, W, 3], time []) → state.
        step_fn: (params, state, frame [H, W, 3], time [], cut []) → (state, report).

    Raises:
        ValueError: when called, with a frame that is not [..., H, W, 3].
    """

    def checked(frame: Array, time: Array | float) -> tuple[Array, Array]:
        if frame.ndim < 3 or frame.shape[-1] != 3 or min(frame.shape[-3:-1]) < 1:
            raise ValueError(f"the frame has shape {frame.shape}; expected [..., H, W, 3].")
        # Of one type, so that one program is compiled whatever numbers the times are.
        frame = jax.lax.stop_gradient(jnp.asarray(frame))
        return frame, jnp.broadcast_to(jnp.asarray(time, jnp.float32), frame.shape[:-3])

    def over(function: Any, lead: tuple[int, ...], *args: Any) -> Any:
        if not lead:
            return function(*args)
        count = math.prod(lead)  # not −1: a field may be of no size
        flat = jax.tree.map(lambda x: x.reshape(count, *x.shape[len(lead) :]), args)
        made = jax.lax.map(lambda item: function(*item), flat)
        return jax.tree.map(lambda x: x.reshape(*lead, *x.shape[1:]), made)

    def init(params: Params, frame: Array, time: Array | float) -> State:
        frame, time = checked(frame, time)
        return over(lambda *item: init_fn(params, *item), frame.shape[:-3], frame, time)

    def step(
        params: Params,
        state: State,
        frame: Array,
        time: Array | float,
        *,
        cut: Array | None = None,
    ) -> tuple[State, Report]:
        frame, time = checked(frame, time)
        cut = jnp.broadcast_to(jnp.asarray(False if cut is None else cut), time.shape)
        items = state, frame, time, cut
        return over(lambda *item: step_fn(params, *item), frame.shape[:-3], *items)

    return Tracker(init, step)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Tracks:
    """The particles of a clip through all its frames.

    Attributes:
        trajectory: fields [..., T, N, ·], time [..., T] seconds.
        identity: [..., T, N] int32; one number is one particle, −1 a free slot.
        cut: [..., T] bool, the frames that begin another shot.
        report: what the tracker said of each frame, fields [..., T, ·].
        state: after the last frame, to go on from.
    """

    trajectory: Trajectory
    identity: Array
    cut: Array
    report: Report = None
    state: State = None


def scan(
    tracker: Tracker,
    params: Params,
    frames: Array,
    times: Array,
    cuts: Array | None = None,
    *,
    state: State | None = None,
) -> Tracks:
    """A clip through a tracker: the same, frame by frame, as streaming.

    Args:
        tracker: of any kind.
        params: its parameters, `()` where it learns nothing.
        frames: [..., T, H, W, 3] uint8, or floats in [0, 1]; T ≥ 1.
        times: [..., T] seconds, rising; may be uneven.
        cuts: [..., T] bool, the frames that begin another shot, as from `shots`; default none.
        state: what a part of the clip before ended with; default `tracker.init_fn`.

    Raises:
        ValueError: frames, times or cuts are of another shape, or there are no frames.
    """
    if frames.ndim < 4 or frames.shape[-1] != 3 or frames.shape[-4] < 1:
        raise ValueError(f"frames have shape {frames.shape}; expected [..., T, H, W, 3], T ≥ 1.")
    lead = frames.shape[:-3]
    times = jnp.asarray(times, jnp.float32)
    cuts = jnp.zeros(lead, bool) if cuts is None else jnp.asarray(cuts)
    for name, given in (("times", times), ("cuts", cuts)):
        if given.shape != lead:
            raise ValueError(f"{name} have shape {given.shape}; expected {lead}, as frames have.")
    if state is None:
        state = tracker.init_fn(params, frames[..., 0, :, :, :], times[..., 0])
    if tracker.scan_fn is not None:
        last, (points, identity, report) = tracker.scan_fn(params, state, frames, times, cuts)
        return Tracks(Trajectory(points, times), identity, cuts, report, last)

    def advance(state: State, item: tuple[Array, Array, Array]) -> tuple[State, Any]:
        frame, time, cut = item
        state, report = tracker.step_fn(params, state, frame, time, cut=cut)
        return state, (state.particles, state.identity, report)

    axis = len(lead) - 1
    forward = jax.tree.map(lambda x: jnp.moveaxis(x, axis, 0), (frames, times, cuts))
    last, out = jax.lax.scan(advance, state, forward)
    points, identity, report = jax.tree.map(lambda x: jnp.moveaxis(x, 0, axis), out)
    return Tracks(Trajectory(points, times), identity, cuts, report, last)
