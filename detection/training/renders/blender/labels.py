"""What is seen of each thing, from the picture of object indices. NumPy alone.

The index picture holds for each pixel the index of the object seen there, so a box about the
pixels of a thing bounds exactly what is visible. Which share of it that is comes from points drawn
over its surface: those on the camera's side that fall on a pixel of the same thing are visible.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.training.renders.blender.register import Part, Thing
from detection.training.renders.blender.water import WATER, Patch
from detection.training.renders.pinhole import Pinhole

__all__ = ["describe_plume", "describe_thing"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_POINTS = 600


def _box(mask: NDArray[np.bool_]) -> list[int] | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]


def _surface_points(parts: list[Part], camera: Pinhole, rng: np.random.Generator) -> FloatArray:
    """Pixels (N, 2) of points drawn over the surface that faces the camera, evenly in the
    picture."""
    triangles = np.concatenate([part.triangles() for part in parts])
    # A tube has an inside: a triangle seen from its back is another's front, so both count.
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    sight = camera.at_m - triangles.mean(axis=1)
    far = np.linalg.norm(sight, axis=1)
    weight = np.abs(np.einsum("ij,ij->i", normals, sight)) / np.maximum(far, 0.1) ** 3
    above = triangles[..., 2].max(axis=1) > 0.0  # what lies under water is no loss
    weight = np.where(above, weight, 0.0)
    if weight.sum() <= 0:
        return np.empty((0, 2))
    pick = rng.choice(len(weight), _POINTS, p=weight / weight.sum())
    a, b = rng.random((2, _POINTS, 1))
    fold = a + b > 1
    a, b = np.where(fold, 1 - a, a), np.where(fold, 1 - b, b)
    corner = triangles[pick]
    points = corner[:, 0] + a * (corner[:, 1] - corner[:, 0]) + b * (corner[:, 2] - corner[:, 0])
    pixels, _ = camera.project(points[points[:, 2] > 0.0])
    return pixels[np.isfinite(pixels).all(axis=1)]


def describe_thing(thing: Thing, indices: IntArray, camera: Pinhole) -> dict[str, Any] | None:
    """Box, visible share and share within the picture of one thing; None where nothing is seen."""
    known = [part.index for part in thing.parts]
    mask = np.isin(indices, known)
    box = _box(mask)
    if box is None:
        return None
    pixels = _surface_points(thing.parts, camera, np.random.default_rng(known[0]))
    height, width = indices.shape
    cell = np.floor(pixels).astype(int)
    inside = np.asarray(((cell >= 0) & (cell < [width, height])).all(axis=1))
    seen = mask[cell[inside, 1], cell[inside, 0]]
    return {
        "label": thing.label, "kind": thing.kind, "box_px": box, "area_px": int(mask.sum()),
        "visible": round(float(seen.mean()) if len(seen) else 1.0, 3),
        "in_picture": round(float(inside.mean()) if len(inside) else 1.0, 3),
        "parts": {
            part.name: part_box
            for part in thing.parts
            if (part_box := _box(indices == part.index)) is not None
        },
    }  # fmt: skip


def describe_plume(
    outlet: Any, patches: list[Patch], films: list[Patch], water: tuple[float, float, float],
    indices: IntArray, camera: Pinhole,
) -> dict[str, Any] | None:  # fmt: skip
    """The box of a plume: where its tint differs visibly from the water about it."""
    plume = outlet.plume
    ground, _ = camera.ground()
    gamma = 1 / 2.2
    contrast = float(np.abs(np.array(plume.colour) ** gamma - np.array(water) ** gamma).max())
    least = float(np.clip(0.06 / max(contrast, 1e-3), 0.12, 0.7))
    alpha = np.max([patch.sample(ground) for patch in patches], axis=0)
    tinted = alpha > least
    mask = tinted & (indices == WATER)
    for film in films:  # duckweed and scum hide it
        mask &= film.sample(ground) < 0.35
    box = _box(mask)
    if box is None:
        return None
    whole = int((patches[0].alpha > least).sum())
    patch = patches[0]
    rows, columns = np.nonzero(patch.alpha > least)
    if not whole:
        return None
    x0, y0 = patch.x_m, patch.y_m
    step = patch.size_m[0] / patch.alpha.shape[1]
    at = np.column_stack([x0 + (columns + 0.5) * step, y0 + (rows + 0.5) * step, np.zeros(whole)])
    return {
        "label": "discharge", "kind": plume.colour_name, "box_px": box, "area_px": int(mask.sum()),
        "visible": round(float(mask.sum() / max(tinted.sum(), 1)), 3),
        "in_picture": round(float(camera.sees(at).mean()), 3), "parts": {},
        "contrast": round(contrast, 3),
    }  # fmt: skip
