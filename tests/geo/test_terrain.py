from __future__ import annotations

import base64
import json
import math
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.transform import Affine
from rasterio.warp import transform
from shapely.geometry import LineString, Point, box

from geo.coordinates import LocalProjection
from geo.errors import TerrainError
from geo.terrain import Terrain

WEST, SOUTH, EAST, NORTH = BOUNDS = (113.45, 23.15, 113.47, 23.17)
SECOND = 1 / 3600


def hill(lon: Any, lat: Any) -> Any:
    """A smooth made-up ground, metres."""
    return 60 + 40 * np.sin((lon - 113) * 300) * np.cos((lat - 23) * 280) + 900 * (lon - 113.4)


def write(
    path: Path, heights: Any, place: Affine, crs: str | None = "EPSG:4326", **more: Any
) -> Path:
    heights = np.asarray(heights)
    bands = heights if heights.ndim == 3 else heights[None]
    with rasterio.open(
        path, "w", driver=more.pop("driver", "GTiff"), dtype=bands.dtype, count=len(bands),
        height=bands.shape[1], width=bands.shape[2], crs=crs, transform=place, **more,
    ) as target:  # fmt: skip
        target.write(bands)
    return path


def degrees_tif(
    path: Path, bounds: Any = (113.44, 23.14, 113.48, 23.18), step: float = SECOND, **more: Any
) -> Path:
    west, south, east, north = bounds
    lon = west + step * (np.arange(round((east - west) / step)) + 0.5)
    lat = north - step * (np.arange(round((north - south) / step)) + 0.5)
    heights = hill(*np.meshgrid(lon, lat)).astype(np.float32)
    heights = more.pop("change", lambda h: h)(heights)
    return write(path, heights, Affine(step, 0, west, 0, -step, north), **more)


def utm_tif(path: Path, cell_m: float = 30.0) -> Path:
    [x0], [y0] = transform("EPSG:4326", "EPSG:32649", [113.46], [23.16])
    xs = x0 - 3000 + cell_m * (np.arange(round(6000 / cell_m)) + 0.5)
    ys = y0 + 3000 - cell_m * (np.arange(round(6000 / cell_m)) + 0.5)
    grid = np.meshgrid(xs, ys)
    lon, lat = transform("EPSG:32649", "EPSG:4326", grid[0].ravel(), grid[1].ravel())
    heights = hill(np.array(lon), np.array(lat)).reshape(grid[0].shape).astype(np.float32)
    return write(path, heights, Affine(cell_m, 0, x0 - 3000, 0, -cell_m, y0 + 3000), "EPSG:32649")


def places(count: int = 500, bounds: Any = BOUNDS) -> NDArray[np.float64]:
    rng = np.random.default_rng(5)
    west, south, east, north = bounds
    return np.column_stack([rng.uniform(west, east, count), rng.uniform(south, north, count)])


def small(heights: Any, step: float = 3e-4) -> Terrain:
    return Terrain(113.0, 23.0, step, step, np.asarray(heights, dtype=np.float32), "小.tif")


class TestReading:
    @pytest.mark.parametrize("kind", ["degrees", "utm"])
    def test_heights_are_those_of_the_ground(self, tmp_path: Path, kind: str) -> None:
        path = tmp_path / "dem.tif"
        degrees_tif(path) if kind == "degrees" else utm_tif(path)
        terrain = Terrain.read([path], BOUNDS)
        at = places()
        found = terrain.heights(at)
        # 30 m cells of a ground with wavelengths of 2 km: bilinear is good to decimetres.
        assert np.abs(found - hill(at[:, 0], at[:, 1])).max() < 0.4
        assert 25 < terrain.cell_m < 32
        assert terrain.source == "dem.tif"
        assert terrain.missing_outline(BOUNDS).is_empty
        rows, columns = terrain.heights_m.shape
        assert rows * columns < 100 * 100  # cropped

    def test_heights_are_decimetres_that_a_document_keeps(self, tmp_path: Path) -> None:
        terrain = Terrain.read([degrees_tif(tmp_path / "dem.tif")], BOUNDS)
        document = json.loads(json.dumps(terrain.to_document()))
        assert Terrain.from_document(document) == terrain

    @pytest.mark.parametrize("side", [1201, 3601])
    def test_an_srtm_tile_is_placed_by_its_name(self, tmp_path: Path, side: int) -> None:
        lon = np.linspace(113, 114, side)
        lat = np.linspace(24, 23, side)
        heights = np.rint(hill(lon[None, :], lat[:, None])).astype(">i2")
        heights[0, :] = heights[-200, 5] = -32768
        path = tmp_path / "N23E113.hgt"
        path.write_bytes(heights.tobytes())
        terrain = Terrain.read([path], BOUNDS)
        at = places()
        tolerance = 0.6 if side == 3601 else 1.5
        assert np.abs(terrain.heights(at) - hill(at[:, 0], at[:, 1])).max() < tolerance
        assert math.isclose(terrain.step_lat_deg, 1 / (side - 1), rel_tol=1e-9)
        # The void row at 24 degrees is not a height.
        top = Terrain.read([path], (113.2, 23.98, 113.3, 24.0))
        assert not top.missing_outline((113.2, 23.98, 113.3, 24.0)).is_empty

    def test_an_ascii_grid_reads(self, tmp_path: Path) -> None:
        path = tmp_path / "dem.asc"
        rows = "\n".join(" ".join(["12.5"] * 30 + ["-9999"]) for _ in range(31))
        path.write_text(
            f"ncols 31\nnrows 31\nxllcorner 113.45\nyllcorner 23.15\ncellsize 0.001\n"
            f"NODATA_value -9999\n{rows}\n"
        )
        path.with_suffix(".prj").write_text(
            rasterio.crs.CRS.from_epsg(4326).to_wkt(version="WKT1_ESRI")
        )
        terrain = Terrain.read([path], BOUNDS)
        assert terrain.heights([[113.46, 23.16]]) == pytest.approx(12.5)

    def test_neighbours_make_a_mosaic_without_a_seam(self, tmp_path: Path) -> None:
        one = degrees_tif(tmp_path / "w.tif", (113.44, 23.14, 113.46, 23.18))
        two = degrees_tif(tmp_path / "e.tif", (113.46, 23.14, 113.48, 23.18))
        whole = degrees_tif(tmp_path / "all.tif")
        far = degrees_tif(tmp_path / "far.tif", (114.46, 23.14, 114.48, 23.18))
        mosaic = Terrain.read([one, two, far], BOUNDS)
        assert mosaic.missing_outline(BOUNDS).is_empty
        at = places()
        assert np.array_equal(mosaic.heights(at), Terrain.read([whole], BOUNDS).heights(at))
        assert mosaic.source == "w.tif + e.tif"

    def test_the_first_that_knows_wins(self, tmp_path: Path) -> None:
        def holed(heights: NDArray[np.float32]) -> NDArray[np.float32]:
            heights[60:80, 60:80] = -9999
            return heights

        one = degrees_tif(tmp_path / "one.tif", change=holed, nodata=-9999)
        other = degrees_tif(tmp_path / "other.tif", change=lambda h: h + 7, step=2 * SECOND)
        terrain = Terrain.read([one, other], BOUNDS)
        at = places(2000)
        more = terrain.heights(at) - hill(at[:, 0], at[:, 1])
        assert not np.isnan(more).any()
        inside = np.abs(more - 7) < 1
        assert 0.02 < inside.mean() < 0.2
        assert np.abs(more[~inside]).max() < 7.5

    @pytest.mark.parametrize("void", [-9999.0, -32768.0, float("nan"), -3.4e38])
    def test_voids_are_unknown_though_not_declared(self, tmp_path: Path, void: float) -> None:
        def holed(heights: NDArray[np.float32]) -> NDArray[np.float32]:
            heights[70:75, 70:75] = void
            return heights

        terrain = Terrain.read([degrees_tif(tmp_path / "dem.tif", change=holed)], BOUNDS)
        assert np.isnan(terrain.heights_m).sum() == 25

    def test_a_turned_grid_is_warped(self, tmp_path: Path) -> None:
        [x0], [y0] = transform("EPSG:4326", "EPSG:32649", [113.46], [23.16])
        place = Affine.translation(x0, y0) @ Affine.rotation(20) @ Affine.scale(30, -30)
        place = place @ Affine.translation(-100, -100)
        column, row = np.meshgrid(np.arange(200) + 0.5, np.arange(200) + 0.5)
        x, y = place @ (column, row)
        lon, lat = transform("EPSG:32649", "EPSG:4326", x.ravel(), y.ravel())
        heights = hill(np.array(lon), np.array(lat)).reshape(200, 200).astype(np.float32)
        terrain = Terrain.read([write(tmp_path / "t.tif", heights, place, "EPSG:32649")], BOUNDS)
        at = places()
        assert np.abs(terrain.heights(at) - hill(at[:, 0], at[:, 1])).max() < 0.4

    def test_a_file_that_ends_early_says_where(self, tmp_path: Path) -> None:
        path = degrees_tif(tmp_path / "dem.tif", (113.44, 23.14, 113.46, 23.18))
        missing = Terrain.read([path], BOUNDS).missing_outline(BOUNDS)
        west, _, east, _ = missing.bounds
        assert east == EAST
        assert 113.46 - 2 * SECOND < west <= 113.46


class TestRefusals:
    def refusal(self, paths: Any, says: str, bounds: Any = BOUNDS) -> None:
        paths = paths if isinstance(paths, list) else [paths]
        with pytest.raises(TerrainError, match=says) as caught:
            Terrain.read(paths, bounds)
        assert "\n" not in str(caught.value)
        for path in paths[:1]:
            assert path.name in str(caught.value)

    def test_no_file(self, tmp_path: Path) -> None:
        self.refusal(tmp_path / "none.tif", "no such file")
        self.refusal(tmp_path, "folder")
        with pytest.raises(TerrainError, match="no terrain file"):
            Terrain.read([], BOUNDS)

    @pytest.mark.parametrize("name", ["dem.tif", "dem.asc", "rivers.geojson"])
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"no raster\n",
            b"II*\0\xff\xff\xff\xff",
            b'{"type": "FeatureCollection", "features": []}',
        ],
    )
    def test_no_raster(self, tmp_path: Path, name: str, content: bytes) -> None:
        path = tmp_path / name
        path.write_bytes(content)
        self.refusal(path, "not a terrain raster|cannot be read")

    def test_hgt_names_and_sizes(self, tmp_path: Path) -> None:
        path = tmp_path / "dem.hgt"
        path.write_bytes(bytes(2 * 1201 * 1201))
        self.refusal(path, "N23E113.hgt")
        path = tmp_path / "N23E113.hgt"
        path.write_bytes(bytes(2 * 1201 * 1201 - 1000))
        self.refusal(path, "truncated")
        path.write_bytes(np.full((1201, 1201), -32768, ">i2").tobytes())
        self.refusal(path, "no height is known")

    def test_truncated(self, tmp_path: Path) -> None:
        for more in (
            {},
            {"compress": "deflate"},
            {"tiled": True, "blockxsize": 64, "blockysize": 64},
        ):
            path = degrees_tif(tmp_path / "dem.tif", **more)
            data = path.read_bytes()
            for share in (0.02, 0.3, 0.5):
                path.write_bytes(data[: int(len(data) * share)])
                self.refusal(path, "cannot be read|not a terrain raster")

    def test_a_truncated_ascii_grid(self, tmp_path: Path) -> None:
        path = tmp_path / "dem.asc"
        path.write_text(
            "ncols 31\nnrows 31\nxllcorner 113.45\nyllcorner 23.15\ncellsize 0.001\n"
            + "12.5 " * 400
        )
        path.with_suffix(".prj").write_text(rasterio.crs.CRS.from_epsg(4326).to_wkt())
        self.refusal(path, "cannot be read")

    def test_not_georeferenced(self, tmp_path: Path) -> None:
        self.refusal(degrees_tif(tmp_path / "dem.tif", crs=None), "no CRS")
        path = tmp_path / "plain.tif"
        with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
            write(path, np.zeros((9, 9), np.float32), Affine.identity(), None)
        self.refusal(path, "no CRS")

    def test_pictures_and_feet(self, tmp_path: Path) -> None:
        place = Affine(SECOND, 0, 113.44, 0, -SECOND, 23.18)
        picture = np.zeros((3, 99, 99), np.uint8)
        self.refusal(write(tmp_path / "rgb.tif", picture, place), "picture")
        self.refusal(write(tmp_path / "p.png", picture, place, driver="PNG"), "picture")
        self.refusal(
            write(tmp_path / "c.tif", np.zeros((99, 99), np.complex64), place), "real numbers"
        )
        path = degrees_tif(tmp_path / "dem.tif")
        with rasterio.open(path, "r+") as target:
            target.set_band_unit(1, "ft")
        self.refusal(path, "in ft")

    def test_the_first_of_several_bands_is_taken(self, tmp_path: Path) -> None:
        place = Affine(SECOND, 0, 113.44, 0, -SECOND, 23.18)
        bands = np.stack([np.full((150, 150), value, np.float32) for value in (12, 99)])
        terrain = Terrain.read([write(tmp_path / "two.tif", bands, place)], BOUNDS)
        assert np.unique(terrain.heights_m) == 12

    def test_elsewhere(self, tmp_path: Path) -> None:
        path = degrees_tif(tmp_path / "dem.tif")
        self.refusal(
            path,
            r"longitude 113\.4400 to 113\.4800.*does not meet the area",
            (114.0, 23.1, 114.1, 23.2),
        )
        self.refusal(
            utm_tif(tmp_path / "utm.tif"), "does not meet the area", (-60.0, -30.0, -59.9, -29.9)
        )

    @pytest.mark.parametrize("value", [9500.0, -600.0, 1e6])
    def test_unreasonable(self, tmp_path: Path, value: float) -> None:
        def wrong(heights: NDArray[np.float32]) -> NDArray[np.float32]:
            heights[70, 70] = value
            return heights

        self.refusal(
            degrees_tif(tmp_path / "dem.tif", change=wrong),
            re.escape(f"heights of 1 cells cannot be metres, such as {value:g}"),
        )

    def test_too_large(self, tmp_path: Path) -> None:
        path = tmp_path / "fine.tif"
        place = Affine(1e-6, 0, 113.44, 0, -1e-6, 23.18)
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            dtype="int16",
            count=1,
            height=40000,
            width=40000,
            crs="EPSG:4326",
            transform=place,
            sparse_ok=True,
            tiled=True,
            blockxsize=512,
            blockysize=512,
        ):
            pass
        self.refusal(path, "million cells; at most 16 million.*coarser")

    @pytest.mark.parametrize(
        "bounds", [(113.5, 23, 113.4, 24), (float("nan"), 23, 114, 24), (113, -91, 114, 24)]
    )
    def test_no_area(self, tmp_path: Path, bounds: Any) -> None:
        with pytest.raises(TerrainError, match="no area"):
            Terrain.read([degrees_tif(tmp_path / "dem.tif")], bounds)

    @settings(
        max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(st.data())
    def test_damaged_files_cost_one_line(self, tmp_path: Path, data: st.DataObject) -> None:
        path = tmp_path / "d.tif"
        path.unlink(missing_ok=True)
        degrees_tif(
            path,
            (113.455, 23.155, 113.465, 23.165),
            compress=data.draw(st.sampled_from(["deflate", "lzw", "none"])),
        )
        raw = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 6))):
            raw[data.draw(st.integers(0, min(len(raw) - 1, 400)))] = data.draw(st.integers(0, 255))
        path.write_bytes(raw)
        try:
            Terrain.read([path], BOUNDS)
        except TerrainError as error:
            assert "\n" not in str(error)


class TestHeights:
    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 2**31), st.booleans())
    def test_bilinear_and_unknown(self, seed: int, holes: bool) -> None:
        rng = np.random.default_rng(seed)
        rows, columns = rng.integers(2, 9, 2)
        heights = rng.uniform(-20, 90, (rows, columns)).astype(np.float32)
        if holes:
            heights[rng.random(heights.shape) < 0.2] = np.nan
        terrain = small(heights)
        # Exactly at the centres: that cell's height, whatever its neighbours.
        column, row = np.meshgrid(np.arange(columns), np.arange(rows))
        at = np.column_stack([113 + column.ravel() * 3e-4, 23 - row.ravel() * 3e-4])
        assert np.allclose(terrain.heights(at), heights.ravel(), atol=1e-3, equal_nan=True)
        x, y = rng.uniform(-0.5, columns - 0.5, 50), rng.uniform(-0.5, rows - 0.5, 50)
        found = terrain.heights(np.column_stack([113 + x * 3e-4, 23 - y * 3e-4]))
        for a, b, value in zip(x, y, found, strict=True):
            if not (0 <= a <= columns - 1 and 0 <= b <= rows - 1):
                assert np.isnan(value)
                continue
            i, j = min(int(b), rows - 2), min(int(a), columns - 2)
            corners = heights[i : i + 2, j : j + 2].astype(float)
            expected = np.array([i + 1 - b, b - i]) @ corners @ np.array([j + 1 - a, a - j])
            assert np.allclose(value, expected, atol=1e-3, equal_nan=True)

    def test_missing_is_where_heights_are_nan(self) -> None:
        rng = np.random.default_rng(2)
        heights = rng.uniform(0, 50, (40, 50)).astype(np.float32)
        heights[rng.random(heights.shape) < 0.03] = np.nan
        heights[10:20, 30:44] = np.nan
        terrain = small(heights)
        bounds = (112.999, 22.985, 113.0145, 23.002)
        missing = terrain.missing_outline(bounds)
        assert missing.is_valid
        at = places(4000, bounds)
        unknown = np.isnan(terrain.heights(at))
        inside = shapely.contains_xy(missing, at[:, 0], at[:, 1])
        assert np.array_equal(inside, unknown)
        assert box(*bounds).buffer(1e-9).covers(missing)
        assert terrain.missing_outline((120.0, 23.0, 121.0, 24.0)).equals(box(120, 23, 121, 24))

    def test_refuses_what_is_no_grid(self) -> None:
        for heights in (np.zeros((1, 5)), np.zeros(5), np.zeros((0, 0))):
            with pytest.raises(TerrainError, match="2 x 2"):
                small(heights)
        with pytest.raises(TerrainError, match="not a grid on the Earth"):
            small(np.zeros((2, 2)), step=-1.0)

    def test_equal_by_content(self) -> None:
        heights = np.array([[1, np.nan], [3, 4]])
        assert small(heights) == small(heights)
        assert hash(small(heights)) == hash(small(heights))
        assert small(heights) != small(heights + 1)
        assert small(heights) != 3
        assert repr(small(heights)) == "Terrain(小.tif, 2 x 2 cells of 30.7 m)"
        with pytest.raises(ValueError, match="read-only"):
            small(heights).heights_m[0, 0] = 3


class TestHoles:
    def test_small_ones_are_filled_and_told(self) -> None:
        heights = np.add.outer(np.arange(30.0), 2 * np.arange(40.0)).astype(np.float32)
        whole = heights.copy()
        heights[5:8, 5:8] = np.nan  # 90 m across
        heights[15:25, 20:22] = np.nan  # 300 m long
        heights[0, 12] = np.nan  # open to what is not known
        filled, notes = small(heights).filled()
        assert np.allclose(filled.heights_m[5:8, 5:8], whole[5:8, 5:8], atol=0.06)  # a plane
        assert np.isnan(filled.heights_m[15:25, 20:22]).all()
        assert np.isnan(filled.heights_m[0, 12])
        [note] = notes
        assert "空洞" in note
        assert "9 unknown cells in 1 small hole" in note
        assert "113.00180, 22.99820" in note
        assert "\n" not in note
        more, _ = small(heights).filled(most_cells=10)
        assert np.isnan(more.heights_m).sum() == 1
        assert small(whole).filled() == (small(whole), [])

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 2**31))
    def test_between_its_rim(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        heights = rng.uniform(-30, 300, (40, 40)).astype(np.float32)
        heights[rng.random(heights.shape) < rng.uniform(0, 0.3)] = np.nan
        terrain = small(heights)
        filled, notes = terrain.filled(most_cells=3)
        known = np.isfinite(heights)
        assert np.allclose(filled.heights_m[known], heights[known], atol=0.051)
        new = np.isfinite(filled.heights_m) & ~known
        assert bool(notes) == bool(new.any())
        assert np.all(filled.heights_m[new] >= np.nanmin(heights) - 0.1)
        assert np.all(filled.heights_m[new] <= np.nanmax(heights) + 0.1)


class TestCropping:
    def test_keeps_all_within_the_margin(self) -> None:
        rng = np.random.default_rng(1)
        terrain = small(rng.uniform(0, 50, (120, 150)))
        line = LineString([(113.005, 22.99), (113.02, 22.98), (113.022, 22.97)])
        cropped = terrain.cropped_to(line, 150.0)
        projection = LocalProjection.around([113.01], [22.98])
        line_m = LineString(projection.forward(line.coords))
        at = places(4000, (113.0, 22.965, 113.04, 23.0))
        near = np.array([line_m.distance(Point(place)) <= 150 for place in projection.forward(at)])
        assert near.sum() > 200
        assert np.allclose(cropped.heights(at)[near], terrain.heights(at)[near], atol=1e-4)
        assert np.isnan(cropped.heights_m).mean() > 0.4
        assert len(str(cropped.to_document())) < 0.4 * len(str(terrain.to_document()))

    def test_elsewhere_is_refused(self) -> None:
        with pytest.raises(TerrainError, match="does not reach"):
            small(np.zeros((5, 5))).cropped_to(Point(114, 24), 100)
        with pytest.raises(TerrainError, match="nothing to crop"):
            small(np.zeros((5, 5))).cropped_to(Point(), 100)


def document(**changes: Any) -> dict[str, Any]:
    return {**small(np.arange(20).reshape(4, 5)).to_document(), **changes}


def packed(values: Any, kind: str = "<i2") -> str:
    return base64.b64encode(zlib.compress(np.asarray(values, dtype=kind).tobytes())).decode()


class TestDocuments:
    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 2**31), st.sampled_from([1.0, 40.0, 8000.0]), st.floats(0, 1))
    def test_round_trip(self, seed: int, relief: float, unknown: float) -> None:
        rng = np.random.default_rng(seed)
        heights = rng.uniform(-100, relief, rng.integers(2, 30, 2)).astype(np.float32)
        heights[rng.random(heights.shape) < unknown] = np.nan
        terrain = small(heights)
        read = Terrain.from_document(json.loads(json.dumps(terrain.to_document())))
        assert np.allclose(read.heights_m, heights, atol=0.0505, equal_nan=True)
        again = Terrain.from_document(json.loads(json.dumps(read.to_document())))
        assert again == read
        assert again.to_document() == read.to_document()

    def test_smooth_ground_packs_small(self) -> None:
        lon, lat = np.meshgrid(113 + np.arange(300) * SECOND, 23 - np.arange(300) * SECOND)
        text = json.dumps(small(hill(lon, lat)).to_document())
        assert len(text) < 1.2 * 300 * 300

    @pytest.mark.parametrize(
        ("value", "says"),
        [
            (None, "an object"),
            ([], "an object"),
            ({}, "'source'"),
            (document(source=""), "'source'"),
            (document(source="a\nb"), "'source'"),
            (document(source="x" * 2000), "'source'"),
            (document(west_deg="113"), "'west_deg' must be a number"),
            (document(west_deg=True), "'west_deg' must be a number"),
            (document(west_deg=float("nan")), "'west_deg' must be degrees"),
            (document(north_deg=10**400), "'north_deg' must be degrees"),
            (document(step_lon_deg=0), "not a grid on the Earth"),
            (document(step_lat_deg=-0.1), "not a grid on the Earth"),
            (document(step_lat_deg=300), "not a grid on the Earth"),
            (document(rows=1), "'rows'"),
            (document(rows=4.0), "'rows'"),
            (document(rows=10**400), "'rows'"),
            (document(rows=10**5, columns=10**5), "at most 16,000,000"),
            (document(rows=5), "does not fit"),
            (document(columns=2), "does not fit"),
            (document(kind="int8"), "'kind'"),
            (document(kind=[]), "'kind'"),
            (document(kind="int32"), "does not fit"),
            (document(heights_dm=None), "base64 text"),
            (document(heights_dm="?"), "cannot be unpacked"),
            (document(heights_dm="é"), "cannot be unpacked"),
            (document(heights_dm="AAAA"), "cannot be unpacked"),
            (document(heights_dm=document()["heights_dm"][:16]), "does not fit|cannot be unpacked"),
            (document(heights_dm="A" * 10_000), "longer than"),
            (document(heights_dm=packed(np.zeros(10**6))), "does not fit|longer than"),
            (document(heights_dm=packed([-6000] * 20)), "holds -"),
            (document(heights_dm=packed([95_000] * 20, "<i4"), kind="int32"), "holds 9500 m"),
        ],
        ids=str,
    )  # fmt: skip
    def test_anything_else_is_refused(self, value: Any, says: str) -> None:
        with pytest.raises(TerrainError, match=says) as caught:
            Terrain.from_document(value)
        assert "\n" not in str(caught.value)

    def test_a_bomb_is_not_inflated(self) -> None:
        import tracemalloc

        bomb = base64.b64encode(zlib.compress(bytes(200_000_000), 9)).decode()
        wrong = document(rows=300, columns=400, heights_dm=bomb)
        tracemalloc.start()
        with pytest.raises(TerrainError, match="does not fit"):
            Terrain.from_document(wrong)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
        tracemalloc.stop()

    @settings(max_examples=200, deadline=None)
    @given(st.data())
    def test_fuzz(self, data: st.DataObject) -> None:
        anything = st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=4), inner, max_size=3)
            ),
            max_leaves=6,
        )
        value = document()
        for name in data.draw(st.lists(st.sampled_from(sorted(value)), min_size=1, max_size=3)):
            value[name] = data.draw(anything)
        if data.draw(st.booleans()):
            text = bytearray(document()["heights_dm"].encode())
            text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(43, 122))
            value["heights_dm"] = text.decode()
        try:
            Terrain.from_document(value)
        except TerrainError as error:
            assert "\n" not in str(error)
