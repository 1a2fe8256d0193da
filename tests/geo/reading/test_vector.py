"""Vector files of every format: the same features, or one line that says what is wrong."""

from __future__ import annotations

import shutil
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyogrio.raw import write
from shapely.geometry import LineString, MultiLineString, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

import geo.reading.vector
from geo.errors import LayerError
from geo.gcj02 import wgs84_to_gcj02
from geo.layers import Feature, write_layer
from geo.reading.vector import SUFFIXES, read_vector, read_vector_noted

LINES = ("LineString", "MultiLineString")
LINE = LineString([(113.40, 23.10), (113.41, 23.10), (113.42, 23.11)])
TWO = MultiLineString([[(113.40, 23.20), (113.41, 23.20)], [(113.42, 23.20), (113.43, 23.20)]])
DRIVERS = {".gpkg": "GPKG", ".shp": "ESRI Shapefile", ".geojson": "GeoJSON"}


def ogr(
    path: Path,
    shapes: list[BaseGeometry],
    crs: str | None = "EPSG:4326",
    kind: str = "Unknown",
    encoding: str | None = "UTF-8",
    **columns: list[Any],
) -> Path:
    """Write with GDAL, which warns of much that does not matter here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write(
            path,
            np.array([shapely.to_wkb(shape) for shape in shapes], dtype=object),
            [np.array(column, dtype=object if isinstance(column[0], str) else None) for column in columns.values()],
            fields=list(columns), crs=crs, geometry_type=kind, driver=DRIVERS[path.suffix], encoding=encoding,
        )  # fmt: skip
    return path


def coordinates(line: BaseGeometry) -> str:
    return " ".join(f"{x},{y},7" for x, y in shapely.get_coordinates(line))


KML = f"""<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>巡河</name><Folder><name>河</name>
<Placemark><name>南岗河</name><ExtendedData><Data name="Code"><value>R1</value></Data>
<Data name="WIDTH_M"><value>24</value></Data></ExtendedData>
<LineString><coordinates>{coordinates(LINE)}</coordinates></LineString></Placemark></Folder>
<Placemark><name>乌涌</name><description>code=R2&lt;br&gt;width_m: 12 m</description><MultiGeometry>
{"".join(f"<LineString><coordinates>{coordinates(p)}</coordinates></LineString>" for p in TWO.geoms)}
</MultiGeometry></Placemark>
<Placemark><name>站</name><Point><coordinates>113.4,23.1,0</coordinates></Point></Placemark>
</Document></kml>"""


def points(tag: str, line: BaseGeometry) -> str:
    return "".join(
        f'<{tag} lat="{y}" lon="{x}"><ele>3</ele></{tag}>' for x, y in shapely.get_coordinates(line)
    )


GPX = f"""<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="test" xmlns="http://www.topografix.com/GPX/1/1">
<wpt lat="23.1" lon="113.4"><name>站</name></wpt>
<rte><name>南岗河</name><desc>code=R1; width_m=24</desc>{points("rtept", LINE)}</rte>
<trk><name>乌涌</name><cmt>code: R2，width_m：12</cmt>
{"".join(f"<trkseg>{points('trkpt', p)}</trkseg>" for p in TWO.geoms)}</trk></gpx>"""


def made(folder: Path, suffix: str) -> Path:
    """The same two rivers in each format, with the names each format gives to properties."""
    path = folder / f"rivers{suffix}"
    if suffix in (".geojson", ".json"):
        write_layer(
            path,
            [
                Feature(LINE, {"code": "R1", "Name": "南岗河", "width_m": 24}),
                Feature(TWO, {"CODE": "R2", "名称": "乌涌", "width": "12"}),
            ],
        )
    elif suffix == ".shp":
        ogr(
            path,
            [LINE, TWO],
            kind="MultiLineString",
            CODE=["R1", "R2"],
            NAME=["南岗河", "乌涌"],
            WIDTH_M=[24.0, 12.0],
        )
    elif suffix == ".gpkg":
        ogr(
            path,
            [MultiLineString([LINE]), TWO],
            kind="MultiLineString",
            code=["R1", "R2"],
            name=["南岗河", "乌涌"],
            width=[24, 12],
        )
    elif suffix == ".kml":
        path.write_text(KML, encoding="utf-8")
    elif suffix == ".kmz":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("files/icon.png", b"")
            archive.writestr("doc.kml", KML)
    else:
        path.write_text(GPX, encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_says_the_same(tmp_path: Path, suffix: str) -> None:
    features = read_vector(made(tmp_path, suffix), LINES)
    features.sort(key=lambda f: f.text("code"))
    assert [(f.text("code"), f.text("name"), f.number("width_m")) for f in features] == [
        ("R1", "南岗河", 24), ("R2", "乌涌", 12),
    ]  # fmt: skip
    for feature, wanted in zip(features, (LINE, TWO), strict=True):
        assert not feature.geometry.has_z
        assert feature.geometry.equals(wanted)
        assert f"rivers{suffix}: " in feature.source
        assert f"({feature.text('name')})" in feature.source or suffix in (".geojson", ".json")


@pytest.mark.parametrize("suffix", [".kml", ".kmz", ".gpx"])
def test_points_are_taken_from_the_same_file(tmp_path: Path, suffix: str) -> None:
    path = made(tmp_path, suffix)
    [site], notes = read_vector_noted(path, ("Point",))
    assert site.text("name") == "站"
    assert site.geometry.equals(Point(113.4, 23.1))
    assert bool(notes) == (suffix != ".gpx")
    with pytest.raises(LayerError, match="Polygon"):
        read_vector(path, ("Polygon", "MultiPolygon"))


@pytest.mark.parametrize("suffix", [".shp", ".gpkg", ".geojson"])
@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:4547", "EPSG:32649", "EPSG:3857"])
def test_the_reference_system_is_honoured(tmp_path: Path, suffix: str, crs: str) -> None:
    # CGCS2000 is WGS-84 here; from the others PROJ knows the way
    base = "EPSG:4490" if crs in ("EPSG:4490", "EPSG:4547") else "EPSG:4326"
    to = pyproj.Transformer.from_crs(base, crs, always_xy=True)
    there = shapely.transform(LINE, lambda xy: np.column_stack(to.transform(*xy.T)))
    path = tmp_path / f"rivers{suffix}"
    if suffix == ".geojson":
        name = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:{crs.replace(':', '::')}"}}
        write_layer(path, [Feature(there, {"name": "南岗河"})], members={"crs": name})
    else:
        ogr(path, [there], crs=crs, kind="LineString", name=["南岗河"])
    [feature] = read_vector(path, LINES)
    assert feature.geometry.hausdorff_distance(LINE) < 2e-8
    around = read_vector(path, LINES, bbox=(113.405, 23.095, 113.415, 23.105))
    assert len(around) == 1
    with pytest.raises(LayerError, match="no feature lies in the box"):
        read_vector(path, LINES, bbox=(114.405, 23.095, 114.415, 23.105))


@pytest.mark.parametrize("crs", ["EPSG:4610", "EPSG:4979", "EPSG:2363"])
def test_a_system_without_a_way_to_wgs84_is_refused(tmp_path: Path, crs: str) -> None:
    path = ogr(tmp_path / "rivers.gpkg", [LINE], crs=crs, kind="LineString", name=["南岗河"])
    if crs == "EPSG:4979":  # WGS-84 with heights: the heights are left out
        assert read_vector(path, LINES)[0].geometry.equals(LINE)
        return
    with pytest.raises(LayerError, match="no transformation from EPSG") as caught:
        read_vector(path, LINES)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".shp", ".gpkg", ".geojson", ".kml"])
def test_gcj02_where_declared(tmp_path: Path, suffix: str) -> None:
    shifted = shapely.transform(LINE, wgs84_to_gcj02)
    path = tmp_path / f"rivers{suffix}"
    if suffix == ".kml":
        path.write_text(KML.replace(coordinates(LINE), coordinates(shifted)), encoding="utf-8")
    elif suffix == ".geojson":
        write_layer(path, [Feature(shifted, {"name": "南岗河"})])
    else:
        ogr(path, [shifted], kind="LineString", name=["南岗河"])
    as_is = next(f for f in read_vector(path, LINES) if f.text("name") == "南岗河")
    assert as_is.geometry.distance(Point(113.40, 23.10)) > 0.004
    back = next(f for f in read_vector(path, LINES, datum="gcj02") if f.text("name") == "南岗河")
    assert back.geometry.hausdorff_distance(LINE) < 1e-8
    assert read_vector(path, LINES, datum="gcj02", bbox=(113.399, 23.099, 113.4005, 23.1005))


def test_gcj02_in_metres_is_refused(tmp_path: Path) -> None:
    path = ogr(tmp_path / "rivers.gpkg", [LINE], crs="EPSG:4547", kind="LineString", name=["a"])
    with pytest.raises(LayerError, match="declared as GCJ-02, yet the file names the system"):
        read_vector(path, LINES, datum="gcj02")


def test_a_shapefile_without_prj(tmp_path: Path) -> None:
    path = ogr(tmp_path / "a.shp", [LINE], crs=None, kind="LineString", name=["a"])
    assert read_vector(path, LINES)[0].geometry.equals(LINE)
    metres = shapely.transform(LINE, lambda xy: xy * 1e4)
    path = ogr(tmp_path / "b.shp", [metres], crs=None, kind="LineString", name=["a"])
    with pytest.raises(LayerError, match=r"no reference system \(is the .prj missing\?\)"):
        read_vector(path, LINES)
    swapped = shapely.transform(LINE, lambda xy: xy[:, ::-1])
    path = ogr(tmp_path / "c.shp", [swapped], crs=None, kind="LineString", name=["a"])
    with pytest.raises(LayerError, match="look swapped"):
        read_vector(path, LINES)


@pytest.mark.parametrize("encoding", ["UTF-8", "GB18030"])
def test_chinese_in_a_table_that_names_no_encoding(tmp_path: Path, encoding: str) -> None:
    path = ogr(tmp_path / "a.shp", [LINE], kind="LineString", encoding=encoding, 名称=["南岗河"])
    (tmp_path / "a.cpg").unlink()
    assert read_vector(path, LINES)[0].text("name") == "南岗河"


def test_layers_of_a_geopackage(tmp_path: Path) -> None:
    path = tmp_path / "area.gpkg"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, shape, kind in (
            ("rivers", LINE, "LineString"),
            ("roads", TWO, "MultiLineString"),
            ("sites", Point(113.4, 23.1), "Point"),
        ):
            write(
                path, np.array([shapely.to_wkb(shape)], dtype=object), [np.array([name], dtype=object)],
                fields=["name"], crs="EPSG:4326", geometry_type=kind, driver="GPKG", layer=name, append=path.exists(),
            )  # fmt: skip
    assert read_vector(path, ("Point",))[0].text("name") == "sites"
    with pytest.raises(LayerError, match="several layers could be meant: rivers, roads"):
        read_vector(path, LINES)
    assert read_vector(path, LINES, layer="Rivers")[0].text("name") == "rivers"
    with pytest.raises(
        LayerError, match=r"expected a layer of Polygon, found rivers \(LineString\)"
    ):
        read_vector(path, ("Polygon",))


BOW_TIE = Polygon([(113, 23), (113.1, 23.1), (113.1, 23), (113, 23.1)])


@pytest.mark.parametrize("suffix", [".shp", ".gpkg"])
@pytest.mark.parametrize(
    ("shape", "kind", "wanted", "says"),
    [
        (LineString([(113, 23), (113, 23)]), "LineString", LINES, "one distinct point"),
        (LineString([(23, 113), (23.1, 113)]), "LineString", LINES, "swapped"),
        (BOW_TIE, "Polygon", ("Polygon",), "feature 1 .*not valid"),
        (LINE, "LineString", ("Point",), "expected .*Point, found"),
    ],
)  # fmt: skip
def test_wrong_shapes_are_named(
    tmp_path: Path, suffix: str, shape: Any, kind: str, wanted: tuple[str, ...], says: str
) -> None:
    path = ogr(tmp_path / f"x{suffix}", [shape], kind=kind, name=["南岗河"])
    with pytest.raises(LayerError, match=says) as caught:
        read_vector(path, wanted)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".shp", ".gpkg"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_coordinate_that_is_no_number(tmp_path: Path, suffix: str, value: float) -> None:
    path = ogr(tmp_path / f"x{suffix}", [LINE], kind="LineString", name=["南岗河"])
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<d", 113.41), struct.pack("<d", value)))
    assert path.read_bytes() != content
    with pytest.raises(LayerError, match=r"feature 1 .*not a finite number"):
        read_vector(path, LINES)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.gpkg", b"", "the file is empty"),
        ("a.shp", b"", "the file is empty"),
        ("a.kml", b"<html></html>", "not that of a KML"),
        ("a.kml", b"PK\3\4", "not that of a KML"),
        ("a.kml", KML.encode()[:500], "cannot be read as KML"),
        ("a.kml", b'<!DOCTYPE x [<!ENTITY a "b">]><kml></kml>', "document type"),
        ("a.gpx", GPX.encode()[:600], "cannot be read as GPX"),
        ("a.gpx", b'<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"></gpx>', "no features"),
        ("a.gpkg", KML.encode(), "not that of a GeoPackage"),
        ("a.kmz", b"PK\3\4 nothing", "not a readable KMZ"),
        ("a.txt", b"", "the format .txt is not read"),
        ("none.shp", None, "no such file"),
        ("none.kmz", None, "no such file"),
    ],
)  # fmt: skip
def test_files_that_are_none(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LayerError, match=says) as caught:
        read_vector(path, LINES)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_shapefile_is_several_files(tmp_path: Path) -> None:
    path = made(tmp_path, ".shp")
    (tmp_path / "rivers.shx").unlink()
    with pytest.raises(LayerError, match=r"rivers\.shx is missing"):
        read_vector(path, LINES)


def test_a_zip_bomb_is_left_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geo.reading.vector, "MAX_BYTES", 1_000_000)
    path = tmp_path / "a.kmz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", b"<kml>" + b" " * 5_000_000)
    with pytest.raises(LayerError, match=r"unpacks to more than 1 MB"):
        read_vector(path, LINES)


def test_large_files_ask_for_a_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [LineString([(113 + k / 1e3, 23), (113 + k / 1e3, 23.0005)]) for k in range(300)]
    path = ogr(tmp_path / "rivers.shp", lines, kind="LineString", name=["a"] * 300)
    kml = made(tmp_path, ".kml")
    monkeypatch.setattr(geo.reading.vector, "MAX_FEATURES", 100)
    with pytest.raises(LayerError, match=r"300 features, 0\.1 MB; more than 100 .*give a part"):
        read_vector(path, LINES)
    assert len(read_vector(path, LINES, bbox=(113.0095, 22.9, 113.0195, 23.1))) == 10
    with pytest.raises(LayerError, match="give a smaller bbox"):
        read_vector(path, LINES, bbox=(113, 22.9, 113.2, 23.1))
    monkeypatch.setattr(geo.reading.vector, "MAX_BYTES", 1000)
    with pytest.raises(LayerError, match="give a part of it with --bbox"):
        read_vector(path, LINES)
    assert read_vector(path, LINES, bbox=(113.0095, 22.9, 113.0195, 23.1))
    monkeypatch.setattr(geo.reading.vector, "MAX_BYTES", 100)
    with pytest.raises(LayerError, match="convert it to GeoPackage"):
        read_vector(kml, LINES, bbox=(113.0095, 22.9, 113.0195, 23.1))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    for suffix in SUFFIXES:
        made(folder, suffix)
    return folder


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=300,
    deadline=None,
)
@given(st.data())
def test_any_bytes_are_read_or_refused(whole: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Random, truncated and mutated copies of a file in every format."""
    suffix = data.draw(st.sampled_from(SUFFIXES))
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    for file in whole.glob("rivers.*"):
        if file.suffix == suffix or (
            suffix == ".shp" and file.suffix in (".shx", ".dbf", ".prj", ".cpg")
        ):
            shutil.copy(file, tmp_path)
    path = tmp_path / f"rivers{suffix}"
    victim = path
    if suffix == ".shp":
        victim = path.with_suffix(
            data.draw(st.sampled_from([".shp", ".shx", ".dbf", ".prj", ".cpg"]))
        )
    content = bytearray(victim.read_bytes())
    how = data.draw(st.sampled_from(["random", "truncated", "mutated", "mutated", "gone"]))
    if how == "random":
        content = bytearray(data.draw(st.binary(max_size=300)))
    elif how == "truncated":
        content = content[: data.draw(st.integers(0, len(content)))]
    elif how == "mutated":
        for _ in range(data.draw(st.integers(1, 8))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    victim.write_bytes(content)
    if how == "gone":
        victim.unlink()
    window = data.draw(st.sampled_from([None, (113.0, 23.0, 114.0, 24.0)]))
    try:
        features = read_vector(path, LINES, bbox=window)
    except LayerError as error:
        assert "\n" not in str(error)
        assert str(path) in str(error)
    else:
        assert features
        for feature in features:
            assert feature.geometry.is_valid
            assert box(-180, -90, 180, 90).covers(feature.geometry)
