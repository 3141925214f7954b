"""The shell game in pictures: the same game, whatever it is played over."""

from __future__ import annotations

import numpy as np
import pytest

from vidparticles.data.composites.pictures import photographs
from vidparticles.data.pv5 import shell_game
from vidparticles.data.pv5.natural_shell_game import SIDE, Variant, batch

VARIANTS = {
    "textured": Variant(),
    "gray": Variant(textured=False),
    "dark": Variant(light=0.3),
    "panned": Variant(pan=0.15),
    "leaves": Variant(leaves=True),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_marked_cup_ends_where_the_label_says(name):
    clips = batch(range(4), photographs(), swaps=3, variant=VARIANTS[name])
    truth = clips["truth"]
    for row, label in enumerate(clips["label"]):
        path = truth["position"][row]
        end = path[-1] - path[-1].mean(0) + shell_game.slots(4).mean(0)
        mine = end[truth["marked"][row]]
        np.testing.assert_allclose(mine, shell_game.slots(4)[label], atol=1e-5)
    again = batch([2], photographs(), swaps=3, variant=VARIANTS[name])
    np.testing.assert_array_equal(again["frames"][0], clips["frames"][2])


def test_the_mark_is_red_and_cups_are_where_they_are_said_to_be():
    clips = batch(range(6), photographs(), swaps=2, variant=Variant(textured=False, pan=0.2))
    for row, frames in enumerate(clips["frames"].astype(float)):
        at = clips["truth"]["position"][row]
        first = np.floor(SIDE * at[0, clips["truth"]["marked"][row]]).astype(int)
        red = frames[0, first[1], first[0]]
        assert red[0] > 200
        assert red[1:].max() < 60
        for t in (8, len(frames) - 1):
            places = np.floor(SIDE * at[t]).astype(int)
            colors = frames[t, places[:, 1], places[:, 0]]
            assert np.ptp(colors, axis=0).max() < 20, "all cups are of one gray"
            assert np.ptp(colors, axis=1).max() < 20


def test_a_cup_that_leaves_is_out_of_the_picture_and_comes_back():
    clips = batch(range(3), photographs(), swaps=1, variant=Variant(leaves=True))
    for row in range(3):
        path = clips["truth"]["position"][row][:, clips["truth"]["marked"][row]]
        out = (path[:, 0] < -shell_game.RADIUS) | (path[:, 0] > 1 + shell_game.RADIUS)
        assert out.any()
        np.testing.assert_allclose(path[shell_game.LEAD + 22], path[0], atol=0.35)
