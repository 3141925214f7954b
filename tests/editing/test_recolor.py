"""Looks from `.cube` files as FFmpeg has them, and new colors of one object alone."""

from __future__ import annotations

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles.editing.edit import parse_edits
from vidparticles.editing.effects.cube import read_cube, through_cube
from vidparticles.editing.effects.recolor import Colors, recolor, recolored
from vidparticles.editing.effects.regions import Seen
from vidparticles.editing.reel import Reel
from vidparticles.errors import InputError
from vidparticles.video import Picture


def written(path, table: np.ndarray, head: str = "") -> str:
    """A file of a table [N, N, N, 3] by red, green and blue."""
    rows = table.transpose(2, 1, 0, 3).reshape(-1, 3)
    lines = [" ".join(f"{value:.6f}" for value in row) for row in rows]
    path.write_text(f'TITLE "look"\n# made\nLUT_3D_SIZE {len(table)}\n{head}' + "\n".join(lines))
    return str(path)


def by_ffmpeg(levels: np.ndarray, path: str) -> np.ndarray:
    """What `lut3d` makes of it."""
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=levels.shape[1],
        height=levels.shape[0],
        format=av.VideoFormat("rgb24"),
        time_base="1/25",
    )
    look = graph.add("lut3d", f"file={path}:interp=tetrahedral")
    sink = graph.add("buffersink")
    source.link_to(look)
    look.link_to(sink)
    graph.configure()
    graph.push(av.VideoFrame.from_ndarray(levels, format="rgb24"))
    return graph.pull().to_ndarray()


@pytest.mark.parametrize(("size", "seed"), [(2, 0), (7, 1), (17, 2)])
def test_a_look_is_that_of_ffmpeg(size, seed, tmp_path):
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, size)] * 3, indexing="ij"), -1)
    path = written(tmp_path / "look.cube", np.clip(grid + rng.normal(0, 0.2, grid.shape), 0, 1))
    levels = rng.integers(0, 256, (64, 64, 3), np.uint8)
    found = through_cube(levels, read_cube(path))
    away = np.abs(found.astype(int) - by_ffmpeg(levels, path))
    assert away.max() <= 1  # FFmpeg rounds down
    assert np.abs(found.astype(int) - levels).mean() > 5


def test_a_domain_is_what_the_table_spans(tmp_path):
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 3)] * 3, indexing="ij"), -1)
    half = "DOMAIN_MIN 0 0 0\nDOMAIN_MAX 0.5 0.5 0.5\n"
    cube = read_cube(written(tmp_path / "a.cube", grid, half))
    levels = np.array([[[0, 51, 102], [255, 128, 5]]], np.uint8)
    assert through_cube(levels, cube).tolist() == [[[0, 102, 204], [255, 255, 10]]]
    deep = through_cube(levels.astype(np.float32) + np.float32(0.25), cube)
    assert deep[0, 0, 1] == pytest.approx(102.5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "LUT_3D_SIZE is 0"),
        ("LUT_1D_SIZE 4\n0 0 0", "one dimension"),
        ("LUT_3D_SIZE two", "line 1"),
        ("LUT_3D_SIZE 2\n0 0 0\n", "1 colors follow"),
        ("LUT_3D_SIZE 2\n0 0\n", "line 2"),
        ("LUT_3D_SIZE 2\n0 0 nan\n", "line 2"),
        ("LUT_3D_SIZE 2\nhello 1 2\n", "line 2"),
        ("LUT_3D_SIZE 2\nDOMAIN_MIN 1 1 1\n" + "0 0 0\n" * 8, "above DOMAIN_MIN"),
    ],
)
def test_a_broken_look_is_told(text, says, tmp_path):
    path = tmp_path / "look.cube"
    path.write_text(text)
    with pytest.raises(InputError, match=says):
        read_cube(path)
    with pytest.raises(InputError, match=r"none\.cube cannot be read"):
        read_cube(tmp_path / "none.cube")


@given(st.floats(-2, 2), st.integers(20, 230))
@settings(max_examples=25, deadline=None)
def test_exposure_is_light(stops, level):
    gray = Picture(Picture.of(np.full((8, 8, 3), level, np.uint8)).stored("yuv444p"))
    found = recolored(gray, Colors(exposure=stops)).rgb()[0, 0, 1] / 255
    expected = ((level / 255) ** 2.2 * 2**stops) ** (1 / 2.2)
    assert found == pytest.approx(min(1, expected), abs=0.012)


class Square:
    """An object whose mask is a soft square."""

    seen = (Seen(np.zeros(1, int), np.zeros((1, 4)), np.zeros(1, bool)),)
    shot = np.zeros(1, int)

    def masks(self, frames, first):
        """Its edge is half covered."""
        for time, picture in frames:
            mask = np.zeros((picture.height, picture.width), np.float32)
            mask[8:24, 8:24] = 0.5
            mask[10:22, 10:22] = 1
            yield time, picture, {0: mask}


@pytest.mark.parametrize(("form", "turns"), [("yuv420p", 0), ("yuv420p10le", 1), ("rgb24", 0)])
@pytest.mark.parametrize("table", [False, True])
def test_one_object_alone_is_recolored(form, turns, table, tmp_path):
    levels = np.random.default_rng(0).integers(60, 120, (32, 48, 3), np.uint8)
    plain = Picture.of(levels, turns=turns)
    own = Picture(plain.stored(form), turns=turns, color=plain.color)
    look = Colors(brightness=0.2)
    if table:
        grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 5)] * 3, indexing="ij"), -1)
        look = read_cube(written(tmp_path / "a.cube", np.clip(grid + 0.2, 0, 1)))
    reel = Reel(iter([(0, own)]), [0], 1, 1, height=32, width=48)
    ((_, new),) = recolor(look, lambda reel: Square())(reel).frames
    away = new.rgb().astype(int) - own.rgb()
    assert away[12:20, 12:20].mean() == pytest.approx(51, abs=4)
    assert away[8:10, 12:20].mean() == pytest.approx(25, abs=6)
    away[8:24, 8:24] = 0
    assert np.abs(away).mean() < 0.6
    assert np.abs(away).max() < 9


def test_words_of_recoloring_one_object_are_judged():
    with pytest.raises(InputError, match="of --recolor and --reframe"):
        parse_edits(object="3", trim="1:2")
    with pytest.raises(InputError, match="finders"):
        parse_edits(object="3", recolor="gray")
