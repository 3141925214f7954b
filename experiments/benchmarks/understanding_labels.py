"""What `understand` calls what it sees, on clips that were labelled before it was run on them.

    python -m experiments.benchmarks.understanding_labels [--smoke] [--json FILE]

Tables of clips: tests/data/understanding. A clip's label is the one that is told for longest; a
clip of which none is told is unsure. `tags_first`: of the thirteen clips that were tried when the
networks were chosen, those whose action is told right (to reach: 7); `tags_sure_wrong`: those of
them whose likeliest action is wrong with a confidence of .8 or more (at most 1).
`untouched_{right,unsure,wrong}`: the same three of twenty other clips, and `untouched_things_…` of
what is in the picture. `confidence_right` is how often an action that is told is right, on both,
with its 95 % interval (Wilson). Needs `vidparticles weights get i3d efficientnet-lite0`.
"""

from __future__ import annotations

import collections
import pathlib
import tempfile
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from experiments.benchmarks import harness
from experiments.benchmarks.understanding_clips import Labelled, as_file, table
from vidparticles.inference.understanding.labels import LabelConfig
from vidparticles.inference.understanding.networks import networks
from vidparticles.inference.understanding.report import Report
from vidparticles.inference.understanding.told import UNSURE, Told
from vidparticles.inference.understanding.understand import understand


def longest(told: Sequence[Told]) -> str | None:
    """The label that is told for longest; None where none is."""
    spans: collections.Counter[str] = collections.Counter()
    for one in told:
        if one.label != UNSURE:
            spans[one.label] += one.end - one.start
    return spans.most_common(1)[0][0] if spans else None


def likeliest(report: Report) -> tuple[str, float]:
    """The action that most of the clip most likely shows, and how sure that is."""
    most = max(report.actions, key=lambda t: (t.confidence, t.end - t.start))
    return (most.label if most.label != UNSURE else most.likeliest[0][0]), most.confidence


def verdict(label: str | None, right: bool) -> str:
    return "unsure" if label is None else "right" if right else "wrong"


def wilson(right: int, count: int) -> tuple[float, float]:
    """95 % interval of a share."""
    if not count:
        return 0.0, 1.0
    z, share = 1.96, right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * np.sqrt(share * (1 - share) / count + z * z / (4 * count**2)) / (1 + z * z / count)
    return float(middle - half), float(middle + half)


def main() -> None:
    args = harness.parser(__doc__.splitlines()[0]).parse_args()
    found = networks()
    if found.missing:
        raise SystemExit(found.missing[0])
    rows: list[list[str]] = []
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    sure: list[bool] = []  # of each named action, whether it is right
    confident_wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("thirteen", "untouched"):
            clips: list[Labelled] = table(name)
            for one in tqdm(clips[:2] if args.smoke else clips, unit="clip"):
                clip = as_file(one, pathlib.Path(scratch))
                report = understand(clip, objects=False, networks_here=found)
                action, thing = longest(report.actions), longest(report.tags)
                first, confidence = likeliest(report)
                doing = verdict(action, action in one.actions)
                seeing = verdict(thing, thing is not None and one.names(thing))
                counts[name][doing] += 1
                counts[f"{name}_things"][seeing] += 1
                confident_wrong += (
                    name == "thirteen" and confidence >= 0.8 and first not in one.actions
                )
                if action is not None:
                    sure.append(action in one.actions)
                part = "" if one.start is None else f" {one.start:g}–{one.end:g} s"
                rows.append(
                    [
                        f"{one.file}{part}",
                        action or f"({first}?)",
                        f"{confidence:.2f}",
                        doing,
                        thing or "",
                        seeing if thing else "",
                    ]
                )
    header = ["clip", "action", "confidence", "", "in the picture", ""]
    harness.print_table(header, rows)
    low, high = wilson(sum(sure), len(sure))
    figures = {
        "tags_first": counts["thirteen"]["right"],
        "tags_sure_wrong": int(confident_wrong),
        **{
            f"{name}_{kind}": counts[name][kind]
            for name in ("thirteen", "thirteen_things", "untouched", "untouched_things")
            for kind in ("right", "unsure", "wrong")
        },
        "confidence_right": sum(sure) / max(1, len(sure)),
        "confidence_low": low,
        "confidence_high": high,
    }
    harness.finish(
        args,
        figures,
        packages=("av", "flax"),
        least=LabelConfig().action.least,
        table={"header": header, "rows": rows},
    )


if __name__ == "__main__":
    main()
