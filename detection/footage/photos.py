"""Photos with their EXIF and XMP: where and when each was taken, and how the camera stood.

DJI writes gimbal and flight angles in its `drone-dji` XMP schema, as attributes or (after
ExifTool) as elements, positions in EXIF and, in newer models, in XMP with the longitude
misspelt.
"""

from __future__ import annotations

import contextlib
import math
import re
import warnings as python_warnings
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from detection.errors import FootageError
from detection.telemetry.poses import FramePose, PoseSettings, YawSource
from geo.camera import Camera, camera_from_35mm
from geo.coordinates import LonLat
from geo.errors import CoordinateError
from geo.placing import PoseError

__all__ = ["PHOTO_SUFFIXES", "Photo", "PhotoFolder", "load_image", "read_photos"]

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".tif", ".tiff", ".png"})

_XMP_VALUE = re.compile(
    rb"drone-dji:([A-Za-z]{1,40})(?:\s{0,4}=\s{0,4}[\"']([^\"'<>]{0,80})[\"']|>([^<]{0,80})</)"
)
_FLIGHT_YAW_DEG = 5.0
_UNKNOWN_YAW_DEG = 104.0
_DECLARED_TILT_DEG = 2.0
_EXIF_TIME = "%Y:%m:%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo that can be placed. `edited` is set where a program other than the camera wrote
    the file last (its time of change differs from when it was taken): its pixels may have been
    turned."""

    path: Path
    pose: FramePose
    camera: Camera
    edited: bool = False

    def load(self) -> NDArray[np.uint8]:
        """(height, width, 3) uint8 BGR, as the sensor read it (EXIF orientation not applied)."""
        return load_image(self.path)


@dataclass(frozen=True, slots=True)
class PhotoFolder:
    """Photos in order of time, and a line for each that was left out."""

    photos: tuple[Photo, ...]
    left_out: tuple[str, ...]


def read_photos(
    folder: Path,
    zone: tzinfo | None = None,
    settings: PoseSettings | None = None,
    camera: Camera | None = None,
) -> PhotoFolder:
    """Read the metadata of all photos directly in a folder (no pixels yet).

    `zone` is that of the camera's clock; `camera` overrules the focal length in the files.
    Photos without position, height or focal length are left out with a line that says why.
    Raises FootageError where the folder is missing, holds no photo, or none can be placed.
    """
    settings = settings or PoseSettings()
    if not folder.is_dir():
        raise FootageError(f"{folder}: no such folder of photos")
    paths = sorted(
        p for p in folder.iterdir() if p.suffix.lower() in PHOTO_SUFFIXES and p.is_file()
    )
    if not paths:
        raise FootageError(
            f"{folder}: holds no photo ({', '.join(sorted(PHOTO_SUFFIXES))}); name the folder that "
            "the pictures are in"
        )
    photos: list[Photo] = []
    left_out: list[str] = []
    for path in paths:
        try:
            photos.append(_read(path, zone, settings, camera))
        except FootageError as error:
            left_out.append(str(error))
    if not photos:
        raise FootageError(
            f"{folder}: none of {len(paths)} photos can be placed; the first: {left_out[0]}"
        )
    no_time = datetime.max.replace(tzinfo=UTC)
    photos.sort(key=lambda photo: (photo.pose.utc or no_time, photo.path.name))
    return PhotoFolder(tuple(photos), tuple(left_out))


def load_image(path: Path) -> NDArray[np.uint8]:
    """A picture as (height, width, 3) uint8 BGR, EXIF orientation not applied: the drone's
    attitude speaks of the sensor, not of how a viewer should turn the picture.

    Raises FootageError for a file that cannot be decoded to its end.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FootageError(f"{path}: cannot be read ({error.strerror})") from None
    image = None
    if data and not _breaks_off(data):  # OpenCV would fill the rest with grey
        with contextlib.suppress(cv2.error):  # larger than OpenCV's limit of 2^30 pixels
            image = cv2.imdecode(
                np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
            )
    if image is None:
        raise FootageError(
            f"{path}: the picture cannot be decoded to its end; copy it again from the card or "
            "remove it"
        )
    return np.asarray(image, dtype=np.uint8)


def _breaks_off(data: bytes) -> bool:
    """Whether a JPEG lacks the end mark of its main picture (ITU-T T.81, B.1.1): previews inside
    its segments have marks of their own, so segments are passed over by their length."""
    if not data.startswith(b"\xff\xd8"):
        return False
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return data.find(b"\xff\xd9", at) < 0


def _read(path: Path, zone: tzinfo | None, settings: PoseSettings, camera: Camera | None) -> Photo:
    size, exif, gps, xmp = _metadata(path)
    position = _position(path, gps, xmp)
    height_m, height_sigma = _height(path, gps, xmp, settings)
    yaw, yaw_from, error = _yaw(xmp, _position_error(xmp, settings.base_error))
    pitch = xmp.get("GimbalPitchDegree", math.nan)
    if not math.isfinite(pitch):
        pitch = settings.pitch_deg
        error = replace(error, tilt_deg=max(error.tilt_deg, _DECLARED_TILT_DEG))
    taken, changed = exif.get("DateTimeOriginal", ""), exif.get("DateTime", "")
    pose = FramePose(
        position=position,
        above_launch_m=height_m,
        yaw_deg=yaw,
        pitch_deg=pitch,
        roll_deg=xmp.get("GimbalRollDegree", 0.0),
        utc=_utc(str(taken or changed), zone),
        error=replace(error, vertical_m=max(error.vertical_m, height_sigma)),
        yaw_from=yaw_from,
    )
    edited = bool(taken) and bool(changed) and taken != changed
    return Photo(path, pose, _camera(path, size, exif, xmp, camera), edited)


def _metadata(
    path: Path,
) -> tuple[tuple[int, int], dict[str, Any], dict[int, Any], dict[str, float]]:
    """Size in pixels, EXIF by tag name, the GPS directory by number, drone-dji XMP numbers."""
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")  # Pillow warns about damaged EXIF: we refuse it
            with Image.open(path) as image:
                directory = image.getexif()
                exif = {ExifTags.TAGS.get(k, str(k)): v for k, v in directory.items()}
                exif |= {
                    ExifTags.TAGS.get(k, str(k)): v
                    for k, v in directory.get_ifd(ExifTags.IFD.Exif).items()
                }
                gps = dict(directory.get_ifd(ExifTags.IFD.GPSInfo))
                packet = image.info.get("xmp", b"")
                size = image.size
    except FileNotFoundError:
        raise FootageError(f"{path}: no such photo") from None
    except Exception as error:  # noqa: BLE001 - Pillow raises a dozen kinds for a damaged header
        said = " ".join(str(error).split())[:80]
        raise FootageError(f"{path}: not a photo that can be read ({said})") from None
    if isinstance(packet, str):
        packet = packet.encode()
    numbers: dict[str, float] = {}
    for match in _XMP_VALUE.finditer(bytes(packet)):
        value = _number(match[2] if match[2] is not None else match[3])
        if math.isfinite(value):
            numbers.setdefault(match[1].decode(), value)
    return size, exif, gps, numbers


def _position(path: Path, gps: dict[int, Any], xmp: dict[str, float]) -> LonLat:
    lon = xmp.get("GPSLongitude", xmp.get("GPSLongtitude", math.nan))
    lat = xmp.get("GPSLatitude", math.nan)
    if not (math.isfinite(lon) and math.isfinite(lat)):
        lat, lon = _degrees(gps, 2, 1, "S"), _degrees(gps, 4, 3, "W")
    if not (math.isfinite(lon) and math.isfinite(lat)):
        raise FootageError(f"{path}: no position in EXIF or XMP; the photo cannot be placed")
    if lon == 0 and lat == 0:
        raise FootageError(f"{path}: position 0, 0: the drone had no satellite fix")
    try:
        return LonLat(lon, lat)
    except CoordinateError as error:
        raise FootageError(f"{path}: {error}") from None


def _height(
    path: Path, gps: dict[int, Any], xmp: dict[str, float], settings: PoseSettings
) -> tuple[float, float]:
    """Height above the launch site and a lower bound of its error, metres."""
    if settings.height_m is not None:
        return settings.height_m, 0.0
    if math.isfinite(height := xmp.get("RelativeAltitude", math.nan)):
        return height, 0.0
    sea_m = xmp.get("AbsoluteAltitude", math.nan)
    if not math.isfinite(sea_m):
        sea_m = _number(gps.get(6))
        if gps.get(5) in (b"\x01", 1):
            sea_m = -sea_m
    if math.isfinite(sea_m) and settings.launch_msl_m is not None:
        # GNSS height against sea level: ellipsoid or geoid is not told, nor how good the fix was.
        return sea_m - settings.launch_msl_m, 5.0
    what = "only a height above sea level" if math.isfinite(sea_m) else "no height"
    need = "the launch site's height above sea level" if math.isfinite(sea_m) else "the height"
    raise FootageError(f"{path}: {what} in EXIF or XMP; declare {need}")


def _position_error(xmp: dict[str, float], error: PoseError) -> PoseError:
    """The error of a fixed RTK solution where XMP gives one (RtkFlag 50; standard deviations in
    metres); what stays is the moment of exposure and the way from antenna to camera."""
    if xmp.get("RtkFlag") != 50:
        return error
    across = math.hypot(xmp.get("RtkStdLon", 0.05), xmp.get("RtkStdLat", 0.05))
    return replace(
        error,
        horizontal_m=min(error.horizontal_m, math.hypot(across, 0.2)),
        vertical_m=min(error.vertical_m, math.hypot(xmp.get("RtkStdHgt", 0.1), 0.2)),
    )


def _yaw(xmp: dict[str, float], error: PoseError) -> tuple[float, YawSource, PoseError]:
    if math.isfinite(yaw := xmp.get("GimbalYawDegree", math.nan)):
        return yaw, "gimbal", error
    if math.isfinite(yaw := xmp.get("FlightYawDegree", math.nan)):
        return yaw, "flight", replace(error, yaw_deg=max(error.yaw_deg, _FLIGHT_YAW_DEG))
    return 0.0, "unknown", replace(error, yaw_deg=_UNKNOWN_YAW_DEG)


def _camera(
    path: Path,
    size: tuple[int, int],
    exif: dict[str, Any],
    xmp: dict[str, float],
    camera: Camera | None,
) -> Camera:
    width, height = size
    name = str(exif.get("Model", "")).replace("\0", "").strip() or path.suffix
    if camera is not None:
        return camera.resized(width, height)
    if math.isfinite(focal_px := xmp.get("CalibratedFocalLength", math.nan)) and focal_px > 1:
        return Camera(name, width, height, focal_px)
    focal_mm = _number(exif.get("FocalLengthIn35mmFilm"))
    if math.isfinite(focal_mm) and focal_mm > 0:
        return camera_from_35mm(focal_mm, width, height, name)
    raise FootageError(
        f"{path}: no focal length (35 mm equivalent) in EXIF; name the camera (--camera)"
    )


def _utc(text: str, zone: tzinfo | None) -> datetime | None:
    if zone is None:
        return None
    try:
        return datetime.strptime(text.strip("\0 "), _EXIF_TIME).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _degrees(gps: dict[int, Any], tag: int, reference: int, negative: str) -> float:
    try:
        degrees, minutes, seconds = (_number(part) for part in gps.get(tag, ()))
    except (TypeError, ValueError):
        return math.nan
    value = degrees + minutes / 60 + seconds / 3600
    return -value if str(gps.get(reference, "")).strip("\0 ").upper() == negative else value


def _number(value: Any) -> float:
    """A float from what EXIF or XMP holds; NaN for anything else."""
    try:
        if isinstance(value, bytes):
            value = value.decode("ascii").strip()
        return float(value)
    except (TypeError, ValueError, ZeroDivisionError, UnicodeDecodeError):
        return math.nan
