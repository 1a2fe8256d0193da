"""Photos of a made-up ground with EXIF and XMP as a drone writes them."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, TiffImagePlugin

from geo.camera import Pose, camera_from_35mm
from geo.coordinates import EastNorth, LocalProjection, LonLat
from geo.placing import intersect_ground

HERE = LocalProjection(LonLat(113.459, 23.106))
WIDTH, HEIGHT = 800, 450
CAMERA = camera_from_35mm(20, WIDTH, HEIGHT)
GROUND_PX_M = 0.1
_GROUND_M = 200


@lru_cache(maxsize=1)
def make_ground(seed: int = 3) -> np.ndarray:
    """A square of ground, texture at many scales, its middle the projection's origin."""
    rng = np.random.default_rng(seed)
    side = round(_GROUND_M / GROUND_PX_M)
    ground = np.zeros((side, side, 3), np.float32)
    for cells in (20, 80, 320, 1000):
        noise = rng.normal(0, 22, (cells, cells, 3)).astype(np.float32)
        ground += cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(ground + 120, 0, 255).astype(np.uint8)


def take(ground: np.ndarray, pose: Pose) -> np.ndarray:
    """What the camera sees of flat ground from a pose that looks down."""
    corners = np.array([[0, 0], [WIDTH - 1, 0], [WIDTH - 1, HEIGHT - 1], [0, HEIGHT - 1]], float)
    east_north = intersect_ground(CAMERA, pose, corners)
    middle = ground.shape[0] / 2
    there = np.column_stack(
        [middle + east_north[:, 0] / GROUND_PX_M, middle - east_north[:, 1] / GROUND_PX_M]
    )
    change = cv2.getPerspectiveTransform(there.astype(np.float32), corners.astype(np.float32))
    return cv2.warpPerspective(ground, change, (WIDTH, HEIGHT), flags=cv2.INTER_AREA)


def _degrees(value: float) -> tuple[TiffImagePlugin.IFDRational, ...]:
    value = abs(value)
    minutes = value % 1 * 60
    parts = (int(value), int(minutes), minutes % 1 * 60)
    return tuple(TiffImagePlugin.IFDRational(round(part * 1e6), 10**6) for part in parts)


def save(
    path: Path,
    image: np.ndarray,
    pose: Pose,
    taken: str = "2026:05:20 09:00:00",
    *,
    changed: str | None = None,
    xmp: str | None = None,
    position: bool = True,
    focal_35mm: int | None = 20,
    at: LonLat | None = None,
) -> Path:
    """Write a JPEG with the metadata of `pose` (which need not be where it was taken from)."""
    at = at or HERE.to_lonlat(EastNorth(pose.east_m, pose.north_m, HERE))
    exif = Image.Exif()
    exif[0x0110] = "TEST\0"
    exif[0x0132] = changed or taken
    details = exif.get_ifd(0x8769)
    details[0x9003] = taken
    if focal_35mm is not None:
        details[0xA405] = focal_35mm
    if position:
        exif.get_ifd(0x8825).update({
            1: "N" if at.lat_deg >= 0 else "S", 2: _degrees(at.lat_deg),
            3: "E" if at.lon_deg >= 0 else "W", 4: _degrees(at.lon_deg),
            5: b"\0", 6: TiffImagePlugin.IFDRational(round((pose.up_m + 20) * 1000), 1000),
        })  # fmt: skip
    if xmp is None:
        xmp = attributes(pose)
    rgb = Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    rgb.save(path, quality=90, exif=exif, xmp=packet(xmp))
    return path


def attributes(pose: Pose, more: str = "") -> str:
    """drone-dji XMP attributes."""
    return (
        f'drone-dji:RelativeAltitude="+{pose.up_m:.2f}" drone-dji:GimbalRollDegree="{pose.roll_deg:+.2f}" '
        f'drone-dji:GimbalYawDegree="{pose.yaw_deg:+.2f}" drone-dji:GimbalPitchDegree="{pose.pitch_deg:+.2f}" {more}'
    )


def packet(inside: str) -> bytes:
    text = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" {inside}/></rdf:RDF></x:xmpmeta>'
    )
    return text.encode()


def survey(rows: int = 2, columns: int = 4, pitch_deg: float = -90.0) -> list[Pose]:
    """Poses of a survey: rows 22 m apart flown to and fro, 13 m between photos, 40 m high."""
    poses = []
    for row in range(rows):
        there = row % 2 == 0
        for k in range(columns):
            along = 13.0 * (k if there else columns - 1 - k) - 13.0 * (columns - 1) / 2
            across = 22.0 * (row - (rows - 1) / 2)
            angle = math.radians(40.0)
            east = along * math.sin(angle) + across * math.cos(angle)
            north = along * math.cos(angle) - across * math.sin(angle)
            poses.append(Pose(east, north, 40.0, 40.0 if there else -140.0, pitch_deg))
    return poses
