"""Recipes: which parts a training set is made of, in a YAML file (docs/formats.md, "Recipes").

    name: smoke
    side_px: 416
    parts:
      - {name: river, kind: river, area: ../../sample_footage/luogang, seeds: 1-4, pictures: 40,
         val_seeds: 5-5, val_pictures: 8, train: 40, val: 8}

Paths are relative to the recipe; $DATA stands for the folder of public sets.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detection.errors import TrainingError
from detection.training.sources import read_yaml

__all__ = ["KINDS", "PartSpec", "Recipe", "parse_recipe", "read_recipe"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_COMMON = frozenset(
    {"name", "kind", "train", "val", "test", "scales", "side_px", "background_share", "licence",
     "provenance", "optional"}
)  # fmt: skip
# What each kind of part may say besides; those in the second set it must.
KINDS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "renders": (frozenset({"folder", "pictures", "val_pictures", "gsd_m"}), frozenset()),
    "river": (
        frozenset({"folder", "area", "seeds", "pictures", "val_seeds", "val_pictures"}),
        frozenset(),
    ),
    "composites": (
        frozenset({"objects", "backgrounds", "gsd_m", "most", "side"}),
        frozenset({"objects", "backgrounds"}),
    ),
    "kampala": (frozenset({"folder", "held_out", "tune_columns"}), frozenset({"folder"})),
    "jakarta": (frozenset({"folder"}), frozenset({"folder"})),
    "photos": (frozenset({"folder", "only", "widths_px"}), frozenset({"folder"})),
    "folder": (frozenset({"folder", "map", "width_px", "val_share"}), frozenset({"folder"})),
    "mistakes": (frozenset({"of", "model"}), frozenset({"of", "model"})),
}
_MOST_PICTURES = 1_000_000


@dataclass(frozen=True, slots=True)
class PartSpec:
    """One part as the recipe says it. `train`, `val` and `test` are crops in all; `options` holds
    what its kind says besides, `where` names it in messages."""

    name: str
    kind: str
    train: int
    val: int
    test: int
    options: Mapping[str, Any]
    where: str
    scales: tuple[float, float] | None = None
    side_px: int | None = None
    background_share: float = 0.15
    licence: str | None = None
    provenance: str | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """A training set to be made; `folder` is where its paths start from."""

    name: str
    side_px: int
    class_weights: tuple[float, ...]
    parts: tuple[PartSpec, ...]
    folder: Path

    def path(self, text: str, data: Path | None) -> Path:
        """A path of the recipe; raises TrainingError where $DATA is not known."""
        if text.startswith("$DATA"):
            if data is None:
                raise TrainingError(
                    f"{self.name}: {text} needs the folder of public sets; name it with --data, or "
                    "in RIVER_PATROL_DATA"
                )
            return data / text.removeprefix("$DATA").lstrip("/")
        return self.folder / Path(text).expanduser()


def read_recipe(path: Path) -> Recipe:
    """The recipe in a YAML file; raises TrainingError naming file, part and field."""
    if not path.is_file():
        raise TrainingError(f"{path}: no such recipe; see models/recipes/")
    return parse_recipe(read_yaml(path), path)


def parse_recipe(document: object, path: Path) -> Recipe:
    """The recipe that a YAML document holds."""
    where = str(path)
    if not isinstance(document, dict) or not isinstance(document.get("parts"), list):
        raise TrainingError(f"{where}: expected a table with name, side_px and a list of parts")
    _only(document, {"name", "side_px", "class_weights", "parts"}, where)
    name = document.get("name", path.stem)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise TrainingError(f"{where}: name {name!r:.60}: expected letters, digits, - and _")
    side = _whole(document, "side_px", where, 640, least=64, most=4096)
    weights = document.get("class_weights", [2.0, 2.5, 0.5, 3.0])
    if not (isinstance(weights, list) and len(weights) == 4 and all(map(_positive, weights))):
        raise TrainingError(
            f"{where}: class_weights {weights!r:.60}: expected four numbers above 0"
        )
    parts = tuple(_part(one, f"{where}, part {i}") for i, one in enumerate(document["parts"], 1))
    names = [part.name for part in parts]
    if not parts or len(set(names)) < len(names):
        raise TrainingError(
            f"{where}: parts {', '.join(names)}: expected one or more, each its own"
        )
    for index, part in enumerate(parts):
        for other in _references(part):
            if other not in names[:index]:
                raise TrainingError(
                    f"{part.where}: refers to part {other!r}, which is not one before it"
                )
    return Recipe(name, side, tuple(float(w) for w in weights), parts, path.parent)


def _references(part: PartSpec) -> list[str]:
    if part.kind == "mistakes":
        return [str(name) for name in part.options["of"]]
    if part.kind == "composites":
        both = [*part.options["objects"], *part.options["backgrounds"]]
        return [str(one["part"]) for one in both]
    return []


def _part(document: object, where: str) -> PartSpec:
    kind = document.get("kind") if isinstance(document, dict) else document
    if not (isinstance(document, dict) and isinstance(kind, str) and kind in KINDS):
        raise TrainingError(f"{where}: kind {kind!r:.40} is not one of {', '.join(KINDS)}")
    name = document.get("name", kind)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise TrainingError(f"{where}: name {name!r:.60}: expected letters, digits, - and _")
    where = f"{where} ({name})"
    may, must = KINDS[kind]
    _only(document, _COMMON | may, where)
    missing = sorted(must - set(document))
    if missing:
        raise TrainingError(f"{where}: {missing[0]} is missing; a part of kind {kind} needs it")
    scales = document.get("scales")
    if scales is not None and not (
        isinstance(scales, list) and len(scales) == 2 and all(map(_positive, scales))
        and scales[0] <= scales[1]
    ):  # fmt: skip
        raise TrainingError(f"{where}: scales {scales!r:.60}: expected [least, most], above 0")
    share = document.get("background_share", 0.15)
    if not (isinstance(share, int | float) and 0 <= share <= 1):
        raise TrainingError(f"{where}: background_share {share!r:.40}: expected 0 to 1")
    for key in ("licence", "provenance", "folder", "area", "seeds", "val_seeds", "model"):
        if not isinstance(document.get(key, ""), str):
            raise TrainingError(f"{where}: {key} {document[key]!r:.60}: expected a text")
    options = {key: value for key, value in document.items() if key in may}
    _check_options(kind, options, where)
    train, val, test = (
        _whole(document, key, where, 0, least=0, most=_MOST_PICTURES)
        for key in ("train", "val", "test")
    )
    return PartSpec(
        name, kind, train, val, test, options, where,
        scales=(float(scales[0]), float(scales[1])) if scales else None,
        side_px=_whole(document, "side_px", where, 0, least=64, most=4096) or None,
        background_share=float(share), licence=document.get("licence"),
        provenance=document.get("provenance"), optional=document.get("optional") is True,
    )  # fmt: skip


def _check_options(kind: str, options: Mapping[str, Any], where: str) -> None:
    for key in ("pictures", "val_pictures", "most", "side", "width_px", "tune_columns"):
        _whole(options, key, where, 0, least=0, most=_MOST_PICTURES)
    if "gsd_m" in options and not _positive(options["gsd_m"]):
        raise TrainingError(f"{where}: gsd_m {options['gsd_m']!r:.40}: expected metres a pixel")
    if kind in ("renders", "river") and "folder" not in options and "pictures" not in options:
        raise TrainingError(f"{where}: expected a folder, or how many pictures are to be made")
    if kind == "river" and "folder" not in options and not {"area", "seeds"} <= set(options):
        raise TrainingError(f"{where}: expected area and seeds of the worlds to film")
    if kind == "kampala" and options.get("held_out", "east") not in ("east", "west", "other"):
        raise TrainingError(f"{where}: held_out: expected east, west or other")
    if kind == "mistakes" and not isinstance(options["of"], list):
        raise TrainingError(f"{where}: of: expected a list of parts before it")
    only = options.get("only", [])
    if not (isinstance(only, list) and all(isinstance(name, str) for name in only)):
        raise TrainingError(f"{where}: only: expected a list of photos, without suffix")
    share = options.get("val_share", 0.1)
    if not (isinstance(share, int | float) and 0 <= share < 1):
        raise TrainingError(f"{where}: val_share {share!r:.40}: expected 0 to 1")
    if not isinstance(options.get("map", {}), dict):
        raise TrainingError(f"{where}: map: expected a table of their classes and ours")
    if kind == "composites":
        wanted = {
            "objects": {"part", "gsd_m", "classes", "each"},
            "backgrounds": {"part", "gsd_m", "water"},
        }
        for key, may in wanted.items():
            listed = options[key]
            if not (
                isinstance(listed, list) and listed and all(isinstance(o, dict) for o in listed)
            ):
                raise TrainingError(
                    f"{where}: {key}: expected a list of tables with part and gsd_m"
                )
            for one in listed:
                _only(one, may, f"{where}, {key}")
                if "part" not in one or not _positive(one.get("gsd_m")):
                    raise TrainingError(f"{where}, {key}: expected part, and gsd_m above 0")


def _only(document: Mapping[Any, Any], known: frozenset[str] | set[str], where: str) -> None:
    unknown = [key for key in document if key not in known]
    if unknown:
        raise TrainingError(
            f"{where}: unknown field {unknown[0]!r:.40}; known are {', '.join(sorted(known))}"
        )


def _positive(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(float(str(value))) and float(str(value)) > 0


def _whole(
    document: Mapping[str, Any], key: str, where: str, default: int, *, least: int, most: int
) -> int:
    value = document.get(key, default)
    if key not in document:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise TrainingError(
            f"{where}: {key} {value!r:.40}: expected a whole number from {least} to {most}"
        )
    return value
