"""What an operator chooses for a plan, checked once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from geo.camera import CAMERAS, Camera
from patrol.errors import PlanningError
from patrol.planning.aircraft import AIRCRAFT, Aircraft
from patrol.planning.energy import EnergyModel
from patrol.planning.wind import CALM, Wind

__all__ = ["CEILING_M", "CHORD_ERROR_M", "Capture", "Cover", "PlanSettings", "Sight"]

CEILING_M = 120.0  # China: true height above 120 m is controlled airspace
FLOOR_M = 5.0
CHORD_ERROR_M = 0.8  # how far a lane's straight legs may cut the curve they follow

Capture = Literal["video", "photos"]
Cover = Literal["both", "left", "right", "water"]

_VIDEO_PX = (1920, 1080)
_GSD_ROUNDING = 0.002  # heights in files are rounded
_LOWEST_SHARE = 0.4  # of the height: lanes are not laid out for less, however rough the terrain


@dataclass(frozen=True, slots=True)
class Sight:
    """What one picture shows for certain at the asked GSD: a rectangle on the ground, `half_m` to
    either side of the track, and along it from `nearest_m` to `furthest_m` (negative: behind)."""

    half_m: float
    nearest_m: float
    furthest_m: float
    sidelap: float

    @property
    def usable_half_m(self) -> float:
        """Half the width that a lane placed on a curve sees for certain."""
        return self.half_m - CHORD_ERROR_M

    @property
    def spacing_m(self) -> float:
        """Largest distance between neighbouring lanes."""
        return min(2 * self.half_m * (1.0 - self.sidelap), 2 * self.usable_half_m)


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """Camera, resolution, corridor, battery, wind, crews and margins of a plan.

    `camera` names the aircraft's camera (`geo.camera.CAMERAS`); `own_camera` puts another sensor
    and lens on it. `picture_px` None is 1920x1080 for video, the whole sensor for photos. GSD is
    across the line of sight: depth over focal length. `pitch_deg` is the gimbal's, -90 straight
    down; shallower looks ahead along the track. `cover` says what must be seen: the strip of
    `strip_m` beyond and `inner_m` inside the water's edge on both banks or on one, or both banks
    and the whole water between. `frontlap` and `sidelap` are the least shares that neighbouring
    pictures have in common, along and across the track. `position_error_m` and `tilt_error_deg`
    are what navigation and gimbal may be off by, sideways. `clearance_m` is the least height above
    ground of any leg, `terrain_tolerance_m` how far lanes over terrain may be lower than the
    height that the GSD asks for (None: 15 % of it). `battery_wh` None is the aircraft's own.
    `swap_s` is the time on the ground between two sorties of a drone. `crews` work at the same
    time, each at one launch site with `drones` of which one is in the air; they move between
    sites by car at `car_m_s` (None: a crew stays where it starts), which takes `pack_s` besides.
    `docks` puts a drone of its own on every site instead of crews. Raises PlanningError where a
    value cannot be flown.
    """

    camera: str = "m3e"
    own_camera: Camera | None = None
    capture: Capture = "video"
    picture_px: tuple[int, int] | None = None
    gsd_m: float = 0.035
    pitch_deg: float = -90.0
    speed_m_s: float = 8.0
    cover: Cover = "water"
    strip_m: float = 15.0
    inner_m: float = 5.0
    sidelap: float = 0.2
    frontlap: float = 0.6
    battery_wh: float | None = None
    reserve_share: float = 0.25
    wind: Wind = CALM
    position_error_m: float = 3.0
    tilt_error_deg: float = 2.0
    zone_clearance_m: float = 20.0
    ceiling_m: float = CEILING_M
    clearance_m: float = 15.0
    terrain_tolerance_m: float | None = None
    swap_s: float = 300.0
    crews: int = 1
    drones: int = 1
    car_m_s: float | None = 6.0
    pack_s: float = 180.0
    docks: bool = False
    most_items: int = 600

    def __post_init__(self) -> None:
        if self.camera not in CAMERAS:
            raise PlanningError(
                f"camera {self.camera!r} is not known; expected one of {', '.join(CAMERAS)}"
            )
        self._check_numbers()
        self._check_height()
        if self.usable_half_m <= 1.0:
            raise PlanningError(
                f"at GSD {self.gsd_m * 100:g} cm the picture is {self.swath_m:.1f} m wide, no more "
                f"than the margin of {self.margin_m:.1f} m either side; ask for a coarser GSD"
            )
        if self.usable_ahead_m - self.usable_behind_m <= 0:
            raise PlanningError(
                f"at GSD {self.gsd_m * 100:g} cm and a gimbal pitch of {self.pitch_deg:g}° nothing "
                "is seen along the track for certain; look further down or ask for a coarser GSD"
            )
        if self.capture == "photos":
            fastest = self.trigger_m / self.aircraft.photo_interval_s
            if self.speed_m_s > fastest:
                raise PlanningError(
                    f"camera {self.camera} takes a photo each {self.aircraft.photo_interval_s:g} s "
                    f"at best; with {100 * self.frontlap:g} % frontlap that is {fastest:.1f} m/s, "
                    f"speed {self.speed_m_s:g} m/s is too fast"
                )
        if self.energy.slowest_m_s() < 1.0:
            raise PlanningError(
                f"a wind of {self.wind.speed_m_s:g} m/s leaves no speed against it: {self.camera} "
                f"flies at most {self.aircraft.max_air_speed_m_s:g} m/s through the air"
            )

    def _check_numbers(self) -> None:
        for name, value, low, high, unit in (
            ("GSD", self.gsd_m * 100, 0.05, 100.0, "cm"),
            ("gimbal pitch", self.pitch_deg, -90.0, -20.0, "degrees"),
            ("speed", self.speed_m_s, 0.5, self.aircraft.max_speed_m_s, "m/s"),
            ("strip", self.strip_m, 0.0, 500.0, "m"),
            ("inner strip", self.inner_m, 0.0, 500.0, "m"),
            ("sidelap", self.sidelap, 0.0, 0.9, ""),
            ("frontlap", self.frontlap, 0.0, 0.95, ""),
            ("battery", self.own_battery_wh, 1.0, 10_000.0, "Wh"),
            ("reserve", self.reserve_share, 0.0, 0.9, ""),
            ("wind", self.wind.speed_m_s, 0.0, 40.0, "m/s"),
            ("wind direction", self.wind.from_deg, 0.0, 360.0, "degrees"),
            ("position error", self.position_error_m, 0.0, 100.0, "m"),
            ("tilt error", self.tilt_error_deg, 0.0, 20.0, "degrees"),
            ("clearance of zones", self.zone_clearance_m, 0.0, 1000.0, "m"),
            ("ceiling", self.ceiling_m, FLOOR_M, 1000.0, "m"),
            ("ground clearance", self.clearance_m, 1.0, 500.0, "m"),
            ("terrain tolerance", self.tolerance_m, 0.0, 200.0, "m"),
            ("battery swap", self.swap_s, 0.0, 86_400.0, "s"),
            ("crews", self.crews, 1, 1000, ""),
            ("drones of a crew", self.drones, 1, 100, ""),
            ("car speed", 1.0 if self.car_m_s is None else self.car_m_s, 0.1, 60.0, "m/s"),
            ("packing time", self.pack_s, 0.0, 86_400.0, "s"),
            ("mission items", self.most_items, 60, 65_000, ""),
        ):
            if not (math.isfinite(value) and low <= value <= high):
                raise PlanningError(
                    f"{name} must be {low:g} to {high:g} {unit}".rstrip() + f", found {value:g}"
                )

    def _check_height(self) -> None:
        focal_px, steep = self.camera_model.focal_px, math.sin(math.radians(-self.pitch_deg))
        if self.height_m > self.ceiling_m:
            largest = self.ceiling_m / steep / focal_px * 100
            raise PlanningError(
                f"GSD {self.gsd_m * 100:g} cm with camera {self.camera} needs "
                f"{self.height_m:.0f} m above ground, over the legal {self.ceiling_m:.0f} m; ask "
                f"for {math.floor(largest * 100) / 100:g} cm or finer"
            )
        if self.height_m < FLOOR_M:
            raise PlanningError(
                f"GSD {self.gsd_m * 100:g} cm with camera {self.camera} needs "
                f"{self.height_m:.1f} m above ground; under {FLOOR_M:.0f} m is not flown, ask for "
                f"{math.ceil(FLOOR_M / steep / focal_px * 1e4) / 100:g} cm or coarser"
            )

    @property
    def aircraft(self) -> Aircraft:
        return AIRCRAFT[self.camera]

    @property
    def camera_model(self) -> Camera:
        """The camera at the size that it records."""
        whole = self.own_camera or CAMERAS[self.camera]
        if self.picture_px is not None:
            return whole.resized(*self.picture_px)
        return whole.resized(*_VIDEO_PX) if self.capture == "video" else whole

    @property
    def own_battery_wh(self) -> float:
        return self.aircraft.battery_wh if self.battery_wh is None else self.battery_wh

    @property
    def energy(self) -> EnergyModel:
        return EnergyModel.of(self.aircraft, self.speed_m_s, self.own_battery_wh, self.wind)

    @property
    def usable_wh(self) -> float:
        """What a sortie may use: the battery less the reserve."""
        return self.own_battery_wh * (1.0 - self.reserve_share)

    @property
    def height_m(self) -> float:
        """Height above ground that gives the GSD in the picture's centre."""
        steep = math.sin(math.radians(-self.pitch_deg))
        return self.camera_model.height_for_gsd_m(self.gsd_m) * steep

    @property
    def tolerance_m(self) -> float:
        """How far lanes over terrain may be lower than `height_m`."""
        if self.terrain_tolerance_m is None:
            return 0.15 * self.height_m
        return self.terrain_tolerance_m

    @property
    def least_height_m(self) -> float:
        """The least height above ground of any leg: never more than 60 % of the lanes' height."""
        return min(self.clearance_m, 0.6 * self.height_m)

    @property
    def swath_m(self) -> float:
        """Width on the ground of one picture, across the track, at its centre."""
        return self.gsd_m * self.camera_model.width_px

    @property
    def trigger_m(self) -> float:
        """Distance along the track from photo to photo; 0 for video."""
        if self.capture == "video":
            return 0.0
        return (self.usable_ahead_m - self.usable_behind_m) * (1.0 - self.frontlap)

    @property
    def margin_m(self) -> float:
        """How far sideways the picture may lie from where it should: position, tilt, chord."""
        return self.margin_at(self.height_m) + CHORD_ERROR_M

    def margin_at(self, height_m: float) -> float:
        """How far sideways the picture may be off from this height: position and tilt."""
        return self.position_error_m + height_m * math.tan(math.radians(self.tilt_error_deg))

    def sight(self, lower_m: float = 0.0) -> Sight:
        """What lanes are laid out for: a picture from the height that the GSD asks for, or from
        `lower_m` below it, where terrain makes lanes lower or the ground beside them higher."""
        low_m = max(self.height_m - lower_m, _LOWEST_SHARE * self.height_m)
        return Sight(*self.view_m(low_m), self.sidelap)

    def view_m(self, height_m: float) -> tuple[float, float, float]:
        """What is seen for certain, at the asked GSD or finer, from this height above ground.

        (half width, nearest, furthest) as in `Sight`; the half width is negative where nothing is.
        For a tilted camera it is the part of the
        trapezoid that is as wide as its near edge.
        """
        camera = self.camera_model
        down = math.radians(90.0 + self.pitch_deg)  # 0 looks straight down
        half_y = math.atan(camera.height_px / 2 / camera.focal_px)
        near = height_m * math.tan(down - half_y)
        # Depth along the axis at a ground point `y` ahead: h cos(down) + y sin(down).
        deepest = self.gsd_m * (1 + _GSD_ROUNDING) * camera.focal_px
        top = down + half_y
        far = height_m * math.tan(top) if top < math.radians(85.0) else math.inf
        depth_near = height_m * math.cos(down) + near * math.sin(down)
        if depth_near > deepest:  # all of it is coarser than asked
            return -1.0, near, near
        if down > 1e-6:
            far = min(far, (deepest - height_m * math.cos(down)) / math.sin(down))
        half = depth_near * camera.width_px / 2 / camera.focal_px
        margin = self.margin_at(height_m)
        return half - margin, near + margin, far - margin

    @property
    def usable_half_m(self) -> float:
        """Half the width that a lane placed on a curve sees for certain."""
        return self.view_m(self.height_m)[0] - CHORD_ERROR_M

    @property
    def seen_half_m(self) -> float:
        """Half the width seen for certain from the straight legs that are flown."""
        return self.view_m(self.height_m)[0]

    @property
    def usable_behind_m(self) -> float:
        """Nearest ground seen for certain, along the track (negative: behind the vehicle)."""
        return self.view_m(self.height_m)[1]

    @property
    def usable_ahead_m(self) -> float:
        """Furthest ground seen for certain, along the track."""
        return self.view_m(self.height_m)[2]
