"""Subtitles: how right and how well timed captions are, and what drawing them costs.

A sonnet that is read aloud (`speech-align`), whose lines' times are of another tool: the rate of
wrong words, how far the first word of each line is from where its line begins, and words within
ten seconds without speech (half digital silence, half noise at -50 dB) that are put into it and
in recordings of noise alone; beside faster-whisper's own segments, of the same weights. Files of
random Unicode, read back by pysubs2 and webvtt-py, beside those that pysubs2 writes. CPU of drawing
into 720p, beside that of encoding alone.
"""

from __future__ import annotations

import html
import os
import pathlib
import random
import re
import statistics
import tempfile
import wave
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from experiments.benchmarks import harness
from vidparticles.editing import apply, burn_in
from vidparticles.inference.captions import caption
from vidparticles.inference.captions.align import paired
from vidparticles.inference.captions.words import load_model, normal
from vidparticles.video import Span, Subtitles, read_audio, resample, subtitles, write_video
from vidparticles.video.subtitles import Word
from vidparticles.video.subtitles.markup import JOINER, escaped, plain

DATA = pathlib.Path(os.environ.get("VIDPARTICLES_DATA", harness.ROOT.parent / "shared" / "data"))
RATE = 16000
AT, LONG = 27.5, 10.0  # seconds: where there is a pause, and how long it is made
TRAPS = [
    "&",
    "<b>",
    "-->",
    "00:00:01,000",
    "{i}",
    "\\N",
    "\n",
    "7",
    "é",
    "字幕",
    "שלום",
    "😀",
    " ",
    "a",
]
Hear = Callable[[pathlib.Path], Sequence[Word]]


def plainly(model: Any) -> Hear:
    """The peer: all segments that faster-whisper finds, with its own times of words."""

    def hear(path: pathlib.Path) -> Sequence[Word]:
        segments, _ = model.transcribe(str(path), word_timestamps=True)
        return [
            Word(word.word, Fraction(float(word.start)), Fraction(float(word.end)))
            for segment in segments
            for word in segment.words
        ]

    return hear


def errors(words: Sequence[Word], lines: Sequence[str]) -> tuple[float, list[float]]:
    """Rate of wrong words, and seconds at which each line begins; nan where nothing was heard."""
    text = [normal(word) for line in lines for word in line.split()]
    heard = [normal(word.text) for word in words]
    pairs = paired(text, heard)
    wer = wrong_words(" ".join(lines), "".join(word.text for word in words))
    firsts = np.cumsum([0, *(len(line.split()) for line in lines)])[:-1]
    found = [pairs[first] for first in firsts]
    return wer, [float("nan") if k is None else float(words[k].start) for k in found]


def wrong_words(text: str, heard: str) -> float:
    """Words that are wrong, missing or too many, over those of the text.

    As is usual, all signs but letters and digits part words, apostrophes are left out, and capitals
    do not count.
    """

    def told(text: str) -> list[str]:
        return re.findall(r"[^\W_]+", re.sub("['’]", "", text).casefold())

    right, other = told(text), told(heard)
    pairs = paired(right, other)
    wrong = sum(k is None or other[k] != a for k, a in zip(pairs, right, strict=True))
    return (wrong + len(other) - sum(k is not None for k in pairs)) / len(right)


def with_pause(path: pathlib.Path, out: pathlib.Path) -> None:
    """The recording with a long pause in it."""
    sound = read_audio(path)
    assert sound is not None
    samples = resample(sound, rate=RATE, channels=1).samples[:, 0]
    noise = np.random.default_rng(0).normal(0, 10 ** (-50 / 20), round(LONG / 2 * RATE))
    pause = np.concatenate([np.zeros(round(LONG / 2 * RATE)), noise])
    at = round(AT * RATE)
    whole = np.concatenate([samples[:at], pause, samples[at:]])
    with wave.open(str(out), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.int16(np.clip(whole, -1, 1) * 32767).tobytes())


def in_silence(words: Sequence[Word]) -> int:
    """Words most of which is within the pause that was put in."""
    return sum(
        min(float(w.end), AT + LONG) - max(float(w.start), AT) > float(w.end - w.start) / 2
        for w in words
    )


def texts(count: int) -> list[list[str]]:
    """Random texts of tracks, among them what readers take for something else."""
    pick = random.Random(0)

    def letter() -> str:
        code = pick.choice([pick.randrange(32, 127), pick.randrange(160, 0xD800)])
        return pick.choice([chr(code), pick.choice(TRAPS)])

    return [
        ["".join(letter() for _ in range(pick.randrange(1, 30))) for _ in range(3)]
        for _ in range(count)
    ]


def valid(write: Callable[[Subtitles, str], str], count: int) -> float:
    """Share of tracks of which pysubs2 (.srt) and webvtt-py (.vtt) read what they say."""
    import pysubs2
    import webvtt

    right = 0
    for told in texts(count):
        rows = [subtitles.plain(escaped(text)) for text in told]
        track = Subtitles(
            tuple(
                Span(Fraction(2 * k), Fraction(2 * k + 1), escaped(t)) for k, t in enumerate(told)
            )
        )
        expected = [text for text in rows if text]
        try:
            srt = pysubs2.SSAFile.from_string(write(track, "srt"), format_="srt")
            first = [e.text.replace(r"\N", "\n").replace(JOINER, "") for e in srt]
            vtt = webvtt.from_string(write(track, "vtt"))
            second = [html.unescape(c.raw_text).replace(JOINER, "") for c in vtt]
        except Exception:  # a file that its own reader refuses is not valid
            continue
        right += first == expected and second == expected
    return right / count


def by_pysubs2(track: Subtitles, kind: str) -> str:
    """The peer: what pysubs2 writes of plain text."""
    import pysubs2

    file = pysubs2.SSAFile()
    for cue in track.cues:
        event = pysubs2.SSAEvent(int(1000 * cue.start), int(1000 * cue.end))
        event.plaintext = plain(cue.text)
        file.append(event)
    return file.to_string(kind)


def drawing(folder: pathlib.Path, *, repeats: int, frames: int) -> dict[str, harness.Timing]:
    """CPU of a re-encoded clip of 720p, with and without subtitles in it."""
    y, x = np.mgrid[:720, :1280]
    clip = folder / "clip.mp4"
    base = np.stack([60 + x / 12, 80 + y / 12, 140 - x / 24], -1).astype(np.uint8)
    write_video(clip, (np.roll(base, 6 * k, 1) for k in range(frames)), rate=24)
    track = Subtitles((Span(Fraction(0), Fraction(frames, 24), escaped("To be, or not to be")),))
    return harness.interleaved(
        {
            "encode": lambda: apply(clip, folder / "a.mp4", overwrite=True),
            "encode, burn in": lambda: apply(
                clip, folder / "b.mp4", burn_in(track), overwrite=True
            ),
        },
        repeats=repeats,
    )


def main() -> None:
    args = harness.parser(__doc__.splitlines()[0]).parse_args()
    folder = DATA / "speech-align"
    if not folder.is_dir():
        raise SystemExit(f"no data at {folder}; set VIDPARTICLES_DATA to the folder of real data.")
    model = load_model()
    ways: dict[str, Hear] = {
        "vidparticles": lambda path: caption(path, model=model).words,
        "faster-whisper": plainly(model),
        "vidparticles, text given": lambda path: caption(
            path, text=folder / "sonnet001.txt", model=model
        ).words,
    }
    lines = (folder / "sonnet001.txt").read_text().splitlines()
    begins = [float(cue.start) for cue in subtitles.read(folder / "sonnet001.srt").cues]
    table, figures = [], {}
    with tempfile.TemporaryDirectory() as scratch:
        paused = pathlib.Path(scratch) / "paused.wav"
        with_pause(folder / "sonnet001.mp3", paused)
        quiet = [folder / "vad" / f"{name}.wav" for name in ("n", "zero")]
        for name, hear in ways.items():
            wer, starts = errors(hear(folder / "sonnet001.mp3"), lines)
            off = [abs(a - b) for a, b in zip(starts, begins, strict=True) if a == a]
            told = "text" in name
            silent = 0 if told else in_silence(hear(paused))
            silent += 0 if told else sum(len(hear(path)) for path in quiet)
            key = {"vidparticles": "captions", "faster-whisper": "captions_peer"}.get(
                name, "captions_align"
            )
            if not told:
                figures |= {f"{key}_wer": wer, f"{key}_in_silence": silent}
            figures |= {
                f"{key}_start_s": statistics.median(off),
                f"{key}_start_worst_s": max(off),
            }
            table.append(
                [
                    name,
                    "" if told else f"{wer:.3f}",
                    f"{statistics.median(off):.3f}",
                    f"{max(off):.3f}",
                    "" if told else silent,
                ]
            )
        count = 30 if args.smoke else 300
        figures["captions_valid"] = valid(subtitles.text_of, count)
        figures["captions_peer_valid"] = valid(by_pysubs2, count)
        timings = drawing(
            pathlib.Path(scratch),
            repeats=1 if args.smoke else 3,
            frames=8 if args.smoke else 48,
        )
    figures["burn_cpu_over_encode"] = (
        timings["encode, burn in"].median_cpu / timings["encode"].median_cpu
    )
    header = ["", "WER", "line starts, s (median)", "worst", "words in silence"]
    harness.print_table(header, table)
    print()
    harness.print_timings(timings)
    harness.finish(
        args,
        figures,
        packages=("faster-whisper", "ctranslate2", "pysubs2", "webvtt-py", "av", "Pillow"),
        table={"header": header, "rows": table},
        load=os.getloadavg()[0],
    )


if __name__ == "__main__":
    main()
