"""Timelines to reels: what a timeline says, rendered in one pass."""

from vidparticles.editing.compose.keep import keep

__all__ = ["keep"]
