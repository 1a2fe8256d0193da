"""The specification of one scene: plain values, written to JSON for the interpreter with bpy.

Places are given along the river: `s_m` is the distance along it (world y), `out_m` the distance
from a waterline over the water, `back_m` the distance from it over land, `side` +1 for the bank at
larger x and -1 for the other. Heights are above the water. Colours are linear RGB, 0 to 1.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

__all__ = [
    "FORMAT", "Bank", "Building", "Camera", "Clutter", "Finish", "Light", "Litter", "Outlet",
    "Plume", "River", "SceneSpec", "Zone",
]  # fmt: skip

FORMAT = 1
RGB = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole in pixels of the rendered picture; heading clockwise from +y, tilt off nadir.

    `frame_px_per_px` is how many pixels of the drone's 1920-px frame one rendered pixel spans: 1
    where the picture is a window of the frame, 2 where it is the whole frame at half size.
    """

    x_m: float
    y_m: float
    z_m: float
    heading_deg: float
    tilt_deg: float
    roll_deg: float
    focal_px: float
    centre_x_px: float
    centre_y_px: float
    width_px: int
    height_px: int
    frame_px_per_px: float


@dataclass(frozen=True, slots=True)
class Light:
    """Sun (elevation, azimuth clockwise from +y, W/m2, angular size) and sky."""

    kind: str
    sun_elevation_deg: float
    sun_azimuth_deg: float
    sun_w_m2: float
    sun_size_deg: float
    sun_colour: RGB
    sky_strength: float
    sky_top: RGB
    sky_horizon: RGB
    exposure_stops: float


@dataclass(frozen=True, slots=True)
class River:
    """Width, bends, colour and surface of the water; `flow` +1 where it runs to larger y."""

    width_m: float
    bend_m: float
    bend_length_m: float
    bend_phase: float
    flow: int
    colour: RGB
    ripple: float
    ripple_size_m: float
    roughness: float


@dataclass(frozen=True, slots=True)
class Zone:
    """A strip of land parallel to the river."""

    kind: str
    width_m: float


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank: how high it is, how far it runs back (0 for a wall), and the land behind it. Plant
    densities are per 100 m2."""

    side: int
    kind: str
    height_m: float
    run_m: float
    parapet: bool
    zones: tuple[Zone, ...]
    trees: float
    bushes: float
    reeds: float
    tone: RGB
    seed: int


@dataclass(frozen=True, slots=True)
class Plume:
    """Coloured water below an outlet, `length_m` downstream."""

    colour_name: str
    colour: RGB
    strength: float
    length_m: float
    width_m: float
    foam: float
    seed: int


@dataclass(frozen=True, slots=True)
class Outlet:
    """A pipe, culvert or gate in a bank: its axis at `up_m`, its mouth `reach_m` over the water."""

    kind: str
    s_m: float
    side: int
    size_m: float
    up_m: float
    reach_m: float
    headwall_m: float
    wings: bool
    apron: bool
    tone: RGB
    rust: float
    overgrown: float
    swivel_deg: float
    plume: Plume | None
    seed: int


@dataclass(frozen=True, slots=True)
class Building:
    """A structure on land."""

    kind: str
    s_m: float
    back_m: float
    side: int
    length_m: float
    width_m: float
    height_m: float
    angle_deg: float
    tone: RGB
    seed: int


@dataclass(frozen=True, slots=True)
class Litter:
    """Floating waste: `count` pieces within an ellipse; one piece where `count` is 1."""

    s_m: float
    side: int
    out_m: float
    length_m: float
    width_m: float
    count: int
    scum: float
    seed: int


@dataclass(frozen=True, slots=True)
class Clutter:
    """Something that is none of the classes and may be taken for one."""

    kind: str
    s_m: float
    side: int
    back_m: float  # negative over the water
    angle_deg: float
    size: float
    seed: int


@dataclass(frozen=True, slots=True)
class Finish:
    """What air, lens and sensor do to the rendered picture; see post.py."""

    haze_per_km: float
    haze_colour: RGB
    warmth: float
    gain: float
    contrast: float
    saturation: float
    vignette: float
    blur_px: float
    blur_angle_deg: float
    softness_px: float
    skew_px: float
    noise: float
    jpeg_quality: int
    seed: int


@dataclass(frozen=True, slots=True)
class SceneSpec:
    """One picture to be rendered."""

    name: str
    family: str
    split: str
    seed: int
    camera: Camera
    light: Light
    river: River
    banks: tuple[Bank, Bank]
    outlets: tuple[Outlet, ...]
    buildings: tuple[Building, ...]
    litter: tuple[Litter, ...]
    clutter: tuple[Clutter, ...]
    finish: Finish
    samples: int = 4
    format: int = FORMAT

    def to_json(self) -> str:
        """The specification as one line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)

    @property
    def digest(self) -> str:
        """A hash over everything that the picture depends on."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]
