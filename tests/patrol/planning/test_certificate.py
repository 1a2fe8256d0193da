"""The certificate against points tried one by one, and what it says of gaps and why."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from random_rivers import PROJECTION, hairpin, meander, river_of, whole
from shapely.geometry import LineString, box

from geo.terrain import Terrain
from patrol.plan import Certificate, Reach
from patrol.planning.cover.certificate import Track, certify, seen_ground
from patrol.planning.cover.corridor import corridor_of
from patrol.planning.ground import Ground
from patrol.planning.settings import PlanSettings
from patrol.rivers import River

FloatArray = NDArray[np.float64]

FLAT = Ground(None, PROJECTION)
STRAIGHT = river_of(LineString([(0, 0), (500, 0)]), 20)
SETTINGS = PlanSettings(cover="both")
AHEAD_M = SETTINGS.usable_ahead_m  # half a picture's length for a camera looking straight down


def track(*points: tuple[float, float], height_m: float = SETTINGS.height_m) -> Track:
    return Track(np.array(points, dtype=float), np.full(len(points), height_m))


def certificate(
    *tracks: Track,
    river: River = STRAIGHT,
    settings: PlanSettings = SETTINGS,
    zones: list[tuple[str, shapely.Geometry]] | None = None,
    reach: Reach | None = None,
) -> Certificate:
    return certify([river], [reach or whole(river)], tracks, zones or [], settings, FLAT)


def seen(points: FloatArray, line: FloatArray, settings: PlanSettings) -> NDArray[np.bool_]:
    """Which points a track sees, leg by leg, written apart from the planner's own check."""
    half, near, far = settings.view_m(settings.height_m)
    found = np.zeros(len(points), bool)
    for start, end in pairwise(line):
        length = np.hypot(*(end - start))
        unit, away = (end - start) / length, points - start
        along, across = away @ unit, away[:, 0] * unit[1] - away[:, 1] * unit[0]
        found |= (np.abs(across) <= half) & (along >= near) & (along <= length + far)
    return found


def test_a_lane_from_end_to_end_sees_all() -> None:
    made = certificate(track((-5, 0), (505, 0)))
    assert made.uncovered == ()
    assert made.share == made.area_share == 1.0
    assert [(b.bank, b.metres, b.seen_m) for b in made.banks] == [
        ("left", 500, 500),
        ("right", 500, 500),
    ]
    assert made.metres == made.seen_m == 1000


def test_a_gap_in_the_lanes_is_told_by_the_metre_on_either_bank() -> None:
    made = certificate(track((-5, 0), (200, 0)), track((300, 0), (505, 0)))
    start, end = 200 + AHEAD_M, 300 - AHEAD_M
    assert [u.bank for u in made.uncovered] == ["left", "right"]
    for gap in made.uncovered:
        assert (gap.from_m, gap.to_m) == pytest.approx((start, end), abs=1)
        assert gap.from_m <= start
        assert gap.to_m >= end
        assert "no lane" in gap.reason
    lost = made.uncovered[0].to_m - made.uncovered[0].from_m
    assert made.share == pytest.approx(1 - lost / 500)
    assert made.area_share == pytest.approx(1 - (end - start) / 500)


def test_each_bank_counts_for_itself() -> None:
    half = SETTINGS.seen_half_m
    made = certificate(track((-5, 25 - half + 0.1 + 24), (505, 25 - half + 0.1 + 24)))
    left, right = made.banks
    assert left.seen_m == 500
    assert right.seen_m < 500
    assert {u.bank for u in made.uncovered} == {"right"}
    assert made.share == pytest.approx((left.seen_m + right.seen_m) / 1000)


def test_a_metre_counts_only_where_the_whole_strip_is_seen() -> None:
    """A lane too far over by a decimetre sees most of the far strip and yet not one metre of it."""
    over = SETTINGS.seen_half_m - 25 + 0.1
    made = certificate(track((-5, over), (505, over)))
    assert made.banks[0].seen_m == 500
    assert made.banks[1].seen_m == 0
    assert made.share == pytest.approx(0.5)
    assert made.area_share > 0.99


def test_nothing_flown_is_nothing_seen() -> None:
    made = certificate()
    assert made.share == made.area_share == 0.0
    assert [(u.from_m, u.to_m) for u in made.uncovered] == [(0, 500), (0, 500)]


@pytest.mark.parametrize(("cover", "banks"), [("left", ["left"]), ("right", ["right"])])
def test_only_the_bank_asked_for(cover: str, banks: list[str]) -> None:
    made = certificate(settings=PlanSettings(cover=cover))  # type: ignore[arg-type]
    assert [b.bank for b in made.banks] == banks


def test_a_reach_has_its_own_metres() -> None:
    made = certificate(track((95, 0), (250, 0)), reach=Reach("R1", 100, 400))
    assert [b.metres for b in made.banks] == [300, 300]
    for gap in made.uncovered:
        assert (gap.from_m, gap.to_m) == pytest.approx((250 + AHEAD_M, 400), abs=1)


def test_why_is_a_zone_near_a_bend_or_no_lane() -> None:
    zone = ("学校", box(220, -30, 280, 30))
    tracks = track((-5, 0), (200, 0)), track((300, 0), (505, 0))
    near = certificate(*tracks, zones=[zone])
    assert {u.reason for u in near.uncovered} == {"禁飞区 no-fly zone: 学校"}
    far = certificate(*tracks, zones=[("远", box(200, 500, 300, 600))])
    assert all("no lane" in u.reason for u in far.uncovered)
    corner = river_of(LineString([(0, 0), (200, 0), (200, 200)]), 20)
    turned = certificate(track((-5, 0), (200, 0), (200, 205)), river=corner)
    [outer] = turned.uncovered
    assert (outer.bank, outer.reason) == ("right", "弯道 a bend too tight for the lanes")
    assert outer.from_m <= 200 <= outer.to_m


@pytest.mark.parametrize(
    ("height_m", "share"),
    [(SETTINGS.height_m * 1.02, 0.0), (SETTINGS.height_m * 0.999, 1.0), (20.0, 0.0), (-3.0, 0.0)],
)
def test_too_high_is_too_coarse_and_too_low_too_narrow(height_m: float, share: float) -> None:
    made = certificate(track((-5, 0), (505, 0), height_m=height_m))
    assert made.share == share


def test_a_climbing_leg_counts_with_its_worse_end() -> None:
    high = SETTINGS.height_m * 1.1
    made = certify(
        [STRAIGHT],
        [whole(STRAIGHT)],
        [
            Track(
                np.array([(-5.0, 0), (250, 0), (505, 0)]),
                np.array([SETTINGS.height_m] * 2 + [high]),
            )
        ],
        [],
        SETTINGS,
        FLAT,
    )
    for gap in made.uncovered:
        assert (gap.from_m, gap.to_m) == pytest.approx((250 + AHEAD_M, 500), abs=1)


@hypothesis_settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-30, 480), st.floats(10, 250), st.floats(-40, 40), st.floats(-25, 25)),
        max_size=5,
    ),
    st.sampled_from([SETTINGS, PlanSettings(), PlanSettings(gsd_m=0.03, pitch_deg=-60.0)]),
)
def test_every_metre_is_right_against_points_on_a_grid(
    legs: list[tuple[float, float, float, float]], settings: PlanSettings
) -> None:
    lines = [np.array([(x, y), (x + length, y + turn)]) for x, length, y, turn in legs]
    made = certificate(
        *(Track(line, np.full(2, settings.height_m)) for line in lines), settings=settings
    )
    corridor = corridor_of(STRAIGHT, whole(STRAIGHT), settings.cover, 15.0, 5.0)
    for strip in corridor.strips:
        low, high = sorted(abs(y) for y in strip.ground.bounds[1::2])
        sign = 1 if strip.bank == "left" else -1
        y = sign * np.linspace(low + 0.03, high - 0.03, 60)
        x = np.arange(0.125, 500, 0.25)
        points = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
        found = np.zeros(len(points), bool)
        for line in lines:
            found |= seen(points, line, settings)
        # A metre misses something where a point of it is not seen.
        missing = ~found.reshape(500, -1).all(axis=1)
        told = np.zeros(500, bool)
        for gap in made.uncovered:
            if gap.bank == strip.bank:
                told[int(gap.from_m) : int(np.ceil(gap.to_m))] = True
        assert not (missing & ~told).any()
        near = np.convolve(missing, np.ones(13), "same") > 0  # gaps 5 m apart are joined
        thin = np.convolve(told, np.ones(3), "same") > 0
        assert (told & ~near).sum() <= 0.02 * max(1, thin.sum()) + 2  # narrower than the grid
        [bank] = [b for b in made.banks if b.bank == strip.bank]
        assert bank.seen_m == pytest.approx(500 - told.sum(), abs=2)
    assert made.share == pytest.approx(np.mean([b.seen_m / b.metres for b in made.banks]))
    assert made.share <= made.area_share + 1e-9


@hypothesis_settings(max_examples=14, deadline=None)
@given(
    st.integers(0, 10**6), st.floats(20, 120), st.floats(4, 60), st.floats(0, 1), st.floats(0, 1)
)
def test_on_meanders_what_is_not_seen_lies_in_the_metres_that_are_told(
    seed: int, radius_m: float, width_m: float, start: float, end: float
) -> None:
    line = meander(seed, 600, radius_m, 12.0)
    river = river_of(line, width_m)
    low, high = sorted((start, end))
    flown = shapely.ops.substring(line, low, high, normalized=True)
    if flown.geom_type != "LineString":
        return
    settings = PlanSettings(cover="water")
    points = shapely.get_coordinates(flown)
    made = certificate(
        Track(points, np.full(len(points), settings.height_m)), river=river, settings=settings
    )
    rng = np.random.default_rng(seed)
    for strip in corridor_of(river, whole(river), "water", 15.0, 5.0).strips:
        west, south, east, north = strip.ground.bounds
        tried = rng.uniform((west, south), (east, north), (1500, 2))
        tried = tried[shapely.contains_xy(strip.ground.buffer(-0.1), tried)]
        found = seen(tried, points, settings)
        at = shapely.line_locate_point(line, shapely.points(tried))
        told = np.zeros(len(tried), bool)
        for gap in made.uncovered:
            if gap.bank == strip.bank:
                told |= (at >= gap.from_m - 0.5) & (at <= gap.to_m + 0.5)
        assert (found | told).all()


def test_a_river_whose_legs_lie_close_keeps_its_metres_apart() -> None:
    """Along a hairpin the far leg is not taken for the near one."""
    river = river_of(hairpin(300, 150), 20)
    near = track((-5, -75), (300, -75))
    made = certificate(near, river=river)
    for gap in made.uncovered:
        assert gap.from_m > 290
    assert made.share == pytest.approx((300 + AHEAD_M) / river.centreline_m.length, abs=0.02)


def test_over_terrain_the_height_above_ground_counts() -> None:
    step = 0.0003
    heights = np.zeros((60, 80), dtype=np.float32)
    heights[:, 40:] = 40.0  # the eastern half is a terrace
    west = PROJECTION.origin.lon_deg - 40 * step
    north = PROJECTION.origin.lat_deg + 30 * step
    ground = Ground(Terrain(west, north, step, step, heights, "made"), PROJECTION)
    river = river_of(LineString([(-500, 0), (500, 0)]), 20)
    settings = PlanSettings(cover="both")
    [(x, _)] = PROJECTION.forward([(west + 39.5 * step, PROJECTION.origin.lat_deg)])
    level = Track(np.array([(-510.0, 0), (510, 0)]), np.full(2, settings.height_m))
    made = certify([river], [whole(river)], [level], [], settings, ground)
    for gap in made.uncovered:  # over the terrace the picture is too narrow
        assert gap.to_m == pytest.approx(1000, abs=1)
        assert 500 + x - 60 < gap.from_m < 500 + x + 20
        assert "terrain" in gap.reason
    follows = Track(
        np.array([(-510.0, 0), (x - 15, 0), (x + 15, 0), (510, 0)]),
        np.array([0.0, 0, 40, 40]) + settings.height_m,
    )
    assert certify([river], [whole(river)], [follows], [], settings, ground).share > 0.85


def test_ground_without_heights_is_not_seen() -> None:
    step = 0.0003
    heights = np.zeros((60, 80), dtype=np.float32)
    heights[:, 50:60] = np.nan
    west = PROJECTION.origin.lon_deg - 40 * step
    north = PROJECTION.origin.lat_deg + 30 * step
    ground = Ground(Terrain(west, north, step, step, heights, "made"), PROJECTION)
    river = river_of(LineString([(-500, 0), (700, 0)]), 20)
    line = Track(np.array([(-510.0, 0), (710, 0)]), np.full(2, SETTINGS.height_m))
    made = certify([river], [whole(river)], [line], [], SETTINGS, ground)
    hole = [u for u in made.uncovered if u.reason == "缺高程数据 no elevation data"]
    assert {u.bank for u in hole} == {"left", "right"}
    [(start, _), (end, _)] = PROJECTION.forward(
        [(west + k * step, PROJECTION.origin.lat_deg) for k in (49, 60)]
    )
    for gap in hole:
        assert gap.from_m <= 500 + start + 1
        assert gap.to_m >= 500 + end - 1
        assert gap.to_m - gap.from_m < end - start + 150


def test_points_that_stand_twice_and_tracks_of_one_point() -> None:
    twice = Track(
        np.array([(-5.0, 0), (250, 0), (250, 0), (505, 0)]), np.full(4, SETTINGS.height_m)
    )
    assert certificate(twice).share == 1.0
    assert len(seen_ground(track((0, 0), (0, 0)), SETTINGS, FLAT)) == 0
