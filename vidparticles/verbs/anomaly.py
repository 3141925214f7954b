"""`vidparticles anomaly`: when a clip shows what was not to be expected."""

from __future__ import annotations

import argparse

from vidparticles.parsing import Option
from vidparticles.verbs.base import CLIP, JSON, Result, Verb


def _run(args: argparse.Namespace) -> Result:
    from vidparticles.inference.anomalies import anomaly
    from vidparticles.viz.anomalies import list_anomalies

    found = anomaly(args.clip, normal=args.normal, index=args.index)
    status = 1 if found.broken else 0
    return Result(list_anomalies(found), found, (*found.warnings, *found.broken), status=status)


VERB = Verb(
    "tell when a clip shows what was not to be expected, and why",
    [
        CLIP,
        Option(
            "--normal",
            metavar="DIR",
            help="a folder of clips in which all is as it should be (default: what came before)",
        ),
        Option("--index", metavar="PATH", help="folder to keep what is known of clips in"),
        JSON,
    ],
    _run,
)
