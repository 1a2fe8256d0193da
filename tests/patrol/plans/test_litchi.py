"""Litchi CSV: columns, actions, and parts of at most 99 waypoints."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_plans import small_plan

from geo.coordinates import LonLat
from patrol.errors import PlanFileError
from patrol.export import FORMATS, Route, RoutePoint, read_route, route_of
from patrol.export.litchi import parts

LITCHI = FORMATS["litchi"]


def small(capture: str = "video") -> Route:
    plan = small_plan(capture=capture)
    return route_of(plan, plan.sorties[0])


def long_route(legs: list[tuple[int, int]], capture: str = "video") -> Route:
    """(transit points, points of a lane) again and again."""
    points: list[RoutePoint] = []
    for number, (transits, length) in enumerate(legs, 1):
        for lane, count in ((None, transits), (f"lane-{number}", length)):
            for index in range(count):
                place = LonLat(round(113.4 + len(points) / 1e4, 8), round(23.1 + index / 1e5, 8))
                along = lane is not None and index < count - 1
                points.append(RoutePoint(place, 50.0, 6.0 if along else 8.0, lane, along))
    return replace(small(capture), points=tuple(points))


def table(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_columns_and_values() -> None:
    [(name, data)] = LITCHI.write(small()).items()
    assert name == "sortie-01.csv"
    rows = table(data)
    assert len(rows[0]) == 8 + 30 + 8
    assert list(rows[0])[:8] == [
        "latitude", "longitude", "altitude(m)", "heading(deg)", "curvesize(m)", "rotationdir",
        "gimbalmode", "gimbalpitchangle",
    ]  # fmt: skip
    assert list(rows[0])[-8:] == [
        "altitudemode", "speed(m/s)", "poi_latitude", "poi_longitude", "poi_altitude(m)",
        "poi_altitudemode", "photo_timeinterval", "photo_distinterval",
    ]  # fmt: skip
    assert (rows[0]["latitude"], rows[0]["longitude"]) == ("23.16990000", "113.47950000")
    assert [row["actiontype1"] for row in rows] == ["-1", "2", "-1", "3", "2", "3", "-1"]
    for row in rows:
        assert (row["curvesize(m)"], row["altitudemode"], row["gimbalmode"]) == ("0", "0", "2")
        assert float(row["gimbalpitchangle"]) == -90
        assert float(row["altitude(m)"]) == 47.739
        assert (row["photo_timeinterval"], row["photo_distinterval"]) == ("-1", "-1")
    assert 60 < float(rows[0]["heading(deg)"]) < 80, "east-north-east to the first lane"


def test_photos_are_an_interval_along_lanes() -> None:
    route = small("photos")
    [data] = LITCHI.write(route).values()
    every = f"{route.trigger_m:.3f}"
    assert [row["photo_distinterval"] for row in table(data)] == [
        "-1", every, every, "-1", every, "-1", "-1",
    ]  # fmt: skip
    assert {row["actiontype1"] for row in table(data)} == {"-1"}


def test_a_long_sortie_is_split_between_lanes() -> None:
    route = long_route([(1, 60), (2, 30), (1, 80), (3, 40)])
    spans = parts(route.points)
    assert spans == [(0, 93), (93, 176), (176, 216)]
    files = LITCHI.write(route)
    assert list(files) == ["sortie-01-1.csv", "sortie-01-2.csv", "sortie-01-3.csv"]
    for data in files.values():
        actions = [r["actiontype1"] for r in table(data) if r["actiontype1"] != "-1"]
        assert actions == ["2", "3"] * (len(actions) // 2), "no part is left recording"
        assert len(table(data)) <= 99
    assert LITCHI.read(files) == LITCHI.carried(route)
    assert any("3 files" in line for line in LITCHI.losses(route))


@pytest.mark.parametrize("capture", ["video", "photos"])
def test_a_lane_of_more_than_a_file_goes_on_where_it_was_cut(capture: str) -> None:
    route = long_route([(1, 250)], capture)
    files = LITCHI.write(route)
    assert [len(table(data)) for data in files.values()] == [99, 99, 55]
    first, second = (table(data) for data in list(files.values())[:2])
    for column in ("latitude", "longitude", "altitude(m)"):
        assert first[-1][column] == second[0][column]
    if capture == "video":
        assert first[-1]["actiontype1"] == "3"
        assert second[0]["actiontype1"] == "2"
    else:
        assert first[-1]["photo_distinterval"] == "-1"
        assert float(second[0]["photo_distinterval"]) == route.trigger_m
    again = LITCHI.read(files)
    assert again == LITCHI.carried(route)
    assert LITCHI.write(again) == files


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(2, 160)), min_size=1, max_size=6),
    st.sampled_from(["video", "photos"]),
)
def test_any_split_is_joined_again(legs: list[tuple[int, int]], capture: str) -> None:
    route = long_route(legs, capture)
    files = LITCHI.write(route)
    assert all(len(table(data)) <= 99 for data in files.values())
    assert (len(files) == 1) == (len(route.points) <= 99)
    again = LITCHI.read(dict(reversed(files.items())))
    assert again == LITCHI.carried(route)
    assert LITCHI.write(again) == files


def test_parts_are_found_beside_one_another(tmp_path: Path) -> None:
    route = long_route([(1, 250)])
    files = LITCHI.write(route)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert read_route(tmp_path / "sortie-01-1.csv") == LITCHI.carried(route)
    alone = read_route(tmp_path / "sortie-01-3.csv")
    assert (alone.name, len(alone.points)) == ("sortie-01-3", 55)


def test_parts_that_do_not_belong_together() -> None:
    files = LITCHI.write(long_route([(1, 250)]))
    first, second, third = files.items()
    with pytest.raises(PlanFileError, match="the parts 1 to 2, found 1, 3"):
        LITCHI.read(dict([first, third]))
    with pytest.raises(PlanFileError, match="the waypoint where the part before it ends"):
        LITCHI.read({first[0]: first[1], "sortie-01-2.csv": third[1]})
    with pytest.raises(PlanFileError, match=r"named NAME-1\.csv"):
        LITCHI.read({"a.csv": first[1], "sortie-01-2.csv": second[1]})


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("altitude(m)", "altitude(ft)", "line 1: expected Litchi's 46 columns"),
        ("23.16990000,113.47950000", "113.47950000,23.16990000", "swapped"),
        (",2,0,", ",9,0,", "line 3 actiontype1"),
        (",3,0,", ",-1,0,", "line 6 actiontype1"),
        (",0,0,2,-90.000", ",5,0,2,-90.000", r"line 2 curvesize\(m\): expected 0"),
        (",47.739,", ",inf,", r"line 2 altitude\(m\)"),
        ("8.000", "0", r"line 2 speed\(m/s\)"),
        ("-90.000,2,", "-45.000,2,", "one pitch all along"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, words: str) -> None:
    [(name, data)] = LITCHI.write(small()).items()
    text = data.decode()
    assert old in text
    with pytest.raises(PlanFileError, match=words) as caught:
        LITCHI.read({name: text.replace(old, new).encode()})
    assert str(caught.value).startswith("sortie-01.csv: ")
