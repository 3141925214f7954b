"""PV-5's script: rows are run once, scored as said, and taken up where a run stopped."""

from __future__ import annotations

import json
import pathlib
import sys

import numpy as np
import pytest

from experiments.pv5 import __main__ as pv5
from experiments.pv5 import cost as pv5_cost
from experiments.pv5 import plans as pv5_plans
from experiments.pv5 import rows as pv5_rows
from experiments.pv5 import scores as pv5_scores
from vidparticles.data.pv5 import TASKS, Source, permanence

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _main(monkeypatch: pytest.MonkeyPatch, folder: pathlib.Path, *words: str) -> None:
    arguments = ["pv5", "--smoke", "--no-cost", "--workdir", str(folder), *words]
    monkeypatch.setattr(sys, "argv", arguments)
    pv5.main()


def test_a_row_is_trained_tested_and_not_run_again(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = ("--models", "gru,shortcut")
    _main(monkeypatch, tmp_path, *models, "--json", str(tmp_path / "a.json"))
    figures = json.loads((tmp_path / "a.json").read_text())["figures"]
    assert {f"t2_{m}_n{n}" for m in ("gru", "shortcut") for n in (1, 2)} == set(figures)
    assert all(0 <= value <= 1 for value in figures.values())

    # A run that stopped while it wrote: the row that was cut off is run again, the other is kept.
    rows = tmp_path / "smoke.jsonl"
    kept, cut = (line for line in rows.read_text().splitlines() if line)
    assert json.loads(kept)["model"] == "gru"
    rows.write_text(f"\n{kept}\n\n{cut[:30]}")
    with monkeypatch.context() as patch:
        patch.setattr(pv5, "learned", lambda *_: pytest.fail("a finished row was run again"))
        _main(patch, tmp_path, *models, "--json", str(tmp_path / "b.json"))
    assert json.loads((tmp_path / "b.json").read_text())["figures"] == figures

    # One that stopped in its test is tested again, and not trained again.
    rows.write_text("")
    before = (tmp_path / "smoke_t2_gru_0" / "metrics.jsonl").read_bytes()
    _main(monkeypatch, tmp_path, *models, "--json", str(tmp_path / "c.json"))
    again = json.loads((tmp_path / "c.json").read_text())
    assert again["figures"] == figures
    assert {"steps", "rate", "val", "loss"} <= set(again["trained"][0])
    assert (tmp_path / "smoke_t2_gru_0" / "metrics.jsonl").read_bytes() == before


def test_an_unknown_name_is_a_sentence(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match=r"--models names 'lrru'\. Did you mean 'lru'"):
        _main(monkeypatch, tmp_path, "--models", "lrru")
    with pytest.raises(SystemExit, match=r"--tasks names 't9'"):
        _main(monkeypatch, tmp_path, "--tasks", "t9")


def test_scores_of_permanence() -> None:
    limits = pv5_plans.Limits(test=40, settings=1)
    source = Source("permanence", split="test", kind=permanence.KINDS[0])
    label = source.batch(0, 4)["label"]
    perfect = pv5_scores.permanence_figures(lambda frames: label + 0.0, limits)
    assert {k: v for k, v in perfect.items() if not k.endswith("_held")} == {
        "teleport": 1.0,
        "mean": 1.0,
        "delay": 0.0,
    }
    # Held, what is noticed only when it happens is noticed for as long as it is positive, nearly.
    begins = np.diff(label, axis=1, prepend=0) > 0
    once = pv5_scores.permanence_figures(lambda frames: begins + 0.0, limits)
    assert once["teleport"] < 0.6
    assert once["teleport_held"] > 0.95
    assert once["delay_held"] == 0.0
    late = np.roll(label, 2, axis=1)
    assert pv5_scores.permanence_figures(lambda frames: label * late, limits)["delay"] == 2.0
    blind = pv5_scores.permanence_figures(lambda frames: np.zeros(label.shape), limits)
    assert blind["mean"] == 0.5
    assert blind["delay"] > 20


def test_an_identity_swap_is_seen() -> None:
    t = np.linspace(0, 1, 9)[:, None]
    truth = np.stack([np.concatenate([t, 0 * t], 1), np.concatenate([1 - t, 0 * t + 0.2], 1)], 1)
    follows = truth + 0.01
    bounces = np.where(t[:, :, None] < 0.5, truth, truth[:, ::-1])
    paths, truths = np.stack([follows, bounces]), np.stack([truth, truth])
    alive, identity = np.ones((2, 9, 2), bool), np.tile([4, 7], (2, 9, 1))

    def swaps() -> list[bool]:
        told = {"alive": alive, "identity": identity, "radius": 0.1}
        return pv5_scores.identity_swaps(paths, truths, **told).tolist()

    assert swaps() == [False, True]
    # One that is found late is not another, and one that dies and is born anew is.
    alive[0, :2, 1] = False
    assert swaps() == [False, True]
    identity[0, 5:, 1] = 8
    assert swaps() == [True, True]


def test_every_task_has_a_plan_and_rows_that_make_sense() -> None:
    assert {plan.task for plan in pv5_plans.PLANS.values()} == set(TASKS)
    assert not pv5_rows.exists("lru", "t4")
    assert pv5_rows.exists("lru_next", "t4")
    assert pv5_rows.exists("object_particles", "t4")
    assert not pv5_rows.exists("object_particles_no_velocity", "t1")
    assert not pv5_rows.exists("tracker", "t5")


def test_slopes_and_streams_are_measured() -> None:
    figures = pv5_cost.curves("gru_next", (4, 8))
    assert figures["state_bytes"] == 4 * 128
    assert figures["stream_fps"] == pytest.approx(1 / figures["latency"])
    assert figures["flops_frame"] > 1e5
    assert pv5_cost._slope((1, 10, 100), (3.0, 30.0, 300.0)) == pytest.approx(1)


def test_tables_stand_side_by_side() -> None:
    def row(model: str, seed: int, **figures: float) -> dict:
        return {"task": "t3", "model": model, "seed": seed, "figures": figures}

    rows = [
        row("object_particles", 0, t64=0.9, t64_errors_swapped=0.5),
        row("object_particles", 1, t64=1.0),
    ]
    figures, table = pv5.summary([*rows, row("tracker", 0, t64=0.8)])
    assert table["header"] == ["task", "setting", "tracker", "particle"]
    # Student's t of two values is 12.7, their standard error 0.05.
    assert table["rows"][0] == ["t3", "t64", "80.0", "95.0 ± 63.5"]
    assert table["rows"][1] == ["t3", "t64_errors_swapped", "", "50.0"]
    assert figures["t3_particle_t64"] == pytest.approx(0.95)
