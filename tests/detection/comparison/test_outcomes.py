"""What is said of a thing, and only said where it was looked at."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_things import HERE, thing

from detection.comparison.association import associate
from detection.comparison.coverage import Coverage, Place
from detection.comparison.judging import Verdict
from detection.comparison.outcomes import Outcome, cases, outcome, size_change
from detection.comparison.seen import Look
from detection.telemetry.poses import FramePose
from geo.camera import CAMERAS
from geo.coordinates import EastNorth
from geo.placing import PoseError

CAMERA = CAMERAS["m3e"].resized(1920, 1080)


def look(at_m: tuple[float, float], *, height_m: float = 48.0, fault: str = "") -> Look:
    pose = FramePose(
        HERE.to_lonlat(EastNorth(*at_m, HERE)), float(height_m), 0.0, -90.0, 0.0,
        datetime(2026, 5, 20, tzinfo=UTC), PoseError(),
    )  # fmt: skip
    return Look("a.mp4", round(at_m[1]), float(at_m[1]), CAMERA, pose, fault)


def flight(from_m: float, to_m: float, **how: object) -> Coverage:
    steps = np.arange(from_m, to_m, 4.0)
    return Coverage([look((0.0, float(n)), **how) for n in steps], HERE)  # type: ignore[arg-type]


def place(at_m: tuple[float, float], *, sigma_m: float = 0.8, radius_m: float = 2.0) -> Place:
    return Place(np.asarray(at_m, float), np.eye(2) * sigma_m**2, -1.5, radius_m)


def test_a_place_below_the_flight_was_looked_at_and_one_beside_it_not() -> None:
    flown = flight(0, 80)
    assert len(flown.showing(place((0, 40)))) >= 2
    assert flown.showing(place((60, 40))) == ()
    assert flown.showing(place((0, 300))) == ()


@given(st.floats(-40, 40), st.floats(-20, 100), st.floats(0.3, 6), st.floats(0, 4))
def test_a_less_certain_place_is_never_better_covered(
    east_m: float, north_m: float, sigma_m: float, more_m: float
) -> None:
    flown = flight(0, 80)
    sure = flown.showing(place((east_m, north_m), sigma_m=sigma_m))
    unsure = flown.showing(place((east_m, north_m), sigma_m=sigma_m + more_m))
    assert set(unsure) <= set(sure) <= set(flown.containing(place((east_m, north_m))))


def test_rejected_pictures_prove_nothing() -> None:
    assert flight(0, 80, fault="blurred").showing(place((0, 40))) == ()


def test_what_is_too_small_at_that_height_was_not_looked_at() -> None:
    high = flight(0, 80, height_m=110.0)
    assert high.showing(place((0, 40), radius_m=0.3)) == ()
    assert high.showing(place((0, 40), radius_m=3.0))


@pytest.mark.parametrize(
    ("sides", "flown_earlier", "flown_later", "verdict", "expected"),
    [
        ("both", True, True, "same", "still_there"),
        ("both", True, True, "changed", "still_there"),
        ("both", False, False, None, "still_there"),
        ("earlier", True, True, "changed", "gone"),
        ("earlier", True, True, "unclear", "not_found"),
        ("earlier", True, True, None, "not_found"),
        ("earlier", True, True, "same", "still_there"),
        ("earlier", True, False, "changed", "not_looked_at"),
        ("earlier", True, False, None, "not_looked_at"),
        ("later", True, True, "changed", "new"),
        ("later", True, True, "unclear", "new"),
        ("later", True, True, "same", "still_there"),
        ("later", False, True, "changed", "first_seen"),
        ("later", False, True, None, "first_seen"),
    ],
)
def test_outcomes(
    sides: str, flown_earlier: bool, flown_later: bool, verdict: Verdict | None, expected: Outcome
) -> None:
    one = [thing("S1", "outfall", (0, 40))]
    earlier, later = (one if sides in ("both", side) else [] for side in ("earlier", "later"))
    over, away = flight(0, 80), flight(500, 580)
    [case] = cases(
        earlier, later, associate(earlier, later),
        over if flown_earlier else away, over if flown_later else away,
    )  # fmt: skip
    assert outcome(case, verdict, 2) == expected


def test_an_outfall_that_turned_into_a_discharge_has_grown() -> None:
    outfall = [thing("S1", "outfall", (0, 40), radius_m=1.5)]
    plume = [thing("S1", "discharge", (0, 46), radius_m=8.0)]
    flown = flight(0, 80)
    [began] = cases(outfall, plume, associate(outfall, plume), flown, flown)
    [ended] = cases(plume, outfall, associate(plume, outfall), flown, flown)
    assert outcome(began, None, 2) == "grown"
    assert outcome(ended, None, 2) == "shrunk"


@pytest.mark.parametrize(
    ("before_m", "after_m", "expected"),
    [(3, 3.3, "still_there"), (3, 6, "grown"), (6, 3, "shrunk"), (0.4, 0.7, "still_there")],
)
def test_a_size_must_change_beyond_its_uncertainty(
    before_m: float, after_m: float, expected: str
) -> None:
    before = thing("S1", "floating_waste", (0, 0), radius_m=before_m)
    after = thing("S1", "floating_waste", (0, 0), radius_m=after_m)
    assert size_change(before, after).outcome == expected
