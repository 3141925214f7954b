"""Objects over a running background: found where a texture moves, the same streamed."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from tests.tracking.discs.disc_clips import SIDE, draw, line
from vidparticles.tracking.background import BackgroundConfig
from vidparticles.tracking.base import scan
from vidparticles.tracking.discs.tracker import DiscConfig, disc_tracker, init

CONFIG = DiscConfig(
    count=3, widths=(4,), appearance=2, features=3, memory=4, radius=0.15,
    # One level is enough where the camera rests, and a third of the compiling.
    running_background=True, background=BackgroundConfig(levels=1, rounds=1),
)  # fmt: skip
TRACKER, PARAMS = disc_tracker(CONFIG, chunk=4), init(jax.random.key(0), CONFIG)
FRAMES, RATE, CUT = 8, 25, 5
TIMES = np.arange(FRAMES, dtype=np.float32) / RATE
PATH = line((0.25, 0.35), (1.5, 0.5), TIMES)


def over_texture():
    """A disc that crosses a texture."""
    rng = np.random.default_rng(0)
    texture = np.kron(rng.integers(20, 120, (17, 17, 3)), np.ones((2, 2, 1)))[:SIDE, :SIDE]
    disc = draw(PATH, colors=[(250, 250, 250)])
    return np.where(disc > 125, disc, texture).astype(np.uint8)


# A clip, one with another shot, told, and the same, not told.
WHOLE = over_texture()
SHOTS = np.concatenate([WHOLE[:CUT], 255 - WHOLE[CUT:]])
CLIPS = np.stack([WHOLE, SHOTS, SHOTS])
CUTS = np.zeros((3, FRAMES), bool)
CUTS[1, CUT] = True
SECONDS = np.tile(TIMES, (3, 1))


@functools.cache
def tracks():
    return jax.device_get(jax.jit(lambda *x: scan(TRACKER, PARAMS, *x))(CLIPS, SECONDS, CUTS))


def test_what_moves_over_a_texture_is_found():
    p = tracks().trajectory.particles
    assert not p.alive[0, 0].any()  # in one frame nothing moves
    off = np.linalg.norm(p.position[0] - PATH[:, None], axis=-1)
    off = np.where(p.alive[0], off, np.inf)
    # What lay under it at first is not known before it has left.
    assert off[3:].min(axis=-1).max() < CONFIG.radius
    assert off[-2:].min(axis=-1).max() < 0.05


def test_streaming_equals_scan():
    step = jax.jit(
        lambda state, frame, time, cut: TRACKER.step_fn(PARAMS, state, frame, time, cut=cut)
    )
    state, told = TRACKER.init_fn(PARAMS, CLIPS[:, 0], SECONDS[:, 0]), []
    for t in range(FRAMES):
        state, report = step(state, CLIPS[:, t], SECONDS[:, t], CUTS[:, t])
        told.append((state.particles, state.identity, report))
    told = jax.tree.map(lambda *x: jnp.stack(x, 1), *told)
    expected = (tracks().trajectory.particles, tracks().identity, tracks().report)
    for a, b in ((told, expected), (state, tracks().state)):
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=2e-5, rtol=1e-4), a, b)


def test_at_a_cut_the_background_and_what_lay_over_it_end():
    alive = tracks().trajectory.particles.alive
    assert alive[1, CUT - 1].any()
    assert not alive[1, CUT].any()
    assert tracks().report.reconstruction_error[1, CUT] < 1e-6
    assert alive[2, CUT].any()
