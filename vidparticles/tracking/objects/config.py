"""How things in boxes are followed: every number that is chosen."""

from __future__ import annotations

import dataclasses

from vidparticles.errors import InputError


@dataclasses.dataclass(frozen=True)
class ObjectConfig:
    """How things in boxes are followed.

    The numbers are those of a prototype, tuned on the six clips of tests/data/objects/tuned.csv.
    Lengths are in sizes, the longer side of a box, unless they are said to be in frame heights;
    times in seconds; costs are negative log-likelihoods, in nats.

    Attributes:
        count: N, slots for objects.
        kinds: C, how many kinds the detector tells.
        confused: kinds that the detector confuses with each other, in groups.
        classless: kinds that do not say what a thing is, as of what moves. Their boxes spawn no
            object within or over one that is there, and one that is told another kind for
        classless_share: this share of the time is of that kind.
        confirm_classless: boxes that an object of such a kind has had before it has a number,
        classless_moved: and how far it has gone against the camera, sizes.
        features: F, numbers of a box by which it is told apart; 0 for none.
        views: V, appearances that are kept of an object.
        high: score from which a box is taken at its word; those below only go on with what is
            there, if they agree with it in
        low_unlike: 1 − similarity of appearance,
        low_areas: and the logarithm of the ratio of areas, at most;
        low_crowd: and if no more of them, as a share of the smaller, lies in a box of someone else;
        least: score below which a box says nothing.
        overlap, contained, weaker: see `without_doubles`.
        drift: density of the noise of the velocity, sizes² / s³.
        jitter: density of the noise of the position, sizes² / s.
        growth: density of the noise of the logarithm of the sides, 1 / s.
        rough: standard deviation of a box's middle, sizes,
        blur: and frame heights beside.
        rough_sides: of the logarithm of its sides.
        weak: how many times rougher a box below `high` is.
        held: seconds out of sight until an object is no more expected to go on,
        slowing: but its velocity dies down with this time constant.
        contact: cost of a contact: the object is where it was, and its velocity another one.
        contact_reach: standard deviation of the place after a contact, sizes,
        contact_speed: and how far its velocity took it,
        contact_pace: and sizes per second beside.
        contact_kept: share of the apparent velocity that it has after a contact.
        came: standard deviation of from where a box is said to come, sizes, and
        contact_told: cost of a contact, where that is said.
        sides: deviation of the logarithm of the area that costs little.
        appearance: cost of an appearance that has nothing in common.
        other_kind: cost of another kind.
        young: cost of an object of which little is known,
        known: seconds of evidence until that halves.
        alone: cost of leaving an object without a box; a pair that costs more is none.
        alone_low: the same, among boxes below `high`.
        unlike: 1 − similarity of appearance that is out of the question, but for what is
        small: frame heights, and smaller than its appearance is worth.
        areas: the logarithm of the ratio of areas that is out of the question.
        active: seconds out of sight for which an object is looked for by its place.
        lost: seconds out of sight from which it is looked for by its appearance, within
        reach: frame heights, and
        reach_speed: frame heights per second out of sight, and
        reach_border: frame heights, where it left and returns over the border of the picture,
        border: frame heights that are the border.
        again: the least of 1 − similarity plus `again_distance` × distance, to be found again.
        again_distance: per frame height.
        again_area: the logarithm of the ratio of areas, at most.
        again_young: seconds since a new object was spawned, within which it may turn out to be a
            lost one, if the cost is below
        again_young_cost: this.
        spawn: score from which an object is spawned,
        spawn_overlap: unless the box covers an object so far, by intersection over union,
        spawn_contained: or lies so far within one of its kind, or holds it.
        confirm: boxes that an object has had before it has a number, one of them of
        sure: this score.
        unsure: seconds that one without a number may be out of sight.
        evidence_time: seconds, time constant of evidence, scores summed over time.
        patience: seconds that an object may be out of sight, at least,
        patience_known: and so many more for each second of evidence above
        patience_from: this,
        patience_most: at most.
        shown: seconds out of sight for which an object is still said to be there.
        new_view: similarity to all views below which an appearance is another view.
        view_rate: how far a view follows an appearance of one frame.
        view_score: score from which an appearance is kept,
        view_clear: if no other box covers it more, by intersection over union.
        tick: seconds that a box counts for as evidence, at most, and at the first frame.
        motion_rows: pixels, the rows of the picture that the camera's motion is found in; None,
            where the camera rests.

    Raises:
        InputError: there is no slot.
    """

    count: int = 48
    kinds: int = 80
    confused: tuple[tuple[int, ...], ...] = ()
    classless: tuple[int, ...] = ()
    classless_share: float = 0.2
    confirm_classless: int = 5
    classless_moved: float = 0.5
    features: int = 168
    views: int = 4
    high: float = 0.4
    low_unlike: float = 0.25
    low_areas: float = 0.7
    low_crowd: float = 0.5
    least: float = 0.15
    overlap: float = 0.6
    contained: float = 0.8
    weaker: float = 0.75
    drift: float = 43.0
    jitter: float = 0.027
    growth: float = 0.2
    rough: float = 0.05
    blur: float = 0.003
    rough_sides: float = 0.07
    weak: float = 1.6
    held: float = 0.1
    slowing: float = 0.46
    contact: float = 2.5
    contact_reach: float = 0.1
    contact_speed: float = 0.7
    contact_pace: float = 1.8
    contact_kept: float = 0.5
    came: float = 0.15
    contact_told: float = 0.5
    sides: float = 0.35
    appearance: float = 8.0
    other_kind: float = 2.0
    young: float = 1.0
    known: float = 0.13
    alone: float = 12.0
    alone_low: float = 7.0
    unlike: float = 0.35
    small: float = 0.09
    areas: float = 1.4
    active: float = 0.3
    lost: float = 0.07
    reach: float = 0.06
    reach_speed: float = 0.75
    reach_border: float = 0.4
    border: float = 0.07
    again: float = 0.4
    again_distance: float = 0.3
    again_area: float = 2.5
    again_young: float = 0.8
    again_young_cost: float = 0.33
    spawn: float = 0.45
    spawn_overlap: float = 0.65
    spawn_contained: float = 0.6
    confirm: int = 3
    sure: float = 0.45
    unsure: float = 0.08
    evidence_time: float = 1.65
    patience: float = 0.2
    patience_known: float = 8.0
    patience_from: float = 0.05
    patience_most: float = 3.0
    shown: float = 0.25
    new_view: float = 0.8
    view_rate: float = 0.05
    view_score: float = 0.35
    view_clear: float = 0.2
    tick: float = 0.034
    motion_rows: int | None = 64

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError(f"count is {self.count}; expected at least 1.")
