"""Lanes along straight rivers, meanders and bends; what they see by a pinhole camera of our own."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from random_rivers import hairpin, meander, random_breadths, river_of, whole
from shapely.geometry import LineString, box

from patrol.errors import PlanningError
from patrol.planning.cover.corridor import Corridor, corridor_of
from patrol.planning.cover.lanes import LaneLine, cut, lane_lines, outside, swaths
from patrol.planning.cover.patches import patched
from patrol.planning.settings import PlanSettings
from patrol.planning.wind import Wind
from patrol.rivers import Breadth

FloatArray = NDArray[np.float64]

STRAIGHT = LineString([(0, 0), (500, 0)])
NADIR = PlanSettings()
TILTED = PlanSettings(gsd_m=0.03, pitch_deg=-60.0)
PHOTOS = PlanSettings(gsd_m=0.02, capture="photos", speed_m_s=10.0, cover="both")


def corridor(
    line: LineString,
    settings: PlanSettings,
    width_m: float = 20.0,
    breadths: tuple[Breadth, ...] = (),
) -> Corridor:
    river = river_of(line, width_m, breadths)
    return corridor_of(river, whole(river), settings.cover, settings.strip_m, settings.inner_m)


def lanes_of(made: Corridor, settings: PlanSettings) -> list[LaneLine]:
    return patched(lane_lines(made, settings), made, settings.sight())


def seen_by_pinhole(points: FloatArray, line: FloatArray, settings: PlanSettings) -> Any:
    """Which points (N, 2) are in some picture taken along a line, at the asked GSD, though the
    camera is as far off, sideways and along the track, as the settings say. From first principles:
    depth is along the axis, a picture coordinate is focal length times offset over depth."""
    camera, height = settings.camera_model, settings.height_m
    off = settings.position_error_m + height * math.tan(math.radians(settings.tilt_error_deg))
    tilt = math.radians(90 + settings.pitch_deg)
    found = np.zeros(len(points), bool)
    for start, end in pairwise(line):
        length = float(np.hypot(*(end - start)))
        if length < 1e-9:
            continue
        unit = (end - start) / length
        away = points - start
        across = np.abs(away[:, 0] * unit[1] - away[:, 1] * unit[0])
        near = np.flatnonzero((across < 150) & ~found)
        if not len(near):
            continue
        for at in np.r_[np.arange(0, length, 0.5), length]:
            ahead = away[near] @ unit - at
            good = np.ones(len(near), bool)
            for slip in (-off + 0.3, off - 0.3):  # samples are half a metre apart
                y = ahead + slip
                depth = height * math.cos(tilt) + y * math.sin(tilt)
                up = y * math.cos(tilt) - height * math.sin(tilt)
                with np.errstate(divide="ignore", invalid="ignore"):
                    row = camera.focal_px * up / depth
                    column = camera.focal_px * (across[near] + off - 0.1) / depth
                good &= (depth > 0) & (np.abs(row) <= camera.height_px / 2)
                good &= column <= camera.width_px / 2
                good &= depth / camera.focal_px <= settings.gsd_m * 1.003
            found[near[good]] = True
    return found


def sampled(made: Corridor, count: int, seed: int = 0) -> FloatArray:
    ground = made.ground
    shapely.prepare(ground)
    west, south, east, north = ground.bounds
    points = np.random.default_rng(seed).uniform((west, south), (east, north), (count, 2))
    inner = ground.buffer(-0.1)
    return points[shapely.contains_xy(inner, points)]


def test_swath_and_height_follow_from_the_gsd() -> None:
    assert pytest.approx(0.035 * 1920) == NADIR.swath_m
    assert NADIR.camera_model.gsd_m(NADIR.height_m) == pytest.approx(0.035)
    assert NADIR.usable_half_m < NADIR.swath_m / 2 - NADIR.position_error_m
    assert TILTED.height_m == pytest.approx(
        TILTED.camera_model.focal_px * 0.03 * math.sin(math.radians(60))
    )


@pytest.mark.parametrize("settings", [NADIR, TILTED, PHOTOS], ids=["nadir", "tilted", "photos"])
def test_the_certain_view_is_in_every_picture(settings: PlanSettings) -> None:
    """The rectangle of `view_m` by its corners: at half the margin more they are in the picture
    still, and a metre more than the margins allow they are not."""
    half, near, far = settings.view_m(settings.height_m)
    line = np.array([[0.0, 0.0], [0.5, 0.0]])
    inside = np.array([[x, y] for x in (near + 0.5, far - 0.2) for y in (-half + 0.2, half - 0.2)])
    assert seen_by_pinhole(inside, line, settings).all()
    beyond = np.array([[far + 2.0, 0.0], [near - 2.0, 0.0]])
    assert not seen_by_pinhole(beyond, line, settings).any()


@pytest.mark.parametrize("settings", [NADIR, TILTED], ids=["nadir", "tilted"])
@pytest.mark.parametrize("width_m", [4, 30, 60, 90, 150, 300])
def test_as_many_lanes_as_the_width_needs(settings: PlanSettings, width_m: float) -> None:
    need = width_m + 2 * settings.strip_m
    lanes = lane_lines(corridor(STRAIGHT, settings, width_m), settings)
    least = (
        1 if need <= 2 * settings.usable_half_m else math.ceil(need / settings.sight().spacing_m)
    )
    assert len(lanes) == least
    across = [float(np.mean(lane.line.xy[1])) for lane in lanes]
    assert across == sorted(across, reverse=True)  # from left to right
    assert all(abs(a - b) <= settings.sight().spacing_m + 1e-6 for a, b in pairwise(across))
    for lane, y in zip(lanes, across, strict=True):
        assert lane.side == ("centre" if abs(y) < 1e-6 else "left" if y > 0 else "right")
        assert lane.line.coords[0][0] < 0 < 500 < lane.line.coords[-1][0]


def test_banks_far_apart_get_a_lane_each() -> None:
    lanes = lane_lines(corridor(STRAIGHT, PHOTOS, 300), PHOTOS)
    assert [lane.side for lane in lanes] == ["left", "right"]
    for lane in lanes:
        assert abs(lane.line.xy[1][0]) == pytest.approx(155, abs=PHOTOS.usable_half_m - 10 + 1e-6)
    [one] = lane_lines(corridor(STRAIGHT, PHOTOS, 20), PHOTOS)
    assert one.side == "centre"
    for cover, side in (("left", "left"), ("right", "right")):
        only = PlanSettings(cover=cover)  # type: ignore[arg-type]
        [lane] = lane_lines(corridor(STRAIGHT, only, 100), only)
        assert lane.side == side


@given(st.floats(0, 150), st.floats(0, 150), st.sampled_from(["both", "left", "right", "water"]))
def test_swaths_share_out_what_must_be_seen(left_m: float, right_m: float, cover: Any) -> None:
    settings = PlanSettings(cover=cover)
    shares = swaths(Breadth(0, 100, left_m, right_m), settings, settings.sight())
    assert [s.middle_m for s in shares] == sorted((s.middle_m for s in shares), reverse=True)
    for share in shares:
        assert share.room_m >= 0
        assert (share.high_m - share.low_m) / 2 + share.room_m <= settings.usable_half_m + 1e-9
    seen = shapely.union_all([box(s.low_m - 1e-9, 0, s.high_m + 1e-9, 1) for s in shares])
    edge, inner = settings.strip_m, settings.inner_m
    wanted = {
        "both": [
            (max(0, left_m - inner), left_m + edge),
            (-right_m - edge, min(0, inner - right_m)),
        ],
        "left": [(max(0, left_m - inner), left_m + edge)],
        "right": [(-right_m - edge, min(0, inner - right_m))],
        "water": [(-right_m - edge, left_m + edge)],
    }[cover]
    for low, high in wanted:
        assert box(low, 0, high, 1).difference(seen).area < 1e-6


def test_a_straight_river_gets_a_straight_lane_that_overshoots() -> None:
    [lane] = lane_lines(corridor(STRAIGHT, NADIR), NADIR)
    assert lane.line.equals_exact(LineString([(-10, 0), (510, 0)]), 1e-9)
    [tilted] = lane_lines(corridor(STRAIGHT, TILTED, 4), TILTED)
    assert len(tilted.line.coords) == 2
    assert -tilted.line.coords[0][0] > TILTED.usable_ahead_m  # flown either way it sees the ends


@hypothesis_settings(max_examples=32, deadline=None)
@given(
    st.integers(0, 10**6), st.floats(15, 150), st.floats(5, 30), st.floats(4, 80),
    st.booleans(), st.sampled_from([NADIR, TILTED, PHOTOS]),
)  # fmt: skip
def test_lanes_along_meanders_are_simple_and_see_everything(
    seed: int, radius_m: float, step_m: float, width_m: float, varies: bool, settings: PlanSettings
) -> None:
    line = meander(seed, 600, radius_m, step_m)
    breadths = random_breadths(seed, line.length, width_m / 2) if varies and width_m > 6 else ()
    made = corridor(line, settings, width_m, breadths)
    lanes = lanes_of(made, settings)
    assert all(lane.line.is_simple for lane in lanes)
    assert {lane.river for lane in lanes} == {"R1"}
    points = sampled(made, 250, seed)
    found = np.zeros(len(points), bool)
    for lane in lanes:
        track = shapely.get_coordinates(lane.line)
        found[~found] = seen_by_pinhole(points[~found], track, settings)
    # A corner's picture may end a few centimetres short of ground that is rounding.
    assert found.mean() > 0.995


@hypothesis_settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(15, 150), st.floats(5, 30), st.floats(4, 80))
def test_straightening_makes_lanes_shorter_than_the_curves_that_they_follow(
    seed: int, radius_m: float, step_m: float, width_m: float
) -> None:
    line = meander(seed, 700, radius_m, step_m)
    made = corridor(line, NADIR, width_m)
    lanes = lane_lines(made, NADIR)
    curves = [
        shapely.offset_curve(line, s.middle_m, quad_segs=8) if abs(s.middle_m) > 0.01 else line
        for s in swaths(made.breadths[0], NADIR, NADIR.sight())
    ]
    overshoot = 2 * 10.0
    followed = sum(curve.length for curve in curves)
    assert sum(lane.line.length for lane in lanes) <= followed + overshoot * len(curves) + 30.0
    if len(curves) == 1 and len(lanes) == 1:
        assert lanes[0].line.length <= line.length + overshoot + 1e-6
        assert len(lanes[0].line.coords) <= len(line.coords) + 2 + line.length / 8


def test_a_winding_brook_is_flown_nearly_straight() -> None:
    """Bends of 10 m are well within a picture 67 m wide."""
    x = np.arange(0, 600, 5.0)
    brook = LineString(np.column_stack([x, 10 * np.sin(x / 16)]))
    [lane] = lane_lines(corridor(brook, NADIR, 4), NADIR)
    assert brook.length > 640
    assert lane.line.length < 617
    assert len(lane.line.coords) <= len(brook.coords) / 8


def test_a_hairpin_is_seen_whole() -> None:
    for apart_m, width_m in ((44.0, 30.0), (60.0, 60.0), (120.0, 80.0)):
        made = corridor(hairpin(200, apart_m), NADIR, width_m)
        lanes = lanes_of(made, NADIR)
        points = sampled(made, 1500)
        found = np.zeros(len(points), bool)
        for lane in lanes:
            track = shapely.get_coordinates(lane.line)
            found[~found] = seen_by_pinhole(points[~found], track, NADIR)
        assert found.mean() > 0.998
        assert {lane.side for lane in lanes} <= {"left", "right", "centre"}


def test_the_number_of_lanes_changes_with_the_width() -> None:
    breadths = (Breadth(0, 300, 10, 10), Breadth(300, 600, 40, 40), Breadth(600, 900, 10, 10))
    line = LineString([(0, 0), (900, 0)])
    made = corridor(line, NADIR, 20, breadths)
    lanes = lanes_of(made, NADIR)
    for x, count in ((150, 1), (450, 3), (750, 1)):
        post = LineString([(x, -100), (x, 100)])
        assert sum(lane.line.intersects(post) for lane in lanes) == count


def test_lanes_keep_out_of_what_is_forbidden() -> None:
    [lane] = lane_lines(corridor(STRAIGHT, NADIR), NADIR)
    parts, away = outside(lane, box(200, -10, 260, 10))
    assert [part.line.bounds[::2] for part in parts] == [(-10, 200), (260, 510)]
    assert away.length == pytest.approx(60)
    everything, nothing = outside(lane, box(0, 500, 10, 510))
    assert everything == [lane]
    assert nothing.is_empty
    none, _ = outside(lane, box(-50, -10, 600, 10))
    assert none == []


@given(st.integers(1, 9), st.lists(st.floats(1, 90), min_size=1, max_size=6), st.booleans())
def test_cutting_keeps_the_line_and_its_heights(
    pieces: int, steps: list[float], climbs: bool
) -> None:
    points = np.column_stack([np.cumsum([0, *steps]), np.cumsum([0, *steps]) % 7])
    heights = np.arange(len(points)) * 5.0 + 30 if climbs else None
    lane = LaneLine("R1", "left", LineString(points), heights)
    parts = cut(lane, pieces)
    assert [part.line.length for part in parts] == pytest.approx(
        [lane.line.length / pieces] * pieces
    )
    assert parts[0].line.coords[0] == lane.line.coords[0]
    assert parts[-1].line.coords[-1] == pytest.approx(lane.line.coords[-1])
    for before, after in pairwise(parts):
        assert before.line.coords[-1] == after.line.coords[0]
    for part in parts:
        assert (part.river, part.side) == ("R1", "left")
        at = shapely.line_locate_point(
            lane.line, shapely.points(shapely.get_coordinates(part.line))
        )
        if heights is None:
            assert part.heights_m is None
        else:
            along = shapely.line_locate_point(lane.line, shapely.points(points))
            assert part.heights_m == pytest.approx(np.interp(at, along, heights))


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"gsd_m": 0.1}, "over the legal 120 m"),
        ({"gsd_m": 0.003}, "under 5 m"),
        ({"gsd_m": 0.12, "pitch_deg": -60.0}, "over the legal 120 m"),
        ({"gsd_m": float("nan")}, "GSD"),
        ({"gsd_m": -0.03}, "GSD"),
        ({"camera": "hasselblad"}, "expected one of m3e"),
        ({"speed_m_s": 0.0}, "speed"),
        ({"speed_m_s": 16.0}, "speed must be 0.5 to 15 m/s"),
        ({"battery_wh": float("inf")}, "battery"),
        ({"reserve_share": 1.0}, "reserve"),
        ({"strip_m": -1.0}, "strip"),
        ({"sidelap": 0.95}, "sidelap"),
        ({"position_error_m": 40.0}, "margin"),
        ({"pitch_deg": -10.0}, "pitch"),
        ({"wind": Wind(20.5, 0)}, "leaves no speed against it"),
        ({"wind": Wind(-1, 0)}, "wind"),
        ({"capture": "photos", "gsd_m": 0.006, "speed_m_s": 14.0}, "a photo each 0.7 s"),
        ({"crews": 0}, "crews"),
        ({"car_m_s": 0.0}, "car"),
        ({"most_items": 10}, "mission items"),
    ],
)
def test_settings_that_cannot_be_flown(chosen: dict[str, Any], words: str) -> None:
    with pytest.raises(PlanningError, match=words) as caught:
        PlanSettings(**chosen)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("asked_m", "pitch_deg"), [(0.2, -90.0), (0.2, -60.0), (0.002, -90.0)])
def test_the_gsd_offered_instead_can_be_flown(asked_m: float, pitch_deg: float) -> None:
    with pytest.raises(PlanningError) as caught:
        PlanSettings(gsd_m=asked_m, pitch_deg=pitch_deg, position_error_m=0, tilt_error_deg=0)
    offered_cm = float(str(caught.value).split("ask for ")[1].split(" cm")[0])
    flown = PlanSettings(
        gsd_m=offered_cm / 100, pitch_deg=pitch_deg, position_error_m=0, tilt_error_deg=0
    )
    assert 119 < flown.height_m <= 120 or 5 <= flown.height_m < 5.3
