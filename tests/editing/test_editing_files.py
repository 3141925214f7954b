"""All or nothing: what exists is not touched unasked, what fails leaves nothing."""

from __future__ import annotations

import pytest

from vidparticles import editing
from vidparticles.editing import reel
from vidparticles.errors import InputError
from vidparticles.video import probe
from vidparticles.video.copying import copy


def test_what_exists_is_refused_and_untouched(edited, counted, tmp_path):
    out = tmp_path / "out.mp4"
    out.write_bytes(b"something dear")
    with pytest.raises(InputError, match=r"out\.mp4 exists; give --overwrite"):
        edited(counted(), out)
    assert out.read_bytes() == b"something dear"
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]
    edited(counted(), out, overwrite=True)
    assert probe(out).frames > 0
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]


def test_the_clip_itself_is_never_written_over(edited, counted):
    source = counted()
    before = source.read_bytes()
    with pytest.raises(InputError, match="is the clip itself"):
        edited(source, source, overwrite=True)
    assert source.read_bytes() == before


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("there", [False, True])
def test_a_failure_midway_leaves_nothing(edited, failure, there, counted, tmp_path, monkeypatch):
    """While frames are decoded, and while packets are copied."""

    def breaking(whole):
        def some(video, first, last):
            for k, one in enumerate(whole(video, first, last)):
                if k == 6:
                    raise failure("midway")
                yield one

        return some

    for room, name in ((reel, "_frames"), (copy, "_read")):
        monkeypatch.setattr(room, name, breaking(getattr(room, name)))
    out = tmp_path / "out.mp4"
    if there:
        out.write_bytes(b"something dear")
    with pytest.raises(failure, match="midway"):
        edited(counted(), out, overwrite=there)
    assert [p.name for p in tmp_path.iterdir()] == (["out.mp4"] if there else [])
    assert not there or out.read_bytes() == b"something dear"


def test_a_second_clip_that_is_no_video_leaves_nothing(counted, tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("These are words.")
    with pytest.raises(InputError, match=r"text\.mp4 is not a video"):
        editing.splice([counted(), text], tmp_path / "out.mp4")
    assert [p.name for p in tmp_path.iterdir()] == ["text.mp4"]


def test_splice_needs_two_clips(counted, tmp_path):
    with pytest.raises(InputError, match="two clips or more"):
        editing.splice([counted()], tmp_path / "out.mp4")
