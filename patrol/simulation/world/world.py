"""The virtual river: one seeded world along the rivers of a study area."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from geo.communities import AreaMap
from geo.coordinates import EastNorth
from geo.layers import Feature, read_layer, write_layer
from geo.placing import GroundPoint
from patrol.area import StudyArea
from patrol.errors import SimulationError
from patrol.simulation.world.banks import Bank, build_banks, drawn_water
from patrol.simulation.world.nature import Litter, grow_trees, scatter
from patrol.simulation.world.planting import Ground, Planted, plant
from patrol.simulation.world.textures import Materials, make_materials
from patrol.simulation.world.things import Bridge, Building, Trees
from patrol.simulation.world.town import Road, build_bridges, build_houses, build_roads

__all__ = ["World"]

FloatArray = NDArray[np.float64]
_STRIP_M = 15.0  # a management zone reaches this far from the water where none is drawn


@dataclass(frozen=True, slots=True)
class World:
    """Everything the camera can see, in metres of the area's projection.

    The same area, seed and density always give the same world. `sun` is the unit vector towards
    the sun; `shadow_depth` how much light a shadow takes (0-1); `algae` 0-1 how green the banks'
    water is.
    """

    area: StudyArea
    seed: int
    water: BaseGeometry
    opening: BaseGeometry
    banks: tuple[Bank, ...]
    roads: tuple[Road, ...]
    bridges: tuple[Bridge, ...]
    houses: tuple[Building, ...]
    planted: Planted
    trees: Trees
    litter: tuple[Litter, ...]
    materials: Materials
    sun: FloatArray
    shadow_depth: float
    algae: float

    @classmethod
    def build(cls, area: StudyArea, seed: int, density_per_km: float = 6.0) -> World:
        """Build the world of a seed, with `density_per_km` planted violations a river-kilometre."""
        if seed < 0 or not 0 < density_per_km <= 60:
            raise SimulationError(
                f"seed {seed} and density {density_per_km:g} a km: the seed must be 0 or more and "
                "the density above 0 and at most 60"
            )
        streams = [np.random.default_rng([seed, k]) for k in range(8)]
        water = drawn_water(area)
        banks = build_banks(area, water, streams[0])
        opening = shapely.union_all(
            [shapely.make_valid(Polygon(bank.top_m)) for bank in banks if _is_outer(bank)]
        ).union(water)
        zone, permitted = _zones(area), _permitted(area)
        bridges = build_bridges(area, streams[1])
        roads = build_roads(banks, bridges, opening, streams[1])
        hard = [r.outline_m for r in roads if r.surface == "asphalt"]
        lawful: list[BaseGeometry] = [b.footprint_m for b in permitted]
        clear = [b.footprint_m.buffer(4) for b in bridges] + hard + lawful
        ground = Ground(water, opening, zone, shapely.union_all(clear) if clear else Polygon())
        look = streams[6]
        azimuth, elevation = np.radians(look.uniform(85, 275)), np.radians(look.uniform(36, 68))
        sun = np.array([
            np.sin(azimuth) * np.cos(elevation),
            np.cos(azimuth) * np.cos(elevation),
            np.sin(elevation),
        ])  # fmt: skip
        materials = make_materials(streams[7], sun)
        planted = plant(
            area, banks, ground, streams[2], density_per_km, materials.water.mean(axis=(0, 1))
        )
        shore = _pieces(opening)
        houses = build_houses(
            banks, zone, [r.outline_m for r in roads] + shore + lawful, streams[3]
        )
        built = [b.footprint_m for b in (*permitted, *planted.structures, *houses)]
        spared = [r.outline_m for r in roads] + [b.footprint_m.buffer(1.5) for b in bridges]
        mouths = [o.footprint_m.buffer(1.0) for o in planted.outfalls]
        trees = grow_trees(banks, built + spared + mouths + shore, planted.outfalls, streams[4])
        litter = scatter(
            banks,
            [
                *built,
                *mouths,
                *hard,
                *(b.footprint_m for b in bridges),
                *(w.footprint_m for w in planted.wastes),
                *(p.footprint_m for p in planted.plumes),
            ],
            streams[5],
        )
        return cls(
            area, seed, water, opening, banks, tuple(roads), tuple(bridges),
            (*permitted, *houses), planted, trees, tuple(litter),
            materials, sun,
            float(look.uniform(0.2, 0.6)), float(look.uniform(0, 1) ** 2),
        )  # fmt: skip

    @property
    def buildings(self) -> tuple[Building, ...]:
        """Ordinary, permitted and planted, in this order of drawing index."""
        return (*self.houses, *self.planted.structures)

    def truth(self) -> list[Feature]:
        """One point a planted violation, and one a building that is none, with properties.

        `id`, `class`, `planted`, `river`, `community_code`, `community_name` and `footprint`, a
        ring of lon, lat. Raises LayerError where the area's communities cannot be read.
        """
        communities = AreaMap.read(self.area.folder / "communities.geojson")
        rows = [
            *((o.ident, "outfall", o.footprint_m, True) for o in self.planted.outfalls),
            *((p.ident, "discharge", p.footprint_m, True) for p in self.planted.plumes),
            *((b.ident, "structure", b.footprint_m, True) for b in self.planted.structures),
            *((w.ident, "floating_waste", w.footprint_m, True) for w in self.planted.wastes),
            *((b.ident, "structure", b.footprint_m, False) for b in self.houses),
        ]
        status = {b.ident: b.status for b in self.buildings}
        sources = {p.ident: p.outfall for p in self.planted.plumes}
        features = []
        for ident, kind, footprint, planted in rows:
            centre = footprint.centroid
            shares = communities.shares(
                GroundPoint(EastNorth(centre.x, centre.y, self.area.projection), np.eye(2) * 1e-6)
            )
            community = shares[0].area if shares else None
            lonlat = self.area.projection.inverse(
                np.vstack([[centre.x, centre.y], shapely.get_coordinates(footprint)])
            )
            nearest = min(
                self.area.rivers, key=lambda r: r.centreline_m.distance(centre) - r.width_m / 2
            )
            properties: dict[str, Any] = {
                "id": ident,
                "class": kind,
                "planted": planted,
                "river": nearest.code,
                "community_code": community.code if community else None,
                "community_name": community.name if community else None,
                "footprint": [[round(x, 8), round(y, 8)] for x, y in lonlat[1:].tolist()],
            }
            if kind == "structure":
                properties["status"] = status[ident]
            if ident in sources:
                properties["outfall"] = sources[ident]
            features.append(Feature(shapely.Point(lonlat[0]), properties))
        return features

    def write_truth(self, path: Path) -> int:
        """Write the truth as GeoJSON; returns how many violations are planted."""
        features = self.truth()
        write_layer(path, features, members={"seed": self.seed})
        return sum(1 for f in features if f.properties["planted"])


def _pieces(shape: BaseGeometry, size_m: float = 60.0) -> list[BaseGeometry]:
    """A large shape cut into squares, which spatial queries answer much faster for."""
    west, south, east, north = shape.bounds
    corners = [
        (x, y) for x in np.arange(west, east, size_m) for y in np.arange(south, north, size_m)
    ]
    boxes = shapely.box(*np.array([(x, y, x + size_m, y + size_m) for x, y in corners]).T)
    shapely.prepare(shape)
    cut = shapely.intersection(shape, boxes[shapely.intersects(shape, boxes)])
    return [piece for piece in cut if piece.area > 0]


def _is_outer(bank: Bank) -> bool:
    return bool(Polygon(bank.water_m).exterior.is_ccw)


def _layer_m(
    area: StudyArea, name: str, kinds: Sequence[str]
) -> list[tuple[Feature, BaseGeometry]]:
    path = area.folder / name
    if not path.exists():
        return []
    return [
        (row, shapely.transform(row.geometry, area.projection.forward))
        for row in read_layer(path, kinds, allow_empty=True)
    ]


def _zones(area: StudyArea) -> BaseGeometry:
    rows = _layer_m(area, "management_zones.geojson", ("Polygon", "MultiPolygon"))
    shapes = [shape for _, shape in rows] or [
        r.centreline_m.buffer(r.width_m / 2 + _STRIP_M, cap_style="flat") for r in area.rivers
    ]
    return shapely.union_all(shapes)


def _permitted(area: StudyArea) -> tuple[Building, ...]:
    built = []
    roofs = ("flat", "flat", "tile", "tin_grey")
    for number, (row, shape) in enumerate(
        _layer_m(area, "permitted_structures.geojson", ("Polygon", "MultiPolygon"))
    ):
        box = shapely.minimum_rotated_rectangle(shape)
        if not isinstance(box, Polygon):
            continue
        corners = shapely.get_coordinates(shapely.geometry.polygon.orient(box))[:4]
        first, second = (np.hypot(*(corners[k + 1] - corners[k])) for k in (0, 1))
        if first < second:
            corners = np.roll(corners, -1, axis=0)
        built.append(
            Building(
                f"permitted-{row.text('code', str(number + 1))}", corners,
                row.number("height_m", 4.0), roofs[number % len(roofs)], 9000 + number, "permitted",
            )
        )  # fmt: skip
    return tuple(built)
