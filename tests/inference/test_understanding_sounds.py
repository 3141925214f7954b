"""Which kinds of sound are told: what is sure and what is not, and by YAMNet's own kind of file."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import made_yamnet
from vidparticles import cli, inference
from vidparticles.errors import InputError
from vidparticles.inference.understanding.networks import Networks, sound_kinds
from vidparticles.inference.understanding.report import Report
from vidparticles.inference.understanding.sound import KindsConfig, SoundKinds, kinds
from vidparticles.inference.understanding.told import UNSURE
from vidparticles.models.published import yamnet
from vidparticles.video import Sound, write_video
from vidparticles.viz.understanding.page import write_page
from vidparticles.viz.understanding.text import write_out

LABELS = ("Music", "Dog", "Bark")
HOP = yamnet.HOP / yamnet.RATE


def loud(seconds: float, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(np.arange(round(16000 * seconds)) / 8)).astype(np.float32)[:, None]


def scored(rows: np.ndarray, labels=LABELS) -> SoundKinds:
    """Says what is in the rows, whatever it hears."""

    def score(blocks):
        count = yamnet.count(sum(map(len, blocks)))
        assert len(rows) == count
        yield from np.array_split(rows, 3)  # as it comes in stretches

    return SoundKinds(score, labels)


def rows_of(seconds: float, spans: dict[str, tuple[float, float]], value: float = 0.9):
    """Scores of windows [W, 3]: of a kind so high where the window lies within its span."""
    begins = np.arange(yamnet.count(round(16000 * seconds))) * HOP
    rows = np.full((len(begins), 3), 0.02, np.float32)
    for name, (start, end) in spans.items():
        rows[(begins >= start - 1e-6) & (begins + 2 * HOP <= end + 1e-6), LABELS.index(name)] = (
            value
        )
    return rows


def test_kinds_are_told_side_by_side_and_the_rest_is_unsure():
    rows = rows_of(9.6, {"Music": (0, 4.8), "Dog": (2.4, 6.24)})
    told = kinds(Sound.of(loud(9.6), rate=16000), scored(rows))
    assert [t.label for t in told] == ["Music", "Dog", UNSURE]
    np.testing.assert_allclose([t.start for t in told], [0, 2.4, 6.24], atol=HOP)
    np.testing.assert_allclose([t.end for t in told], [4.8, 6.24, 9.6], atol=HOP)
    assert told[0].confidence == pytest.approx(0.85, abs=0.06)
    assert told[2].confidence < 0.5
    assert told[2].likeliest == ()  # nothing is likely enough to be a guess


def test_what_may_be_is_among_the_likeliest_and_not_a_label():
    rows = np.tile(np.float32([0.3, 0.45, 0.05]), (yamnet.count(64000), 1))
    (told,) = kinds(Sound.of(loud(4), rate=16000), scored(rows))
    assert (told.label, told.start, told.end) == (UNSURE, 0.0, 4.0)
    assert [(name, round(p, 2)) for name, p in told.likeliest] == [("Dog", 0.45), ("Music", 0.3)]


def test_one_high_window_is_not_enough():
    """A flicker of the network is not a sound."""
    rows = np.full((yamnet.count(160000), 3), 0.02, np.float32)
    rows[8, 1] = 0.9
    (told,) = kinds(Sound.of(loud(10), rate=16000), scored(rows))
    assert told.label == UNSURE


def test_of_silence_nothing_is_told():
    sound = np.concatenate([loud(4.8), loud(4.8, 0.0), loud(0.1)])
    rows = np.full((yamnet.count(len(sound)), 3), [0.9, 0.02, 0.02], np.float32)
    told = kinds(Sound.of(sound, rate=16000), scored(rows))
    assert [(t.label, round(t.start, 2), round(t.end, 2)) for t in told] == [
        ("Music", 0, 4.8),
        ("Music", 9.6, 9.7),
    ]
    assert kinds(None, scored(rows)) == ()
    assert kinds(Sound.of(np.zeros((0, 1)), rate=16000), scored(rows)) == ()


@given(st.integers(1, 200_000), st.integers(0, 2**31), st.integers(1, 3))
def test_no_moment_is_told_as_sure_that_is_not_and_none_is_left_out(length, seed, most):
    rng = np.random.default_rng(seed)
    rows = rng.random((yamnet.count(length), 3)).astype(np.float32)
    rows = np.repeat(rows[::4], 4, axis=0)[: len(rows)]  # so that some kinds last
    loudness = np.repeat(rng.integers(0, 2, -(-length // yamnet.HOP)), yamnet.HOP)[:length]
    sound = Sound.of(0.5 * loudness[:, None], rate=16000)
    config = KindsConfig(most=most, smooth=0)
    told = kinds(sound, scored(rows), config)
    seconds = length / 16000
    for k in range(min(len(rows) + 1, -(-length // yamnet.HOP))):
        time = (k * HOP + min((k + 1) * HOP, seconds)) / 2
        # Mean of the windows that this cell lies in.
        cell = rows[max(k - 1, 0) : k + 1].mean(0)
        now = [t for t in told if t.start <= time < t.end]
        sure = {t.label for t in now} - {UNSURE}
        high = [LABELS[j] for j in np.argsort(-cell) if cell[j] >= config.sure][:most]
        if not loudness[k * yamnet.HOP]:
            assert not now
        elif high:
            assert sure == set(high)
            assert len(now) == len(sure)
        else:
            assert [t.label for t in now] == [UNSURE]
    assert all(0 <= t.start < t.end <= seconds + 1e-9 for t in told)
    assert all((t.label == UNSURE) == (t.confidence < config.sure) for t in told)
    assert [t.start for t in told] == sorted(t.start for t in told)


@pytest.mark.parametrize("wrong", [{"sure": 0.05}, {"guess": 0.0}, {"sure": 1.5}])
def test_a_config_that_cannot_be_is_a_sentence(wrong):
    with pytest.raises(InputError, match="expected 0 < guess ≤ sure ≤ 1"):
        KindsConfig(**wrong)


# ---------------------------------------------------------------- the file


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> pathlib.Path:
    return made_yamnet.write(tmp_path_factory.mktemp("yamnet"))


def damaged(folder: pathlib.Path, **changes: bytes | None) -> pathlib.Path:
    """Both files with one of them changed, or left out."""
    path = made_yamnet.write(folder)
    for name, content in changes.items():
        file = path if name == "weights" else folder / "yamnet_class_map.csv"
        file.unlink()
        if content is not None:
            file.write_bytes(content)
    return path


def without(name: str, **instead: np.ndarray) -> bytes:
    tensors = made_yamnet.tensors()
    del tensors[name]
    return made_yamnet.keras_file(tensors | instead)


BIAS = "logits/logits/bias:0"
NAMES = made_yamnet.class_map()
BAD = {
    "no weights": ({"weights": None}, r"yamnet\.h5 cannot be read \(No such file"),
    "words": ({"weights": b"words"}, r"yamnet\.h5 cannot be read .*\(not HDF5\); give the \.h5"),
    "a layer less": (
        {"weights": without(BIAS)},
        rf"yamnet\.h5: these are not the weights of YAMNet: {BIAS} is missing; give another file",
    ),
    "of 10 classes": (
        {"weights": without(BIAS, **{BIAS: np.zeros(10, np.float32)})},
        rf"yamnet\.h5: .*YAMNet: {BIAS} of shape \(10,\) has no place; give another file",
    ),
    "no names": ({"names": None}, r"yamnet_class_map\.csv cannot be read \(No such file"),
    "names of others": ({"names": b"a,b,c\n0,/m/0,x\n"}, r"class_map\.csv cannot .*index,mid,disp"),
    "a name less": (
        {"names": NAMES[: NAMES.rindex("520,/m")].encode()},
        r"yamnet_class_map\.csv cannot be read .*of 0 to 520",
    ),
    "no csv": ({"names": b"\xff\xfe\0words"}, r"yamnet_class_map\.csv cannot be read"),
}


@pytest.mark.parametrize("kind", BAD)
def test_another_file_is_one_sentence_before_any_work(kind, tmp_path, clip, capsys):
    changes, says = BAD[kind]
    path = damaged(tmp_path, **changes)
    with pytest.raises(InputError, match=says):
        sound_kinds(path)
    words = ["understand", str(clip), "--no-objects", "--sounds", str(path)]
    assert cli.main([*words, "--json", str(tmp_path / "a.json")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert not (tmp_path / "a.json").exists()


def test_a_folder_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"is a folder; expected the file yamnet\.h5"):
        sound_kinds(tmp_path)


def test_kinds_of_sound_of_a_clip_are_the_networks_own(published, tmp_path):
    frames = np.zeros((75, 48, 64, 3), np.uint8)
    noise = np.random.default_rng(0).normal(0, 0.2, (48000, 1)).astype(np.float32)
    write_video(tmp_path / "a.mp4", frames, rate=25, audio=Sound.of(noise, rate=16000))
    report = inference.understand(
        tmp_path / "a.mp4", objects=False, sounds=published, networks_here=Networks()
    )
    params = yamnet.parameters(made_yamnet.tensors())
    scores = np.concatenate([*yamnet.stream(params, [noise[:, 0]])])
    labels = {t.label for t in report.sounds}
    # The sound was coded in between, and so the scores that are near the bound may differ.
    surely = scores.min(0) > 0.6
    best = np.argsort(-np.where(surely, scores.mean(0), 0))[:2]
    assert surely[best].all()
    assert {made_yamnet.LABELS[k] for k in best} <= labels
    assert not labels & {made_yamnet.LABELS[k] for k in np.flatnonzero(scores.max(0) < 0.4)}
    assert Report.from_json(report.to_json()) == report
    assert json.loads(report.to_json())["sounds"][0].keys() == {
        "label", "start", "end", "confidence", "likeliest",
    }  # fmt: skip
    lines = write_out(report).splitlines()
    begin = lines.index("kinds of sound, with their scores")
    assert max(map(len, lines[1:])) <= 80
    assert "%" not in "".join(lines[begin:])  # a score is no probability
    write_page(report, tmp_path / "a.html")
    assert '"kinds of sound"' in (tmp_path / "a.html").read_text()


def test_a_clip_without_sound_is_a_warning_and_the_rest_is_told(published, tmp_path):
    write_video(tmp_path / "a.mp4", np.zeros((25, 48, 64, 3), np.uint8), rate=25)
    report = inference.understand(
        tmp_path / "a.mp4", objects=False, sounds=published, networks_here=Networks()
    )
    assert report.sounds == ()
    assert report.warnings == (f"{tmp_path / 'a.mp4'} has no sound: no kinds of sound are told.",)
    assert [t.label for t in report.picture] == ["black"]
    assert "kinds of sound" not in write_out(report)


def test_what_is_unsure_is_shown_as_unsure(tmp_path, clip):
    rows = np.tile(np.float32([0.3, 0.45, 0.05]), (yamnet.count(32000), 1))
    told = kinds(Sound.of(loud(2), rate=16000), scored(rows))
    shutil.copy(clip, tmp_path / "a.mp4")
    report = inference.understand(tmp_path / "a.mp4", objects=False, networks_here=Networks())
    report = dataclasses.replace(report, sounds=told)
    (line,) = (line for line in write_out(report).splitlines() if "Dog" in line)
    assert line.split()[:2] == ["unsure:", "Dog?"]
    assert "0.45" not in line
    write_page(report, tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text()
    data = json.loads(text[text.index('id="data">') + 10 : text.index("</script>")])
    (lane,) = (lane for lane in data["lanes"] if lane["name"] == "kinds of sound")
    assert lane["rows"] == [[[0.0, 2.0, "unsure: Dog?", 0.25]]]
