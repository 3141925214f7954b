"""What an edit leaves as it was: colors after one and ten passes, and the CPU time beside ffmpeg's.

Memory for hours of sound, and where clicks are heard in slow motion: see `faithful_sound`.

Everything is coded anew: passes begin in the middle of a group of pictures, where nothing can be
copied. Errors are of 8-bit RGB, exactly converted, over all frames of the patches of plain color
and of footage with texture and skin. The peer is the ffmpeg program with the same encoder, preset
and crf; where neither the system nor the package imageio-ffmpeg has one, a minimal decoding and
encoding by PyAV, planes straight through, stands in for it. What the encoder itself takes away,
of grain above all (a row of its own), is in both alike. CPU times are of all threads, in turn;
ours without the start of Python.
"""

from __future__ import annotations

import importlib.util
import pathlib
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from fractions import Fraction

import av
import numpy as np

from experiments.benchmarks.faithful_sound import memory_rows, slow_sound
from experiments.benchmarks.harness import ROOT, finish, interleaved, parser, print_table
from vidparticles import editing
from vidparticles.startup import quiet_libraries
from vidparticles.video import CODECS, Encoding, open_video
from vidparticles.video.picture.codecs import choose
from vidparticles.video.picture.stored import planes

CLIPS = ["faults/patches_709_tagged.mp4", "clips/ntu_fall_1080p.mp4"]  # the latter with skin
GRAIN = "clips/sam2_01_dog.mp4"  # 1280 × 720
PASSES = 10
BEGIN = Fraction(3, 10)  # seconds: no frame of these clips is a key frame there
COLORS = "hue=30,saturation=1.2,contrast=1.1"
# The same change by ffmpeg's filters: chroma is scaled by 1.2 · 1.1.
FILTER = "hue=h=30:s=1.32,lutyuv=y=(val-125.5)*1.1+126"


def ffmpeg() -> str | None:
    """Where the program is."""
    if found := shutil.which("ffmpeg"):
        return found
    if importlib.util.find_spec("imageio_ffmpeg"):
        import imageio_ffmpeg

        return imageio_ffmpeg.get_ffmpeg_exe()
    return None


def peer(
    out: pathlib.Path,
    sources: Sequence[pathlib.Path],
    *,
    begin: Fraction = Fraction(0),
    seconds: Fraction | None = None,
    every: int = 1,
    recolor: bool = False,
    codec: str = "h264",
) -> None:
    """The same by ffmpeg, or where there is none by PyAV: then colors stay as they are."""
    with open_video(sources[0]) as video:
        rate, form = video.info.rate, video.info.pixel_format
    choice = choose(out, form, source=codec, encoding=Encoding(codec))
    program = ffmpeg()
    if program is None:
        return _pyav(out, sources, choice, begin, seconds, every, rate)
    words = [program, "-v", "error", "-y"]
    for source in sources:
        words += ["-ss", str(float(begin))] if begin else []
        words += ["-t", str(float(seconds))] if seconds else []
        words += ["-i", str(source)]
    filters = [FILTER] if recolor else []
    if len(sources) > 1:
        words += ["-filter_complex", f"concat=n={len(sources)}:v=1"]
    elif every > 1:
        filters.append(f"setpts=PTS/{every}")
    words += ["-vf", ",".join(filters)] if filters else []
    words += ["-an", "-r", str(rate)] if every > 1 else ["-an"]
    words += ["-c:v", choice.codec.encoder, "-pix_fmt", choice.pix_fmt]
    for name, value in choice.options.items():
        words += ["-b:v" if name == "b" else f"-{name}", value]
    subprocess.run([*words, str(out)], check=True, capture_output=True)
    return None


def _pyav(out, sources, choice, begin, seconds, every, rate) -> None:
    with av.open(str(out), "w") as container:
        stream = container.add_stream(choice.codec.encoder, rate=rate, options=choice.options)
        count = 0
        for source in sources:
            with av.open(str(source)) as file:
                file.streams.video[0].thread_type = "AUTO"
                for k, frame in enumerate(file.decode(video=0)):
                    late = seconds and frame.time >= begin + seconds
                    if late or frame.time < begin or k % every:
                        continue
                    if not count:
                        context = stream.codec_context
                        context.width, context.height = frame.width, frame.height
                        context.pix_fmt = choice.pix_fmt
                    frame.pts, frame.time_base, frame.pict_type = count, 1 / rate, 0
                    count += 1
                    container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def ours(out: pathlib.Path, source: pathlib.Path, begin: Fraction, seconds: Fraction) -> None:
    editing.apply(source, out, editing.trim(begin, begin + seconds), overwrite=True)


def error(made: pathlib.Path, source: pathlib.Path, begin: Fraction) -> np.ndarray:
    """[3] mean absolute difference, and the means of it in [3] of RGB: [4]."""
    with open_video(made) as new, open_video(source) as old:
        first = old.index_at(float(begin) + 1e-4)
        first += bool(old.times[first] < float(begin) - 1e-3)
        total = np.zeros(4)
        for k in range(len(new)):
            apart = new[k].astype(np.float32) - old[first + k]
            total += [np.abs(apart).mean(), *apart.mean((0, 1))]
    return total / len(new)


def passes(
    make: Callable[[pathlib.Path, pathlib.Path, Fraction, Fraction], None],
    source: pathlib.Path,
    folder: pathlib.Path,
    seconds: Fraction,
) -> list[np.ndarray]:
    """`error` after the first pass and the last."""
    found, before = [], source
    for k in range(PASSES):
        out = folder / f"pass{k % 2}.mp4"
        make(out, before, BEGIN if k == 0 else Fraction(0), seconds)
        before = out
        if k in (0, PASSES - 1):
            found.append(error(out, source, BEGIN))
    return found


def decibels(made: pathlib.Path, source: pathlib.Path) -> float:
    """PSNR of luma over all frames, of 8 bits."""
    squares = []
    with open_video(made) as new, open_video(source) as old:
        for one, two in zip(new.run(), old.run(), strict=True):
            luma = [planes(picture.frame)[0] for picture in (one, two)]
            deep = [plane.astype(np.float32) / (4 if plane.itemsize > 1 else 1) for plane in luma]
            squares.append(np.mean((deep[0] - deep[1]) ** 2))
    return float(10 * np.log10(255**2 / np.mean(squares)))


def main() -> None:
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--data", default=str(ROOT.parent / "shared" / "data"))
    args = options.parse_args()
    quiet_libraries()
    data, figures = pathlib.Path(args.data), {}
    if ffmpeg() is None:
        print("no ffmpeg program: PyAV, planes straight through, stands in for it")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        seconds = Fraction(1, 5) if args.smoke else Fraction(7, 10)
        colors = color_rows(data, folder, seconds, figures)
        codecs = codec_rows(data / GRAIN, folder, seconds)
        cpu_rows(data / GRAIN, folder, Fraction(1 if args.smoke else 9), figures)
        slow_sound(figures)
        memory_rows(folder, 2 if args.smoke else 60, figures)
    finish(args, figures, packages=("av", "imageio-ffmpeg"), colors=colors, codecs=codecs)


def color_rows(
    data: pathlib.Path, folder: pathlib.Path, seconds: Fraction, figures: dict[str, float]
) -> list[list]:
    """Errors after one pass and after ten, ours and ffmpeg's."""
    rows, all_of = [], []
    for clip in (*CLIPS, GRAIN):
        for maker in (ours, lambda out, source, b, s: peer(out, [source], begin=b, seconds=s)):
            first, last = passes(maker, data / clip, folder, seconds)
            bias = np.abs(last[1:]).max()
            who = "ours" if maker is ours else "ffmpeg"
            rows.append([f"{pathlib.Path(clip).stem}, {who}", first[0], last[0], bias])
            if maker is ours and clip != GRAIN:
                all_of.append([first[0], last[0], bias])
    one, ten, bias = zip(*all_of, strict=True)
    figures |= {"pass1_mean_abs": statistics.mean(one), "pass10_mean_abs": statistics.mean(ten)}
    figures["pass10_bias"] = max(bias)
    print_table(["levels of RGB", "1 pass", f"{PASSES} passes", "bias"], rows)
    return rows


def codec_rows(source: pathlib.Path, folder: pathlib.Path, seconds: Fraction) -> list[list]:
    """Bytes and luma's PSNR of every codec, ours and ffmpeg's with the same options."""
    rows, short = [], folder / "short.mp4"
    ours(short, source, BEGIN, seconds)
    for name, codec in CODECS.items():
        suffix = codec.suffixes[0] if name != "av1" else ".webm"
        for who in ("ours", "ffmpeg"):
            out = folder / f"{name}_{who}{suffix}"
            if who == "ours":
                editing.apply(short, out, editing.trim(0), encoding=Encoding(name))
            else:
                peer(out, [short], codec=name)
            size = out.stat().st_size
            rows.append([f"{name}, {who}", size, round(decibels(out, short), 2)])
    print()
    print_table(["", "bytes", "dB"], rows)
    return rows


def cpu_rows(
    source: pathlib.Path, folder: pathlib.Path, seconds: Fraction, figures: dict[str, float]
) -> None:
    """CPU seconds of edits over those of ffmpeg."""
    out, clip = folder / "out.mp4", folder / "clip.mp4"
    ours(clip, source, Fraction(0), seconds)
    cut = seconds - 2 * BEGIN

    def edited(*edits: editing.Edit) -> Callable[[], object]:
        return lambda: editing.apply(clip, out, *edits, overwrite=True)

    jobs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "trim": (
            edited(editing.trim(BEGIN, BEGIN + cut)),
            lambda: peer(out, [clip], begin=BEGIN, seconds=cut),
        ),
        "splice": (
            lambda: editing.splice([clip, clip], out, overwrite=True),
            lambda: peer(out, [clip, clip]),
        ),
        "speed2": (edited(editing.retime(2)), lambda: peer(out, [clip], every=2)),
        "recolor": (
            edited(editing.recolor(editing.parse_colors(COLORS))),
            lambda: peer(out, [clip], recolor=True),
        ),
    }
    rows = []
    for name, (own, theirs) in jobs.items():
        timings = interleaved({"ours": own, "ffmpeg": theirs}, repeats=2 if seconds < 2 else 5)
        pair = [timings[who].median_cpu for who in ("ours", "ffmpeg")]
        figures[f"cpu_vs_ffmpeg_{name}"] = pair[0] / pair[1]
        rows.append([name, *pair, pair[0] / pair[1]])
    print()
    print_table(["CPU seconds", "ours", "ffmpeg", "ratio"], rows)


if __name__ == "__main__":
    main()
