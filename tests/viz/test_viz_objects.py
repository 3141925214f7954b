"""Boxes over a clip: labels that can be read, dashes, and what cannot be asked for together."""

from __future__ import annotations

import numpy as np
import pytest

from vidparticles import cli
from vidparticles.viz.objects import _free, _sides

SHAPE = (100, 200)


def test_labels_do_not_cover_each_other():
    box, size = np.array([50.0, 40, 90, 80]), (30.0, 10.0)
    taken: list = []
    for _ in range(4):
        left, top = _free(box, size, SHAPE, taken)
        taken.append((left, top, left + size[0], top + size[1]))
    for k, one in enumerate(taken):
        assert one[0] >= 0
        assert one[2] <= SHAPE[1]
        assert one[3] <= SHAPE[0]
        for other in taken[:k]:
            assert one[1] >= other[3] or one[3] <= other[1]
    assert taken[0][3] <= box[1], "above its box, where that is free"


def test_a_label_stays_in_the_picture():
    assert _free(np.array([190.0, 2, 230, 60]), (30.0, 10.0), SHAPE, []) == (170.0, 0.0)


def test_dashes_are_half_of_a_side():
    box = np.array([10.0, 20, 50, 80])
    whole, dashed = list(_sides(box, None)), list(_sides(box, 5.0))
    assert len(whole) == 4
    length = sum(abs(x1 - x0) + abs(y1 - y0) for x0, y0, x1, y1 in dashed)
    np.testing.assert_allclose(length, 100, atol=1e-6)


@pytest.mark.parametrize("words", [["--forces"], ["--color", "group"], ["--checkpoint", "W"]])
def test_what_cannot_be_drawn_with_boxes_is_a_sentence(words, clip, tmp_path, capsys):
    out = tmp_path / "out.mp4"
    assert cli.main(["show", str(clip), "--objects", *words, "-o", str(out)]) == 2
    assert "leave these out, or --objects" in capsys.readouterr().err
    assert not out.exists()


def test_without_weights_a_sentence_says_which_command_gets_them(
    clip, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cli.main(["show", str(clip), "--objects", "-o", str(tmp_path / "out.mp4")]) == 2
    assert "`vidparticles weights get nanodet` gets them" in capsys.readouterr().err
