"""`vidparticles predict`: the frames that come next, by the laws of motion."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator
from fractions import Fraction

import jax.numpy as jnp
import numpy as np

from vidparticles.editing.follow import following
from vidparticles.editing.reel import Reel, Written, check_paths, write
from vidparticles.editing.timing.clock import clock, usual_gap
from vidparticles.errors import InputError
from vidparticles.inference.motion_laws import motion_laws
from vidparticles.models import motion
from vidparticles.numerics import safe_norm
from vidparticles.particles import Trajectory
from vidparticles.render.ahead import carry
from vidparticles.storage import PathLike
from vidparticles.video import Encoding, Picture, Video, open_video


@dataclasses.dataclass(frozen=True)
class PredictConfig:
    """How far a clip is looked back on and ahead of.

    Attributes:
        history: last frames, in which particles are followed.
        recent: last frames of a clip of uneven times that tell the rate at which it goes on.
        longest: seconds ahead that may be asked for.
        moving: frame heights per second above which a particle counts as moving.
    """

    history: int = 24
    recent: int = 8
    longest: float = 60.0
    moving: float = 0.02


CONFIG = PredictConfig()


def predict(
    path: PathLike,
    out: PathLike,
    *,
    checkpoint: PathLike | None = None,
    seconds: float = 1.0,
    overwrite: bool = False,
    encoding: Encoding | None = None,
) -> Written:
    """Write the frames that come after a clip's last one.

    The particles of the last frames are rolled forward by the laws of motion, and the last
    frame is carried along. The farther a place has moved, the less is known of it: it is
    shown the more blurred.

    Args:
        path: a video file of at least 2 frames.
        out: what to write: the new frames alone, at the clip's rate or that at its end, without
            sound.
        checkpoint: workdir of a training run, whose laws are used; default, laws untrained.
        seconds: how far ahead.
        overwrite: replace an existing file.
        encoding: how pictures are encoded; default, in the clip's codec.

    Returns:
        What was written; `note` says so where nothing moved.

    Raises:
        InputError: the clip has one frame, seconds is out of range, or a file cannot be read
            or written.
    """
    if not 0 < seconds <= CONFIG.longest:
        raise InputError(
            f"seconds {seconds:g} is out of range; give more than 0, to {CONFIG.longest:g}."
        )
    check_paths(path, out, overwrite)
    with open_video(path) as video:
        if len(video) < 2:
            raise InputError(
                f"{path} has one frame, in which no motion can be seen; give a clip of 2 or more."
            )
        params = motion_laws(checkpoint)
        info = video.info
        first = max(0, len(video) - CONFIG.history)
        times = (Fraction(float(time)) for time in video.times[first:])
        frames = zip(times, video.pictures(first, len(video)), strict=True)
        _, last, state, _ = collections.deque(following(frames), maxlen=1)[0]
        rate = rate_ahead(video)
    color = video.color.screen  # of what is drawn
    count = max(1, round(seconds * float(rate)))
    points = state.particles
    # One born in the last frames has no velocity yet.
    points = points.replace(alive=points.alive & (state.age > 0))
    path_ahead = motion.predict(params, points, seconds=count / float(rate), rate=float(rate))

    def new(picture: np.ndarray) -> Picture:
        return Picture.of(picture, color=color, turns=-info.rotation // 90)

    reel = Reel(
        frames=zip(
            (k / rate for k in range(count)), map(new, _ahead(last, path_ahead)), strict=True
        ),
        times=tuple(k / rate for k in range(count)),
        duration=count / rate,
        rate=rate,
        height=info.height,
        width=info.width,
        rotation=info.rotation,
        pixel_aspect=info.pixel_aspect,
        color=color,
        source=(info.codec, info.pixel_format),
        slow=True,
        sources=(video,),
    )
    moving = int(np.sum(np.asarray(points.alive & (safe_norm(points.velocity) > CONFIG.moving))))
    note = "" if moving else f"nothing moves at the end of {path}: the frames ahead stay still."
    return write(reel, out, overwrite=overwrite, note=note, encoding=encoding)


def rate_ahead(video: Video) -> Fraction:
    """Frames a second at which a clip goes on after its end, of 2 frames or more.

    On uneven times it is that of its last frames. A GIF or a slide show may have one that no player
    shows: it is 1 to 120.
    """
    times, _, rate = clock(video)
    if rate is None:
        rate = 1 / usual_gap(times, len(times) - 1, CONFIG.recent)
    return min(max(rate, Fraction(1)), Fraction(120))


def _ahead(last: np.ndarray, path: Trajectory) -> Iterator[np.ndarray]:
    """The last frame carried along the path, from its second moment on."""
    start, alive = path.particles.position[0], path.particles.alive[0]
    for moment in range(1, path.time.shape[0]):
        moved = path.particles.position[moment] - start
        yield np.asarray(carry(jnp.asarray(last), start, moved, alive))
