"""What `anomaly` found, laid out for a terminal."""

from __future__ import annotations

import itertools

import numpy as np

from vidparticles.inference.anomalies import Anomalies
from vidparticles.viz.text import WIDTH, bar, clock

_LEVELS = "▁▂▃▄▅▆▇█"


def list_anomalies(found: Anomalies) -> str:
    """How novel the clip is over its time, and the alarms, one a line.

    Args:
        found: what `anomaly` gave.

    Returns:
        Lines, without the last line's end.
    """
    count = len(found.alarms)
    told = f"{count} alarm{'s' * (count > 1)}" if count else "nothing that was not to be expected"
    lines = [f"{found.path}  {clock(found.seconds)}, against {found.against}: {told}"]
    if any(value is not None for value in found.novelty):
        lines += ["", f"  novelty  {curve(found)}"]
    for alarm in found.alarms:
        drawn = bar(alarm.start / found.seconds, alarm.end / found.seconds)
        span = f"{clock(alarm.start):>7} – {clock(alarm.end):7}"
        lines.append(f"           {drawn}  {span}  {alarm.because}, {alarm.novelty:.0f} nats")
    return "\n".join(lines)


def curve(found: Anomalies, *, width: int = WIDTH) -> str:
    """Novelty over time, the highest of each part; full at the threshold, "·" where unknown."""
    values = np.array([np.nan if x is None else x for x in found.novelty], float)
    edges = np.linspace(0, found.seconds, width + 1)
    drawn = ""
    for begin, end in itertools.pairwise(edges):
        here = values[
            (np.asarray(found.starts) < end - 1e-9) & (np.asarray(found.ends) > begin + 1e-9)
        ]
        known = here[np.isfinite(here)]
        share = min(1.0, float(known.max()) / found.threshold) if len(known) else None
        drawn += "·" if share is None else _LEVELS[int(share * (len(_LEVELS) - 1))]
    return drawn
