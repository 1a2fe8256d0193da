"""Films of a painted ground from true poses, with subtitles that say what a drone would, and a
detector that finds patches by their colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import av
import cv2
import numpy as np
from made_things import HERE
from numpy.typing import NDArray

from detection.analysis import analyze
from detection.backends import ClassList, Running
from detection.comparison.registration import GroundFrame
from detection.detections import Detections
from geo.camera import Pose, camera_from_35mm
from geo.coordinates import EastNorth

FloatArray = NDArray[np.float64]
Image = NDArray[np.uint8]

SIZE = (960, 540)
CAMERA = camera_from_35mm(24.57, *SIZE)
SHANGHAI = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 5, 20, 1, tzinfo=UTC)
COLOURS = ((20, 20, 230), (220, 30, 200), (20, 220, 230), (230, 120, 20))  # BGR, one a class
NAMES = ("outfall", "discharge", "structure", "floating_waste")
CLASSES = ClassList(NAMES, NAMES, np.array([0.35, 0.35, 0.4, 0.35]))
GROUND = GroundFrame(0.0, 90.0, 0.0, 2800, 0.08)


@dataclass(frozen=True, slots=True)
class Patch:
    """A coloured rectangle on the ground: middle and size (east, north) in metres."""

    colour: tuple[int, int, int]
    at_m: tuple[float, float]
    size_m: tuple[float, float] = (2.0, 2.0)


def of(class_name: str, *at_m: float, size_m: tuple[float, float] = (2.0, 2.0)) -> Patch:
    return Patch(COLOURS[NAMES.index(class_name)], (at_m[0], at_m[1]), size_m)


@lru_cache(maxsize=2)
def bare_ground(seed: int = 0) -> Image:
    """Grass and earth with structure of all sizes."""
    rng = np.random.default_rng(seed)
    side = GROUND.side_px
    total = np.zeros((side, side), np.float32)
    for cells, weight in ((40, 40.0), (180, 30.0), (700, 26.0)):
        coarse = rng.normal(0, weight / 40, (cells, cells)).astype(np.float32)
        total += weight / 40 * cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    grey = 110 + 25 * total[..., None]
    tinted = np.clip(grey * np.array([0.75, 1.0, 0.9], np.float32), 25, 235)
    return np.asarray(tinted, np.uint8)


def ground(patches: Sequence[Patch], *, seed: int = 0, light: float = 1.0) -> Image:
    """The ground with patches, in some light."""
    image = bare_ground(seed).copy()
    for patch in patches:
        half = np.array(patch.size_m) / 2
        corners = np.array(patch.at_m) + half * [[-1, -1], [1, -1], [1, 1], [-1, 1]]
        cv2.fillConvexPoly(image, np.round(GROUND.pixels(corners)).astype(np.int32), patch.colour)
    return np.asarray(np.clip(image.astype(np.float32) * light, 0, 255), np.uint8)


def photo(painted: Image, pose: Pose) -> Image:
    """What the camera sees of a painted ground."""
    to_picture = GROUND.to_picture(CAMERA, pose)
    return np.asarray(
        cv2.warpPerspective(painted, to_picture, SIZE, flags=cv2.INTER_AREA), np.uint8
    )


def line(
    from_north_m: float, to_north_m: float, *, east_m: float = 0.0, height_m: float = 48.0
) -> list[Pose]:
    """True poses each 4 m along a line to the north or south, half a second apart."""
    turn = 0.0 if to_north_m > from_north_m else 180.0
    steps = np.arange(from_north_m, to_north_m, math.copysign(4.0, to_north_m - from_north_m))
    return [Pose(east_m, float(n), height_m, turn, -90.0) for n in steps]


def said(poses: Sequence[Pose], east_m: float, north_m: float, yaw_deg: float = 0.0) -> list[Pose]:
    """What the drone's telemetry says of poses."""
    return [
        replace(
            p, east_m=p.east_m + east_m, north_m=p.north_m + north_m, yaw_deg=p.yaw_deg + yaw_deg
        )
        for p in poses
    ]


def film(
    folder: Path, painted: Image, true: Sequence[Pose], told: Sequence[Pose], *, days: int = 0
) -> Path:
    """Write footage/sortie-01_001.mp4 and .SRT into a patrol's folder."""
    video = folder / "footage" / "sortie-01_001.mp4"
    video.parent.mkdir(parents=True, exist_ok=True)
    blocks = []
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libx264", rate=2)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.options = {"crf": "14", "preset": "ultrafast", "g": "8"}
        stream.thread_count = 1
        for k, (pose, tells) in enumerate(zip(true, told, strict=True)):
            frame = av.VideoFrame.from_ndarray(photo(painted, pose), format="bgr24")
            container.mux(stream.encode(frame))
            at = HERE.to_lonlat(EastNorth(tells.east_m, tells.north_m, HERE))
            local = (START + timedelta(days=days, seconds=k / 2)).astimezone(SHANGHAI)
            blocks.append(
                f"{k + 1}\n{_clock(k)} --> {_clock(k + 1)}\n"
                f'<font size="28">FrameCnt: {k + 1}, DiffTime: 500ms\n'
                f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d}\n"
                f"[iso: 100] [focal_len: 24.57] [latitude: {at.lat_deg:.7f}] "
                f"[longitude: {at.lon_deg:.7f}] [rel_alt: {tells.up_m:.3f} abs_alt: 20.0] "
                f"[gb_yaw: {(tells.yaw_deg + 180) % 360 - 180:.2f} gb_pitch: {tells.pitch_deg:.2f} "
                f"gb_roll: 0.00] </font>\n"
            )
        container.mux(stream.encode())
    video.with_suffix(".SRT").write_text("\n".join(blocks), encoding="utf-8")
    return folder


def _clock(halves: int) -> str:
    ms = halves * 500
    return f"{ms // 3600000:02d}:{ms // 60000 % 60:02d}:{ms // 1000 % 60:02d},{ms % 1000:03d}"


class ColourDetector:
    """Boxes around patches of a class's colour; `blind` to some classes."""

    running = Running("colours", "8 bits", "CPU")

    def __init__(self, folder: Path, blind: frozenset[str] = frozenset()) -> None:
        self.path = folder / "colours"
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / "weights").write_bytes(b"colours")
        self.blind = blind

    def detect(self, images: Sequence[Image], long_side_px: int = 640) -> list[Detections]:
        return [self._detect(image) for image in images]

    def _detect(self, image: Image) -> Detections:
        rows: list[tuple[int, list[float]]] = []
        for index, colour in enumerate(COLOURS):
            low, high = np.array(colour) - 55, np.array(colour) + 55
            mask = cv2.inRange(image, low.clip(0), high.clip(0, 255))
            _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
            if NAMES[index] not in self.blind:
                rows += [
                    (index, [float(x), float(y), float(x + w), float(y + h)])
                    for x, y, w, h, area in stats[1:].tolist()
                    if area >= 60
                ]
        return Detections(
            np.array([row[1] for row in rows], float).reshape(-1, 4),
            np.full(len(rows), 0.9), np.array([row[0] for row in rows], np.int64),
        )  # fmt: skip


def analysed(folder: Path, detector: ColourDetector) -> Path:
    analyze([folder], folder, detector, CLASSES, zone=SHANGHAI)
    return folder
