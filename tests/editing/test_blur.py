"""Blur and mosaic: what is covered cannot be read any more, and nothing else changes."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles import editing
from vidparticles.editing.edit import parse_edits
from vidparticles.editing.effects.blur import (
    BlurConfig,
    blur,
    boxes_of,
    faces_of,
    objects_of,
    read_boxes,
)
from vidparticles.editing.effects.paint import (
    blurred,
    box_region,
    in_squares,
    mask_region,
    mixed,
    painted,
)
from vidparticles.editing.effects.regions import Faces, Seen
from vidparticles.editing.reel import Doubt, Reel
from vidparticles.errors import InputError
from vidparticles.video import Picture
from vidparticles.video.picture.stored import planes

FORMS = [("yuv420p", 0), ("yuv420p", 3), ("yuv422p10le", 1), ("yuv444p", 0)]


def noise(form: str = "yuv420p", turns: int = 0, height: int = 61, width: int = 84) -> Picture:
    """A picture of noise, stored so."""
    levels = np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8)
    plain = Picture.of(levels, turns=turns)
    return Picture(plain.stored(form), turns=turns, color=plain.color)


def luma(picture: Picture) -> np.ndarray:
    """Upright."""
    return np.rot90(planes(picture.frame)[0], picture.turns).astype(int)


@given(
    left=st.floats(-30, 90),
    top=st.floats(-30, 70),
    width=st.floats(0.5, 120),
    height=st.floats(0.5, 90),
    margin=st.floats(0, 0.5),
    soft=st.floats(0, 0.5),
)
@settings(max_examples=80, deadline=None)
def test_a_box_is_covered_whole_wherever_it_lies(left, top, width, height, margin, soft):
    region = box_region((left, top, left + width, top + height), 61, 84, margin=margin, soft=soft)
    whole = np.zeros((61, 84))
    if region is not None:
        h, w = region.cover.shape
        assert region.top % 2 == region.left % 2 == 0
        whole[region.top : region.top + h, region.left : region.left + w] = region.cover
        assert (h, w) == whole[region.top : region.top + h, region.left : region.left + w].shape
    x0, y0 = max(0, int(np.floor(left))), max(0, int(np.floor(top)))
    inner = whole[y0 : max(0, int(np.ceil(top + height))), x0 : max(0, int(np.ceil(left + width)))]
    assert inner.size == 0 or inner.min() == 1
    far = max(1, soft * min(width, height)) + 3
    rows, columns = np.arange(61), np.arange(84)
    beyond = (rows < top - margin * height - far) | (rows > top + height * (1 + margin) + far)
    assert whole[beyond].sum() == 0
    beyond = (columns < left - margin * width - far) | (columns > left + width * (1 + margin) + far)
    assert whole[:, beyond].sum() == 0


@pytest.mark.parametrize(("form", "turns"), FORMS)
@pytest.mark.parametrize("mosaic", [False, True])
def test_nothing_is_read_inside_and_nothing_changes_outside(form, turns, mosaic):
    own = noise(form, turns)
    reel = Reel(iter([(Fraction(0), own)]), [0], 1, 1, own.height, own.width)
    edit = blur(boxes_of(lambda index, time: [(20, 10, 60, 40)]), mosaic=mosaic)
    ((_, new),) = edit(reel).frames
    before, after = luma(own), luma(new)
    inside = (slice(10, 40), slice(20, 60))
    # Noise is gone: what is left are the means of many pixels.
    assert after[inside].std() < 0.25 * before[inside].std()
    changed = before != after
    changed[4:46, 14:66] = False  # the soft edge
    assert not changed.any()
    assert new.frame.format.name == own.frame.format.name


def test_a_mask_is_covered_with_its_margin():
    yes = np.hypot(*np.mgrid[-30:31, -40:44]) < 15
    region = mask_region(yes.astype(np.float32), margin=0.1, soft=0.1)
    whole = np.zeros(yes.shape)
    h, w = region.cover.shape
    whole[region.top : region.top + h, region.left : region.left + w] = region.cover
    assert whole[yes].min() > 0.99
    far = np.hypot(*np.mgrid[-30:31, -40:44]) > 15 * np.sqrt(2) + 9  # a square grows its corners
    assert whole[far].max() == 0
    assert mask_region(np.zeros((9, 9), np.float32), margin=0.1, soft=0.1) is None


def test_the_blur_is_nearly_a_gaussian():
    from scipy.ndimage import gaussian_filter

    dot = np.zeros((101, 101), np.float32)
    dot[50, 50] = 1000
    found = blurred(dot, 100, strength=0.08)
    # Three boxes of 2 r + 1 have the variance r (r + 1).
    expected = gaussian_filter(dot, np.sqrt(8 * 9))
    assert np.abs(found - expected).max() < 0.13 * expected.max()


def test_squares_have_the_means_of_what_they_cover():
    levels = np.random.default_rng(2).normal(size=(24, 36)).astype(np.float32)
    squares = in_squares(levels, 24, cells=4)
    np.testing.assert_allclose(squares[6:12, 12:18], levels[6:12, 12:18].mean(), rtol=1e-5)
    np.testing.assert_allclose(squares.mean(), levels.mean(), rtol=1e-3)


def test_a_picture_is_another_where_it_is_covered():
    old, new = noise(), noise("yuv420p", height=61)
    dark = painted(new, [box_region((0, 0, 84, 61), 61, 84, margin=0, soft=0)], lambda p, s: p * 0)
    region = box_region((20, 10, 40, 30), 61, 84, margin=0, soft=0)
    both = luma(mixed(old, dark, region))
    assert both[10:30, 20:40].max() == 0
    both[10:30, 20:40] = luma(old)[10:30, 20:40]
    np.testing.assert_array_equal(both, luma(old))


# ------------------------------------------------------------------ what is covered


@dataclasses.dataclass
class Known:
    """An object with a mask in its first frame, and hidden in the second."""

    seen: tuple[Seen, ...] = (
        Seen(np.array([3]), np.array([[0.1, 0.1, 0.4, 0.4]]), np.array([False])),
        Seen(np.array([3]), np.array([[0.6, 0.6, 0.9, 0.9]]), np.array([True])),
    )
    shot = np.zeros(2, int)

    def masks(self, frames, first):
        """A square where it is in sight."""
        for index, (time, picture) in enumerate(frames, first):
            mask = np.zeros((picture.height, picture.width), np.float32)
            mask[10:20, 10:20] = 1
            yield time, picture, {3: mask} if index == 0 else {}


def through(edit, count: int = 2) -> tuple[list[np.ndarray], Reel]:
    """How far luma has changed in each frame."""
    own = noise(height=60, width=60)
    frames = [(Fraction(k), own) for k in range(count)]

    def again(first, last):
        return iter(frames[first:last])

    reel = edit(Reel(again(0, count), range(count), count, 1, 60, 60, again=again))
    return [np.abs(luma(new) - luma(own)) for _, new in reel.frames], reel


def test_who_is_hidden_is_covered_where_he_is_expected():
    (first, second), _ = through(blur(objects_of(lambda reel: Known())))
    assert first[10:20, 10:20].mean() > 20
    assert first[30:].max() == 0
    assert second[36:54, 36:54].mean() > 20
    assert second[:30].max() == 0


def test_faces_are_covered_and_doubts_are_told():
    doubt = Doubt(0.5, 1.0, "why")
    boxes = [np.array([[0.2, 0.2, 0.5, 0.5]]), np.zeros((0, 4))]
    (first, second), reel = through(blur(faces_of(lambda reel: Faces(boxes, (doubt,)))))
    assert first[12:30, 12:30].mean() > 20
    assert second.max() == 0
    assert list(reel.doubts()) == [doubt]


def test_that_nothing_was_found_is_told():
    none = Faces([np.zeros((0, 4))] * 2, ())
    unchanged, reel = through(blur(faces_of(lambda reel: none)))
    assert max(frame.max() for frame in unchanged) == 0
    assert [(doubt.start, doubt.end) for doubt in reel.doubts()] == [(0, 2)]
    assert "nothing was found" in reel.doubts()[0].why


def test_boxes_of_a_table(tmp_path):
    table = tmp_path / "boxes.csv"
    table.write_text("frame, left,top,right,bottom\n0,1,2,3,4\n0,5,6,7,8\n2,1,2,3,4\n")
    boxes = read_boxes(table)
    assert [len(boxes(k, Fraction(k))) for k in range(4)] == [2, 0, 1, 0]
    table.write_text("start,end,left,top,right,bottom\n0.5,1.5,1,2,3,4\n")
    boxes = read_boxes(table)
    assert [len(boxes(9, Fraction(k, 2))) for k in range(4)] == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no table of boxes"),
        ("a,b\n1,2\n", "no table of boxes"),
        ("left,top,right,bottom\n1,2,3,4\n", "no table of boxes"),
        ("frame,left,top,right,bottom\n0,1,2,x,4\n", "line 2: a number"),
        ("frame,left,top,right,bottom\n0,1,2,3,4\n1,2\n", "line 3: a number"),
        ("frame,left,top,right,bottom\n0,3,2,3,4\n", "line 2: the box holds nothing"),
    ],
)
def test_a_broken_table_of_boxes_is_told(text, says, tmp_path):
    table = tmp_path / "boxes.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=says):
        read_boxes(table)


def test_words_of_blurring_are_judged(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        parse_edits(blur=str(tmp_path / "none.csv"))
    with pytest.raises(InputError, match="finders"):
        parse_edits(blur="faces")
    with pytest.raises(InputError, match="of faces"):
        parse_edits(blur="person", check=True, find=None)


def test_a_written_clip_is_blurred_where_it_should_be(clip, tmp_path):
    out = tmp_path / "out.mp4"
    edit = blur(boxes_of(lambda index, time: [(0, 0, 64, 128)]), config=BlurConfig(strength=0.3))
    editing.apply(clip, out, edit)
    from vidparticles.video import open_video

    with open_video(clip) as own, open_video(out) as new:
        left, right = (
            np.abs(np.diff(new[20].astype(int), axis=1))[:, part].mean()
            / np.abs(np.diff(own[20].astype(int), axis=1))[:, part].mean()
            for part in (slice(8, 56), slice(80, 120))
        )
    assert left < 0.4 * right


def test_a_misspelt_face_is_told():
    with pytest.raises(InputError, match=r"'facess' to blur\. .*'faces'"):
        parse_edits(blur="facess")
