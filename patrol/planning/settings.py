"""What an operator chooses for a plan, checked once."""

from __future__ import annotations

import math
from dataclasses import dataclass

from geo.camera import CAMERAS, Camera
from patrol.errors import PlanningError
from patrol.planning.energy import AIRCRAFT, EnergyModel

__all__ = ["CHORD_ERROR_M", "PlanSettings"]

CEILING_M = 120.0  # China: true height above 120 m is controlled airspace
FLOOR_M = 5.0
CHORD_ERROR_M = 0.8  # how far a lane's straight legs may cut the curve they follow


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """Camera, resolution, speed, corridor, battery and margins of a plan.

    `strip_m` is the width beyond the water's edge that must be seen on either bank; `sidelap` the
    least share of a picture's width that neighbouring lanes have in common; `position_error_m`
    and `tilt_error_deg` what navigation and gimbal may be off by, sideways. `battery_wh` None is
    the aircraft's own. `swap_s` is the time between sorties that the search counts for each.
    Raises PlanningError where a value cannot be flown.
    """

    camera: str = "m3e"
    picture_px: tuple[int, int] = (1920, 1080)
    gsd_m: float = 0.035
    speed_m_s: float = 8.0
    strip_m: float = 15.0
    sidelap: float = 0.2
    battery_wh: float | None = None
    reserve_share: float = 0.25
    position_error_m: float = 3.0
    tilt_error_deg: float = 2.0
    zone_clearance_m: float = 20.0
    swap_s: float = 300.0
    most_items: int = 600

    def __post_init__(self) -> None:
        if self.camera not in CAMERAS:
            raise PlanningError(
                f"camera {self.camera!r} is not known; expected one of {', '.join(CAMERAS)}"
            )
        for name, value, low, high, unit in (
            ("GSD", self.gsd_m * 100, 0.05, 100.0, "cm"),
            ("speed", self.speed_m_s, 0.5, 20.0, "m/s"),
            ("strip", self.strip_m, 0.0, 500.0, "m"),
            ("sidelap", self.sidelap, 0.0, 0.9, ""),
            ("battery", self.energy.battery_wh, 1.0, 10_000.0, "Wh"),
            ("reserve", self.reserve_share, 0.0, 0.9, ""),
        ):
            if not (math.isfinite(value) and low <= value <= high):
                raise PlanningError(
                    f"{name} must be {low:g} to {high:g} {unit}".rstrip() + f", found {value:g}"
                )
        if self.height_m > CEILING_M:
            largest = CEILING_M / self.camera_model.focal_px * 100
            raise PlanningError(
                f"GSD {self.gsd_m * 100:g} cm with camera {self.camera} needs "
                f"{self.height_m:.0f} m above ground, over the legal {CEILING_M:.0f} m; ask for "
                f"{math.floor(largest * 100) / 100:g} cm or finer"
            )
        if self.height_m < FLOOR_M:
            raise PlanningError(
                f"GSD {self.gsd_m * 100:g} cm with camera {self.camera} needs "
                f"{self.height_m:.1f} m above ground; under {FLOOR_M:.0f} m is not flown, ask for "
                f"{math.ceil(FLOOR_M / self.camera_model.focal_px * 1e4) / 100:g} cm or coarser"
            )
        if self.usable_half_m <= 1.0:
            raise PlanningError(
                f"at GSD {self.gsd_m * 100:g} cm the picture is {self.swath_m:.1f} m wide, no more "
                f"than the margin of {self.margin_m:.1f} m either side; ask for a coarser GSD"
            )

    @property
    def camera_model(self) -> Camera:
        return CAMERAS[self.camera].resized(*self.picture_px)

    @property
    def energy(self) -> EnergyModel:
        return AIRCRAFT[self.camera].model(self.speed_m_s, self.battery_wh)

    @property
    def usable_wh(self) -> float:
        """What a sortie may use: the battery less the reserve."""
        return self.energy.battery_wh * (1.0 - self.reserve_share)

    @property
    def height_m(self) -> float:
        """Height above ground that gives the GSD straight below."""
        return self.camera_model.height_for_gsd_m(self.gsd_m)

    @property
    def swath_m(self) -> float:
        """Width on the ground of one picture, across the track."""
        return self.gsd_m * self.picture_px[0]

    @property
    def margin_m(self) -> float:
        """How far sideways the picture may lie from where it should: position, tilt, chord."""
        tilt_m = self.height_m * math.tan(math.radians(self.tilt_error_deg))
        return self.position_error_m + tilt_m + CHORD_ERROR_M

    @property
    def usable_half_m(self) -> float:
        """Half the width that a lane placed on a curve sees for certain."""
        return self.swath_m / 2 - self.margin_m

    @property
    def seen_half_m(self) -> float:
        """Half the width seen for certain from the straight legs that are flown."""
        return self.usable_half_m + CHORD_ERROR_M

    @property
    def usable_ahead_m(self) -> float:
        """How far before and behind the vehicle is seen for certain."""
        return max(0.0, self.gsd_m * self.picture_px[1] / 2 - self.margin_m)

    @property
    def spacing_m(self) -> float:
        """Largest distance between neighbouring lanes."""
        return min(self.swath_m * (1.0 - self.sidelap), 2 * self.usable_half_m)
