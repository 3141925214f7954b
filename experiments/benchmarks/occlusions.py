"""What dynamics are worth where somebody is out of sight: gaps of 5 to 60 frames, 24 a second.

    python -m experiments.benchmarks.occlusions [--smoke] [--json FILE]

Made clips, told as boxes (`occlusions_clips`): one thing hidden, the one behind at a crossing, one
of two that change places, two that collide behind a screen. One filter follows them all,
`tracking.objects` with the numbers for what `moving` finds; rows differ in how objects are expected
to move. `kept` is the share of clips in which everyone asked for has the number from before the gap
half a second after it; `away` is how far from the truth the hidden one is expected in the last
frame of the gap, in sizes, the median, a number that is gone counting as infinitely far.

Laws act between all that are followed (`occlusions_laws`); the spring, which draws to all others,
and the learned law act on who is hidden alone. The strengths of repulsion and of the spring are the
best of `STRENGTHS` on the clips of seed DEV; the learned law (`occlusions_learned`) is trained
through the tracker on clips of the seeds LEARNED, once for each set of test clips. All are tested
on clips of the seeds TEST, which nothing was chosen on: ± is the standard deviation over these. So
that the longest gap can be asked for, no row gives anybody up within it, but the first: it has all
numbers as they ship.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np

from experiments.benchmarks.harness import finish, parser, print_table
from experiments.benchmarks.occlusions_clips import AFTER, BEFORE, GAPS, KINDS, Clips, gap, make
from experiments.benchmarks.occlusions_laws import (
    CONFIG,
    SHIPPED,
    Law,
    followed,
    law,
    without,
)
from experiments.benchmarks.occlusions_learned import LearnedConfig, learned

DEV, LEARNED, TEST, CLIPS = 2, (11, 12, 13), (101, 102, 103), 24
STRENGTHS = {"repulsion": (0.01, 0.03, 0.1, 0.3), "spring": (1.0, 3.0, 10.0)}
NEAR = 0.6  # sizes, within which a number is somebody's
STEADY = {"held": 1e3, "contact": 1e3}  # goes on as it went, for good


def rows_of() -> dict[str, Law]:
    """Rows by name, but for the one whose strength is chosen."""
    return {
        "as it ships": law(patience=SHIPPED.patience, patience_most=SHIPPED.patience_most),
        "place only": law(held=-1.0, slowing=1e-6, contact=1e3),
        "constant velocity": law(**STEADY),
        "velocity dies down": law(contact=1e3),
        "and contact": law(),
        "and collision": law("collision"),
        "and bounce": law("bounce"),
        "constant velocity, bounce": law("bounce", **STEADY),
    }


def joined(many: list[Clips]) -> Clips:
    """All clips of several sets."""
    return jax.tree.map(lambda *x: np.concatenate(x), *many)


def number_of(numbers: np.ndarray, away: np.ndarray, unseen: np.ndarray, size: float) -> int:
    """The number in sight that is nearest to somebody, in the last frame that has one; or −1."""
    for number, far, out in zip(numbers[::-1], away[::-1], unseen[::-1], strict=True):
        far = np.where((number >= 0) & (out == 0), far, np.inf)
        if far.min() < NEAR * size:
            return int(number[far.argmin()])
    return -1


def judged(clips: Clips, length: int, told: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    """What became of each clip: `kept` and `exchanged` [C], `away` [C] of a hidden one."""
    numbers, position, unseen = told
    when, count = gap(length), len(clips.size)
    kept, exchanged, away = np.zeros(count, bool), np.zeros(count, bool), np.zeros(count)
    before, after = slice(when.start - 6, when.start), slice(when.stop, when.stop + AFTER)
    for c in range(count):
        off = np.linalg.norm(position[c, :, :, None] - clips.center[c, :, None], axis=-1)

        def had(thing: int, frames: slice, c: int = c, off: np.ndarray = off) -> int:
            told = numbers[c, frames], off[frames, :, thing], unseen[c, frames]
            return number_of(*told, clips.size[c, thing])

        things = np.flatnonzero(clips.size[c] > 0)
        first = {int(thing): had(thing, before) for thing in things}
        asked = [int(thing) for thing in np.flatnonzero(clips.asked[c])]
        last = {thing: had(thing, after) for thing in asked}
        kept[c] = all(last[thing] == first[thing] >= 0 for thing in asked)
        others = [{n for one, n in first.items() if one != thing and n >= 0} for thing in asked]
        exchanged[c] = any(last[thing] in other for thing, other in zip(asked, others, strict=True))
        hidden = int(np.flatnonzero(clips.covered[c])[0])
        slot = np.flatnonzero((numbers[c, when.stop - 1] == first[hidden]) & (first[hidden] >= 0))
        far = off[when.stop - 1, slot, hidden] / clips.size[c, hidden]
        away[c] = far[0] if len(far) else np.inf
    return {"kept": kept, "exchanged": exchanged, "away": away}


def run(sets: list[Clips], laws: list[Law], length: int) -> dict[str, np.ndarray]:
    """A row on sets of clips with a gap, a law for each set."""
    first, found = np.int32(gap(length).start - BEFORE), []
    for clips, acting in zip(sets, laws, strict=True):
        told = followed(without(clips, length), acting, first)
        found.append(judged(clips, length, jax.tree.map(np.asarray, told)))
    return {name: np.concatenate([one[name] for one in found]) for name in found[0]}


def median(x: np.ndarray) -> float:
    """The upper median, which may be infinite."""
    return float(np.sort(x)[len(x) // 2])


def main() -> None:
    options = parser(__doc__)
    args = options.parse_args()
    count, gaps = (2, GAPS[1:2]) if args.smoke else (CLIPS, GAPS)
    tests = TEST[:1] if args.smoke else TEST
    sets = {seed: joined([make(kind, seed, count) for kind in KINDS]) for seed in (DEV, *tests)}
    held_out = [sets[seed] for seed in tests]

    best = {}
    for kind, strengths in STRENGTHS.items():
        scores = {}
        for strength in strengths[-1:] if args.smoke else strengths:
            found = [run([sets[DEV]], [law(kind, strength=strength)], g) for g in gaps]
            scores[strength] = float(np.mean([one["kept"] for one in found]))
            print(f"{kind} {strength}: {scores[strength]:.3f} kept on seed {DEV}", flush=True)
        best[kind] = max(scores, key=lambda strength: scores[strength])
    rows = {name: [acting] * len(tests) for name, acting in rows_of().items()}
    for kind, strength in best.items():
        rows[f"and {kind}"] = [law(kind, strength=strength)] * len(tests)
    few = LearnedConfig(steps=2, clips=4) if args.smoke else LearnedConfig()
    rows["and learned law"], losses = [], {}
    for seed in LEARNED[: len(tests)]:
        network, curve = learned(seed, few)
        tenth = max(1, len(curve) // 10)
        losses[f"learned_loss_first_{seed}"] = float(np.mean(curve[:tenth]))
        losses[f"learned_loss_last_{seed}"] = float(np.mean(curve[-tenth:]))
        print(f"learned on {seed}: loss", *(f"{x:.3f}" for x in (curve[0], curve[-1])), flush=True)
        rows["and learned law"].append(law("learned", network=network))
    results = {}
    for name, laws in rows.items():
        results[name] = {g: run(held_out, laws, g) for g in gaps}
        print(name, *(f"{results[name][g]['kept'].mean():.3f}" for g in gaps), flush=True)

    figures, table = told_of(results, joined(held_out), count, gaps, len(tests))
    header = ["clips", "", *(f"kept, {g}" for g in gaps), *(f"away, {g}" for g in gaps)]
    print_table(header, table)
    figures |= losses | {f"{kind}_strength": strength for kind, strength in best.items()}
    seeds = {"chosen on": DEV, "learned on": LEARNED[: len(tests)], "test": tests}
    finish(
        args,
        figures,
        table={"header": header, "rows": table},
        seeds=seeds,
        config=dataclasses.asdict(CONFIG),
        clips=count,
    )


def told_of(
    results: dict[str, Any], every: Clips, count: int, gaps: tuple[int, ...], tests: int
) -> tuple[dict[str, float], list[list[str]]]:
    """Figures and a table: of each kind of clips, and of all."""
    figures: dict[str, float] = {}
    table = []
    shape = (tests, len(KINDS), count)
    alike = every.alike.reshape(shape)
    for row, kind in enumerate((*KINDS, "all")):
        some = slice(None) if kind == "all" else slice(row, row + 1)
        for name, found in results.items():
            shares, places = [], []
            for g in gaps:
                key = f"{kind}_{name.replace(', ', '_').replace(' ', '_')}_{g}"
                one = {what: x.reshape(shape)[:, some] for what, x in found[g].items()}
                each = one["kept"].reshape(tests, -1).mean(1)
                figures[f"kept_{key}"] = float(each.mean())
                figures[f"kept_std_{key}"] = float(each.std(ddof=1)) if tests > 1 else 0.0
                figures[f"kept_alike_{key}"] = float(one["kept"][alike[:, some]].mean())
                figures[f"exchanged_{key}"] = float(one["exchanged"].mean())
                figures[f"away_{key}"] = median(one["away"].ravel())
                shares.append(f"{100 * each.mean():.0f} ± {100 * figures[f'kept_std_{key}']:.0f}")
                places.append(f"{figures[f'away_{key}']:.1f}")
            table.append([kind, name, *shares, *places])
    # JSON knows no infinity: what is nowhere is in the table alone.
    return {key: value for key, value in figures.items() if np.isfinite(value)}, table


if __name__ == "__main__":
    main()
