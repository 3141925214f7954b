"""What the new frames look like: colors turned, slow motion near the truth, no ghosts."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vidparticles import editing
from vidparticles.editing import Colors, parse_colors
from vidparticles.editing.effects.recolor import recolored
from vidparticles.errors import InputError
from vidparticles.video import BT709, Picture, open_video, write_video


def texture(seed: int, height: int, width: int) -> np.ndarray:
    """Smooth noise, uint8 [H, W, 3], mean about 128; gray, as 4:2:0 blurs fine colors."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 1))
    for axis in (0, 1):
        for _ in range(3):
            noise = noise + np.roll(noise, 1, axis) + np.roll(noise, -1, axis)
    noise = noise / noise.std()
    return np.repeat(np.clip(128 + 45 * noise, 0, 255).astype(np.uint8), 3, -1)


def read(path) -> np.ndarray:
    with open_video(path) as video:
        return np.stack([frame for _, frame in video]).astype(int)


def pale(seed: int) -> np.ndarray:
    """Weak colors, uint8 [24, 24, 3]."""
    return np.random.default_rng(seed).integers(96, 160, (24, 24, 3), np.uint8)


# ------------------------------------------------------------------ recolor


def test_hue_of_120_degrees_turns_red_to_green_and_leaves_gray(tmp_path):
    for color, hue in (((200, 40, 40), 120), ((120, 120, 120), 120), ((40, 200, 40), -120)):
        source, out = tmp_path / "in.mp4", tmp_path / "out.mp4"
        write_video(source, np.full((4, 32, 32, 3), color, np.uint8), rate=25, overwrite=True)
        editing.apply(source, out, editing.recolor(Colors(hue=hue)), overwrite=True)
        red, green, blue = read(out)[2].mean((0, 1))
        if color[0] == color[1]:
            assert np.abs(np.array([red, green, blue]) - 120).max() < 3
        elif hue > 0:
            assert green > red + 50
            assert green > blue + 50
        else:
            assert red > green + 50


def luma_of(picture: Picture) -> np.ndarray:
    """Rec. 709."""
    return picture.rgb().astype(float) @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuv422p10le"])
@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize(
    "colors",
    [Colors(hue=75), Colors(hue=-120, saturation=0.7), Colors(contrast=0.8, brightness=0.1)],
)
def test_new_colors_are_those_of_the_definition(colors, full, pixel_format):
    """The definition, in RGB: there, luma and chroma are scaled and turned, and back again."""
    color = dataclasses.replace(BT709, full=full)
    flat = pale(0)[:8, :8].repeat(8, 0).repeat(8, 1)  # none of it is clipped on the way
    old = Picture(Picture.of(flat, color=color).stored(pixel_format), color=color)
    matrix, offset = colors.change()
    to = color.to_yuv()
    want = 255 * (np.linalg.inv(to) @ (matrix @ to @ old.rgb()[..., None] / 255 + offset[:, None]))
    inside = np.s_[4::8, 4::8]  # where no other color is near
    error = recolored(old, colors).rgb()[inside] - want[inside][..., 0]
    # A level of chroma is 1.9 of blue; the two that are rounded are that apart at most.
    assert np.abs(error).max() < 2.2
    assert np.abs(error.mean((0, 1))).max() < 0.3


def test_turning_there_and_back_changes_nothing():
    old = Picture(Picture.of(pale(0)).stored("yuv444p"), color=BT709)
    there = recolored(old, Colors(hue=75))
    back = recolored(there, Colors(hue=-75))
    assert np.abs(back.rgb().astype(int) - old.rgb()).max() <= 3
    assert np.abs(there.rgb().astype(int) - old.rgb()).mean() > 3


def test_hue_and_saturation_keep_luma():
    old = Picture.of(pale(1))
    for colors in (Colors(hue=200), Colors(saturation=0), Colors(hue=30, saturation=1.3)):
        assert np.abs(luma_of(recolored(old, colors)) - luma_of(old)).max() < 1.5


def test_brightness_and_contrast():
    gray = Picture.of(np.full((2, 2, 3), 100, np.uint8))
    for colors, level in [
        (Colors(brightness=0.2), 151),
        (Colors(contrast=2), 72.5),
        (Colors(brightness=1), 255),
    ]:
        assert np.unique(recolored(gray, colors).rgb()) == pytest.approx(level, abs=0.6)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("hew=30", "'hue'"),
        ("hue=red", "not understood"),
        ("sepia", "not understood"),
        ("saturation=-1", "out of range"),
        ("hue=nan", "out of range"),
        ("", "not understood"),
    ],
)
def test_colors_that_are_not_understood(words, says):
    with pytest.raises(InputError, match=says):
        parse_colors(words)


# ------------------------------------------------------------------ slow motion


@pytest.fixture(scope="module")
def patch() -> np.ndarray:
    """A textured patch that moves 2 pixels a frame over another texture, [33, 96, 128, 3]."""
    frames = np.repeat(texture(2, 96, 128)[None], 33, 0)
    thing = texture(3, 32, 32)
    for k, frame in enumerate(frames):
        frame[30:62, 10 + 2 * k : 42 + 2 * k] = thing
    return frames


def test_half_speed_has_twice_the_frames_and_shows_what_lies_between(patch, tmp_path):
    source, out = tmp_path / "in.mp4", tmp_path / "out.mp4"
    write_video(source, patch[::2], rate=25, crf=10)
    made = editing.apply(source, out, editing.retime(0.5))
    shown = read(out)
    assert made.frames == len(shown) == 2 * len(patch[::2])
    assert made.seconds == pytest.approx(2 * len(patch[::2]) / 25)
    given = patch.astype(int)
    errors = []
    for k in range(5, 28, 2):  # after a few frames in which particles are found
        # Where the patch is: beside it both are right but for what encoding takes.
        here = k, slice(30, 62), slice(10 + 2 * k, 42 + 2 * k)
        blended = (given[k - 1][here[1:]] + given[k + 1][here[1:]]) / 2
        errors.append([np.abs(x - given[here]).mean() for x in (shown[here], blended)])
    of_flow, of_blend = np.mean(errors, axis=0)
    assert of_flow < 0.5 * of_blend
    # The frames that were there already are shown as they were.
    assert np.abs(shown[0:33:2] - given[::2]).mean() < 3


def test_nothing_is_blended_across_a_cut(tmp_path):
    source, out = tmp_path / "in.mp4", tmp_path / "out.mp4"
    one, two = texture(4, 96, 128), texture(5, 96, 128)
    write_video(source, [one] * 6 + [two] * 6, rate=25, crf=10)
    editing.apply(source, out, editing.retime(0.25))
    shown = read(out)
    to_one, to_two = (np.abs(shown - x.astype(int)).mean((1, 2, 3)) for x in (one, two))
    apart = np.abs(one.astype(int) - two).mean()
    assert apart > 30
    assert np.minimum(to_one, to_two).max() < 0.2 * apart
    assert ((to_one < to_two).astype(int).tolist()) == sorted(to_one < to_two, reverse=True)
    assert (to_one < to_two).sum() == pytest.approx(22, abs=2)


@pytest.mark.parametrize("factor", [0, -21, 21, 0.01, float("nan"), float("inf")])
def test_speeds_out_of_range(factor, counted, tmp_path):
    with pytest.raises(InputError, match="out of range"):
        editing.apply(counted(), tmp_path / "out.mp4", editing.retime(factor))
    assert not list(tmp_path.iterdir())
