"""Footage to sightings: sample, detect, place, follow, merge, and write with the evidence.

The result depends on footage, model and settings alone: the same input gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import queue
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.backends import ClassList, Detector
from detection.errors import FootageError
from detection.evidence import keep_best
from detection.footage.orientation import correct_orientation
from detection.footage.photos import read_photos
from detection.footage.quality import assess
from detection.footage.shots import Recording, Shot, find_footage, open_recording, photo_shots
from detection.placement import View, view_of
from detection.sampling import NEW_GROUND_SHARE, choose_by_new_ground
from detection.sightings import Confirmation, confirmed, merge, write_sightings
from detection.telemetry.poses import FramePose, PoseSettings
from detection.tracking import Track, Tracker
from geo.camera import Camera
from geo.coordinates import LocalProjection
from geo.files import write_text
from geo.placing import intersect_ground

__all__ = ["Analysed", "Settings", "analyze"]

# The size of a pixel on the ground that the detector was trained at, and the limits of what it
# is given to see (a wider picture costs time in proportion).
_DETECTOR_GSD_M = 0.105
_LONG_SIDE_PX = (640, 1536)
_MARGIN = 0.08  # how far inside the picture a place must be to count as shown, of its sides
_RESULTS = ("sightings.geojson", "sighting_ellipses.geojson", "manifest.json")

Advance = Callable[[float, float | None], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator may choose; all of it goes into the manifest."""

    new_ground_share: float = NEW_GROUND_SHARE
    confirmation: Confirmation = field(default_factory=Confirmation)
    pose: PoseSettings = field(default_factory=PoseSettings)
    allow_partial: bool = False


@dataclass(frozen=True, slots=True)
class Analysed:
    """What came of an analysis."""

    out: Path
    patrol: str
    pictures: int
    analysed: int
    sightings: dict[str, int]
    warnings: tuple[str, ...]


@dataclass(slots=True, eq=False)
class _Pass:
    """One recording, or one folder of photos, being analysed."""

    name: str
    source: Path
    pictures: int
    shots: Callable[[], Iterator[Shot]]
    expected: int
    clock: datetime | None
    looked_at: list[tuple[Camera, FramePose]] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    located: list[dict[str, Any]] = field(default_factory=list)


def analyze(
    sources: Sequence[Path],
    out: Path,
    detector: Detector,
    classes: ClassList,
    *,
    zone: tzinfo | None,
    camera: Camera | None = None,
    settings: Settings | None = None,
    advance: Advance | None = None,
) -> Analysed:
    """Analyse videos with their subtitles, or folders of photos, into the folder `out`.

    Everything is opened and checked before the first frame is decoded; what is written takes the
    place of an earlier result at the very end, so that an error or an interruption leaves `out`
    as it was. Raises FootageError, SubtitleError or ModelError.
    """
    settings = settings or Settings()
    warnings: list[str] = []
    passes: list[_Pass] = []
    for source in sources:
        videos, folder = find_footage(source)
        for video in videos:
            passes.append(_video_pass(video, zone, camera, settings, warnings))
        if folder is not None:
            passes.append(_photo_pass(folder, zone, camera, settings, warnings))
    projection = _projection(passes)
    total = float(sum(p.expected for p in passes))
    done = 0.0
    for number, one in enumerate(passes):
        tracker = Tracker(number)
        for shot, views, image in _views(one, detector, classes, projection):
            for view, track in tracker.update(views, shot.time_s):
                keep_best(track, view, image)
            done += 1
            if advance is not None:
                advance(done, total)
        _count_opportunities(tracker.tracks, one.looked_at, projection)
        one.tracks = tracker.tracks
        for fault, count in sorted(one.faults.items()):
            warnings.append(f"{one.name}: {count} pictures could not be used: {fault}")
    if not any(one.looked_at for one in passes):
        raise FootageError(
            f"{passes[0].source}: no picture of {len(passes)} recording(s) could be used "
            f"({'; '.join(warnings) or 'none shows the ground'})"
        )
    digests = {one.name: _sha256_of(one.source) for one in passes}
    return _write(out, passes, projection, detector, classes, settings, digests, warnings)


def _video_pass(
    video: Path, zone: tzinfo | None, camera: Camera | None, settings: Settings, warnings: list[str]
) -> _Pass:
    recording = open_recording(
        video, zone, settings.pose, camera, allow_partial=settings.allow_partial
    )
    warnings += recording.warnings
    times = _frame_times(recording)
    poses = recording.poses.many(times)
    if not any(poses):
        raise FootageError(f"{video}: the telemetry gives no position for any frame")
    cameras = [recording.camera_at(float(times[0]))] * len(times)
    first = next(pose for pose in poses if pose is not None)
    chosen = choose_by_new_ground(
        times.tolist(), poses, cameras, LocalProjection(first.position), settings.new_ground_share
    )
    wanted = [float(times[index]) for index in chosen]
    at = next(i for i, pose in enumerate(poses) if pose is not None)
    clock = first.utc - timedelta(seconds=float(times[at])) if first.utc else None
    return _Pass(
        video.name, video, recording.video.frames, lambda: recording.shots(wanted), len(wanted),
        clock,
    )  # fmt: skip


def _frame_times(recording: Recording) -> NDArray[np.float64]:
    begins, ends = recording.span_s
    times = np.arange(max(recording.video.frames, 1)) / recording.video.fps
    return times[(times >= begins - 1e-6) & (times <= ends + 1e-6)]


def _photo_pass(
    folder: Path,
    zone: tzinfo | None,
    camera: Camera | None,
    settings: Settings,
    warnings: list[str],
) -> _Pass:
    found = read_photos(folder, zone, settings.pose, camera)
    warnings += found.left_out
    upright = correct_orientation(found.photos)
    warnings += upright.warnings
    one = _Pass(
        folder.name, folder, len(found.photos) + len(found.left_out),
        lambda: photo_shots(upright.photos), len(upright.photos),
        next((photo.pose.utc for photo in upright.photos if photo.pose.utc), None),
    )  # fmt: skip
    for index, photo in enumerate(upright.photos):
        projection = LocalProjection(photo.pose.position)
        centre = intersect_ground(
            photo.camera, photo.pose.pose(projection), [photo.camera.centre_px]
        )
        lon, lat = projection.inverse(centre)[0] if np.all(np.isfinite(centre)) else (None, None)
        one.located.append(
            {
                "photo": photo.path.name,
                "lon": None if lon is None else round(float(lon), 7),
                "lat": None if lat is None else round(float(lat), 7),
                "turned": index in upright.turned,
            }
        )
    return one


def _projection(passes: Sequence[_Pass]) -> LocalProjection:
    """Around where the footage begins; all passes are placed in the same metres."""
    for one in passes:
        for shot in one.shots():
            return LocalProjection(shot.pose.position)
    raise FootageError(f"{passes[0].source}: shows no ground that could be looked at")


def _views(
    one: _Pass, detector: Detector, classes: ClassList, projection: LocalProjection
) -> Iterator[tuple[Shot, list[View], NDArray[np.uint8]]]:
    """Each picture with its placed detections; the next ones are decoded meanwhile."""
    for shot, image in _ahead(one.shots()):
        fault = assess(image).fault
        if fault:
            one.faults[fault] = one.faults.get(fault, 0) + 1
            yield shot, [], image
            continue
        one.looked_at.append((shot.camera, shot.pose))
        [found] = detector.detect([image], _long_side_px(shot))
        found = found.at_least(classes.confidence * 0.6)
        views = []
        for box, confidence, class_id in zip(
            found.box_px, found.confidence, found.class_id, strict=True
        ):
            view = view_of(
                shot.camera, shot.pose, projection, shot=shot.index, time_s=shot.time_s,
                class_name=classes.names[class_id], confidence=float(confidence), box_px=box,
            )  # fmt: skip
            if view is not None:
                views.append(view)
        yield shot, views, image


def _ahead(shots: Iterator[Shot]) -> Iterator[tuple[Shot, NDArray[np.uint8]]]:
    """Shots with their pictures, decoded in a thread a few ahead of who takes them."""
    ready: queue.Queue[Any] = queue.Queue(maxsize=3)
    stopped = threading.Event()

    def put(item: Any) -> bool:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False

    def decode() -> None:
        try:
            for shot in shots:
                if not put((shot, shot.image())):
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001 - handed to who waits for the pictures
            put(error)

    thread = threading.Thread(target=decode, name="decode", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()


def _long_side_px(shot: Shot) -> int:
    """The width that shows the ground as the detector was trained to see it."""
    wanted = shot.camera.gsd_m(max(shot.pose.above_launch_m, 1.0)) * max(
        shot.camera.width_px, shot.camera.height_px
    )
    low, high = _LONG_SIDE_PX
    # In steps of a quarter, so that a few networks serve a whole flight.
    step = 160
    return int(np.clip(round(wanted / _DETECTOR_GSD_M / step) * step, low, high))


def _count_opportunities(
    tracks: Sequence[Track],
    looked_at: Sequence[tuple[Camera, FramePose]],
    projection: LocalProjection,
) -> None:
    """How many of the pictures show each track's place, well inside."""
    if not tracks:
        return
    places = np.array([[*t.now.ground_m, t.now.up_m] for t in tracks])
    counts = np.zeros(len(tracks), dtype=int)
    for camera, pose in looked_at:
        pixels, depth = camera.project(pose.pose(projection).to_camera(places))
        size = np.array([camera.width_px, camera.height_px])
        with np.errstate(invalid="ignore"):
            inside = np.all((pixels > _MARGIN * size) & (pixels < (1 - _MARGIN) * size), axis=1)
        counts += inside & (depth > 0)
    for track, count in zip(tracks, counts, strict=True):
        track.opportunities = int(count)


def _write(
    out: Path,
    passes: Sequence[_Pass],
    projection: LocalProjection,
    detector: Detector,
    classes: ClassList,
    settings: Settings,
    digests: dict[str, str],
    warnings: Sequence[str],
) -> Analysed:
    thresholds = dict(zip(classes.names, classes.confidence.tolist(), strict=True))
    tracks = [
        track
        for one in passes
        for track in confirmed(one.tracks, settings.confirmation, thresholds)
    ]
    sightings = merge(tracks, projection)
    joined = hashlib.sha256("".join(sorted(digests.values())).encode()).hexdigest()
    clock = next((one.clock for one in passes if one.clock), None)
    patrol = f"{clock:%Y%m%d}-{joined[:8]}" if clock else joined[:8]
    counts = dict.fromkeys(classes.names, 0)
    for sighting in sightings:
        counts[sighting.class_name] += 1
    looked = sum(len(one.looked_at) for one in passes)
    manifest = {
        "format": "river-patrol/manifest",
        "version": 1,
        "patrol": patrol,
        "footage": [
            {
                "name": one.name,
                "sha256": digests[one.name],
                "pictures": one.pictures,
                "analysed": len(one.looked_at),
                **({"photos": one.located} if one.located else {}),
            }
            for one in passes
        ],
        "model": {"name": detector.path.name, "sha256": _sha256_of(detector.path)},
        "classes": {name: thresholds[name] for name in classes.names},
        "settings": asdict(settings),
        "tracks": sum(len(one.tracks) for one in passes),
        "sightings": counts,
        "warnings": list(warnings),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
    try:
        (stage / "evidence").mkdir()
        pictures = {}
        for index, sighting in enumerate(sightings):
            pictures[index] = f"evidence/S{index + 1:04d}.jpg"
            (stage / pictures[index]).write_bytes(sighting.best.picture)
        clocks = {number: one.clock for number, one in enumerate(passes)}
        names = [one.name for one in passes]
        write_sightings(stage, sightings, patrol, names, clocks, pictures)
        text = json.dumps(manifest, ensure_ascii=False, indent=1, allow_nan=False)
        write_text(stage / "manifest.json", text + "\n")
        out.mkdir(exist_ok=True)
        if (out / "evidence").exists():
            (out / "evidence").replace(stage / "evidence-before")
        (stage / "evidence").replace(out / "evidence")
        for name in _RESULTS:
            (stage / name).replace(out / name)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return Analysed(
        out, patrol, sum(one.pictures for one in passes), looked, counts, tuple(warnings)
    )


def _sha256_of(path: Path) -> str:
    """Of a file, or of a folder's files with their names, in order."""
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    for file in files:
        if path.is_dir():
            digest.update(str(file.relative_to(path)).encode() + b"\0")
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()
