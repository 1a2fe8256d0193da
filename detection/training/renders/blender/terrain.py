"""The river's course, its banks and the land behind them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.training.renders.blender.materials import Palette
from detection.training.renders.blender.shapes import mesh_from, place

__all__ = ["TERRAIN", "Course", "Side", "build_land"]

FloatArray = NDArray[np.float64]
TERRAIN = 2  # object index
_DEPTH_M = -1.3
_NATURAL = {"grass", "mud", "riprap"}


class Side:
    """One bank: its profile from below the waterline inland."""

    def __init__(self, bank: Any) -> None:
        self.bank = bank
        rng = np.random.default_rng(bank.seed)
        self._waves = rng.uniform([3, 0, 0.1], [30, 6.28, 1.0], (6, 3))
        self._rough = {"grass": 0.55, "mud": 0.8, "riprap": 0.4}.get(bank.kind, 0.0)
        # rows of (distance from the waterline, height, material of the strip that ends here, parts)
        h, run = bank.height_m, bank.run_m
        rows: list[tuple[float, float, str, int]]
        if bank.kind in ("concrete_wall", "masonry_wall", "sheet_pile"):
            rows = [(0.0, _DEPTH_M, "", 1), (0.02, h, bank.kind, 4)]
            if bank.parapet:
                rows += [(0.03, h + 0.3, "cap", 1), (0.4, h + 0.3, "cap", 1), (0.41, h, "cap", 1)]
            else:
                rows += [(0.45, h + 0.03, "cap", 1), (0.46, h, "cap", 1)]
        elif bank.kind == "gabion":
            steps = max(1, round(h / 0.9))
            rows = [(0.0, _DEPTH_M, "", 1)]
            for k in range(steps):
                rows.append((run * k / steps + 0.01, h * (k + 1) / steps, "gabion", 2))
                rows.append((run * (k + 1) / steps, h * (k + 1) / steps, "gabion", 2))
            rows.append((run + 0.6, h, "gabion", 2))
        elif bank.kind == "concrete_slope":
            rows = [(-2.5, _DEPTH_M, "", 1), (0.0, 0.0, bank.kind, 2), (run, h, bank.kind, 4)]
            rows += [(run + 0.02, h + 0.06, "cap", 1), (run + 0.4, h + 0.06, "cap", 1)]
            rows += [(run + 0.42, h, "cap", 1)]
        else:
            rows = [(-3.0, _DEPTH_M, "", 1), (0.0, 0.0, bank.kind, 5)]
            rows += [(run * t, h * t ** (0.75 if bank.kind == "grass" else 1.15), bank.kind, 3)
                     for t in (0.33, 0.67, 1.0)]  # fmt: skip
        at = rows[-1][0]
        for zone in bank.zones:
            at += zone.width_m
            parts = int(np.clip(zone.width_m / 1.5, 1, 22))
            rows.append((at, h, zone.kind, parts))
        self.rows = rows
        self._d = np.array([r[0] for r in rows])
        self._z = np.array([r[1] for r in rows])

    def wobble(self, s: FloatArray) -> FloatArray:
        """How far the waterline strays from the river's width at s, in metres."""
        total = np.zeros_like(s)
        for length, phase, size in self._waves:
            total += size * length / 13 * np.sin(2 * math.pi * s / length + phase) / 2.2
        return total * self._rough

    def heights(self, d_m: FloatArray) -> FloatArray:
        """Height of the ground at distances from the waterline."""
        return np.asarray(np.interp(d_m, self._d, self._z), float)

    def height(self, d_m: float) -> float:
        """Height of the ground at one distance from the waterline."""
        return float(np.interp(d_m, self._d, self._z))

    def back_at(self, z_m: float) -> float:
        """How far back from the waterline the bank reaches this height."""
        slope = self._d <= self.bank.run_m + 1e-6
        return float(np.interp(z_m, self._z[slope], self._d[slope]))

    def bumps(self, s: FloatArray, d: FloatArray) -> FloatArray:
        """Unevenness of the ground, none on walls."""
        natural = self.bank.kind in _NATURAL
        near = np.clip(d / 0.8, 0, 1) if natural else np.clip((d - self.bank.run_m - 1.0) / 2, 0, 1)
        wave = np.zeros(np.broadcast(s, d).shape)
        for length, phase, size in self._waves:
            wave += size * np.sin(
                2 * math.pi * (s * 0.8 + d * 1.3 * math.cos(phase)) / (length * 0.4) + phase
            )
        return wave * near * (0.07 if natural else 0.035)


class Course:
    """Where the river runs: from (side, s, d) to the world."""

    def __init__(self, spec: Any) -> None:
        self.river = spec.river
        self.sides = {bank.side: Side(bank) for bank in spec.banks}

    def centre(self, s: FloatArray) -> FloatArray:
        """x of the middle of the river at y = s."""
        r = self.river
        wave = np.sin(2 * math.pi * s / r.bend_length_m + r.bend_phase)
        return np.asarray(r.bend_m * wave, float)

    def turn(self, s: float) -> float:
        """Angle of the river's direction from +y, counter-clockwise, in radians."""
        r = self.river
        k = 2 * math.pi / r.bend_length_m
        return -math.atan(r.bend_m * k * math.cos(k * s + r.bend_phase))

    def xy(self, side: int, s: Any, d: Any) -> FloatArray:
        """World x, y (..., 2) of points at s along the river and d back from a waterline."""
        s, d = np.broadcast_arrays(np.asarray(s, float), np.asarray(d, float))
        sway = self.sides[side].wobble(s) * np.exp(-np.maximum(d, 0.0) / 3)
        x = self.centre(s) + side * (self.river.width_m / 2 + d + sway)
        return np.stack([x, s], axis=-1)

    def on_land(self, side: int, s: float, d: float) -> tuple[float, float, float]:
        """World position on the ground."""
        x, y = self.xy(side, s, d)
        return float(x), float(y), self.sides[side].height(d)

    def out(self, xy: FloatArray, side: int) -> FloatArray:
        """Distance over the water from a waterline, of world points (..., 2)."""
        s = xy[..., 1]
        half = self.river.width_m / 2 + self.sides[side].wobble(s)
        return np.asarray(half - side * (xy[..., 0] - self.centre(s)), float)


def build_land(course: Course, reach_s: tuple[float, float], palette: Palette) -> None:
    """The two banks with their land, between two places along the river."""
    for sign, side in course.sides.items():
        bank = side.bank
        step = 0.15 if bank.kind == "sheet_pile" else 0.45
        count = int(np.clip((reach_s[1] - reach_s[0]) / step, 24, 900))
        s = np.linspace(*reach_s, count)
        d_rows, z_rows, kinds = [side.rows[0][0]], [side.rows[0][1]], []
        for (d0, z0, _, _), (d1, z1, kind, parts) in zip(
            side.rows[:-1], side.rows[1:], strict=True
        ):
            for k in range(1, parts + 1):
                d_rows.append(d0 + (d1 - d0) * k / parts)
                z_rows.append(z0 + (z1 - z0) * k / parts)
                kinds.append(kind)
        d, z = np.array(d_rows)[:, None], np.array(z_rows)[:, None]
        across = np.concatenate([[0], np.cumsum(np.hypot(np.diff(d_rows), np.diff(z_rows)))])
        fold = 0.0
        if bank.kind == "sheet_pile":  # trapezoids of 1.2 m, all above the wall's foot
            phase = (s / 1.2) % 1
            fold = (np.clip(np.abs(phase - 0.5) * 6 - 1, 0, 1) * 0.32)[None] * (d < 0.1)
        xy = course.xy(sign, s[None], d + fold)
        up = z + side.bumps(s[None], d)
        vertices = np.concatenate([xy, up[..., None]], axis=2).reshape(-1, 3)
        rows, columns = len(d_rows) - 1, count - 1
        i, j = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
        a = i * count + j
        order = [a, a + 1, a + count + 1, a + count]
        faces = np.stack(order if sign < 0 else order[::-1], axis=-1).reshape(-1, 4)
        u, v = np.broadcast_arrays(s[None], across[:, None])
        uv = np.stack([u, v], axis=-1).reshape(-1, 2)[faces.ravel()]
        names = sorted(set(kinds))
        tones = {bank.kind: tuple(bank.tone), "cap": (0.4, 0.39, 0.36)}
        ground = _lawn(bank)
        materials = [
            palette("concrete_wall" if n == "cap" else n, tones.get(n, ground)) for n in names
        ]
        slots = np.repeat([names.index(k) for k in kinds], columns)
        mesh = mesh_from("land", vertices, faces, materials, slots, uv, smooth=False)
        place("land", mesh, (0, 0, 0), index=TERRAIN)


def _lawn(bank: Any) -> tuple[float, float, float]:
    """The colour of grass on this bank's land."""
    rng = np.random.default_rng([bank.seed, 5])
    lush = np.array([0.05, 0.085, 0.022]) * rng.uniform(0.75, 1.4)
    lush[0] *= rng.uniform(0.8, 1.5)
    return round(float(lush[0]), 4), round(float(lush[1]), 4), round(float(lush[2]), 4)
