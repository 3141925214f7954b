"""Objects found and followed in real footage without labels: does one stay on the player?

    python -m experiments.benchmarks.objects [--smoke] [--json FILE] [--seeds 3]

The tennis player of DAVIS, 70 frames under a camera that moves. `experiments/train.py` with
`configs/clip.py` trains on these frames alone, by reconstruction and prediction; masks are for
counting only. A share is of all frames, those in which the middle of one object, the same all
along, lies on the player; it is that of the best object there was, told by the masks, and beside
it stands out of how many. Near means within 10 of 480 lines of him. References: the middle of the
picture; the centroid of what differs from the frame before, and of what differs from the running
background of `tracking.background`; the best point of `tracking.points.tracker`; the same
model untrained.
"""

from __future__ import annotations

import functools
import pathlib
import statistics
import tempfile
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from experiments.benchmarks.harness import ROOT, finish, parser, print_table
from experiments.configs import clip as clip_config
from experiments.train import train
from vidparticles.data.spec import in_shape
from vidparticles.tracking.base import scan
from vidparticles.tracking.discs import background
from vidparticles.tracking.discs.tracker import init
from vidparticles.tracking.points.state import PointConfig
from vidparticles.tracking.points.tracker import point_tracker
from vidparticles.training.run import load_model
from vidparticles.video import open_video, write_video

TENNIS = ROOT.parent / "shared" / "data" / "masks" / "davis_tennis"
RATE = 24
NEAR = 10 / 480  # frame heights
POINTS = 512  # of the tracker


def footage() -> tuple[np.ndarray, np.ndarray]:
    """uint8 [T, H, W, 3], and where the player is, bool [T, H, W]."""
    frames, masks = (
        np.stack([np.asarray(Image.open(p)) for p in sorted((TENNIS / name).iterdir())])
        for name in ("frames", "masks")
    )
    return frames, (masks.max(-1) if masks.ndim == 4 else masks) > 0


def distances(masks: np.ndarray) -> np.ndarray:
    """How far each pixel is from the player, [T, H, W] frame heights; 0 on him."""
    from scipy.ndimage import distance_transform_edt

    return np.stack([distance_transform_edt(~mask) for mask in masks]) / masks.shape[1]


def on_player(position: np.ndarray, off: np.ndarray) -> np.ndarray:
    """Distance from the player of places [T, N, 2] in frame heights, [T, N]."""
    _, height, width = off.shape
    x, y = np.moveaxis(np.floor(position * height).astype(int), -1, 0)
    place = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
    return off[np.arange(len(off))[:, None], *place]


def best(
    position: np.ndarray, identity: np.ndarray, alive: np.ndarray, off: np.ndarray
) -> tuple[float, float, int]:
    """Share of frames on the player of the best identity, share near him of the best one there,
    and out of how many."""
    away = np.where(alive, on_player(position, off), np.inf)
    names = np.unique(identity[alive])
    shares = [
        max((((identity == name) & (away <= least)).any(1).mean() for name in names), default=0.0)
        for least in (0, NEAR)
    ]
    return float(shares[0]), float(shares[1]), len(names)


def always(position: np.ndarray, off: np.ndarray) -> tuple[float, float, int]:
    """The same of one place a frame, [T, 2]."""
    shape = (len(position), 1)
    return best(position[:, None], np.zeros(shape, int), np.ones(shape, bool), off)


def centroid(difference: np.ndarray) -> np.ndarray:
    """The middle of what is there, [T, 2] frame heights, of [T, H, W]."""
    height, width = difference.shape[1:]
    total = difference.sum((1, 2)) + 1e-9
    x = (difference.sum(1) * (np.arange(width) + 0.5)).sum(-1) / total
    y = (difference.sum(2) * (np.arange(height) + 0.5)).sum(-1) / total
    return np.stack([x, y], axis=-1) / height


def references(frames: np.ndarray, small: np.ndarray, off: np.ndarray) -> dict:
    """What learns nothing."""
    length, height, width = frames.shape[:3]
    middle = np.tile([width / height / 2, 0.5], (length, 1))
    change = np.abs(np.diff(small.astype(float), axis=0, prepend=small[:1])).mean(-1)

    def over(now: background.Background, frame: jax.Array) -> tuple:
        now, _, under = background.step(now, frame, jnp.asarray(1 / RATE), jnp.zeros((), bool))
        return now, jnp.abs(frame / 255 - under).mean(-1)

    empty = background.start((), *small.shape[1:3])
    apart = np.asarray(jax.lax.scan(over, empty, jnp.asarray(small))[1])
    times = jnp.arange(length) / RATE
    tracker = point_tracker(PointConfig(count=POINTS))
    points = jax.jit(functools.partial(scan, tracker, ()))(jnp.asarray(frames), times)
    p = points.trajectory.particles
    return {
        "middle of the picture": always(middle, off),
        "centroid of the frame difference": always(centroid(change), off),
        "centroid of what is not background": always(centroid(apart), off),
        "best point of the tracker": best(
            np.asarray(p.position), np.asarray(points.identity), np.asarray(p.alive), off
        ),
    }


def of_objects(model: Any, params: dict, small: np.ndarray, off: np.ndarray) -> tuple:
    """The best object of a model's tracker."""
    times = jnp.arange(len(small)) / RATE
    tracks = jax.jit(functools.partial(scan, model.tracker))(params, jnp.asarray(small), times)
    p = jax.tree.map(np.asarray, tracks.trajectory.particles)
    return best(p.position, np.asarray(tracks.identity), p.alive, off)


def main() -> None:
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=3)
    args = options.parse_args()
    seeds = 1 if args.smoke else args.seeds
    frames, masks = footage()
    if args.smoke:
        frames, masks = frames[:8], masks[:8]
    off, found, minutes = distances(masks), [], []
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "tennis.mp4"
        write_video(file, frames, rate=RATE, crf=8)
        config = clip_config.get_config()
        config.data.file = str(file)
        if args.smoke:
            config.steps, config.batch_size, config.data.frames, config.data.size = 1, 1, 4, 32
        size = in_shape(config.data.size, frames.shape[2] / frames.shape[1])
        with open_video(file) as video:
            small = video.frames(range(len(video)), size=size)
        rows = references(frames, small, off)
        for seed in range(seeds):
            config.seed = seed
            began = time.process_time()
            train(config, pathlib.Path(folder) / str(seed))
            minutes.append((time.process_time() - began) / 60)
            loaded = load_model(pathlib.Path(folder) / str(seed))
            model = loaded.model
            found.append(of_objects(model, model.tracker_params(loaded.params), small, off))
        untrained = init(jax.random.key(0), model.objects)
        rows["objects, untrained"] = of_objects(model, untrained, small, off)
    for seed, row in enumerate(found):
        rows[f"objects, seed {seed}"] = row
    header = ["", "on the player, %", "near him, %", "best of"]
    table = [
        [name, f"{100 * on:.1f}", f"{100 * near:.1f}", n] for name, (on, near, n) in rows.items()
    ]
    print_table(header, table)
    figures = {
        "things_tennis_share": statistics.mean(row[0] for row in found),
        "things_tennis_near": statistics.mean(row[1] for row in found),
        "things_tennis_untrained": rows["objects, untrained"][0],
        "things_tennis_middle": rows["middle of the picture"][0],
        "things_tennis_difference": rows["centroid of the frame difference"][0],
        "things_tennis_not_ground": rows["centroid of what is not background"][0],
        "things_tennis_point": rows["best point of the tracker"][0],
        "things_train_cpu_minutes": statistics.mean(minutes),
    }
    finish(args, figures, packages=["flax", "optax"], table={"header": header, "rows": table})


if __name__ == "__main__":
    jax.config.update("jax_platforms", "cpu")
    main()
