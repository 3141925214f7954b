"""HDR and wide colors for common screens: from BT.2020, PQ and HLG to 8 bits of BT.709.

Light is told in nits by the transfer (ITU-R BT.2100), what is brighter than the screen is
compressed by the curve of ITU-R BT.2390 §5.4.1, applied to the largest of red, green and blue so
that hues stay, and colors are brought to the primaries of BT.709. All of it is one table of
colors, looked up by interpolation in it.
"""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Callable
from fractions import Fraction
from typing import cast

import av
import numpy as np

from vidparticles.video.picture.color import HLG, PQ, Color


@dataclasses.dataclass(frozen=True)
class ToneConfig:
    """How light is brought to a screen.

    Attributes:
        peak: nits of the brightest of the source, as most is graded.
        white: nits of paper in HDR (ITU-R BT.2408), which is the screen's brightest.
        gamma: of the screen (ITU-R BT.1886).
        level: of the table; it has level² colors a side.
    """

    peak: float = 1000.0
    white: float = 203.0
    gamma: float = 2.4
    level: int = 6


Change = Callable[[np.ndarray, Color, ToneConfig], np.ndarray]
_LEVEL = 256  # of 16 bits, a level of 8
_TICK = Fraction(1, 25)
# xy of red, green, blue, by the code point of the primaries; white is D65.
_PRIMARIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_WHITE = (0.3127, 0.3290)
# ST 2084.
_M1, _M2, _C1, _C2, _C3 = 1305 / 8192, 2523 / 32, 107 / 128, 2413 / 128, 2392 / 128


def _xyz(primaries: int) -> np.ndarray:
    """[3, 3] linear RGB → XYZ."""

    def lift(x: float, y: float) -> np.ndarray:
        return np.array([x / y, 1, (1 - x - y) / y])

    columns = np.stack([lift(*xy) for xy in _PRIMARIES.get(primaries, _PRIMARIES[9])], -1)
    return columns * np.linalg.solve(columns, lift(*_WHITE))


def _from_pq(signal: np.ndarray) -> np.ndarray:
    """Nits of a PQ signal."""
    root = signal ** (1 / _M2)
    return 10000 * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1)


def _to_pq(nits: np.ndarray) -> np.ndarray:
    """PQ signal of nits."""
    power = (np.maximum(nits, 0) / 10000) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def _from_hlg(signal: np.ndarray, peak: float) -> np.ndarray:
    """Nits [..., 3] of an HLG signal on a display of that peak."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luma = scene @ np.array([0.2627, 0.6780, 0.0593])
    return peak * scene * np.maximum(luma, 1e-6)[..., None] ** 0.2


def _to_hlg(nits: np.ndarray, peak: float) -> np.ndarray:
    """HLG signal [..., 3] of nits on a display of that peak."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    luma = nits @ np.array([0.2627, 0.6780, 0.0593])
    scene = nits / peak * np.maximum(luma / peak, 1e-9)[..., None] ** (-0.2 / 1.2)
    high = a * np.log(np.maximum(12 * scene - b, 1e-9)) + c
    return np.where(scene <= 1 / 12, np.sqrt(3 * np.maximum(scene, 0)), high)


def _compressed(nits: np.ndarray, config: ToneConfig) -> np.ndarray:
    """The curve of BT.2390: dark and middle tones stay, highlights end at the screen's white."""
    top = _to_pq(np.array(config.peak))
    signal = np.minimum(_to_pq(nits) / top, 1)
    most = _to_pq(np.array(config.white)) / top
    knee = 1.5 * most - 0.5
    t = np.maximum(signal - knee, 0) / (1 - knee)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (3 * t**2 - 2 * t**3) * most
    )
    return _from_pq(np.where(signal < knee, signal, spline) * top)


def shown(signal: np.ndarray, color: Color, config: ToneConfig | None = None) -> np.ndarray:
    """What a common screen is given for a picture's own red, green and blue.

    Args:
        signal: [..., 3] in [0, 1].
        color: what the signal means.
        config: how light is brought to the screen.

    Returns:
        [..., 3] in [0, 1], BT.709.

    Example:
        >>> gray = np.full(3, 0.5)
        >>> [round(float(shown(gray, Color(9, 9, transfer))[0]), 2) for transfer in (16, 18)]
        [0.72, 0.56]
    """
    config = config or ToneConfig()
    signal = np.asarray(signal, np.float64)
    if color.transfer == PQ:
        nits = _from_pq(signal)
    elif color.transfer == HLG:
        nits = _from_hlg(signal, config.peak)
    else:
        nits = config.white * signal**config.gamma
    if color.hdr:
        largest = np.maximum(nits.max(-1, keepdims=True), 1e-6)
        nits = nits / largest * _compressed(largest, config)
    to_screen = np.linalg.solve(_xyz(1), _xyz(color.primaries))
    light = np.clip(nits / config.white @ to_screen.T, 0, 1)
    return light ** (1 / config.gamma)


def graded(screen: np.ndarray, color: Color, config: ToneConfig | None = None) -> np.ndarray:
    """What a picture of another color holds for what a screen is given: there, white is paper.

    Args:
        screen: [..., 3] in [0, 1], BT.709.
        color: of the result.
        config: as for `shown`, of which this is the inverse but for what that compresses.

    Returns:
        [..., 3] in [0, 1].

    Example:
        >>> [round(float(graded(np.ones(3), Color(9, 9, transfer))[0]), 2) for transfer in (16, 18)]
        [0.58, 0.75]
    """
    config = config or ToneConfig()
    light = np.asarray(screen, np.float64) ** config.gamma
    light = np.clip(light @ np.linalg.solve(_xyz(color.primaries), _xyz(1)).T, 0, 1)
    if color.transfer == PQ:
        return _to_pq(config.white * light)
    if color.transfer == HLG:
        return _to_hlg(config.white * light, config.peak)
    return light ** (1 / config.gamma)


def on_screen(frame: av.VideoFrame, color: Color) -> np.ndarray:
    """RGB for a screen, uint8 [H, W, 3], of a frame of the picture's own (rgb48le, 256 a level)."""
    found = _looked_up(shown, frame, color)
    return ((found.astype(np.uint32) + _LEVEL // 2) // _LEVEL).astype(np.uint8)


def from_screen(rgb: np.ndarray, color: Color) -> np.ndarray:
    """Levels of another color, float32 [H, W, 3] in 0 … 255, of RGB for a screen, uint8."""
    deep = np.ascontiguousarray(rgb.astype(np.uint16) * _LEVEL)
    frame = av.VideoFrame.from_ndarray(deep, format="rgb48le")
    return _looked_up(graded, frame, color).astype(np.float32) / _LEVEL


def _looked_up(change: Change, frame: av.VideoFrame, color: Color) -> np.ndarray:
    _, source, sink = _look_up(threading.get_ident(), change, color, frame.width, frame.height)
    frame.pts, frame.time_base = 0, _TICK
    source.push(frame)
    return cast(av.VideoFrame, sink.pull()).to_ndarray()


@functools.lru_cache(maxsize=4)
def _look_up(
    thread: int, change: Change, color: Color, width: int, height: int
) -> tuple[av.filter.Graph, av.filter.context.FilterContext, av.filter.context.FilterContext]:
    """What looks colors up in frames of one size, in one thread; where they go in and come out."""
    del thread
    side = ToneConfig().level ** 3
    graph = av.filter.Graph()
    # Packed: of planes, this filter of FFmpeg 8 takes the table's blue for red.
    form = av.VideoFormat("rgb48le")
    source = graph.add_buffer(width=width, height=height, format=form, time_base=_TICK)
    table = graph.add_buffer(width=side, height=side, format=form, time_base=_TICK)
    look_up = graph.add("haldclut", "interp=tetrahedral:clut=first:repeatlast=1")
    sink = graph.add("buffersink")
    source.link_to(look_up, 0, 0)
    table.link_to(look_up, 0, 1)
    look_up.link_to(sink)
    graph.configure()
    frame = av.VideoFrame.from_ndarray(_table(change, color, ToneConfig()), format="rgb48le")
    frame.pts, frame.time_base = 0, _TICK
    table.push(frame)
    table.push(None)
    return graph, source, sink


def _table(change: Change, color: Color, config: ToneConfig) -> np.ndarray:
    """What colors of all of the cube become, red the fastest, as a picture."""
    count = config.level**2
    axis = np.minimum(np.linspace(0, 65535 / (255 * _LEVEL), count), 1)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    found = change(np.stack([red, green, blue], -1), color, config)
    side = config.level**3
    return np.round(255 * _LEVEL * found).astype(np.uint16).reshape(side, side, 3)
