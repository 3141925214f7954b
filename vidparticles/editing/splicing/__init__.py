"""Clips one after another: reconciled, levelled, and how one goes over into the next."""

from vidparticles.editing.splicing.mixes import MIXES, Mix, mix_of

__all__ = ["MIXES", "Mix", "mix_of"]
