"""Real outfalls, photographed from the ground: how many the detector finds. Counts only.

No drone pictures of outfalls with boxes are to be had. The pictures are those of the repository
ndkjing/outfallDetect (folder pipe/, no licence stated, so none of them is kept here): put them in
a folder and name it in RIVER_PATROL_OUTFALL_PHOTOS. The boxes were drawn by hand for this count;
each is the pipe's mouth, or the headwall about it, as shares of width and height.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Skipped

__all__ = ["false_boxes", "found"]

_FOLDER = "RIVER_PATROL_OUTFALL_PHOTOS"
_LEAST_OVERLAP = 0.3  # of hand-drawn boxes, some with and some without the headwall
_VIDEO_FRAME = 29
_OUTFALLS: dict[str, list[tuple[float, float, float, float]]] = {
    "1.png": [(0.112, 0.31, 0.225, 0.50), (0.645, 0.085, 0.83, 0.31)],
    "pipe2.jpeg": [(0.43, 0.455, 0.65, 0.84)],
    "pipe3.jpeg": [(0.515, 0.08, 0.87, 0.50)],
    "pipe4.jpg": [(0.365, 0.20, 0.625, 0.665)],
    "pipe5.jpg": [(0.49, 0.487, 0.575, 0.585)],
    "pipe6.jpg": [(0.21, 0.307, 0.365, 0.53)],
    "pipe7.jpeg": [(0.33, 0.10, 0.66, 0.60)],
    "pipe8.jpeg": [(0.35, 0.0, 0.61, 0.21), (0.525, 0.22, 0.655, 0.35)],
    "pipe_flow.mp4": [(0.587, 0.28, 0.67, 0.49)],
    "pipe_flow3.mp4": [(0.205, 0.60, 0.25, 0.69), (0.388, 0.508, 0.45, 0.594)],
}


def _picture(path: Path) -> NDArray[np.uint8]:
    from detection.training.pictures import read_picture

    if path.suffix != ".mp4":
        return read_picture(path)
    import av

    with av.open(str(path)) as film:
        for number, frame in enumerate(film.decode(video=0)):
            if number == _VIDEO_FRAME:
                return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    raise Skipped(f"{path}: shorter than {_VIDEO_FRAME + 1} frames")


def _count(model: Path) -> tuple[int, int, int]:
    """Outfalls found, outfalls there, and boxes on nothing."""
    from benchmarks.detection.model import CLASSES_FILE
    from detection.backends import ClassList, open_detector
    from detection.evaluation.boxes import overlaps

    folder = Path(os.environ.get(_FOLDER, ""))
    if not os.environ.get(_FOLDER) or not folder.is_dir():
        raise Skipped(f"{_FOLDER} names no folder with the pictures of ndkjing/outfallDetect")
    classes = ClassList.read(CLASSES_FILE)
    outfall = classes.names.index("outfall")
    detector = open_detector(model, classes)
    found = there = false = 0
    for name, shares in _OUTFALLS.items():
        picture = _picture(folder / name)
        height, width = picture.shape[:2]
        truth = np.array(shares) * [width, height, width, height]
        [seen] = detector.detect([picture])
        sure = (seen.class_id == outfall) & (seen.confidence >= classes.confidence[outfall])
        table = overlaps(truth, seen.box_px[sure])
        hit = table.max(axis=1, initial=0.0) >= _LEAST_OVERLAP
        false += int((table.max(axis=0, initial=0.0) < _LEAST_OVERLAP).sum())
        found, there = found + int(hit.sum()), there + len(truth)
        print(f"{name}: {int(hit.sum())} of {len(truth)} outfalls, {int(sure.sum())} boxes")
    print(f"{found} of {there} outfalls found, {false} boxes on something else")
    return found, there, false


def found(seed: int) -> float:
    """How many of the 13 outfalls are found at the shipped threshold."""
    from benchmarks.detection.model import MODEL

    return float(_count(MODEL)[0])


def false_boxes(seed: int) -> float:
    """How many boxes at the shipped threshold lie on something else."""
    from benchmarks.detection.model import MODEL

    return float(_count(MODEL)[2])
