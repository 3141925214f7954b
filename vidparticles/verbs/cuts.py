"""`vidparticles cuts`: where its shots begin and end."""

from __future__ import annotations

import argparse

from vidparticles.verbs.base import CLIP, JSON, Result, Verb


def _cuts(args: argparse.Namespace) -> Result:
    from vidparticles.inference.cuts import cuts
    from vidparticles.viz.text import list_shots

    found = cuts(args.clip)
    return Result(list_shots(found), found, found.warnings)


VERB = Verb("list the shots of a clip: cuts, dissolves, fades", [CLIP, JSON], _cuts)
