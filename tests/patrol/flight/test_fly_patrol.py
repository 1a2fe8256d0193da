"""Whole flights: simulated vehicles in their own processes, flown through dronekit."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely
from short_patrol import HEIGHT_M, PROJECTION, START_S

from geo.coordinates import LocalProjection, LonLat
from patrol.errors import FlightError
from patrol.flight.operation import Simulation, SortieRecord, fly_patrol
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
    records = fly_patrol(patrol_folder, plan, simulation=simulation(), on_distance=metres.append)
    return patrol_folder, records, metres


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
        # Corners are rounded within 2 m, and dronekit's float32 moves waypoints by up to 0.5 m.
        assert np.hypot(*(track[first] - points[0])) < 3.5
        assert np.hypot(*(track[last] - points[-1])) < 3.5
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
    order = ["mission of", "mode GUIDED", "armed", "mode AUTO", "recording on", "recording off",
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
    [record] = fly_patrol(tmp_path, plan, sorties=[2], simulation=simulation())
    assert record.outcome == "complete"
    assert not (tmp_path / "flight" / "sortie-01.parquet").exists()
    texts = [e["text"] for e in events(tmp_path)]
    assert "kept" in texts
    assert "stale" not in texts


@pytest.mark.parametrize(
    ("fault", "says", "keeps_record"),
    [
        ("arming", "refuses to arm: PreArm: Compass not calibrated", False),
        ("item@5", r"refused the mission after 5 of \d+ items .*Mission item 5 refused", False),
        ("battery@25=15", "left the mission .* went to RTL: Battery 1 is low .*Battery Failsafe", True),
        ("gps@25", "left the mission .* went to LAND: GPS Glitch.*; EKF Failsafe", True),
        ("link@25", "link lost in flight .*no message from the vehicle for", True),
    ],
)  # fmt: skip
def test_each_failure_is_one_line_and_keeps_the_record(
    plan: Plan, tmp_path: Path, fault: str, says: str, keeps_record: bool
) -> None:
    with pytest.raises(FlightError, match=f"^sortie 1: .*{says}") as failure:
        fly_patrol(tmp_path, plan, sorties=[1], simulation=simulation(fault), silence_s=2.0)
    assert "\n" not in str(failure.value)
    path = tmp_path / "flight" / "sortie-01.parquet"
    assert path.exists() == keeps_record
    assert "sortie 1: " in events(tmp_path)[-1]["text"]
    if keeps_record:
        rows = Telemetry.read(path)
        assert len(rows) > 150
        assert rows.above_launch_m.max() > 20
        assert says.split(" ")[0].encode() in pq.read_schema(path).metadata[b"outcome"]
    if fault.startswith(("battery", "gps")):
        assert rows.above_launch_m[-1] < 3, "it came down before the flight was given up"
    if fault.startswith("battery"):
        back = LocalProjection(plan.sorties[0].launch).forward(
            [[rows.lon_deg[-1], rows.lat_deg[-1]]]
        )
        assert np.hypot(*back[0]) < 3, "a low battery brings it home"
        assert not rows.recording[-100:].any()


def test_a_vehicle_elsewhere_is_not_armed(plan: Plan, tmp_path: Path) -> None:
    away = LonLat(113.4600, 23.106)  # 102 m east
    with (
        SimulatedVehicle(VehicleSettings(away, START_S, speedup=SPEEDUP)) as vehicle,
        pytest.raises(FlightError, match=r"home is 10\d m from the launch site"),
    ):
        fly_patrol(tmp_path, plan, sorties=[1], connect=vehicle.url, simulation=simulation())
    assert not (tmp_path / "flight" / "sortie-01.parquet").exists()


def test_a_flat_battery_is_not_flown(plan: Plan, tmp_path: Path) -> None:
    settings = VehicleSettings(plan.sorties[0].launch, START_S, speedup=SPEEDUP, battery_pct=10.0)
    with (
        SimulatedVehicle(settings) as vehicle,
        pytest.raises(
            FlightError, match="battery is at 10 % and the sortie is planned to use 16 %"
        ),
    ):
        fly_patrol(tmp_path, plan, sorties=[1], connect=vehicle.url, simulation=simulation())


def test_a_vehicle_that_dies_in_flight(plan: Plan, tmp_path: Path) -> None:
    """Its TCP connection ends; dronekit alone would then spin at full CPU for ever."""
    settings = VehicleSettings(plan.sorties[0].launch, START_S, speedup=50.0)
    threads = threading.active_count()
    with SimulatedVehicle(settings) as vehicle:

        def kill_it(metres: float) -> None:
            if metres > 30 and vehicle.running:
                vehicle.process.kill()

        with pytest.raises(FlightError, match="the vehicle closed the connection"):
            fly_patrol(
                tmp_path, plan, sorties=[1], connect=vehicle.url, simulation=simulation(),
                on_distance=kill_it,
            )  # fmt: skip
    assert len(Telemetry.read(tmp_path / "flight" / "sortie-01.parquet")) > 50
    assert threading.active_count() <= threads
