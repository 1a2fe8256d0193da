"""Outfalls as shapes: pipes and culverts with headwalls, aprons and stains."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from patrol.simulation.camera.drawing import Sheet
from patrol.simulation.camera.facades import Face
from patrol.simulation.camera.view import View
from patrol.simulation.world.banks import WALL, WATER_UP_M
from patrol.simulation.world.textures import noise
from patrol.simulation.world.things import Outfall

__all__ = ["draw_faces", "draw_outfall", "outfall_faces"]

Image = NDArray[np.uint8]
FloatArray = NDArray[np.float64]
_FACETS = 12


def draw_faces(
    sheet: Sheet, view: View, faces: list[Face], ident: int, clip: Image | None = None
) -> None:
    """Draw those faces that look at the camera, the far ones first."""
    seen = []
    for face in faces:
        middle = face.corners_m.mean(axis=0)
        sight = view.centre_m - middle
        if float(sight @ face.outward) > 0:
            seen.append((face.layer, -float(sight @ sight), face))
    seen.sort(key=lambda row: row[:2])
    for _, _, face in seen:
        corners, _ = view.project(face.corners_m)
        sheet.quad(corners, face.texture, ident, clip)


def _cement(
    seed: int, colour: tuple[float, float, float], light: float, stain: float = 0.0
) -> Image:
    y, x = seed % 900, seed // 900 % 900
    rough = (
        noise(5, 0.5, 8.0, 1.2)[y : y + 48, x : x + 48] * 10
        + noise(6, 0.1, 0.8, 0.2)[y : y + 48, x : x + 48] * 5
    )
    image = (np.array(colour, np.float32) + rough[..., None]) * light
    if stain:
        image *= 1 - stain * np.linspace(0, 1, 48)[:, None, None]
    return np.clip(image, 0, 255).astype(np.uint8)


def _box(
    o: Outfall, along_m: tuple[float, float], out_m: tuple[float, float], up_m: tuple[float, float],
    colour: tuple[float, float, float], sun: FloatArray, layer: int = 0,
) -> list[Face]:  # fmt: skip
    """A block in the outfall's own axes: along the bank, out over the water, up."""
    along = np.array([-o.inward[1], o.inward[0]])

    def at(a: float, b: float, z: float) -> list[float]:
        x, y = o.root_m + along * a + o.inward * b
        return [float(x), float(y), z]

    (a0, a1), (b0, b1), (z0, z1) = along_m, out_m, up_m
    tall = np.array([*along, 0.0])
    out = np.array([*o.inward, 0.0])
    sides = [
        ([(a0, b0, z1), (a1, b0, z1), (a1, b1, z1), (a0, b1, z1)], np.array([0, 0, 1.0]), 0.0),
        ([(a0, b1, z1), (a1, b1, z1), (a1, b1, z0), (a0, b1, z0)], out, 0.45),
        ([(a0, b0, z1), (a1, b0, z1), (a1, b0, z0), (a0, b0, z0)], -out, 0.3),
        ([(a0, b0, z1), (a0, b1, z1), (a0, b1, z0), (a0, b0, z0)], -tall, 0.4),
        ([(a1, b0, z1), (a1, b1, z1), (a1, b1, z0), (a1, b0, z0)], tall, 0.4),
    ]
    faces = []
    for number, (corners, outward, stain) in enumerate(sides):
        light = 0.62 + 0.5 * max(0.0, float(outward @ sun))
        texture = _cement(o.seed + 131 * number, colour, light, stain)
        faces.append(Face(np.array([at(*p) for p in corners]), texture, outward, layer))
    return faces


def outfall_faces(o: Outfall, sun: FloatArray) -> list[Face]:
    """The flat-sided parts: headwall, wing walls, apron, the barrel of a culvert."""
    rng = np.random.default_rng(o.seed)
    wall_tone = float(rng.uniform(128, 186))
    cement = (wall_tone - 4, wall_tone, wall_tone + 3)
    back = o.run_m * (o.axis_up_m - WATER_UP_M) / -WATER_UP_M if o.bank_kind != WALL else 0.0
    faces: list[Face] = []
    half = o.size_m / 2
    top = min(o.axis_up_m + half + float(rng.uniform(0.25, 0.6)), 0.3)
    if o.bank_kind != WALL:  # an apron down the slope, wet where the water runs
        faces += _apron(o, half * 1.3, back, cement)
    if o.headwall_m:
        w = o.headwall_m / 2
        faces += _box(
            o, (-w, w), (-back - 0.35, -back + 0.12), (WATER_UP_M - 0.1, top), cement, sun, 1
        )
        if o.shape == "culvert" or rng.random() < 0.4:
            reach = float(rng.uniform(0.8, 1.8)) - back * 0.3
            for side in (-1, 1):
                edge = sorted((side * w, side * (w - 0.28)))
                faces += _box(
                    o, (edge[0], edge[1]), (-back, max(reach, 0.4)), (WATER_UP_M - 0.1, top - 0.3),
                    cement, sun, 2,
                )  # fmt: skip
    if o.shape == "culvert":
        shade = tuple(c * 0.9 for c in cement)
        faces += _box(
            o, (-half, half), (-back - 0.4, o.tip_m), (WATER_UP_M - 0.1, o.axis_up_m + half + 0.15),
            (shade[0], shade[1], shade[2]), sun, 3,
        )  # fmt: skip
        faces += _mouth(o, half)
    return faces


def _apron(o: Outfall, half: float, back: float, cement: tuple[float, float, float]) -> list[Face]:
    along = np.array([-o.inward[1], o.inward[0]])
    slope = -WATER_UP_M / max(o.run_m, 0.3)
    upper, lower = -back - 0.1, 0.5
    lift = 0.06

    def at(a: float, b: float) -> list[float]:
        x, y = o.root_m + along * a + o.inward * b
        return [float(x), float(y), min(WATER_UP_M - b * slope, 0.0) + lift]

    texture = _cement(o.seed + 7, cement, 0.92)
    rng = np.random.default_rng([o.seed, 3])
    wet = np.exp(-(((np.arange(48) - 24) / rng.uniform(5, 10)) ** 2))[None, :, None]
    tone = np.array(((50, 56, 60), (44, 66, 92), (52, 74, 60))[int(rng.integers(3))], np.float32)
    texture = np.clip(texture * (1 - 0.75 * wet) + tone * 0.75 * wet, 0, 255).astype(np.uint8)
    corners = np.array(
        [at(-half, upper), at(half, upper), at(half * 1.25, lower), at(-half * 1.25, lower)]
    )
    return [Face(corners, texture, np.array([0, 0, 1.0]), 0)]


def _mouth(o: Outfall, half: float) -> list[Face]:
    """The dark opening of a culvert."""
    along = np.array([-o.inward[1], o.inward[0]])
    z0, z1, inner = WATER_UP_M, o.axis_up_m + half - 0.1, half - 0.18
    corners = []
    for a, z in ((-inner, z1), (inner, z1), (inner, z0), (-inner, z0)):
        x, y = o.root_m + along * a + o.inward * (o.tip_m + 0.02)
        corners.append([x, y, z])
    dark = np.full((8, 8, 3), (26, 26, 24), np.uint8)
    return [Face(np.array(corners), dark, np.array([*o.inward, 0.0]), 4)]


def draw_outfall(
    sheet: Sheet, view: View, o: Outfall, faces: list[Face], sun: FloatArray, ident: int
) -> None:
    """Draw an outfall; `faces` are from `outfall_faces`."""
    _stain(sheet, view, o)
    draw_faces(sheet, view, faces, ident)
    if o.shape == "pipe":
        _pipe(sheet, view, o, sun, ident)


def _stain(sheet: Sheet, view: View, o: Outfall) -> None:
    """The shade of the pipe on the water, and a wet mark round its foot."""
    along = np.array([-o.inward[1], o.inward[0]])
    half = o.size_m / 2
    shift = np.array([0.0, 0.0])
    corners = [
        o.root_m + along * a + o.inward * b + shift
        for a, b in (
            (-half, -0.1),
            (half * 1.2, -0.1),
            (half * 1.2, o.tip_m + 0.25),
            (-half, o.tip_m + 0.25),
        )
    ]
    points, _ = view.project(np.array([[*p, WATER_UP_M] for p in corners]))
    sheet.fill(points, (30, 34, 32))


def _pipe(sheet: Sheet, view: View, o: Outfall, sun: FloatArray, ident: int) -> None:
    along = np.array([-o.inward[1], o.inward[0], 0.0])
    out = np.array([*o.inward, 0.0])
    back = o.run_m * (o.axis_up_m - WATER_UP_M) / -WATER_UP_M if o.bank_kind != WALL else 0.0
    root = np.array([*o.root_m, o.axis_up_m])
    r = o.size_m / 2
    angle = np.linspace(0, 2 * np.pi, _FACETS + 1)
    ring = along * np.cos(angle)[:, None] * r + np.array([0, 0, 1.0]) * np.sin(angle)[:, None] * r
    near, far = root - out * (back + 0.15) + ring, root + out * o.tip_m + ring
    middles = (near[:-1] + near[1:] + far[:-1] + far[1:]) / 4
    outward = (ring[:-1] + ring[1:]) / (2 * r)
    near_px, far_px = view.project(near)[0], view.project(far)[0]
    facing = np.einsum("ij,ij->i", view.centre_m - middles, outward) > 0
    for k in np.flatnonzero(facing):
        light = 0.5 + 0.62 * max(0.0, float(outward[k] @ sun)) + 0.1 * float(outward[k][2])
        colour = tuple(min(255.0, c * light) for c in o.colour)
        sheet.fill(np.array([near_px[k], near_px[k + 1], far_px[k + 1], far_px[k]]), colour, ident)
    # A collar at the mouth, then the mouth itself where it can be seen.
    lip = root + out * (o.tip_m - 0.12) + ring * 1.08
    lip_px, end_px = view.project(lip)[0], view.project(far + (ring * 0.08))[0]
    for k in np.flatnonzero(facing):
        light = 0.62 + 0.6 * max(0.0, float(outward[k] @ sun))
        colour = tuple(min(255.0, c * light * 1.08) for c in o.colour)
        sheet.fill(np.array([lip_px[k], lip_px[k + 1], end_px[k + 1], end_px[k]]), colour, ident)
    if float((view.centre_m - (root + out * o.tip_m)) @ out) > 0:
        sheet.fill(end_px[:-1], tuple(c * 0.8 for c in o.colour), ident)
        inner = view.project(root + out * o.tip_m + ring * 0.78)[0]
        sheet.fill(inner[:-1], (22, 22, 20), ident)
