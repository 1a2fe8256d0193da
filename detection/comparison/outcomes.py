"""What became of each thing between two patrols."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from detection.comparison.association import Association
from detection.comparison.coverage import Coverage, Place
from detection.comparison.judging import Verdict
from detection.comparison.patrols import Thing

__all__ = ["OUTCOMES", "Case", "Outcome", "Size", "cases", "outcome", "size_change"]

Outcome = Literal[
    "new", "still_there", "grown", "shrunk", "gone", "not_found", "not_looked_at", "first_seen"
]
OUTCOMES: tuple[Outcome, ...] = (
    "new", "still_there", "grown", "shrunk", "gone", "not_found", "not_looked_at", "first_seen",
)  # fmt: skip

# A box's size is uncertain by this share of it for each class (where a plume ends is a matter of
# taste), by the height of flight (1.5 m in 48), and by some pixels.
_SIZE_SHARE = {"outfall": 0.10, "discharge": 0.16, "structure": 0.08, "floating_waste": 0.14}
_SCALE_SHARE, _SIZE_M = 0.03, 0.15
# 99 % of a normal distribution, and a change that is worth telling.
_SIGMAS, _WORTH = 2.58, 1.25


@dataclass(frozen=True, slots=True)
class Size:
    """Half diagonals in metres, the change with its standard deviation, and whether it counts."""

    earlier_m: float
    later_m: float
    change_m: float
    sigma_m: float
    outcome: Outcome


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One thing in two patrols, before its pictures were compared: the sighting of either or of
    both. `looks` is how many usable pictures of the patrol without a sighting show its place
    well; `began` and `ended` tell that an outfall and a discharge became one another."""

    earlier: Thing | None
    later: Thing | None
    place_earlier: Place
    place_later: Place
    chi2: float | None
    looks_earlier: tuple[int, ...]
    looks_later: tuple[int, ...]
    kin: bool
    size: Size | None


def cases(
    earlier: Sequence[Thing],
    later: Sequence[Thing],
    found: Association,
    seen_earlier: Coverage,
    seen_later: Coverage,
) -> list[Case]:
    """Everything that either patrol saw, from north to south."""
    rows: list[Case] = []

    def add(a: Thing | None, b: Thing | None, chi2: float | None, kin: bool) -> None:
        place_a = _place(a) if a is not None else _moved(_known(b), found, -1)
        place_b = _place(b) if b is not None else _moved(_known(a), found, +1)
        size = size_change(a, b) if a is not None and b is not None and not kin else None
        rows.append(
            Case(
                a, b, place_a, place_b, chi2, seen_earlier.showing(place_a),
                seen_later.showing(place_b), kin, size,
            )
        )  # fmt: skip

    for (i, j), chi2 in zip(found.pairs, found.chi2, strict=True):
        add(earlier[i], later[j], chi2, False)
    for i, j in found.kin:
        add(earlier[i], later[j], None, True)
    known = {i for i, _ in found.pairs + found.kin}, {j for _, j in found.pairs + found.kin}
    for i, thing in enumerate(earlier):
        if i not in known[0]:
            add(thing, None, None, False)
    for j, thing in enumerate(later):
        if j not in known[1]:
            add(None, thing, None, False)
    return sorted(rows, key=_north_to_south)


def _north_to_south(case: Case) -> tuple[float, float, str, str]:
    thing = _known(case.later or case.earlier)
    ids = (case.earlier.id if case.earlier else "", case.later.id if case.later else "")
    return (-float(thing.ground_m[1]), float(thing.ground_m[0]), *ids)


def _known(thing: Thing | None) -> Thing:
    assert thing is not None, "a case has a sighting of one patrol at least"
    return thing


def _place(thing: Thing) -> Place:
    return Place(thing.ground_m, thing.covariance_m2, thing.up_m, thing.radius_m)


def _moved(thing: Thing, found: Association, sign: int) -> Place:
    """Where the other patrol would have put it: both patrols' errors count."""
    offset = found.offset
    return Place(
        thing.ground_m + sign * offset.ground_m,
        2 * offset.spread * thing.covariance_m2 + (offset.covariance_m2 if offset.matches else 0),
        thing.up_m, thing.radius_m,
    )  # fmt: skip


def size_change(earlier: Thing, later: Thing) -> Size:
    """Whether a thing's size changed by more than its uncertainty."""
    sigma = math.hypot(_size_sigma_m(earlier), _size_sigma_m(later))
    change = later.radius_m - earlier.radius_m
    ratio = later.radius_m / earlier.radius_m
    outcome: Outcome = "still_there"
    if abs(change) > _SIGMAS * sigma and not 1 / _WORTH <= ratio <= _WORTH:
        outcome = "grown" if change > 0 else "shrunk"
    return Size(earlier.radius_m, later.radius_m, change, sigma, outcome)


def _size_sigma_m(thing: Thing) -> float:
    boxes = _SIZE_SHARE[thing.class_name] / math.sqrt(min(thing.views, 4) / 2)
    return math.hypot(math.hypot(boxes, _SCALE_SHARE) * thing.radius_m, _SIZE_M)


def outcome(case: Case, verdict: Verdict | None, needed_looks: int) -> Outcome:
    """What became of a thing; `verdict` is what its pictures say, None where there are none.

    That a thing is gone is only said where the later patrol looked and the pictures differ; that
    it is new where the earlier looked and they are not the same.
    """
    if case.kin:
        assert case.later is not None
        return "grown" if case.later.class_name == "discharge" else "shrunk"
    if case.size is not None:
        return case.size.outcome
    if case.later is None:
        if verdict == "same":
            return "still_there"
        if len(case.looks_later) < needed_looks:
            return "not_looked_at"
        return "gone" if verdict == "changed" else "not_found"
    if verdict == "same":
        return "still_there"
    return "new" if len(case.looks_earlier) >= needed_looks else "first_seen"
