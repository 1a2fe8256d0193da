"""`patrol plan`, `check`, `resume` and `export` as a person types them."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from api.commands import main
from patrol.plan import Plan
from patrol.telemetry import Telemetry


@dataclass(frozen=True)
class Ran:
    returncode: int
    stdout: str
    stderr: str

    @property
    def told(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self.stdout)
        return result

    @property
    def errors(self) -> list[str]:
        return self.stderr.strip().splitlines()


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def patrol(*words: str | Path | float) -> Ran:
    """`patrol WORDS` in this process."""
    out, errors, code = io.StringIO(), io.StringIO(), 0
    argv, sys.argv = sys.argv, ["patrol", *map(str, words)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            main()
    except SystemExit as stopped:
        code = stopped.code if isinstance(stopped.code, int) else 1
    finally:
        sys.argv = argv
    return Ran(code, out.getvalue(), errors.getvalue())


def done(*words: str | Path | float) -> Ran:
    ran = patrol(*words)
    assert ran.returncode == 0, ran.stderr
    return ran


def in_shell(*words: str | Path | float) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "api", *(str(word) for word in words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def planned(luogang: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("patrol") / "out"
    ran = in_shell(
        "plan", luogang, "--out", out, "--river", "R3", "--from-m", 300, "--to-m", 900, "--json"
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["plan"] == str(out / "plan.json")
    assert told["coverage_share"] == told["area_share"] == 1.0
    assert told["bank_m"] == 1200.0
    assert told["rivers_km"] == 0.6
    assert told["uncovered"] == told["notes"] == []
    assert 0 < told["speed_m_s"] <= 15
    assert told["lower_bound_min"] <= told["operating_min"]
    assert told["gap_share"] == pytest.approx(
        1 - told["lower_bound_min"] / told["operating_min"], abs=0.005
    )
    [sortie] = told["sorties"]
    assert sortie.keys() == {"id", "launch_site", "length_m", "minutes", "battery_share"}
    assert 0 < sortie["battery_share"] < 0.75
    return out


@pytest.fixture
def mine(planned: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(planned, tmp_path / "mine"))


def change(patrol_folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    path = patrol_folder / "plan.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    edit(document)
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


# -- plan --------------------------------------------------------------------------------------


def test_plan_writes_the_plan_and_the_lanes(planned: Path) -> None:
    assert sorted(p.name for p in planned.iterdir()) == ["lanes.geojson", "plan.json"]
    kinds = [
        f["properties"]["kind"]
        for f in json.loads((planned / "lanes.geojson").read_text())["features"]
    ]
    assert kinds.count("lane") == 1
    assert kinds.count("transit") == 2


def test_every_option_reaches_the_plan(luogang: Path, tmp_path: Path) -> None:
    done(
        "plan", luogang, "--out", tmp_path, "--river", "R3", "--to-m", 400, "--camera", "m4e",
        "--sensor", "17.3,12.29,5280x3956", "--capture", "photos", "--picture", "3840x2160",
        "--gsd-cm", 2.2, "--pitch", -70, "--speed", 6.5, "--cover", "left", "--strip", 12,
        "--inner", 4, "--sidelap", 0.3, "--frontlap", 0.5, "--battery-wh", 60, "--reserve", 0.3,
        "--wind", 4, "--wind-from", 200, "--swap-min", 4, "--crews", 2, "--drones", 2,
        "--car-km-h", 18, "--clearance", 12, "--tolerance", 6,
    )  # fmt: skip
    s = Plan.read(tmp_path).settings
    assert s.own_camera is not None
    assert (s.own_camera.width_px, s.own_camera.height_px) == (5280, 3956)
    assert s.own_camera.focal_px == pytest.approx(12.29 / 17.3 * 5280)
    assert s.picture_px == (3840, 2160)
    assert (s.camera, s.capture, s.cover, s.crews, s.drones) == ("m4e", "photos", "left", 2, 2)
    assert (s.gsd_m, s.pitch_deg, s.speed_m_s) == pytest.approx((0.022, -70, 6.5))
    assert (s.strip_m, s.inner_m, s.sidelap, s.frontlap) == (12, 4, 0.3, 0.5)
    assert (s.battery_wh, s.reserve_share, s.swap_s, s.car_m_s) == (60, 0.3, 240, 5)
    assert (s.wind.speed_m_s, s.wind.from_deg) == (4, 200)
    assert (s.clearance_m, s.terrain_tolerance_m, s.docks) == (12, 6, False)


def test_the_speed_is_chosen_unless_it_is_given(luogang: Path, tmp_path: Path) -> None:
    words = ["plan", luogang, "--out", tmp_path, "--river", "R3", "--to-m", 400, "--json"]
    chosen, given = done(*words).told, done(*words, "--speed", 6).told
    assert given["speed_m_s"] == 6
    assert chosen["speed_m_s"] > 6
    assert chosen["operating_min"] < given["operating_min"]
    coarse = done(*words, "--gsd-cm", 2).told
    assert coarse["speed_m_s"] <= 10  # a pixel in 1/500 s
    docks = done(*words, "--docks", "--car-km-h", 0).told
    assert docks["coverage_share"] == 1.0
    stay = Plan.read(tmp_path).settings
    assert stay.docks
    assert stay.car_m_s is None


def test_the_table_for_people(luogang: Path, tmp_path: Path) -> None:
    ran = done("plan", luogang, "--out", tmp_path, "--river", "R3", "--to-m", 500)
    for words in ("架次", "0.50 km of river", "覆盖 covered: 100.00 % of 1000 m of bank",
                  "作业时间 operating time", "下界", "plan.json"):  # fmt: skip
        assert words in ran.stdout


def test_what_a_zone_hides_is_told(luogang: Path, tmp_path: Path) -> None:
    ran = done("plan", luogang, "--out", tmp_path, "--river", "R3", "--to-m", 600, "--json")
    [lane] = Plan.read(tmp_path).lanes
    middle = lane.line.interpolate(0.5, normalized=True)
    corners = ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))
    ring = [[middle.x + 4e-4 * east, middle.y + 4e-4 * north] for east, north in corners]
    zone = {
        "type": "Feature",
        "properties": {"name": "工地", "name_en": "Works"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    path = tmp_path / "zones.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [zone]}))
    again = done(
        "plan", luogang, "--out", tmp_path, "--river", "R3", "--to-m", 600, "--zones", path,
        "--json",
    )  # fmt: skip
    assert ran.told["uncovered"] == []
    assert again.told["coverage_share"] < 1
    for gap in again.told["uncovered"]:
        assert gap.keys() == {"river", "bank", "from_m", "to_m", "reason"}
        assert gap["reason"] == "禁飞区 no-fly zone: 工地"
    table = done("check", tmp_path).stdout
    assert "未覆盖 not seen: R3" in table
    assert "工地" in table


def test_a_dem_makes_the_lanes_follow_the_ground(luogang: Path, tmp_path: Path) -> None:
    """A ramp of 60 m over 6 km east, as a GeoTIFF."""
    plan = done("plan", luogang, "--out", tmp_path / "flat", "--river", "R3", "--to-m", 500)
    assert "DEM" not in plan.stdout
    west, north, step, size = 113.42, 23.23, 0.0005, 240
    heights = np.tile(np.linspace(20, 140, size, dtype=np.float32), (size, 1))
    dem = tmp_path / "ground.tif"
    with rasterio.open(
        dem, "w", driver="GTiff", width=size, height=size, count=1, dtype="float32",
        crs="EPSG:4326", transform=Affine(step, 0.0, west, 0.0, -step, north),
    ) as out:  # fmt: skip
        out.write(heights, 1)
    ran = done(
        "plan", luogang, "--out", tmp_path / "ramp", "--river", "R3", "--to-m", 500, "--dem", dem,
        "--json",
    )  # fmt: skip
    assert ran.told["coverage_share"] > 0.99
    made = Plan.read(tmp_path / "ramp")
    assert made.terrain is not None
    assert len({w.above_launch_m for s in made.sorties for w in s.waypoints}) > 1
    checked = patrol("check", tmp_path / "ramp", "--json")
    assert checked.told["problems"] == []
    assert checked.returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--gsd-cm", "12"], "over the legal 120 m"),
        (["--gsd-cm", "0.3"], "under 5 m"),
        (["--gsd-cm", "nan"], "GSD"),
        (["--camera", "kodak"], "expected one of m3e"),
        (["--river", "R7"], "there is no river 'R7'"),
        (["--from-m", "100"], "exactly one --river"),
        (["--river", "R3", "--battery-wh", "2"], "cannot be flown from any launch site"),
        (["--wind", "21"], "leaves no speed against it"),
        (["--speed", "40"], "speed must be 0.5 to 15 m/s"),
        (["--rivers", "nowhere.geojson"], "nowhere.geojson"),
        (["--dem", "nowhere.tif"], "nowhere.tif"),
        (["--zones", "nowhere.json"], "nowhere.json"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    luogang: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    ran = patrol("plan", luogang, "--out", tmp_path / "out", *words)
    assert ran.returncode == 1
    assert said in ran.errors[-1]
    assert sum("error:" in line for line in ran.errors) == 1
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "out").exists()


def test_a_swapped_centreline(luogang: Path, tmp_path: Path) -> None:
    shutil.copytree(luogang, tmp_path / "area")
    path = tmp_path / "area" / "rivers.geojson"
    document = json.loads(path.read_text())
    line = document["features"][1]["geometry"]
    line["coordinates"] = [[lat, lon] for lon, lat in line["coordinates"]]
    path.write_text(json.dumps(document))
    ran = in_shell("plan", tmp_path / "area", "--out", tmp_path / "out")
    assert ran.returncode == 1
    assert "rivers.geojson: feature 2 (水声涌)" in ran.stderr
    assert "swapped" in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1


def test_an_area_without_no_fly_zones_is_planned_with_a_note(luogang: Path, tmp_path: Path) -> None:
    shutil.copytree(luogang, tmp_path / "area")
    (tmp_path / "area" / "no_fly_zones.geojson").unlink()
    ran = done("plan", tmp_path / "area", "--out", tmp_path / "out", "--river", "R3", "--to-m", 300)
    assert "no_fly_zones" in ran.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["plan"],
        ["plan", "x", "--out", "y", "--gsd-cm", "fine"],
        ["plan", "x", "--out", "y", "--cover", "middle"],
        ["plan", "x", "--out", "y", "--datum", "bd09"],
        ["check"],
        ["resume", "x", "--out", "y"],
        ["export"],
        ["export", "x", "--format", "shp"],
    ],
)
def test_usage_is_told_apart(words: list[str]) -> None:
    assert patrol(*words).returncode == 2


@pytest.mark.parametrize(
    "words",
    [
        ["--sensor", "13.2,8.8"],
        ["--sensor", "13.2,8.8,5472"],
        ["--sensor", "13.2,-8.8,5472x3648"],
        ["--sensor", "0,8.8,5472x3648"],
        ["--sensor", "wide,8.8,5472x3648"],
        ["--picture", "3840"],
        ["--picture", "3840x"],
        ["--picture", "3840x2160x3"],
    ],
)
def test_a_sensor_or_picture_that_cannot_be_read(
    luogang: Path, tmp_path: Path, words: list[str]
) -> None:
    ran = patrol("plan", luogang, "--out", tmp_path / "out", *words)
    assert ran.returncode == 2
    assert "expected" in ran.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "words", [["--picture", "0x0"], ["--picture", "-5x9"], ["--sensor", "nan,8.8,5472x3648"],
              ["--sensor", "13.2,8.8,5472x-1"]],
)  # fmt: skip
def test_a_sensor_or_picture_of_no_size(luogang: Path, tmp_path: Path, words: list[str]) -> None:
    ran = in_shell("plan", luogang, "--out", tmp_path / "out", *words)
    assert ran.returncode in (1, 2)
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "out").exists()


# -- check -------------------------------------------------------------------------------------


def test_a_plan_that_holds(planned: Path) -> None:
    ran = in_shell("check", planned)
    assert ran.returncode == 0, ran.stdout
    assert "100.00 %" in ran.stdout
    assert "计划成立" in ran.stdout
    told = done("check", planned / "plan.json", "--json").told
    assert told["problems"] == []
    assert told["flown"] is False
    assert told["coverage_share"] == 1.0


def into_a_zone(document: dict[str, Any]) -> None:
    ring = np.array(document["no_fly_zones"][0]["outline"])
    lon, lat = ring[:-1].mean(axis=0)
    document["sorties"][0]["waypoints"][1].update(lon=float(lon), lat=float(lat))


def too_high(document: dict[str, Any]) -> None:
    document["sorties"][0]["waypoints"][1]["above_launch_m"] = 130.0


def too_low(document: dict[str, Any]) -> None:
    document["sorties"][0]["waypoints"][1]["above_launch_m"] = 3.0


def camera_never_on(document: dict[str, Any]) -> None:
    for waypoint in document["sorties"][0]["waypoints"]:
        waypoint.update(leg="transit", lane=None)


def a_lie_about_coverage(document: dict[str, Any]) -> None:
    """Half the lane is cut off, and the certificate still says everything is seen."""
    points = document["sorties"][0]["waypoints"]
    document["sorties"][0]["waypoints"] = points[: max(3, len(points) // 2)]


def a_lie_about_energy(document: dict[str, Any]) -> None:
    document["sorties"][0]["energy_wh"] = 1.0


def a_wider_strip(document: dict[str, Any]) -> None:
    document["settings"]["strip_m"] = 45.0


def a_small_battery(document: dict[str, Any]) -> None:
    document["settings"]["battery_wh"] = 5.0


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (into_a_zone, "crosses the no-fly zone"),
        (too_high, "130.0 m above ground, over the ceiling"),
        (too_low, "3.0 m above ground, under the clearance"),
        (camera_never_on, "lanes that no sortie flies: R3-01"),
        (a_lie_about_coverage, "the file says 100.00 % of the banks"),
        (a_lie_about_energy, "the file says 1.0 Wh, recomputed"),
        (a_wider_strip, "the file says 100.00 % of the banks"),
        (a_small_battery, "that the reserve leaves"),
    ],
)
def test_a_plan_that_was_tampered_with(
    mine: Path, edit: Callable[[dict[str, Any]], None], said: str
) -> None:
    change(mine, edit)
    ran = patrol("check", mine)
    assert ran.returncode == 1
    wrong = [line for line in ran.stdout.splitlines() if line.startswith("有误 wrong: ")]
    assert any(said in line for line in wrong), ran.stdout + ran.stderr
    assert "计划成立" not in ran.stdout
    again = patrol("check", mine, "--json")
    assert again.returncode == 1
    assert any(said in problem for problem in again.told["problems"])


def test_a_sortie_that_was_dropped(luogang: Path, tmp_path: Path) -> None:
    done("plan", luogang, "--out", tmp_path, "--river", "R3", "--speed", 8, "--battery-wh", 22)
    lanes = {w.lane for w in Plan.read(tmp_path).sorties[-1].waypoints if w.lane}
    change(tmp_path, lambda document: document["sorties"].pop())
    ran = patrol("check", tmp_path)
    assert ran.returncode == 1
    assert "% of the banks, recomputed" in ran.stdout
    assert f"lanes that no sortie flies: {', '.join(sorted(lanes))}" in ran.stdout


def test_a_file_that_is_no_plan(tmp_path: Path) -> None:
    for text in ("", "{}", "[1, 2]", '{"format": "river-patrol/plan", "version": 1}'):
        (tmp_path / "plan.json").write_text(text)
        ran = patrol("check", tmp_path)
        assert ran.returncode == 1
        assert len(ran.errors) == 1
        assert "plan.json" in ran.errors[0]
    assert patrol("check", tmp_path / "nowhere").returncode == 1


def telemetry(plan: Plan, path: Path, gap: tuple[float, float] | None = None) -> Path:
    """The first sortie's first lane flown exactly, filmed but for a stretch (metres along it)."""
    lane = plan.lanes[0]
    line = np.asarray(plan.projection.forward(list(lane.line.coords)))
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(line, axis=0).T))]
    at = np.arange(0, along[-1], 1.5)
    places = np.column_stack([np.interp(at, along, line[:, k]) for k in (0, 1)])
    step = np.gradient(places, axis=0)
    yaw = np.degrees(np.arctan2(step[:, 0], step[:, 1])) % 360
    lonlat = plan.projection.inverse(places)
    count, zero = len(at), np.zeros(len(at))
    height = np.full(count, plan.height_agl_m)
    filmed = np.ones(count, bool)
    if gap is not None:
        filmed &= ~((at > gap[0]) & (at < gap[1]))
    Telemetry(
        1.78e9 + np.arange(count) * 0.2, lonlat[:, 0], lonlat[:, 1], height, height,
        np.full(count, 7.5), zero, zero, yaw, zero, np.full(count, -90.0), yaw,
        np.full(count, 80.0), np.zeros(count, dtype=np.int64), filmed,
    ).write(path)  # fmt: skip
    return path


def test_what_was_really_flown(mine: Path, tmp_path: Path) -> None:
    plan = Plan.read(mine)
    whole = telemetry(plan, tmp_path / "whole.parquet")
    told = done("check", mine, "--flown", whole, "--json").told
    assert told["flown"] is True
    assert told["coverage_share"] == 1.0
    (tmp_path / "flight").mkdir()
    telemetry(plan, tmp_path / "flight" / "sortie-01.parquet", gap=(200, 300))
    out = tmp_path / "again"
    ran = done("check", mine, "--flown", tmp_path / "flight", "--missing", out, "--json")
    assert 0.8 < ran.told["coverage_share"] < 0.95
    assert {gap["bank"] for gap in ran.told["uncovered"]} == {"left", "right"}
    for gap in ran.told["uncovered"]:
        assert 55 < gap["to_m"] - gap["from_m"] < 75
    assert ran.told["missing_plan"]["plan"] == str(out / "plan.json")
    missing = Plan.read(out)
    [reach] = missing.reaches
    assert reach.from_m <= min(gap["from_m"] for gap in ran.told["uncovered"])
    assert reach.to_m >= max(gap["to_m"] for gap in ran.told["uncovered"])
    assert done("check", out, "--json").told["coverage_share"] == 1.0


def test_nothing_is_missing(mine: Path, tmp_path: Path) -> None:
    ran = done("check", mine, "--missing", tmp_path / "again")
    assert "没有遗漏" in ran.stderr
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("name", ["nowhere.parquet", "empty", "text.parquet"])
def test_telemetry_that_is_none(mine: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.parquet").write_text("no table")
    ran = patrol("check", mine, "--flown", tmp_path / name)
    assert ran.returncode == 1
    assert len(ran.errors) == 1
    assert name in ran.errors[0]


# -- resume ------------------------------------------------------------------------------------


def test_resume_plans_what_is_left(planned: Path, tmp_path: Path) -> None:
    before = Plan.read(planned)
    items = len(before.sorties[0].waypoints)
    out = tmp_path / "rest"
    told = done("resume", planned, "--out", out, "--sortie", 1, "--seq", 4, "--json").told
    assert told["plan"] == str(out / "plan.json")
    assert any("resumed" in note for note in told["notes"])
    assert done("check", out, "--json").told["problems"] == []
    assert len(Plan.read(out).sorties[0].waypoints) == items
    later = done("resume", planned, "--out", out, "--sortie", 1, "--seq", 7)
    assert "架次" in later.stdout
    assert len(Plan.read(out).sorties[0].waypoints) < items
    assert (out / "lanes.geojson").exists()


@pytest.mark.parametrize(
    ("sortie", "seq", "said"),
    [
        (9, 4, "no sortie 9; it has 1"),
        (1, 999, "no mission item 999"),
        (1, -1, "no mission item -1"),
    ],
)
def test_there_is_no_such_item(
    planned: Path, tmp_path: Path, sortie: int, seq: int, said: str
) -> None:
    ran = patrol("resume", planned, "--out", tmp_path / "x", "--sortie", sortie, "--seq", seq)
    assert ran.returncode == 1
    assert said in ran.errors[0]
    assert len(ran.errors) == 1
    assert not (tmp_path / "x").exists()


def test_resume_does_not_write_over_its_plan(mine: Path) -> None:
    before = (mine / "plan.json").read_bytes()
    for plan in (mine, mine / "plan.json"):
        ran = patrol("resume", plan, "--out", mine, "--sortie", 1, "--seq", 5)
        assert ran.returncode == 1
        assert "another folder" in ran.errors[0]
    assert (mine / "plan.json").read_bytes() == before


# -- export ------------------------------------------------------------------------------------


def test_export_writes_a_file_a_sortie_and_format(planned: Path) -> None:
    names = [Path(p).name for p in done("export", planned, "--json").told["files"]]
    assert names == ["sortie-01.plan", "sortie-01.waypoints"]
    written = (planned / "export" / "sortie-01.waypoints").read_text()
    assert written.startswith("QGC WPL 110\n0\t1\t0\t16\t")
    shutil.rmtree(planned / "export")


def test_export_without_a_plan(tmp_path: Path) -> None:
    ran = patrol("export", tmp_path)
    assert ran.returncode == 1
    assert "run `patrol plan` first" in ran.stderr
    assert not (tmp_path / "export").exists()
