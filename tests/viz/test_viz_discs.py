"""`show` and `understand` with a model that follows objects, on clips of every kind."""

from __future__ import annotations

import functools
import json
import re

import jax
import numpy as np
import optax
import pytest
from PIL import Image

from vidparticles import cli, models
from vidparticles.editing.reel import opened
from vidparticles.errors import InputError
from vidparticles.tracking.discs.tracker import DiscConfig, disc_tracker
from vidparticles.training import checkpoint, run, state
from vidparticles.video import open_video, probe, write_video
from vidparticles.viz import discs as drawing
from vidparticles.viz import draw
from vidparticles.viz.moments import Moment
from vidparticles.viz.points import PointLayer
from vidparticles.viz.show import layer_of, show

# Of the size of the clips of test_show: what follows points is compiled once for both.
HEIGHT, WIDTH, RATE, RADIUS = 96, 128, 12, 0.14
SMALL = 48  # as the model sees them
OBJECTS = {"count": 3, "stride": 4, "widths": [4], "appearance": 2, "features": 3, "memory": 4}
OBJECTS |= {"radius": RADIUS, "running_background": True, "patience": 0.45}
CUT = 7
SQUARE = 32


@functools.cache
def texture(seed=0):
    coarse = np.random.default_rng(seed).integers(30, 150, (24, 32, 3))
    return np.kron(coarse, np.ones((4, 4, 1)))


def discs(*paths, ground=None):
    """uint8 [T, H, W, 3]: white discs over a texture; a path is [T, 2] in frame heights."""
    y, x = (np.mgrid[:HEIGHT, :WIDTH] + 0.5) / HEIGHT
    frames = np.tile(texture() if ground is None else ground, (len(paths[0]), 1, 1, 1))
    for path in paths:
        for t, (px, py) in enumerate(path):
            frames[t][np.hypot(x - px, y - py) < RADIUS] = 250
    return frames.astype(np.uint8)


def line(start, velocity, frames=14):
    return np.asarray(start) + np.arange(frames)[:, None] * np.asarray(velocity)


PATH = line((0.3, 0.4), (0.06, 0.01))


def workdir(folder, *, labelled=False, broken=None, **options):
    """A run that was stopped before its first step."""
    classes = ["left", "right"] if labelled else []
    config = {
        "classes": classes,
        "clip_seconds": 1.0,
        "batch_size": 1,
        "data": {"kind": "folder" if labelled else "clip", "frames": 4},
        "model": {"name": "object_particles", "options": {"objects": {**OBJECTS, **options}}},
    }
    size = SQUARE if labelled else SMALL
    config["data"] |= {"sampling": "uniform", "rate": 8.0, "size": size}
    parts = config["model"]["options"]
    model = models.build("object_particles", num_classes=len(classes) or 1, **parts)
    params = model.init(jax.random.key(0), {})
    if broken is not None:
        part, name = broken
        params["objects"][part][name] = params["objects"][part][name] * np.nan
    run.write_config(folder, config)
    with checkpoint.Checkpoints(folder) as checkpoints:
        checkpoints.save(state.create(params, optax.sgd(0.1)), position=0)
    return folder


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory):
    return workdir(tmp_path_factory.mktemp("unlabelled"))


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    return workdir(tmp_path_factory.mktemp("labelled"), labelled=True)


@pytest.fixture(scope="module")
def crossing(tmp_path_factory):
    path = tmp_path_factory.mktemp("crossing") / "clip.mp4"
    write_video(path, discs(PATH), rate=RATE, crf=8)
    return path


@functools.cache
def told(clip, run):
    with opened(clip) as reel:
        return list(layer_of(run, PointLayer()).moments(reel))


def active(moment):
    alive = np.asarray(moment.particles.alive)
    return np.asarray(moment.particles.position)[alive], np.asarray(moment.identity)[alive]


def test_what_crosses_is_outlined_where_it_is(crossing, unlabelled, tmp_path):
    made = show(crossing, tmp_path / "out.mp4", checkpoint=unlabelled)
    assert made.frames == probe(tmp_path / "out.mp4").frames == len(PATH)
    times = drawing.STYLE.least_height // HEIGHT + 1
    assert (made.height, made.width) == (times * HEIGHT, times * WIDTH)  # so that it can be read
    with open_video(tmp_path / "out.mp4") as video:
        picture = video.frames([len(PATH) - 2])[0].astype(int)
    places, names = active(told(crossing, unlabelled)[-2])
    nearest = np.linalg.norm(places - PATH[-2], axis=-1).argmin()
    color = 255 * np.asarray(draw.label_color(names[nearest] + 1))
    y, x = (np.stack(np.nonzero(np.abs(picture - color).max(-1) < 60)) + 0.5) / made.height
    away = np.hypot(x - PATH[-2, 0], y - PATH[-2, 1])
    assert (np.abs(away - RADIUS) < 0.06).sum() > 100


def test_places_are_those_of_the_clip(crossing, unlabelled):
    for t, moment in list(enumerate(told(crossing, unlabelled)))[5:]:
        assert moment.radius[0] == pytest.approx(moment.radius[1])
        assert np.linalg.norm(active(moment)[0] - PATH[t], axis=-1).min() < 0.1


def test_a_labelled_run_is_given_squares_and_positions_are_stretched_back(crossing, labelled):
    layer = layer_of(labelled, PointLayer())
    moments = told(crossing, labelled)
    with opened(crossing) as reel:
        assert layer.shape(reel) == (SQUARE, SQUARE)
    wide, high = moments[0].radius
    assert wide / high == pytest.approx(WIDTH / HEIGHT)
    last = moments[-1]
    np.testing.assert_allclose(
        last.particles.position,
        last.state.particles.position * np.array([WIDTH / HEIGHT, 1]),
        rtol=1e-6,
    )


def test_frames_of_any_size_are_followed_in_whole_cells(unlabelled, tmp_path):
    odd = np.pad(discs(PATH), ((0, 0), (0, 1), (0, 1), (0, 0)), mode="edge")
    write_video(tmp_path / "clip.mp4", odd, rate=RATE, crf=8)
    last = told(tmp_path / "clip.mp4", unlabelled)[-1]
    assert last.frame.shape[:2] != (HEIGHT, WIDTH)
    assert np.linalg.norm(active(last)[0] - PATH[-1], axis=-1).min() < 0.1


def test_identities_end_at_a_cut(unlabelled, tmp_path):
    other = np.flip(texture(1), 0)
    frames = discs(PATH)
    frames[CUT:] = discs(PATH, ground=255 - other)[CUT:]
    write_video(tmp_path / "cut.mp4", frames, rate=RATE, crf=8)
    moments = told(tmp_path / "cut.mp4", unlabelled)
    assert [t for t, moment in enumerate(moments) if moment.cut] == [CUT]
    before, after = (
        {int(k) for m in part for k in active(m)[1]} for part in (moments[:CUT], moments[CUT:])
    )
    assert before
    assert after
    assert not before & after


MANY = [line((0.2 + 0.3 * (k % 4), 0.25 + 0.45 * (k // 4)), (0.05, 0.03)) for k in range(8)]
STILL = np.tile(texture(), (4, 1, 1, 1)).astype(np.uint8)


@pytest.mark.parametrize(
    ("frames", "most"),
    [
        (STILL[:1], 0),
        (np.zeros_like(STILL), 0),
        (np.full_like(STILL, 128), 0),
        (STILL, 0),
        (discs(*MANY), 3),
    ],
    ids=["one frame", "black", "gray", "nothing moves", "more than slots"],
)
def test_clips_of_every_kind_are_shown(frames, most, unlabelled, tmp_path):
    write_video(tmp_path / "clip.mp4", frames, rate=RATE, crf=8)
    moments = told(tmp_path / "clip.mp4", unlabelled)
    assert len(moments) == len(frames)
    count = max(len(active(moment)[0]) for moment in moments)
    assert count == 0 if most == 0 else 0 < count <= most
    for moment in moments:
        assert all(np.isfinite(x).all() for x in jax.tree.leaves(moment.state))
    made = show(tmp_path / "clip.mp4", tmp_path / "out.png", checkpoint=unlabelled)
    assert made.frames == 1
    assert np.asarray(Image.open(tmp_path / "out.png")).shape == (made.height, made.width, 3)


def test_a_page_holds_objects_with_their_outlines(crossing, unlabelled, tmp_path):
    made = show(crossing, tmp_path / "page.html", checkpoint=unlabelled)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert made.frames == len(data["moments"]) == len(PATH)
    assert data["radius"] == pytest.approx([RADIUS, RADIUS], rel=0.05)
    assert (data["color"], data["forces"]) == ("group", True)
    rows = data["moments"][-2]["p"]
    places, names = active(told(crossing, unlabelled)[-2])
    assert [row[0] for row in rows] == names.tolist()
    np.testing.assert_allclose(
        np.array([row[1:3] for row in rows]) / data["units"][0], places, atol=1e-4
    )


# ------------------------------------------------------------------ what is refused


def test_memories_are_drawn_below_their_objects_faint_ones_too():
    side, radius = 400, 0.1
    tracker = disc_tracker(DiscConfig(count=2, memory=4))
    none = tracker.init_fn({}, np.zeros((32, 32, 3), np.uint8), 0.0)
    particles = none.particles.replace(
        position=np.array([[0.5, 0.5], [0.2, 0.2]], np.float32),
        feature=np.array([[0.04, -0.04, 0.9, 0.0], [0.9] * 4], np.float32),
        alive=np.array([True, False]),
    )
    black = np.zeros((side, side, 3), np.uint8)
    identity = np.array([0, -1])
    now = Moment(
        time=0,
        frame=black,
        cut=False,
        particles=particles,
        visible=particles.alive,
        identity=identity,
        label=identity + 1,
        force=np.zeros((2, 2)),
        ahead=None,
        radius=(radius, radius),
        state=none,
    )
    layer = drawing.DiscLayer({}, DiscConfig(), size=32, square=True)
    picture = layer.written(black, now, np.array([9, 9])).astype(int)
    cell, top = round(layer.style.cell * side), side // 2 + round(radius * side) + 4
    left, inside = side // 2 - cell, cell // 2
    (plus, minus), (full, empty) = (
        [picture[top + row * cell + inside, left + m * cell + inside] for m in (0, 1)]
        for row in (0, 1)
    )
    assert plus[0] > 40  # orange
    assert plus[0] > 2 * plus[2]
    assert minus[2] > 40  # blue
    assert minus[2] > 2 * minus[0]
    assert full[0] > 3 * plus[0]
    assert empty.max() == 0
    assert picture[:150, :150].max() == 0  # the inactive have none


def test_nan_in_the_weights_is_named(crossing, tmp_path, capsys):
    run = workdir(tmp_path / "run", labelled=True, broken=("filter", "radius"))
    for words in (["show", crossing, "-o", tmp_path / "out.mp4"], ["understand", crossing]):
        assert cli.main([*map(str, words), "--checkpoint", str(run)]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert f"{run / 'checkpoints' / '0'} holds objects/filter/radius, which is not" in said
        assert "learning_rate" in said
    assert not (tmp_path / "out.mp4").exists()
    model = models.build("object_particles", num_classes=2, objects=OBJECTS)
    like = state.create(model.init(jax.random.key(0), {}), optax.sgd(0.1))
    with (
        checkpoint.Checkpoints(run) as checkpoints,
        pytest.raises(InputError, match="/objects/filter/radius, which is not finite"),
    ):
        checkpoints.restore(like)


def test_what_objects_cannot_be_shown_on_is_said(crossing, unlabelled, tmp_path):
    scenic = workdir(tmp_path / "scenic", running_background=False, scene=[48, 48])
    with pytest.raises(InputError, match="still scene"):
        show(crossing, tmp_path / "out.mp4", checkpoint=scenic)
    odd = workdir(tmp_path / "odd", stride=5)
    with pytest.raises(InputError, match="multiples of the stride, 5"):
        show(crossing, tmp_path / "out.mp4", checkpoint=odd)
    assert {p.name for p in tmp_path.iterdir()} == {"scenic", "odd"}


def test_a_labelled_run_understands_and_one_without_labels_says_so(
    crossing, labelled, unlabelled, capsys, monkeypatch, tmp_path
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # no networks of others
    words = ["understand", str(crossing), "--no-objects", "--checkpoint"]
    assert cli.main([*words, str(labelled), "--json"]) == 0
    classes = json.loads(capsys.readouterr().out)["trained"]["classes"]
    assert set(classes) == {"left", "right"}
    assert sum(classes.values()) == pytest.approx(1, abs=1e-4)
    assert cli.main(["understand", str(crossing), "--checkpoint", str(unlabelled)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "without labels" in said
