"""Hard examples are cut about what was got wrong, and only there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from detection.evaluation.boxes import Scored
from detection.training.mistakes import Mistakes, mistaken_places
from detection.training.samples import Boxes, Picture, Sample, Split


def boxes(*rows: tuple[int, float, float, float, float]) -> Boxes:
    if not rows:
        return Boxes.empty()
    return Boxes(np.array([r[0] for r in rows]), np.array([r[1:] for r in rows], float))


TRUTH = boxes((0, 10, 10, 30, 30), (1, 100, 100, 140, 160), (2, 0, 0, 9, 9))


def test_places_of_false_and_missed_boxes() -> None:
    found = Scored(
        boxes(
            (0, 11, 10, 31, 30),  # right
            (0, 100, 100, 140, 160),  # an outfall where there is a plume: false
            (1, 101, 101, 141, 161),  # too unsure: the plume is missed
            (2, 200, 200, 260, 260),  # a house: not judged
            (3, 300, 300, 320, 320),  # too unsure to matter
        ),
        np.array([0.9, 0.5, 0.2, 0.9, 0.1]),
    )
    assert mistaken_places(TRUTH, found).tolist() == [[120, 130], [120, 130]]


def test_nothing_found_and_nothing_there() -> None:
    nothing = Scored(Boxes.empty(), np.empty(0))
    assert mistaken_places(Boxes.empty(), nothing).shape == (0, 2)
    assert mistaken_places(TRUTH, nothing).tolist() == [[20, 20], [120, 130]]
    found = Scored(boxes((3, 40, 40, 60, 60)), np.array([0.7]))
    assert mistaken_places(Boxes.empty(), found).tolist() == [[50, 50]]


@dataclass(frozen=True)
class OnePicture:
    name: str = "one"
    provenance: str = "made up"

    def samples(self, split: Split) -> Iterator[Sample]:
        picture = np.zeros((200, 400, 3), np.uint8)
        picture[100:160, 300:340] = 255
        yield Sample("one", picture, boxes((1, 300, 100, 340, 160)), (0.5, 0.5))


def test_windows_show_the_mistake_with_its_true_boxes() -> None:
    def blind(picture: Picture) -> Scored:
        return Scored(Boxes.empty(), np.empty(0))

    source = Mistakes(OnePicture(), blind, side_px=64)
    (piece,) = source.samples("train")
    assert piece.picture.shape == (64, 64, 3)
    assert piece.boxes.class_ids.tolist() == [1]
    x1, y1, x2, y2 = np.round(piece.boxes.corners_px[0]).astype(int)
    assert piece.picture[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1].min() > 200
    assert list(source.samples("val")) == []
