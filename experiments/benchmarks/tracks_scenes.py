"""Made scenes in which points are hard to follow, with where each point of the first frame is.

Photographs and frames of clips are moved as cameras and hands move them: shaken, swung with the
shutter open, tilted, out of focus, dim, compressed; or a piece of one picture flies over another.
`TUNED` are the pictures that the tracker's numbers were chosen on, `HELD` those of the table.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import zlib
from collections.abc import Callable
from typing import Any

import av
import cv2
import numpy as np
from PIL import Image

from experiments.benchmarks.harness import ROOT
from vidparticles import shots

DATA = ROOT.parent / "shared" / "data"
HEIGHT, WIDTH, FRAMES = 240, 320, 31
PATCH = 8  # pixels around a point that must be in the picture
SOURCE = 960, 720  # the view is the middle of it, at half the size: a warp shows no border
MIDDLE = np.asarray([WIDTH / 2, HEIGHT / 2])
TUNED = (
    "clips/basketball_two_players.mp4:10",
    "clips/sam2_03_blocks.mp4:10",
    "clips/goat_256.mp4:10",
    "clips/water_bottle_drumming.mp4:10",
)
HELD = (
    "masks/davis_tennis/frames/00000.png",
    "scene-cuts/testvideo.mp4:300",
    "clips/cleaning_pool_kinetics.mp4:40",
    "clips/flipping_a_pancake.mkv:60",
    "decode-exact/nasa_13013.mp4:60",
    "clips/carphone_pristine.mp4:30",
    "clips/sam2_01_dog.mp4:40",
)
KINDS = (
    "jitter",
    "blur half",
    "blur full",
    "object 12",
    "object 20",
    "camera 20",
    "perspective",
    "crf36",
    "defocus",
    "dim",
)
OBJECT = 42  # pixels, radius of what flies over the picture
ROUND = 75  # pixels, radius of the circle that it flies


@dataclasses.dataclass(frozen=True)
class Scene:
    """Pictures and their truth.

    Attributes:
        frames: uint8 [T, H, W, 3].
        at: (t, points of frame 0 [N, 2]) → where they are at t, pixels.
        counts: points of frame 0 → [N] bool, who is asked about.
    """

    frames: np.ndarray
    at: Callable[[int, np.ndarray], np.ndarray]
    counts: Callable[[np.ndarray], np.ndarray]


def picture(name: str) -> np.ndarray:
    """A photograph, or the frame of a clip that is named behind a colon, of the source's size."""
    path, _, at = name.partition(":")
    if at:
        with av.open(str(DATA / path)) as file:
            frame = next(itertools.islice(file.decode(video=0), int(at), None))
            image = frame.to_ndarray(format="rgb24")
    else:
        image = np.asarray(Image.open(DATA / path).convert("RGB"))
    scale = max(SOURCE[0] / image.shape[1], SOURCE[1] / image.shape[0])
    size = [int(np.ceil(n * scale)) for n in image.shape[1::-1]]
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    x, y = ((n - m) // 2 for n, m in zip(size, SOURCE, strict=True))
    image = image[y : y + SOURCE[1], x : x + SOURCE[0]].astype(np.float32)
    return cv2.GaussianBlur(image, (0, 0), 0.8)


def homographies(kind: str, random: np.random.Generator, steps: int) -> np.ndarray:
    """[T · steps + 1, 3, 3], places about the middle of the first frame → of each moment."""
    count = FRAMES * steps
    t = np.arange(count + 1) / steps
    made = np.tile(np.eye(3), (count + 1, 1, 1))
    if kind == "jitter":
        # 2 to 4 % of the height a frame, with some roll and zoom, and never far from home.
        place, angle = np.zeros(2), 0.0
        for k in range(1, count + 1):
            length = random.uniform(0.02, 0.04) * HEIGHT
            ways = random.uniform(0, 2 * np.pi, 3)
            there = place + length * np.stack([np.cos(ways), np.sin(ways)], -1)
            place = min(there, key=lambda p: max(0, np.abs(p).max() - 30))
            angle = 0.7 * angle + np.deg2rad(random.normal(0, 0.5))
            zoom = 1 + random.normal(0, 0.005)
            c, s = zoom * np.cos(angle), zoom * np.sin(angle)
            made[k] = [[c, -s, place[0]], [s, c, place[1]], [0, 0, 1]]
    elif kind.startswith("blur"):
        way = random.uniform(0, 2 * np.pi)
        made[:, :2, 2] = 40 * np.sin(0.5 * t)[:, None] * [np.cos(way), 0.7 * np.sin(way)]
    elif kind == "camera 20":
        # 6, then 13, then 20 pixels a frame, there and back.
        speeds = np.resize(np.repeat([6, -6, 13, -13, 20, -20], 6), count)
        made[1:, 0, 2] = np.cumsum(speeds)
    elif kind == "perspective":
        far = 1.2 * WIDTH
        for k, angle in enumerate(np.deg2rad(2.0) * t):
            c, s = np.cos(angle), np.sin(angle)
            made[k] = [[c, 0, 0], [0, 1, 0], [s / far, 0, 1]]
    elif kind in ("crf36", "dim", "defocus"):
        made[:, :2, 2] = np.asarray([2.6, -1.6]) * t[:, None]
    return made


def through(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points [..., 2] through a homography about the middle."""
    flat = np.concatenate([points - MIDDLE, np.ones_like(points[..., :1])], -1) @ matrix.T
    return flat[..., :2] / flat[..., 2:] + MIDDLE


def view(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    """What the source shows at places [H, W, 2] in pixels of the view."""
    corner = (np.asarray(SOURCE) - 2 * np.asarray([WIDTH, HEIGHT])) / 2
    at = (2 * places + corner - 0.5).astype(np.float32)
    return cv2.remap(image, at, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def pixel_grid() -> np.ndarray:
    """[H, W, 2], centers of the pixels."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    return np.stack([x + 0.5, y + 0.5], -1)


def scene(kind: str, name: str, cover: str, *, seed: int) -> Scene:
    """One scene.

    Args:
        kind: one of `KINDS`.
        name: of the picture.
        cover: of the picture that a piece of flies over it.
        seed: of what is random; with the name and the kind.
    """
    random = np.random.default_rng([seed, zlib.crc32(f"{kind} {name}".encode())])
    if kind.startswith("object"):
        return _object(float(kind.split()[1]), picture(name), picture(cover), random)
    source, grid = picture(name), pixel_grid()
    steps = 16 if kind.startswith("blur") else 1
    shutter = {"blur half": 8, "blur full": 16}.get(kind, 1)
    matrices = homographies(kind, random, steps)
    frames = []
    for t in range(FRAMES):
        part = [
            view(source, through(np.linalg.inv(matrices[t * steps + k]), grid))
            for k in range(shutter)
        ]
        frame = np.mean(part, 0)
        if kind == "defocus" and t:
            frame = cv2.GaussianBlur(frame, (0, 0), 3 * t / (FRAMES - 1))
        if kind == "dim":
            frame = 0.1 * frame + random.normal(0, 1.5, frame.shape)
        frames.append(frame)
    shown = np.clip(np.round(np.stack(frames)), 0, 255).astype(np.uint8)
    if kind == "crf36":
        shown = compressed(shown, crf=36)
    middle = (shutter - 1) / 2
    between = int(middle), int(np.ceil(middle))

    def moment(t: int, points: np.ndarray) -> np.ndarray:
        return np.mean([through(matrices[t * steps + k], points) for k in between], 0)

    def at(t: int, points: np.ndarray) -> np.ndarray:
        # Where the shutter stays open all is shifts: the first frame has moved, too.
        return moment(t, points - (moment(0, points) - points))

    return Scene(shown, at, lambda points: np.ones(len(points), bool))


def _object(
    speed: float, source: np.ndarray, cover: np.ndarray, random: np.random.Generator
) -> Scene:
    """A disc of one picture that flies a circle over another, which moves a little."""
    grid, turn = pixel_grid(), random.uniform(0, 2 * np.pi)
    drift = random.uniform(-0.5, 0.5, 2)

    def center(t: int) -> np.ndarray:
        angle = turn + t * speed / ROUND
        return MIDDLE + ROUND * np.asarray([np.cos(angle), np.sin(angle)])

    frames = []
    for t in range(FRAMES):
        ground = view(source, grid - t * drift)
        disc = view(cover, grid - center(t) + MIDDLE)
        off = np.linalg.norm(grid - center(t), axis=-1)[..., None]
        share = np.clip(OBJECT - off + 0.5, 0, 1)
        frames.append(share * disc + (1 - share) * ground)
    shown = np.clip(np.round(np.stack(frames)), 0, 255).astype(np.uint8)
    return Scene(
        shown,
        lambda t, points: points + center(t) - center(0),
        # Nearer to the edge a window of LK or ours is mostly ground.
        lambda points: np.linalg.norm(points - center(0), axis=-1) < OBJECT - 4,
    )


def compressed(frames: np.ndarray, *, crf: int) -> np.ndarray:
    """The frames as x264 leaves them."""
    store = io.BytesIO()
    with av.open(store, "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=30, options={"crf": str(crf)})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(stream.encode())
    store.seek(0)
    with av.open(store) as file:
        return np.stack([f.to_ndarray(format="rgb24") for f in file.decode(video=0)])


def there_and_back(frames: np.ndarray, seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same from given seeds by OpenCV, of whom following back leads home within a pixel."""
    gray = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    points = (seeds - 0.5).astype(np.float32)[:, None]
    positions, alive = [seeds], [np.ones(len(seeds), bool)]
    for before, after in itertools.pairwise(gray):
        there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None)
        back, again, _ = cv2.calcOpticalFlowPyrLK(after, before, there, None)
        home = np.linalg.norm(back - points, axis=-1)[:, 0] < 1
        positions.append(there[:, 0] + 0.5)
        alive.append(alive[-1] & (found[:, 0] > 0) & (again[:, 0] > 0) & home)
        points = there
    return np.stack(positions), np.stack(alive)


def measure(
    kind: str,
    names: tuple[str, ...],
    follow: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]],
    *,
    seed: int,
) -> dict[str, Any]:
    """Scenes of one kind: survival of the points that are in the picture all the time, and errors.

    Points of all pictures are pooled.

    Args:
        kind: one of `KINDS`.
        names: of pictures; a piece of the next flies over each.
        follow: frames → positions in pixels [T, N, 2] of the points of the first, [T, N] bool
            where they are alive, and how sure they are, in [0, 1], of being within a pixel.
        seed: of what is random.
    """
    errors: dict[str, list[np.ndarray]] = {"ours": [], "cv2": []}
    lives: dict[str, list[np.ndarray]] = {"ours": [], "cv2": []}
    seeds, cuts, sure, right = [], 0, [], []
    for k, name in enumerate(names):
        made = scene(kind, name, names[(k + 1) % len(names)], seed=seed)
        *ours, said = follow(made.frames)
        start = ours[0][0]
        seeds.append(len(start))
        cuts += sum(cut for *_, cut in shots.stream(enumerate(made.frames)))
        if not len(start):
            continue
        truth = np.stack([made.at(t, start) for t in range(FRAMES)])
        inside = ((truth > PATCH) & (truth < [WIDTH - PATCH, HEIGHT - PATCH])).all((0, 2))
        among = made.counts(start) & inside
        theirs = there_and_back(made.frames, start)
        for who, (position, alive) in {"ours": ours, "cv2": theirs}.items():
            off = np.linalg.norm(position - truth, axis=-1)
            asked = alive[1:] & among
            errors[who].append(off[1:][asked])
            if who == "ours":
                sure.append(said[1:][asked])
                right.append(off[1:][asked] < 1)
            lives[who].append((alive[-1] & (off[-1] < 2))[among])
    found = {}
    for who in errors:
        pooled = np.concatenate(errors[who])
        found[f"{who}_median"], found[f"{who}_p95"] = np.percentile(pooled, [50, 95])
        found[f"{who}_survival"] = float(np.mean(np.concatenate(lives[who])))
    found |= {"sure": np.concatenate(sure), "right": np.concatenate(right)}
    return found | {"seeds": min(seeds), "points": len(np.concatenate(lives["ours"])), "cuts": cuts}
