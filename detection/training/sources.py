"""Where labelled pictures come from: YOLO folders and the public sets named in the model card.

A source yields its samples for training and for validation separately; the two never share a
place, a site or a rendered world.
"""

from __future__ import annotations

import csv
import importlib
import json
import math
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import cv2
import numpy as np

from detection.errors import TrainingError
from detection.training.samples import CLASSES, Boxes, Picture, Sample

__all__ = [
    "BackgroundPhotos",
    "JakartaPlastics",
    "KampalaRoofs",
    "Source",
    "Split",
    "YoloFolder",
    "read_picture",
]

Split = Literal["train", "val"]
_PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
_TILE_PX = 256
_EARTH_CIRCUMFERENCE_M = 2 * math.pi * 6_378_137.0


class Source(Protocol):
    """Something that yields labelled pictures."""

    @property
    def name(self) -> str:
        """A short word for file names."""
        ...

    @property
    def provenance(self) -> str:
        """Who made it, and its licence: for the manifest and the model card."""
        ...

    def samples(self, split: Split) -> Iterator[Sample]:
        """The pictures of this split, in a fixed order."""
        ...


def read_picture(path: Path) -> Picture:
    """The picture as (H, W, 3) BGR; raises `TrainingError` naming the file where it cannot be."""
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise TrainingError(f"{path}: {error.strerror}; check the data set") from error
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if picture is None:
        raise TrainingError(f"{path}: not a picture that can be read; remove or replace it")
    return np.asarray(picture, np.uint8)


def _class_names(folder: Path) -> dict[int, str]:
    """Class names of a YOLO folder, from data.yaml or classes.txt; ours where neither is there."""
    listing = next(
        (p for p in (folder / "data.yaml", folder / "dataset.yaml") if p.is_file()), None
    )
    if listing is not None:
        yaml: Any = importlib.import_module("yaml")  # comes with ultralytics; has no types

        try:
            names = (yaml.safe_load(listing.read_text(encoding="utf-8")) or {}).get("names")
        except (yaml.YAMLError, AttributeError, UnicodeDecodeError) as error:
            raise TrainingError(f"{listing}: not YAML with a field 'names'; correct it") from error
        if isinstance(names, list):
            return {index: str(name) for index, name in enumerate(names)}
        if isinstance(names, dict) and all(str(key).isdigit() for key in names):
            return {int(key): str(name) for key, name in names.items()}
        raise TrainingError(f"{listing}: 'names' is neither a list nor a table of numbers; add it")
    text = folder / "classes.txt"
    if text.is_file():
        lines = text.read_text(encoding="utf-8").splitlines()
        return {index: line.strip() for index, line in enumerate(lines) if line.strip()}
    return dict(enumerate(CLASSES))


@dataclass(frozen=True, slots=True)
class YoloFolder:
    """A folder in YOLO layout: `images/` and `labels/` with the same names, and data.yaml or
    classes.txt. A picture without a label file shows no object.

    `mapping` turns the folder's class names into ours; a name mapped to "" is left out. Pictures
    under images/train and images/val keep that split; otherwise the last `val_share` of the
    sorted names (neighbouring video frames stay together) is for validation. `width_px` is the
    width at which the detector will see such a picture.
    """

    folder: Path
    name: str = "folder"
    provenance: str = "given by the user"
    mapping: Mapping[str, str] = field(default_factory=dict)
    val_share: float = 0.1
    width_px: int = 640
    jitter: tuple[float, float] = (0.9, 1.35)

    def pictures(self, split: Split) -> list[Path]:
        """The picture files of this split, sorted."""
        root = self.folder / "images"
        if not root.is_dir():
            raise TrainingError(
                f"{self.folder}: no folder 'images' in it; expected the YOLO layout, images/ and "
                "labels/"
            )
        # os.walk, for folders that are linked in: data sets are large
        found = (Path(top) / n for top, _, names in os.walk(root, followlinks=True) for n in names)
        everything = sorted(p for p in found if p.suffix.lower() in _PICTURES)
        if not everything:
            raise TrainingError(f"{root}: no pictures in it (.jpg, .png); add some")
        parts = {p.relative_to(root).parts[0] for p in everything}
        if {"train", "val"} & parts and not any(p.parent == root for p in everything):
            return [p for p in everything if p.relative_to(root).parts[0] == split]
        border = len(everything) - round(len(everything) * self.val_share)
        return everything[:border] if split == "train" else everything[border:]

    def samples(self, split: Split) -> Iterator[Sample]:
        to_ours = self._class_table()
        for path in self.pictures(split):
            picture = read_picture(path)
            inside = path.relative_to(self.folder / "images")
            labels = (self.folder / "labels" / inside).with_suffix(".txt")
            height, width = picture.shape[:2]
            boxes = _read_labels(labels, to_ours, width, height)
            scale = self.width_px / width
            scales = (scale * self.jitter[0], scale * self.jitter[1])
            yield Sample(
                f"{self.name}-{'-'.join(inside.with_suffix('').parts)}", picture, boxes, scales
            )

    def _class_table(self) -> dict[int, int | None]:
        names = _class_names(self.folder)
        unknown = set(self.mapping) - set(names.values())
        if unknown:
            raise TrainingError(
                f"{self.folder}: the class mapping names {', '.join(sorted(unknown))}, which it "
                f"does not have; it has {', '.join(names.values())}"
            )
        table: dict[int, int | None] = {}
        for index, name in names.items():
            ours = self.mapping.get(name, name)
            if ours and ours not in CLASSES:
                raise TrainingError(
                    f"{self.folder}: class {name!r} is not one of {', '.join(CLASSES)}; map it "
                    f"with --map {name}=outfall (or another), or leave it out with --map {name}="
                )
            table[index] = CLASSES.index(ours) if ours else None
        return table


def _read_labels(path: Path, to_ours: Mapping[int, int | None], width: int, height: int) -> Boxes:
    if not path.is_file():
        return Boxes.empty()
    ids, corners = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        words = line.split()
        try:
            index, (x, y, w, h) = int(words[0]), (float(word) for word in words[1:5])
            if len(words) != 5:
                raise ValueError
        except (ValueError, IndexError):
            raise TrainingError(
                f"{path}, line {number}: found {line.strip()[:60]!r}, expected: "
                "class x y width height"
            ) from None
        if index not in to_ours:
            raise TrainingError(f"{path}, line {number}: class {index} is not in the class list")
        inside = x - w / 2 >= -0.001 and x + w / 2 <= 1.001 and y - h / 2 >= -0.001
        if not (inside and y + h / 2 <= 1.001 and w > 0 and h > 0):
            raise TrainingError(
                f"{path}, line {number}: the box lies outside the picture; expected shares 0 to 1"
            )
        ours = to_ours[index]
        if ours is not None:
            ids.append(ours)
            corners.append([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
    size = np.array([width, height, width, height], float)
    return Boxes(np.array(ids, np.int64), np.clip(np.reshape(corners, (-1, 4)), 0, 1) * size)


@dataclass(frozen=True, slots=True)
class KampalaRoofs:
    """Aerial tiles of Kampala with building footprints (OpenAerialMap, OpenStreetMap).

    Only zoom 21 is used: zooms 19 and 20 show the same ground again. Neighbouring tiles are put
    together to places; `val_columns` of the largest place, counted from its east end, are held
    out, with one column between that neither side sees.
    """

    folder: Path
    name: str = "kampala"
    provenance: str = (
        "hotosm/fAIr-utilities sample; imagery OpenAerialMap (CC BY 4.0), footprints OpenStreetMap "
        "(ODbL)"
    )
    val_columns: int = 4
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
            columns = {x for x, _ in place}
            border = max(columns) - self.val_columns + 1
            if index == 0:
                part = {
                    t for t in place if (t[0] >= border if split == "val" else t[0] < border - 1)
                }
            elif split == "val":
                continue
            else:
                part = set(place)
            if part:
                yield self._compose(f"{self.name}-{index}", part, tiles, footprints)

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
        part: set[tuple[int, int]],
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


def _neighbourhoods(tiles: set[tuple[int, int]]) -> list[set[tuple[int, int]]]:
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
    """Floating plastic seen from bridges in Jakarta; one site is held out."""

    folder: Path
    name: str = "jakarta"
    provenance: str = (
        "van Lieshout et al. 2020 (doi 10.1029/2019EA000960), TheOceanCleanupAlgorithms/"
        "riverplasticdetection; the repository states no licence: not redistributed"
    )
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
            if (f"_{self.val_site}_" in name) != (split == "val"):
                continue
            picture = read_picture(self.folder / "images" / name)
            height, width = picture.shape[:2]
            corners = np.clip(np.array(boxes[name]), 0, [width, height, width, height])
            ids = np.full(len(corners), CLASSES.index("floating_waste"), np.int64)
            scales = (self.widths_px[0] / width, self.widths_px[1] / width)
            stem = f"{self.name}-{Path(name).stem}".replace(" ", "_")
            yield Sample(stem, picture, Boxes(ids, corners), scales)


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
        pictures = (p for p in self.folder.iterdir() if p.suffix.lower() in _PICTURES)
        paths = sorted(p for p in pictures if not self.only or p.stem in self.only)
        if not paths:
            wanted = f"; expected {', '.join(self.only)}" if self.only else ""
            raise TrainingError(f"{self.folder}: no pictures (.jpg, .png){wanted}; add some")
        for path in paths[:-1] if split == "train" else paths[-1:]:
            picture = read_picture(path)
            scales = tuple(width / picture.shape[1] for width in self.widths_px)
            yield Sample(f"{self.name}-{path.stem}", picture, Boxes.empty(), (scales[0], scales[1]))
