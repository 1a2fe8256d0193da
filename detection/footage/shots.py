"""Pictures with poses, wherever they came from: the frames of a recording, or photos of a folder.

for recording in (open_recording(video, zone) for video in videos):
    for shot in recording.shots(times_s): shot.image(), shot.pose, shot.camera
for shot in photo_shots(read_photos(folder, zone).photos): ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.errors import FootageError, SubtitleError
from detection.footage.orientation import correct_orientation
from detection.footage.photos import PHOTO_SUFFIXES, Photo, read_photos
from detection.footage.video import VIDEO_SUFFIXES, Video, find_subtitle, open_video
from detection.telemetry.poses import FramePose, PoseSettings, VideoPoses
from detection.telemetry.srt import read_srt
from geo.camera import Camera

__all__ = [
    "PhotoSet",
    "Recording",
    "Shot",
    "find_footage",
    "open_photos",
    "open_recording",
    "photo_shots",
]

# Telemetry may miss this much at either end of a video: what `PoseTrack.at` extrapolates.
_TOLERATED_S = 1.0
_MISSING_S = 2.0
_MISSING_SHARE = 0.05
_RESULTS = frozenset({"evidence"})


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One picture with its pose.

    `index` is the frame's number in its video, or the photo's in its folder, from 0; `time_s`
    media time, or seconds since the first photo (the index where photos have no clock).
    `image()` gives (height, width, 3) uint8 BGR; `camera` fits its size.
    """

    source: Path
    index: int
    time_s: float
    pose: FramePose
    camera: Camera
    image: Callable[[], NDArray[np.uint8]]


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A video and its telemetry, checked against each other. `warnings` are lines for the
    operator and the manifest."""

    video: Video
    subtitle: Path
    poses: VideoPoses
    camera: Camera | None
    warnings: tuple[str, ...]
    allow_partial: bool

    @property
    def span_s(self) -> tuple[float, float]:
        """Media time that has both picture and pose."""
        begins, ends = self.poses.track.covers_s
        return (
            max(0.0, begins - _TOLERATED_S),
            min(self.video.duration_s, ends + _TOLERATED_S),
        )

    def camera_at(self, media_time_s: float) -> Camera:
        """The camera that was named, else by the subtitle's focal length at that time."""
        width, height = self.video.width_px, self.video.height_px
        if self.camera is not None:
            return self.camera.resized(width, height)
        return self.poses.camera_at(media_time_s, width, height)

    def shots(
        self, times_s: Sequence[float] | None = None, *, skip_unreferenced: bool = False
    ) -> Iterator[Shot]:
        """Frames with poses, in order: all, or those at ascending media times.

        Frames without a pose (a hole in the telemetry) are passed over. Raises FootageError
        where the picture ends early, unless partial analysis was allowed.
        """
        frames = self.video.decode(
            times_s, skip_unreferenced=skip_unreferenced, allow_partial=self.allow_partial
        )
        for frame in frames:
            pose = self.poses.many([frame.time_s])[0]
            if pose is None:
                continue
            yield Shot(
                self.video.path, frame.index, frame.time_s, pose,
                self.camera_at(frame.time_s), partial(_same, frame.image),
            )  # fmt: skip


def open_recording(
    video: Path,
    zone: tzinfo | None = None,
    settings: PoseSettings | None = None,
    camera: Camera | None = None,
    *,
    subtitle: Path | None = None,
    allow_partial: bool = False,
) -> Recording:
    """Open a video with the subtitle beside it (or `subtitle`).

    `zone` is that of the drone's clock, `camera` overrules the subtitle's focal length. Raises
    FootageError or SubtitleError, one line, where video or telemetry cannot be used, where no
    camera is known, and where the telemetry leaves out more than 2 s or 5 % of the video at
    either end; `allow_partial` analyses what there is instead, with a warning.
    """
    opened = open_video(video, allow_partial=allow_partial)
    path = subtitle or find_subtitle(video)
    track = read_srt(path, zone)
    poses = VideoPoses(track, settings)
    warnings = [f"{path}: {said}" for said in track.warnings]
    begins, ends = track.covers_s
    limit = max(_TOLERATED_S, min(_MISSING_S, _MISSING_SHARE * opened.duration_s))
    for missing_s, said in (
        (opened.duration_s - ends, f"telemetry ends early, at {ends:.1f} s"),
        (begins, f"telemetry starts late, at {begins:.1f} s"),
    ):
        if missing_s <= limit:
            continue
        line = f"{said} of the video's {opened.duration_s:.1f} s"
        if begins >= opened.duration_s:
            raise SubtitleError(f"{path}: {line}; it belongs to another recording")
        if not allow_partial:
            raise SubtitleError(
                f"{path}: {line}; copy the subtitle again from the card, or allow a partial "
                "analysis"
            )
        warnings.append(f"{path}: {line}; {missing_s:.1f} s were not analysed")
    recording = Recording(opened, path, poses, camera, tuple(warnings), allow_partial)
    recording.camera_at(max(begins, 0.0))  # tells now, not after an hour, that none is known
    return recording


@dataclass(frozen=True, slots=True, eq=False)
class PhotoSet:
    """Photos of one folder, those turned after they were taken put right. `left_out` has a line
    for each photo that cannot be placed, `warnings` lines for the operator and the manifest."""

    photos: tuple[Photo, ...]
    turned: tuple[Path, ...]
    left_out: tuple[str, ...]
    warnings: tuple[str, ...]

    def shots(self) -> Iterator[Shot]:
        """Photos as shots, in order of time."""
        return photo_shots(self.photos)


def open_photos(
    folder: Path,
    zone: tzinfo | None = None,
    settings: PoseSettings | None = None,
    camera: Camera | None = None,
    advance: Callable[[int, int], None] | None = None,
) -> PhotoSet:
    """Read a folder of photos and recognise, by matching them, those whose pixels were turned.

    Raises FootageError where none can be placed. `advance(done, total)` tells the matching's
    progress.
    """
    found = read_photos(folder, zone, settings, camera)
    upright = correct_orientation(found.photos, advance=advance)
    return PhotoSet(
        upright.photos,
        tuple(found.photos[i].path for i in sorted(upright.turned)),
        found.left_out,
        upright.warnings,
    )


def _same(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return image


def photo_shots(photos: Sequence[Photo]) -> Iterator[Shot]:
    """Photos as shots, in their order."""
    first = next((p.pose.utc for p in photos if p.pose.utc is not None), None)
    for index, photo in enumerate(photos):
        utc = photo.pose.utc
        seconds = (utc - first).total_seconds() if utc and first else float(index)
        yield Shot(photo.path, index, seconds, photo.pose, photo.camera, photo.load)


def _held(folder: Path) -> tuple[list[Path], Path | None]:
    """The videos directly in a folder, and the folder itself where there are photos in it."""
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    photos = any(p.suffix.lower() in PHOTO_SUFFIXES for p in files)
    return [p for p in files if p.suffix.lower() in VIDEO_SUFFIXES], folder if photos else None


def find_footage(source: Path) -> tuple[list[Path], Path | None]:
    """What a SOURCE on the command line means: (videos, folder of photos).

    A video file is itself; a patrol folder its footage/; any other folder the videos in it, or
    itself as a folder of photos; where it holds neither, its sub-folders are looked at. Raises
    FootageError where there is neither, or photos in several sub-folders.
    """
    if source.is_file():
        if source.suffix.lower() in VIDEO_SUFFIXES:
            return [source], None
        raise FootageError(
            f"{source}: neither a video ({', '.join(sorted(VIDEO_SUFFIXES))}) nor a folder; for "
            "photos name their folder"
        )
    if not source.is_dir():
        raise FootageError(f"{source}: no such video, patrol folder or folder of photos")
    folder = source / "footage" if (source / "footage").is_dir() else source
    # Pictures of an earlier result are no footage.
    inner = sorted(p for p in folder.iterdir() if p.is_dir() and p.name not in _RESULTS)
    held = [_held(folder), *(_held(p) for p in inner)]
    videos = held[0][0] or [video for those, _ in held[1:] for video in those]
    if videos:
        return videos, None
    photos = [folder for _, folder in held if folder is not None]
    if len(photos) > 1 and photos[0] != folder:
        names = ", ".join(p.name for p in photos)
        raise FootageError(f"{folder}: photos lie in several folders ({names}); name one of them")
    if photos:
        return [], photos[0]
    hint = "; run `patrol film` first" if (source / "plan.json").exists() else ""
    raise FootageError(f"{folder}: holds neither videos nor photos{hint}")
