"""Match cuts: what holds of any states, and clips that are put together where they were cut."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles import cli
from vidparticles.editing import splice
from vidparticles.editing.splicing.match import MatchConfig, agreements, match_cut
from vidparticles.errors import InputError
from vidparticles.particles import Particles
from vidparticles.video import open_video, write_video

MOMENTS, POINTS = 3, 6
RATE, FRAMES = 12, 36


def states(seed: int) -> Particles:
    """[3, 6] points, of which some are not there."""
    rng = np.random.default_rng(seed)
    shape = MOMENTS, POINTS
    alive = rng.uniform(size=shape) < 0.7
    alive[:, 0] = True
    return Particles(
        position=rng.uniform(0, 1, (*shape, 2)).astype(np.float32),
        velocity=rng.normal(0, 0.3, (*shape, 2)).astype(np.float32),
        feature=rng.uniform(0, 1, (*shape, 3)).astype(np.float32),
        mass=np.ones(shape, np.float32),
        alive=alive,
    )


@given(st.integers(0, 2**32), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_agreement_is_of_sets_symmetric_and_one_of_equals_alone(a, b):
    one, other = states(a), states(b)
    found = np.asarray(agreements(one, other))
    np.testing.assert_allclose(found, np.asarray(agreements(other, one)).T, atol=1e-5)
    assert found.min() >= 0
    assert found.max() <= 1 + 1e-5
    own = np.asarray(agreements(one, one))
    np.testing.assert_allclose(np.diag(own), 1, atol=1e-5)
    assert (own - 2 * np.eye(MOMENTS)).max() < 0.999
    order = np.random.default_rng(a).permutation(POINTS)
    mixed = jax.tree.map(lambda x: x[:, order], other)
    away = mixed.replace(position=np.where(mixed.alive[..., None], mixed.position, 7.0))
    np.testing.assert_allclose(np.asarray(agreements(one, away)), found, atol=1e-5)


@pytest.mark.parametrize("name", ["position", "velocity", "feature"])
def test_each_part_of_a_state_counts_by_its_scale(name):
    state = states(0)
    moved = state.replace(**{name: getattr(state, name) + 0.1})
    near = np.diag(agreements(state, moved, MatchConfig(position=9, velocity=9, color=9)))
    scale = {"feature": "color"}.get(name, name)
    kept = {"position": 9.0, "velocity": 9.0, "color": 9.0} | {scale: 0.02}
    far = np.diag(agreements(state, moved, MatchConfig(**kept)))
    assert near.min() > 0.8
    assert far.max() < 0.5


# ---------------------------------------------------------------- clips


def film() -> np.ndarray:
    """Something that swings before a ground that stands: no two frames within 3 s are alike."""
    rng = np.random.default_rng(3)
    ground = rng.integers(60, 120, (9, 12, 3)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
    patch = rng.integers(140, 250, (4, 4, 3)).repeat(6, 0).repeat(6, 1).astype(np.uint8)
    frames = []
    for k in range(FRAMES):
        picture = ground.copy()
        x, y = 8 + round(60 * k / FRAMES), 24 + round(18 * np.sin(k / 3))
        picture[y : y + 24, x : x + 24] = patch[: 72 - y]
        frames.append(picture)
    return np.stack(frames)


def written(path, frames):
    write_video(path, frames, rate=RATE, overwrite=True)
    return path


@pytest.mark.parametrize(("begin", "stop"), [(12, 24), (10, 19), (16, 28)])
def test_a_clip_cut_in_two_that_overlap_is_put_together_at_the_very_frame(begin, stop, tmp_path):
    frames = film()
    one = written(tmp_path / "one.mp4", frames[:stop])
    other = written(tmp_path / "other.mp4", frames[begin:])
    found = match_cut(one, other, seconds=1.0)
    assert found.last - found.first == begin
    out = tmp_path / "out.mp4"
    done = splice([one, other], out, match=1.0)
    assert done.frames == FRAMES
    assert f"frame {found.last}" in done.told[0]
    with open_video(out) as video:
        shown = np.stack([frame for _, frame in video]).astype(float)
    apart = np.abs(shown[:, None] - frames[None]).mean((2, 3, 4))
    assert apart.argmin(1).tolist() == [*range(FRAMES)]


def test_size_does_not_count_and_too_short_a_clip_is_a_sentence(tmp_path):
    frames = film()
    one = written(tmp_path / "one.mp4", frames[:24])
    other = written(tmp_path / "other.mp4", frames[12:].repeat(2, 1).repeat(2, 2))
    found = match_cut(one, other, seconds=1.0)
    assert abs(found.last - found.first - 12) <= 1
    with pytest.raises(InputError, match="4 or more"):
        match_cut(one, written(tmp_path / "short.mp4", frames[:3]))


def test_the_command_tells_what_it_chose(tmp_path, capsys):
    frames = film()
    one = written(tmp_path / "one.mp4", frames[:24])
    other = written(tmp_path / "other.mp4", frames[12:])
    out = tmp_path / "out.mp4"
    words = ["splice", str(one), str(other), "--match", "1", "-o", str(out)]
    assert cli.main([*words, "--progress", "none"]) == 0
    said = capsys.readouterr().out
    assert f"{one} ends at" in said
    assert "agreement" in said
