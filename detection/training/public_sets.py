"""The public sets that the shipped model learns from, each with what is held out of it.

Jakarta: sites 2 and 3 are for training, site 1 for tuning; pictures of any other site are for test
alone, whatever is added to the folder. Kampala: a part of one place, or one place of two, is held
out; no ground is seen by both sides.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from detection.errors import TrainingError
from detection.training.pictures import PICTURE_SUFFIXES, read_picture
from detection.training.samples import CLASSES, Boxes, Sample, Split

__all__ = ["BackgroundPhotos", "JakartaPlastics", "KampalaRoofs"]

_TILE_PX = 256
_EARTH_CIRCUMFERENCE_M = 2 * math.pi * 6_378_137.0
_Tiles = set[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class KampalaRoofs:
    """Aerial tiles of Kampala with building footprints (OpenAerialMap, OpenStreetMap).

    Only zoom 21 is used: zooms 19 and 20 show the same ground again. Neighbouring tiles are put
    together to places. `held_out` says what training never sees: `val_columns` of the largest
    place at its "east" or "west" end, with one column between that neither side sees, or the
    "other" places as a whole. It is the validation split; with `tune_columns` that many columns
    beside it, again behind a column that nobody sees, are, and what is held out is for test.
    """

    folder: Path
    name: str = "kampala"
    provenance: str = (
        "hotosm/fAIr-utilities sample; imagery OpenAerialMap (CC BY 4.0), footprints OpenStreetMap "
        "(ODbL)"
    )
    val_columns: int = 4
    held_out: Literal["east", "west", "other"] = "east"
    tune_columns: int = 0
    gsd_range_m: tuple[float, float] = (0.08, 0.14)
    zoom: int = 21

    def samples(self, split: Split) -> Iterator[Sample]:
        tiles: dict[tuple[int, int], Path] = {}
        for path in sorted(self.folder.rglob(f"OAM-*-{self.zoom}.png")):
            found = re.fullmatch(r"OAM-(\d+)-(\d+)-\d+", path.stem)
            if found:
                tiles[int(found[1]), int(found[2])] = path
        listing = next(iter(sorted(self.folder.rglob("labels.geojson"))), None)
        if not tiles or listing is None:
            raise TrainingError(
                f"{self.folder}: expected OAM-x-y-{self.zoom}.png tiles and labels.geojson in it"
            )
        footprints = self._footprints(listing)
        places = sorted(_neighbourhoods(set(tiles)), key=len, reverse=True)
        for index, place in enumerate(places):
            part = self._divided(place, largest=index == 0)[split]
            if part:
                yield self._compose(f"{self.name}-{index}", part, tiles, footprints)

    def _divided(self, place: _Tiles, *, largest: bool) -> dict[Split, _Tiles]:
        """The tiles of a place for each split."""
        parts: dict[Split, _Tiles] = {"train": set(), "val": set(), "test": set()}
        final: Split = "test" if self.tune_columns else "val"
        if not largest:
            parts[final if self.held_out == "other" else "train"] = set(place)
            return parts
        parts["train"], skip = set(place), 0
        if self.held_out != "other":
            parts["train"], parts[final] = self._ends(place, self.val_columns, 0)
            skip = self.val_columns + 1
        if self.tune_columns:
            parts["train"], parts["val"] = self._ends(place, self.tune_columns, skip)
        return parts

    def _ends(self, place: _Tiles, columns: int, skip: int) -> tuple[_Tiles, _Tiles]:
        """What lies further in, and `columns` of the place's end after `skip` of them, with one
        column between."""
        west, east = min(x for x, _ in place), max(x for x, _ in place)
        depth = {t: t[0] - west if self.held_out == "west" else east - t[0] for t in place}
        end = skip + columns
        return {t for t in place if depth[t] > end}, {t for t in place if skip <= depth[t] < end}

    def _footprints(self, listing: Path) -> list[tuple[float, float, float, float]]:
        """Bounds of each footprint in pixels of the whole zoom level, y down."""
        try:
            features = json.loads(listing.read_text(encoding="utf-8"))["features"]
            rings = [f["geometry"]["coordinates"][0] for f in features]
            bounds = []
            for ring in rings:
                points = np.array([self._pixel(float(c[0]), float(c[1])) for c in ring])
                bounds.append((*points.min(axis=0), *points.max(axis=0)))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise TrainingError(
                f"{listing}: not GeoJSON polygons ({error}); download it again"
            ) from error
        return bounds

    def _pixel(self, lon_deg: float, lat_deg: float) -> tuple[float, float]:
        """Web Mercator pixel of the zoom level (OSGeo Tile Map Service, XYZ numbering)."""
        size = _TILE_PX * 2.0**self.zoom
        s = math.sin(math.radians(lat_deg))
        return (lon_deg + 180) / 360 * size, (0.5 - math.atanh(s) / (2 * math.pi)) * size

    def _compose(
        self,
        name: str,
        part: _Tiles,
        tiles: Mapping[tuple[int, int], Path],
        footprints: list[tuple[float, float, float, float]],
    ) -> Sample:
        x0, y0 = min(x for x, _ in part), min(y for _, y in part)
        x1, y1 = max(x for x, _ in part) + 1, max(y for _, y in part) + 1
        picture = np.zeros(((y1 - y0) * _TILE_PX, (x1 - x0) * _TILE_PX, 3), np.uint8)
        for x, y in sorted(part):
            row, column = (y - y0) * _TILE_PX, (x - x0) * _TILE_PX
            picture[row : row + _TILE_PX, column : column + _TILE_PX] = read_picture(tiles[x, y])
        height, width = picture.shape[:2]
        corners = np.array(footprints).reshape(-1, 4) - np.tile([x0, y0], 2) * float(_TILE_PX)
        clipped = np.clip(corners, 0.0, [width, height, width, height])
        areas = np.prod(corners[:, 2:] - corners[:, :2], axis=1)
        seen = np.prod(clipped[:, 2:] - clipped[:, :2], axis=1) / np.maximum(areas, 1e-9)
        keep = seen > 0.2
        latitude = math.atan(math.sinh(math.pi * (1 - 2 * (y0 + 0.5) / 2.0**self.zoom)))
        gsd_m = _EARTH_CIRCUMFERENCE_M * math.cos(latitude) / (_TILE_PX * 2.0**self.zoom)
        finest, coarsest = self.gsd_range_m
        structure = np.full(int(keep.sum()), CLASSES.index("structure"), np.int64)
        scales = (gsd_m / coarsest, gsd_m / finest)
        return Sample(name, picture, Boxes(structure, clipped[keep]), scales)


def _neighbourhoods(tiles: _Tiles) -> list[_Tiles]:
    """Groups of tiles that touch side by side."""
    left = set(tiles)
    groups = []
    while left:
        group, border = set(), [min(left)]
        left.discard(border[0])
        while border:
            x, y = border.pop()
            group.add((x, y))
            for near in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
                if near in left:
                    left.discard(near)
                    border.append(near)
        groups.append(group)
    return groups


@dataclass(frozen=True, slots=True)
class JakartaPlastics:
    """Floating plastic seen from bridges in Jakarta, divided by site (`Location_N` in the name)."""

    folder: Path
    name: str = "jakarta"
    provenance: str = (
        "van Lieshout et al. 2020 (doi 10.1029/2019EA000960), TheOceanCleanupAlgorithms/"
        "riverplasticdetection; the repository states no licence: not redistributed"
    )
    train_sites: tuple[str, ...] = ("Location_2", "Location_3")
    val_site: str = "Location_1"
    widths_px: tuple[int, int] = (640, 1280)

    def samples(self, split: Split) -> Iterator[Sample]:
        listing = self.folder / "labels.csv"
        boxes: defaultdict[str, list[list[float]]] = defaultdict(list)
        try:
            with listing.open(newline="", encoding="utf-8") as stream:
                for row in csv.DictReader(stream):
                    corners = [float(row[key]) for key in ("xmin", "ymin", "xmax", "ymax")]
                    boxes[row["filename"]].append(corners)
        except FileNotFoundError:
            raise TrainingError(
                f"{listing}: not found; expected the labels beside images/"
            ) from None
        except (KeyError, ValueError) as error:
            raise TrainingError(f"{listing}: column {error} missing or not a number") from error
        for name in sorted(boxes):
            if self._split_of(name) != split:
                continue
            picture = read_picture(self.folder / "images" / name)
            height, width = picture.shape[:2]
            corners = np.clip(np.array(boxes[name]), 0, [width, height, width, height])
            ids = np.full(len(corners), CLASSES.index("floating_waste"), np.int64)
            scales = (self.widths_px[0] / width, self.widths_px[1] / width)
            stem = f"{self.name}-{Path(name).stem}".replace(" ", "_")
            yield Sample(stem, picture, Boxes(ids, corners), scales)

    def _split_of(self, name: str) -> Split:
        if f"_{self.val_site}_" in name:
            return "val"
        return "train" if any(f"_{site}_" in name for site in self.train_sites) else "test"


@dataclass(frozen=True, slots=True)
class BackgroundPhotos:
    """Photos in which nothing is to be found: someone has looked at each of them.

    The last photo by name is for validation. `widths_px` is the range of widths at which the
    whole photo is seen; `only` names the photos to take (without suffix) where not all are.
    """

    folder: Path
    name: str
    provenance: str
    widths_px: tuple[int, int] = (640, 1200)
    only: tuple[str, ...] = ()

    def samples(self, split: Split) -> Iterator[Sample]:
        if not self.folder.is_dir():
            raise TrainingError(f"{self.folder}: no such folder of photos; check the path")
        pictures = (p for p in self.folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES)
        paths = sorted(p for p in pictures if not self.only or p.stem in self.only)
        if not paths:
            wanted = f"; expected {', '.join(self.only)}" if self.only else ""
            raise TrainingError(f"{self.folder}: no pictures (.jpg, .png){wanted}; add some")
        parts: dict[Split, list[Path]] = {"train": paths[:-1], "val": paths[-1:], "test": []}
        for path in parts[split]:
            picture = read_picture(path)
            scales = tuple(width / picture.shape[1] for width in self.widths_px)
            yield Sample(f"{self.name}-{path.stem}", picture, Boxes.empty(), (scales[0], scales[1]))
