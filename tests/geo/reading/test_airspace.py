"""Zones of ED-269 and ED-318 as polygons to stay out of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.errors import LayerError
from geo.reading.airspace import is_airspace, read_airspace

SQUARE = [[[113.4, 23.1], [113.5, 23.1], [113.5, 23.2], [113.4, 23.2], [113.4, 23.1]]]
BOW_TIE = [[[113.4, 23.1], [113.5, 23.2], [113.5, 23.1], [113.4, 23.2], [113.4, 23.1]]]


def volume(shape: Any = None, **members: Any) -> dict[str, Any]:
    return {
        "uomDimensions": "M", "lowerLimit": 0, "lowerVerticalReference": "AGL",
        "upperLimit": 120, "upperVerticalReference": "AGL",
        "horizontalProjection": shape or {"type": "Polygon", "coordinates": SQUARE}, **members,
    }  # fmt: skip


def zone(*volumes: Any, **members: Any) -> dict[str, Any]:
    return {
        "identifier": "CN1", "country": "CHN", "name": "一号区", "type": "COMMON",
        "restriction": "PROHIBITED", "reason": ["SENSITIVE"], "applicability": [{"permanent": "YES"}],
        "geometry": list(volumes) or [volume()], **members,
    }  # fmt: skip


def zone_318(geometry: Any, **members: Any) -> dict[str, Any]:
    properties = {
        "identifier": "SE1", "name": [{"text": "Heliport", "lang": "en-GB"}, {"text": "直升机场", "lang": "zh-CN"}],
        "variant": "COMMON", "type": "REQ_AUTHORIZATION", "reason": ["AIR_TRAFFIC"], **members,
    }  # fmt: skip
    return {"type": "Feature", "geometry": geometry, "properties": properties}


LAYER = {"upper": 150, "upperReference": "AGL", "lower": 0, "lowerReference": "AGL", "uom": "m"}


def write(folder: Path, *rows: Any, bom: bool = False, **members: Any) -> Path:
    path = folder / "zones.json"
    text = json.dumps({"features": list(rows), **members}, ensure_ascii=False)
    path.write_text(text, encoding="utf-8-sig" if bom else "utf-8")
    return path


def test_ed269(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        zone(volume(), volume(lowerLimit=100, upperLimit=99999, uomDimensions="FT")),
        bom=True,
    )
    assert is_airspace(path)
    features, notes = read_airspace(path)
    assert notes == []
    assert [f.text("name") for f in features] == ["一号区", "一号区"]
    assert features[0].properties["upper_m"] == 120
    assert features[1].properties["upper_m"] is None
    assert features[1].number("lower_m") == pytest.approx(30.48)
    assert (features[0].text("code"), features[0].text("reference")) == ("CN1", "AGL")
    assert features[0].text("restriction") == "PROHIBITED"
    assert features[0].properties["times"] == []
    assert features[0].geometry.equals(
        shapely.geometry.shape({"type": "Polygon", "coordinates": SQUARE})
    )


@pytest.mark.parametrize("radius_m", [5, 500, 1852, 40_000])
@pytest.mark.parametrize("edition", ["ED-269", "ED-318"])
def test_circles_are_contained(tmp_path: Path, radius_m: float, edition: str) -> None:
    if edition == "ED-269":
        row = zone(volume({"type": "Circle", "center": [113.4, 23.1], "radius": radius_m}))
    else:
        extent = {"subType": "Circle", "radius": radius_m}
        row = zone_318(
            {"type": "Point", "coordinates": [113.4, 23.1], "layer": LAYER, "extent": extent}
        )
    [feature], _ = read_airspace(write(tmp_path, row))
    azimuth = np.linspace(0, 360, 1000)
    one = np.ones(1000)
    lon, lat, _ = pyproj.Geod(ellps="WGS84").fwd(113.4 * one, 23.1 * one, azimuth, radius_m * one)
    assert shapely.contains_xy(feature.geometry, lon, lat).all()
    _, _, far = pyproj.Geod(ellps="WGS84").inv(
        113.4 * np.ones(73), 23.1 * np.ones(73), *shapely.get_coordinates(feature.geometry).T
    )
    assert far.max() < 1.002 * radius_m + 0.1


def test_ed318(tmp_path: Path) -> None:
    collection = {
        "type": "GeometryCollection",
        "geometries": [
            {"type": "Polygon", "coordinates": SQUARE, "layer": LAYER},
            {"type": "Point", "coordinates": [113.6, 23.1], "layer": LAYER, "extent": {"radius": 300}},
        ],
    }  # fmt: skip
    times = [{"startDateTime": "2026-01-01T00:00Z"}]
    path = write(
        tmp_path, zone_318(collection, limitedApplicability=times), type="FeatureCollection"
    )
    assert is_airspace(path)
    features, _ = read_airspace(path)
    assert len(features) == 2
    assert features[0].text("name") == "直升机场"
    assert features[0].text("name_en") == "Heliport"
    assert features[0].properties["times"] == times


def test_the_published_samples(real_data: Path) -> None:
    folder = real_data / "telemetry" / "airspace"
    swiss, _ = read_airspace(folder / "ed269-ch.json")
    assert len(swiss) == 5
    swedish, _ = read_airspace(folder / "ed318-se.json")
    assert [f.text("restriction") for f in swedish] == ["REQ_AUTHORIZATION"] * 2 + ["CONDITIONAL"]
    assert swedish[2].number("upper_m") == pytest.approx(457.2)


@pytest.mark.parametrize(
    ("row", "taken", "says"),
    [
        (zone(volume(lowerLimit=121)), 0, "above 120 m AGL: 一号区"),
        (zone(volume(lowerLimit=394, uomDimensions="FT")), 0, "above 120 m AGL"),
        (zone(volume(lowerLimit=120)), 1, ""),
        (zone(volume(lowerLimit=500, lowerVerticalReference="AMSL")), 1, ""),
        (zone(volume(lowerLimit=None, upperLimit=None)), 1, ""),
        (zone(restriction="NO_RESTRICTION"), 0, "restrict nothing: 一号区"),
        (zone(restriction="CONDITIONAL"), 1, ""),
        (zone(restriction="REQ_AUTHORISATION"), 1, ""),
        (zone(restriction="SOMETHING_NEW"), 1, ""),
    ],
)  # fmt: skip
def test_which_zones_count(tmp_path: Path, row: Any, taken: int, says: str) -> None:
    features, notes = read_airspace(write(tmp_path, row))
    assert len(features) == taken
    assert says in "".join(notes)
    assert bool(notes) == bool(says)


def test_a_national_file_is_cut_to_the_area(tmp_path: Path) -> None:
    far = zone(volume({"type": "Polygon", "coordinates": [[[x, y + 20] for x, y in BOW_TIE[0]]]}))
    path = write(tmp_path, far, zone())
    assert len(read_airspace(path, (113.45, 23.15, 113.7, 23.3))[0]) == 1
    assert read_airspace(path, (114.45, 23.15, 114.7, 23.3)) == ([], [])
    with pytest.raises(LayerError, match=r"zone 1 \(CN1\): the geometry is not valid"):
        read_airspace(path)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (zone(geometry=[]), "has no geometry"),
        (zone(geometry=[4]), "expected a volume, found int"),
        (zone(volume(horizontalProjection=3)), "no horizontal projection"),
        (zone(volume({"type": "Circle", "center": [113.4], "radius": 5})), "centre must be"),
        (zone(volume({"type": "Circle", "center": [113.4, "x"], "radius": 5})), "must be a number, found 'x'"),
        (zone(volume({"type": "Circle", "center": [23.1, 113.4], "radius": 5})), "out of range"),
        (zone(volume({"type": "Circle", "center": [113.4, 23.1], "radius": 0})), "radius must be"),
        (zone(volume({"type": "Circle", "center": [113.4, 23.1]})), "radius must be a number, found None"),
        (zone(volume({"type": "Polygon", "coordinates": BOW_TIE})), "not valid"),
        (zone(volume({"type": "Polygon", "coordinates": [[[1, 2], [3]]]})), "cannot be read"),
        (zone(volume({"type": "Polygon", "coordinates": []})), "empty"),
        (zone(volume({"type": "Ellipse"})), "expected Polygon or Circle"),
        (zone(volume(lowerLimit="high")), "lower limit must be a number, found 'high'"),
        (zone(volume(uomDimensions="FL")), "unit must be M or FT"),
        (zone(restriction=None), "does not say what it restricts"),
        (zone_318({"type": "Point", "coordinates": [113.4, 23.1], "layer": LAYER}), "without an 'extent'"),
        (7, "expected an object, found int"),
    ],
)  # fmt: skip
def test_a_malformed_zone_is_named(tmp_path: Path, row: Any, says: str) -> None:
    good = (
        zone_318({"type": "Polygon", "coordinates": SQUARE, "layer": LAYER})
        if isinstance(row, dict) and "properties" in row
        else zone()
    )
    path = write(tmp_path, good, row)
    with pytest.raises(LayerError, match=says) as caught:
        read_airspace(path)
    assert f"{path}: zone 2" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_files_are_not_airspace(tmp_path: Path, luogang: Path) -> None:
    assert not is_airspace(luogang / "no_fly_zones.geojson")
    assert not is_airspace(tmp_path / "none.json")
    with pytest.raises(LayerError, match="expected zones as ED-269 or ED-318"):
        read_airspace(luogang / "no_fly_zones.geojson")
    with pytest.raises(LayerError, match="no such file"):
        read_airspace(tmp_path / "none.json")


_JUNK = st.sampled_from(
    [None, -1, 1e308, "x", [], {}, [[]], True, "NaN", [[[1, 2]]], {"type": "Polygon"}]
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None
)
@given(st.data())
def test_any_change_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    """A member of a valid document, however deep, becomes something else or goes."""
    circle = {
        "type": "Point",
        "coordinates": [113.6, 23.1],
        "layer": LAYER,
        "extent": {"radius": 300},
    }
    document: Any = data.draw(
        st.sampled_from([
            {"features": [zone(), zone(volume({"type": "Circle", "center": [1, 2], "radius": 3}))]},
            {"type": "FeatureCollection", "features": [zone_318(circle)]},
        ])
    )  # fmt: skip
    document = json.loads(json.dumps(document))
    at = document
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(at[key], (dict, list)) and at[key] and data.draw(st.integers(0, 3)):
            at = at[key]
            continue
        at[key] = data.draw(_JUNK)
        break
    path = tmp_path / "zones.json"
    path.write_text(json.dumps(document))
    is_airspace(path)
    try:
        features, _ = read_airspace(path)
    except LayerError as error:
        assert "\n" not in str(error)
    else:
        assert all(f.geometry.is_valid for f in features)
