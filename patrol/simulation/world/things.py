"""What stands, lies or floats in the virtual river: plain values, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import Polygon

__all__ = [
    "CLASSES", "Bridge", "Building", "Outfall", "Plume", "Trees", "Waste",
]  # fmt: skip

FloatArray = NDArray[np.float64]

CLASSES = ("outfall", "discharge", "structure", "floating_waste")


@dataclass(frozen=True, slots=True)
class Building:
    """A block on a rectangle. `corners_m` (4, 2) counter-clockwise, the first side the longer.

    `status` is "planted" (in a management zone without a permit), "permitted" or "ordinary".
    """

    ident: str
    corners_m: FloatArray
    height_m: float
    roof: str
    seed: int
    status: str

    @property
    def footprint_m(self) -> Polygon:
        return Polygon(self.corners_m)


@dataclass(frozen=True, slots=True)
class Outfall:
    """A pipe or box culvert in a bank.

    `root_m` is the point of the waterline below it, `inward` the unit vector over the water,
    `run_m` how far the bank slopes back; `axis_up_m` the height of the pipe's axis, `tip_m` how
    far over the water its mouth reaches from the waterline.
    """

    ident: str
    root_m: FloatArray
    inward: FloatArray
    run_m: float
    bank_kind: int
    shape: str  # "pipe" or "culvert"
    size_m: float
    axis_up_m: float
    tip_m: float
    headwall_m: float  # width of the headwall, 0 for none
    colour: tuple[float, float, float]
    seed: int
    footprint_m: Polygon


@dataclass(frozen=True, slots=True)
class Plume:
    """Coloured water below an outfall; `spine_m` (N, 2) runs downstream, `half_m` (N,) its half
    widths."""

    ident: str
    outfall: str
    spine_m: FloatArray
    half_m: FloatArray
    colour: tuple[float, float, float]
    strength: float
    seed: int
    footprint_m: Polygon


@dataclass(frozen=True, slots=True)
class Waste:
    """Floating waste gathered around one point; pieces are drawn from `seed`."""

    ident: str
    centre_m: FloatArray
    length_m: float
    width_m: float
    angle_rad: float
    seed: int
    footprint_m: Polygon


@dataclass(frozen=True, slots=True)
class Bridge:
    """A deck over the water: its axis from `start_m` to `end_m` at height `up_m`."""

    start_m: FloatArray
    end_m: FloatArray
    width_m: float
    up_m: float
    footprint_m: Polygon


@dataclass(frozen=True, slots=True)
class Trees:
    """Columnar: crowns at `xy_m` (N, 2), of `radius_m`, their middle at `up_m`, their foot at
    `foot_m`; `crown` is an index into the materials' canopies."""

    xy_m: FloatArray
    radius_m: FloatArray
    up_m: FloatArray
    foot_m: FloatArray
    crown: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.radius_m)
