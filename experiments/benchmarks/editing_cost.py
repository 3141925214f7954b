"""What trimming, splicing and captions cost, beside ffmpeg and moviepy, and what is copied.

Two parts of a 720p clip of two minutes, joined, captions burnt in, as CPU seconds of whole
processes: ours and ffmpeg's command line with the same encoder, preset and crf; moviepy with the
same of them. Then the parts alone with no encoding asked for, where only what cuts touch is
encoded: beside ffmpeg's encoding of the same parts, and without the start of Python and jax, which
does not grow with the clip.

    python experiments/benchmarks/editing_cost.py --json FILE
"""

from __future__ import annotations

import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
from fractions import Fraction

import numpy as np

from experiments.benchmarks.editing_timeline import by_ffmpeg
from experiments.benchmarks.faithful import ffmpeg
from experiments.benchmarks.harness import (
    ROOT,
    finish,
    interleaved,
    interleaved_commands,
    parser,
    print_table,
)
from vidparticles.editing import compose
from vidparticles.video import Encoding, open_video
from vidparticles.video.timelines import write_timeline

GRAIN = "clips/sam2_01_dog.mp4"  # 1280 × 720

MOVIEPY = """
import sys
from moviepy import CompositeVideoClip, TextClip, VideoFileClip, concatenate_videoclips
source, out, font, spans, cues = {arguments!r}
clip = VideoFileClip(source)
made = concatenate_videoclips([clip.subclipped(a, b) for a, b in spans])
texts = [
    TextClip(font, text=text, font_size=36, color="white", stroke_color="black", stroke_width=2)
    .with_start(start).with_duration(end - start).with_position(("center", 600))
    for start, end, text in cues
]
CompositeVideoClip([made, *texts]).write_videofile(
    out, logger=None, preset="veryfast", ffmpeg_params=["-crf", "18"]
)
"""


def stamp(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"00:{int(minutes):02d}:{int(rest):02d},{round(rest % 1 * 1000):03d}"


def cost(folder: pathlib.Path, data: pathlib.Path, *, smoke: bool) -> tuple[dict[str, float], dict]:
    length = Fraction(8 if smoke else 120)
    source = folder / "source.mp4"
    words = [ffmpeg(), "-v", "error", "-y", "-stream_loop", "60", "-i", str(data / GRAIN)]
    words += ["-f", "lavfi", "-i", "sine=440:sample_rate=48000", "-t", str(length), "-r", "24"]
    # Without the track of time codes, with which moviepy opens no file.
    words += ["-map", "0:v", "-map", "1:a", "-write_tmcd", "0"]
    words += ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-g", "12", "-pix_fmt"]
    subprocess.run([*words, "yuv420p", "-c:a", "aac", str(source)], check=True)
    spans = [
        (Fraction(5, 3), length / 2 - Fraction(1, 3)),
        (length / 2 + Fraction(4, 3), length - Fraction(1, 2)),
    ]
    cut = compose.keep(source, spans)
    listed, out, captions = folder / "cut.otio", folder / "out.mp4", folder / "cues.srt"
    write_timeline(cut, listed, overwrite=True)
    cues = [(s + 0.5, s + 3.0, f"The dog runs on, line {s}") for s in range(0, int(length) - 4, 4)]
    captions.write_text(
        "".join(f"{k + 1}\n{stamp(a)} --> {stamp(b)}\n{w}\n\n" for k, (a, b, w) in enumerate(cues))
    )
    ours = [sys.executable, "-m", "vidparticles.cli", "edit", str(listed), "-o", str(out)]
    ours.append("--overwrite")
    coded = ["--burn", str(captions), "--preset", "veryfast", "--crf", "18"]
    commands = {
        "ours, captions burnt in": [*ours, *coded],
        "ffmpeg, captions burnt in": by_ffmpeg(source, folder / "c.mp4", spans, captions),
        "ours, copied": ours,
        "ffmpeg, no captions": by_ffmpeg(source, folder / "f.mp4", spans),
        "python and imports": [sys.executable, "-c", "import vidparticles.editing.edit"],
    }
    if importlib.util.find_spec("moviepy"):
        times = [(float(a), float(b)) for a, b in spans]
        arguments = (str(source), str(folder / "m.mp4"), None, times, cues)
        commands["moviepy, captions burnt in"] = [
            sys.executable,
            "-c",
            MOVIEPY.format(arguments=arguments),
        ]
    timings = interleaved_commands(commands, repeats=1, warmup=0)
    inside = interleaved(
        {"ours": lambda: compose.render(cut, out, overwrite=True)}, repeats=1, warmup=1
    )["ours"]
    done = compose.render(cut, out, overwrite=True)
    cpu = {name: timing.median_cpu for name, timing in timings.items()}
    burnt, plain = cpu["ffmpeg, captions burnt in"], cpu["ffmpeg, no captions"]
    rows = [
        [name, used, used / (burnt if "burnt" in name else plain)] for name, used in cpu.items()
    ]
    rows.append(["ours, copied, in a process that runs", inside.median_cpu])
    rows[-1].append(rows[-1][1] / plain)
    header = [f"CPU of {float(cut.seconds):.0f} s of 720p", "s", "of ffmpeg's"]
    print_table(header, rows)
    mine = cpu["ours, captions burnt in"]
    figures = {
        "cpu_vs_ffmpeg": mine / burnt,
        "smart_copy_speedup": plain / inside.median_cpu,
        "smart_copy_speedup_with_start": plain / cpu["ours, copied"],
        "frames_copied": done.copied,
    } | untouched(source, folder)
    if importlib.util.find_spec("moviepy"):
        figures["cpu_vs_moviepy"] = mine / cpu["moviepy, captions burnt in"]
    table = [[name, f"{used:.1f}", f"{share:.2f}"] for name, used, share in rows]
    return figures, {"header": header, "rows": table}


def untouched(source: pathlib.Path, folder: pathlib.Path) -> dict[str, float]:
    """Mean difference, levels of 255, of a second encoded anew: ours at the default quality, and
    ffmpeg's with the same preset and crf."""
    out, other = folder / "anew.mp4", folder / "anew_ffmpeg.mp4"
    cut = compose.keep(source, [(1, 2)])
    compose.render(cut, out, overwrite=True, encoding=Encoding(preset="veryfast"))
    subprocess.run(by_ffmpeg(source, other, [(1, 2)]), check=True)
    with open_video(source) as video, open_video(out) as ours, open_video(other) as theirs:
        first = video.index_at(1.0)
        before = np.stack(list(video.frames(range(first, first + 24, 4)))).astype(float)
        after = [np.stack(list(each.frames(range(0, 24, 4)))) for each in (ours, theirs)]
    names = ("untouched_mean_abs", "untouched_mean_abs_ffmpeg")
    return {name: float(np.abs(before - a).mean()) for name, a in zip(names, after, strict=True)}


def main() -> None:
    args = parser(__doc__.splitlines()[0]).parse_args()
    data = pathlib.Path(os.environ.get("VIDPARTICLES_DATA", ROOT.parent / "shared" / "data"))
    with tempfile.TemporaryDirectory() as name:
        figures, table = cost(pathlib.Path(name), data, smoke=args.smoke)
    packages = ["av", "imageio-ffmpeg", "moviepy"]
    finish(args, figures, packages=packages, table=table, load=os.getloadavg()[0])


if __name__ == "__main__":
    main()
