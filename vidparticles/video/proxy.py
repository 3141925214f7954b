"""Small copies of videos that are cheap to read anywhere: what `prepare` makes of each clip."""

from __future__ import annotations

import contextlib
import pathlib
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from vidparticles.errors import InputError
from vidparticles.storage import PathLike, atomic_write
from vidparticles.video.decode import Decoder
from vidparticles.video.files import writing
from vidparticles.video.sound.blocks import LAYOUTS, av_frames, resample
from vidparticles.video.sound.read import read_audio

GOP = 4
SOUND_RATE = 16_000
_BT601 = 6  # ITU-T H.273: what the scaler makes of pictures that come as RGB


def write_proxy(source: PathLike, out: PathLike, *, size: tuple[int, int], crf: float) -> dict:
    """Write a copy at another size, made for random access; an existing one is replaced.

    H.264 with a keyframe every 4 frames, no B-frames and neither CABAC nor deblocking: a
    frame anywhere costs at most four cheap ones. Pictures are scaled by area averaging
    without leaving YUV, so the color tags stay true; times, rotation and the display's
    aspect are the source's; sound becomes 16 kHz mono.

    Args:
        source: any readable video.
        out: the .mp4 to write; it appears when it is whole.
        size: height and width as displayed, both even.
        crf: quality, 0 lossless … 51 worst.

    Returns:
        what is to be known of it: `frames`, `missing` (frames that did not decode), `pts`
        and `time_base` (the times, exactly), `rotation`, `color` (ITU-T H.273 codes),
        `sound_rate` or None, `warnings`.

    Raises:
        InputError: the source cannot be read, none of its frames decodes, or the copy cannot
            be written.
    """
    source, out = pathlib.Path(source), pathlib.Path(out)
    with contextlib.closing(Decoder(source)) as decoder, atomic_write(out) as partial:
        return _write(decoder, source, out, partial, size=size, crf=crf)


def _write(
    decoder: Decoder,
    source: pathlib.Path,
    out: pathlib.Path,
    partial: pathlib.Path,
    *,
    size: tuple[int, int],
    crf: float,
) -> dict:
    table, reformatter = decoder.table, VideoReformatter()
    sound = read_audio(source, origin=table.origin)
    if sound is not None and sound.channels in LAYOUTS:
        sound = resample(sound, rate=SOUND_RATE, channels=1)
    else:
        sound = None
    pts: list[int] = []
    with contextlib.ExitStack() as stack:
        for index, frame in decoder.every_frame():
            turned = round(frame.rotation / 90) % 2
            height, width = size[::-1] if turned else size
            small = reformatter.reformat(
                frame,
                width=width,
                height=height,
                format="yuv420p",
                interpolation="AREA",
                threads=1,
            )
            at = int(table.shown[index] - table.shown[0])
            with writing(out):
                if not pts:
                    facts = _facts(frame, small)
                    container = stack.enter_context(av.open(str(partial), "w", format="mp4"))
                    picture = _picture(container, decoder, frame, small, facts, crf)
                    voice = None
                    if sound is not None:
                        voice = container.add_stream("aac", rate=SOUND_RATE, layout="mono")
                        voice.codec_context.bit_rate = 48_000
                pts.append(at)
                small.pts, small.time_base = at, table.time_base
                # The picture types of the source would be taken for orders to the encoder.
                small.pict_type = av.video.frame.PictureType.NONE
                container.mux(picture.encode(small))
        if not pts:
            raise InputError(
                f"{source}: none of its {len(table)} frames decodes; expected a whole video."
            )
        with writing(out):
            container.mux(picture.encode(None))
            if voice is not None and sound is not None:
                for block in av_frames(sound):
                    container.mux(voice.encode(block))
                container.mux(voice.encode(None))
            container.close()
    return {
        "frames": len(pts),
        "missing": len(table) - len(pts),
        "pts": pts,
        "time_base": str(table.time_base),
        **facts,
        "sound_rate": None if sound is None else SOUND_RATE,
        "warnings": list(table.warnings),
    }


def _facts(frame: av.VideoFrame, small: av.VideoFrame) -> dict:
    """Rotation and color tags; pictures that were RGB are tagged as what they became."""
    matrix = int(frame.colorspace)
    return {
        "rotation": round(-frame.rotation / 90) * 90 % 360,
        "color": {
            "matrix": _BT601 if frame.format.is_rgb else matrix,
            "primaries": int(frame.color_primaries),
            "transfer": int(frame.color_trc),
            "range": int(small.color_range),
        },
    }


def _picture(
    container: av.container.OutputContainer,
    decoder: Decoder,
    frame: av.VideoFrame,
    small: av.VideoFrame,
    facts: dict,
    crf: float,
) -> av.VideoStream:
    table = decoder.table
    span = int(table.shown[-1] - table.shown[0]) * table.time_base
    rate = (Fraction(len(table) - 1) / span if span > 0 else Fraction(25)).limit_denominator(1001)
    options = {
        "preset": "medium",
        "tune": "fastdecode",
        "crf": f"{crf:g}",
        "x264-params": f"keyint={GOP}:min-keyint={GOP}:scenecut=0:bframes=0"
        # Nearest to the source by squared error, which is what models see; not to the eye.
        ":psy=0:aq-mode=0",
    }
    stream = container.add_stream("libx264", rate=rate, options=options)
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = small.width, small.height, "yuv420p"
    # Small pictures gain nothing from more threads, and clips are prepared side by side.
    context.thread_count = 1
    context.time_base = table.time_base
    aspect = Fraction(decoder.stream.sample_aspect_ratio or 1)
    context.sample_aspect_ratio = (
        aspect * Fraction(frame.width, small.width) / Fraction(frame.height, small.height)
    )
    color = facts["color"]
    context.colorspace, context.color_primaries = color["matrix"], color["primaries"]
    context.color_trc, context.color_range = color["transfer"], color["range"]
    if facts["rotation"]:
        stream.set_display_rotation(-facts["rotation"])
    return stream


def proxy_size(height: int, width: int, *, short_side: int) -> tuple[int, int]:
    """Even height and width of the same shape whose shorter one is `short_side` at most.

    Example:
        >>> proxy_size(1080, 1920, short_side=112), proxy_size(90, 160, short_side=112)
        ((112, 200), (90, 160))
    """
    factor = min(1.0, short_side / min(height, width))
    even = np.maximum(2, 2 * np.round(np.array([height, width]) * factor / 2)).astype(int)
    return int(even[0]), int(even[1])
