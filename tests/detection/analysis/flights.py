"""Made-up flights over made-up things: true poses, what the drone says of them, and the boxes
that a detector would find."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from detection.detections import Detections
from detection.placement import PRIORS, View, views_of
from detection.telemetry.poses import FramePose
from detection.tracking import Track, Tracker
from geo.camera import CAMERAS, Camera, Pose
from geo.coordinates import EastNorth, LocalProjection, LonLat
from geo.placing import PoseError

HERE = LocalProjection(LonLat(113.459, 23.106))
CAMERA = CAMERAS["m3e"].resized(1920, 1080)
CLASSES = ("outfall", "discharge", "structure", "floating_waste")
START = datetime(2026, 5, 20, 1, tzinfo=UTC)
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Thing:
    """A block `size_m` (east, north, up) whose middle is at `at_m` (east, north, up)."""

    class_name: str
    at_m: tuple[float, float, float]
    size_m: tuple[float, float, float] = (1.0, 1.0, 0.3)

    def corners_m(self) -> FloatArray:
        signs = np.array([(a, b, c) for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)])
        return np.asarray(self.at_m) + signs * np.asarray(self.size_m) / 2


@dataclass(frozen=True, slots=True)
class Errors:
    """What the drone's own idea of its pose is wrong by, one standard deviation: `bias` for a
    whole pass, `jitter` from frame to frame."""

    horizontal_bias_m: float = 1.4
    horizontal_jitter_m: float = 0.4
    vertical_bias_m: float = 1.4
    yaw_bias_deg: float = 1.4
    tilt_bias_deg: float = 0.45
    tilt_jitter_deg: float = 0.15
    box_px: float = 3.0


NONE = Errors(0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Flight:
    """A pass: (N,) media times, true poses, and the poses that telemetry gives."""

    times_s: FloatArray
    true: list[Pose]
    said: list[FramePose]
    start: datetime = START


def line(
    from_m: tuple[float, float],
    to_m: tuple[float, float],
    *,
    height_m: float = 47.7,
    speed_m_s: float = 8.0,
    fps: float = 2.0,
    pitch_deg: float = -90.0,
    yaw_deg: float | None = None,
) -> tuple[FloatArray, list[Pose]]:
    """Times and true poses along a straight line, looking ahead unless a yaw is given."""
    a, b = np.asarray(from_m, float), np.asarray(to_m, float)
    length = float(np.hypot(*(b - a)))
    times = np.arange(0.0, length / speed_m_s + 1e-9, 1 / fps)
    yaw = math.degrees(math.atan2(*(b - a))) if yaw_deg is None else yaw_deg
    at = a + np.outer(times * speed_m_s / max(length, 1e-9), b - a)
    return times, [Pose(float(e), float(n), height_m, yaw, pitch_deg) for e, n in at]


def fly(
    times_s: FloatArray,
    true: Sequence[Pose],
    rng: np.random.Generator,
    errors: Errors = Errors(),
    start: datetime = START,
) -> Flight:
    """What the telemetry of a flight says."""
    e = errors
    bias = rng.normal(0, [e.horizontal_bias_m, e.horizontal_bias_m, e.vertical_bias_m])
    yaw, pitch, roll = rng.normal(0, [e.yaw_bias_deg, e.tilt_bias_deg, e.tilt_bias_deg])
    said = []
    for time_s, pose in zip(times_s, true, strict=True):
        east, north = rng.normal(0, e.horizontal_jitter_m, 2)
        tilt = rng.normal(0, e.tilt_jitter_deg, 2)
        at = EastNorth(pose.east_m + bias[0] + east, pose.north_m + bias[1] + north, HERE)
        said.append(
            FramePose(
                HERE.to_lonlat(at), pose.up_m + bias[2], pose.yaw_deg + yaw,
                pose.pitch_deg + pitch + tilt[0], pose.roll_deg + roll + tilt[1],
                start + timedelta(seconds=float(time_s)), PoseError(),
            )
        )  # fmt: skip
    return Flight(np.asarray(times_s), list(true), said, start)


def boxes(
    things: Sequence[Thing],
    pose: Pose,
    rng: np.random.Generator | None = None,
    *,
    camera: Camera = CAMERA,
    box_px: float = 0.0,
    found: float = 1.0,
    confidence: float = 0.8,
) -> tuple[Detections, list[int]]:
    """Boxes around what of each thing is in the picture, and which thing each is of.

    `found` is the share of them that the detector finds.
    """
    rng = rng or np.random.default_rng(0)
    corners, sure, classes, which = [], [], [], []
    limit = np.array([camera.width_px, camera.height_px] * 2, float)
    for index, thing in enumerate(things):
        pixels, depth = camera.project(pose.to_camera(thing.corners_m()))
        if np.any(depth <= 0):
            continue
        whole = np.concatenate([pixels.min(axis=0), pixels.max(axis=0)])
        box = np.clip(whole + rng.normal(0, box_px, 4) if box_px else whole, 0, limit)
        shown = np.prod(box[2:] - box[:2]) / np.prod(whole[2:] - whole[:2])
        if shown < 0.3 or rng.random() >= found:
            continue
        corners.append(box)
        sure.append(float(np.clip(rng.normal(confidence, 0.08), 0.05, 0.99)))
        classes.append(CLASSES.index(thing.class_name))
        which.append(index)
    return (
        Detections(
            np.array(corners, float).reshape(-1, 4), np.array(sure), np.array(classes, np.int64)
        ),
        which,
    )


def views(flight: Flight, k: int, detections: Detections, *, camera: Camera = CAMERA) -> list[View]:
    """A frame's detections, placed by what the telemetry says."""
    return views_of(
        camera, flight.said[k], HERE, detections, CLASSES,
        shot=k, time_s=float(flight.times_s[k]),
    )  # fmt: skip


def follow(
    flight: Flight,
    things: Sequence[Thing],
    rng: np.random.Generator,
    *,
    recording: int = 0,
    every: int = 1,
    box_px: float = 3.0,
    found: float = 1.0,
) -> list[Track]:
    """The tracks of a pass over things."""
    tracker = Tracker(recording)
    for k in range(0, len(flight.times_s), every):
        seen, _ = boxes(things, flight.true[k], rng, box_px=box_px, found=found)
        tracker.update(views(flight, k, seen), float(flight.times_s[k]))
    return tracker.tracks


def prior_up_m(class_name: str) -> float:
    return PRIORS[class_name].up_m
