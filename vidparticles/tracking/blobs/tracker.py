"""Round spots of a known size, located in each frame and linked to paths."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
from jax import Array

from vidparticles.particles import Particles
from vidparticles.tracking.base import Tracker, one_by_one
from vidparticles.tracking.blobs.link import LinkConfig, LinkState, link, no_links
from vidparticles.tracking.blobs.locate import LocateConfig, locate


@dataclasses.dataclass(frozen=True)
class BlobConfig:
    """What is followed, and how.

    Attributes:
        spots: what a spot is, and how many there may be.
        paths: when the spot of a frame is that of a particle.
    """

    spots: LocateConfig
    paths: LinkConfig


def blob_tracker(config: BlobConfig) -> Tracker:
    """Round spots, followed without learning.

    Args:
        config: what is followed, and how.

    Returns:
        A tracker that takes `params=()`. Its states are `LinkState`: a particle that finds no spot
        keeps its slot and number, inactive and where it is expected, as long as `paths.memory`
        says. Features are as `locate` gives them; a report is the spots of the frame, in the order
        of their brightness.

    Example:
        >>> import jax.numpy as jnp
        >>> from vidparticles.tracking.base import scan
        >>> y, x = jnp.mgrid[:24, :24] + 0.5
        >>> clip = jnp.stack([jnp.exp(-((x - 9 - t) ** 2 + (y - 12) ** 2) / 6) for t in range(3)])
        >>> config = BlobConfig(LocateConfig(diameter=7, count=2), LinkConfig(reach=0.1))
        >>> frames = clip[..., None].repeat(3, -1)
        >>> found = scan(blob_tracker(config), (), frames, jnp.arange(3) / 2)
        >>> [round(24 * float(x), 2) for x in found.trajectory.particles.position[:, 0, 0]]
        [9.0, 10.0, 11.0]
    """

    def init_fn(params: Any, frame: Array, time: Array) -> LinkState:
        del params
        return no_links(jax.eval_shape(lambda x: locate(x, config.spots), frame), time)

    def step_fn(
        params: Any, state: LinkState, frame: Array, time: Array, cut: Array
    ) -> tuple[LinkState, Particles]:
        del params
        spots = locate(frame, config.spots)
        return link(state, spots, time, config.paths, cut=cut), spots

    return one_by_one(init_fn, step_fn)
