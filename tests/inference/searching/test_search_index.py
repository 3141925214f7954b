"""The index: nothing is looked at twice, nothing is lost, a broken file is one sentence."""

from __future__ import annotations

import dataclasses
import shutil
from fractions import Fraction

import numpy as np
import pytest

from vidparticles.errors import InputError
from vidparticles.inference.searching import build, entry
from vidparticles.inference.searching.index import videos
from vidparticles.inference.understanding.features import ClipFeatures
from vidparticles.video import Span, Subtitles


def test_what_was_stopped_goes_on(folder, networks, tmp_path):
    paths, index = videos(folder), tmp_path / "index"
    networks.stop_at = 4
    with pytest.raises(KeyboardInterrupt):
        build(paths, folder=index)
    networks.stop_at = None
    found = build(paths, folder=index)
    assert (found.made, networks.count) == (3, 7)  # the fourth was begun, and begun again
    again = build(paths, folder=index)
    assert again.made == 0
    np.testing.assert_array_equal(again.seen.like, found.seen.like)
    assert not [path for path in index.iterdir() if path.name.startswith(".")]


def test_names_do_not_matter_and_contents_do(folder, networks, tmp_path):
    index = tmp_path / "index"
    build(videos(folder), folder=index)
    before = networks.count
    (folder / "red.mp4").rename(folder / "rouge.mp4")
    shutil.copy(folder / "green.mp4", folder / "copy.mp4")
    assert build(videos(folder), folder=index).made == 0
    shutil.copy(folder / "more" / "blue2.mp4", folder / "green.mp4")
    assert build(videos(folder), folder=index).made == 0  # seen under another name
    with (folder / "blue.mp4").open("ab") as file:
        file.write(b"\0\0\0\x08free")
    assert build(videos(folder), folder=index).made == 1
    assert networks.count == before + 1


def test_another_recipe_is_looked_at_again_once(folder, networks, tmp_path, monkeypatch):
    index, paths = tmp_path / "index", videos(folder)
    assert build(paths, folder=index).renewed == 0
    monkeypatch.setattr("vidparticles.inference.searching.index.VERSION", 99)
    found = build(paths, folder=index)
    assert (found.made, found.renewed) == (6, 6)
    again = build(paths, folder=index)
    assert (again.made, again.renewed) == (0, 0)
    assert build(paths, folder=index, rate=0).renewed == 6


DAMAGES = [lambda b: b[:100], lambda b: b[:-3] + b"\x7f" * 3, lambda b: b""]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_made_again(damage, folder, networks, tmp_path):
    index = tmp_path / "index"
    right = build([folder / "red.mp4"], folder=index)
    (path,) = index.glob("*.safetensors")
    path.write_bytes(damage(path.read_bytes()))
    found = build([folder / "red.mp4"], folder=index)
    assert found.made == 1
    for known, told in zip(right.seen, found.seen, strict=True):
        np.testing.assert_array_equal(told, known)


def test_a_broken_file_is_a_sentence_and_the_rest_is_found(folder, networks, tmp_path):
    (folder / "broken.mp4").write_bytes(b"no video")
    found = build(videos(folder), folder=tmp_path / "index")
    assert len(found.paths) == 6
    (told,) = found.broken
    assert str(folder / "broken.mp4") in told
    assert found.left_out[0].endswith("; it was left out.")
    with pytest.raises(InputError, match=r"broken\.mp4 is not a video that can be read"):
        build([folder / "broken.mp4"], folder=tmp_path / "index")
    two = [folder / "broken.mp4", folder / "nowhere.mp4"]
    with pytest.raises(InputError, match=r"none of the 2 clips can be read; .*broken\.mp4"):
        build(two, folder=tmp_path / "index")
    with pytest.raises(InputError, match=r"nowhere\.mp4 cannot be read \(No such file"):
        build(two[1:], folder=tmp_path / "index")


def test_an_index_that_cannot_be_written_is_no_broken_clip(folder, networks, tmp_path):
    (tmp_path / "index").write_text("a file")
    with pytest.raises(InputError, match="index could not be written"):
        build(videos(folder), folder=tmp_path / "index")


def test_folders_without_clips_are_sentences(tmp_path):
    for path, told in (("nowhere", "no such folder"), ("file", "is a file"), ("", "no video file")):
        (tmp_path / "file").touch()
        with pytest.raises(InputError, match=told):
            videos(tmp_path / path if path else tmp_path)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "clip.mp4").touch()
    with pytest.raises(InputError, match="no video file"):
        videos(tmp_path)


# ---------------------------------------------------------------- entries


def _seen(windows, pictures, seed=0):
    rng = np.random.default_rng(seed)
    return ClipFeatures(
        path="clip.mp4",
        seconds=10.0,
        starts=np.arange(windows) * 2.5,
        ends=np.arange(windows) * 2.5 + 2.5,
        logits=rng.standard_normal((windows, 400)),
        steps=np.zeros((windows, 4, 400)),
        features=rng.random((windows, 1024)),
        times=np.arange(pictures) * 1.0,
        picture_logits=rng.standard_normal((pictures, 1000)),
        picture_features=rng.random((pictures, 1280)),
        layouts=rng.random((windows, 8, 8)),
        picture_layouts=rng.random((pictures, 8, 8)),
        warnings=(),
    )


@pytest.mark.parametrize(
    ("windows", "pictures", "moments", "width"),
    [(4, 10, 4, 2304), (4, 1, 4, 2304), (0, 7, 7, 1280), (3, 0, 3, 1024), (0, 0, 0, 0)],
)
def test_a_moment_is_of_length_one_whatever_looks_at_it(
    windows, pictures, moments, width, tmp_path
):
    lines = (
        entry.Line(0.5, 1.5, "one dog moves left"),
        entry.Line(1.0, 3.0, "the camera is still"),
    )
    found = entry.entry_of(_seen(windows, pictures), moves=lines)
    found = dataclasses.replace(found, moved=np.eye(384, dtype=np.float32)[:2])
    assert found.like.shape == (moments, width)
    np.testing.assert_allclose(np.linalg.norm(found.like, axis=-1), 1, rtol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(found.layouts, axis=-1), 1, rtol=1e-3)
    assert found.labels.shape == found.shares.shape == (moments, 2, entry.TOP)
    assert (found.labels[:, 0] >= 0).all() == bool(windows) or not moments
    assert (np.diff(found.shares, axis=-1) <= 0).all()
    assert all(len(found.told(k)) == 3 for k in range(moments))
    entry.write(tmp_path / "entry.safetensors", found)
    again = entry.read(tmp_path / "entry.safetensors")
    for name in ("like", "starts", "ends", "labels", "shares", "seconds", "lines", "moves"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    np.testing.assert_array_equal(again.moved, found.moved)


def test_cues_become_lines_without_markup():
    cues = (Span(Fraction(1), Fraction(2), r"{\i1}Two people{\i0}\Nfight."), Span(2, 3, "{\\an8}"))
    found = entry.entry_of(_seen(1, 1), [Subtitles(cues)])
    assert found.lines == (entry.Line(1.0, 2.0, "Two people fight."),)
