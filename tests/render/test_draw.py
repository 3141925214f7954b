"""Drawn particles: where the ink is, and that it fades."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.render import draw

HEIGHT, WIDTH = 60, 80


def drawn(start: list[float], end: list[float], opacity: float = 1.0) -> np.ndarray:
    canvas = draw.add_paths(
        draw.blank(HEIGHT, WIDTH),
        jnp.array([start]),
        jnp.array([end]),
        jnp.array([[1.0, 0.5, 0.0]]),
        jnp.array([opacity]),
    )
    return np.asarray(canvas)


def test_a_path_has_ink_along_itself_without_gaps_and_none_elsewhere():
    canvas = drawn([0.2, 0.5], [1.0, 0.5])
    row = canvas[29:31, :, 3].max(0)
    assert (row[13:59] > 0.5).all()
    assert not row[:10].any()
    assert not row[63:].any()
    assert not canvas[:27].any()
    np.testing.assert_allclose(canvas[29, 30, :3], canvas[29, 30, 3] * np.array([1, 0.5, 0]))


def test_ink_outside_the_frame_is_dropped_not_wrapped():
    canvas = drawn([-0.003, 0.5], [-0.003, 0.5])
    assert canvas[:, 40:, 3].max() == 0
    assert canvas[:, :3, 3].max() > 0


def test_nothing_is_drawn_for_the_dead():
    assert not drawn([0.2, 0.5], [1.0, 0.5], opacity=0.0).any()


def test_a_tail_fades_by_time_not_by_frames():
    canvas = drawn([0.2, 0.5], [1.0, 0.5])
    once = draw.fade(canvas, 0.4)
    twice = draw.fade(draw.fade(canvas, 0.2), 0.2)
    np.testing.assert_allclose(once, twice, atol=1e-6)
    assert 0 < float(once.max()) < float(canvas.max())


def test_a_dot_is_where_its_particle_is_in_its_colour():
    frame = jnp.full((HEIGHT, WIDTH, 3), 100, jnp.uint8)
    empty = draw.blank(HEIGHT, WIDTH)
    red = jnp.array([[1.0, 0.0, 0.0]])
    picture = np.asarray(
        draw.compose(frame, empty, jnp.array([[0.51, 0.51]]), red, jnp.ones(1), empty)
    )
    assert picture.dtype == np.uint8
    assert picture[30, 30, 0] > 200 > 60 > picture[30, 30, 1]
    assert picture[10, 70].tolist() == [70, 70, 70]


def test_colour_tells_speed():
    slow, fast = draw.speed_colour(jnp.array([[0.0, 0.0], [5.0, 0.0]]))
    assert slow[2] > slow[0]
    assert fast[0] > fast[2]
    assert draw.speed_colour(jnp.array([0.0, 2.0])) == pytest.approx(
        draw.speed_colour(jnp.array([2.0, 0.0]))
    )
