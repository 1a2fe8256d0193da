"""Evidence: a picture of the best view of each thing, cut from the footage once it is known.

Only frames that were chosen are decoded again (from the key frame before), so that what is kept
while analysing does not grow with the footage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.footage.photos import load_image
from detection.footage.seek import frames_at
from detection.passes import Pass
from detection.placement import View
from detection.sightings import Sighting

__all__ = ["write_evidence"]

_LONG_SIDE_PX = 960
_SHORT_SIDE_PX = 640
_QUALITY = 85
_COLOURS = {  # BGR
    "outfall": (40, 40, 230),
    "discharge": (200, 40, 200),
    "structure": (0, 200, 255),
    "floating_waste": (230, 200, 0),
}
# Ordinary houses are structures too, hundreds in a patrol: their surroundings tell enough.
_WITHOUT_FRAME = frozenset({"structure"})


def write_evidence(
    folder: Path,
    sightings: Sequence[Sighting],
    passes: Sequence[Pass],
    advance: Callable[[int], None] | None = None,
) -> None:
    """Write evidence/S0001.jpg for each sighting, its surroundings with its box and a caption,
    and evidence/S0001_frame.jpg, the whole picture as it was, for all but structures.

    `advance` is told how many are done. Raises FootageError where footage changed meanwhile.
    """
    (folder / "evidence").mkdir(parents=True, exist_ok=True)
    done = 0
    for number, one in enumerate(passes):
        mine = sorted(
            (s for s in sightings if s.best[0] == number), key=lambda s: (s.best[1].time_s, s.id)
        )
        for sighting, image in zip(mine, _pictures(one, mine), strict=True):
            view = sighting.best[1]
            stem = folder / "evidence" / sighting.id
            caption = (
                f"{sighting.id} {view.class_name} {view.confidence:.2f}  t={view.time_s:.1f} s"
            )
            _write(stem.with_suffix(".jpg"), _surroundings(view, image, caption))
            if view.class_name not in _WITHOUT_FRAME:
                _write(stem.with_name(f"{sighting.id}_frame.jpg"), image)
            done += 1
            if advance is not None:
                advance(done)


def _pictures(one: Pass, sightings: Sequence[Sighting]) -> Iterator[NDArray[np.uint8]]:
    views = [sighting.best[1] for sighting in sightings]
    if one.photos:
        for view in views:
            yield load_image(one.source / one.photos[view.shot].name)
    else:
        for frame in frames_at(one.source, [view.time_s for view in views]):
            yield frame.image


def _surroundings(view: View, image: NDArray[np.uint8], caption: str) -> NDArray[np.uint8]:
    """The view's surroundings, 3:2 where the picture allows, with its box and a caption."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = view.box_px
    half_w = max(1.1 * (x2 - x1), 1.65 * (y2 - y1), 240.0)
    half_w = min(half_w, width / 2, height * 0.75)
    half_h = half_w * _SHORT_SIDE_PX / _LONG_SIDE_PX
    cx = float(np.clip((x1 + x2) / 2, half_w, width - half_w))
    cy = float(np.clip((y1 + y2) / 2, half_h, height - half_h))
    left, top = int(max(0.0, cx - half_w)), int(max(0.0, cy - half_h))
    crop = image[top : int(cy + half_h), left : int(cx + half_w)]
    scale = _LONG_SIDE_PX / crop.shape[1]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    large = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=how)
    colour = _COLOURS.get(view.class_name, (255, 255, 255))
    pad = 6
    a = (int((x1 - left) * scale) - pad, int((y1 - top) * scale) - pad)
    b = (int((x2 - left) * scale) + pad, int((y2 - top) * scale) + pad)
    cv2.rectangle(large, a, b, (0, 0, 0), 4, cv2.LINE_AA)
    cv2.rectangle(large, a, b, colour, 2, cv2.LINE_AA)
    size, below = cv2.getTextSize(caption, cv2.FONT_HERSHEY_SIMPLEX, 0.6, 1)
    at = (12, large.shape[0] - 14)
    ground = (at[0] - 8, at[1] - size[1] - 8), (at[0] + size[0] + 8, at[1] + below + 4)
    cv2.rectangle(large, *ground, (0, 0, 0), cv2.FILLED)
    cv2.putText(large, caption, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(large, dtype=np.uint8)


def _write(path: Path, image: NDArray[np.uint8]) -> None:
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    assert done, "a decoded picture can be encoded"
    path.write_bytes(bytes(data))
