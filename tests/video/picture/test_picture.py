"""Colors come back as they were: what is only moved is not converted, the rest is exact."""

from __future__ import annotations

import dataclasses
import pathlib
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles import editing
from vidparticles.errors import InputError
from vidparticles.video import (
    BT601,
    BT709,
    Color,
    Encoding,
    Picture,
    Sound,
    Writer,
    open_video,
    write_video,
)
from vidparticles.video.picture.codecs import CODECS, choose, drawn, fitting
from vidparticles.video.picture.color import color_of
from vidparticles.video.picture.stored import bits, planes
from vidparticles.video.picture.tone import graded, shown

BT2020 = Color(matrix=9, primaries=9, transfer=14)


def stored(
    rgb: np.ndarray, color: Color, pixel_format: str = "yuv444p"
) -> tuple[Picture, np.ndarray]:
    """A picture whose planes are those of colors [N, 3], and the colors that these stand for."""
    deep = bits(av.VideoFrame(2, 2, pixel_format))
    low, span = (0, 2**deep - 1) if color.full else (16 << deep - 8, 219 << deep - 8)
    wide = 2**deep - 1 if color.full else 224 << deep - 8
    yuv = color.to_yuv() @ (rgb / 255.0).T
    scale, offset = np.array([span, wide, wide]), np.array([low, 2 ** (deep - 1), 2 ** (deep - 1)])
    numbers = np.round(yuv * scale[:, None] + offset[:, None])
    frame = av.VideoFrame(2 * len(rgb), 2, pixel_format)
    for plane, row in zip(planes(frame), numbers, strict=True):
        plane[:] = np.repeat(row, plane.shape[1] // len(rgb))
    exact = np.linalg.inv(color.to_yuv()) @ ((numbers - offset[:, None]) / scale[:, None])
    return Picture(frame, color=color), 255 * exact.T


@pytest.mark.parametrize("color", [BT601, BT709, BT2020])
@pytest.mark.parametrize(
    ("pixel_format", "full"), [("yuv444p", True), ("yuv444p", False), ("yuv444p10le", False)]
)
def test_levels_are_those_that_the_numbers_stand_for(color, full, pixel_format):
    rgb = np.random.default_rng(0).integers(8, 248, (500, 3))
    picture, exact = stored(rgb, dataclasses.replace(color, full=full), pixel_format)
    error = picture.levels()[0, ::2] - exact
    assert np.abs(error).max() < (0.56 if bits(picture.frame) == 8 else 0.05)
    assert np.abs(error.mean(0)).max() < 0.05
    # And back again to the same numbers.
    again = Picture.of(picture.levels(), color=picture.color).stored(pixel_format)
    for new, old in zip(planes(again), planes(picture.frame), strict=True):
        assert np.abs(new.astype(int) - old).max() <= 1
        assert abs(np.mean(new.astype(float) - old)) < 0.03


@settings(max_examples=20, deadline=None)
@given(
    height=st.integers(2, 30), width=st.integers(2, 30), turns=st.integers(0, 3), seed=st.integers()
)
def test_a_turned_picture_is_upright_and_stored_turned(height, width, turns, seed):
    rgb = np.random.default_rng(abs(seed)).integers(0, 256, (height, width, 3), np.uint8)
    picture = Picture.of(rgb, turns=turns)
    assert (picture.height, picture.width) == (height, width)
    np.testing.assert_array_equal(picture.rgb(), rgb)
    assert (picture.frame.height, picture.frame.width) == ((height, width)[:: 1 - 2 * (turns % 2)])
    larger = picture.stored("yuv420p", even=True)
    assert (larger.height % 2, larger.width % 2) == (0, 0)


@pytest.mark.parametrize(
    ("tags", "size", "expected"),
    [
        ({}, (1280, 720), BT709),
        ({}, (720, 576), BT601),
        ({}, (608, 1080), BT709),
        ({"colorspace": 1}, (320, 180), BT709),
        ({"colorspace": 6}, (1920, 1080), BT601),
        ({"colorspace": 5}, (320, 180), Color(5, 5, 6)),
        ({"color_primaries": 9}, (320, 180), BT2020),
        ({"colorspace": 9, "color_trc": 16}, (320, 180), Color(9, 9, 16)),
        ({"colorspace": 3, "color_range": 2}, (320, 180), dataclasses.replace(BT601, full=True)),
    ],
)
def test_what_tags_leave_out_follows_from_the_others_or_the_size(tags, size, expected):
    frame = av.VideoFrame(*size, "yuv420p")
    for name, code in tags.items():
        setattr(frame, name, code)
    assert color_of(frame) == expected


FORMATS = st.sampled_from(
    [
        *("yuv420p", "yuvj420p", "yuv422p", "yuv411p", "yuva420p", "nv12", "gray", "pal8"),
        *("rgb24", "bgra", "yuv444p10le", "p010le", "yuva444p12le", "gbrp12le"),
    ]
)


@given(name=FORMATS, codec=st.sampled_from(list(CODECS)))
def test_a_format_that_fits_loses_no_more_than_must_be(name, codec):
    formats = CODECS[codec].formats
    chosen = fitting(name, formats)
    assert chosen in formats

    def facts(name: str) -> tuple[int, bool]:
        form = av.VideoFormat(name, 16, 16)
        return max(c.bits for c in form.components), any(c.is_alpha for c in form.components)

    depth, alpha = facts(name)
    able = [other for other in formats if facts(other)[1] >= alpha]
    assert facts(chosen)[1] == (alpha and bool(able))
    if able and max(facts(other)[0] for other in able) >= depth:
        assert facts(chosen)[0] >= depth


# ------------------------------------------------------------------ files


def yuv(path: pathlib.Path) -> list[np.ndarray]:
    """All planes of all frames."""
    with open_video(path) as video:
        return [p.astype(float) for picture in video.run() for p in planes(picture.frame)]


@pytest.mark.parametrize(
    ("name", "passes"), [("patches_709_tagged.mp4", 10), ("patches_709_untagged.mp4", 1)]
)
def test_ten_passes_leave_the_colors_as_they_were(name, passes, shared_data, tmp_path):
    source = shared_data / "faults" / name
    clip = source
    for k in range(passes):
        editing.apply(clip, tmp_path / f"{k}.mp4", editing.trim(0, 0.12))
        clip = tmp_path / f"{k}.mp4"
    with open_video(source) as before, open_video(clip) as after:
        error = after.frames(range(3)).astype(float) - before.frames(range(3))
        assert before.color == after.color == BT709
        patches = before[2][360, [120, 360, 600, 840, 1100]]
    assert np.abs(error).mean() < 1.0
    assert np.abs(error.mean((0, 1, 2))).max() < 0.1
    right = [(201, 30, 30), (220, 180, 150), (40, 80, 200), (128, 128, 128), (31, 180, 41)]
    assert np.abs(patches.astype(int) - right).max() <= 4  # of their own coding
    for new, old in zip(yuv(clip), yuv(source), strict=False):
        assert np.abs(new - old).mean() < 0.5
    with av.open(str(clip)) as container:
        told = next(container.decode(video=0))
    tags = (told.colorspace, told.color_primaries, told.color_trc, told.color_range)
    assert tags == (1, 1, 1, 1)


@pytest.mark.parametrize(("name", "transfer"), [("hlg_10bit.mov", 18), ("pq_10bit.mov", 16)])
def test_ten_bits_and_their_tags_stay_where_pictures_only_move(
    name, transfer, shared_data, tmp_path
):
    source, out = shared_data / "faults" / name, tmp_path / "out.mov"
    editing.apply(source, out, editing.trim(0, 99))
    with open_video(out) as video:
        assert (video.info.codec, video.info.pixel_format) == ("hevc", "yuv420p10le")
        assert video.color == Color(9, 9, transfer)
    for new, old in zip(yuv(out), yuv(source), strict=True):
        assert np.abs(new - old).mean() < 2


def test_a_small_clip_without_tags_keeps_its_numbers_and_is_told_of(tmp_path, encode):
    source, out = encode(tmp_path / "in.mp4", frames=6), tmp_path / "out.mp4"
    with open_video(source) as video:
        assert video.color == BT601
    editing.apply(source, out, editing.trim(0, 99))
    with av.open(str(out)) as container:
        assert next(container.decode(video=0)).colorspace == 6
    error = [new - old for new, old in zip(yuv(out), yuv(source), strict=True)]
    assert max(np.abs(plane.mean()) for plane in error) < 0.6


def test_full_range_stays_full(tmp_path, encode):
    source = encode(
        tmp_path / "in.mkv", codec="mjpeg", frames=4, pixel_format="yuvj420p", options={"q": "2"}
    )
    out = tmp_path / "out.mp4"
    editing.apply(source, out, editing.trim(0, 99))
    with open_video(source) as before, open_video(out) as after:
        assert before.color.full
        assert after.color.full
        assert np.abs((after[2].astype(float) - before[2]).mean((0, 1))).max() < 0.5


def test_new_pictures_are_written_without_a_bias(tmp_path):
    rng = np.random.default_rng(0)
    flat = rng.integers(20, 236, (12, 16, 3)).astype(np.uint8).repeat(16, 0).repeat(16, 1)
    write_video(tmp_path / "clip.mp4", [flat] * 3, rate=25, crf=1)
    with open_video(tmp_path / "clip.mp4") as video:
        error = (video[1].astype(float) - flat)[8::16, 8::16]
    assert np.abs(error.mean((0, 1))).max() < 0.2
    assert np.abs(error).mean() < 0.8


# ------------------------------------------------------------------ HDR


@pytest.mark.parametrize("transfer", [16, 18])
def test_paper_is_white_and_what_shines_is_not_clipped_at_once(transfer):
    """BT.2408: paper is 203 nits, 58 % of PQ and 75 % of HLG; a face is about as in SDR."""
    color = Color(9, 9, transfer)
    gray = np.linspace(0, 1, 101)[:, None].repeat(3, 1)
    found = shown(gray, color)
    np.testing.assert_allclose(found, found[:, :1].repeat(3, 1), atol=1e-6)  # gray stays gray
    assert (np.diff(found[:, 0]) >= 0).all()
    paper = shown(np.full(3, 0.58 if transfer == 16 else 0.75), color)[0]
    assert 0.85 < paper < 0.95  # below the screen's white: there is room for what is brighter
    assert shown(np.ones(3), color)[0] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("transfer", [14, 16, 18])
def test_what_is_shown_comes_back_from_a_screen(transfer):
    screen = np.random.default_rng(0).uniform(0.05, 0.6, (200, 3))
    again = shown(graded(screen, Color(9, 9, transfer)), Color(9, 9, transfer))
    np.testing.assert_allclose(again, screen, atol=1e-3)


@pytest.mark.parametrize("name", ["hlg_10bit.mov", "pq_10bit.mov"])
def test_hdr_is_tone_mapped_where_it_is_looked_at_and_one_line_says_so(name, shared_data, tmp_path):
    source = shared_data / "faults" / name
    with open_video(source) as video:
        assert video.warnings == ()
        frame = video[3]
        [told] = video.warnings
        [picture] = video.pictures(3, 4)
        levels = picture.levels()
    assert "tone-mapped" in told
    assert levels.dtype == np.float32
    exact = 255 * shown(levels / 255, video.color)
    assert np.abs(frame - exact).mean() < 0.5  # of the table's interpolation
    # Red of the wide primaries is red here: it was (167, 70, 36).
    assert frame[90, 30, 0] > 250
    assert frame[90, 30, 1:].max() < 5
    gif = editing.apply(source, tmp_path / "out.gif", editing.trim(0, 0.2))
    assert len(gif.warnings) == 1
    assert "tone-mapped" in gif.warnings[0]
    moved = editing.apply(source, tmp_path / "out.mov", editing.trim(0, 0.2))
    assert moved.warnings == ()


def test_what_hdr_was_graded_on_is_told_on(tmp_path, encode):
    display = "G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,50)"
    params = f"log-level=none:colorprim=9:transfer=16:colormatrix=9:master-display={display}"
    source = encode(
        tmp_path / "in.mp4",
        codec="libx265",
        frames=3,
        pixel_format="yuv420p10le",
        options={"x265-params": f"{params}:max-cll=900,400"},
    )
    editing.apply(source, tmp_path / "out.mp4", editing.trim(0, 1))
    for kind in ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"):
        told = []
        for path in (source, tmp_path / "out.mp4"):
            with open_video(path) as video:
                told.append(bytes(video.pictures(0, 1)[0].frame.side_data[kind]))
        assert told[0] == told[1]


@pytest.mark.slow
@pytest.mark.parametrize("edit", [editing.stabilize(), editing.retime(0.5)])
def test_an_edit_that_draws_pictures_anew_keeps_ten_bits(edit, shared_data, tmp_path):
    source, out = shared_data / "faults" / "hlg_10bit.mov", tmp_path / "out.mov"
    made = editing.apply(source, out, editing.trim(0, 0.12), edit)
    assert made.warnings == ()
    with open_video(source) as before, open_video(out) as after:
        assert (after.color, after.info.pixel_format) == (before.color, "yuv420p10le")
        pair = [video.pictures(1, 2)[0].levels() for video in (before, after)]
    assert np.abs(pair[0] - pair[1]).mean() < 1


def test_clips_of_other_colors_are_brought_to_those_of_the_first(shared_data, tmp_path):
    """Also into HDR: white is paper there."""
    faults = shared_data / "faults"
    hdr, white, out = faults / "pq_10bit.mov", tmp_path / "white.mp4", tmp_path / "out.mov"
    write_video(white, np.full((4, 180, 320, 3), 255, np.uint8), rate=25)
    assert editing.splice([hdr, white], out).warnings == ()
    with open_video(out) as video:
        assert video.color.hdr
        last = video.pictures(len(video) - 1, len(video))[0].levels() / 255
    np.testing.assert_allclose(last, 0.58, atol=0.01)
    [told] = editing.splice([white, hdr], tmp_path / "sdr.mp4").warnings
    assert "tone-mapped" in told


# ------------------------------------------------------------------ codecs


@pytest.mark.parametrize(
    ("out", "options", "codec", "pixel_format"),
    [
        ("out.webm", {}, "vp9", "yuv420p"),
        ("out.webm", {"codec": "av1", "preset": "12"}, "libdav1d", "yuv420p"),
        ("out.mkv", {"codec": "hevc", "crf": 30}, "hevc", "yuv420p"),
        ("out.mov", {"codec": "prores"}, "prores", "yuv422p10le"),
        ("out.mp4", {"pix_fmt": "yuv444p"}, "h264", "yuv444p"),
    ],
)
def test_every_codec_can_be_asked_for(out, options, codec, pixel_format, tmp_path, encode):
    source = encode(tmp_path / "in.mp4", frames=8)
    editing.apply(source, tmp_path / out, editing.trim(0, 99), encoding=Encoding(**options))
    with open_video(source) as before, open_video(tmp_path / out) as after:
        assert (after.info.codec, after.info.pixel_format) == (codec, pixel_format)
        assert after.color == before.color == BT601
        error = after.frames(range(8)).astype(float) - before.frames(range(8))
    assert np.abs(error.mean((0, 1, 2))).max() < 1
    assert np.sqrt((error**2).mean()) < 9


def test_a_webm_has_opus_sound(tmp_path):
    sound = Sound.of(0.3 * np.sin(np.arange(44100) / 20).astype(np.float32)[:, None], 44100)
    write_video(tmp_path / "out.webm", np.zeros((10, 48, 64, 3), np.uint8), rate=10, audio=sound)
    with open_video(tmp_path / "out.webm") as video:
        assert video.info.audio.codec == "opus"
        assert float(video.audio().duration) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(
    ("suffix", "source", "pixel_format", "encoder", "chosen"),
    [
        (".mp4", "h264", "yuv420p", "libx264", "yuv420p"),
        (".mp4", "h264", "yuv422p10le", "libx264", "yuv422p10le"),
        (".mp4", "hevc", "yuv420p10le", "libx265", "yuv420p10le"),
        (".mov", "prores", "yuva444p12le", "prores_ks", "yuva444p10le"),
        (".mp4", "prores", "yuv422p10le", "libx265", "yuv420p10le"),
        (".mp4", "mjpeg", "yuvj422p", "libx264", "yuv420p"),
        (".webm", "h264", "yuv420p", "libvpx-vp9", "yuv420p"),
        (".webm", "vp9", "yuva420p", "libvpx-vp9", "yuva420p"),
        (".webm", "vp9", "yuv420p10le", "libsvtav1", "yuv420p10le"),
        (".mkv", "libdav1d", "yuv420p10le", "libsvtav1", "yuv420p10le"),
        (".mp4", "gif", "rgb24", "libx264", "yuv420p"),
        (".mp4", "h264", drawn("yuvj420p", 8), "libx264", "yuv420p"),
        (".mkv", "hevc", drawn("yuv422p10le", 16), "libx265", "yuv422p10le"),
        (".webm", "vp9", drawn("yuva420p", 8), "libvpx-vp9", "yuv420p"),
    ],
)
def test_the_sources_own_codec_and_bits_are_kept_where_they_can_be(
    suffix, source, pixel_format, encoder, chosen
):
    choice = choose(pathlib.Path("out" + suffix), pixel_format, source=source)
    assert (choice.codec.encoder, choice.pix_fmt) == (encoder, chosen)


@pytest.mark.parametrize(
    ("out", "options", "says"),
    [
        ("out.mp4", {"codec": "prores"}, "cannot hold prores; give h264"),
        ("out.webm", {"codec": "h264"}, "cannot hold h264; give vp9"),
        ("out.mp4", {"codec": "h266"}, "no codec 'h266'"),
        ("out.mp4", {"codec": "h264", "crf": 60}, "crf 60 .* give 0 to 51"),
        ("out.mov", {"codec": "prores", "crf": 3}, "crf 3 .* it has none"),
        ("out.mp4", {"preset": "quick"}, "preset 'quick'"),
        ("out.webm", {"pix_fmt": "rgb565"}, "cannot be written as 'rgb565'"),
        ("out.gif", {"crf": 9}, "a GIF has no"),
    ],
)
def test_what_cannot_be_encoded_is_refused_before_any_work(out, options, says, tmp_path):
    with pytest.raises(InputError, match=says):
        Writer(tmp_path / out, rate=25, encoding=Encoding(**options))


# ------------------------------------------------------------------ pixels that are not square


def test_pixels_that_are_not_square_stay_so_but_in_a_gif(shared_data, tmp_path):
    source = shared_data / "faults" / "sar_4_3.mp4"
    for name, size, aspect in [("out.gif", (120, 213), 1), ("out.mp4", (120, 160), Fraction(4, 3))]:
        editing.apply(source, tmp_path / name, editing.trim(0, 0.2))
        with open_video(tmp_path / name) as video:
            assert (video.info.height, video.info.width) == size
            assert video.info.pixel_aspect == aspect


@pytest.mark.parametrize(
    ("suffix", "codec", "pixel_format", "options"),
    [
        (".mov", "prores_ks", "yuva444p10le", {}),
        (".webm", "libvpx-vp9", "yuva420p", {"auto-alt-ref": "0", "b": "0", "crf": "20"}),
    ],
)
def test_what_is_transparent_stays_so_or_one_line_tells(
    suffix, codec, pixel_format, options, tmp_path
):
    source = tmp_path / f"in{suffix}"
    with av.open(str(source), "w") as out:
        stream = out.add_stream(codec, rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixel_format
        for k in range(4):
            frame = av.VideoFrame(64, 48, pixel_format)
            for plane, level in zip(planes(frame), (100, 90, 160, 0), strict=True):
                plane[:] = level << bits(frame) - 8
            planes(frame)[3][:, : 32 + 4 * k] = 200 << bits(frame) - 8
            frame.pts = k
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    made = tmp_path / f"out{suffix}"
    # What is drawn anew between two frames lets as much through as they do.
    edits = editing.recolor(editing.Colors(hue=40)), editing.retime(0.5)
    assert editing.apply(source, made, *edits).warnings == ()
    with open_video(source) as video, open_video(made) as again:
        assert (video.alpha, again.alpha) == (True, True)
        cover = [picture.cover().astype(float) for picture in video.pictures(1, 3)]
        new = [picture.cover().astype(float) for picture in again.pictures(2, 5)]
    assert np.ptp(cover[0]) > 100
    for got, right in zip(new, [cover[0], sum(cover) / 2, cover[1]], strict=True):
        assert np.abs(got - right).mean() < 4
    [told] = editing.apply(source, tmp_path / "out.mp4", editing.trim(0, 1)).warnings
    assert "transparent" in told
