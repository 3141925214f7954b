"""Who is in a clip: what is told of each, in every layout; and what is said when nothing can be."""

from __future__ import annotations

import csv
import io
import json
import os
import pathlib

import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles import cli, weights
from vidparticles.errors import InputError
from vidparticles.inference import objects as module
from vidparticles.inference.objects import FoundObject, Objects, objects
from vidparticles.models.published import nanodet
from vidparticles.tracking.objects.observations import Observations
from vidparticles.video import write_video
from vidparticles.viz import text

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("VIDPARTICLES_DATA", ROOT.parent / "shared" / "data"))
BOXES = ((0.1, 0.2, 0.3, 0.6), (0.12, 0.2, 0.32, 0.6))
FOUND = Objects(
    pathlib.Path("clip.mp4"),
    2.0,
    20,
    160,
    100,
    (
        FoundObject(0, "person", 0.0, 1.0, (0, 10), (0.0, 1.0), BOXES, (False, True), (0.9, 0.9)),
        FoundObject(1, "dog", 1.0, 1.0, (10,), (1.0,), BOXES[:1], (False,), (0.5,)),
    ),
    (),
)


def test_a_line_says_who_is_there_and_when():
    told = text.list_objects(FOUND).splitlines()
    assert told[0] == "clip.mp4  0:02.0, 1 person, 1 dog"
    assert told[2].startswith("  0  person  ████████████████████····")
    assert told[2].endswith("0:00.0 – 0:01.0   in sight 50 %")
    assert told[3].startswith("  1  dog     ····")


def test_csv_has_frame_heights_and_mot_has_pixels():
    rows = list(csv.DictReader(io.StringIO(text.objects_as_csv(FOUND))))
    assert [(r["frame"], r["object"], r["kind"]) for r in rows] == [
        ("0", "0", "person"),
        ("10", "0", "person"),
        ("10", "1", "dog"),
    ]
    assert [float(rows[1][side]) for side in ("left", "top", "right", "bottom")] == list(BOXES[1])
    assert rows[1]["hidden"] == "1"
    mot = text.objects_as_mot(FOUND).splitlines()
    assert mot[0] == "1,1,10.00,20.00,20.00,40.00,0.900,-1,-1,-1"
    assert mot[2].startswith("11,2,")


def test_without_weights_a_sentence_says_which_command_gets_them(
    clip, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cli.main(["objects", str(clip), "--classes", "person"]) == 2
    assert "`vidparticles weights get nanodet` gets them" in capsys.readouterr().err
    assert cli.main(["objects", str(tmp_path / "nowhere.mp4")]) == 2
    assert "no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--csv", "--json"], "--csv and --json exclude each other"),
        (["--every", "0"], "--every is 0"),
        (["--classes", "persn"], "no class 'persn'. Did you mean 'person'?"),
    ],
)
def test_mistakes_are_sentences(words, says, capsys):
    assert cli.main(["objects", "clip.mp4", *words]) == 2
    assert says in capsys.readouterr().err


def bright(params, frame) -> Observations:
    """Finds one white square, as a dog."""
    del params
    white = jnp.min(frame, -1) > 200
    rows, columns = jnp.any(white, 1), jnp.any(white, 0)
    top, left = jnp.argmax(rows), jnp.argmax(columns)
    low, right = len(rows) - jnp.argmax(rows[::-1]), len(columns) - jnp.argmax(columns[::-1])
    box = jnp.stack([left, top, right, low]).astype(jnp.float32)[None] / len(rows)
    there = jnp.any(white)[None]
    score = jnp.where(there, 0.8, 0.0)
    kind = jnp.full(1, nanodet.KINDS.index("dog"))
    return Observations(jnp.where(there, box, 0), score, kind, jnp.ones((1, 168)) / 13, there)


@pytest.mark.slow
def test_a_clip_is_followed_from_its_first_frame(tmp_path, monkeypatch, capsys):
    frames = np.random.default_rng(0).integers(40, 90, (14, 48, 64, 3)).astype(np.uint8)
    for k in range(11):  # and then it is gone
        frames[k, 10:26, 2 * k : 2 * k + 16] = 255
    clip = tmp_path / "clip.mp4"
    write_video(clip, frames, rate=10)
    monkeypatch.setattr(module, "detector_parameters", lambda *_: ())
    monkeypatch.setattr(module.nanodet, "observe", lambda: bright)
    assert cli.main(["objects", str(clip), "--json", "--classes", "cat"]) == 0
    [one] = json.loads(capsys.readouterr().out)["objects"]
    assert (one["number"], one["kind"]) == (0, "dog")
    assert one["frames"] == list(range(11))
    assert not any(one["hidden"])
    middle = np.asarray(one["boxes"])[:, [0, 2]].mean(1) * 48
    np.testing.assert_allclose(middle, 8 + 2 * np.arange(11), atol=1.5)
    assert not objects(clip, kinds=["person"]).objects
    write_video(tmp_path / "one.mp4", frames[:1], rate=10)
    assert len(objects(tmp_path / "one.mp4").objects) == 1
    half = objects(clip, every=2).objects
    assert [k for one in half for k in one.frames] == [0, 2, 4, 6, 8, 10]


@pytest.mark.slow
def test_the_man_and_his_ball_keep_their_numbers():
    clip = DATA / "clips" / "sam2_05_default_juggle.mp4"
    if weights.status("nanodet").state != "there" or not clip.exists():
        pytest.skip("`vidparticles weights get nanodet` first, and shared/data")
    found = objects(clip, kinds=["person", "ball"])
    longest = [one for one in found.objects if len(one.frames) > 0.95 * found.frames]
    assert sorted(one.kind for one in longest) in (["frisbee", "person"], ["person", "sports ball"])


def test_an_unknown_class_names_the_nearest():
    with pytest.raises(InputError, match=r"no class 'bal'\. Did you mean 'ball'"):
        objects("clip.mp4", kinds=["bal"])
