"""Whether a patrol would have seen a thing at a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detection.comparison.seen import Look
from geo.coordinates import LocalProjection
from geo.placing import CHI2_95_2D

__all__ = ["NEEDED_LOOKS", "Coverage", "Place"]

FloatArray = NDArray[np.float64]

NEEDED_LOOKS = 2
"""As many as confirm a sighting (`detection.merging.Confirmation`): a place that fewer usable
pictures show well inside was not looked at."""

# How far inside the picture a place must be, of its sides, besides its uncertainty: as in
# `detection.analysis`.
_MARGIN = 0.08
_INSIDE = 0.04  # for a picture to look at, not to prove anything
# A thing is found where its box's diagonal has this many pixels; at a GSD worse than this not even
# a large one is: the detector was trained at 0.105 m and finds little at half of that.
_LEAST_PX = 12.0
_COARSEST_GSD_M = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a thing is or was: (2,) east, north with what may be wrong with it (2, 2), height
    above the launch site, half its diagonal."""

    ground_m: FloatArray
    covariance_m2: FloatArray
    up_m: float
    radius_m: float

    @property
    def reach_m(self) -> float:
        """Semi-major axis of the 95 % ellipse."""
        return float(np.sqrt(CHI2_95_2D * np.linalg.eigvalsh(self.covariance_m2)[-1]))


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """The pictures of a patrol about to be asked for places, all in one projection."""

    looks: Sequence[Look]
    projection: LocalProjection
    _eyes: FloatArray = field(init=False, repr=False)
    _turns: FloatArray = field(init=False, repr=False)
    _usable: NDArray[np.bool_] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        poses = [look.pose.pose(self.projection) for look in self.looks]
        eyes = np.array([pose.position() for pose in poses]).reshape(-1, 3)
        turns = np.array([pose.rotation() for pose in poses]).reshape(-1, 3, 3)
        object.__setattr__(self, "_eyes", eyes)
        object.__setattr__(self, "_turns", turns)
        object.__setattr__(self, "_usable", np.array([x.usable for x in self.looks], bool))

    def showing(self, place: Place) -> tuple[int, ...]:
        """Which usable pictures show a place well inside, at a GSD good enough to have found the
        thing: rows of `looks`.

        Wherever in its 95 % ellipse the place truly is, it must be in the picture.
        """
        finest = min(_COARSEST_GSD_M, 2 * place.radius_m / _LEAST_PX)
        return self._rows(place, _MARGIN, place.reach_m, finest)

    def containing(self, place: Place) -> tuple[int, ...]:
        """Which usable pictures have a place in them at all."""
        return self._rows(place, _INSIDE, 0.0, _COARSEST_GSD_M)

    def _rows(
        self, place: Place, margin: float, reach_m: float, coarsest_gsd_m: float
    ) -> tuple[int, ...]:
        from_eye = np.array([*place.ground_m, place.up_m]) - self._eyes
        camera_m = np.einsum("nij,nj->ni", self._turns, from_eye)
        near = np.flatnonzero((camera_m[:, 2] > 0) & self._usable)
        found = []
        for row in near.tolist():
            camera = self.looks[row].camera
            [pixel], [depth_m] = camera.project(camera_m[row])
            gsd_m = depth_m / camera.focal_px
            size = np.array([camera.width_px, camera.height_px])
            edge_px = margin * size + reach_m / gsd_m
            inside = np.all((pixel > edge_px) & (pixel < size - edge_px))
            if gsd_m <= coarsest_gsd_m and inside:
                found.append(row)
        return tuple(found)
