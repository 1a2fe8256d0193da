from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detection.backends import Running
from detection.backends.tiles import TiledDetector, merge, windows
from detection.detections import Detections

SIZE = (2160, 3840)
TILES = windows(*SIZE, 1280)
sizes = st.tuples(st.integers(1, 5000), st.integers(1, 5000))


def detections(rows: Sequence[tuple[float, ...]]) -> Detections:
    """Rows of x1, y1, x2, y2, confidence, class."""
    table = np.array(rows, float).reshape(-1, 6)
    order = np.argsort(-table[:, 4], kind="stable")
    table = table[order]
    return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


def seen_in_part(
    objects: Sequence[tuple[float, ...]], tiles: NDArray[np.int64] = TILES, least_px: float = 4
) -> list[Detections]:
    """What a detector without error sees of objects in each tile: the part that is in it."""
    found = []
    for x1, y1, x2, y2 in tiles.tolist():
        rows = []
        for ox1, oy1, ox2, oy2, confidence, class_id in objects:
            box = (max(x1, ox1), max(y1, oy1), min(x2, ox2), min(y2, oy2))
            if min(box[2] - box[0], box[3] - box[1]) >= least_px:
                rows.append(
                    (box[0] - x1, box[1] - y1, box[2] - x1, box[3] - y1, confidence, class_id)
                )
        found.append(detections(rows))
    return found


def as_rows(found: Detections) -> list[tuple[float, ...]]:
    table = np.column_stack([found.box_px, found.confidence, found.class_id])
    return sorted(tuple(row) for row in table.tolist())


@given(sizes, st.integers(2, 1500), st.floats(0, 0.9))
def test_tiles_cover_the_picture_and_overlap_by_what_is_asked(
    size: tuple[int, int], side: int, overlap: float
) -> None:
    height, width = size
    if (height / side) * (width / side) / (1 - overlap) ** 2 > 2000:
        return
    tiles = windows(height, width, side, overlap)
    assert (tiles[:, :2] >= 0).all()
    assert (tiles[:, 2:] <= [width, height]).all()
    for axis, length in ((0, width), (1, height)):
        spans = np.unique(tiles[:, [axis, axis + 2]], axis=0)
        assert (spans[:, 1] - spans[:, 0] == min(side, length)).all()
        assert spans[0, 0] == 0
        assert spans[-1, 1] == length
        common = spans[:-1, 1] - spans[1:, 0]
        assert (common >= min(side - 1, round(side * overlap)) - 1).all()  # rounding


def test_a_4k_frame_takes_eight_tiles() -> None:
    assert len(TILES) == 8
    assert TILES[0].tolist() == [0, 0, 1280, 1280]
    assert TILES[-1].tolist() == [2560, 880, 3840, 2160]


@st.composite
def apart(draw: st.DrawFn) -> list[tuple[float, ...]]:
    """Objects that do not touch, of any size up to two tiles, one in each cell of a grid."""
    columns, rows = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    wide, high = SIZE[1] / columns, SIZE[0] / rows
    objects = []
    for row in range(rows):
        for column in range(columns):
            if not draw(st.booleans()):
                continue
            width = draw(st.integers(16, int(wide) - 12))
            height = draw(st.integers(16, int(high) - 12))
            x = round(column * wide) + draw(st.integers(4, int(wide) - width - 6))
            y = round(row * high) + draw(st.integers(4, int(high) - height - 6))
            confidence = draw(st.integers(5, 99)) / 100
            objects.append((x, y, x + width, y + height, confidence, draw(st.integers(0, 3))))
    return objects


@given(apart())
def test_each_planted_thing_comes_out_once_and_whole(objects: list[tuple[float, ...]]) -> None:
    found = merge(seen_in_part(objects), TILES, SIZE)
    assert as_rows(found) == sorted(tuple(map(float, row)) for row in objects)
    assert (np.diff(found.confidence) <= 0).all()


boxes = st.lists(
    st.tuples(
        st.integers(0, 1200), st.integers(0, 1200), st.integers(1, 1280), st.integers(1, 1280),
        st.integers(1, 20), st.integers(0, 1),
    ),
    max_size=6,
)  # fmt: skip


@given(
    st.lists(boxes, min_size=len(TILES), max_size=len(TILES)), st.permutations(range(len(TILES)))
)
def test_the_order_of_tiles_and_boxes_changes_nothing(
    rows: list[list[tuple[int, ...]]], order: list[int]
) -> None:
    seen = [
        detections(
            [(x, y, min(1280, x + w), min(1280, y + h), c / 20, k) for x, y, w, h, c, k in tile]
        )
        for tile in rows
    ]
    one = merge(seen, TILES, SIZE)
    other = merge(
        [
            Detections(s.box_px[::-1], s.confidence[::-1], s.class_id[::-1])
            for s in (seen[i] for i in order)
        ],
        TILES[order],
        SIZE,
    )
    assert one.box_px.tobytes() == other.box_px.tobytes()
    assert one.confidence.tobytes() == other.confidence.tobytes()
    assert one.class_id.tobytes() == other.class_id.tobytes()
    # Nothing is made up: a box that no edge cuts is one of those that went in.
    known = {
        (*(box + np.tile(tile[:2], 2)).tolist(), float(c), int(k))
        for s, tile in zip(seen, TILES, strict=True)
        for box, c, k in zip(s.box_px, s.confidence, s.class_id, strict=True)
    }
    assert {row[4:] for row in as_rows(one)} <= {row[4:] for row in known}
    assert len(one) <= sum(map(len, seen))


@given(boxes)
def test_what_one_tile_alone_sees_stays_as_it_is(rows: list[tuple[int, ...]]) -> None:
    inside = [
        (20 + x * 0.5, 20 + y * 0.4, 20 + x * 0.5 + w * 0.2, 20 + y * 0.4 + h * 0.2, c / 20, k)
        for x, y, w, h, c, k in rows
    ]  # all within 0..880, which no other tile of the first row sees below 853
    inside = [row for row in inside if row[2] < 850 and row[3] < 870]
    found = merge([detections(inside)] + [Detections.empty()] * 7, TILES, SIZE)
    assert as_rows(found) == sorted(tuple(map(float, row)) for row in inside)


def test_a_cut_box_gives_way_to_a_whole_one_of_its_class_only() -> None:
    tiles = np.array([[0, 0, 100, 100], [80, 0, 180, 100]])
    seen = [
        detections([(85, 10, 100, 30, 0.9, 0), (85, 10, 100, 30, 0.4, 1)]),
        detections([(4, 10, 30, 30, 0.5, 0)]),
    ]
    assert as_rows(merge(seen, tiles, (100, 180))) == [
        (84, 10, 110, 30, 0.5, 0), (85, 10, 100, 30, 0.4, 1),
    ]  # fmt: skip


def test_halves_of_something_longer_than_a_tile_are_joined() -> None:
    tiles = windows(100, 260, 100)
    assert len(tiles) == 3
    [row] = as_rows(merge(seen_in_part([(10, 40, 250, 60, 0.7, 2)], tiles), tiles, (100, 260)))
    assert row == (10, 40, 250, 60, 0.7, 2)


def test_nothing_seen_is_nothing() -> None:
    assert len(merge([Detections.empty()] * 8, TILES, SIZE)) == 0


class Bright:
    """Finds the box around what is bright; notes the sizes that it was shown."""

    path = Path("bright")
    running = Running("made", "FP32", "CPU")

    def __init__(self) -> None:
        self.shown: list[tuple[int, ...]] = []

    def detect(
        self, images: Sequence[NDArray[np.uint8]], long_side_px: int = 640
    ) -> list[Detections]:
        found = []
        for image in images:
            self.shown.append((*image.shape[:2], long_side_px))
            y, x = np.nonzero(image[:, :, 0])
            rows = [(x.min(), y.min(), x.max() + 1, y.max() + 1, 0.9, 1)] if len(x) else []
            found.append(detections(rows))
        return found


@pytest.mark.parametrize(("long_side_px", "pieces"), [(640, 1), (1920, 8)])
def test_a_large_picture_is_seen_in_tiles_at_the_scale_asked_for(
    long_side_px: int, pieces: int
) -> None:
    picture = np.zeros((2160, 3840, 3), np.uint8)
    picture[1000:1400, 1200:2700] = 255
    inner = Bright()
    tiled = TiledDetector(inner)
    [found] = tiled.detect([picture], long_side_px)
    assert as_rows(found) == [(1200, 1000, 2700, 1400, 0.9, 1)]
    assert len(inner.shown) == pieces
    assert {shown[2] for shown in inner.shown} == {640}
    assert tiled.path == inner.path
    assert tiled.running == inner.running
