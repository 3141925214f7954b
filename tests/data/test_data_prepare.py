"""Prepared copies: true to their sources in time, turn and picture; made once."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import shutil
from fractions import Fraction

import numpy as np
import pytest

from vidparticles import progress
from vidparticles.data import embedded, folder
from vidparticles.data.prepare import prepare
from vidparticles.errors import InputError
from vidparticles.video import Sound, open_video, write_video
from vidparticles.video.sample import facts_of, sample_frames

# A clock without a rate: neighboring frames 1/30 s or 1/10 s apart.
UNEVEN = np.cumsum([0, *([1, 1, 3] * 20)]) / 30


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Classes a (even and uneven clips, a turned one with sound) and b (one broken)."""
    root = tmp_path_factory.mktemp("source")
    for name in "ab":
        (root / name).mkdir()
    frames = [embedded.render(i, "pass") for i in range(3)]
    wide = [np.repeat(f[:, ::1, :, :], 2, axis=2) for f in frames]
    write_video(root / "a" / "even.mp4", wide[0], rate=Fraction(30000, 1001))
    uneven = np.concatenate([wide[1], wide[1]])[: len(UNEVEN)]
    write_video(root / "a" / "uneven.mkv", uneven, times=UNEVEN)
    sound = Sound.of(np.sin(np.arange(88200) / 20)[:, None].astype(np.float32) / 2, 44100)
    write_video(root / "b" / "turned.mp4", wide[2], rate=24, rotation=90, audio=sound)
    (root / "b" / "broken.mp4").write_bytes(b"no video at all")
    return root


@pytest.fixture(scope="module")
def prepared(source: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    out = tmp_path_factory.mktemp("prepared") / "out"
    done = prepare(source, out, size=96)
    assert (done.made, done.kept) == (3, 0)
    assert list(done.skipped) == [str(source / "b" / "broken.mp4")]
    return out


@pytest.mark.parametrize("name", ["a/even.mp4", "a/uneven.mkv", "b/turned.mp4"])
def test_copy_is_true(source: pathlib.Path, prepared: pathlib.Path, name: str) -> None:
    copy = (prepared / name).with_suffix(".mp4")
    facts = json.loads(copy.with_name(copy.name + ".json").read_text())
    with open_video(source / name) as a, open_video(copy) as b:
        assert np.allclose(a.times, b.times, atol=1e-9)
        assert np.allclose(np.array(facts["pts"]) * float(Fraction(facts["time_base"])), b.times)
        assert a.info.rotation == b.info.rotation == facts["rotation"]
        assert (b.info.height, b.info.width) == (facts["height"], facts["width"])
        assert min(b.info.height, b.info.width) == 96
        assert facts["sha256"] == hashlib.sha256((source / name).read_bytes()).hexdigest()
        # A start every four frames, so that a frame anywhere costs at most four.
        assert np.array_equal(b.table.start_order, np.arange(0, len(b), 4))
        size = (b.info.height, b.info.width)
        true, near = a.frames(range(len(a)), size=size), b.frames(range(len(b)))
        assert np.mean((true.astype(float) - near) ** 2) < 255**2 / 10**3.4
        sound = b.audio()
    assert (sound is not None) == (name == "b/turned.mp4")
    if sound is not None:
        assert (sound.rate, sound.channels) == (16000, 1)
        assert abs(float(sound.duration) - 2) < 0.1
        assert facts["sound_rate"] == 16000


def test_layout_and_splits_stay(source: pathlib.Path, prepared: pathlib.Path) -> None:
    def placed(root: pathlib.Path) -> dict[str, str]:
        splits = folder.scan(root).splits
        return {c.path.stem: split for split, clips in splits.items() for c in clips}

    assert {k: v for k, v in placed(source).items() if k != "broken"} == placed(prepared)
    assert not [p for p in prepared.rglob("*") if "partial" in p.name]


def test_made_once_and_again_when_the_source_changes(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    root, out = tmp_path / "s", tmp_path / "o"
    shutil.copytree(source, root)
    (root / "b" / "broken.mp4").unlink()
    prepare(root, out, size=32)
    when = {p: p.stat().st_mtime_ns for p in out.rglob("*.mp4")}
    assert len(when) == 3

    def changed() -> list[str]:
        return sorted(p.name for p, t in when.items() if p.stat().st_mtime_ns != t)

    done = prepare(root, out, size=32)
    assert (done.made, done.kept, changed()) == (0, 3, [])
    os.utime(root / "a" / "even.mp4")  # touched, not changed: the hash tells
    assert prepare(root, out, size=32).made == 0
    shutil.copy(root / "b" / "turned.mp4", root / "a" / "even.mp4")
    assert (prepare(root, out, size=32).made, changed()) == (1, ["even.mp4"])
    # A stop between the copy and its facts leaves a copy that does not count.
    (out / "a" / "uneven.mp4.json").unlink()
    assert prepare(root, out, size=32).made == 1
    assert prepare(root, out, size=(24, 40)).made == 3
    with open_video(out / "a" / "uneven.mp4") as video:
        assert (video.info.height, video.info.width) == (24, 40)


def test_one_name_with_two_suffixes(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "s" / "a").mkdir(parents=True)
    for suffix in (".mp4", ".mkv"):
        shutil.copy(source / "a" / "uneven.mkv", tmp_path / "s" / "a" / f"x{suffix}")
    prepare(tmp_path / "s", tmp_path / "o", size=16)
    names = sorted(p.name for p in (tmp_path / "o" / "a").glob("*.mp4"))
    assert names == ["x.mkv.mp4", "x.mp4.mp4"]


def test_mistakes(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match="lies inside"):
        prepare(source, source / "small")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.mp4").write_bytes(b"nothing")
    with pytest.raises(InputError, match="none of the 1 clips can be read"):
        prepare(tmp_path, tmp_path.parent / "never")


def test_progress_is_told(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    told: list[tuple[str, int, int]] = []
    with progress.listening(lambda *words: told.append(words)):
        prepare(source, tmp_path / "o", size=16)
    assert told == [("preparing", done, 4) for done in range(5)]


@pytest.mark.parametrize("which", ["copy", "source"])
def test_quick_reader_equals_the_careful_one(
    source: pathlib.Path, prepared: pathlib.Path, which: str
) -> None:
    root = prepared if which == "copy" else source
    rng = np.random.default_rng(0)
    for path in sorted(p for p in root.rglob("*.m*") if p.suffix in (".mp4", ".mkv")):
        if path.stem == "broken":
            continue
        facts = facts_of(path)
        assert (facts.packets is not None) == (which == "copy")
        for size in ((30, 52), (facts.table.pts.size, 20)):
            places = np.sort(rng.integers(0, len(facts.table), 12))
            quick = sample_frames(path, facts, places, size=size)
            with open_video(path) as video:
                assert np.array_equal(quick, video.frames(places, size=size))


def test_quick_reader_survives_a_changed_file(
    prepared: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    path = pathlib.Path(shutil.copy(prepared / "a" / "even.mp4", tmp_path))
    facts = facts_of(path)
    content = bytearray(path.read_bytes())
    at = int(facts.packets.at[20]) + 8
    content[at : at + 40] = bytes(40)
    path.write_bytes(content)
    frames = sample_frames(path, facts, [0, 20, 40], size=(20, 40))
    with open_video(path) as video:
        assert np.array_equal(frames[[0, 2]], video.frames([0, 40], size=(20, 40)))


def test_quick_reader_on_real_files(shared_data: pathlib.Path) -> None:
    for name in ("arm_wrestling.mp4", "realshort.mp4", "apply_eye_makeup_ucf101.avi"):
        path = shared_data / "clips" / name
        facts = facts_of(path)
        places = np.linspace(2, min(len(facts.table), 60) - 1, 6).astype(int)
        quick = sample_frames(path, facts, places, size=(60, 80))
        with open_video(path) as video:
            assert np.array_equal(quick, video.frames(places, size=(60, 80)))
