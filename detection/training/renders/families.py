"""Families of scenes: which banks, outlets and light go together, and who may train on them.

A detector that is tested on families of which it has seen the bank, the outlet or the light only
shows that it remembers. So the three pools are cut apart first and the families drawn within them:
no bank type, outlet type or light of a held-out family occurs in training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from detection.errors import TrainingError

__all__ = ["FAMILIES", "SPLITS", "Family", "RenderSplit", "families_of", "family_named"]

RenderSplit = Literal["train", "val", "test"]
SPLITS: tuple[RenderSplit, ...] = ("train", "val", "test")

_WATERS = ("green", "olive", "brown", "dark", "teal", "grey")
_LIVED_IN = ("tile_house", "flat_house", "tin_shed", "blue_shed", "foundation")
_WORKS = ("blue_shed", "tin_shed", "cabin", "tarpaulin", "flat_house", "foundation")
_FARMED = ("pond_hut", "tarpaulin", "tin_shed", "tile_house", "cabin")


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of scene. A scene draws one of each tuple; both its banks are of `banks`."""

    name: str
    split: RenderSplit
    banks: tuple[str, ...]
    outlets: tuple[str, ...]
    lights: tuple[str, ...]
    waters: tuple[str, ...] = _WATERS
    structures: tuple[str, ...] = _LIVED_IN
    land: tuple[str, ...] = ("lawn", "yard", "soil", "field")


FAMILIES: tuple[Family, ...] = (
    Family(
        "masonry-town", "train", ("masonry_wall", "concrete_wall"),
        ("concrete_pipe", "box_culvert", "twin_pipe"), ("noon", "overcast"),
        land=("lawn", "yard", "yard"),
    ),
    Family(
        "concrete-works", "train", ("concrete_wall", "concrete_slope"),
        ("concrete_pipe", "pvc_pipe", "box_culvert"), ("noon", "afternoon"),
        structures=_WORKS, land=("yard", "soil", "lawn"),
    ),
    Family(
        "grass-farm", "train", ("grass", "mud"), ("concrete_pipe", "pvc_pipe", "twin_pipe"),
        ("overcast", "afternoon"), structures=_FARMED, land=("field", "lawn", "soil"),
    ),
    Family(
        "mud-works", "train", ("mud", "grass", "concrete_slope"),
        ("pvc_pipe", "concrete_pipe", "box_culvert"), ("noon", "overcast"),
        structures=_WORKS, land=("soil", "field", "yard"),
    ),
    Family(
        "slope-park", "train", ("concrete_slope", "masonry_wall", "grass"),
        ("box_culvert", "twin_pipe", "concrete_pipe"), ("afternoon", "noon"), land=("lawn", "lawn"),
    ),
    Family(
        "riprap-village", "val", ("riprap",), ("iron_pipe", "brick_culvert"), ("thin_cloud",),
    ),
    Family(
        "gabion-low-sun", "test", ("gabion",), ("steel_pipe", "flap_gate"), ("low_sun",),
        structures=_FARMED, land=("lawn", "field", "soil"),
    ),
    Family(
        "sheet-pile-haze", "test", ("sheet_pile",), ("flap_gate", "steel_pipe"), ("haze",),
        structures=_WORKS, land=("yard", "soil", "lawn"),
    ),
    Family(
        "gabion-haze", "test", ("gabion", "sheet_pile"), ("steel_pipe", "flap_gate"),
        ("haze", "low_sun"), land=("lawn", "yard", "soil"),
    ),
)  # fmt: skip


def families_of(split: RenderSplit) -> tuple[Family, ...]:
    """The families of one split, in a fixed order."""
    return tuple(family for family in FAMILIES if family.split == split)


def family_named(name: str) -> Family:
    """The family of this name; raises `TrainingError` naming those there are."""
    for family in FAMILIES:
        if family.name == name:
            return family
    known = ", ".join(family.name for family in FAMILIES)
    raise TrainingError(f"scene family {name!r}: not known; expected one of {known}")
