"""Bad input: one sentence that names the file and says what to do."""

import contextlib
import os

import av
import numpy as np
import pytest

from vidparticles.errors import InputError
from vidparticles.video import open_video, probe, read_audio, write_video


def sound_only(path):
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        frame.sample_rate = 8000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def no_frames(path):
    """A header that tells of a video stream, and nothing after it."""
    write_video(path.with_suffix(".mkv"), np.zeros((2, 16, 16, 3), np.uint8), rate=5)
    data = path.with_suffix(".mkv").read_bytes()
    path.write_bytes(data[: data.find(b"\x1f\x43\xb6\x75")])  # up to the first cluster


def index_lost(path):
    write_video(path, np.zeros((5, 16, 16, 3), np.uint8), rate=5)
    data = path.read_bytes().replace(b"moov", b"gone")
    path.write_bytes(data)


CASES = {
    "absent.mp4": (lambda path: None, "no such file"),
    "folder.mp4": (lambda path: path.mkdir(), "is a folder"),
    "pipe.mp4": (os.mkfifo, "a pipe or a device"),
    "empty.mp4": (lambda path: path.touch(), "it is empty"),
    "text.mp4": (lambda path: path.write_text("not a video\n" * 99), "not a video"),
    "bytes.gif": (lambda path: path.write_bytes(os.urandom(5000)), "not a video"),
    "lost.mp4": (index_lost, "not a video|no frames|no video stream"),
    "song.m4a": (sound_only, "sound only"),
    "bare.webm": (no_frames, "no frames|not a video|no video stream"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_files_give_one_sentence(tmp_path, name):
    build, words = CASES[name]
    path = tmp_path / name
    build(path)
    for read in (probe, open_video):
        with pytest.raises(InputError, match=words) as caught:
            read(path)
        sentence = str(caught.value)
        assert str(path) in sentence
        assert sentence.endswith(".")
        assert "\n" not in sentence
    if "sound" not in words and "bare" not in name:
        with pytest.raises(InputError):
            read_audio(path) or probe(path)


def test_what_goes_while_it_is_read_is_a_sentence(tmp_path, monkeypatch):
    path = tmp_path / "clip.mp4"
    write_video(path, np.zeros((5, 16, 16, 3), np.uint8), rate=5)
    opened = av.open

    def removed(name, *args, **options):
        path.unlink(missing_ok=True)
        return opened(name, *args, **options)

    monkeypatch.setattr(av, "open", removed)
    with pytest.raises(InputError, match="no such file any more"):
        open_video(path)


def test_damage_at_random_gives_frames_or_a_sentence(made, tmp_path):
    """Bytes changed, or cut off, anywhere: never a stack trace, never another error."""
    rng = np.random.default_rng(5)
    for name in ("plain.mp4", "variable.mkv", "vp9.webm", "reordered.avi"):
        whole = made(name).read_bytes()
        for k in range(12):
            data = bytearray(whole[: rng.integers(1, len(whole))] if k % 3 == 0 else whole)
            for at in rng.integers(0, len(data), 1 + 8 * (k % 4)):
                data[at] = rng.integers(256)
            path = tmp_path / f"{k}{made(name).suffix}"
            path.write_bytes(data)
            with contextlib.suppress(InputError), open_video(path) as video:
                places = rng.integers(0, len(video), 3)
                assert video.frames(places).shape[0] == 3
                assert sum(1 for _ in video) == len(video)
                video.audio()
