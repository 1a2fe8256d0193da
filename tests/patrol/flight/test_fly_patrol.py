"""Whole flights: simulated vehicles in their own processes, flown through dronekit."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely
from short_patrol import HEIGHT_M, PROJECTION, START_S

from geo.coordinates import LocalProjection, LonLat
from patrol.errors import FlightError
from patrol.flight.airspace import least_apart_m
from patrol.flight.link import Link
from patrol.flight.operation import Flown, Simulation, SortieRecord, fly_patrol
from patrol.flight.sight import Ending, Limits
from patrol.mission import mission_items
from patrol.plan import Plan
from patrol.simulation.vehicle import Fault, SimulatedVehicle, VehicleSettings
from patrol.telemetry import Telemetry

SPEEDUP = 400.0


def simulation(*faults: str, seed: int = 1, wind: float = 6.0) -> Simulation:
    return Simulation(START_S, SPEEDUP, wind, seed, tuple(Fault.parse(f) for f in faults))


def events(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "flight" / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def flown(patrol_folder: Path, plan: Plan) -> tuple[Path, list[SortieRecord], list[float]]:
    """The short patrol, flown once in a fresh breeze; with the distances reported on the way."""
    metres: list[float] = []
    stale = patrol_folder / "flight" / "sortie-07.parquet"
    stale.parent.mkdir()
    stale.write_bytes(b"of an earlier plan")
    flown = fly_patrol(patrol_folder, plan, simulation=simulation(), on_distance=metres.append)
    assert flown.ending is Ending.COMPLETE
    return patrol_folder, list(flown.records), metres


def telemetry(flown: tuple[Path, list[SortieRecord], list[float]], number: int) -> Telemetry:
    return Telemetry.read(flown[0] / "flight" / f"sortie-{number:02d}.parquet")


def runs(mask: np.ndarray[Any, np.dtype[np.bool_]]) -> list[tuple[int, int]]:
    """First and last index of each stretch of True."""
    edges = np.diff(np.concatenate([[0], mask.astype(int), [0]]))
    return list(zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1, strict=True))


def test_every_sortie_is_flown_to_its_end(
    flown: tuple[Path, list[SortieRecord], list[float]], plan: Plan
) -> None:
    folder, records, metres = flown
    assert not (folder / "flight" / "sortie-07.parquet").exists(), "it is not in the plan"
    assert [r.outcome for r in records] == ["complete", "complete"]
    for record in records:
        assert record.distance_m == pytest.approx(record.planned_m, rel=0.04)
        metadata = pq.read_schema(
            folder / "flight" / f"sortie-{record.sortie:02d}.parquet"
        ).metadata
        assert metadata[b"outcome"] == b"complete"
        assert metadata[b"gimbal"] == b"reported"
    assert metres == sorted(metres)
    assert metres[-1] == pytest.approx(sum(r.distance_m for r in records), rel=0.05)


@pytest.mark.parametrize("number", [1, 2])
def test_telemetry_is_complete_and_dated_by_the_vehicle(
    flown: tuple[Path, list[SortieRecord], list[float]], plan: Plan, number: int
) -> None:
    rows = telemetry(flown, number)
    steps = np.diff(rows.time_s)
    assert steps.max() < 0.1001, "fewer than ten rows a second"
    assert steps.min() > 0
    assert START_S < rows.time_s[0] < START_S + (120 if number == 1 else 1200)
    assert rows.above_launch_m[0] < 1
    assert rows.above_launch_m[-1] < 2  # the estimate drifts
    assert np.percentile(np.abs(rows.above_launch_m[rows.recording] - HEIGHT_M), 95) < 0.5
    assert np.all(np.abs(rows.gimbal_pitch_deg[rows.recording] + 90) < 1)
    assert np.ptp(rows.msl_m - rows.above_launch_m) < 0.01
    assert rows.battery_pct[0] > rows.battery_pct[-1] > 80
    assert np.all(np.diff(rows.battery_pct) <= 0)
    assert 2 < np.max(np.abs(rows.pitch_deg)) < 31, "a copter in the wind tilts"
    fast = rows.recording & (rows.ground_speed_m_s > 7.5)
    assert fast.sum() > 100
    # The nose, and the picture with it, points along the track.
    projected = PROJECTION.forward(np.column_stack([rows.lon_deg, rows.lat_deg]))
    course = np.degrees(np.arctan2(*np.gradient(projected, axis=0).T))
    off = np.abs((rows.yaw_deg - course + 180) % 360 - 180)
    assert np.median(off[fast]) < 5
    assert np.allclose(rows.gimbal_yaw_deg, rows.yaw_deg, atol=0.5) or np.ptp(rows.yaw_deg) > 350


@pytest.mark.parametrize("number", [1, 2])
def test_the_camera_films_the_lanes_and_nothing_else(
    flown: tuple[Path, list[SortieRecord], list[float]], plan: Plan, number: int
) -> None:
    rows = telemetry(flown, number)
    track = PROJECTION.forward(np.column_stack([rows.lon_deg, rows.lat_deg]))
    names = list(dict.fromkeys(w.lane for w in plan.sortie(number).waypoints))
    filmed = runs(rows.recording)
    assert len(filmed) == len(names)
    for (first, last), name in zip(filmed, names, strict=True):
        line = next(lane.line for lane in plan.lanes if lane.id == name)
        points = PROJECTION.forward(shapely.get_coordinates(line))
        # Corners are rounded within 2 m.
        assert np.hypot(*(track[first] - points[0])) < 3.0
        assert np.hypot(*(track[last] - points[-1])) < 3.0
    ons = [e for e in events(flown[0]) if e["sortie"] == number and "recording on" in e["text"]]
    assert len(ons) == len(names)


@pytest.mark.parametrize("number", [1, 2])
def test_it_keeps_to_the_lanes(
    flown: tuple[Path, list[SortieRecord], list[float]], plan: Plan, number: int
) -> None:
    rows = telemetry(flown, number)
    track = PROJECTION.forward(np.column_stack([rows.lon_deg, rows.lat_deg]))[rows.recording]
    lines = [
        shapely.LineString(PROJECTION.forward(shapely.get_coordinates(lane.line)))
        for lane in plan.lanes
    ]
    vertices = np.vstack([shapely.get_coordinates(line) for line in lines])
    points = shapely.points(track)
    off = np.min([shapely.distance(points, line) for line in lines], axis=0)
    from_corner = np.min(np.hypot(*(track[:, None] - vertices[None]).transpose(2, 0, 1)), axis=1)
    straight = off[from_corner > 15]
    assert len(straight) > 100
    assert straight.max() < 2.0
    assert np.percentile(off, 95) < 1.5


def test_events_tell_the_flight_in_order(
    flown: tuple[Path, list[SortieRecord], list[float]],
) -> None:
    told = [e for e in events(flown[0]) if e["sortie"] == 1]
    texts = [e["text"] for e in told]
    order = ["fence: ", "rally points: ", "mission: ", "mode GUIDED", "armed", "mode AUTO", "recording on", "recording off",
             "disarmed", "sortie 1: complete"]  # fmt: skip
    places = [next(i for i, text in enumerate(texts) if word in text) for word in order]
    assert places == sorted(places)
    times = [e["time"] for e in told if e["time"]]
    assert times == sorted(times)
    assert all(t.startswith("2026-05-20T01:") and t.endswith("Z") for t in times)
    assert not [e for e in told if e["level"] in ("error", "critical", "warning")]


def test_flying_one_sortie_again_keeps_the_others(plan: Plan, tmp_path: Path) -> None:
    old = {"time": None, "sortie": 1, "level": "info", "text": "kept"}
    stale = {"time": None, "sortie": 2, "level": "info", "text": "stale"}
    (tmp_path / "flight").mkdir()
    (tmp_path / "flight" / "events.jsonl").write_text(f"{json.dumps(old)}\n{json.dumps(stale)}\n")
    [record] = fly_patrol(tmp_path, plan, sorties=[2], simulation=simulation()).records
    assert record.outcome == "complete"
    assert not (tmp_path / "flight" / "sortie-01.parquet").exists()
    texts = [e["text"] for e in events(tmp_path)]
    assert "kept" in texts
    assert "stale" not in texts


def fly(plan: Plan, folder: Path, *faults: str, **more: Any) -> Flown:
    """The first sortie with these faults; a lost vehicle is not waited for long."""
    return fly_patrol(
        folder, plan, **{"sorties": [1], "simulation": simulation(*faults), "silence_s": 1.0,
                         "limits": Limits(lost_wall_s=2.0), **more},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "ending", "says"),
    [
        ("arming", Ending.REFUSED, "refuses to arm: PreArm: Compass not calibrated"),
        ("item@5", Ending.REFUSED, r"refused item 5 of the mission .*it holds no mission, as before; nothing was armed \(Mission item 5 refused\)"),
        ("battery@25=15", Ending.BROKEN_OFF, "left the mission .* went to RTL: Battery Failsafe"),
        ("sag@25=4", Ending.BROKEN_OFF, "left the mission .*: Battery Failsafe"),
        ("gps@25", Ending.BROKEN_OFF, "left the mission .* went to LAND: EKF Failsafe"),
        ("ekf@25", Ending.BROKEN_OFF, "left the mission .* went to LAND: EKF Failsafe"),
        ("gust@25+30=50", Ending.BROKEN_OFF, "left the mission .* fence breached"),
        ("link@25+30", Ending.BROKEN_OFF, "went to RTL: .*(GCS Failsafe|lost contact)"),
        ("link@25", Ending.LOST, "link lost in flight at item .*no message from the vehicle for"),
        ("reboot@30", Ending.BROKEN_OFF, "autopilot restarted in flight"),
        ("pilot@25=LOITER", Ending.PILOT, "the pilot took the vehicle over at item .* in mode LOITER"),
    ],
)  # fmt: skip
def test_each_failure_ends_with_its_reason_and_a_record(
    plan: Plan, tmp_path: Path, fault: str, ending: Ending, says: str
) -> None:
    flown = fly(plan, tmp_path, fault)
    assert flown.ending is ending
    assert re.match(f"sortie 1: .*{says}", flown.reason), flown.reason
    assert "\n" not in flown.reason
    path = tmp_path / "flight" / "sortie-01.parquet"
    assert path.exists() == (ending is not Ending.REFUSED)
    assert "sortie 1: " in events(tmp_path)[-1]["text"]
    if ending is Ending.REFUSED:
        return
    rows = Telemetry.read(path)
    assert len(rows) > 150
    assert rows.above_launch_m.max() > 20
    assert flown.reason[10:40].encode() in pq.read_schema(path).metadata[b"outcome"]
    if ending is not Ending.LOST and not fault.startswith("reboot"):
        assert rows.above_launch_m[-1] < 3, "it came down before the flight was given up"
    if "RTL" in flown.reason and "gust" not in fault:
        back = LocalProjection(plan.sorties[0].launch).forward(
            [[rows.lon_deg[-1], rows.lat_deg[-1]]]
        )
        assert np.hypot(*back[0]) < 3, "it came home"
        assert not rows.recording[-50:].any()


@pytest.mark.parametrize(
    "fault",
    ["gps@25+3", "link@25+5", "glitch@25+5=60", "pilot@25+15=LOITER", "duplicate@0=20",
     "reorder@0=20", "latency@0=0.01", "loss@0=10"],
)  # fmt: skip
def test_what_passes_does_not_end_a_flight(plan: Plan, tmp_path: Path, fault: str) -> None:
    flown = fly(plan, tmp_path, fault)
    assert (flown.ending, flown.reason) == (Ending.COMPLETE, "complete")
    rows = Telemetry.read(tmp_path / "flight" / "sortie-01.parquet")
    assert np.all(np.diff(rows.time_s) > 0)


def test_the_missions_speed_holds_again_after_a_hold(plan: Plan, tmp_path: Path) -> None:
    """ArduCopter goes on at its own WPNAV_SPEED, 10 m/s, when it enters AUTO anew."""
    flown = fly(plan, tmp_path, "pilot@25+10=LOITER")
    assert flown.ending is Ending.COMPLETE
    rows = Telemetry.read(tmp_path / "flight" / "sortie-01.parquet")
    planned = max(i.param2 for i in mission_items(plan, plan.sorties[0]) if i.command == 178)
    since_s = rows.time_s - rows.time_s[0]
    later = rows.recording & (since_s > 25 + 10 + 15)
    assert rows.ground_speed_m_s[later].size > 20
    assert rows.ground_speed_m_s[later].max() < planned + 0.5


def test_a_vehicle_elsewhere_is_not_armed(plan: Plan, tmp_path: Path) -> None:
    away = LonLat(113.4600, 23.106)  # 102 m east
    with SimulatedVehicle(VehicleSettings(away, START_S, speedup=SPEEDUP)) as vehicle:
        flown = fly(plan, tmp_path, connect=[vehicle.url])
    assert flown.ending is Ending.REFUSED
    assert re.search(r"home is 10\d m from the launch site", flown.reason)
    assert not (tmp_path / "flight" / "sortie-01.parquet").exists()


def test_a_flat_battery_is_not_flown(plan: Plan, tmp_path: Path) -> None:
    settings = VehicleSettings(plan.sorties[0].launch, START_S, speedup=SPEEDUP, battery_pct=10.0)
    with SimulatedVehicle(settings) as vehicle:
        flown = fly(plan, tmp_path, connect=[vehicle.url])
    assert "battery is at 10 % and the sortie is planned to use 16 %" in flown.reason


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"vehicle_type": "plane"},
            "this is a plane with ArduPilot, and a patrol needs a multicopter",
        ),
        ({"vehicle_type": "px4"}, "a patrol needs a multicopter with ArduPilot"),
        ({"firmware": (3, 6, 12)}, r"its firmware is ArduCopter 3\.6\.12; 4\.1 or newer is needed"),
    ],
)
def test_a_vehicle_of_the_wrong_kind_is_refused(
    plan: Plan, tmp_path: Path, settings: dict[str, Any], says: str
) -> None:
    made = VehicleSettings(plan.sorties[0].launch, START_S, speedup=SPEEDUP, **settings)
    with SimulatedVehicle(made) as vehicle:
        flown = fly(plan, tmp_path, connect=[vehicle.url])
    assert flown.ending is Ending.REFUSED
    assert re.search(says, flown.reason), flown.reason


def test_a_fence_that_excludes_its_own_waypoints_is_refused_before_anything(
    plan: Plan, tmp_path: Path
) -> None:
    near = [
        LonLat(113.459 + x, 23.106 + y) for x, y in ((-3e-4, -3e-4), (9e-4, -3e-4), (3e-4, 9e-4))
    ]
    with pytest.raises(
        FlightError, match="the fence excludes its own waypoint: item 4 lies outside"
    ):
        fly(plan, tmp_path, fence=tuple(near))
    assert not (tmp_path / "flight" / "events.jsonl").exists()


def test_the_vehicles_parameters_are_as_before_afterwards(plan: Plan, tmp_path: Path) -> None:
    settings = VehicleSettings(plan.sorties[0].launch, START_S, speedup=SPEEDUP)
    names = ("RTL_ALT", "FENCE_ENABLE", "FENCE_TYPE", "FENCE_ALT_MAX", "WPNAV_ACCEL")
    with SimulatedVehicle(settings) as vehicle:
        with Link(vehicle.url) as link:
            before = [link.parameter(name) for name in names]
        assert fly(plan, tmp_path, connect=[vehicle.url]).ending is Ending.COMPLETE
        with Link(vehicle.url) as link:
            assert [link.parameter(name) for name in names] == before


def test_a_vehicle_that_dies_in_flight(plan: Plan, tmp_path: Path) -> None:
    """Its TCP connection ends; dronekit alone would then spin at full CPU for ever."""
    settings = VehicleSettings(plan.sorties[0].launch, START_S, speedup=50.0)
    threads = threading.active_count()
    with SimulatedVehicle(settings) as vehicle:

        def kill_it(metres: float) -> None:
            if metres > 30 and vehicle.running:
                vehicle.process.kill()

        flown = fly(plan, tmp_path, connect=[vehicle.url], on_distance=kill_it)
    assert flown.ending is Ending.LOST
    assert "the vehicle closed the connection" in flown.reason
    assert len(Telemetry.read(tmp_path / "flight" / "sortie-01.parquet")) > 50
    assert threading.active_count() <= threads


# -- several vehicles --------------------------------------------------------------------------------


def test_two_vehicles_fly_at_once_and_keep_apart(plan: Plan, tmp_path: Path) -> None:
    flown = fly(plan, tmp_path, sorties=None, vehicles=2)
    assert flown.ending is Ending.COMPLETE
    first, second = flown.records
    assert {first.vehicle, second.vehicle} == {1, 2}
    assert first.began_s is not None
    assert second.ended_s is not None
    assert second.began_s < first.ended_s, "at one time"
    assert flown.operating_s < first.duration_s + second.duration_s
    tracks = []
    for number in (1, 2):
        rows = Telemetry.read(tmp_path / "flight" / f"sortie-{number:02d}.parquet")
        place = PROJECTION.forward(np.column_stack([rows.lon_deg, rows.lat_deg]))
        tracks.append(np.column_stack([place, rows.above_launch_m, rows.time_s]))
    assert least_apart_m(*tracks) > 30.0


def test_one_vehicles_failure_does_not_stop_the_others(plan: Plan, tmp_path: Path) -> None:
    flown = fly(plan, tmp_path, "gps@25", sorties=None, vehicles=2)
    endings = {r.vehicle: r.ending for r in flown.records}
    assert endings == {1: Ending.BROKEN_OFF, 2: Ending.COMPLETE}
    assert flown.ending is Ending.BROKEN_OFF


def test_what_a_failed_vehicle_has_not_begun_falls_to_another(plan: Plan, tmp_path: Path) -> None:
    """Two vehicles and three sorties: the one with two of them is refused arming."""
    third = replace(plan.sorties[1], id=3)
    longer = replace(plan, sorties=(*plan.sorties, third))
    flown = fly(longer, tmp_path, "arming", sorties=None, vehicles=2)
    flew = {r.sortie: (r.vehicle, r.ending) for r in flown.records}
    assert flew[1] == (1, Ending.REFUSED)
    assert flew[2] == (2, Ending.COMPLETE)
    assert flew[3] == (2, Ending.COMPLETE)
    assert flown.left == ()


def test_a_vehicle_that_disarms_before_it_is_told_to_start_is_armed_again(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As over a bad link: the order comes when the wait for it has switched the motors off."""
    command, late = Link.command, []

    def slow(self: Link, number: int, *params: float, **how: Any) -> int | None:
        if number == 300 and not late:  # MAV_CMD_MISSION_START
            late.append(number)
            assert self.wait(lambda: not self.armed, 30.0)
        return command(self, number, *params, **how)

    monkeypatch.setattr(Link, "command", slow)
    settings = VehicleSettings(plan.sorties[0].launch, START_S, speedup=SPEEDUP)
    with SimulatedVehicle(settings) as vehicle:
        with Link(vehicle.url) as link:
            assert link.set_parameter("DISARM_DELAY", 2.0)
        flown = fly(plan, tmp_path, connect=[vehicle.url])
    assert late
    assert (flown.ending, flown.reason) == (Ending.COMPLETE, "complete")
