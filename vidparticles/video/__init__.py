"""Files to arrays and back: probe, read, write, sound. No jax; numpy and PyAV alone."""

from vidparticles.video.copying.remux import copy_trim, copy_with_sound, frame_span
from vidparticles.video.extras import Extras, Span, Subtitles, Voice
from vidparticles.video.files import check_output
from vidparticles.video.info import AudioInfo, VideoInfo
from vidparticles.video.picture.codecs import CODECS, Encoding
from vidparticles.video.picture.color import BT601, BT709, Color
from vidparticles.video.picture.stored import Picture
from vidparticles.video.read import Video, open_video, probe
from vidparticles.video.sound.blocks import Sound, cut, join, resample, reverse, silence
from vidparticles.video.sound.read import read_audio
from vidparticles.video.sound.stretch import stretch, warp
from vidparticles.video.write import Writer, write_video

__all__ = [
    "BT601",
    "BT709",
    "CODECS",
    "AudioInfo",
    "Color",
    "Encoding",
    "Extras",
    "Picture",
    "Sound",
    "Span",
    "Subtitles",
    "Video",
    "VideoInfo",
    "Voice",
    "Writer",
    "check_output",
    "copy_trim",
    "copy_with_sound",
    "cut",
    "frame_span",
    "join",
    "open_video",
    "probe",
    "read_audio",
    "resample",
    "reverse",
    "silence",
    "stretch",
    "warp",
    "write_video",
]
