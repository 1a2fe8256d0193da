"""Painting the ground: flat pictures of 51.2 m squares at 5 cm a pixel, land and water in one.

What is flat (roads, shadows, plumes, floating things) is painted here once; what has height is
drawn over it for every frame by the camera.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from patrol.simulation.world import afloat, landmarks
from patrol.simulation.world.banks import WATER_UP_M
from patrol.simulation.world.decals import blob
from patrol.simulation.world.litter import paint_waste
from patrol.simulation.world.textures import GROUND_GSD_M, TILE_M, TILE_PX, noise
from patrol.simulation.world.things import Building
from patrol.simulation.world.world import World

__all__ = ["GroundPainter"]

Image = NDArray[np.uint8]
FloatArray = NDArray[np.float64]
_REACH_M = 40.0  # the longest shadow
_NODES = 32  # slow variation: a value each 1.6 m
_HALF_PX, _COARSE_PX = TILE_PX // 2, TILE_PX // 8  # sizes at which patches and light are worked out


class GroundPainter:
    """Paints the tiles of one world; the same tile always comes out the same."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._opening = world.opening
        self._roads = shapely.STRtree([r.outline_m for r in world.roads])
        self._buildings = world.buildings
        self._built = shapely.STRtree([b.footprint_m for b in self._buildings])
        self._trees = shapely.STRtree(list(np.asarray(shapely.points(world.trees.xy_m))))
        self._litter = shapely.STRtree([shapely.Point(x, y) for _, x, y, _, _ in world.litter])
        self._plumes = shapely.STRtree([p.footprint_m for p in world.planted.plumes])
        self._wastes = shapely.STRtree([w.footprint_m for w in world.planted.wastes])
        self._village = shapely.STRtree(_yards(world))
        self._shift = -world.sun[:2] / world.sun[2]
        rng = np.random.default_rng([world.seed, 77])
        size = 257  # prime to the tile, so that slow variation repeats after 411 m only
        slow = np.fft.ifft2(
            np.fft.fft2(rng.standard_normal((3, size, size)))
            / (np.hypot(*np.meshgrid(*[np.fft.fftfreq(size)] * 2)) + 0.012) ** 1.1
        ).real
        self._slow = (slow / slow.std(axis=(1, 2), keepdims=True)).astype(np.float32)

    def slow(self, layer: int, i: int, j: int, size: int) -> NDArray[np.float32]:
        """(size, size) slow variation over one tile, mean 0, deviation 1, smooth across tiles;
        `size` is a multiple of 64."""
        count = self._slow.shape[1]
        columns = (np.arange(-1, _NODES + 2) + i * _NODES) % count
        rows = (np.arange(-1, _NODES + 2) - j * _NODES) % count
        patch = np.ascontiguousarray(self._slow[layer][np.ix_(rows, columns)])
        step = size // _NODES
        large = cv2.resize(patch, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)
        begin = step + step // 2
        return np.asarray(large[begin : begin + size, begin : begin + size])

    def paint(self, i: int, j: int) -> Image:
        """Tile (i, j): east i..i+1, north j..j+1 times 51.2 m; (1024, 1024, 3) BGR, north up."""
        box = shapely.box(i * TILE_M, j * TILE_M, (i + 1) * TILE_M, (j + 1) * TILE_M)
        brush = _Brush(i * TILE_M, (j + 1) * TILE_M)
        wet = brush.mask([shapely.clip_by_rect(self._opening, *box.buffer(1.0).bounds)])
        tile = self._land(i, j, box, brush)
        water_px = cv2.countNonZero(wet)
        if water_px:
            water = self._water(i, j, box, brush, wet)
            cv2.copyTo(water, wet, tile)
        return tile

    def _land(self, i: int, j: int, box: BaseGeometry, brush: _Brush) -> Image:
        world, m = self.world, self.world.materials
        tile = m.grass.copy()
        first, second = (self.slow(layer, i, j, _HALF_PX) for layer in (0, 1))
        rough = _half(noise(3, 0.4, 3.0, 1.0)) * np.float32(0.35)
        cv2.copyTo(m.meadow, _above(first + rough, 0.45), tile)
        cv2.copyTo(m.soil, _above(second + rough, 1.25), tile)
        cv2.copyTo(m.crop, _above(-first - second, 3.1), tile)
        near = sorted(self._village.query(box, "intersects"))
        for ground, rest in ((m.soil, (0,)), (m.concrete, (1, 2))):
            yards = [
                self._village.geometries[k] for k in near if self._buildings[k].seed % 3 in rest
            ]
            if yards:
                cv2.copyTo(ground, brush.mask(yards), tile)
        surfaces = {
            "asphalt": m.asphalt,
            "paving": m.paving,
            "soil": m.soil,
            "concrete": m.concrete,
        }
        roads = [world.roads[k] for k in sorted(self._roads.query(box, "intersects"))]
        for surface in ("soil", "concrete", "paving", "asphalt"):
            mine = [r for r in roads if r.surface == surface]
            if mine:
                outlines = [r.outline_m for r in mine]
                if surface == "asphalt":
                    brush.outline(tile, outlines, (150, 156, 158), 7)
                cv2.copyTo(surfaces[surface], brush.mask(outlines), tile)
        for road in roads:
            if road.surface == "asphalt":
                landmarks.mark_road(tile, brush.px, road.centre_m, road.width_m)
        light = _enlarged(128 + 9 * self.slow(2, i, j, _COARSE_PX))
        tile = cv2.multiply(tile, cv2.merge([light] * 3), scale=1 / 128)
        for kind, x, y, size, seed in self._things(box):
            landmarks.paint_on_land(
                tile, brush.px(np.array([[x, y]]))[0], kind, size / GROUND_GSD_M, seed, m
            )
        for road in roads:
            if road.surface == "asphalt":
                landmarks.park_cars(tile, brush.px, road.centre_m, road.width_m, self._shift)
        shade = self._shadows(box, brush, 0.0)
        return _darken(tile, shade, world.shadow_depth)

    def _water(self, i: int, j: int, box: BaseGeometry, brush: _Brush, wet: Image) -> Image:
        world, m = self.world, self.world.materials
        water = m.water.copy()
        far, slow = self._from_bank(brush, box), self.slow(0, i, j, _COARSE_PX)
        light = 128 + 5 * slow + 10 * np.exp(-far / 1.6) - 6 * np.minimum(far / 8, 1)
        warm = light + 4 * self.slow(1, i, j, _COARSE_PX)
        cold8 = _enlarged(light)
        water = cv2.multiply(water, cv2.merge([cold8, cold8, _enlarged(warm)]), scale=1 / 128)
        if world.algae > 0.15:
            near = slow - far * np.float32(0.35)
            green = cv2.resize(near, (_HALF_PX, _HALF_PX), interpolation=cv2.INTER_LINEAR)
            green += _half(noise(5, 0.5, 8.0, 1.2)) * np.float32(0.6)
            cv2.copyTo(m.algae, _above(green, 1.9 - 1.6 * world.algae), water)
        for k in sorted(self._plumes.query(box, "intersects")):
            afloat.plume(water, brush.px, world.planted.plumes[k], GROUND_GSD_M)
        for kind, x, y, size, seed in self._things(box):
            afloat.paint_afloat(
                water, brush.px(np.array([[x, y]]))[0], kind, size / GROUND_GSD_M, seed, m
            )
        for k in sorted(self._wastes.query(box.buffer(2), "intersects")):
            paint_waste(water, brush.px, world.planted.wastes[k])
        shade = self._shadows(box, brush, WATER_UP_M)
        return _darken(water, shade, 0.6 * world.shadow_depth)

    def _from_bank(self, brush: _Brush, box: BaseGeometry) -> NDArray[np.float32]:
        """(128, 128) metres from the waterline, capped at 10."""
        coarse, margin = TILE_PX // _COARSE_PX, 26  # 40 cm cells and 10.4 m round the tile
        size = _COARSE_PX + 2 * margin
        small = _Brush(
            brush.west - margin * coarse * GROUND_GSD_M,
            brush.north + margin * coarse * GROUND_GSD_M, size, GROUND_GSD_M * coarse,
        )  # fmt: skip
        wet = small.mask([shapely.clip_by_rect(self.world.water, *box.buffer(14).bounds)])
        far = cv2.distanceTransform(wet, cv2.DIST_L2, 3) * np.float32(GROUND_GSD_M * coarse)
        return np.asarray(np.minimum(far[margin:-margin, margin:-margin], 10.0))

    def _things(self, box: BaseGeometry) -> Iterable[tuple[str, float, float, float, int]]:
        return (self.world.litter[k] for k in sorted(self._litter.query(box.buffer(5))))

    def _shadows(self, box: BaseGeometry, brush: _Brush, up_m: float) -> Image:
        """Where the sun does not reach the plane at `up_m`, as a mask."""
        world, near = self.world, box.buffer(_REACH_M, join_style="mitre")
        mask = np.zeros((TILE_PX, TILE_PX), np.uint8)
        drop = -up_m
        for k in sorted(self._built.query(near)):
            brush.fill(mask, _cast(self._buildings[k], self._shift, drop))
        if drop > 0:
            for bridge in world.bridges:
                if bridge.footprint_m.distance(box) < 10:
                    corners = shapely.get_coordinates(bridge.footprint_m)[:-1]
                    brush.fill(mask, corners + self._shift * (drop + bridge.up_m))
            lit = np.zeros_like(mask)
            moved = shapely.clip_by_rect(self._opening, *near.bounds)
            brush.fill_shapes(lit, [moved], self._shift * drop)
            cv2.bitwise_or(mask, cv2.bitwise_not(lit), dst=mask)
        trees = world.trees
        index = np.sort(self._trees.query(near))
        if len(index):
            height = np.maximum(trees.up_m[index] + drop, 0.1)
            centre = brush.px(trees.xy_m[index] + self._shift * height[:, None])
            radius = trees.radius_m[index] / GROUND_GSD_M
            seen = np.all(
                (centre > -radius[:, None]) & (centre < TILE_PX + radius[:, None]), axis=1
            )
            for k in np.flatnonzero(seen):
                ring = blob(int(trees.crown[index[k]]))
                points = centre[k] + ring * radius[k]
                cv2.fillPoly(mask, [np.round(points * 8).astype(np.int32)], 255, shift=3)
        return mask


class _Brush:
    """Fills polygons given in metres into pictures of one tile."""

    def __init__(
        self, west_m: float, north_m: float, size: int = TILE_PX, gsd_m: float = GROUND_GSD_M
    ) -> None:
        self.west, self.north, self.size, self.gsd = west_m, north_m, size, gsd_m

    def px(self, points_m: FloatArray) -> FloatArray:
        return (
            np.column_stack(
                [(points_m[:, 0] - self.west) / self.gsd, (self.north - points_m[:, 1]) / self.gsd]
            )
            - 0.5
        )

    def fill(self, mask: Image, points_m: FloatArray, value: int = 255) -> None:
        cv2.fillPoly(mask, [np.round(self.px(points_m) * 8).astype(np.int32)], value, shift=3)

    def fill_shapes(
        self, mask: Image, shapes: Iterable[BaseGeometry], moved_m: FloatArray | None = None
    ) -> None:
        offset = np.zeros(2) if moved_m is None else moved_m
        for shape in shapes:
            for part in getattr(shape, "geoms", [shape]):
                if part.geom_type != "Polygon" or part.is_empty:
                    continue
                rings = [
                    np.round(self.px(shapely.get_coordinates(r) + offset) * 8).astype(np.int32)
                    for r in (part.exterior, *part.interiors)
                ]
                cv2.fillPoly(mask, rings, 255, shift=3)

    def mask(self, shapes: Iterable[BaseGeometry]) -> Image:
        mask = np.zeros((self.size, self.size), np.uint8)
        self.fill_shapes(mask, shapes)
        return mask

    def outline(
        self, image: Image, shapes: Iterable[BaseGeometry], colour: tuple[int, int, int], px: int
    ) -> None:
        for shape in shapes:
            for part in getattr(shape, "geoms", [shape]):
                if part.geom_type == "Polygon" and not part.is_empty:
                    ring = np.round(self.px(shapely.get_coordinates(part.exterior)) * 8)
                    cv2.polylines(image, [ring.astype(np.int32)], True, colour, px, shift=3)


def _half(field: NDArray[np.float32]) -> NDArray[np.float32]:
    return field[::2, ::2]


def _above(field: NDArray[np.float32], threshold: float) -> Image:
    """(1024, 1024) mask of where a field of half the size is above the threshold."""
    mask = cv2.compare(field, threshold, cv2.CMP_GT)
    large = cv2.resize(mask, (TILE_PX, TILE_PX), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.compare(large, 127, cv2.CMP_GT))


def _enlarged(field: NDArray[np.float32]) -> Image:
    """A coarse field of factors about 128, as bytes at the tile's size."""
    coarse = np.clip(field, 60, 190).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (TILE_PX, TILE_PX), interpolation=cv2.INTER_LINEAR))


def _darken(image: Image, shade: Image, depth: float) -> Image:
    if depth > 0 and cv2.countNonZero(shade):
        light = 1 - depth
        dark = cv2.multiply(image, (min(1, light * 1.1), light * 1.02, light, 0))
        cv2.copyTo(dark, shade, image)
    return image


def _cast(building: Building, shift: FloatArray, drop_m: float) -> FloatArray:
    foot = building.corners_m + shift * drop_m
    top = building.corners_m + shift * (drop_m + building.height_m)
    hull = cv2.convexHull(np.vstack([foot, top]).astype(np.float32))
    return np.asarray(hull[:, 0, :], dtype=float)


def _yards(world: World) -> list[BaseGeometry]:
    """Paved ground around houses, and around what was built where it should not be."""
    return [
        b.footprint_m.buffer(1.2 + (b.seed % 5) * 0.5, join_style="mitre") for b in world.buildings
    ]
