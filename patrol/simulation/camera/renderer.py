"""The camera of the virtual river: a pose in, a picture out."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from geo.camera import Camera, Pose
from patrol.errors import SimulationError
from patrol.simulation.camera.drawing import Sheet
from patrol.simulation.camera.scene import Scene
from patrol.simulation.camera.sensor import Exposure, Sensor, pinhole_for
from patrol.simulation.world.world import World

__all__ = ["Box", "Renderer"]

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Box:
    """What can be seen of one object: pixels (x1, y1, x2, y2), the far edges exclusive;
    `visible` is the share of its whole outline that shows, `area_px` what shows."""

    ident: str
    class_index: int
    box_px: tuple[int, int, int, int]
    visible: float
    area_px: int


class Renderer:
    """Films one world with one camera. A frame depends on pose and exposure only, never on the
    frames before it; memory is bounded."""

    def __init__(self, world: World, camera: Camera) -> None:
        self.world, self.camera = world, camera
        self._scene, self._sensor = Scene(world), Sensor(camera)
        self._pinhole = pinhole_for(camera)

    def frame(self, pose: Pose, exposure: Exposure | None = None) -> Image:
        """(H, W, 3) BGR picture."""
        _check(pose)
        sheet = self._scene.draw(self._pinhole, pose)
        return self._sensor.expose(sheet.image, exposure or Exposure())

    def labelled(self, pose: Pose, exposure: Exposure | None = None) -> tuple[Image, list[Box]]:
        """A picture and the boxes of everything of a detector's class that shows in it."""
        _check(pose)
        sheet = self._scene.draw(self._pinhole, pose, label=True)
        image = self._sensor.expose(sheet.image, exposure or Exposure())
        return image, self._boxes(sheet)

    def _boxes(self, sheet: Sheet) -> list[Box]:
        assert sheet.ids is not None
        ids = self._sensor.bend(sheet.ids.astype(np.float32), cv2.INTER_NEAREST).astype(np.int32)
        boxes = []
        for number in sorted(sheet.shapes):
            shown = ids == number
            if not shown.any():
                continue
            rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
            area = int(np.count_nonzero(shown))
            polygons = [shapely.make_valid(shapely.Polygon(p)) for p in sheet.shapes[number]]
            whole = float(shapely.union_all(polygons).area)
            boxes.append(
                Box(
                    self._scene.ident_of(number), self._scene.class_of(number),
                    (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1),
                    min(1.0, area / max(whole, 1.0)), area,
                )
            )  # fmt: skip
        return boxes


def _check(pose: Pose) -> None:
    if not (5 <= pose.up_m <= 400 and pose.pitch_deg <= -30):
        raise SimulationError(
            f"the virtual river can be filmed from 5 to 400 m with the camera at least 30° down; "
            f"found {pose.up_m:.1f} m and pitch {pose.pitch_deg:.1f}°"
        )
