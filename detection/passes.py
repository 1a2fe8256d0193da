"""What is analysed, opened and checked: each recording, or folder of photos, as a pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.errors import FootageError
from detection.footage.orientation import correct_orientation
from detection.footage.photos import Photo, read_photos
from detection.footage.shots import Recording, Shot, find_footage, open_recording, photo_shots
from detection.sampling import choose_by_new_ground
from detection.telemetry.poses import FramePose, PoseSettings
from detection.tracking import Track
from geo.camera import Camera
from geo.coordinates import LocalProjection
from geo.placing import intersect_ground

__all__ = ["LocatedPhoto", "Looked", "Pass", "open_passes", "sizes"]

# Frames further apart than this on the ground are told apart by their poses; more frames a second
# than these only cost time.
_CANDIDATES_PER_S = 5.0
# From this rate on, frames that no other needs are left out already by the decoder.
_FAST_FPS = 10.0


@dataclass(frozen=True, slots=True)
class LocatedPhoto:
    """A photo and where the ground in its middle lies; None where it looks above the horizon.
    `turned` tells that its pixels were found turned by 180° and its pose was corrected."""

    name: str
    lon_deg: float | None
    lat_deg: float | None
    turned: bool


@dataclass(frozen=True, slots=True)
class Looked:
    """A picture that was looked at."""

    camera: Camera
    pose: FramePose


@dataclass(slots=True, eq=False)
class Pass:
    """One recording, or one folder of photos, being analysed.

    `name` is its path relative to the source that was named, `source` its path, `pictures` how
    many it holds, `wanted` how many of them will be looked at, `clock` the time of its media
    time 0 and `ends` of its last picture; `start` a pose to centre a map on. `looked_at`,
    `tracks` and `faults` (kind to count) are filled by the analysis.
    """

    name: str
    source: Path
    pictures: int
    wanted: int
    shots: Callable[[], Iterator[Shot]]
    start: FramePose
    clock: datetime | None
    ends: datetime | None
    photos: tuple[LocatedPhoto, ...] = ()
    looked_at: list[Looked] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)

    def file_of(self, shot: int) -> str:
        """The file that a picture is in."""
        return f"{self.name}/{self.photos[shot].name}" if self.photos else self.name


@dataclass(frozen=True, slots=True)
class _Options:
    zone: tzinfo | None
    camera: Camera | None
    pose: PoseSettings
    share: float
    allow_partial: bool


def open_passes(
    sources: Sequence[Path],
    *,
    zone: tzinfo | None,
    camera: Camera | None,
    pose: PoseSettings,
    new_ground_share: float,
    allow_partial: bool,
    note: Callable[[str], None],
) -> tuple[list[Pass], list[str]]:
    """Everything that the sources name, checked as far as can be without decoding, and warnings.

    `note` is told what takes time. Raises FootageError or SubtitleError.
    """
    options = _Options(zone, camera, pose, new_ground_share, allow_partial)
    passes: list[Pass] = []
    warnings: list[str] = []
    for source in sources:
        videos, folder = find_footage(source)
        base = source.parent if source.is_file() else source
        said: list[str] = []
        for video in videos:
            passes.append(_video(video, _name(video, base), options, said))
        if folder is not None:
            name = folder.name if folder == source else _name(folder, base)
            passes.append(_photos(folder, name, options, said, note))
        # The same footage elsewhere must give the same manifest: no paths of this machine.
        warnings += [line.replace(f"{base}/", "") for line in said]
    _tell_apart(passes)
    return passes, warnings


def _name(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix()


def _tell_apart(passes: Sequence[Pass]) -> None:
    """Number the names that stand twice (videos of the same name from two cards)."""
    seen: dict[str, int] = {}
    for one in passes:
        seen[one.name] = seen.get(one.name, 0) + 1
        if seen[one.name] > 1:
            one.name = f"{one.name} ({seen[one.name]})"


def _video(video: Path, name: str, options: _Options, warnings: list[str]) -> Pass:
    recording = open_recording(
        video, options.zone, options.pose, options.camera, allow_partial=options.allow_partial
    )
    warnings += recording.warnings
    times = _candidates_s(recording)
    poses = recording.poses.many(times)
    known = [k for k, pose in enumerate(poses) if pose is not None]
    if not known:
        raise FootageError(f"{video}: the telemetry gives no position for any frame")
    start, last = poses[known[0]], poses[known[-1]]
    assert start is not None
    assert last is not None
    chosen = choose_by_new_ground(
        times.tolist(), poses, [recording.camera_at(float(times[known[0]]))] * len(times),
        LocalProjection(start.position), options.share,
    )  # fmt: skip
    if not chosen:
        raise FootageError(
            f"{video}: no frame shows the ground (pitch {start.pitch_deg:.0f}° at "
            f"{start.above_launch_m:.0f} m above the launch site); is the attitude right?"
        )
    wanted = [float(times[k]) for k in chosen]
    clock = start.utc - timedelta(seconds=float(times[known[0]])) if start.utc else None
    fast = recording.video.fps >= _FAST_FPS
    return Pass(
        name, video, recording.video.frames, len(wanted),
        lambda: recording.shots(wanted, skip_unreferenced=fast), start, clock, last.utc,
    )  # fmt: skip


def _candidates_s(recording: Recording) -> NDArray[np.float64]:
    """Media times of frames that may be taken: a few each second."""
    begins, ends = recording.span_s
    fps = recording.video.fps
    step = max(1, int(fps // _CANDIDATES_PER_S))
    times = np.arange(0, max(recording.video.frames, 1), step) / fps
    return times[(times >= begins - 1e-6) & (times <= ends + 1e-6)]


def _photos(
    folder: Path, name: str, options: _Options, warnings: list[str], note: Callable[[str], None]
) -> Pass:
    found = read_photos(folder, options.zone, options.pose, options.camera)
    warnings += found.left_out
    note(f"{folder}: matching {len(found.photos)} photos, to find those that were turned")
    upright = correct_orientation(found.photos)
    warnings += upright.warnings
    located = tuple(_located(p, k in upright.turned) for k, p in enumerate(upright.photos))
    times = [photo.pose.utc for photo in upright.photos if photo.pose.utc is not None]
    return Pass(
        name, folder, len(found.photos) + len(found.left_out), len(upright.photos),
        lambda: photo_shots(upright.photos), upright.photos[0].pose,
        times[0] if times else None, times[-1] if times else None, located,
    )  # fmt: skip


def _located(photo: Photo, turned: bool) -> LocatedPhoto:
    projection = LocalProjection(photo.pose.position)
    pose = photo.pose.pose(projection)
    centre = intersect_ground(photo.camera, pose, [photo.camera.centre_px])
    if not np.all(np.isfinite(centre)):
        return LocatedPhoto(photo.path.name, None, None, turned)
    [[lon, lat]] = projection.inverse(centre)
    return LocatedPhoto(photo.path.name, round(float(lon), 7), round(float(lat), 7), turned)


def sizes(passes: Sequence[Pass]) -> Mapping[str, int]:
    """How many pictures there are in all, and how many of them were looked at."""
    return {
        "pictures": sum(one.pictures for one in passes),
        "analysed": sum(len(one.looked_at) for one in passes),
    }
