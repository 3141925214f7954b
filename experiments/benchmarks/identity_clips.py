"""Clips of real footage with boxes labelled by hand, and what was observed in them.

What the detector, the camera's motion and what moves say of a clip is kept in a folder, so that
trackers can be compared on the very same boxes.
"""

from __future__ import annotations

import csv
import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from experiments.benchmarks.harness import ROOT
from vidparticles import shots, weights
from vidparticles.flow.camera import Similarity
from vidparticles.image.resample import gray, resize, shrunk_bytes
from vidparticles.inference.objects import MOVING, moving_observer
from vidparticles.models.moving import files
from vidparticles.models.published import nanodet
from vidparticles.tracking.objects.config import ObjectConfig
from vidparticles.tracking.objects.motion import motion_observer
from vidparticles.tracking.objects.observations import Observations
from vidparticles.tracking.objects.tracker import camera_of, rest
from vidparticles.video import open_video

DATA = ROOT.parent / "shared" / "data"
LABELS = ROOT / "tests" / "data" / "objects"
ROWS = ObjectConfig().motion_rows or 1


@dataclasses.dataclass(frozen=True)
class Clip:
    """A clip with all that was observed in it; and what is true of some frames."""

    name: str
    seen: Observations
    moving: Observations
    motion: Observations
    camera: Similarity
    times: np.ndarray
    cuts: np.ndarray
    width: float
    truth: dict[int, list[dict[str, str]]]

    def __len__(self) -> int:
        return len(self.times)


def frames_of(name: str) -> Iterator[tuple[float, np.ndarray]]:
    path = DATA / name
    if path.is_dir():
        for k, file in enumerate(sorted(path.iterdir())):
            yield k / 24, np.asarray(Image.open(file).convert("RGB"))
        return
    with open_video(path) as video:
        yield from video.every()


def cuts_of(name: str, count: int) -> np.ndarray:
    """Which frames begin another shot."""
    if (DATA / name).is_dir():
        return np.zeros(count, bool)
    with open_video(DATA / name) as video:
        frames = (frame for _, frame in video.every(size=shots.SIZE))
        return shots.cuts_of(frames, video.times)


@jax.jit
def moved(frame: Any, before: Any, last: Similarity, first: Any) -> tuple[Any, Similarity]:
    luma = resize(gray(frame), *before.shape)
    return luma, camera_of(before, luma, last, first)


def observed(name: str, cache: pathlib.Path) -> dict[str, np.ndarray]:
    """What NanoDet and the camera say of each frame; kept in a file."""
    path = cache / (name.replace("/", "+") + ".npz")
    if not path.exists():
        observe, params = nanodet.observe(), nanodet.parameters(weights.load("nanodet"))
        out, before, camera = [], None, rest()
        for at, frame in frames_of(name):
            wide = frame.shape[1] / frame.shape[0]
            first = before is None
            if before is None:
                before = jnp.zeros((ROWS, round(ROWS * wide)))
            before, camera = moved(frame, before, camera, first)
            seen = dataclasses.asdict(observe(params, frame))
            out.append(seen | {"turn": camera.turn, "shift": camera.shift, "time": at})
        told = jax.tree.map(lambda *x: np.stack([np.asarray(a) for a in x]), *out)
        told["cut"] = cuts_of(name, len(out))
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(path, width=wide, **told)
    return dict(np.load(path))


def moved_boxes(
    name: str,
    which: str,
    camera: Similarity,
    times: np.ndarray,
    cuts: np.ndarray,
    cache: pathlib.Path,
) -> Observations:
    """What moves in each frame, as "moving" or "motion" tells it; kept in a file."""
    path = cache / (name.replace("/", "+") + f".{which}.npz")
    if not path.exists():
        if which == "moving":
            watch, params = moving_observer(), files.shipped()
        else:
            watch, params = motion_observer(kind=MOVING), ()
        step, out, state = jax.jit(watch.observe_fn), [], None
        for k, (_, frame) in enumerate(frames_of(name)):
            frame = shrunk_bytes(frame, longest=nanodet.NanoDetConfig().size)
            if state is None or cuts[k]:
                state = watch.init_fn(params, frame)
            dt = jnp.float32(times[k] - times[max(k - 1, 0)])
            state, seen = step(params, state, frame, jax.tree.map(lambda x, k=k: x[k], camera), dt)
            out.append(seen)
        told = jax.tree.map(lambda *x: np.stack([np.asarray(a) for a in x]), *out)
        np.savez(path, **dataclasses.asdict(told))
    told = np.load(path)
    return Observations(*(told[f.name] for f in dataclasses.fields(Observations)))


def clips(which: str, cache: pathlib.Path, smoke: bool) -> list[Clip]:
    truth: dict[str, dict[int, list[dict[str, str]]]] = {}
    with open(LABELS / f"{which}.csv") as file:
        for row in csv.DictReader(file):
            truth.setdefault(row["clip"], {}).setdefault(int(row["frame"]), []).append(row)
    found = []
    for name in list(truth)[-1:] if smoke else truth:
        told = observed(name, cache)
        seen = Observations(*(told[f.name] for f in dataclasses.fields(Observations)))
        camera = Similarity(told["turn"], told["shift"])
        moving, motion = (
            moved_boxes(name, which, camera, told["time"], told["cut"], cache)
            for which in ("moving", "motion")
        )
        found.append(
            Clip(
                name,
                seen,
                moving,
                motion,
                camera,
                told["time"],
                told["cut"],
                float(told["width"]),
                truth[name],
            )
        )
    return found
