"""The figures of plans made by hand, against what they come to on paper."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from drawn_plans import PHOTOS, PROJECTION, VIDEO, hand_plan

from geo.terrain import Terrain
from patrol.mission import trigger_m
from patrol.pictures import facts
from patrol.pictures.words import cells, columns, share_text, total_cells
from patrol.plan import Flight, Uncovered


def test_a_sortie_of_two_straight_lanes() -> None:
    told = facts(hand_plan())
    first = told.sorties[0]
    assert (first.id, first.site, first.site_name_en) == (1, "L1", "Site 1")
    assert first.lanes == ("R1-01", "R1-02")
    assert first.duration_s == 300.0
    assert first.km == pytest.approx(0.52)
    assert first.lane_km == pytest.approx(0.4, abs=1e-5)
    assert first.battery_left_share == pytest.approx(0.5)
    # Without terrain every lane is at the height that gives the GSD that was asked for.
    assert first.gsd_m == pytest.approx((0.035, 0.035))


def test_video_is_filmed_along_the_lanes_only() -> None:
    first = facts(hand_plan()).sorties[0]
    assert first.photos == 0
    assert first.filmed_s == pytest.approx(400 / 8, abs=0.01)  # 400 m at 8 m/s
    assert first.gigabytes == pytest.approx(first.filmed_s * 130e6 / 8 / 1e9)  # 130 Mbit/s


def test_photos_are_rounded_up_lane_by_lane() -> None:
    plan = hand_plan(PHOTOS)
    first = facts(plan).sorties[0]
    each = math.ceil(200 / trigger_m(plan))
    assert each * trigger_m(plan) > 200.001, "the case is not one of whole numbers"
    assert first.photos == 2 * each
    assert first.gigabytes == pytest.approx(2 * each * 9e-3)  # 9 MB each
    assert first.filmed_s == 0.0


def test_totals_and_operation() -> None:
    plan = hand_plan(rivers=3)
    told = facts(plan)
    assert told.total.km == pytest.approx(3 * 0.52)
    assert told.total.duration_s == 900.0
    assert told.total.lanes == 6
    assert told.total.gigabytes == pytest.approx(sum(s.gigabytes for s in told.sorties))
    assert told.operating_s == 1500.0  # three of 300 s with 300 s between
    assert told.gap_share == pytest.approx(0.2)
    assert [s.start_s for s in told.sorties] == [0.0, 600.0, 1200.0]
    assert (told.crews, told.drones, told.swaps) == (1, 1, 2)
    assert told.river_km == pytest.approx(0.6)


def test_two_drones_need_no_swap_for_their_first_flights() -> None:
    plan = hand_plan(rivers=3)
    flights = tuple(
        Flight(1, 1 + i % 2, f.sortie, f.site, f.start_s, f.end_s)
        for i, f in enumerate(plan.operation.flights)
    )
    told = facts(replace(plan, operation=replace(plan.operation, flights=flights)))
    assert (told.crews, told.drones, told.swaps) == (1, 2, 1)


def test_coverage_by_river_and_what_is_missing() -> None:
    part = Uncovered("R2", "left", 50.0, 60.0, "弯道 a bend too tight for the lanes")
    told = facts(hand_plan(uncovered=(part,)))
    assert [river.share for river in told.rivers] == pytest.approx([1.0, 390 / 400])
    assert told.seen_share == pytest.approx(790 / 800)
    assert told.area_share == pytest.approx(0.99)
    [missing] = told.uncovered
    assert (missing.river, missing.name, missing.bank) == ("R2", "R2号涌", "left")
    assert missing.reason == part.reason


def test_the_emptiest_battery_counts() -> None:
    plan = hand_plan()
    hungry = replace(plan.sorties[1], energy_wh=0.7 * plan.settings.own_battery_wh)
    told = facts(replace(plan, sorties=(plan.sorties[0], hungry)))
    assert told.total.battery_left_share == pytest.approx(0.3)


def test_gsd_over_a_slope_is_a_range() -> None:
    """Ground that rises 1 m in 50 to the east, under lanes level at the height over its foot."""
    plan = hand_plan(rivers=1)
    lon = np.linspace(113.45, 113.47, 401)
    lat = np.linspace(23.18, 23.16, 401)
    east = PROJECTION.forward([(x, 23.17) for x in lon])[:, 0]
    heights = np.tile(east / 50, (len(lat), 1))
    step = float(lon[1] - lon[0])
    terrain = Terrain(113.45, 23.18, step, step, heights, "slope.tif")
    finest, coarsest = facts(replace(plan, terrain=terrain)).sorties[0].gsd_m
    height_m = plan.settings.height_m
    # The lanes run from 0 to 200 m east, straight along the slope.
    assert finest == pytest.approx(0.035 * (height_m - 200 / 50) / height_m, rel=2e-3)
    assert coarsest == pytest.approx(0.035, rel=2e-3)


def test_rows_of_the_table_fit_its_columns() -> None:
    for settings, captured in ((VIDEO, "video min"), (PHOTOS, "photos")):
        told = facts(hand_plan(settings))
        names = [column.name.en for column in columns(told)]
        assert captured in names
        assert len(names) == len(cells(told.sorties[0], told)) == len(total_cells(told))
    row = dict(zip(names, cells(told.sorties[1], told), strict=True))
    assert row["start"] == "+0:10"
    assert row["min"] == "5.0"
    assert row["battery"] == "50 %"
    assert row["GSD cm"] == "2.00"


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100.00 %"), (0.99999, "99.99 %"), (0.98275, "98.27 %"), (0.0, "0.00 %")],
)
def test_a_share_never_rounds_up_to_everything(share: float, text: str) -> None:
    assert share_text(share) == text
