from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from shapely.geometry import LineString

from geo.coordinates import LocalProjection, LonLat
from geo.terrain import Terrain
from patrol.planning.ground import Ground
from patrol.planning.profile import Profile, follow, legs_agl_m
from patrol.planning.tunnels import Tunnel

FloatArray = NDArray[np.float64]

PROJECTION = LocalProjection(LonLat(113.46, 23.16))
LANE: dict[str, Any] = {
    "target_agl_m": 90.0, "tolerance_m": 13.5, "least_agl_m": 15.0, "ceiling_agl_m": 120.0,
    "half_across_m": 30.0, "climb_slope": 0.3, "descent_slope": 0.19,
}  # fmt: skip


def ground_of(heights: Any, cell_m: float = 30.0) -> Ground:
    """A terrain centred on the projection's origin, row 0 north."""
    heights = np.asarray(heights, dtype=np.float32)
    rows, columns = heights.shape
    step_lat = cell_m / 110_748.0
    step_lon = cell_m / 102_399.0
    return Ground(
        Terrain(
            113.46 - (columns - 1) / 2 * step_lon,
            23.16 + (rows - 1) / 2 * step_lat,
            step_lon,
            step_lat,
            heights,
            "made.tif",
        ),
        PROJECTION,
    )


def made(kind: str, seed: int, relief_m: float, size: int = 70) -> FloatArray:
    rng = np.random.default_rng(seed)
    east, north = np.meshgrid(np.arange(size), np.arange(size)[::-1])
    if kind in ("smooth", "rough"):
        raw = gaussian_filter(rng.normal(size=(size, size)), 5.0 if kind == "smooth" else 0.5)
        raw -= raw.min()
    elif kind == "cliff":
        raw = (np.cos(rng.uniform(0, 7)) * (east - 35) + (north - 35) > 0).astype(float)
    elif kind == "valley":
        raw = np.abs(east - rng.integers(20, 50)) / 30.0
    elif kind == "ramp":
        raw = east / 70.0
    elif kind == "ridge":
        raw = np.exp(-(((east - rng.integers(20, 50)) / 2.0) ** 2))
    else:
        raw = np.zeros((size, size))
    return raw / max(float(np.ptp(raw)), 1e-9) * relief_m


def polyline(seed: int, count: int, reach_m: float = 800.0) -> FloatArray:
    rng = np.random.default_rng(seed)
    along = np.linspace(-reach_m, reach_m, count)
    across = np.cumsum(rng.normal(0, 40, count)) if count > 2 else np.zeros(count)
    turn = rng.uniform(0, 2 * math.pi)
    spin = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return np.column_stack([along, np.clip(across, -150, 150)]) @ spin.T


def seen_finely(profile: Profile, ground: Ground, half_across_m: float) -> tuple[Any, Any, Any]:
    """Least height above the highest ground across, most above the ground under the track, and
    most above the lowest across, at places of its own choice."""
    bends = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(profile.points_m, axis=0).T))])
    at = np.unique(np.concatenate([np.arange(0.0, bends[-1], 2.3), bends]))

    def place(distance_m: FloatArray) -> FloatArray:
        return np.column_stack([np.interp(distance_m, bends, xs) for xs in profile.points_m.T])

    on = place(at)
    way = place(at + 0.01) - place(at - 0.01)
    way /= np.maximum(np.hypot(*way.T), 1e-9)[:, None]
    side = np.column_stack([-way[:, 1], way[:, 0]])
    offsets = np.linspace(-half_across_m, half_across_m, max(3, 2 * int(half_across_m / 3) + 1))
    places = on[:, None, :] + side[:, None, :] * offsets[:, None]
    assert ground.terrain is not None
    found = ground.terrain.heights(PROJECTION.inverse(places.reshape(-1, 2)))
    across = found.reshape(len(at), -1)
    flown = np.interp(at, bends, profile.msl_m)
    under = ground.terrain.heights(PROJECTION.inverse(on))
    return flown - across.max(axis=1), flown - under, flown - across.min(axis=1)


def check(profile: Profile, points: FloatArray, ground: Ground, asked: dict[str, Any]) -> None:
    assert profile.points_m.shape == (len(profile.msl_m), 2)
    # The given points are there, in order; the rest lies on the legs between them.
    assert np.array_equal(profile.points_m[profile.original], points)
    assert np.all(np.diff(profile.original) >= 1)
    assert profile.original[0] == 0
    assert profile.original[-1] == len(profile.msl_m) - 1
    for first, last in zip(profile.original[:-1], profile.original[1:], strict=True):
        leg = LineString(profile.points_m[[first, last]])
        part = LineString(profile.points_m[first : last + 1])
        assert part.length <= leg.length + 1e-6
    steps = np.hypot(*np.diff(profile.points_m, axis=0).T)
    rise = np.diff(profile.msl_m)
    climb, descent = asked["climb_slope"], asked["descent_slope"]
    if asked.get("symmetric", True):
        climb = descent = min(climb, descent)
    assert np.all(rise <= climb * steps + 1e-6)
    assert np.all(-rise <= descent * steps + 1e-6)
    # What the plan's own check looks at holds exactly.
    at, least, most = legs_agl_m(profile.points_m, profile.msl_m, ground, asked["half_across_m"])
    assert math.isclose(at[-1], steps.sum(), rel_tol=1e-9)
    assert np.max(np.diff(at)) <= ground.step_m + 1e-6
    assert least.min() >= asked["least_agl_m"] - 0.01
    _, under, _ = legs_agl_m(profile.points_m, profile.msl_m, ground)
    assert under.max() <= asked["ceiling_agl_m"] + 0.01
    counted = np.ones(len(at), dtype=bool)
    for start, end in profile.too_high:
        counted &= (at < start - 1e-6) | (at > end + 1e-6)
    assert np.all(most[counted] <= asked["target_agl_m"] + 0.01)
    for start, end in profile.too_low:
        counted &= (at < start - 1e-6) | (at > end + 1e-6)
    # The margin for peaks between samples makes it a little lower than need be.
    slack = 0.5 * steepest(ground) + 0.01
    assert np.all(most[counted] >= asked["target_agl_m"] - 2 * asked["tolerance_m"] - slack)
    # Between those samples the ground may bend once or twice more within a cell.
    least, under, _ = seen_finely(profile, ground, asked["half_across_m"])
    slack = 0.2 * steepest(ground) + 0.01
    assert least.min() >= asked["least_agl_m"] - slack
    assert under.max() <= asked["ceiling_agl_m"] + slack


def steepest(ground: Ground) -> float:
    """The most that two neighbouring cells differ."""
    assert ground.terrain is not None
    heights = ground.terrain.heights_m
    return float(max(np.abs(np.diff(heights, axis=0)).max(), np.abs(np.diff(heights)).max()))


def crossing_m(points: FloatArray, ground: Ground, asked: dict[str, Any]) -> float:
    """By how much the bounds contradict each other: every sample against every other."""
    line = LineString(points)
    at = np.linspace(0, line.length, max(2, math.ceil(line.length / 6)))
    on = np.array([place.coords[0] for place in shapely.line_interpolate_point(line, at)])
    way = np.gradient(on, axis=0)
    _, high = ground.lowest_highest_m(on, np.arctan2(way[:, 1], way[:, 0]), asked["half_across_m"])
    slope = min(asked["climb_slope"], asked["descent_slope"])
    need = (high + asked["least_agl_m"])[:, None] - slope * np.abs(at[:, None] - at)
    return float((need - (ground.heights_m(on) + asked["ceiling_agl_m"])).max())


KINDS = st.sampled_from(["smooth", "rough", "cliff", "valley", "ramp", "ridge"])


class TestFollow:
    @settings(max_examples=60, deadline=None)
    @given(
        kind=KINDS,
        seed=st.integers(0, 10**6),
        relief=st.floats(1, 250),
        count=st.integers(2, 30),
        tolerance=st.sampled_from([0.0, 1.0, 6.0, 13.5, 30.0]),
        target=st.floats(25, 118),
        half=st.sampled_from([0.0, 10.0, 45.0]),
        slope=st.floats(0.03, 0.8),
    )
    @example(
        kind="cliff", seed=1, relief=90.0, count=2, tolerance=6.0, target=90.0, half=45.0, slope=0.2
    )
    def test_it_keeps_everywhere_what_was_asked(
        self,
        kind: str,
        seed: int,
        relief: float,
        count: int,
        tolerance: float,
        target: float,
        half: float,
        slope: float,
    ) -> None:
        ground, points = ground_of(made(kind, seed, relief)), polyline(seed, count)
        asked = {
            **LANE, "target_agl_m": target, "tolerance_m": tolerance, "half_across_m": half,
            "climb_slope": slope, "descent_slope": slope * 0.7,
        }  # fmt: skip
        profile = follow(points, ground, **asked)
        crossing = crossing_m(points, ground, asked)
        slack = 0.6 * steepest(ground) + 0.5
        if profile is None:
            assert crossing > -slack
        else:
            assert crossing < slack
            check(profile, points, ground, asked)

    @settings(max_examples=60, deadline=None)
    @given(KINDS, st.integers(0, 10**6), st.floats(1, 150), st.floats(0, 1), st.floats(0, 1))
    def test_ferries_between_fixed_heights(
        self, kind: str, seed: int, relief: float, first: float, last: float
    ) -> None:
        ground, points = ground_of(made(kind, seed, relief)), polyline(seed, 3)
        asked = {
            **LANE, "target_agl_m": 120.0, "tolerance_m": 52.5, "half_across_m": 5.0,
            "symmetric": False, "climb_slope": 0.5, "descent_slope": 0.3,
        }  # fmt: skip
        ends = ground.heights_m(points[[0, -1]]) + 20 + 90 * np.array([first, last])
        profile = follow(points, ground, **asked, first_msl_m=ends[0], last_msl_m=ends[1])
        if profile is None:
            return
        assert profile.msl_m[[0, -1]] == pytest.approx(ends)
        check(profile, points, ground, asked)
        free = follow(points, ground, **asked)
        assert free is not None
        assert len(free.msl_m) <= len(profile.msl_m) + 1

    def test_flat_ground_leaves_the_points_alone(self) -> None:
        points = polyline(3, 12)
        flat = Ground(None, PROJECTION)
        assert flat.flat
        profile = follow(points, flat, **LANE)
        assert profile is not None
        assert np.array_equal(profile.points_m, points)
        assert np.all(profile.msl_m == 90.0)
        assert list(profile.original) == list(range(12))
        assert profile.too_high == profile.too_low == []
        assert follow(points, flat, **{**LANE, "least_agl_m": 95.0}) is None
        fixed = follow(points, flat, **LANE, first_msl_m=30.0, last_msl_m=90.0)
        assert fixed is not None
        assert (fixed.msl_m[0], fixed.msl_m[-1]) == (30.0, 90.0)

    @pytest.mark.parametrize(("relief", "added"), [(10.0, 0), (25.0, 0), (60.0, 0), (150.0, 0)])
    def test_a_ramp_is_one_line(self, relief: float, added: int) -> None:
        profile = follow([[-900, 0], [900, 0]], ground_of(made("ramp", 0, relief)), **LANE)
        assert profile is not None
        assert len(profile.msl_m) == 2 + added

    def test_a_hill_is_few_bends(self) -> None:
        east = np.arange(70)
        hill = np.tile(100 * np.exp(-(((east - 35) / 12.0) ** 2)), (70, 1))
        asked = {**LANE, "half_across_m": 0.0}
        profile = follow([[-1000, 0], [1000, 0]], ground_of(hill), **asked)
        assert profile is not None
        assert 3 <= len(profile.msl_m) <= 6
        assert profile.too_high == profile.too_low == []

    def test_a_sharp_valley_keeps_the_resolution(self) -> None:
        # Sides of 2:1: no aircraft at these slopes keeps a band of 5 m in there.
        ground = ground_of(
            np.tile(np.minimum(60.0, 60 * np.abs(np.arange(70) - 35) / 1.0), (70, 1))
        )
        asked = {**LANE, "tolerance_m": 2.5, "half_across_m": 0.0}
        points = np.array([[-900.0, 0.0], [900.0, 0.0]])
        profile = follow(points, ground, **asked)
        assert profile is not None
        check(profile, points, ground, asked)
        assert profile.too_high == []
        assert profile.too_low != []

    def test_clearance_wins_over_resolution(self) -> None:
        # A wall 60 m high, target 40 m: over it the height cannot come down at once.
        ground = ground_of(np.tile(60.0 * (np.arange(70) > 35), (70, 1)))
        asked = {**LANE, "target_agl_m": 40.0, "tolerance_m": 6.0, "half_across_m": 0.0}
        points = np.array([[-900.0, 0.0], [900.0, 0.0]])
        profile = follow(points, ground, **asked)
        assert profile is not None
        check(profile, points, ground, asked)
        [(start, end)] = profile.too_high
        assert 600 < start < end < 960
        # From above the clear part is 25 m above the ground less the 15 m: 35 m of climb.
        assert end - start < 60 / 0.19 + 60

    @pytest.mark.parametrize(
        "changes",
        [{"ceiling_agl_m": 60.0, "target_agl_m": 50.0}, {"least_agl_m": 200.0}, {"first_msl_m": 5.0}, {"last_msl_m": 500.0}],
        ids=str,
    )  # fmt: skip
    def test_none_where_it_cannot_be(self, changes: dict[str, Any]) -> None:
        ground = ground_of(np.tile(100.0 * (np.arange(70) > 35), (70, 1)))
        asked = {**LANE, "climb_slope": 0.2, **changes}
        assert follow([[-900, 0], [900, 0]], ground, **asked) is None

    def test_none_over_holes_and_beyond_the_end(self) -> None:
        heights = np.zeros((70, 70))
        heights[30:33, 30:33] = np.nan
        ground = ground_of(heights)
        hole = np.array([[-900.0, 100.0], [900.0, 100.0]])
        assert follow(hole, ground, **LANE) is None
        assert follow(hole + np.array([0, 110]), ground, **LANE) is not None
        assert follow(hole + np.array([0, 85]), ground, **{**LANE, "half_across_m": 60.0}) is None
        assert follow([[0, -500], [2000, -500]], ground, **LANE) is None

    def test_points_at_one_place(self) -> None:
        ground = ground_of(made("smooth", 4, 120.0))
        points = np.array([[-700.0, 0], [-700, 0], [0, 0], [0, 0], [0, 0], [300, 500], [300, 500]])
        profile = follow(points, ground, **LANE)
        assert profile is not None
        check(profile, points, ground, LANE)
        alone = follow([[10.0, 20.0]], ground, **LANE)
        assert alone is not None
        assert len(alone.msl_m) == 1
        assert follow([[10.0, 20.0]], ground, **LANE, first_msl_m=200.0, last_msl_m=201.0) is None
        still = follow([[10.0, 20.0]] * 3, ground, **LANE)
        assert still is not None
        assert len(still.msl_m) == 3

    def test_there_and_back(self) -> None:
        ground = ground_of(made("smooth", 4, 120.0))
        points = np.array([[-700.0, 0], [700, 0], [-700, 0]])
        profile = follow(points, ground, **LANE)
        assert profile is not None
        check(profile, points, ground, LANE)

    def test_it_is_quick(self) -> None:
        ground = ground_of(made("smooth", 9, 150.0, size=110))
        points = polyline(1, 2, 1250.0)
        follow(points, ground, **LANE)
        began = time.perf_counter()
        for _ in range(5):
            follow(points, ground, **LANE)
        assert (time.perf_counter() - began) / 5 < 0.2  # some 7 ms where nothing else runs


class TestTunnel:
    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 10**6), st.floats(0.5, 12), st.integers(0, 5))
    def test_near_the_least_number_of_bends(self, seed: int, room: float, given_count: int) -> None:
        rng = np.random.default_rng(seed)
        at = np.cumsum(rng.uniform(3, 10, 24))
        middle = gaussian_filter(rng.normal(size=24), 1.5) * 30
        band = middle + room
        tunnel = Tunnel.between(at, middle - 50, middle + 50, band, room / 2, (0.4, 0.3))
        assert tunnel is not None
        inner = np.sort(rng.choice(np.arange(1, 23), given_count, replace=False))
        free = np.concatenate([[0], inner, [23]])
        bends, heights = tunnel.few_bends(free)
        assert tunnel.holds(bends, heights)
        assert (bends[0], bends[-1]) == (0, 23)
        added = len(np.setdiff1d(bends, free))
        assert added <= least_added(tunnel, free) + 1

    def test_both_bounds_and_their_mean_are_ways(self) -> None:
        rng = np.random.default_rng(0)
        for _ in range(50):
            at = np.cumsum(rng.uniform(1, 10, 60))
            floor = rng.uniform(0, 30, 60)
            tunnel = Tunnel.between(
                at, floor, floor + 60, floor + rng.uniform(5, 50), 4.0, (0.5, 0.7)
            )
            assert tunnel is not None
            for heights in (tunnel.low_m, tunnel.high_m, (tunnel.low_m + tunnel.high_m) / 2):
                assert tunnel.holds(np.arange(60), heights)
            assert np.all(tunnel.low_m >= floor - 1e-6)
            assert np.all(tunnel.high_m <= floor + 60 + 1e-6)


def least_added(tunnel: Tunnel, free: NDArray[np.intp]) -> int:
    """All pairs of samples at 41 levels: slow, and finer than what is tested."""
    levels = np.linspace(0, 1, 41)
    height = tunnel.low_m[:, None] + (tunnel.high_m - tunnel.low_m)[:, None] * levels
    size = len(tunnel.at_m)
    cost = np.full(height.shape, 10**6)
    cost[0] = 0
    for start in range(size - 1):
        down = np.full(len(levels), -tunnel.slopes[1] - 1e-9)
        up = np.full(len(levels), tunnel.slopes[0] + 1e-9)
        for end in range(start + 1, size):
            run = tunnel.at_m[end] - tunnel.at_m[start]
            down = np.maximum(down, (tunnel.low_m[end] - height[start]) / run)
            up = np.minimum(up, (tunnel.high_m[end] - height[start]) / run)
            slope = (height[end] - height[start][:, None]) / run
            seen = (slope >= down[:, None] - 1e-12) & (slope <= up[:, None] + 1e-12)
            price = cost[start][:, None] + (end not in free)
            cost[end] = np.minimum(cost[end], np.where(seen, price, 10**6).min(axis=0))
    return int(cost[-1].min())


class TestGround:
    def test_across_the_track(self) -> None:
        ground = ground_of(np.tile(np.arange(70.0), (70, 1)))  # a metre up a cell of 30 m east
        points = np.zeros((2, 2))
        low, high = ground.lowest_highest_m(points, [0.0, math.pi / 2], 30.0)
        here = ground.heights_m(points)[0]
        assert low == pytest.approx([here, here - 1], abs=0.02)
        assert high == pytest.approx([here, here + 1], abs=0.02)
        assert ground.step_m == pytest.approx(10.0, abs=0.1)
        assert ground_of(np.zeros((9, 9)), 1.0).step_m == 2.0
        assert np.isnan(ground.heights_m([[5000.0, 0.0]])).all()

    def test_unknown_ground_across_is_unknown(self) -> None:
        heights = np.zeros((70, 70))
        heights[34, 34] = np.nan
        low, high = ground_of(heights).lowest_highest_m([[60.0, 0.0]], [math.pi / 2], 60.0)
        assert np.isnan([low, high]).all()

    def test_flat(self) -> None:
        flat = Ground(None, PROJECTION)
        low, high = flat.lowest_highest_m(np.zeros((3, 2)), np.zeros(3), 40.0)
        assert list(low) == list(high) == list(flat.heights_m(np.zeros((3, 2)))) == [0, 0, 0]


class TestLegs:
    def test_a_climb_on_the_spot_counts_both_heights(self) -> None:
        at, least, most = legs_agl_m(
            [[0, 0], [100, 0], [100, 0], [200, 0]], [10, 10, 50, 50], Ground(None, PROJECTION)
        )
        assert (at[0], at[-1]) == (0, 200)
        assert least[at < 101] == pytest.approx(10)
        assert most[at > 99] == pytest.approx(50)
        assert least[at > 101] == pytest.approx(50)
        assert most[at < 99] == pytest.approx(10)

    def test_a_slope_is_straight(self) -> None:
        at, least, most = legs_agl_m([[0, 0], [300, 400]], [0, 100], Ground(None, PROJECTION), 20.0)
        assert least == pytest.approx(at / 5)
        assert np.array_equal(least, most)
