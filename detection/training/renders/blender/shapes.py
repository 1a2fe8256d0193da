"""Meshes: solids put together from boxes, tubes and sheets, each face with its material."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import bpy  # type: ignore[import-not-found]
import numpy as np
from numpy.typing import NDArray

__all__ = ["Shape", "blob", "leaf_cloud", "mesh_from", "place"]

FloatArray = NDArray[np.float64]
Point = tuple[float, float, float]


def mesh_from(
    name: str,
    vertices: FloatArray,
    faces: NDArray[np.int64],
    materials: Sequence[Any] = (),
    slots: NDArray[np.int64] | None = None,
    uv_m: FloatArray | None = None,
    smooth: bool = False,
) -> Any:
    """A mesh of faces that all have the same number of corners (F, K); `uv_m` (F * K, 2)."""
    mesh = bpy.data.meshes.new(name)
    count, corners = faces.shape
    mesh.vertices.add(len(vertices))
    mesh.vertices.foreach_set("co", np.asarray(vertices, np.float32).ravel())
    mesh.loops.add(count * corners)
    mesh.loops.foreach_set("vertex_index", np.asarray(faces, np.int32).ravel())
    mesh.polygons.add(count)
    mesh.polygons.foreach_set("loop_start", np.arange(count, dtype=np.int32) * corners)
    for material in materials:
        mesh.materials.append(material)
    if slots is not None:
        mesh.polygons.foreach_set("material_index", np.asarray(slots, np.int32))
    if uv_m is not None:
        layer = mesh.uv_layers.new(name="UVMap")
        layer.data.foreach_set("uv", np.asarray(uv_m, np.float32).ravel())
    mesh.update(calc_edges=True)
    mesh.polygons.foreach_set("use_smooth", np.full(count, smooth))
    return mesh


def place(
    name: str,
    mesh: Any,
    at_m: Sequence[float],
    turn_rad: float = 0.0,
    scale: float | Sequence[float] = 1.0,
    index: int = 0,
    lean_rad: tuple[float, float] = (0.0, 0.0),
) -> Any:
    """Put a mesh into the scene, turned about the vertical, with this object index."""
    thing = bpy.data.objects.new(name, mesh)
    thing.location = [float(v) for v in at_m]
    thing.rotation_euler = (lean_rad[0], lean_rad[1], turn_rad)
    thing.scale = (scale,) * 3 if isinstance(scale, (int, float)) else scale
    thing.pass_index = index
    bpy.context.scene.collection.objects.link(thing)
    return thing


class Shape:
    """Collects quads and triangles; `build` makes one mesh of them."""

    def __init__(self) -> None:
        self._vertices: list[Point] = []
        self._faces: list[tuple[int, ...]] = []
        self._slots: list[int] = []
        self._smooth: list[bool] = []

    def face(self, points: Sequence[Point], slot: int = 0, smooth: bool = False) -> None:
        """One flat face."""
        first = len(self._vertices)
        self._vertices += [(float(x), float(y), float(z)) for x, y, z in points]
        self._faces.append(tuple(range(first, first + len(points))))
        self._slots.append(slot)
        self._smooth.append(smooth)

    def box(
        self, x: tuple[float, float], y: tuple[float, float], z: tuple[float, float], slot: int = 0
    ) -> None:
        """A block between these limits."""
        first = len(self._vertices)
        self._vertices += [(a, b, c) for c in z for b in y for a in x]
        for quad in ((0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)):  # fmt: skip  # noqa: E501
            self._faces.append(tuple(first + k for k in quad))
            self._slots.append(slot)
            self._smooth.append(False)

    def tube(
        self,
        radius: float,
        y: tuple[float, float],
        *,
        bore: float = 0.0,
        centre: tuple[float, float] = (0.0, 0.0),
        slot: int = 0,
        inner_slot: int | None = None,
        sides: int = 28,
        deep: float | None = None,
    ) -> None:
        """A pipe along y about (x, z) `centre`; with a `bore` it is open at the far end y[1] and
        dark `deep` metres in."""
        angle = np.linspace(0, 2 * math.pi, sides, endpoint=False)
        cx, cz = centre

        def ring(r: float, at: float) -> list[int]:
            first = len(self._vertices)
            self._vertices += [
                (cx + r * math.cos(a), at, cz + r * math.sin(a)) for a in angle.tolist()
            ]
            return list(range(first, first + sides))

        def skin(a: list[int], b: list[int], which: int, smooth: bool) -> None:
            for k in range(sides):
                n = (k + 1) % sides
                self._faces.append((a[k], a[n], b[n], b[k]))
                self._slots.append(which)
                self._smooth.append(smooth)

        skin(ring(radius, y[1]), ring(radius, y[0]), slot, True)
        if bore <= 0:
            for at in y:
                self._faces.append(tuple(ring(radius, at)))
                self._slots.append(slot)
                self._smooth.append(False)
            return
        inside = slot if inner_slot is None else inner_slot
        end = y[1] - (deep if deep is not None else y[1] - y[0])
        skin(ring(radius, y[1]), ring(bore, y[1]), slot, False)
        skin(ring(bore, y[1]), ring(bore, end), inside, True)
        self._faces.append(tuple(ring(bore, end)))
        self._slots.append(inside)
        self._smooth.append(False)

    def build(self, name: str, materials: Sequence[Any]) -> Any:
        """The mesh, with box-projected UVs in metres."""
        mesh = bpy.data.meshes.new(name)
        mesh.from_pydata(self._vertices, [], self._faces)
        for material in materials:
            mesh.materials.append(material)
        mesh.polygons.foreach_set("material_index", np.array(self._slots, np.int32))
        mesh.polygons.foreach_set("use_smooth", np.array(self._smooth))
        mesh.update()
        return mesh


def blob(
    rng: np.random.Generator, rough: float, squash: float = 1.0, level: int = 2
) -> tuple[FloatArray, NDArray[np.int64]]:
    """A lumpy ball of radius about 1 as triangles: stones, bags, heaps."""
    sides, rings = 6 * level, 4 * level
    lat = np.linspace(-math.pi / 2, math.pi / 2, rings + 1)
    lon = np.linspace(0, 2 * math.pi, sides, endpoint=False)
    points = np.array(
        [
            [math.cos(a) * math.cos(b), math.cos(a) * math.sin(b), math.sin(a)]
            for a in lat
            for b in lon
        ]
    )
    bumps = rng.normal(0, 1, (7, 3))
    phase = rng.uniform(0, 6.28, 7)
    radius = 1 + rough * np.sin(points @ (bumps.T * 2.2) + phase).mean(axis=1) * 1.6
    points = points * radius[:, None] * [1, 1, squash]
    faces = []
    for i in range(rings):
        for j in range(sides):
            a, b = i * sides + j, i * sides + (j + 1) % sides
            faces += [[a, b, b + sides], [a, b + sides, a + sides]]
    return points, np.array(faces)


def leaf_cloud(
    rng: np.random.Generator, centres: FloatArray, radii: FloatArray, count: int, leaf: float
) -> tuple[FloatArray, NDArray[np.int64]]:
    """`count` leaf quads of size `leaf` in the shells of balls; (4N, 3) and (N, 4)."""
    weight = radii**2 / (radii**2).sum()
    pick = rng.choice(len(radii), count, p=weight)
    way = rng.normal(0, 1, (count, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    way[:, 2] = np.where(way[:, 2] < -0.5, -way[:, 2], way[:, 2])
    at = centres[pick] + way * (radii[pick] * rng.uniform(0.6, 1.08, count))[:, None]
    normal = way * 0.7 + rng.normal(0, 0.6, (count, 3)) + [0, 0, 0.45]
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    other = rng.normal(0, 1, (count, 3))
    a = np.cross(normal, other)
    a /= np.linalg.norm(a, axis=1, keepdims=True)
    b = np.cross(normal, a)
    size = leaf * rng.uniform(0.5, 1.3, (count, 1))
    corners = np.stack([at - a * size, at - b * size * 0.5, at + a * size, at + b * size * 0.5], 1)
    return corners.reshape(-1, 3), np.arange(4 * count).reshape(-1, 4)
