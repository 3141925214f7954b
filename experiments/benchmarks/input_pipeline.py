"""The input pipeline against a bare PyAV loop, its proxies against sources and JPEGs.

    python experiments/benchmarks/input_pipeline.py [--smoke] [--json FILE]

Clips of 10 s, 320 × 240; a sample is 16 frames of 112 × 112, one at a random time in each
sixteenth. Footage: the real clips of $VIDPARTICLES_DATA (default ../shared/data) where they
are, else the embedded set's stories. CPU seconds are those of all threads.

- pipeline_vs_bare_loop: clips per CPU-second of `data.pipeline` over those of a loop that
  opens, seeks, decodes and scales the same frames of the same proxies and does nothing
  else; their frames are compared to the bit. Target ≥ 0.9.
- proxy_speedup: clips per CPU-second from proxies over those from the sources. Target ≥ 10.
- proxy_bytes_vs_jpeg: bytes of the proxies over those of the JPEGs that TFDS' `Video`
  feature keeps of the same frames. Target ≤ 1/3.
- proxy_psnr_minus_jpeg_db: how much nearer the proxies are to the frames. Target ≥ 0.
"""

from __future__ import annotations

import bisect
import os
import pathlib
import tempfile
import time
from collections.abc import Iterator

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from experiments.benchmarks import harness
from vidparticles.data import embedded, folder, order, pipeline
from vidparticles.data.clips import indices_at
from vidparticles.data.prepare import prepare
from vidparticles.data.tf import tensorflow
from vidparticles.video import open_video, write_video

SIDE, FRAMES, SEED, BATCH = 112, 16, 0, 8
SOURCE = (240, 320)
SECONDS, RATE = 10, 30
REAL = (
    *("goat_256.mp4", "dog_256.mp4", "arm_wrestling.mp4", "basketball_two_players.mp4"),
    *("apply_eye_makeup_ucf101.avi", "water_bottle_drumming.mp4", "flipping_a_pancake.mkv"),
    "cleaning_pool_kinetics.mp4",
)


def footage(count: int, scratch: pathlib.Path) -> Iterator[np.ndarray]:
    """Frames uint8 [300, 240, 320, 3] of several clips."""
    data = pathlib.Path(
        os.environ.get("VIDPARTICLES_DATA", harness.ROOT.parent / "shared" / "data")
    )
    real = [data / "clips" / name for name in REAL if (data / "clips" / name).exists()]
    for i in range(count):
        if real:
            path = real[i % len(real)]
        else:
            path = scratch / f"story_{i}.mp4"
            embedded.story(path, seed=i, acts=5)
        with open_video(path) as video:
            # Back and forth, so that a short clip lasts without a cut.
            there = np.arange(SECONDS * RATE) % (2 * len(video) - 2)
            places = np.minimum(there, 2 * len(video) - 2 - there)
            part, where = np.unique(places, return_inverse=True)
            yield video.frames(part, size=SOURCE)[where]


def samples(root: pathlib.Path, batches: int) -> list[tuple[str, np.ndarray, list, list]]:
    """What the pipeline reads: (path, places, times of all frames, times of keyframes)."""
    clips = folder.scan(root).splits["train"]
    out = []
    for g in range(batches * BATCH):
        epoch, place = divmod(g, len(clips))
        clip = clips[int(order.permute(place, count=len(clips), seed=SEED, epoch=epoch))]
        with open_video(clip.path) as video:
            table = video.table
        seconds = order.uniform_times(
            float(table.duration), frames=FRAMES, rng=order.rng_of(SEED, g)
        )
        indices = indices_at(table.times, seconds)
        out.append((str(clip.path), indices, table.pts.tolist(), table.start_pts.tolist()))
    return out


def bare_read(path: str, indices: np.ndarray, pts: list[int], keys: list[int]) -> np.ndarray:
    """One sample, by PyAV and nothing else: seek where that saves decoding."""
    out = np.empty((len(indices), SIDE, SIDE, 3), np.uint8)
    scaler = VideoReformatter()
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        frames, at = iter(()), -1
        for row, index in enumerate(indices):
            want = pts[index]
            if row and index == indices[row - 1]:
                out[row] = out[row - 1]
                continue
            key = keys[bisect.bisect_right(keys, want) - 1]
            if at < 0 or key > at:
                container.seek(key, stream=stream)
                frames = container.decode(stream)
            for frame in frames:
                if frame.pts >= want:
                    break
            at = frame.pts
            same = (frame.height, frame.width) == (SIDE, SIDE)
            out[row] = scaler.reformat(
                frame,
                width=SIDE,
                height=SIDE,
                format="rgb24",
                interpolation="BILINEAR" if same else "AREA",
                threads=1,
            ).to_ndarray()
    return out


def pipeline_of(root: pathlib.Path) -> pipeline.Batches:
    return pipeline.batches(
        root, split="train", batch_size=BATCH, frames=FRAMES, size=SIDE, seed=SEED
    )


def consume(batches: pipeline.Batches, count: int) -> None:
    """Take some batches and wait until reading ahead is done: as many were read as taken."""
    for _ in range(count):
        next(batches)
    used = -1.0
    while time.process_time() - used > 0.005:
        used = time.process_time()
        time.sleep(0.1)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = np.mean((a.astype(np.float32) - b.astype(np.float32)) ** 2)
    return float(10 * np.log10(255**2 / error))


def quality(sources: list[pathlib.Path], copies: pathlib.Path) -> tuple[float, float, list]:
    """(bytes of proxies over JPEGs, mean difference of PSNR in dB, a row for each clip)."""
    tf = tensorflow()
    rows = []
    for source in sources:
        copy = copies / source.parent.name / source.name
        with open_video(source) as a, open_video(copy) as b:
            every = np.arange(len(a))
            true, proxy = a.frames(every, size=(SIDE, SIDE)), b.frames(every)
        # As TFDS encodes: tf.io.encode_jpeg with its defaults.
        coded = [tf.io.encode_jpeg(x).numpy() for x in true]
        jpeg = np.stack([tf.io.decode_jpeg(x).numpy() for x in coded])
        sizes = copy.stat().st_size, sum(len(x) for x in coded)
        rows.append([source.stem, *sizes, psnr(proxy, true), psnr(jpeg, true)])
    ours, theirs = sum(r[1] for r in rows), sum(r[2] for r in rows)
    return ours / theirs, float(np.mean([r[3] - r[4] for r in rows])), rows


def main() -> None:
    args = harness.parser(__doc__.splitlines()[0]).parse_args()
    clips, count, repeats = (4, 2, 2) if args.smoke else (8, 8, 7)
    tensorflow()
    with tempfile.TemporaryDirectory() as scratch_name:
        scratch = pathlib.Path(scratch_name)
        sources, copies = scratch / "sources", scratch / "proxies"
        paths = []
        for i, frames in enumerate(footage(clips, scratch)):
            paths.append(sources / "train" / "clips" / f"clip_{i}.mp4")
            paths[-1].parent.mkdir(parents=True, exist_ok=True)
            write_video(paths[-1], frames, rate=RATE, crf=23)
        start = time.process_time()
        prepare(sources, copies, size=(SIDE, SIDE))
        print(f"prepared {clips} clips in {harness.seconds(time.process_time() - start)} of CPU")

        same = samples(copies, count)
        first = np.stack([bare_read(*sample) for sample in same[:BATCH]])
        if not np.array_equal(next(pipeline_of(copies))["video"], first):
            raise AssertionError("the pipeline and the bare loop read different frames")
        ours, from_sources = pipeline_of(copies), pipeline_of(sources)
        timings = harness.interleaved(
            {
                "bare PyAV loop, proxies": lambda: [bare_read(*sample) for sample in same],
                "pipeline, proxies": lambda: consume(ours, count),
                "pipeline, 320×240 sources": lambda: consume(from_sources, count),
            },
            repeats=repeats,
            warmup=2,
        )
        rows = [
            [name, count * BATCH / t.median_cpu, 1e3 * t.median_cpu / (count * BATCH)]
            for name, t in timings.items()
        ]
        harness.print_table(["", "clips per CPU-second", "CPU ms a clip"], rows)
        print()
        bytes_ratio, psnr_gain, quality_rows = quality(paths, copies / "train")
        harness.print_table(
            ["clip", "proxy bytes", "JPEG bytes", "proxy dB", "JPEG dB"], quality_rows
        )
    cpu = {name: t.median_cpu for name, t in timings.items()}
    harness.finish(
        args,
        {
            "pipeline_vs_bare_loop": cpu["bare PyAV loop, proxies"] / cpu["pipeline, proxies"],
            "proxy_speedup": cpu["pipeline, 320×240 sources"] / cpu["pipeline, proxies"],
            "proxy_bytes_vs_jpeg": bytes_ratio,
            "proxy_psnr_minus_jpeg_db": psnr_gain,
        },
        packages=("av", "numpy", "tensorflow-cpu"),
        rows=rows,
        quality=quality_rows,
    )


if __name__ == "__main__":
    main()
