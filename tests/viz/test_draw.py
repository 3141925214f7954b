"""Drawn particles: where the ink is, and that it fades."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.viz import draw

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


def test_nothing_is_drawn_without_opacity():
    assert not drawn([0.2, 0.5], [1.0, 0.5], opacity=0.0).any()


def test_a_tail_fades_by_time_not_by_frames():
    canvas = drawn([0.2, 0.5], [1.0, 0.5])
    once = draw.fade(canvas, 0.4)
    twice = draw.fade(draw.fade(canvas, 0.2), 0.2)
    np.testing.assert_allclose(once, twice, atol=1e-6)
    assert 0 < float(once.max()) < float(canvas.max())


def test_a_dot_is_where_its_particle_is_in_its_color():
    frame = jnp.full((HEIGHT, WIDTH, 3), 100, jnp.uint8)
    empty = draw.blank(HEIGHT, WIDTH)
    red = jnp.array([[1.0, 0.0, 0.0]])
    picture = np.asarray(
        draw.compose(frame, empty, jnp.array([[0.51, 0.51]]), red, jnp.ones(1), empty)
    )
    assert picture.dtype == np.uint8
    assert picture[30, 30, 0] > 200 > 60 > picture[30, 30, 1]
    assert picture[10, 70].tolist() == [70, 70, 70]


def rings(since: float, *, opening: bool) -> np.ndarray:
    """Distances from the ring's middle, in pixels, at which there is ink."""
    canvas = draw.add_rings(
        draw.blank(HEIGHT, WIDTH),
        jnp.array([[0.6, 0.5], [0.6, 0.5]]),
        jnp.ones((2, 3)),
        jnp.ones(2),
        jnp.array([since, jnp.inf]),
        jnp.array([opening, opening]),
    )
    y, x = np.nonzero(np.asarray(canvas[..., 3]) > 0.2)
    return np.hypot(x + 0.5 - 36, y + 0.5 - 30)


def test_rings_open_or_close_and_are_gone_after_a_while():
    early, late = 0.1 * draw.STYLE.ring_time, 0.6 * draw.STYLE.ring_time
    assert rings(early, opening=True).max() < rings(late, opening=True).min() + 1.5
    assert rings(early, opening=False).min() > rings(late, opening=False).max() - 1.5
    assert rings(late, opening=True).min() > 1  # hollow
    assert not rings(1.01 * draw.STYLE.ring_time, opening=True).size
    assert not rings(np.inf, opening=False).size


def test_an_arrow_points_along_its_force_and_is_longer_for_a_stronger_one():
    def reach(force: list[float]) -> tuple[int, int]:
        """Pixels with ink to the right and to the left of where it starts."""
        canvas = draw.add_arrows(
            draw.blank(HEIGHT, WIDTH),
            jnp.array([[0.7, 0.5]]),
            jnp.array([force]),
            jnp.ones((1, 3)),
            jnp.ones(1),
        )
        x = np.nonzero(np.asarray(canvas[..., 3]) > 0.2)[1]
        return max(x.max() - 42, 0), max(42 - x.min(), 0)

    weak, strong, back = reach([0.5, 0.0]), reach([5.0, 0.0]), reach([-5.0, 0.0])
    assert 1 < weak[0] < strong[0] <= draw.STYLE.arrow * HEIGHT + 2
    assert strong[1] <= 1
    assert back[1] > 1 >= back[0]


def test_labels_have_colors_of_their_own():
    colors = np.asarray(draw.label_color(jnp.arange(len(draw.LABELS) + 1)))
    apart = np.abs(colors[:, None] - colors).sum(-1)[~np.eye(len(colors), dtype=bool)]
    assert apart.min() > 0.3
    assert np.ptp(colors[0]) < 0.1  # the background is gray


def test_color_tells_speed():
    slow, fast = draw.speed_color(jnp.array([[0.0, 0.0], [5.0, 0.0]]))
    assert slow[2] > slow[0]
    assert fast[0] > fast[2]
    assert draw.speed_color(jnp.array([0.0, 2.0])) == pytest.approx(
        draw.speed_color(jnp.array([2.0, 0.0]))
    )
