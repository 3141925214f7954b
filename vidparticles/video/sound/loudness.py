"""How loud a sound is to a listener, by EBU R128 (ITU-R BS.1770), and what brings it to a level."""

from __future__ import annotations

import dataclasses
import math

import av
import numpy as np
from av.filter import Graph

from vidparticles.video.sound.blocks import Blocks, Sound, av_frames, layout

UNHEARD = -70.0  # LUFS, below which nothing counts


@dataclasses.dataclass(frozen=True)
class Loudness:
    """What FFmpeg's `ebur128` measures of a sound.

    Attributes:
        integrated: LUFS of the whole; `UNHEARD` of silence, and of less than 0.4 seconds.
        peak: decibels of the highest true peak, of which 0 is full scale; −inf of silence.
    """

    integrated: float
    peak: float


def loudness(sound: Sound) -> Loudness:
    """How loud a sound is; it is read in blocks.

    Args:
        sound: of any rate, in a number of channels that speaker layouts have.

    Example:
        >>> tone = np.sin(2 * np.pi * 997 * np.arange(48000) / 48000)[:, None].astype(np.float32)
        >>> round(loudness(Sound.of(tone, 48000)).integrated, 1)
        -3.0
    """
    graph = Graph()
    source = graph.add_abuffer(sample_rate=sound.rate, format="fltp", layout=layout(sound.channels))
    # Its own log would be on the terminal.
    meter = graph.add("ebur128", "metadata=1:peak=true:framelog=quiet")
    end = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(end)
    graph.configure()
    told: dict[str, str] = {}
    for frame in av_frames(sound):
        graph.push(frame)
        while True:
            try:
                told = dict(graph.pull().metadata) or told
            except (av.error.BlockingIOError, av.error.EOFError):
                break
    whole = float(told.get("lavfi.r128.I", UNHEARD))
    peak = float(told.get("lavfi.r128.true_peak", 0))
    return Loudness(
        max(whole, UNHEARD) if math.isfinite(whole) else UNHEARD,
        20 * math.log10(peak) if peak > 0 else -math.inf,
    )


def gain(sound: Sound, target: float, *, peak: float = -1.0) -> float:
    """By what the samples of a sound are multiplied to bring the whole of it to a loudness.

    Args:
        sound: is read once; of one that is not heard the factor is 1.
        target: LUFS.
        peak: decibels that no true peak may pass: the sound is rather quieter than asked for.

    Example:
        >>> tone = np.sin(2 * np.pi * 997 * np.arange(48000) / 48000)[:, None].astype(np.float32)
        >>> round(gain(Sound.of(tone, 48000), -23), 2)
        0.1
    """
    return factor(loudness(sound), target, peak=peak)


def factor(found: Loudness, target: float, *, peak: float = -1.0) -> float:
    """As `gain`, of a sound that was measured.

    Example:
        >>> round(factor(Loudness(-20.0, -3.0), -26.0), 2)
        0.5
    """
    if found.integrated <= UNHEARD:
        return 1.0
    return 10 ** (min(target - found.integrated, peak - found.peak) / 20)


def amplified(sound: Sound, factor: float) -> Sound:
    """The sound with all samples multiplied.

    Example:
        >>> amplified(Sound.of(np.float32([[0.5]]), 8000), 0.5).samples.tolist()
        [[0.25]]
    """

    def read(first: int, last: int, /) -> Blocks:
        return (block * np.float32(factor) for block in sound.blocks(first, last))

    return dataclasses.replace(sound, read=read)
