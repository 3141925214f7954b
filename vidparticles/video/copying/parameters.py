"""Parameter sets of H.264: a stream's own and an encoder's beside each other in one header."""

from __future__ import annotations

import dataclasses

from vidparticles.video.packets import nal

_SEQUENCE, _PICTURE = 7, 8
_FREE_ID = 31  # of parameter sets; encoders begin to count at 0
# What x264 calls the profiles, by profile_idc.
_PROFILES = {66: "baseline", 77: "main", 100: "high", 110: "high10", 122: "high422", 244: "high444"}


@dataclasses.dataclass(frozen=True)
class Header:
    """The header of an H.264 stream (avcC, ISO/IEC 14496-15, 5.3.3.1).

    Attributes:
        start: profile, compatibility, level and the size of lengths.
        sequences, pictures: its parameter sets.
        rest: what follows, of the higher profiles.
    """

    start: bytes
    sequences: tuple[bytes, ...]
    pictures: tuple[bytes, ...]
    rest: bytes

    @property
    def prefix(self) -> int:
        """Bytes of a unit's length."""
        return nal.length_size(self.start, 4)

    @property
    def profile(self) -> str | None:
        """As x264 calls it; None where it has none."""
        return _PROFILES.get(self.start[1])

    @property
    def level(self) -> int:
        """Ten times the level: 31 is 3.1."""
        return self.start[3]

    def free(self) -> bool:
        """Whether none of its parameter sets has the identifier that `Encoder` gives its own."""
        ids = [_identifier(unit[4:]) for unit in self.sequences]
        ids += [_identifier(unit[1:]) for unit in self.pictures]
        return _FREE_ID not in ids

    def beside(self, start_codes: bytes) -> bytes:
        """The header with an encoder's parameter sets, which are told by start codes, as well."""
        units = [unit.rstrip(b"\0") for unit in nal.units(start_codes, 0)]
        sets = [
            (*own, *(unit for unit in units if unit[0] & 0x1F == kind))
            for own, kind in ((self.sequences, _SEQUENCE), (self.pictures, _PICTURE))
        ]
        counts = bytes([0xE0 | len(sets[0])]), bytes([len(sets[1])])
        told = [
            count + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)
            for count, units in zip(counts, sets, strict=True)
        ]
        return self.start + b"".join(told) + self.rest


def header(extradata: bytes | None) -> Header | None:
    """The header of a stream of H.264; None where it is none of the kind that mp4 files hold."""
    if not extradata or len(extradata) < 7 or extradata[0] != 1:
        return None
    at, sets = 5, []
    for mask in (0x1F, 0xFF):
        count, at, units = extradata[at] & mask, at + 1, []
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            units.append(extradata[at + 2 : at + 2 + size])
            at += 2 + size
        sets.append(tuple(units))
    return Header(extradata[:5], sets[0], sets[1], extradata[at:])


def options() -> str:
    """What x264 is told so that its parameter sets do not take the place of others."""
    return f"sps-id={_FREE_ID}:bframes=0:annexb=1"


def with_lengths(packet: bytes, prefix: int) -> bytes:
    """A packet of an encoder, whose units are told by start codes, as mp4 files hold it."""
    units = (unit.rstrip(b"\0") for unit in nal.units(packet, 0))
    return b"".join(len(unit).to_bytes(prefix, "big") + unit for unit in units)


def _identifier(body: bytes) -> int:
    """An Exp-Golomb number at the beginning."""
    bits = "".join(f"{byte:08b}" for byte in body[:8])
    zeros = bits.find("1")
    return int(bits[zeros : 2 * zeros + 1], 2) - 1 if zeros >= 0 else -1
