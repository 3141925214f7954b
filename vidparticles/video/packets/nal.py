"""What a packet's own bytes say: whether decoding may start there, whether it is shown.

A container's keyframe flag is not enough. In H.264 it also marks recovery points of a
gradual refresh, from which the next frames come out wrong; an open group's I-picture
announces a recovery in 0 frames and is exact (ITU-T H.264, D.2.8).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_H264_IDR, _H264_SEI, _RECOVERY_POINT = 5, 6, 6


def is_exact_start(codec: str, extradata: bytes | None, packet: Any) -> bool:
    """Whether every frame shown at or after this keyframe decodes to the bit from here.

    Args:
        codec: the decoder's name.
        extradata: the stream's header, which tells how units are delimited.
        packet: a packet that its container flags as a keyframe.
    """
    if codec == "h264":
        for unit in units(bytes(packet), length_size(extradata, 4)):
            kind = unit[0] & 0x1F
            if kind == _H264_IDR:
                return True
            if kind == _H264_SEI and _recovery_frames(unit) == 0:
                return True
        return False
    if codec == "hevc":
        kinds = (u[0] >> 1 & 0x3F for u in units(bytes(packet), length_size(extradata, 21)))
        return any(16 <= kind <= 21 for kind in kinds)  # BLA, IDR, CRA
    return True


def is_clean_start(codec: str, extradata: bytes | None, packet: Any) -> bool:
    """Whether nothing from this exact start on refers to a frame that was decoded before it.

    So it may follow any other frames. An open group's picture may not: those that are shown
    before it and come after it in the file need the group before.

    Args:
        codec, extradata, packet: as for `is_exact_start`, which holds.
    """
    if codec == "h264":
        kinds = (u[0] & 0x1F for u in units(bytes(packet), length_size(extradata, 4)))
        return _H264_IDR in kinds
    if codec == "hevc":
        kinds = (u[0] >> 1 & 0x3F for u in units(bytes(packet), length_size(extradata, 21)))
        return any(16 <= kind <= 20 for kind in kinds)  # BLA, IDR
    return True


def is_shown(codec: str, packet: Any) -> bool:
    """Whether a packet gives a frame to show (VP8 stores hidden reference frames)."""
    return codec != "vp8" or bool(memoryview(packet)[0] & 0x10)


def length_size(extradata: bytes | None, at: int) -> int:
    """Bytes of a unit's length prefix (avcC, hvcC), 0 where start codes delimit units."""
    if extradata and len(extradata) > at and extradata[0] == 1:
        return (extradata[at] & 3) + 1
    return 0


def units(data: bytes, prefix: int) -> Iterator[bytes]:
    """The units of a packet, which are told by a length of so many bytes, or by start codes (0)."""
    if prefix:
        at = 0
        while at + prefix < len(data):
            size = int.from_bytes(data[at : at + prefix], "big")
            at += prefix
            if size:
                yield data[at : at + size]
            at += size
        return
    at = data.find(b"\0\0\1")
    while at >= 0:
        end = data.find(b"\0\0\1", at + 3)
        unit = data[at + 3 : end if end >= 0 else len(data)]
        if unit:
            yield unit
        at = end


def _recovery_frames(unit: bytes) -> int | None:
    """recovery_frame_cnt of an H.264 SEI unit, None where it has no recovery point."""
    body, at = unit[1:].replace(b"\0\0\3", b"\0\0"), 0
    while at + 2 <= len(body) and body[at] != 0x80:
        kind = size = 0
        while at < len(body) - 1 and body[at] == 0xFF:
            kind, at = kind + 255, at + 1
        kind, at = kind + body[at], at + 1
        while at < len(body) - 1 and body[at] == 0xFF:
            size, at = size + 255, at + 1
        if at >= len(body):
            return None
        size, at = size + body[at], at + 1
        if kind == _RECOVERY_POINT:
            bits = "".join(f"{byte:08b}" for byte in body[at : at + size])
            zeros = bits.find("1")  # an Exp-Golomb number
            return int(bits[zeros : 2 * zeros + 1] or "0", 2) - 1 if zeros >= 0 else None
        at += size
    return None
