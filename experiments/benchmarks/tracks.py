"""Points followed through real pictures that move in known ways, beside OpenCV's.

Frames of `../shared/data/clips` that the constants of the tracker were not chosen on are moved
by known warps and followed for 30 frames from one set of seeds, by `tracking.points.tracker` and by
pyramidal Lucas-Kanade of OpenCV (`calcOpticalFlowPyrLK`, 21 × 21, four levels). An error is a
distance from the truth in pixels at 320 × 240, where the point can be seen. A point survives
if it is followed to the end, and is there within 2 pixels. What cameras and hands do besides
(`tracks_scenes`) is a table of its own, over pictures that no number was chosen on, beside
OpenCV's there and back: `survive_KIND`, `error_KIND_vs_cv2`, and `false_cuts`, those that `shots`
finds in it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

import cv2
import jax
import numpy as np
from PIL import Image

from experiments.benchmarks import tracks_lives, tracks_scenes
from experiments.benchmarks.calibration import area_under_curve, calibration_gap
from experiments.benchmarks.harness import (
    ROOT,
    finish,
    interleaved,
    parser,
    print_table,
    print_timings,
    ratio,
)
from vidparticles.flow import dense as field
from vidparticles.image import resample as sampling
from vidparticles.tracking import segments
from vidparticles.tracking.points.state import PointConfig, PointState
from vidparticles.tracking.points.tracker import point_tracker

DATA = ROOT.parent / "shared" / "data"
HEIGHT, WIDTH, FRAMES, COUNT = 240, 320, 31, 512
RATE = 30
TRACKER = point_tracker(PointConfig(count=COUNT))
SOURCE = 960, 720  # the view is the middle of it, at half the size: a warp shows no border
CLIPS = (
    "basketball_two_players.mp4",
    "sam2_03_blocks.mp4",
    "sam2_05_default_juggle.mp4",
    "ntu_fall_1080p.mp4",
    "arm_wrestling.mp4",
    "dog_256.mp4",
    "goat_256.mp4",
    "maxtext_test_video.mp4",
    "water_bottle_drumming.mp4",
    "bigbuckbunny_5s.mp4",
)
WARPS = (
    "translation",
    "rotation",
    "zoom",
    "affine",
    "elastic",
    "occluder",
    "brightness",
    "noise",
    "blur",
)
BAR, BAR_SPEED = 53, 6  # pixels, and a frame: 10 frames, against a picture that moves 0.7
PATCH = 8  # pixels around a point that must be seen for it to count as seen

Places = Callable[[int, np.ndarray], np.ndarray]


def picture(name: str, at: int = 10) -> np.ndarray:
    """A frame of a clip as floats of the size of the source."""
    reader, frame = cv2.VideoCapture(str(DATA / "clips" / name)), None
    for _ in range(at + 1):
        more, read = reader.read()
        frame = read if more else frame
    scale = max(SOURCE[0] / frame.shape[1], SOURCE[1] / frame.shape[0])
    size = [int(np.ceil(n * scale)) for n in frame.shape[1::-1]]
    frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    x, y = ((n - m) // 2 for n, m in zip(size, SOURCE, strict=True))
    frame = frame[y : y + SOURCE[1], x : x + SOURCE[0], ::-1].astype(np.float32)
    return cv2.GaussianBlur(frame, (0, 0), 0.8)


def motion(warp: str) -> tuple[Places, Places]:
    """Where places of the first frame are at frame t, and the way back."""
    if warp == "elastic":

        def bent(t: int, p: np.ndarray) -> np.ndarray:
            x, y = 2 * np.pi * p[..., 0], 2 * np.pi * p[..., 1]
            u = np.stack([np.sin(y / 130 + 0.3) + 0.5 * np.sin(x / 170), np.cos(x / 150)], -1)
            return 6 * t / (FRAMES - 1) * u

        def forward(t: int, p: np.ndarray) -> np.ndarray:
            found = p
            for _ in range(60):
                found = p + bent(t, found)
            return found

        return forward, lambda t, p: p - bent(t, p)

    def at(t: int) -> tuple[np.ndarray, np.ndarray]:
        a, shift, still = np.deg2rad(t), np.zeros(2), np.eye(2)
        if warp == "translation":
            return still, np.asarray([1.7, -0.9]) * t
        if warp == "rotation":
            return np.asarray([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]), shift
        if warp == "zoom":
            return still * 1.01**t, shift
        if warp == "affine":
            bend = np.asarray([[0.006, 0.008], [-0.004, -0.005]])
            return still + t * bend, np.asarray([0.4, 0.2]) * t
        return still, np.asarray([0.7, 0.4]) * t

    middle = np.asarray([WIDTH / 2, HEIGHT / 2])

    def forward_affine(t: int, p: np.ndarray) -> np.ndarray:
        matrix, shift = at(t)
        return (p - middle) @ matrix.T + middle + shift

    def back(t: int, p: np.ndarray) -> np.ndarray:
        matrix, shift = at(t)
        return (p - middle - shift) @ np.linalg.inv(matrix).T + middle

    return forward_affine, back


def bar_at(t: int) -> int:
    """Left edge of the occluder."""
    return BAR_SPEED * t - BAR


def moved(source: np.ndarray, warp: str, cover: np.ndarray) -> np.ndarray:
    """uint8 [T, H, W, 3]: the source moved by a warp; `cover` is what the occluder shows."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    grid = np.stack([x + 0.5, y + 0.5], -1)
    corner = (np.asarray(SOURCE) - 2 * np.asarray([WIDTH, HEIGHT])) / 2
    random = np.random.default_rng(0)

    def seen(image: np.ndarray, places: np.ndarray) -> np.ndarray:
        at = (2 * places + corner - 0.5).astype(np.float32)
        return cv2.remap(image, at, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)

    frames, bar = [], seen(cover, grid)
    for t in range(FRAMES):
        share = t / (FRAMES - 1)
        frame = seen(source, motion(warp)[1](t, grid))
        if warp == "occluder":
            a, b = max(bar_at(t), 0), max(bar_at(t) + BAR, 0)
            frame[:, a:b] = bar[:, a - bar_at(t) : b - bar_at(t)]
        if warp == "brightness":
            frame = frame * (1 - 0.35 * share + 0.1 * np.sin(t)) + 10 * np.sin(0.7 * t)
        if warp == "noise":
            frame = frame + random.normal(0, 6, frame.shape)
        if warp == "blur" and t:
            frame = cv2.GaussianBlur(frame, (0, 0), 1.5 * share)
        frames.append(np.clip(np.round(frame), 0, 255).astype(np.uint8))
    return np.stack(frames)


def followed(state: PointState | None, frame: np.ndarray, time: float) -> PointState:
    """The points one frame on; from None, those of the first frame."""
    if state is None:
        state = TRACKER.init_fn((), frame, time)
    return TRACKER.step_fn((), state, frame, time)[0]


def follow(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions in pixels [T, N, 2] of what is born in the first frame, where alive, how sure."""
    first = state = None
    positions, alive, sure = [], [], []
    for t, frame in enumerate(frames):
        state = followed(state, frame, t / RATE)
        first = first or state
        positions.append(np.asarray(state.particles.position) * frame.shape[0])
        alive.append(np.asarray(state.particles.alive & (state.identity == first.identity)))
        sure.append(np.asarray(state.confidence))
    born = alive[0]
    return np.stack(positions)[:, born], np.stack(alive)[:, born], np.stack(sure)[:, born]


def lucas_kanade(frames: np.ndarray, seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same from given seeds by OpenCV."""
    gray = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    points = (seeds - 0.5).astype(np.float32)[:, None]
    positions, alive = [seeds], [np.ones(len(seeds), bool)]
    for before, after in itertools.pairwise(gray):
        points, found, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None)
        positions.append(points[:, 0] + 0.5)
        alive.append(alive[-1] & (found[:, 0] > 0))
    return np.stack(positions), np.stack(alive)


def one(name: str, warp: str, cover: np.ndarray) -> dict[str, np.ndarray | float]:
    """Errors and survival of both on one picture and warp."""
    frames = moved(picture(name), warp, cover)
    ours = follow(frames)[:2]
    theirs = lucas_kanade(frames, ours[0][0])
    truth = np.stack([motion(warp)[0](t, ours[0][0]) for t in range(FRAMES)])
    size = np.asarray([WIDTH, HEIGHT])
    inside = ((truth > PATCH) & (truth < size - PATCH)).all(-1)
    seen = inside.copy()
    if warp == "occluder":
        into = truth[..., 0] - np.asarray([bar_at(t) for t in range(FRAMES)])[:, None]
        seen &= ~((into > -PATCH) & (into < BAR + PATCH))
    known, found = seen[0], {}
    for who, (position, alive) in {"ours": ours, "cv2": theirs}.items():
        off = np.linalg.norm(position - truth, axis=-1)
        found[who] = off[1:][(alive & seen & known)[1:]]
        there = known & seen[-1]
        found[f"{who}_survival"] = float(np.mean((alive[-1] & (off[-1] < 2))[there]))
        if who == "ours" and warp == "occluder":
            # Seen again for the last five frames, after the bar has passed.
            crossed = known & inside.all(0) & (~seen).any(0) & seen[-5:].all(0)
            found["identity"] = (alive[-1] & (off[-1] < 2))[crossed].astype(float)
    return found


def davis() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Frames of the tennis player, and where he is."""
    folder = DATA / "masks" / "davis_tennis"
    frames = [np.asarray(Image.open(p)) for p in sorted((folder / "frames").iterdir())]
    masks = [np.asarray(Image.open(p)) for p in sorted((folder / "masks").iterdir())]
    return frames, [m.max(-1) > 0 if m.ndim == 3 else m > 0 for m in masks]


def tennis() -> float:
    """Share of the points born on the player that are on him 30 frames later, if alive."""
    frames, masks = davis()
    height, width = masks[0].shape
    state = None
    held: dict[int, int] = {}
    inside = total = 0
    for t, (frame, mask) in enumerate(zip(frames, masks, strict=True)):
        state = followed(state, frame, t / 24)
        at = np.floor(np.asarray(state.particles.position) * height).astype(int)
        on = mask[np.clip(at[:, 1], 0, height - 1), np.clip(at[:, 0], 0, width - 1)]
        for k in np.flatnonzero(np.asarray(state.particles.alive)):
            name = int(state.identity[k])
            if name not in held:
                held[name] = t if on[k] else -1
            elif held[name] >= 0 and t - held[name] <= 30:
                total, inside = total + 1, inside + int(on[k])
    return inside / max(total, 1)


def overlap(found: list[np.ndarray], masks: list[np.ndarray]) -> float:
    """Mean intersection over union."""
    both = [((f & m).sum(), (f | m).sum()) for f, m in zip(found, masks, strict=True)]
    return float(np.mean([shared / max(all_, 1) for shared, all_ in both]))


def tennis_groups() -> dict[str, float]:
    """How the groups by common fate lie over the player, beside what needs no tracks.

    A place is given to a group by `segments.region`, from the motion that `flow.dense` sees
    there. The trivial ones: where frames differ most (the best of some thresholds, told by the
    masks), and a box in the middle of the frame (the best of some sizes, likewise).
    """
    frames, masks = davis()
    height, width = masks[0].shape
    segmenter = segments.motion_segments()
    state, together = None, segmenter.init_fn(COUNT)
    found, motions, region = [], jax.jit(field.motions), jax.jit(segments.region)
    for t, frame in enumerate(frames):
        state = followed(state, frame, t / 24)
        together = segmenter.step_fn(together, state.particles, state.identity, state.time)
        if t:
            flow = -24 * motions(frames[t - 1], frame)[0][1]
            rows, columns = flow.shape[:2]
            place = sampling.pixel_centers(rows, columns) / rows
            label = np.asarray(region(together, state.particles, place, flow / rows))
            large = Image.fromarray(label > 0).resize((width, height), Image.Resampling.NEAREST)
            found.append(np.asarray(large))
    changes = [np.abs(b.astype(float) - a).mean(-1) for a, b in itertools.pairwise(frames)]
    x = np.abs(np.arange(width) / width - 0.5)
    y = np.abs(np.arange(height)[:, None] / height - 0.5)
    boxes = [(x < a) & (y < b) for a in (0.1, 0.15, 0.2, 0.25) for b in (0.2, 0.3, 0.4)]
    rest = masks[1:]
    return {
        "tennis_group_iou": overlap(found, rest),
        "tennis_iou_difference": max(
            overlap([change > least for change in changes], rest) for least in (5, 10, 20, 40)
        ),
        "tennis_iou_box": max(overlap([box] * len(rest), rest) for box in boxes),
    }


def speed(repeats: int) -> tuple[dict, int]:
    """Streaming through a real clip: ours, and OpenCV's there and back with new seeds."""
    reader, frames = cv2.VideoCapture(str(DATA / "clips" / CLIPS[0])), []
    for _ in range(FRAMES):
        frames.append(cv2.resize(reader.read()[1][..., ::-1], (WIDTH, HEIGHT)))
    first = followed(None, frames[0], 0.0)

    def ours() -> PointState:
        state = first
        for t, frame in enumerate(frames[1:]):
            state = followed(state, frame, (t + 1) / RATE)
        return state

    def peer(both: bool) -> Callable[[], None]:
        def call() -> None:
            before = cv2.cvtColor(frames[0], cv2.COLOR_RGB2GRAY)
            points = cv2.goodFeaturesToTrack(before, COUNT, 0.001, 5)
            for frame in frames[1:]:
                after = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
                there, _, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None)
                if both:
                    cv2.calcOpticalFlowPyrLK(after, before, there, None)
                    cv2.goodFeaturesToTrack(after, COUNT, 0.001, 5)
                before, points = after, there

        return call

    candidates = {"ours": ours, "cv2 there and back, seeds": peer(True), "cv2 there": peer(False)}
    return interleaved(candidates, repeats=repeats), FRAMES - 1


def main() -> None:
    args = parser(__doc__.splitlines()[0]).parse_args()
    clips, warps = (CLIPS[:1], WARPS[:2]) if args.smoke else (CLIPS, WARPS)
    cover, started, rows, results = picture(CLIPS[2]), time.time(), [], {}
    for warp in warps:
        found = [one(name, warp, cover) for name in clips]
        pooled = {who: np.concatenate([f[who] for f in found]) for who in ("ours", "cv2")}
        lives = {who: np.mean([f[f"{who}_survival"] for f in found]) for who in ("ours", "cv2")}
        results[warp] = pooled, lives, [f["identity"] for f in found if "identity" in f]
        figures = [f for who in pooled for f in np.percentile(pooled[who], [50, 95])]
        rows.append([warp, *(f"{f:.3f}" for f in (*figures, *lives.values()))])
        print(f"{warp}: {time.time() - started:.0f} s", flush=True)
    header = ["warp, px", "median", "p95", "cv2 median", "cv2 p95", "survival", "cv2 survival"]
    print_table(header, rows)
    ours, theirs = (
        np.concatenate([r[0][who] for r in results.values()]) for who in ("ours", "cv2")
    )
    kinds = tracks_scenes.KINDS[:1] if args.smoke else tracks_scenes.KINDS
    pictures = tracks_scenes.HELD[:2] if args.smoke else tracks_scenes.HELD
    made = {kind: tracks_scenes.measure(kind, pictures, follow, seed=1) for kind in kinds}
    names = ["ours_survival", "cv2_survival", "ours_median", "cv2_median", "ours_p95", "cv2_p95"]
    hard_rows = [
        [kind, f["points"], f["seeds"], f["cuts"], *(f"{f[name]:.3f}" for name in names)]
        for kind, f in made.items()
    ]
    hard_header = ["made scene", "points", "fewest seeds", "false cuts", "survival", "cv2"]
    hard_header += ["median, px", "cv2", "p95", "cv2"]
    print_table(hard_header, hard_rows)
    timings, steps = speed(2 if args.smoke else 7)
    print_timings(timings)
    figures = {
        "median_px": np.median(ours),
        "p95_px": np.percentile(ours, 95),
        "error_vs_cv2": np.mean(ours) / np.mean(theirs),
        "survival_vs_cv2": np.mean([r[1]["ours"] / r[1]["cv2"] for r in results.values()]),
        "fps": steps / timings["ours"].median,
        "fps_vs_cv2": ratio(timings, "cv2 there and back, seeds", "ours"),
        "fps_vs_cv2_forward": ratio(timings, "cv2 there", "ours"),
    }
    for kind, values in made.items():
        key = kind.replace(" ", "_")
        figures[f"survive_{key}"] = values["ours_survival"]
        figures[f"survive_{key}_cv2"] = values["cv2_survival"]
        figures[f"error_{key}_vs_cv2"] = values["ours_median"] / values["cv2_median"]
    sure, right = (np.concatenate([f[name] for f in made.values()]) for name in ("sure", "right"))
    figures["confidence_gap"] = calibration_gap(sure, right)
    figures["confidence_auc"] = area_under_curve(sure, right)
    figures["false_cuts"] = sum(f["cuts"] for f in made.values())
    if not args.smoke:
        figures["seeds_dim"] = made["dim"]["seeds"]
        figures["identity_after_occlusion"] = np.mean(np.concatenate(results["occluder"][2]))
        for name, clip in tracks_lives.CLIPS.items():
            lived = tracks_lives.lives(clip, followed, rate=RATE)
            figures[f"life_{name}"] = np.median(lived["ours"])
            figures[f"life_{name}_cv2"] = np.median(lived["cv2"])
        figures["tennis_inside"] = tennis()
        figures |= tennis_groups()
    finish(
        args,
        figures,
        packages=["opencv-python-headless"],
        table={"header": header, "rows": rows},
        costs={"header": hard_header, "rows": hard_rows},
    )


if __name__ == "__main__":
    jax.config.update("jax_platforms", "cpu")
    main()
