"""What PV-5's rows are of: models, and what each task trains and tests on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from vidparticles import models
from vidparticles.data.pv5 import permanence

# Per squared error of a pixel in 0 … 1, beside a cross-entropy.
NEXT = {"prediction_weight": 30.0}
# Name in the table → name in `models` and options. With `_next` behind it: with the auxiliary
# loss of predicting the next frame.
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    name + suffix: (name, options)
    for name in ("tsn", "slowfast", "vivit", "lru", "gru", "conv_gru", "slots")
    for suffix, options in (("", {}), ("_next", NEXT))
} | {
    "object_particles": ("object_particles", {}),
    # What its parts are worth, see `ablations`.
    "object_particles_no_dynamics": ("object_particles", {"ablation": "no_dynamics"}),
    "object_particles_no_velocity": ("object_particles", {"ablation": "no_velocity"}),
    "object_particles_no_competition": ("object_particles", {"ablation": "no_competition"}),
    "object_particles_no_reconstruction": ("object_particles", {"prediction_weight": 0.0}),
    # Nothing is given up in a grid.
    "object_particles_memory_on_grid": (
        "object_particles",
        {"ablation": "memory_on_grid", "objects": {"count": 36, "patience": 1e6}},
    ),
}
ABLATED = ("t2", "t2n2", "t3")


def figure_name(model: str) -> str:
    """What figures call a model: they keep the names that results were published under.

    Example:
        >>> figure_name("object_particles_no_velocity"), figure_name("lru_next")
        ('particle_no_velocity', 'lru_next')
    """
    return model.replace("object_particles", "particle")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """A task as it is trained and tested.

    Attributes:
        task: of `pv5.TASKS`.
        steps: updates of the object particles and their ablations.
        baseline_steps: updates of the others, which take less time.
        options: of the task's `batch`, in training and tests.
        stages: option → its value in each stage, equal parts of the steps.
        draw: option → values of which each training batch has one.
        tests: setting → options.
        objects: of `DiscConfig`, for the object particles: what they start from, as the
            tracker without learning is told it.
    """

    task: str
    steps: int
    baseline_steps: int
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    stages: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict)
    draw: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict)
    tests: Mapping[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    objects: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def _swaps(*counts: int) -> dict[str, dict[str, Any]]:
    return {f"n{n}": {"swaps": n} for n in counts}


UP_TO_2 = {"swaps": ((0, 1), (0, 2))}
UP_TO_4 = {"swaps": ((0, 1), (0, 2), (0, 4))}
LENGTHS = {f"t{t}": {"frames": t} for t in (64, 128, 256, 512)}
# Steps are those that rows took in 3 to 12 minutes of a CPU, when the clock ended them.
PLANS: dict[str, Plan] = {
    "t1": Plan(
        task="first_hit",
        steps=600,
        baseline_steps=360,
        stages={"frames": (64,)},
        # In the last, the clip of 64 frames with nothing but waiting put in.
        tests={**{k: LENGTHS[k] for k in ("t64", "t256", "t512")}, "t64idle448": {"idle": 448}},
        objects={"radius": 0.085},
    ),
    "t1order": Plan(
        task="first_hit",
        steps=600,
        baseline_steps=360,
        options={"ask": "order"},
        stages={"frames": (64,)},
        tests={"t64": {}},
        objects={"radius": 0.085},
    ),
    "t2": Plan(
        task="shell_game",
        steps=480,
        baseline_steps=1500,
        stages=UP_TO_4,
        tests=_swaps(1, 2, 4, 8, 16, 64),
    ),
    "t2n2": Plan(
        task="shell_game",
        steps=300,
        baseline_steps=4000,
        stages=UP_TO_2,
        tests=_swaps(1, 2, 4, 8, 16, 64),
    ),
    "t2pad": Plan(
        task="shell_game",
        steps=480,
        baseline_steps=1500,
        stages=UP_TO_4,
        # Idle frames in training up to the longest test but one: 170 frames as with 16 swaps.
        draw={"idle": (0, 40, 120)},
        tests=_swaps(1, 2, 4, 8, 16),
    ),
    "t2cups": Plan(
        task="shell_game",
        steps=250,
        baseline_steps=1500,
        options={"cups": 5},
        stages=UP_TO_4,
        tests=_swaps(1, 2, 4, 8),
        objects={"count": 7},
    ),
    "t2stride": Plan(
        task="shell_game",
        steps=300,
        baseline_steps=1500,
        options={"stride": 2},
        stages=UP_TO_4,
        tests=_swaps(1, 2, 4, 8),
    ),
    "t2occlude": Plan(
        task="shell_game",
        steps=110,
        baseline_steps=1500,
        options={"occlude": True},
        stages=UP_TO_4,
        tests=_swaps(1, 2, 4, 8),
        objects={"radius": 0.12, "scene": (32, 32), "estimate_scene": True},
    ),
    "t3": Plan(
        task="flash_recall",
        steps=400,
        baseline_steps=1400,
        # Lags of 8, 16, 32 and 48 frames after the last flash's slot.
        stages={"frames": tuple(16 + n for n in (8, 16, 32, 48))},
        tests=LENGTHS,
        objects={"radius": 0.09},
    ),
    "t4": Plan(
        task="permanence",
        steps=20,
        baseline_steps=150,
        tests={k: {"kind": k} for k in permanence.KINDS},
        objects={
            "radius": 0.09,
            "stride": 1,
            "scene": (32, 32),
            "estimate_scene": True,
            "walls": True,
            "rigid_discs": True,
        },
    ),
    "t5": Plan(task="texture_flow", steps=210, baseline_steps=600, tests={"t24": {}}),
}
# Learning rates: of 5e-4 and 2e-3 the one that was better on validation clips with seed 0;
# rows that were not run with both have the second.
RATE, SLOW_RATE = 2e-3, 5e-4
SLOW = {
    *(("t1", name) for name in ("vivit", "gru")),
    *(("t3", name) for name in ("vivit", "lru")),
    *(("t5", name) for name in ("slowfast", "tsn")),
    *(("t2", name) for name in ("vivit", "slots")),
    ("t2n2", "vivit"),
}


@dataclasses.dataclass(frozen=True)
class Limits:
    """How much the test of a row may cost, and for trials its training.

    Attributes:
        test: clips a setting; of t4, a tenth for each kind.
        settings: of each task, at most.
        steps: of each training, at most; None, as its config has it.
        batch: clips a step, and to validate on; None, as its config has it.
    """

    test: int = 2_000
    settings: int = 10
    steps: int | None = None
    batch: int | None = None

    def of(self, plan: Plan) -> list[tuple[str, dict[str, Any]]]:
        """The settings of a plan that are tested, and their options."""
        return list(plan.tests.items())[: self.settings]


SMOKE = Limits(test=20, settings=2, steps=3, batch=8)


def build(name: str, **options: Any) -> models.Model:
    """The model of a row, as `models.build`; with the option `ablation`, one of `ablations`."""
    if "ablation" not in options:
        return models.build(name, **options)
    from experiments.pv5 import ablations

    ablation = options.pop("ablation")
    whole = models.build(name, **options)
    parts = {f.name: getattr(whole, f.name) for f in dataclasses.fields(whole)}  # type: ignore[arg-type]
    return ablations.AblatedObjects(**parts, ablation=ablation)
