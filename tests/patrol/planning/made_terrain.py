"""Terrain made up about the rivers of `random_rivers`: ramps, hills, plateaus, holes."""

from __future__ import annotations

import numpy as np
from random_rivers import PROJECTION

from geo.terrain import Terrain

STEP_DEG = 0.00027  # cells of about 28 x 30 m
SIZE = 130


def terrain(kind: str, relief_m: float = 60.0, hole: tuple[slice, slice] | None = None) -> Terrain:
    """130 x 130 cells; the projection's origin is at column 45, row 65. Rows run south."""
    east, south = np.meshgrid(np.arange(SIZE), np.arange(SIZE))
    heights = {
        "flat": np.full((SIZE, SIZE), 5.0),
        "ramp": east / SIZE * relief_m,
        "hills": relief_m / 4 * (2 + np.sin(east / 9) + np.cos(south / 7)),
        "terrace": np.where(east > 60, relief_m, 0.0),
    }[kind].astype(np.float32)
    if hole is not None:
        heights[hole] = np.nan
    origin = PROJECTION.origin
    return Terrain(
        origin.lon_deg - 45 * STEP_DEG, origin.lat_deg + 65 * STEP_DEG, STEP_DEG, STEP_DEG,
        heights, "made.tif",
    )  # fmt: skip
