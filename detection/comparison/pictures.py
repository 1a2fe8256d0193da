"""The pictures of two patrols that show one place, laid over one another."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.comparison.coverage import Place
from detection.comparison.registration import (
    GroundFrame,
    Registration,
    register,
    warp_to_ground,
)
from detection.comparison.seen import Look, Seen
from detection.footage.photos import load_image
from detection.footage.seek import frames_at
from geo.camera import Pose
from geo.coordinates import LocalProjection

__all__ = ["Album", "Laid", "frame_about", "lay", "nearest_view"]

FloatArray = NDArray[np.float64]
Image = NDArray[np.uint8]

_KEPT = 6
_SIDE_M, _PER_RADIUS, _MOST_PX = (24.0, 48.0), 6.0, 900
# Another picture is as good as the one whose view differs by this much less from the wanted one.
_OFF_AXIS_WORTH = 0.3
# A view more askew than this against the other shows another side of what stands.
_MOST_ASKEW_DEG = 40.0


@dataclass(slots=True)
class Album:
    """The pictures of a patrol, decoded when asked for; the last few are kept."""

    seen: Seen
    projection: LocalProjection
    _held: OrderedDict[tuple[str, int], Image] = field(default_factory=OrderedDict)

    @property
    def at_hand(self) -> bool:
        return bool(self.seen.files)

    def image(self, look: Look) -> Image:
        """(height, width, 3) BGR. Raises FootageError."""
        key = (look.recording, look.shot)
        if key not in self._held:
            path, photos = self.seen.files[look.recording]
            if photos:
                self._held[key] = load_image(path / photos[look.shot])
            else:
                [frame] = frames_at(path, [look.time_s])
                self._held[key] = frame.image
            while len(self._held) > _KEPT:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        return self._held[key]

    def pose(self, look: Look) -> Pose:
        return look.pose.pose(self.projection)


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """Two ground frames of one place: `reference` by its pose, `other` registered onto it where
    that succeeded, else by its pose too; `shown` where both are picture."""

    frame: GroundFrame
    reference: Image
    other: Image
    shown: NDArray[np.bool_]
    registration: Registration
    reference_look: Look
    other_look: Look

    def box_px(self, pose: Pose, box_px: Sequence[float]) -> FloatArray:
        """(4, 2) corners of a box of the reference's picture in the frame's pixels."""
        x1, y1, x2, y2 = box_px
        corners = np.array([[[x1, y1]], [[x2, y1]], [[x2, y2]], [[x1, y2]]])
        back = np.linalg.inv(self.frame.to_picture(self.reference_look.camera, pose))
        return np.asarray(cv2.perspectiveTransform(corners, back)[:, 0], float)


def nearest_view(
    looks: Sequence[Look], rows: Sequence[int], place: Place, projection: LocalProjection,
    from_m: FloatArray | None = None,
) -> int | None:  # fmt: skip
    """Of these rows of `looks` the one that shows a place most as it is seen from `from_m` (3,);
    without it, from straight above. None where none is near enough to that."""
    at = np.array([*place.ground_m, place.up_m])
    wanted = np.array([0.0, 0.0, 1.0]) if from_m is None else _unit(from_m - at)
    best: tuple[float, int] | None = None
    for row in rows:
        eye = looks[row].pose.pose(projection)
        ray = _unit(eye.position() - at)
        askew = float(np.degrees(np.arccos(np.clip(ray @ wanted, -1, 1))))
        off_axis = float(np.degrees(np.arccos(np.clip(-ray @ eye.rotation()[2], -1, 1))))
        cost = round(askew + _OFF_AXIS_WORTH * off_axis, 6)
        if askew <= _MOST_ASKEW_DEG and (best is None or cost < best[0]):
            best = cost, row
    return None if best is None else best[1]


def _unit(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9))


def frame_about(place: Place, looks: Sequence[tuple[Look, Pose]]) -> GroundFrame:
    """A ground frame about a place, as fine as the coarser picture."""
    side_m = float(np.clip(_PER_RADIUS * place.radius_m, *_SIDE_M))
    gsd_m = max(
        (pose.up_m - min(place.up_m, 0.0)) / look.camera.focal_px for look, pose in looks
    )  # fmt: skip
    gsd_m = max(gsd_m, side_m / _MOST_PX, 0.005)
    east, north = (float(v) for v in place.ground_m)
    # The plane of the banks: most of what can be recognised again lies on it.
    return GroundFrame(east, north, 0.0, round(side_m / gsd_m), gsd_m)


def lay(
    frame: GroundFrame,
    reference: tuple[Album, Look],
    other: tuple[Album, Look],
    expected_m: FloatArray,
) -> Laid:
    """Lay the other picture over the reference on the ground.

    `expected_m` (2,) is how far the other patrol puts the same ground from where the reference
    has it.
    """
    (album, look), (album_2, look_2) = reference, other
    image, image_2 = album.image(look), album_2.image(look_2)
    pose, pose_2 = album.pose(look), album_2.pose(look_2)
    seen, shown = warp_to_ground(image, look.camera, pose, frame)
    seen_2, shown_2 = warp_to_ground(image_2, look_2.camera, pose_2, frame)
    found = register(seen, seen_2, shown, shown_2, frame.gsd_m, expected_m)
    if found.good:
        seen_2, shown_2 = warp_to_ground(image_2, look_2.camera, pose_2, frame, found.transform)
    return Laid(frame, seen, seen_2, shown & shown_2, found, look, look_2)
