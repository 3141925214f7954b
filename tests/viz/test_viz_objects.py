"""Objects over a clip and on a page: labels, dashes, forces; what is said where there is none."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import re
import types
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vidparticles import cli
from vidparticles.editing.reel import opened
from vidparticles.inference.objects import Followed
from vidparticles.video import Picture, open_video, write_video
from vidparticles.viz import show as module
from vidparticles.viz.objects import stream
from vidparticles.viz.objects.between import between
from vidparticles.viz.objects.moments import (
    History,
    Known,
    ObjectMoment,
    ObjectMomentConfig,
    ShownObject,
)
from vidparticles.viz.objects.page import write_object_page
from vidparticles.viz.objects.picture import (
    ObjectStyle,
    color_of,
    enlargement,
    free_spot,
    picture_of,
    sides,
)
from vidparticles.viz.objects.stream import _in_between, _Waiting

SHAPE = (360, 640)
GRAY = np.full((*SHAPE, 3), 120, np.uint8)


def there(number=0, box=(0.4, 0.3, 0.8, 0.7), visible=True, force=(0, 0), path=None):
    box = np.asarray(box)
    middle = (box[:2] + box[2:]) / 2
    path = np.array([[0.5, 0.1, 0.9], [0, *middle]]) if path is None else path
    kind = ("person", "sports ball")[number % 2]
    return ShownObject(number, kind, box, visible, np.zeros(2), np.asarray(force, float), path)


def near(picture, color, tolerance=30):
    return np.abs(picture.astype(int) - color).max(-1) <= tolerance


# ------------------------------------------------------------------ labels and lines

sizes = st.tuples(st.floats(4, 60), st.floats(4, 30))
boxes = st.tuples(st.floats(-20, 220), st.floats(-20, 120), st.floats(2, 150), st.floats(2, 90))


@given(st.lists(st.tuples(boxes, sizes), min_size=1, max_size=30))
def test_labels_lie_in_the_picture_and_do_not_cover_each_other(given):
    shape, taken = (100, 200), []
    for (x, y, w, h), size in given:
        spot = free_spot(np.array([x, y, x + w, y + h]), size, shape, taken)
        if spot is not None:
            taken.append((*spot, spot[0] + size[0], spot[1] + size[1]))
    for k, one in enumerate(taken):
        assert one[0] >= 0
        assert one[1] >= 0
        assert one[2] <= shape[1] + 1e-6
        assert one[3] <= shape[0] + 1e-6
        for other in taken[:k]:
            apart = (one[0] - other[2], other[0] - one[2], one[1] - other[3], other[1] - one[3])
            assert max(apart) >= -1e-6


def test_a_label_is_above_its_box_and_several_of_one_box_are_all_there():
    box, size, taken = np.array([50.0, 40, 90, 80]), (30.0, 10.0), []
    for _ in range(4):
        left, top = free_spot(box, size, (100, 200), taken)
        taken.append((left, top, left + size[0], top + size[1]))
    assert taken[0][:2] == (50, 30)
    assert free_spot(np.array([190.0, 2, 230, 60]), size, (100, 200), []) == (170.0, 0.0)
    assert free_spot(box, (300.0, 10.0), (100, 200), []) is None


def test_dashes_are_half_of_a_side():
    box = np.array([10.0, 20, 50, 80])
    assert len(list(sides(box, None))) == 4
    length = sum(abs(x1 - x0) + abs(y1 - y0) for x0, y0, x1, y1 in sides(box, 5.0))
    np.testing.assert_allclose(length, 100, atol=1e-6)


# ------------------------------------------------------------------ pictures


def test_what_is_hidden_is_dashed_and_what_is_seen_is_not():
    drawn = {
        visible: picture_of(GRAY, [there(visible=visible)], ObjectStyle())
        for visible in (True, False)
    }
    left = {  # of the line along the left side, below the label
        visible: near(picture[130:240, 141:147], color_of(0), 70).any(1).mean()
        for visible, picture in drawn.items()
    }
    assert left[True] == 1
    assert 0.3 < left[False] < 0.7


def test_a_path_leads_from_where_it_came_and_fades():
    path = np.array([[0.5, 0.1, 0.9], [0.25, 0.35, 0.7], [0, 0.6, 0.5]])
    picture = picture_of(GRAY, [there(path=path)], ObjectStyle()).astype(int)
    off = np.abs(picture - picture[0, 0]).max(-1)
    start, end = off[300:316, 36:60].max(), off[200:215, 175:195].max()
    assert 10 < start < end


def test_a_mask_tints_its_pixels_and_no_others():
    one = there()
    tinted, plain = (
        picture_of(GRAY, [dataclasses.replace(one, mask=mask)], ObjectStyle()).astype(int)
        for mask in (within(one, (90, 160)), None)
    )
    changed = np.abs(tinted - plain).max(-1) > 8
    assert changed[120:240, 160:280].mean() > 0.9
    assert not changed[:, 300:].any()
    assert not changed[260:].any()
    # The color of its number: more red, less blue.
    assert tinted[180, 250, 0] > plain[180, 250, 0]
    assert tinted[180, 250, 2] < plain[180, 250, 2]


def test_an_arrow_is_drawn_where_it_is_asked_for_and_strong():
    def white(force, **style):
        picture = picture_of(GRAY, [there(force=force)], ObjectStyle(**style))
        return near(picture, (255, 255, 255), 10).sum()

    assert white((0, -80), forces=True) > white((0, -20), forces=True) > 20
    assert white((0, -80)) == white((0, -1), forces=True) == 0


def test_small_pictures_are_enlarged_and_vertical_ones_have_labels():
    small = picture_of(GRAY[:90, :50], [there(box=(0.1, 0.3, 0.5, 0.9))], ObjectStyle())
    assert small.shape == (360, 200, 3)
    assert enlargement(90, ObjectStyle()) == 4
    assert near(small, color_of(0), 4).sum() > 300  # the ground of its label


def test_a_hundred_objects_are_drawn_and_those_without_room_have_no_label():
    random = np.random.default_rng(0)
    corner = random.uniform(0, 0.9, (100, 2))
    crowd = [there(k, np.concatenate([c, c + 0.05])) for k, c in enumerate(corner)]
    assert picture_of(GRAY, crowd, ObjectStyle()).shape == GRAY.shape


# ------------------------------------------------------------------ colors

# Machado, Oliveira & Fernandes 2009: linear RGB as those see it who lack a kind of cones.
_SEEN = {
    "all": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(linear):
    """CIE L*a*b*, D65, of linear sRGB [N, 3]."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x = np.clip(linear, 0, 1) @ np.transpose(to_xyz) / [0.9505, 1, 1.089]
    f = np.where(x > (6 / 29) ** 3, np.cbrt(x), x * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], -1)


@pytest.mark.parametrize("kind", _SEEN)
def test_the_first_eight_colors_are_told_apart_by_every_eye(kind):
    colors = np.array([color_of(k) for k in range(8)]) / 255
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    places = lab(linear @ np.transpose(_SEEN[kind]))
    apart = np.linalg.norm(places[:, None] - places, axis=-1)
    assert apart[np.triu_indices(8, 1)].min() > 22
    assert lab(linear)[:, 0].min() > 45  # and stand out from dark footage
    assert color_of(3) == color_of(11)


# ------------------------------------------------------------------ moments


def known(position, velocity, *, unseen=0.0, turn=(1.0, 0.0), shift=(0.0, 0.0), cut=False, at=3):
    position = np.array([position])
    return Known(
        alive=np.array([True]),
        used=np.array([True]),
        number=np.array([at]),
        kind=np.array([0]),
        box=np.concatenate([position - 0.05, position + 0.05], -1),
        position=position,
        velocity=np.array([velocity]),
        unseen=np.array([unseen]),
        turn=np.array(turn),
        shift=np.array(shift),
        cut=cut,
    )


def test_a_bounce_has_a_force_and_free_flight_has_none():
    history = History(ObjectMomentConfig())
    told = []
    for k in range(20):
        fall = 1.0 if k < 10 else -1.0
        told += history.extend(k / 25, known((0.5, 0.1), (0.4, fall)))
    forces = np.array([one.force for one in told])
    assert (forces[:10] == 0).all()
    np.testing.assert_allclose(forces[10], [0, -50])  # (−1 − 1) / 0.04 s
    fading = np.exp(-0.04 / ObjectMomentConfig().fade)
    np.testing.assert_allclose(forces[11:, 1], -50 * fading ** np.arange(1, 10))


def test_a_turn_of_the_camera_is_no_force_and_carries_the_path():
    history = History(ObjectMomentConfig())
    history.extend(0.0, known((0.5, 0.5), (1.0, 0.0)))
    quarter = {"turn": (0.0, 1.0), "shift": (1.0, 0.0)}  # x → 1 − y, y → x
    (one,) = history.extend(0.04, known((0.5, 0.6), (0.0, 1.0), **quarter))
    assert (one.force == 0).all()
    np.testing.assert_allclose(one.path, [[0.04, 0.5, 0.5], [0, 0.5, 0.6]])


def test_what_was_hidden_returns_without_a_force_and_a_cut_ends_paths():
    history = History(ObjectMomentConfig())
    history.extend(0.0, known((0.5, 0.5), (1.0, 0.0)))
    (one,) = history.extend(0.04, known((0.54, 0.5), (1.0, 0.0), unseen=0.04))
    assert not one.visible
    (one,) = history.extend(0.08, known((0.5, 0.5), (-1.0, 0.0)))
    assert (one.force == 0).all()
    assert len(one.path) == 3
    (one,) = history.extend(0.12, known((0.9, 0.5), (1.0, 0.0), cut=True))
    assert (one.force == 0).all()
    assert len(one.path) == 1


def test_a_path_is_as_long_as_its_time():
    history = History(ObjectMomentConfig(path=0.5))
    for k in range(100):
        (one,) = history.extend(k / 10, known((0.5, 0.5), (0.0, 0.0)))
    np.testing.assert_allclose(one.path[:, 0], [0.5, 0.4, 0.3, 0.2, 0.1, 0], atol=1e-6)


# ------------------------------------------------------------------ frames that are not looked at


def test_in_between_objects_are_on_the_straight_way_with_their_masks():
    one, other = there(0, (0.2, 0.2, 0.4, 0.6)), there(1)
    then = there(0, (0.6, 0.4, 0.8, 0.8), path=np.array([[0.1, 0.3, 0.4], [0, 0.7, 0.6]]))
    one, then = (dataclasses.replace(x, mask=within(x, (60, 90))) for x in (one, then))
    for share in (0.25, 0.75):
        found = between((one, other), (then,), share)
        moved = found[0]
        np.testing.assert_allclose(moved.box, (1 - share) * one.box + share * then.box)
        np.testing.assert_allclose(moved.path[-1, 1:], (moved.box[:2] + moved.box[2:]) / 2)
        np.testing.assert_array_equal(moved.mask, within(moved, (60, 90)))
        # Who is there in one frame alone is there for the half that is nearer.
        assert [x.number for x in found] == ([0, 1] if share < 0.5 else [0])
    assert then.path[-1, 1] == 0.7  # as it was


def test_a_cut_among_frames_that_are_not_looked_at_moves_nothing():
    picture = Picture.of(np.zeros((4, 4, 3), np.uint8))
    before = ObjectMoment(Fraction(0), picture, (there(0),), False)
    after = ObjectMoment(Fraction(3), picture, (there(4),), False)
    for cuts, numbers in (
        ((False, False, False), [[0], [4]]),
        ((True, False, False), [[4], [4]]),
        ((False, True, False), [[0], [4]]),
        ((False, False, True), [[0], [0]]),
    ):
        skipped = [_Waiting(Fraction(k + 1), picture, cuts[k]) for k in range(2)]
        found = list(_in_between(before, after, skipped, cuts[2]))
        assert [one.time for one in found] == [1, 2]
        assert [[x.number for x in one.objects] for one in found] == numbers


def found_without_pictures(params, frames):
    """What `followed` gives, of an object that moves evenly."""
    for index, time, frame, cut in frames:
        box = np.array([[0.1, 0.2, 0.3, 0.4]]) + 0.1 * float(time)
        one = known(((box[0, :2] + box[0, 2:]) / 2).tolist(), (0.1, 0.1), at=0)
        state = types.SimpleNamespace(
            particles=types.SimpleNamespace(alive=one.alive),
            identity=one.number,
            slots=one,
            camera=one,
        )
        report = types.SimpleNamespace(kind=one.kind, box=box)
        yield Followed(index, time, frame, cut, state, report)


@pytest.mark.parametrize("every", [1, 2, 3, 20])
def test_every_frame_is_told_of_once_and_in_order(every, tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "followed", found_without_pictures)
    with opened(film(tmp_path)) as reel:
        found = list(stream.object_moments((), reel, masks=False, every=every))
    assert [one.time for one in found] == [Fraction(k, 10) for k in range(10)]
    left = np.array([one.objects[0].box[0] for one in found])
    looked = (np.arange(10) // every * every)[-1]  # after the last that was looked at it stands
    np.testing.assert_allclose(left, 0.1 + 0.01 * np.minimum(np.arange(10), looked), rtol=1e-6)


# ------------------------------------------------------------------ a page


def film(tmp_path, count=10):
    path = tmp_path / "clip.mp4"
    write_video(path, np.full((count, 48, 64, 3), 90, np.uint8), rate=10)
    return path


def within(one, shape):
    """A mask of all that lies in the box of an object."""
    y, x = (np.mgrid[: shape[0], : shape[1]] + 0.5) / shape[0]
    left, top, right, bottom = one.box
    return np.float32((left < x) & (x < right) & (top < y) & (y < bottom))


def moments(reel, objects=(0, 1), crowded=False, masks=True):
    """Objects that move right; the second is hidden in frames 3 to 5."""
    for k, (time, _) in enumerate(reel.frames):
        shown = []
        for number in objects:
            box = np.array([0.1, 0.2, 0.3, 0.6]) + [0.05 * k, 0.1 * number] * 2
            visible = not (number == 1 and 3 <= k < 6)
            one = there(number, box, visible, (0, -9) if k == 4 else (0, 0))
            shown.append(dataclasses.replace(one, mask=within(one, (48, 64)) if masks else None))
        yield ObjectMoment(time, Picture.of(np.full((48, 64, 3), 90, np.uint8)), (*shown,), crowded)


@pytest.fixture
def page(tmp_path):
    with opened(film(tmp_path)) as reel:
        style = ObjectStyle(forces=True)
        out = tmp_path / "page.html"
        write_object_page(reel, moments(reel), out, source="a <b>.mp4", style=style)
    return out.read_text(encoding="utf-8")


def test_a_page_lists_who_is_in_sight_when(page):
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert data["objects"] == [
        [0, "person", [[0, 0.9]]],
        [1, "sports ball", [[0, 0.2], [0.6, 0.9]]],
    ]
    rows = [moment["p"] for moment in data["moments"]]
    assert [len(row) for row in rows] == [2] * 10
    assert [row[1][2] for row in rows] == [1, 1, 1, 0, 0, 0, 1, 1, 1, 1]
    number, _, _, left, top, right, bottom, *_ = rows[2][0]
    assert (number, left, top, right, bottom) == (0, 2000, 2000, 4000, 6000)
    assert [row[0][10] for row in rows] == [0] * 4 + [-9000] + [0] * 5
    # Back along the path: half a second ago it was at 0.1, 0.9.
    assert rows[0][0][11:13] == [-1000, 5000]
    masks = [np.asarray(Image.open(io.BytesIO(base64.b64decode(m)))) for m in data["masks"]]
    # Of the colors of numbers 0 and 1; where both are, that of the first.
    assert np.bincount(masks[2].ravel()).tolist() == [48 * 64 - 24 * 9, 19 * 9, 5 * 9]
    assert "<b>" not in page.split('id="data"')[0]
    assert not re.search(
        r"https?:(?!//www.w3.org/2000/svg)|fetch\(|src=", page.split("<script>")[1]
    )


@pytest.mark.slow
@pytest.mark.parametrize("width", [1400, 390])
def test_a_page_opens_without_errors_and_needs_no_scrolling(page, tmp_path, width):
    from tests import browser

    seen = browser.look(tmp_path / "page.html", width=width)
    assert not seen.console
    picture, mask = seen.media
    assert (picture["width"], picture["height"]) == (64, 48)
    assert picture["shown"][0] / picture["shown"][1] == pytest.approx(64 / 48, rel=0.02)
    assert (mask["width"], mask["height"]) == (64, 48)
    assert seen.wide <= max(width, 500)


# ------------------------------------------------------------------ the command


@pytest.fixture
def stand_in(monkeypatch):
    """`show` with what is in sight told by the test."""

    def set_objects(**told):
        monkeypatch.setattr(module, "detector_parameters", lambda: ())
        monkeypatch.setattr(
            module.objects, "object_moments", lambda params, reel, **options: moments(reel, **told)
        )

    return set_objects


@pytest.mark.parametrize("suffix", ["mp4", "gif", "png", "html"])
def test_objects_are_drawn_by_default(suffix, stand_in, tmp_path, capsys):
    stand_in()
    clip, out = film(tmp_path), tmp_path / f"out.{suffix}"
    assert cli.main(["show", str(clip), "-o", str(out)]) == 0
    assert capsys.readouterr().err == ""
    if suffix == "png":
        picture = np.asarray(Image.open(out))
    elif suffix == "html":
        assert '"sports ball"' in out.read_text()
        return
    else:
        with open_video(out) as video:
            assert len(video) == 10
            picture = video[7]
    assert picture.shape == (384, 512, 3)
    for number in (0, 1):
        assert near(picture, color_of(number), 25).sum() > 100


@pytest.mark.parametrize("suffix", ["mp4", "png", "html"])
def test_without_an_object_points_are_drawn_and_a_sentence_says_so(
    suffix, stand_in, tmp_path, capsys
):
    stand_in(objects=())
    clip, out = film(tmp_path), tmp_path / f"out.{suffix}"
    assert cli.main(["show", str(clip), "-o", str(out)]) == 0
    err = capsys.readouterr().err
    assert (
        err == f"vidparticles: warning: {clip}: no object was found in it; its points are drawn.\n"
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.mp4", out.name]
    if suffix == "mp4":
        with open_video(out) as video:
            assert (len(video), video.info.height) == (10, 48)


def test_a_crowd_is_told(stand_in, tmp_path, capsys):
    stand_in(crowded=True)
    out = tmp_path / "out.png"
    assert cli.main(["show", str(film(tmp_path)), "-o", str(out)]) == 0
    assert "at most 40 objects are followed at once; in 10 frames, from 0.0 s on" in (
        capsys.readouterr().err
    )


def test_without_weights_a_sentence_says_what_brings_them(stand_in, tmp_path, monkeypatch, capsys):
    clip, out = film(tmp_path), tmp_path / "out.png"
    for told, says in (
        ({}, "found by their motion alone; `vidparticles weights get nanodet` gets"),
        ({"objects": ()}, "its points are drawn. `vidparticles weights get nanodet` gets"),
    ):
        stand_in(**told)
        monkeypatch.setattr(module, "detector_parameters", lambda: None)
        assert cli.main(["show", str(clip), "-o", str(out), "--overwrite"]) == 0
        assert says in capsys.readouterr().err
        assert out.exists()
    for words in (["--points"], ["--color", "group"]):
        assert cli.main(["show", str(clip), *words, "-o", str(out), "--overwrite"]) == 0
        assert capsys.readouterr().err == ""
