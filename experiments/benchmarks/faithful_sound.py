"""The part of `faithful` that hears: memory for an hour beside a minute, clicks in slow motion.

The hour is a minute's packets sixty times: a tiny picture once a second, with stereo sound. Each
edit runs in a process of its own; the figure is its peak of resident memory for the hour (of a
splice: of two such hours, joined) over that for the minute.
"""

from __future__ import annotations

import pathlib
import resource
import subprocess
import sys

import av
import numpy as np

from experiments.benchmarks.harness import ROOT, print_table
from vidparticles import editing
from vidparticles.video import Sound, stretch, write_video

RATE = 48000
JOBS = ("trim", "speed", "splice")
SPEEDS = (0.25, 0.5, 0.8, 1.25, 2)


def minute(path: pathlib.Path) -> None:
    """A picture a second, and two tones that swell."""
    time = np.arange(60 * RATE) / RATE
    tones = [0.3 * np.sin(2 * np.pi * hertz * time) for hertz in (300, 440)]
    swell = (1 + np.sin(2 * np.pi * time / 3)) / 2
    frames = (np.full((32, 48, 3), 4 * k, np.uint8) for k in range(60))
    sound = Sound.of((np.stack(tones, 1) * swell[:, None]).astype(np.float32), RATE)
    write_video(path, frames, rate=1, audio=sound)


def looped(path: pathlib.Path, source: pathlib.Path, times: int) -> None:
    """The packets of a minute again and again, in the order of time."""
    with av.open(str(source)) as container, av.open(str(path), "w") as out:
        copies = {s.index: out.add_stream_from_template(s) for s in container.streams}
        for k in range(times):
            container.seek(0)
            for packet in container.demux():
                if packet.size and not (k and packet.is_discard):  # what the coder begins with
                    shift = round(60 * k / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = copies[packet.stream_index]
                    out.mux(packet)


def child(job: str, path: str, seconds: str) -> None:
    """Run a job and print the peak of memory in bytes."""
    out = f"{path}.{job}.mp4"
    if job == "trim":
        editing.apply(path, out, editing.trim(10, 12))
    elif job == "speed":
        editing.apply(path, out, editing.retime(f"1.25@0-{seconds}"))
    else:
        editing.splice([path, path], out)
    print(peak())


def peak() -> int:
    """The most memory that this process has taken, bytes."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():  # what getrusage tells there counts the process that started this one
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def memory_rows(folder: pathlib.Path, times: int, figures: dict[str, float]) -> None:
    """Peaks of memory for an hour over those for a minute."""
    clips = [folder / "minute.mp4", folder / "hour.mp4"]
    minute(clips[0])
    looped(clips[1], clips[0], times)
    rows = []
    for job in JOBS:
        peaks = []
        for clip, count in zip(clips, (1, times), strict=True):
            words = [sys.executable, "-m", __spec__.name, job, str(clip), str(60 * count)]
            done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
            peaks.append(float(done.stdout.split()[-1]) / 1e6)
        figures[f"hour_over_minute_mem_{job}"] = peaks[1] / peaks[0]
        rows.append([job, *(round(peak) for peak in peaks), round(peaks[1] / peaks[0], 3)])
    print()
    print_table(["", "minute, MB", f"{times} minutes, MB", "ratio"], rows)


def slow_sound(figures: dict[str, float]) -> None:
    """How far clicks over hiss are from where they belong once stretched, ms at worst."""
    rng = np.random.default_rng(0)
    seconds = np.arange(1, 11) + rng.uniform(0, 0.3, 10)
    samples = rng.normal(0, 0.003, (12 * RATE, 1))
    for second in seconds:
        samples[round(second * RATE) :][:48, 0] += 0.9
    worst = 0.0
    for speed in SPEEDS:
        heard = np.abs(stretch(Sound.of(samples, RATE), 1 / speed).samples[:, 0])
        loud = np.flatnonzero(heard > 0.45) / RATE
        onsets = loud[np.diff(loud, prepend=-1) > 0.2]
        assert len(onsets) == len(seconds), f"{len(onsets)} clicks at speed {speed}"
        worst = max(worst, float(np.abs(onsets - seconds / speed).max()) * 1000)
    figures["slow_sound_ms"] = worst
    print(f"\nclicks at speeds {', '.join(map(str, SPEEDS))}: {worst:.2f} ms at worst")


if __name__ == "__main__":
    child(*sys.argv[1:])
