"""Which object is which by its looks alone: learned on composites, by hand, and without labels.

    python -m experiments.benchmarks.appearance [--seeds 3] [--smoke] [--json FILE]

Boxes labelled by hand in real footage (`tests/data/objects`, see `identity`): of those of one
frame, which of all in a frame half a second, one or two seconds later is the same object? The most
alike is taken; right is the share of boxes that are found again, of frames with two objects or
more, and chance is one over how many there are. No boxes of a detector, no motion, no filter:
appearance alone.

The network's appearance is read in the middle half of each box, at 96 lines. `composites` is what
ships. `cycles` begins with it and learns on clips without labels, none of the labelled ones, by
the contrastive random walk (Jabri, Owens & Efros 2020): a walk over the cells of 8 frames, a sixth
of a second apart, there and back, has to end where it began; of the network either the last two
layers learn, which serve the appearance alone, or all that looks at the picture, which `composites`
shares with other outputs. `by hand` is `image.appearance.describe`, what `objects` tells things
apart by today.
"""

from __future__ import annotations

import csv
import functools
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.benchmarks.harness import finish, parser, print_table
from experiments.benchmarks.identity_clips import DATA, LABELS, frames_of
from vidparticles.image.appearance import describe
from vidparticles.image.resample import bilinear, resize
from vidparticles.models.moving import files
from vidparticles.models.moving.layers import unit
from vidparticles.models.moving.model import Moving
from vidparticles.models.moving.network import CELL, CUES, MovingNetwork
from vidparticles.video import open_video

LINES = 96
LATER = (0.5, 1.0, 2.0)  # s
WALK, STRIDE = 8, 1 / 6  # frames of a walk, s between them
SHAPE = (64, 96)  # pixels of a walk's frames
TEMPERATURE, DROPPED = 0.07, 0.1
STEPS, BATCH, RATE = 300, 3, 1e-3
UNLABELED = (
    *(f"clips/{name}.mp4" for name in ("dog_256", "goat_256", "cleaning_pool_kinetics")),
    *(f"clips/{name}.mp4" for name in ("ntu_fall_1080p", "water_bottle_drumming", "realshort")),
    *("clips/chaplin.mp4", "clips/bigbuckbunny_5s.mp4", "clips/flipping_a_pancake.mkv"),
    *(f"fight-surv/fight/fi{k:03d}.mp4" for k in (2, 4, 6, 8, 10, 31, 33, 35, 51, 53)),
)
MODEL = Moving()
NETWORK = MovingNetwork(MODEL.network)


def inputs(t: int, high: int, wide: int) -> tuple:
    """What the network takes beside its parameters and the pictures: no cues and no motion."""
    return (
        jnp.zeros((1, t, high // 2, wide // 2, CUES)),
        jnp.zeros((1, t, high // CELL, wide // CELL, 2)),
        MODEL.no_frames(1, (high, wide)),
    )


def appearance(params: Any, video: jax.Array) -> jax.Array:
    """[T, h, w, F] of [T, H, W, 3] uint8; what else the network tells is not computed."""
    given = inputs(*video.shape[:3])
    return NETWORK.apply({"params": params}, video[None], *given)[0].appearance[0]


# ---------------------------------------------------------------- labelled boxes


def labelled(which: str) -> dict[str, dict[int, list[tuple[str, np.ndarray]]]]:
    """Clip → frame → objects and their boxes, frame heights."""
    found: dict[str, dict[int, list[tuple[str, np.ndarray]]]] = {}
    with open(LABELS / f"{which}.csv") as file:
        for row in csv.DictReader(file):
            box = np.float32([float(row[side]) for side in ("left", "top", "right", "bottom")])
            of_clip = found.setdefault(row["clip"], {})
            of_clip.setdefault(int(row["frame"]), []).append((row["object"], box))
    return found


@functools.partial(jax.jit, static_argnames="shape")
def by_network(params: Any, frame: jax.Array, boxes: jax.Array, shape: tuple[int, int]) -> Any:
    small = jnp.clip(jnp.round(resize(frame.astype(jnp.float32), *shape)), 0, 255)
    maps = appearance(params, small.astype(jnp.uint8)[None])[0]
    inner = (np.arange(4) + 0.5) / 8 + 0.25  # the middle half
    x = boxes[:, :1] + (boxes[:, 2:3] - boxes[:, :1]) * inner
    y = boxes[:, 1:2] + (boxes[:, 3:] - boxes[:, 1:2]) * inner
    at = jnp.stack(jnp.broadcast_arrays(x[:, None], y[:, :, None]), -1) * maps.shape[0]
    return unit(jnp.mean(bilinear(maps, at), (1, 2)))


@jax.jit
def by_hand(frame: jax.Array, boxes: jax.Array) -> jax.Array:
    return describe(frame.astype(jnp.float32) / 255, boxes)


def padded(boxes: list[np.ndarray], count: int = 8) -> np.ndarray:
    """The same number of boxes for each frame, so that one program serves."""
    return np.pad(np.stack(boxes), ((0, count - len(boxes)), (0, 0)), constant_values=0.5)


def matched(features: dict[int, Any], times: dict[int, float]) -> dict[float, list[list[float]]]:
    """Right and chance of each box, for each distance in time; features are of one clip."""
    found: dict[float, list[list[float]]] = {later: [] for later in LATER}
    for a, (names, first) in features.items():
        for later in LATER:
            ahead = [b for b in features if abs(times[b] - times[a] - later) < 0.13]
            for b in ahead[:1]:
                others, second = features[b]
                if len(others) < 2:
                    continue
                for name, one in zip(names, first, strict=True):
                    if name in others:
                        right = others[int(np.argmax(second @ one))] == name
                        found[later].append([right, 1 / len(others)])
    return found


def judged(frames: dict[str, dict[int, Any]], tell: Any) -> dict[float, list[list[float]]]:
    found: dict[float, list[list[float]]] = {later: [] for later in LATER}
    for of_clip in frames.values():
        features = {
            k: (names, np.asarray(tell(frame, padded(boxes)))[: len(names)])
            for k, (_, frame, names, boxes) in of_clip.items()
        }
        times = {k: at for k, (at, *_) in of_clip.items()}
        for later, rows in matched(features, times).items():
            found[later] += rows
    return found


# ---------------------------------------------------------------- without labels


def walks() -> np.ndarray:
    """[N, WALK, *SHAPE, 3] uint8 of the clips without labels, half a walk apart."""
    made = []
    for name in UNLABELED:
        path = DATA / name
        if not path.exists():
            raise SystemExit(f"{path} is not there")
        with open_video(path) as video:
            last = min(float(video.times[-1]), 8.0)
            at = np.arange(0, last, STRIDE)
            frames = np.stack(list(video.frames([video.index_at(t) for t in at], size=SHAPE)))
        made += [frames[k : k + WALK] for k in range(0, len(frames) - WALK + 1, WALK // 2)]
    return np.stack(made)


def walk_loss(params: Any, key: jax.Array, video: jax.Array) -> jax.Array:
    """Minus the logarithm of the chance to come back, the mean of all cells of a frame."""
    maps = appearance(params, video)
    nodes = maps.reshape(len(maps), -1, maps.shape[-1])
    logits = jnp.einsum("tif,tjf->tij", nodes[:-1], nodes[1:]) / TEMPERATURE
    dropped = jax.random.bernoulli(key, DROPPED, logits.shape)
    logits = jnp.where(dropped, -1e9, logits)
    ahead, back = jax.nn.softmax(logits, -1), jax.nn.softmax(logits.swapaxes(1, 2), -1)
    there, loss = jnp.eye(nodes.shape[1]), jnp.zeros(())
    for k in range(len(logits)):  # of every length, the shortest the easiest
        there = there @ ahead[k]
        round_trip = there
        for j in range(k, -1, -1):
            round_trip = round_trip @ back[j]
        loss = loss - jnp.mean(jnp.log(jnp.diagonal(round_trip) + 1e-6))
    return loss / len(logits)


def learn(params: Any, video: np.ndarray, seed: int, *, steps: int, head: bool) -> tuple[Any, list]:
    """Taught by cycles; `head` says that the last two layers alone learn."""
    last = {"appearance", before_appearance(params)}

    def of(path: Any, _: Any) -> str:
        return "learn" if not head or path[0].key in last else "keep"

    labels = jax.tree_util.tree_map_with_path(of, params)
    optimizer = optax.multi_transform(
        {
            "learn": optax.adam(optax.cosine_decay_schedule(RATE, steps)),
            "keep": optax.set_to_zero(),
        },
        labels,
    )

    @jax.jit
    def step(params: Any, state: Any, key: jax.Array, clips: jax.Array) -> tuple:
        keys = jax.random.split(key, len(clips))

        def mean(params: Any) -> jax.Array:
            return sum(walk_loss(params, k, c) for k, c in zip(keys, clips, strict=True)) / BATCH

        loss, grads = jax.value_and_grad(mean)(params)
        change, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, change), state, loss

    state, key, curve = optimizer.init(params), jax.random.key(seed), []
    order = np.random.default_rng(seed).integers(0, len(video), (steps, BATCH))
    for k in range(steps):
        params, state, loss = step(params, state, jax.random.fold_in(key, k), video[order[k]])
        curve.append(float(loss))
    return params, curve


def before_appearance(params: Any) -> str:
    """The layer before the last, which has no name of its own: it takes the picture's channels and
    nothing but the appearance depends on it."""
    video = np.zeros((1, 16, 16, 3), np.uint8)
    grads = jax.grad(lambda p: jnp.sum(appearance(p, video) ** 3))(params)
    dense = [name for name in grads if name.startswith("Dense")]
    moved = [n for n in dense if any(np.any(np.asarray(g)) for g in jax.tree.leaves(grads[n]))]
    (name,) = moved
    return name


def main() -> None:
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=3)
    args = options.parse_args()
    seeds, steps = (1, 4) if args.smoke else (args.seeds, STEPS)
    shipped = files.shipped()
    untrained = MODEL.init(jax.random.key(0), {"video": np.zeros((1, 2, *SHAPE, 3), np.uint8)})
    video = walks()[:6] if args.smoke else walks()
    began, learned, curves = time.process_time(), {}, {}
    for name, start, head in (
        ("composites, then cycles: last layers", shipped, True),
        ("composites, then cycles: all of the picture", shipped, False),
        ("cycles alone", untrained, False),
    ):
        told = [learn(start, video, seed, steps=steps, head=head) for seed in range(seeds)]
        learned[name] = [params for params, _ in told]
        curves[name] = [curve for _, curve in told]
    minutes = (time.process_time() - began) / 60
    rows: list[list[Any]] = []
    figures: dict[str, float] = {"appearance_train_cpu_minutes": minutes, "walks": len(video)}
    for which in ("tuned", "untouched"):
        frames = pictures(which, smoke=args.smoke)
        tables = {"by hand": [judged(frames, by_hand)]}
        networks = {"untrained": [untrained], "composites": [shipped], **learned}
        for name, several in networks.items():
            tables[name] = [judged(frames, functools.partial(told_by, p)) for p in several]
        first = tables["by hand"][0]
        rows.append([which, "chance", *(np.mean([c for _, c in first[s]]) for s in LATER)])
        for name, several in tables.items():
            shares = [[np.mean([r for r, _ in t[later]]) for t in several] for later in LATER]
            rows.append([which, name, *map(np.mean, shares)])
            short = name.replace(",", "").replace(":", "").replace(" ", "_")
            figures |= {
                f"{which}_{short}_{1000 * later:.0f}ms": float(np.mean(share))
                for later, share in zip(LATER, shares, strict=True)
            }
            if len(several) > 1:
                figures[f"{which}_{short}_1000ms_spread"] = float(np.ptp(shares[1]))
        figures |= {f"{which}_boxes_{1000 * later:.0f}ms": len(first[later]) for later in LATER}
    header = ["clips", "", *(f"{later:g} s later" for later in LATER)]
    shown = [[which, name, *(f"{share:.3f}" for share in shares)] for which, name, *shares in rows]
    print_table(header, shown)
    table = {"header": header, "rows": shown}
    finish(args, figures, packages=["flax", "optax"], table=table, curves=curves)


def told_by(params: Any, frame: np.ndarray, boxes: np.ndarray) -> Any:
    wide = round(LINES * frame.shape[1] / frame.shape[0] / 8) * 8
    return by_network(params, frame, boxes, (LINES, wide))


def pictures(which: str, *, smoke: bool) -> dict[str, dict[int, Any]]:
    """Clip → frame → time, picture, objects, boxes."""
    found: dict[str, dict[int, Any]] = {}
    labels = labelled(which)
    for name in list(labels)[-1:] if smoke else labels:
        of_clip = labels[name]
        for k, (at, frame) in enumerate(frames_of(name)):
            if k in of_clip:
                names, boxes = zip(*of_clip[k], strict=True)
                found.setdefault(name, {})[k] = (float(at), frame, names, list(boxes))
    return found


if __name__ == "__main__":
    main()
