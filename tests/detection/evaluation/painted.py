"""A data set of painted squares and a detector that finds what is painted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from detection.backends import Running
from detection.detections import Detections

NAMES = ("outfall", "discharge", "structure", "floating_waste")
COLOURS = ((0, 0, 255), (0, 255, 0), (255, 0, 0), (0, 255, 255))  # BGR
SIZE = (160, 120)


def write_set(
    folder: Path,
    pictures: Sequence[Sequence[tuple[int, int, int, int]]],
    *,
    split: str = "test",
    painted: Sequence[Sequence[tuple[int, int, int, int]]] | None = None,
    files: dict[str, dict[str, object]] | None = None,
) -> Path:
    """Pictures labelled with squares (class, x, y, side), painted as they are or as `painted`."""
    names = "".join(f"  {i}: {name}\n" for i, name in enumerate(NAMES))
    for kind in ("images", "labels"):
        (folder / kind / split).mkdir(parents=True, exist_ok=True)
    (folder / "data.yaml").write_text(f"names:\n{names}")
    for number, squares in enumerate(pictures):
        picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
        for class_id, x, y, side in (painted or pictures)[number]:
            picture[y : y + side, x : x + side] = COLOURS[class_id]
        name = f"p{number:03d}"
        assert cv2.imwrite(str(folder / f"images/{split}/{name}.png"), picture)
        lines = [
            f"{c} {(x + s / 2) / SIZE[0]:.6f} {(y + s / 2) / SIZE[1]:.6f} {s / SIZE[0]:.6f} {s / SIZE[1]:.6f}"
            for c, x, y, s in squares
        ]
        (folder / f"labels/{split}/{name}.txt").write_text("\n".join(lines))
    if files is not None:
        (folder / "manifest.json").write_text(json.dumps({"files": files}))
    return folder


class PaintFinder:
    """Finds each painted patch; the larger it is, the surer."""

    path = Path("painted")
    running = Running("paint", "8 bits", "CPU")

    def detect(self, images: Sequence[np.ndarray], long_side_px: int = 640) -> list[Detections]:
        return [self._detect(image) for image in images]

    def _detect(self, image: np.ndarray) -> Detections:
        rows = []
        for class_id, colour in enumerate(COLOURS):
            mask = np.all(image == colour, axis=2).astype(np.uint8)
            count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
            for x, y, w, h, area in stats[1:count].tolist():
                rows.append((x, y, x + w, y + h, min(0.95, 0.35 + area / 4000), class_id))
        rows.sort(key=lambda row: -row[4])
        table = np.array(rows, float).reshape(-1, 6)
        return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))
