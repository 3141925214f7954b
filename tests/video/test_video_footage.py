"""The clips that come with the package: small, real, of named sources, and what their page says."""

from __future__ import annotations

import numpy as np
import pytest

from vidparticles.errors import InputError
from vidparticles.video import footage, open_video


@pytest.mark.parametrize(
    ("name", "frames", "size", "seconds"),
    [("chaplin", 125, (240, 328), 5.0), ("nasa", 195, (270, 480), 6.5)],
)
def test_clips_are_small_real_and_whole(name, frames, size, seconds):
    file = footage.path(name)
    assert file.stat().st_size < 300_000
    with open_video(file) as video:
        assert len(video) == frames
        assert video.info.duration == pytest.approx(seconds, abs=0.02)
        assert not video.info.variable_rate
        picture = video.frames(np.linspace(0, frames - 1, 6).astype(int)).astype(float)
        sound = video.audio()
    assert picture.shape[1:3] == size
    # No bars, and something happens: no column or row is black, no two pictures alike.
    assert picture.max((0, 1, 3)).min() > 16
    assert picture.max((0, 2, 3)).min() > 16
    assert (np.abs(np.diff(picture, axis=0)).mean((1, 2, 3)) > 0.5).all()
    assert (sound is not None) == (name == "nasa")
    if sound is not None:
        assert np.sqrt(np.mean(sound.samples**2)) > 1e-3
        assert float(sound.duration) == pytest.approx(seconds, abs=0.1)


def test_the_source_of_each_is_named_beside_it():
    sources = footage.path(footage.NAMES[0]).with_name("SOURCES").read_text()
    shipped = {file.stem for file in footage.path("nasa").parent.glob("*.mp4")}
    assert shipped == set(footage.NAMES)
    for name in shipped:
        _, told = sources.split(f"{name}.mp4\n")
        assert "https://" in told.split("\n\n")[0]
        assert name in (footage.__doc__ or "")


def test_a_clip_that_is_not_there_is_answered_in_a_sentence():
    with pytest.raises(InputError, match="Did you mean 'chaplin'"):
        footage.path("chapling")
