"""The ground under the camera: painted tiles, kept, joined and warped into the picture."""

from __future__ import annotations

from collections import OrderedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from patrol.simulation.camera.view import View
from patrol.simulation.world.ground import GroundPainter
from patrol.simulation.world.textures import GROUND_GSD_M, TILE_M, TILE_PX

__all__ = ["Canvas"]

Image = NDArray[np.uint8]
Span = tuple[int, int, int, int]
_KEPT_TILES = 36  # 4 MB each
_WIDEST = 8  # tiles; beyond is haze


class Canvas:
    """Tiles around the camera as one picture. Memory is bounded, and what has been seen before
    makes no difference to what is shown."""

    def __init__(self, painter: GroundPainter) -> None:
        self._painter = painter
        self._tiles: OrderedDict[tuple[int, int], Image] = OrderedDict()
        self._span: Span = (0, 0, -1, -1)
        self._picture: Image = np.zeros((1, 1, 4), np.uint8)

    def _tile(self, i: int, j: int) -> Image:
        tile = self._tiles.get((i, j))
        if tile is None:
            tile = cv2.cvtColor(self._painter.paint(i, j), cv2.COLOR_BGR2BGRA)
            self._tiles[i, j] = tile
            if len(self._tiles) > _KEPT_TILES:
                self._tiles.popitem(last=False)
        else:
            self._tiles.move_to_end((i, j))
        return tile

    def cover(self, west: float, south: float, east: float, north: float) -> None:
        """Make the joined picture hold this extent."""
        i0, i1 = int(np.floor(west / TILE_M)), int(np.floor(east / TILE_M))
        j0, j1 = int(np.floor(south / TILE_M)), int(np.floor(north / TILE_M))
        a0, b0, a1, b1 = self._span
        if a0 <= i0 and i1 <= a1 and b0 <= j0 and j1 <= b1 and (a1 - a0) <= (i1 - i0) + 1:
            return
        i1, j1 = min(i1, i0 + _WIDEST - 1), min(j1, j0 + _WIDEST - 1)
        self._span = (i0, j0, i1, j1)
        rows, columns = j1 - j0 + 1, i1 - i0 + 1
        self._picture = np.empty((rows * TILE_PX, columns * TILE_PX, 4), np.uint8)
        for j in range(j0, j1 + 1):
            for i in range(i0, i1 + 1):
                y, x = (j1 - j) * TILE_PX, (i - i0) * TILE_PX
                self._picture[y : y + TILE_PX, x : x + TILE_PX] = self._tile(i, j)

    def warp(self, view: View, up_m: float, region: tuple[int, int, int, int]) -> Image:
        """The plane at `up_m` as seen in a region (x0, y0, x1, y1) of the picture."""
        i0, _, _, j1 = self._span
        g = GROUND_GSD_M
        to_metres = np.array([
            [g, 0, i0 * TILE_M + 0.5 * g], [0, -g, (j1 + 1) * TILE_M - 0.5 * g], [0, 0, 1],
        ])  # fmt: skip
        x0, y0, x1, y1 = region
        moved = np.array([[1, 0, -x0], [0, 1, -y0], [0, 0, 1.0]])
        matrix = moved @ view.plane(up_m) @ to_metres
        # With four channels OpenCV warps about twice as fast as with three.
        warped = cv2.warpPerspective(
            self._picture,
            matrix,
            (x1 - x0, y1 - y0),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(196, 190, 182, 255),
        )
        return np.asarray(cv2.cvtColor(warped, cv2.COLOR_BGRA2BGR))
