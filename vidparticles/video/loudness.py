"""How loud a sound is to a listener, by EBU R128 (ITU-R BS.1770), and bringing it to a level."""

from __future__ import annotations

import dataclasses
import math

import av
from av.filter import Graph

from vidparticles.video.sound import Blocks, Sound, av_frames, layout

TV = -23.0  # LUFS, that EBU R128 asks for
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
        >>> import numpy as np
        >>> tone = np.sin(2 * np.pi * 997 * np.arange(48000) / 48000)[:, None].astype(np.float32)
        >>> round(loudness(Sound.of(tone, 48000)).integrated, 1)
        -3.0
    """
    graph = Graph()
    source = graph.add_abuffer(sample_rate=sound.rate, format="fltp", layout=layout(sound.channels))
    # Its own log would be on the terminal.
    meter, sink = graph.add("ebur128", "metadata=1:peak=true:framelog=quiet"), "abuffersink"
    end = graph.add(sink)
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


def levelled(sound: Sound, target: float, *, peak: float = -1.0) -> Sound:
    """The sound made louder or quieter as a whole, so that it has a loudness.

    Args:
        sound: is read once more for it; one that is not heard is left as it is.
        target: LUFS.
        peak: decibels that no true peak may pass: the sound is rather quieter than asked for.

    Example:
        >>> import numpy as np
        >>> tone = np.sin(2 * np.pi * 997 * np.arange(48000) / 48000)[:, None].astype(np.float32)
        >>> round(loudness(levelled(Sound.of(tone, 48000), -23)).integrated, 1)
        -23.0
    """
    found = loudness(sound)
    if found.integrated <= UNHEARD:
        return sound
    factor = 10 ** (min(target - found.integrated, peak - found.peak) / 20)

    def read(first: int, last: int) -> Blocks:
        return (block * factor for block in sound.blocks(first, last))

    return dataclasses.replace(sound, read=read)
