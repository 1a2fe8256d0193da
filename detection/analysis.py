"""Footage to sightings: sample, detect, place, follow, merge, and write with the evidence.

The result depends on footage, model and settings alone: the same input gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.backends import ClassList, Detector
from detection.errors import FootageError
from detection.evidence import write_evidence
from detection.footage.quality import assess
from detection.footage.shots import Shot
from detection.merging import Confirmation, Group, confirmed, merge
from detection.passes import Looked, Pass, open_passes, sizes
from detection.placement import View, views_of
from detection.results import package_versions, replacing_results, sha256_of
from detection.sampling import NEW_GROUND_SHARE
from detection.sightings import Sighting, counts, place_groups, write_sightings
from detection.telemetry.poses import PoseSettings
from detection.tracking import Tracker
from geo.camera import Camera
from geo.coordinates import LocalProjection
from geo.files import write_text

__all__ = ["Analysed", "Settings", "analyze"]

# The size of a pixel on the ground that the detector was trained at, and the limits of what it
# is given to see (a wider picture costs time in proportion).
_DETECTOR_GSD_M = 0.105
_LONG_SIDE_PX = (640, 1536)
_LONG_SIDE_STEP_PX = 160  # so that a few networks serve a whole flight
_MARGIN = 0.08  # how far inside the picture a place must be to count as shown, of its sides
# A view that is followed may be this much less sure than a box must be by itself.
_WEAK_SHARE = 0.6
_AHEAD = 3

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
    sightings: Mapping[str, int]
    warnings: tuple[str, ...]


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
    note: Callable[[str], None] | None = None,
) -> Analysed:
    """Analyse videos with their subtitles, or folders of photos, into the folder `out`.

    Everything is opened and checked before the first frame is decoded; what is written takes the
    place of an earlier result at the very end, so that an error or an interruption leaves `out`
    as it was. `advance` is told pictures done and their total, `note` what takes time besides.
    Raises FootageError,
    SubtitleError or ModelError.
    """
    settings = settings or Settings()
    say = note or (lambda line: None)
    passes, warnings = open_passes(
        sources, zone=zone, camera=camera, pose=settings.pose,
        new_ground_share=settings.new_ground_share, allow_partial=settings.allow_partial, note=say,
    )  # fmt: skip
    projection = LocalProjection.around(
        [one.start.position.lon_deg for one in passes],
        [one.start.position.lat_deg for one in passes],
    )
    total, done = float(sum(one.wanted for one in passes)), 0.0
    for number, one in enumerate(passes):
        tracker = Tracker(number)
        for shot, views in _views(one, detector, classes, projection):
            tracker.update(views, shot.time_s)
            done += 1
            if advance is not None:
                advance(done, total)
        one.tracks = tracker.tracks
        for fault, count in sorted(one.faults.items()):
            warnings.append(f"{one.name}: {count} pictures could not be used: {fault}")
    if not any(one.looked_at for one in passes):
        raise FootageError(
            f"{passes[0].source}: no picture of {len(passes)} recording(s) could be used "
            f"({'; '.join(warnings) or 'none could be decoded'})"
        )
    say(
        f"{sum(len(one.tracks) for one in passes)} tracks: merging, cutting evidence, writing {out}"
    )
    thresholds = dict(zip(classes.names, classes.sighting_confidence.tolist(), strict=True))
    groups = merge([track for one in passes for track in one.tracks])
    shown = _shown(groups, passes, projection)
    found = place_groups(confirmed(groups, shown, settings.confirmation, thresholds), projection)
    return _write(out, passes, found, detector, classes, settings, camera, zone, warnings)


def _views(
    one: Pass, detector: Detector, classes: ClassList, projection: LocalProjection
) -> Iterator[tuple[Shot, list[View]]]:
    """Each picture with its placed detections; the next ones are decoded meanwhile."""
    for shot, image, fault in _ahead(one.shots(), tolerant=bool(one.photos)):
        if fault or image is None:
            one.faults[fault] = one.faults.get(fault, 0) + 1
            yield shot, []
            continue
        one.looked_at.append(Looked(shot.camera, shot.pose))
        [found] = detector.detect([image], _long_side_px(shot))
        found = found.at_least(classes.confidence * _WEAK_SHARE).without_nested()
        views = views_of(
            shot.camera, shot.pose, projection, found, classes.names,
            shot=shot.index, time_s=shot.time_s,
        )  # fmt: skip
        yield shot, views


Decoded = tuple[Shot, NDArray[np.uint8] | None, str]


def _ahead(shots: Iterator[Shot], *, tolerant: bool) -> Iterator[Decoded]:
    """Shots with their pictures and what is wrong with them ('' for nothing), decoded and
    assessed in a thread a few ahead of who takes them.

    `tolerant` passes over pictures that cannot be decoded: one photo of many.
    """
    ready: queue.Queue[Decoded | BaseException | None] = queue.Queue(maxsize=_AHEAD)
    stopped = threading.Event()

    def put(item: Decoded | BaseException | None) -> bool:
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
                if not put(_decoded(shot, tolerant)):
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


def _decoded(shot: Shot, tolerant: bool) -> Decoded:
    try:
        image = shot.image()
    except FootageError:
        if not tolerant:
            raise
        return shot, None, "not decodable"
    return shot, image, assess(image).fault


def _long_side_px(shot: Shot) -> int:
    """The width that shows the ground as the detector was trained to see it."""
    width_m = shot.camera.gsd_m(max(shot.pose.above_launch_m, 1.0)) * max(
        shot.camera.width_px, shot.camera.height_px
    )
    low, high = _LONG_SIDE_PX
    wanted = round(width_m / _DETECTOR_GSD_M / _LONG_SIDE_STEP_PX) * _LONG_SIDE_STEP_PX
    return int(np.clip(wanted, low, high))


def _shown(
    groups: Sequence[Group], passes: Sequence[Pass], projection: LocalProjection
) -> NDArray[np.int64]:
    """(groups, passes): how many of the pictures looked at show each place, well inside."""
    places = np.array([[*g.joint.ground_m, g.joint.up_m] for g in groups]).reshape(-1, 3)
    shown = np.zeros((len(groups), len(passes)), dtype=np.int64)
    for number, one in enumerate(passes):
        for looked in one.looked_at:
            camera = looked.camera
            pixels, _ = camera.project(looked.pose.pose(projection).to_camera(places))
            size = np.array([camera.width_px, camera.height_px])
            # Places behind the camera have no pixel (NaN), which is inside of nothing.
            inside = np.all((pixels > _MARGIN * size) & (pixels < (1 - _MARGIN) * size), axis=1)
            shown[:, number] += inside
    return shown


def _write(
    out: Path,
    passes: Sequence[Pass],
    found: Sequence[Sighting],
    detector: Detector,
    classes: ClassList,
    settings: Settings,
    camera: Camera | None,
    zone: tzinfo | None,
    warnings: Sequence[str],
) -> Analysed:
    digests = [sha256_of(one.source) for one in passes]
    clock = min((one.clock for one in passes if one.clock), default=None)
    joined = hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()[:8]
    patrol = f"{clock:%Y%m%d}-{joined}" if clock else joined
    number_of = counts(found, classes.names)
    manifest: dict[str, Any] = {
        "format": "river-patrol/manifest",
        "version": 1,
        "patrol": patrol,
        "footage": [_about(one, digest) for one, digest in zip(passes, digests, strict=True)],
        "model": {"name": _model_name(detector.path), "sha256": sha256_of(detector.path)}
        | detector.running.as_json(),
        "classes": dict(zip(classes.names, classes.confidence.tolist(), strict=True)),
        "sighting_confidence": dict(
            zip(classes.names, classes.sighting_confidence.tolist(), strict=True)
        ),
        "settings": asdict(settings)
        | {"camera": camera.name if camera else None, "timezone": str(zone) if zone else None},
        "packages": package_versions(),
        "tracks": sum(len(one.tracks) for one in passes),
        "sightings": number_of,
        "warnings": list(warnings),
    }
    with replacing_results(out) as folder:
        write_evidence(folder, found, passes)
        write_sightings(folder, found, patrol, passes)
        text = json.dumps(manifest, ensure_ascii=False, indent=1, allow_nan=False)
        write_text(folder / "manifest.json", text + "\n")
    size = sizes(passes)
    return Analysed(out, patrol, size["pictures"], size["analysed"], number_of, tuple(warnings))


def _model_name(path: Path) -> str:
    """The name of the model's folder; inside it all are called the same."""
    inner = ("openvino", "openvino-fp32", "onnx", "best.pt")
    return path.parent.name if path.name in inner else path.name


def _about(one: Pass, digest: str) -> dict[str, Any]:
    """A pass in the manifest."""
    about: dict[str, Any] = {
        "name": one.name,
        "sha256": digest,
        "pictures": one.pictures,
        "looked_at": len(one.looked_at),
        "left_out": dict(sorted(one.faults.items())),
    }
    if one.photos:
        about["photos"] = [
            {"photo": p.name, "lon": p.lon_deg, "lat": p.lat_deg, "turned": p.turned}
            for p in one.photos
        ]
    return about
