from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, box

from geo.errors import LayerError
from geo.gcj02 import wgs84_to_gcj02
from geo.layers import Feature, read_layer, write_layer

SQUARE = [[[113.0, 23.0], [113.1, 23.0], [113.1, 23.1], [113.0, 23.1], [113.0, 23.0]]]
BOW_TIE = [[[113.0, 23.0], [113.1, 23.1], [113.1, 23.0], [113.0, 23.1], [113.0, 23.0]]]


def layer(geometry: Any, properties: Any = None, **members: Any) -> str:
    row = {"type": "Feature", "properties": properties or {"name": "试"}, "geometry": geometry}
    return json.dumps({"type": "FeatureCollection", "features": [row], **members})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not valid JSON"),
        ('{"type": "FeatureCollection", "features": [', "complete"),
        ("[]", "FeatureCollection"),
        (layer({"type": "Polygon", "coordinates": BOW_TIE}), "cross"),
        (layer({"type": "Point", "coordinates": [113, 23]}), "expected Polygon, found Point"),
        (layer({"type": "Polygon", "coordinates": []}), "empty"),
        (layer(None), "cannot be read"),
        (layer({"type": "Polygon", "coordinates": [[[23.0, 113.0], [23.1, 113.0], [23.1, 113.1], [23.0, 113.0]]]}), "swapped"),
        (layer({"type": "Polygon", "coordinates": [[[1, 2], ["a", 2]]]}), "cannot be read"),
        (layer({"type": "Polygon", "coordinates": SQUARE}, crs={"type": "name", "properties": {"name": "EPSG:4479"}}), "WGS-84"),
        ('{"features": []}', "no features"),
        ('{"features": [3]}', "expected a GeoJSON Feature"),
    ],
)  # fmt: skip
def test_a_wrong_layer_is_one_line_that_names_the_file(
    tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "communities.geojson"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LayerError, match=says) as caught:
        read_layer(path, ("Polygon",))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"crs": {"type": "name", "properties": {"name": "Guangzhou local"}}}, "is unknown"),
        ({"crs": {"type": "name", "properties": {"name": "EPSG:4610"}}}, "no transformation"),
        ({"crs": {"type": "name", "properties": {"name": "+init=epsg:4547"}}}, "is unknown"),
        ({"crs": {"type": "link", "properties": {"href": "x.prj"}}}, "expected WGS-84"),
        ({"crs": "nonsense"}, "is unknown"),
        ({"crs": 7}, "expected WGS-84"),
    ],
)
def test_systems_that_cannot_be_converted_are_refused(
    tmp_path: Path, members: dict[str, Any], says: str
) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(layer({"type": "Polygon", "coordinates": SQUARE}, **members))
    with pytest.raises(LayerError, match=says) as caught:
        read_layer(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "members",
    [
        {"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}},
        {"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4490"}}},
        {"crs": None},
        {"name": "GCJ-02"},  # a title declares nothing
    ],
)
def test_systems_that_are_wgs84(tmp_path: Path, members: dict[str, Any]) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(layer({"type": "Polygon", "coordinates": SQUARE}, **members))
    assert read_layer(path)[0].geometry.equals(box(113, 23, 113.1, 23.1))


@pytest.mark.parametrize(
    "members",
    [
        {"crs": {"type": "name", "properties": {"name": "GCJ-02"}}},
        {"crs": "gcj02"},
        {"datum": "GCJ-02"},
    ],
)
def test_gcj02_that_the_file_declares(tmp_path: Path, members: dict[str, Any]) -> None:
    path = tmp_path / "a.geojson"
    [lon], [lat] = wgs84_to_gcj02((113.459, 23.106)).T
    assert lon - 113.459 > 0.005
    path.write_text(layer({"type": "Point", "coordinates": [lon, lat, 12.0]}, **members))
    [feature] = read_layer(path, ("Point",))
    assert feature.geometry.distance(Point(113.459, 23.106)) < 1e-9
    assert not feature.geometry.has_z


def test_projected_metres_are_converted(tmp_path: Path) -> None:
    """CGCS2000 in the 3-degree zone of Guangzhou: its central meridian is 114 east."""
    path = tmp_path / "a.geojson"
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4547"}}
    path.write_text(layer({"type": "Point", "coordinates": [500000, 2556000]}, crs=crs))
    [feature] = read_layer(path)
    assert feature.geometry.x == pytest.approx(114)
    assert feature.geometry.y == pytest.approx(23.1, abs=0.01)
    path.write_text(layer({"type": "Point", "coordinates": [5e12, 2556000]}, crs=crs))
    with pytest.raises(LayerError, match="outside the range"):
        read_layer(path)


def test_a_line_of_one_point_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rivers.geojson"
    for coordinates in ([[113, 23]], [[113, 23], [113, 23]]):
        path.write_text(layer({"type": "LineString", "coordinates": coordinates}))
        with pytest.raises(LayerError, match=r"rivers\.geojson: feature 1"):
            read_layer(path, ("LineString",))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match="no such file"):
        read_layer(tmp_path / "none.geojson")


def test_written_layers_read_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "zones.geojson"
    write_layer(path, [Feature(box(113, 23, 113.1, 23.1), {"name": "一", "n": 2})])
    [read] = read_layer(path, ("Polygon",))
    assert read.geometry.equals(box(113, 23, 113.1, 23.1))
    assert (read.text("name"), read.number("n")) == ("一", 2.0)
    assert [p.name for p in path.parent.iterdir()] == ["zones.geojson"]
    with pytest.raises(LayerError, match="'width_m' must be a number, found None"):
        read.number("width_m")
    with pytest.raises(LayerError, match="'code' is missing"):
        read.text("code")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "features", "geometry", "coordinates", "properties", "crs"]
                ),
                inner | st.sampled_from(["FeatureCollection", "Feature", "Polygon", "Point"]),
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_any_json_is_read_or_refused(tmp_path: Path, document: Any) -> None:
    path = tmp_path / "any.geojson"
    path.write_text(json.dumps(document))
    try:
        read = read_layer(path)
    except LayerError as error:
        assert "\n" not in str(error)
    else:
        assert all(f.geometry.is_valid for f in read)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    write_layer(path, [Feature(Point(1, 2), {})])
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_layer(path, [Feature(Point(1, 2), {"x": object()})])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
