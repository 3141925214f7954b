"""Subtitles in the picture: where, when and in what color, and nothing else changed."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles.editing import CaptionStyle, Reel, apply, burn_in, recolor, retime, trim
from vidparticles.editing.captions import drawing, fonts
from vidparticles.editing.effects.recolor import Colors
from vidparticles.errors import InputError
from vidparticles.video import BT709, Color, Picture, Span, Subtitles, open_video
from vidparticles.video.picture.stored import planes
from vidparticles.video.subtitles import Look, escaped

SPOKEN = "To be, or not to be: that is the question"


def track(*cues: tuple[float, float, str]) -> Subtitles:
    rows = ((*(Fraction(at).limit_denominator(100) for at in (a, b)), t) for a, b, t in cues)
    return Subtitles(tuple(Span(start, end, escaped(text)) for start, end, text in rows))


def stored(rgb: np.ndarray, kind: str, turns: int = 0, color: Color = BT709) -> Picture:
    """A picture as a decoder gives it."""
    picture = Picture.of(rgb, color=color, turns=turns)
    return Picture(picture.stored(kind), turns=turns, color=color)


def reel_of(pictures: list[Picture], rate: int = 10, **facts) -> Reel:
    times = [Fraction(k, rate) for k in range(len(pictures))]
    return Reel(
        iter(zip(times, pictures, strict=True)),
        times,
        Fraction(len(pictures), rate),
        Fraction(rate),
        height=pictures[0].height,
        width=pictures[0].width,
        **facts,
    )


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """A smooth picture of no plain color, [180, 320, 3] uint8."""
    y, x = np.mgrid[:180, :320] / 320
    return np.stack([60 + 90 * x, 80 + 60 * y, 120 - 60 * x], -1).astype(np.uint8)


@pytest.mark.parametrize("kind", ["yuv420p", "yuv422p10le", "yuv444p", "yuv410p", "gbrp"])
def test_only_the_rectangle_of_the_text_changes(kind, scene):
    picture = stored(scene, kind)
    ((_, burnt),) = burn_in(track((0, 1, SPOKEN)))(reel_of([picture])).frames
    drawn = drawing.draw(SPOKEN, 180, 320, style=CaptionStyle())
    height, width = drawn.cover.shape
    if kind != "gbrp":
        for old, new in zip(planes(picture.frame), planes(burnt.frame), strict=True):
            steps = [-(-n // m) for n, m in zip((180, 320), old.shape, strict=True)]
            changed = np.argwhere(old != new) * steps
            assert (changed > [drawn.top - steps[0], drawn.left - steps[1]]).all()
            assert (changed < [drawn.top + height, drawn.left + width]).all()
    # As laid over in RGB, but for chroma of fewer pixels.
    share = drawn.cover[..., None] / 255
    part = np.s_[drawn.top : drawn.top + height, drawn.left : drawn.left + width]
    expected = scene.astype(float)
    expected[part] = expected[part] * (1 - share) + drawn.color * share
    off = np.abs(burnt.rgb() - expected)[part].mean()
    assert off < (6 if kind == "yuv410p" else 3)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_text_is_upright_however_the_picture_is_stored(turns, scene):
    burn = burn_in(track((0, 1, SPOKEN)))
    ((_, plain),) = burn(reel_of([stored(scene, "yuv444p")])).frames
    turned = stored(scene, "yuv444p", turns)
    ((_, found),) = burn(reel_of([turned], rotation=-90 * turns % 360)).frames
    assert found.turns == turns
    assert np.abs(found.rgb().astype(int) - plain.rgb()).max() <= 2


def test_text_is_as_bright_as_paper_in_hdr():
    color = Color(primaries=9, transfer=16, matrix=9, full=False)
    picture = stored(np.full((180, 320, 3), 30, np.uint8), "yuv420p10le", color=color)
    ((_, found),) = burn_in(track((0, 1, SPOKEN)))(reel_of([picture])).frames
    # 203 of 10,000 nits is 0.58 of the range of PQ (BT.2408).
    assert planes(found.frame)[0].max() == pytest.approx(64 + 0.58 * 876, abs=12)


def test_a_transparent_picture_gets_opaque_text():
    cover = np.zeros((90, 160), np.uint8)
    picture = Picture.of(np.zeros((90, 160, 3), np.uint8), cover=cover)
    ((_, found),) = burn_in(track((0, 1, "Hello")))(reel_of([picture])).frames
    drawn = drawing.draw("Hello", 90, 160, style=CaptionStyle())
    assert found.cover().max() == 255
    assert found.cover().sum() == drawn.cover.sum()


def shown(reel: Reel) -> list[bool]:
    """Whether there is text in each frame, whose picture is black."""
    return [bool(picture.rgb().max() > 128) for _, picture in reel.frames]


def black(count: int) -> Reel:
    return reel_of([stored(np.zeros((64, 96, 3), np.uint8), "yuv420p")] * count)


def test_a_cue_shows_from_its_beginning_until_its_end():
    cues = track((0.25, 0.5, "one"), (0.4, 0.7, "two"), (0.9, 5, "end"))
    assert shown(burn_in(cues)(black(10))) == [k in (3, 4, 5, 6, 9) for k in range(10)]


def test_edits_carry_cues_along_and_leave_text_as_it_is():
    cues = track((0.2, 0.4, "one"))
    assert shown(burn_in(cues, trim(0.1))(black(10))) == [k in (1, 2) for k in range(9)]
    assert shown(burn_in(cues, retime(2))(black(10))) == [k == 1 for k in range(5)]
    darkened = burn_in(cues, recolor(Colors(brightness=-1)))(black(10))
    assert not darkened.extras.subtitles
    assert any(shown(darkened))


def test_frames_come_again_with_their_text():
    """As edits that run through a clip twice need them."""
    reel = black(10)
    pictures = [picture for _, picture in reel.frames]

    def again(first, last):
        return zip(reel.times[first:last], pictures[first:last], strict=True)

    burnt = burn_in(track((0.2, 0.4, "one")))(reel.replace(frames=iter(()), again=again))
    for first, last in [(0, 10), (3, 6)]:
        found = shown(burnt.replace(frames=burnt.again(first, last)))
        assert found == [k in (2, 3) for k in range(first, last)]


LETTERS = st.sampled_from("ab ,.W\n\u05e9\u05dc\u0645\u0631\u4f60\u597d")
TEXTS = st.one_of(st.text(LETTERS, min_size=1, max_size=90), st.text(min_size=1, max_size=20))


@given(
    text=TEXTS,
    size=st.tuples(st.integers(40, 400), st.integers(40, 400)),
    aspect=st.sampled_from([1.0, 0.5, 1.6]),
)
@settings(max_examples=50, deadline=None)
def test_text_lies_within_the_margin(text, size, aspect):
    style = CaptionStyle()
    height, width = size
    drawn = drawing.draw(text, height, width, aspect=aspect, style=style)
    if drawn is None:
        return
    tall, wide = drawn.cover.shape
    assert drawn.color.shape == (tall, wide, 3)
    assert 0 <= drawn.left <= drawn.left + wide <= width
    assert 0 <= drawn.top <= drawn.top + tall <= height - round(style.margin * height) + 1
    # Narrower than forty square pixels, five letters of the least size reach over the margin.
    if len(text) < 40 and width * aspect >= 40:
        assert drawn.left >= style.margin * width - 2
        assert drawn.left + wide <= (1 - style.margin) * width + 2


def test_letters_that_no_font_has_are_told(monkeypatch):
    monkeypatch.setattr(fonts, "_installed", lambda: ())
    fonts._file_for.cache_clear()
    (note,) = burn_in(track((0, 1, "\u4f60\u597d")))(black(2)).notes
    assert note.startswith("no font here has \u4f60\u597d, which are drawn as boxes; install one")
    assert burn_in(track((0, 1, "Hello")))(black(2)).notes == ()
    fonts._file_for.cache_clear()


def test_a_font_of_other_letters_is_looked_for(monkeypatch):
    found = {file.rpartition("/")[2]: file for file in fonts._installed()}
    if not {"DejaVuMathTeXGyre.ttf", "DejaVuSans.ttf"} <= found.keys():
        pytest.skip("DejaVu's fonts are not installed")
    files = found["DejaVuMathTeXGyre.ttf"], found["DejaVuSans.ttf"]
    fonts._file_for.cache_clear()
    monkeypatch.setattr(fonts, "_installed", lambda: files)
    assert fonts.font_for("abc", 20).path == files[0]
    assert fonts.font_for("\u0634", 20).path == files[1]
    fonts._file_for.cache_clear()


def test_mistakes_of_style_are_said(tmp_path):
    (tmp_path / "a.ttf").write_text("no font")
    style = CaptionStyle(font=tmp_path / "a.ttf")
    with pytest.raises(InputError, match=r"a\.ttf cannot be read as a font"):
        burn_in(track((0, 1, "a")), style=style)(black(2))
    with pytest.raises(InputError, match="0 < size"):
        CaptionStyle(size=0)


def test_a_clip_is_written_with_text_in_it(counted, tmp_path):
    clip = counted(frames=12, rate=12)
    made = apply(clip, tmp_path / "a.mp4", burn_in(track((0.25, 0.5, "Hello"))))
    assert made.frames == 12
    with open_video(clip) as before, open_video(tmp_path / "a.mp4") as after:
        pairs = itertools.zip_longest(before.run(), after.run())
        apart = [np.abs(a.rgb().astype(int) - b.rgb()).mean() for a, b in pairs]
    assert [k for k, x in enumerate(apart) if x > 1.5] == [3, 4, 5]


def changed(markup: str, scene: np.ndarray) -> np.ndarray:
    """[H, W] where a picture differs with cues of this markup, one a line."""
    spans = [Span(Fraction(0), Fraction(1), text) for text in markup.split("\n")]
    frames = burn_in(Subtitles(tuple(spans)))(reel_of([stored(scene, "yuv444p")])).frames
    ((_, burnt),) = frames
    return (np.abs(burnt.rgb().astype(int) - stored(scene, "yuv444p").rgb()) > 8).any(-1)


@pytest.mark.parametrize("place", range(1, 10))
def test_a_cue_is_where_its_markup_has_it(place, scene):
    rows, columns = np.nonzero(changed(rf"{{\an{place}}}No", scene))
    third = (rows.mean() // 60, columns.mean() // (320 / 3))
    assert third == (2 - (place - 1) // 3, (place - 1) % 3)
    assert min(rows.min(), 179 - rows.max()) >= 5


def test_cues_at_two_places_are_shown_at_once(scene):
    rows = changed("Below\n{\\an8}Above", scene).any(1)
    assert rows[:60].any()
    assert rows[120:].any()
    assert not rows[60:120].any()


def test_italics_lean_to_the_right_and_are_as_high():
    upright, italic = (
        drawing.draw("lll\nlll", 180, 320, style=CaptionStyle(), look=Look(2, slanted))
        for slanted in (False, True)
    )
    assert abs(italic.cover.shape[0] - upright.cover.shape[0]) <= 1

    def lean(cover: np.ndarray) -> float:
        """Pixels to the right, a pixel up, within the first line."""
        line = cover[2 : cover.shape[0] // 2 - 4].astype(float)
        middles = (line @ np.arange(line.shape[1]))[line.sum(1) > 0] / line.sum(1)[line.sum(1) > 0]
        return -float(np.polyfit(np.arange(len(middles)), middles, 1)[0])

    assert abs(lean(upright.cover)) < 0.05
    assert lean(italic.cover) == pytest.approx(0.2, abs=0.06)
