"""Drawing one frame of the virtual river, far things first (painter's order)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.camera import Camera, Pose
from patrol.simulation.camera.canvas import Canvas
from patrol.simulation.camera.drawing import Sheet
from patrol.simulation.camera.facades import Face, building_faces
from patrol.simulation.camera.glint import add_glint
from patrol.simulation.camera.outfalls import draw_faces, draw_outfall, outfall_faces
from patrol.simulation.camera.view import View
from patrol.simulation.world.banks import GREEN, STONE, WATER_UP_M, Bank
from patrol.simulation.world.ground import GroundPainter
from patrol.simulation.world.textures import GROUND_GSD_M, SPRITE_PX, TILE_PX
from patrol.simulation.world.things import CLASSES, Bridge, Plume, Waste
from patrol.simulation.world.world import World

__all__ = ["Scene"]

Image = NDArray[np.uint8]
FloatArray = NDArray[np.float64]
_FARTHEST_M = 150.0
_SPAN = 3  # bank vertices a face spans: 6 m
_BLOCKS = (5, 8)  # rows and columns in which land and water are warped
_KEPT_FACES = 400


class Scene:
    """Draws pictures of one world; what a picture shows depends on the pose only."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._canvas = Canvas(GroundPainter(world))
        self._buildings = world.buildings
        self._built = shapely.STRtree([b.footprint_m for b in self._buildings])
        self._trees = shapely.STRtree(list(np.asarray(shapely.points(world.trees.xy_m))))
        planted = world.planted
        self._outfalls = shapely.STRtree([o.footprint_m for o in planted.outfalls])
        self._flat: list[Plume | Waste] = [*planted.plumes, *planted.wastes]
        self._floating = shapely.STRtree([f.footprint_m for f in self._flat])
        self._faces: OrderedDict[str, list[Face]] = OrderedDict()
        # Numbers in the id picture: buildings first, then outfalls, then what floats; 0 is none.
        self._first_outfall = len(self._buildings) + 1
        self._first_flat = self._first_outfall + len(planted.outfalls)

    def class_of(self, number: int) -> int:
        """The detector's class of a number in the id picture."""
        if number < self._first_outfall:
            return CLASSES.index("structure")
        if number < self._first_flat:
            return CLASSES.index("outfall")
        plume = number - self._first_flat < len(self.world.planted.plumes)
        return CLASSES.index("discharge" if plume else "floating_waste")

    def ident_of(self, number: int) -> str:
        """The object's identity in the truth."""
        if number < self._first_outfall:
            return self._buildings[number - 1].ident
        if number < self._first_flat:
            return self.world.planted.outfalls[number - self._first_outfall].ident
        return self._flat[number - self._first_flat].ident

    def draw(self, camera: Camera, pose: Pose, *, label: bool = False) -> Sheet:
        """The picture without lens and sensor: a pinhole's."""
        view = View.of(camera, pose)
        west, south, east, north = view.footprint(WATER_UP_M, _FARTHEST_M)
        self._canvas.cover(west, south, east, north)
        extent = shapely.box(west, south, east, north)
        opening = self._opening(view, extent.buffer(12).bounds)
        ground = self._ground(view, opening)
        add_glint(ground, opening, view, self.world.sun)
        sheet = Sheet(ground, label=label)
        if label:
            self._claim_flat(sheet, view, extent, opening)
        for number, _ in enumerate(self.world.banks):
            self._bank(sheet, view, number, (west, south, east, north), opening)
        for k in self._far_first(self._outfalls, extent.buffer(4), view):
            outfall = self.world.planted.outfalls[k]
            faces = self._kept(outfall.ident, partial(outfall_faces, outfall, self.world.sun))
            draw_outfall(sheet, view, outfall, faces, self.world.sun, self._first_outfall + k)
        for bridge in self.world.bridges:
            if bridge.footprint_m.intersects(extent.buffer(8)):
                self._bridge(sheet, view, bridge)
        self._standing(sheet, view, extent.buffer(22))
        return sheet

    def _kept(self, key: str, make: Callable[[], list[Face]]) -> list[Face]:
        faces = self._faces.get(key)
        if faces is None:
            faces = self._faces[key] = make()
            if len(self._faces) > _KEPT_FACES:
                self._faces.popitem(last=False)
        else:
            self._faces.move_to_end(key)
        return faces

    def _far_first(self, tree: shapely.STRtree, extent: BaseGeometry, view: View) -> list[int]:
        found = np.sort(tree.query(extent))
        away = [tree.geometries[k].centroid for k in found]
        distance = [float(np.hypot(p.x - view.centre_m[0], p.y - view.centre_m[1])) for p in away]
        return [int(k) for _, k in sorted(zip(distance, found.tolist(), strict=True), reverse=True)]

    def _opening(self, view: View, bounds: tuple[float, float, float, float]) -> Image:
        """Where one looks down between the banks: a mask."""
        mask = np.zeros((view.height_px, view.width_px), np.uint8)
        part = shapely.clip_by_rect(self.world.opening, *bounds)
        for polygon in getattr(part, "geoms", [part]):
            if polygon.geom_type != "Polygon" or polygon.is_empty:
                continue
            rings = []
            for ring in (polygon.exterior, *polygon.interiors):
                points = shapely.get_coordinates(ring)
                px, _ = view.project(np.column_stack([points, np.zeros(len(points))]))
                rings.append(np.round(np.clip(px, -12000, 12000) * 16).astype(np.int32))
            cv2.fillPoly(mask, rings, 255, shift=4)
        return mask

    def _ground(self, view: View, opening: Image) -> Image:
        """Land and water, each warped only where it shows."""
        h, w = opening.shape
        image = np.empty((h, w, 3), np.uint8)
        rows, columns = _BLOCKS
        for r in range(rows):
            for c in range(columns):
                y0, y1 = r * h // rows, (r + 1) * h // rows
                x0, x1 = c * w // columns, (c + 1) * w // columns
                mask = opening[y0:y1, x0:x1]
                wet = cv2.countNonZero(mask)
                part, region = image[y0:y1, x0:x1], (x0, y0, x1, y1)
                if wet < mask.size:
                    part[:] = self._canvas.warp(view, 0.0, region)
                if wet == mask.size:
                    part[:] = self._canvas.warp(view, WATER_UP_M, region)
                elif wet:
                    cv2.copyTo(self._canvas.warp(view, WATER_UP_M, region), mask, part)
        return image

    def _claim_flat(self, sheet: Sheet, view: View, extent: BaseGeometry, opening: Image) -> None:
        for k in np.sort(self._floating.query(extent.buffer(6))):
            points = shapely.get_coordinates(self._flat[k].footprint_m.exterior)
            px, _ = view.project(np.column_stack([points, np.full(len(points), WATER_UP_M)]))
            sheet.claim(px, self._first_flat + int(k))
        if sheet.ids is not None:
            sheet.ids[opening == 0] = 0

    def _bank(
        self,
        sheet: Sheet,
        view: View,
        number: int,
        extent: tuple[float, float, float, float],
        opening: Image,
    ) -> None:
        bank, (west, south, east, north) = self.world.banks[number], extent
        x, y = bank.water_m[:, 0], bank.water_m[:, 1]
        near = (x > west - 9) & (x < east + 9) & (y > south - 9) & (y < north + 9)
        chunks = np.unique(np.flatnonzero(near) // _SPAN)
        count = len(bank.along_m)
        for chunk in chunks:
            k = int(chunk) * _SPAN
            n = min(k + _SPAN, count) % count
            corners = np.array([
                [*bank.top_m[k], 0.0], [*bank.top_m[n], 0.0],
                [*bank.water_m[n], WATER_UP_M], [*bank.water_m[k], WATER_UP_M],
            ])  # fmt: skip
            px, _ = view.project(corners)
            if sheet.region(px) is None:
                continue
            face = self._kept(f"bank {number} {k}", partial(self._bank_face, bank, k, corners))
            sheet.quad(px, face[0].texture, 0, opening)

    def _bank_face(self, bank: Bank, k: int, corners_m: FloatArray) -> list[Face]:
        """The texture of a bank from vertex `k` on, lit, with a dark band at the waterline."""
        m = self.world.materials
        kind, run = int(bank.kind[k]), float(bank.run_m[k])
        material = {STONE: m.stone_face, GREEN: m.green_face}.get(kind, m.concrete_face)
        rows = max(8, round(np.hypot(run, WATER_UP_M) / GROUND_GSD_M))
        columns = max(8, round(_SPAN * 2.0 / GROUND_GSD_M))
        left = int(bank.along_m[k] / GROUND_GSD_M) % (TILE_PX - columns)
        outward = np.array([*(-bank.normal[k] * -WATER_UP_M), run])
        outward /= np.linalg.norm(outward)
        lit = 0.6 + 0.48 * max(0.0, float(outward @ self.world.sun))
        texture = cv2.convertScaleAbs(material[200 : 200 + rows, left : left + columns], alpha=lit)
        wet = max(2, rows // 7)
        texture[-wet:] = texture[-wet:] // 8 * 5
        return [Face(corners_m, texture, outward)]

    def _bridge(self, sheet: Sheet, view: View, bridge: Bridge) -> None:
        axis = bridge.end_m - bridge.start_m
        axis = axis / np.hypot(*axis)
        across = np.array([-axis[1], axis[0]]) * bridge.width_m / 2
        ends = [
            bridge.start_m - across,
            bridge.end_m - across,
            bridge.end_m + across,
            bridge.start_m + across,
        ]
        top = np.array([[*p, bridge.up_m] for p in ends])
        m = self.world.materials
        columns = min(
            TILE_PX, round(float(np.hypot(*(bridge.end_m - bridge.start_m))) / GROUND_GSD_M)
        )
        rows = round(bridge.width_m / GROUND_GSD_M)
        deck = (m.asphalt if bridge.width_m > 4 else m.concrete)[:rows, :columns].copy()
        rim = 10
        deck[:rim], deck[-rim:] = m.concrete[:rim, :columns], m.concrete[:rim, :columns]
        deck[rim : rim + 2], deck[-rim - 2 : -rim] = 70, 70
        if bridge.width_m > 4:
            for x in range(0, columns - 48, 120):
                deck[rows // 2 - 1 : rows // 2 + 2, x : x + 48] = (206, 210, 212)
        up, faces = np.array([0, 0, 1.0]), []
        faces.append(Face(top, deck, up, 1))
        for a, b, out in ((top[0], top[1], -across), (top[2], top[3], across)):
            down = np.array([0, 0, -1.1])
            outward = np.array([*out, 0.0]) / np.hypot(*out)
            side = cv2.convertScaleAbs(m.concrete[:40, :400], alpha=0.62)
            faces.append(Face(np.array([a, b, b + down, a + down]), side, outward, 0))
        draw_faces(sheet, view, faces, 0)

    def _standing(self, sheet: Sheet, view: View, extent: BaseGeometry) -> None:
        """Buildings and trees together, those far from below the camera first."""
        cx, cy = view.centre_m[:2]
        order: list[tuple[float, int, int]] = []
        for k in np.sort(self._built.query(extent)):
            middle = self._buildings[k].corners_m.mean(axis=0)
            away = float(np.hypot(middle[0] - cx, middle[1] - cy))
            order.append((away - 0.4 * self._buildings[k].height_m, 0, int(k)))
        trees, index = self.world.trees, np.sort(self._trees.query(extent))
        xy, radius, up, foot = (
            a[index] for a in (trees.xy_m, trees.radius_m, trees.up_m, trees.foot_m)
        )
        corners = np.stack([
            np.column_stack([xy + d * radius[:, None], up])
            for d in (np.zeros(2), np.array([1.0, 0]), np.array([0, 1.0]))
        ], axis=1) if len(index) else np.zeros((0, 3, 3))  # fmt: skip
        px, _ = view.project(corners)
        low = np.column_stack([xy, foot + 0.45 * (up - foot)]) if len(index) else np.zeros((0, 3))
        low_px, _ = view.project(low)
        reach = np.linalg.norm(px[:, 1:] - px[:, :1], axis=2).max(axis=1, initial=0.0) * 1.02
        shown = (
            (px[:, 0, 0] > -reach) & (px[:, 0, 0] < view.width_px + reach)
            & (px[:, 0, 1] > -reach) & (px[:, 0, 1] < view.height_px + reach)
        )  # fmt: skip
        away = np.hypot(xy[:, 0] - cx, xy[:, 1] - cy) - 0.4 * up
        order += [(float(away[k]), 1, int(k)) for k in np.flatnonzero(shown)]
        for _, what, k in sorted(order, reverse=True):
            if what == 0:
                building = self._buildings[k]
                faces = self._kept(
                    building.ident, partial(building_faces, building, self.world.sun)
                )
                draw_faces(sheet, view, faces, k + 1)
            else:
                self._tree(sheet, px[k], low_px[k], float(reach[k]), int(trees.crown[index[k]]))

    def _tree(
        self, sheet: Sheet, px: FloatArray, low_px: FloatArray, reach: float, crown: int
    ) -> None:
        """A crown in two layers, so that it leans away from the middle of the picture."""
        half, middle = SPRITE_PX / 2, (SPRITE_PX - 1) / 2
        a, b = (px[1] - px[0]) / half, (px[0] - px[2]) / half
        for centre, scale, sprites in (
            (low_px, 0.93, self.world.materials.canopy_shade),
            (px[0], 1.0, self.world.materials.canopy),
        ):
            matrix = np.column_stack([a, b, centre / scale - (a + b) * middle]) * scale
            sheet.sprite(matrix, reach, centre, sprites[crown])
