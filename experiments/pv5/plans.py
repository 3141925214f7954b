"""What PV-5's rows are of: models, and what each task trains and tests on.

A model is any of `vidparticles.models.build` that keeps to its `Model`; for t4 it needs
`surprise(params, batch)` [B, T] beside, and to be told by `predicts` that it has one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from vidparticles import models
from vidparticles.data.pv5 import permanence
from vidparticles.tracking.objects.tracker import Objects

# Per squared error of a pixel in 0 … 1, beside a cross-entropy.
NEXT = {"prediction_weight": 30.0}
# Name in the table → name in `models` and options. With `_next` behind it: with the auxiliary
# loss of predicting the next frame.
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    name + suffix: (name, options)
    for name in ("tsn", "slowfast", "vivit", "lru", "gru")
    for suffix, options in (("", {}), ("_next", NEXT))
} | {
    "particle": ("object_particles", {}),
    # What its parts are worth.
    "particle_no_dynamics": ("object_particles", {"objects": {"prior": "look"}}),
    "particle_no_velocity": ("object_particles", {"objects": {"prior": "rest"}}),
    "particle_no_competition": ("object_particles", {"objects": {"compete": False}}),
    "particle_no_reconstruction": ("object_particles", {"prediction_weight": 0.0}),
    # Nobody dies in a grid.
    "particle_memory_on_grid": (
        "object_particles",
        {"objects": {"prior": "grid", "count": 36, "patience": 1_000_000}},
    ),
}
ABLATED = ("t2", "t2n2", "t3")


@dataclasses.dataclass(frozen=True)
class Plan:
    """A task as it is trained and tested.

    Attributes:
        task: of `pv5.TASKS`.
        classes: size of the logits.
        stages: the curriculum, options of the task's `batch`; a list of values of an option is
            one to draw from at each step.
        tests: setting → options.
        options: of all stages and tests.
        things: of `tracking.objects.tracker.Objects`, for the particle model: what it starts
            from, as the tracker without learning is told it.
    """

    task: str
    classes: int
    stages: tuple[dict[str, Any], ...] = ({},)
    tests: Mapping[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    things: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def _swaps(*counts: int) -> dict[str, dict[str, Any]]:
    return {f"n{n}": {"swaps": n} for n in counts}


UP_TO_4 = ({"swaps": (0, 1)}, {"swaps": (0, 2)}, {"swaps": (0, 4)})
# Idle frames in training up to the longest test but one: 170 frames as with 16 swaps.
PADDED = tuple({**stage, "idle": [0, 40, 120]} for stage in UP_TO_4)
LENGTHS = {f"t{t}": {"frames": t} for t in (64, 128, 256, 512)}
PLANS: dict[str, Plan] = {
    "t1": Plan(
        "first_hit",
        4,
        ({"frames": 64},),
        # In the last, the clip of 64 frames with nothing but waiting put in.
        {**{k: LENGTHS[k] for k in ("t64", "t256", "t512")}, "t64idle448": {"idle": 448}},
        things={"radius": 0.085},
    ),
    "t1order": Plan(
        "first_hit", 24, ({"frames": 64},), {"t64": {}}, {"ask": "order"}, {"radius": 0.085}
    ),
    "t2": Plan("shell_game", 4, UP_TO_4, _swaps(1, 2, 4, 8, 16, 64)),
    "t2n2": Plan("shell_game", 4, UP_TO_4[:2], _swaps(1, 2, 4, 8, 16, 64)),
    "t2pad": Plan("shell_game", 4, PADDED, _swaps(1, 2, 4, 8, 16)),
    "t2cups": Plan("shell_game", 5, UP_TO_4, _swaps(1, 2, 4, 8), {"cups": 5}, {"count": 7}),
    "t2stride": Plan("shell_game", 4, UP_TO_4, _swaps(1, 2, 4, 8), {"stride": 2}),
    "t2occlude": Plan(
        "shell_game",
        4,
        UP_TO_4,
        _swaps(1, 2, 4, 8),
        {"occlude": True},
        {"radius": 0.12, "scene": (32, 32), "still": True},
    ),
    # Lags of 8, 16, 32 and 48 frames after the last flash's slot.
    "t3": Plan(
        "flash_recall",
        8,
        tuple({"frames": 16 + n} for n in (8, 16, 32, 48)),
        LENGTHS,
        things={"radius": 0.09},
    ),
    "t4": Plan(
        "permanence",
        2,
        tests={k: {"kind": k} for k in permanence.KINDS},
        things={
            "radius": 0.09,
            "stride": 1,
            "scene": (32, 32),
            "still": True,
            "walls": True,
            "hard": True,
        },
    ),
    "t5": Plan("texture_flow", 4, tests={"t24": {}}),
}


@dataclasses.dataclass(frozen=True)
class Limits:
    """How much a row may cost.

    Attributes:
        steps: of each training, at most.
        minutes: of CPU time of each training, at most; the schedule ends with whichever is first.
        batch: clips a step.
        val: clips by which a learning rate is chosen.
        test: clips a setting; of t4, a tenth for each kind.
        settings: of each task, at most.
        rates: learning rates that are tried.
    """

    steps: int = 1_500
    minutes: float = 15.0
    batch: int = 16
    val: int = 256
    test: int = 2_000
    settings: int = 10
    rates: tuple[float, ...] = (5e-4, 2e-3)

    def of(self, plan: Plan) -> list[tuple[str, dict[str, Any]]]:
        """The settings of a plan that are tested, and their options."""
        return list(plan.tests.items())[: self.settings]


SMOKE = Limits(steps=3, minutes=1.0, batch=2, val=4, test=20, settings=2, rates=(2e-3,))


def make(name: str, plan: Plan) -> Any:
    """The model of a row."""
    base, options = MODELS[name]
    if base == "object_particles":
        options = {
            **options,
            "objects": Objects(**{**plan.things, **options.get("objects", {})}),
        }
    return models.build(base, num_classes=plan.classes, **options)
