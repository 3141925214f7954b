"""Pictures as they are stored: colors, sizes and parts, and the streams they are encoded to."""

from vidparticles.video.picture.codecs import CODECS, Encoding
from vidparticles.video.picture.color import BT601, BT709, Color
from vidparticles.video.picture.stored import Picture

__all__ = ["BT601", "BT709", "CODECS", "Color", "Encoding", "Picture"]
