"""Reviewers' verdicts made into pictures: what is labelled, what is grey, what is a negative."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_sets import all_bytes, scene, write_scene

from detection.errors import TrainingError
from detection.training.reviews.patrols import find_patrols
from detection.training.reviews.review_set import build_review_set, window_about
from detection.training.reviews.verdicts import read_verdicts
from detection.training.samples import CLASSES, PAD_VALUE
from detection.training.sets.checks import check_dataset
from detection.training.sets.splits import Shares
from detection.training.sources import YoloFolder

WIDTH, HEIGHT = 1280, 720
Box = tuple[float, float, float, float]


def sighting(
    number: int, box: Box, *, frame: int | None = None, class_name: str = "outfall", north: int = 0
) -> dict[str, Any]:
    """A sighting `north` times 100 m up the river, its best view in picture `frame`."""
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [113.4, 23.1 + 0.001 * (north or number)]},
        "properties": {
            "id": f"S{number:04d}", "class": class_name,
            "best_frame": {"video": "flight.mp4", "frame_index": number if frame is None else frame,
                           "time_s": 1.0, "box_px": list(box)},
        },
    }  # fmt: skip


def patrol(root: Path, sightings: list[dict[str, Any]], *, name: str = "20260714-ab") -> Path:
    """An analysed patrol; each picture is a scene of its own with its boxes in plain colours."""
    of_frame: dict[int, list[Box]] = {}
    for one in sightings:
        best = one["properties"]["best_frame"]
        of_frame.setdefault(best["frame_index"], []).append(best["box_px"])
    for one in sightings:
        properties = one["properties"]
        if properties["class"] == "structure":
            continue
        frame = properties["best_frame"]["frame_index"]
        picture = scene(frame, WIDTH, HEIGHT)
        for x1, y1, x2, y2 in of_frame[frame]:
            picture[round(y1) : round(y2), round(x1) : round(x2)] = (20, 240, 20)
        write_scene(root / "evidence" / f"{properties['id']}_frame.jpg", picture)
    document = {"type": "FeatureCollection", "patrol": name, "features": sightings}
    root.mkdir(parents=True, exist_ok=True)
    (root / "sightings.geojson").write_text(json.dumps(document))
    return root


def verdicts(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def labels_of(out: Path, sighting_id: str) -> list[tuple[str, list[float]]]:
    """Class and box in window pixels of the picture about a sighting."""
    (label,) = (out / "labels").rglob(f"*{sighting_id}.txt")
    picture = picture_of(out, sighting_id)
    size = np.array([picture.shape[1], picture.shape[0]] * 2)
    found = []
    for line in label.read_text().splitlines():
        index, x, y, w, h = map(float, line.split())
        corners = np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2]) * size
        found.append((CLASSES[int(index)], np.round(corners).tolist()))
    return found


def picture_of(out: Path, sighting_id: str) -> np.ndarray:
    (path,) = (out / "images").rglob(f"*{sighting_id}.jpg")
    return cv2.imread(str(path))


def test_verdicts_become_boxes_windows_and_negatives(tmp_path: Path) -> None:
    boxes = dict.fromkeys(range(1, 6), (600.0, 300.0, 660.0, 340.0))
    root = patrol(tmp_path / "patrol", [sighting(n, box) for n, box in boxes.items()])
    lines = verdicts(
        tmp_path / "v.jsonl",
        {"sighting": "S0001", "verdict": "confirmed", "by": "li"},
        {"sighting": "S0002", "verdict": "confirmed", "box_px": [590, 290, 680, 350]},
        {"sighting": "S0003", "verdict": "rejected", "reason": "class", "class": "structure"},
        {"sighting": "S0004", "verdict": "rejected", "reason": "shadow", "note": "树影"},
        {"sighting": "S0005", "verdict": "rejected", "reason": "permitted"},
    )
    out = tmp_path / "out"
    summary = build_review_set(
        read_verdicts(lines), find_patrols(root), out, shares=Shares(0.0, 0.0)
    )
    assert summary.pictures == {"train": 5}
    left, top = window_about(np.array(boxes[1]), WIDTH, HEIGHT).left_px, 0
    window = window_about(np.array(boxes[1]), WIDTH, HEIGHT)
    left, top = window.left_px, window.top_px
    place = [600 - left, 300 - top, 660 - left, 340 - top]
    assert labels_of(out, "S0001") == [("outfall", place)]
    assert labels_of(out, "S0003") == [("structure", place)]
    assert labels_of(out, "S0004") == []
    assert labels_of(out, "S0005") == [("outfall", place)]  # it is one, whatever its permit
    # Redrawn: the window is about the new box.
    window = window_about(np.array([590.0, 290, 680, 350]), WIDTH, HEIGHT)
    assert labels_of(out, "S0002")[0][1][2] == 680 - window.left_px
    negatives = list((out / "negatives").iterdir())
    assert [p.name for p in negatives] == ["20260714-ab-S0004.jpg"]
    crop = cv2.imread(str(negatives[0]))
    assert crop.shape == (60, 90, 3)
    assert np.abs(crop[15:45, 20:70].astype(int) - (20, 240, 20)).mean() < 12
    manifest = json.loads((out / "manifest.json").read_text())
    about = manifest["files"]["negatives/20260714-ab-S0004.jpg"]
    assert (about["reason"], about["taken_for"]) == ("shadow", "outfall")
    assert manifest["files"]["images/train/20260714-ab-S0001.jpg"]["frame_width_px"] == WIDTH
    assert not check_dataset(out).faults
    # The detector sees a frame 640 px wide, and this window of it no larger than that.
    (sample, *_) = YoloFolder(out, jitter=(1.0, 1.0)).samples("train")
    assert sample.scales == (0.5, 0.5)


def test_what_nobody_judged_is_grey_and_what_somebody_judged_is_not(tmp_path: Path) -> None:
    places = {1: 400.0, 2: 500.0, 3: 600.0, 4: 700.0, 5: 800.0}
    rows = [sighting(n, (x, 300, x + 50, 350), frame=7, north=1) for n, x in places.items()]
    root = patrol(tmp_path / "patrol", rows)
    lines = verdicts(
        tmp_path / "v.jsonl",
        {"sighting": "S0001", "verdict": "rejected", "reason": "boat"},
        {"sighting": "S0002", "verdict": "confirmed"},
        {"sighting": "S0003", "verdict": "unclear"},
        # S0004: nobody has looked at it
        {"sighting": "S0005", "verdict": "confirmed",
         "others": [{"class": "floating_waste", "box_px": [700, 400, 750, 430]}]},
    )  # fmt: skip
    out = tmp_path / "out"
    seen = np.array([[450.0, 500.0, 480.0, 520.0], [505.0, 305.0, 552.0, 352.0]])
    summary = build_review_set(
        read_verdicts(lines), find_patrols(root), out,
        other_boxes=lambda picture: seen, shares=Shares(0.0, 0.0),
    )  # fmt: skip
    assert summary.notes == ("1 unclear verdicts give no picture",)
    window = window_about(np.array([500.0, 300, 550, 350]), WIDTH, HEIGHT)
    picture = picture_of(out, "S0002")

    def is_grey(x: int, y: int) -> bool:
        at = picture[round(y - window.top_px), round(x - window.left_px)].astype(int)
        return bool(np.abs(at - PAD_VALUE).max() < 12)

    assert is_grey(625, 325)  # unclear
    assert is_grey(725, 325)  # not looked at
    assert is_grey(465, 510)  # what a model sees besides
    assert not is_grey(525, 325)  # confirmed, though the model sees it too
    assert not is_grey(425, 325)  # rejected: known to be nothing
    names = [name for name, _ in labels_of(out, "S0002")]
    assert sorted(names) == ["floating_waste", "outfall", "outfall"]


def test_a_complete_picture_is_left_as_it_is(tmp_path: Path) -> None:
    rows = [
        sighting(n, (x, 300, x + 50, 350), frame=7, north=1) for n, x in ((1, 400.0), (2, 600.0))
    ]
    root = patrol(tmp_path / "patrol", rows)
    lines = verdicts(
        tmp_path / "v.jsonl", {"sighting": "S0001", "verdict": "confirmed", "complete": True}
    )
    out = tmp_path / "out"
    build_review_set(read_verdicts(lines), find_patrols(root), out, shares=Shares(0.0, 0.0))
    window = window_about(np.array([400.0, 300, 450, 350]), WIDTH, HEIGHT)
    at = picture_of(out, "S0001")[round(325 - window.top_px), round(625 - window.left_px)]
    assert np.abs(at.astype(int) - (20, 240, 20)).max() < 25


def test_a_place_lies_on_one_side_whoever_flew_there(tmp_path: Path) -> None:
    rows = [sighting(n, (600, 300, 660, 340)) for n in range(1, 21)]
    for day in ("0714", "0721"):
        patrol(tmp_path / "patrols" / day, rows, name=f"2026{day}-ab")
    lines = verdicts(
        tmp_path / "v.jsonl",
        *(
            {"patrol": f"2026{day}-ab", "sighting": f"S{n:04d}", "verdict": "confirmed"}
            for day in ("0714", "0721")
            for n in range(1, 21)
        ),
    )
    found = find_patrols(tmp_path / "patrols")
    summary = build_review_set(
        read_verdicts(lines), found, tmp_path / "out", shares=Shares(0.2, 0.0), seed=3
    )  # fmt: skip
    assert summary.pictures == {"train": 32, "val": 8}
    for n in range(1, 21):
        parts = {p.parent.name for p in (tmp_path / "out" / "images").rglob(f"*S{n:04d}.jpg")}
        assert len(parts) == 1
    again = build_review_set(
        read_verdicts(lines), found, tmp_path / "again", shares=Shares(0.2, 0.0), seed=3
    )
    assert all_bytes(again.folder) == all_bytes(tmp_path / "out")


def test_structures_need_the_footage(tmp_path: Path) -> None:
    root = patrol(tmp_path / "patrol", [
        sighting(1, (600, 300, 660, 340)),
        sighting(2, (600, 300, 760, 440), class_name="structure"),
    ])  # fmt: skip
    lines = verdicts(
        tmp_path / "v.jsonl",
        {"sighting": "S0001", "verdict": "confirmed"},
        {"sighting": "S0002", "verdict": "confirmed"},
    )
    read, patrols = read_verdicts(lines), find_patrols(root)
    summary = build_review_set(read, patrols, tmp_path / "out", shares=Shares(0.0, 0.0))
    assert summary.pictures == {"train": 1}
    assert "1 verdicts were left out" in summary.notes[0]
    document = json.loads((root / "sightings.geojson").read_text())
    document["features"][1]["properties"]["best_frame"]["video"] = "photos/DJI_0002.png"
    (root / "sightings.geojson").write_text(json.dumps(document))
    write_scene(tmp_path / "card" / "photos" / "DJI_0002.png", scene(2, WIDTH, HEIGHT))
    summary = build_review_set(
        read, find_patrols(root), tmp_path / "out", footage=[tmp_path / "card"],
        shares=Shares(0.0, 0.0),
    )  # fmt: skip
    assert summary.objects == {"train": {"outfall": 1, "structure": 1}}


def test_the_last_verdict_counts(tmp_path: Path) -> None:
    path = verdicts(
        tmp_path / "v.jsonl",
        {"sighting": "S1", "verdict": "confirmed"},
        {"sighting": "S1", "verdict": "rejected", "reason": "boat"},
        {"patrol": "p", "sighting": "S1", "verdict": "unclear"},
    )
    assert [(v.patrol, v.judgement) for v in read_verdicts(path)] == [
        (None, "not_there"), ("p", "unclear"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1: "),
        ("[]", "expected a JSON object"),
        ('{"verdict": "confirmed"}', "sighting must be a text"),
        ('{"sighting": "S1"}', "field 'verdict' missing"),
        ('{"sighting": "S1", "verdict": "yes"}', "expected confirmed, rejected or unclear"),
        ('{"sighting": "S1", "verdict": "rejected"}', "reason None is not one of nothing, shadow"),
        ('{"sighting": "S1", "verdict": "rejected", "reason": "class"}', "say in field 'class'"),
        ('{"sighting": "S1", "verdict": "confirmed", "class": "boat"}', "is not one of outfall"),
        ('{"sighting": "S1", "verdict": "confirmed", "box_px": [9, 0, 1, 5]}', "x1 < x2"),
        ('{"sighting": "S1", "verdict": "confirmed", "box_px": [0, 0, NaN, 5]}', "four numbers"),
        ('{"sighting": "S1", "verdict": "confirmed", "box": 1}', "unknown field 'box'"),
        ('{"sighting": "S1", "verdict": "confirmed", "others": [{"class": "outfall"}]}', "box_px"),
    ],
)
def test_a_wrong_verdict_names_its_line(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "v.jsonl").write_text(line + "\n")
    with pytest.raises(TrainingError) as caught:
        read_verdicts(tmp_path / "v.jsonl")
    assert f"{tmp_path / 'v.jsonl'}, line 1: " in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["sighting", "verdict", "class", "reason", "box_px", "others", "patrol"]),
        inner | st.sampled_from(["S1", "confirmed", "rejected", "shadow", "outfall"]),
    ),
    max_leaves=12,
))  # fmt: skip
def test_any_json_costs_at_most_one_error(document: object) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "v.jsonl"
        path.write_text(json.dumps(document) + "\n", encoding="utf-8")
        try:
            read_verdicts(path)
        except TrainingError as error:
            assert "\n" not in str(error)


def test_verdicts_on_what_is_not_there(tmp_path: Path) -> None:
    root = patrol(tmp_path / "patrol", [sighting(1, (600, 300, 660, 340))])
    patrols = find_patrols(root)
    for line, message in (
        ({"sighting": "S0009", "verdict": "confirmed"}, "found none among 20260714-ab"),
        ({"patrol": "x", "sighting": "S0001", "verdict": "confirmed"}, "found none"),
        (
            {"sighting": "S0001", "verdict": "confirmed", "box_px": [2000, 1, 2010, 9]},
            "lies outside of the picture of S0001, 1280 x 720 px",
        ),
        ({"sighting": "S0001", "verdict": "unclear"}, "no training pictures come of these"),
    ):
        path = verdicts(tmp_path / "v.jsonl", line)
        with pytest.raises(TrainingError, match=message):
            build_review_set(read_verdicts(path), patrols, tmp_path / "out")
        assert not (tmp_path / "out").exists()
    with pytest.raises(TrainingError, match=r"no sightings\.geojson in it"):
        find_patrols(tmp_path / "nowhere")
    (root / "sightings.geojson").write_text('{"features": [{}]}')
    with pytest.raises(TrainingError, match="not the sightings of a patrol"):
        find_patrols(root)
