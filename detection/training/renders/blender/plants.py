"""Trees, bushes, reeds and tufts, instanced from a few meshes that are made once."""

from __future__ import annotations

import math
from typing import Any

import bpy  # type: ignore[import-not-found]
import numpy as np
from numpy.typing import NDArray

from detection.training.renders.blender.materials import Palette
from detection.training.renders.blender.shapes import leaf_cloud, mesh_from
from detection.training.renders.blender.terrain import Course
from detection.training.renders.pinhole import Pinhole

__all__ = ["PLANT", "Plants"]

FloatArray = NDArray[np.float64]
PLANT = 3  # object index
_HUES = ((0.030, 0.075, 0.016), (0.050, 0.095, 0.018), (0.024, 0.055, 0.020), (0.085, 0.095, 0.022))
_MOST = 1400


def _tree(seed: int) -> tuple[FloatArray, NDArray[np.int64]]:
    """A crown of radius about 1 with its middle at height 1.3, and a trunk (the last quads)."""
    rng = np.random.default_rng([seed, 11])
    lobes = int(rng.integers(9, 16))
    at = rng.normal(0, 1, (lobes, 3))
    at *= (rng.uniform(0.2, 0.72, lobes) / np.linalg.norm(at, axis=1))[:, None]
    at[:, 2] = at[:, 2] * rng.uniform(0.5, 0.9) + 1.3
    points, faces = leaf_cloud(rng, at, rng.uniform(0.22, 0.5, lobes), 5200, 0.042)
    angle = np.linspace(0, 2 * math.pi, 7)[:-1]
    trunk = np.concatenate(
        [np.column_stack([np.cos(angle) * r, np.sin(angle) * r, np.full(6, z)])
         for r, z in ((0.06, -0.2), (0.04, 1.2))]
    )  # fmt: skip
    sides = np.array([[k, (k + 1) % 6, 6 + (k + 1) % 6, 6 + k] for k in range(6)])
    return np.concatenate([points, trunk]), np.concatenate([faces, sides + len(points)])


def _bush(seed: int) -> tuple[FloatArray, NDArray[np.int64]]:
    rng = np.random.default_rng([seed, 12])
    lobes = int(rng.integers(4, 8))
    at = rng.normal(0, 0.42, (lobes, 3)) * [1, 1, 0.3] + [0, 0, 0.35]
    return leaf_cloud(rng, at, rng.uniform(0.3, 0.5, lobes), 1500, 0.055)


def _blades(
    seed: int, count: int, lean: float, width: float
) -> tuple[FloatArray, NDArray[np.int64]]:
    """A clump of blades of height about 1."""
    rng = np.random.default_rng([seed, 13])
    foot = np.column_stack([rng.normal(0, 0.28, (count, 2)), np.zeros(count)])
    way = rng.uniform(0, 2 * math.pi, count)
    bend = np.column_stack([np.cos(way), np.sin(way)]) * rng.uniform(0.1, lean, (count, 1))
    tall = rng.uniform(0.5, 1.1, count)
    across = np.column_stack([-np.sin(way), np.cos(way), np.zeros(count)]) * width
    half = foot + np.column_stack([bend * 0.35, tall * 0.65])
    tip = foot + np.column_stack([bend, tall])
    corners = np.stack([foot - across, foot + across, half + across, half - across,
                        half - across, half + across, tip + across * 0.2, tip - across * 0.2], 1)  # fmt: skip  # noqa: E501
    return corners.reshape(-1, 3), np.arange(8 * count).reshape(-1, 4)


class Plants:
    """The vegetation of one scene."""

    def __init__(self, course: Course, camera: Pinhole, palette: Palette, seed: int) -> None:
        self.course, self.camera, self.palette = course, camera, palette
        self.rng = np.random.default_rng([seed, 21])
        points, _ = camera.ground()
        seen = points.reshape(-1, 2)
        seen = seen[np.isfinite(seen).all(axis=1)]
        self.low = np.maximum(seen.min(axis=0), camera.at_m[:2] - 260)
        self.high = np.minimum(seen.max(axis=0), camera.at_m[:2] + 260)
        self.gsd_m = camera.at_m[2] / camera.focal_px

    def _scatter(self, name: str, shape: Any, hue: Any, rows: FloatArray) -> None:
        """Instances of a mesh at rows of (x, y, z, scale): one carrier face for each."""
        if not len(rows):
            return
        mesh = bpy.data.meshes.get(name)
        if mesh is None:
            mesh = mesh_from(name, *shape())
            mesh.use_fake_user = True
        mesh.materials.clear()
        mesh.materials.append(self.palette("leaf", hue))
        turn = self.rng.uniform(0, 2 * math.pi, len(rows))
        corners = np.stack([turn + k * math.pi / 2 for k in range(4)], axis=1)
        ring = np.stack([np.cos(corners), np.sin(corners), np.zeros_like(corners)], axis=-1)
        quads = rows[:, None, :3] + ring * rows[:, None, 3:] / math.sqrt(2)
        carrier = bpy.data.objects.new(
            name,
            mesh_from("carrier", quads.reshape(-1, 3), np.arange(4 * len(rows)).reshape(-1, 4)),
        )
        carrier.instance_type = "FACES"
        carrier.use_instance_faces_scale = True
        carrier.show_instancer_for_render = False
        child = bpy.data.objects.new(name, mesh)
        child.pass_index = PLANT
        child.parent = carrier
        for thing in (carrier, child):
            bpy.context.scene.collection.objects.link(thing)

    def _spots(self, side: int, per_100_m2: float, d: tuple[float, float], up: float) -> FloatArray:
        """Places (N, 3) on a strip of land that the camera sees, `up` metres above the ground."""
        s_low, s_high = self.low[1] - 8, self.high[1] + 8
        area = (s_high - s_low) * (d[1] - d[0])
        count = min(int(self.rng.poisson(max(per_100_m2 * area / 100, 0))), _MOST * 6)
        s, back = self.rng.uniform(s_low, s_high, count), self.rng.uniform(*d, count)
        # plants stand in groups
        s += 3.0 * np.sin(s * 1.7 + back * 0.9)
        xy = self.course.xy(side, s, back)
        z = self.course.sides[side].heights(back)
        points = np.column_stack([xy, z])
        margin = 40 + 8.0 / self.gsd_m * 0.4
        near = self.camera.sees(points, margin) | self.camera.sees(
            points + np.array([0, 0, up]), margin
        )
        return points[near][:_MOST]

    def _clear(self, spots: FloatArray, kept_free: FloatArray, radius: float) -> FloatArray:
        """Those spots that are not within (x, y, r) of something that stands there."""
        if not len(spots) or not len(kept_free):
            return spots
        gap = np.linalg.norm(spots[:, None, :2] - kept_free[None, :, :2], axis=2)
        free = (gap > kept_free[None, :, 2] + radius).all(axis=1)
        return np.asarray(spots[free], float)

    def _paved(self, side: int) -> list[tuple[float, float]]:
        """Strips on which nothing grows."""
        found, at = (
            [],
            self.course.sides[side].rows[-1 - len(self.course.sides[side].bank.zones)][0],
        )
        for zone in self.course.sides[side].bank.zones:
            if zone.kind in ("paving", "concrete", "asphalt", "yard"):
                found.append((at, at + zone.width_m))
            at += zone.width_m
        return found

    def _growing(self, side: int, spots: FloatArray, share_on_paving: float = 0.0) -> FloatArray:
        back = -self.course.out(spots[:, :2], side)
        keep = np.ones(len(spots), bool)
        for low, high in self._paved(side):
            keep &= ~((back > low) & (back < high)) | (
                self.rng.random(len(spots)) < share_on_paving
            )
        return spots[keep]

    def grow(self, kept_free: FloatArray) -> None:
        """Plant both banks; `kept_free` rows (x, y, radius) stay clear of trees."""
        for sign, side in self.course.sides.items():
            bank = side.bank
            back = bank.run_m
            deep = float(np.clip(max(abs(self.low[0]), abs(self.high[0])), 10, 260))
            wild = bank.kind in ("grass", "mud")
            for number in range(3):
                kind = int(self.rng.integers(6))
                hue = _HUES[int(self.rng.integers(len(_HUES)))]
                spots = self._spots(sign, bank.trees / 3, (back + 1.5, deep), 6.0)
                spots = self._clear(self._growing(sign, spots, 0.03), kept_free, 1.6)
                size = np.clip(self.rng.lognormal(0.75, 0.35, (len(spots), 1)), 1.0, 4.5)
                self._scatter(f"tree{kind}", lambda k=kind: _tree(k), hue, np.hstack([spots, size]))
                hue = _HUES[int(self.rng.integers(len(_HUES)))]
                start = 0.2 if wild else back + 0.8
                spots = self._spots(sign, bank.bushes / 3, (start, min(deep, back + 45)), 1.0)
                spots = self._clear(self._growing(sign, spots), kept_free, 0.3)
                size = self.rng.uniform(0.35, 1.15, (len(spots), 1))
                self._scatter(
                    f"bush{number}", lambda k=number: _bush(k), hue, np.hstack([spots, size])
                )
            if bank.reeds:
                spots = self._spots(sign, bank.reeds * 3, (-0.5, 0.7 + 0.3 * back), 1.0)
                patchy = np.sin(spots[:, 1] * 0.35 + bank.seed % 7) > 0.1
                spots = self._clear(spots[patchy], kept_free * [1, 1, 0.35], 0.2)
                spots[:, 2] = np.maximum(spots[:, 2], -0.1)
                size = self.rng.uniform(0.6, 1.6, (len(spots), 1))
                self._scatter(
                    "reed",
                    lambda: _blades(1, 26, 0.55, 0.014),
                    (0.08, 0.11, 0.03),
                    np.hstack([spots, size]),
                )
            if self.gsd_m < 0.045:
                start = 0.3 if bank.kind in ("grass", "mud", "riprap") else back + 0.6
                spots = self._growing(sign, self._spots(sign, 90, (start, back + 30), 0.2))
                spots = self._clear(spots, kept_free * [1, 1, 0.6], 0.0)
                size = self.rng.uniform(0.12, 0.42, (len(spots), 1))
                self._scatter(
                    "tuft",
                    lambda: _blades(2, 22, 0.9, 0.035),
                    _HUES[bank.seed % 2],
                    np.hstack([spots, size]),
                )

    def _rooted(self, spots: FloatArray, side: int) -> FloatArray:
        """Those spots that are on land, put on the ground."""
        back = -self.course.out(spots[:, :2], side)
        spots[:, 2] = self.course.sides[side].heights(back)
        return spots[back > 0.15]

    def overgrow(self, at: FloatArray, side: int, radius: float, amount: float) -> None:
        """Bushes and blades about an outlet, thicker above it than before its mouth."""
        count = int(4 + 16 * amount)
        spots = self._rooted(at + self.rng.normal(0, 1, (count, 3)) * [radius, radius, 0.12], side)
        count = len(spots)
        size = self.rng.uniform(0.25, 0.7, (count, 1)) * min(0.4 + radius * 0.5, 1.1)
        self._scatter("bush1", lambda: _bush(1), _HUES[1], np.hstack([spots, size]))
        spots = self._rooted(
            at + self.rng.normal(0, 1.2, (2 * count, 3)) * [radius, radius, 0.1], side
        )
        size = self.rng.uniform(0.4, 1.1, (len(spots), 1))
        self._scatter(
            "reed",
            lambda: _blades(1, 26, 0.55, 0.014),
            (0.07, 0.11, 0.03),
            np.hstack([spots, size]),
        )
