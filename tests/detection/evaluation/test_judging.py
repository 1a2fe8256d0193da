"""From a labelled folder to every figure and the page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pycocotools", reason="pycocotools is not installed (extra 'train')")

from painted import NAMES, PaintFinder, write_set

from detection.calibration import Calibration, Curve
from detection.errors import TrainingError
from detection.evaluation.calibrating import outcomes, reliability
from detection.evaluation.confusion import confusion
from detection.evaluation.intervals import bootstrap
from detection.evaluation.judging import judge
from detection.evaluation.labelled import LabelledFolder
from detection.evaluation.page import Page, Street, write_page
from detection.evaluation.street import Patrolled, sweep, together
from detection.evaluation.summary import summarise
from detection.evaluation.worst import worst_false_alarms, worst_misses

THRESHOLDS = np.full(4, 0.4)
TRUE = [
    [(0, 10, 10, 20), (1, 80, 40, 30)],  # both found
    [(0, 50, 50, 18), (3, 100, 20, 12)],  # the second is not painted: a miss
    [],  # a patch of structure painted: a false alarm
    [(2, 20, 20, 40)],  # painted as a discharge
]
PAINTED = [TRUE[0], TRUE[1][:1], [(2, 60, 60, 24)], [(1, 20, 20, 40)]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        f"images/test/p{n:03d}.png": {"sha256": "", "group": "ab"[n % 2], "gsd_m": 0.1}
        for n in (0, 1)
    }
    return write_set(tmp_path / "set", TRUE, painted=PAINTED, files=files)


def judged(folder: Path, calibration: Calibration | None = None):  # type: ignore[no-untyped-def]
    kept = calibration or Calibration.identity(NAMES)
    return judge(PaintFinder(), LabelledFolder.open(folder), kept, long_side_px=160)


def test_figures_of_a_set_worked_out_by_hand(folder: Path) -> None:
    figures = summarise(judged(folder), NAMES, THRESHOLDS, resamples=50).as_json()
    by_class = figures["classes"]
    assert {n: by_class[n]["ap50"]["value"] for n in NAMES} == {
        "outfall": 1.0,
        "discharge": 0.5,  # a surer one is wrong
        "structure": 0.0,
        "floating_waste": 0.0,
    }
    assert (by_class["outfall"]["precision"], by_class["outfall"]["recall"]) == (1.0, 1.0)
    assert by_class["structure"]["false_alarms_per_picture"] == 0.25
    assert figures["confusion"]["rows_truth_columns_found"] == [
        [2, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 1, 0, 0],
    ]  # fmt: skip
    sizes = by_class["outfall"]["by_size_px"]
    assert {k: v["objects"] for k, v in sizes.items()} == {
        "<16 px": 0,
        "16–32 px": 2,
        "32–96 px": 0,
        ">96 px": 0,
    }
    metres = by_class["outfall"]["by_size_m"]  # 2.0 m and 1.8 m
    assert {k: v["objects"] for k, v in metres.items()} == {
        "<1 m": 0,
        "1–3 m": 2,
        "3–10 m": 0,
        ">10 m": 0,
    }
    json.dumps(figures, allow_nan=False)


def test_worst_misses_and_false_alarms(folder: Path) -> None:
    known = judged(folder)
    missed = worst_misses(known, THRESHOLDS)
    assert [(NAMES[m.class_id], m.picture.path.name, m.confidence) for m in missed] == [
        ("structure", "p003.png", 0.0), ("floating_waste", "p001.png", 0.0),
    ]  # fmt: skip
    false = worst_false_alarms(known, THRESHOLDS)
    assert [(NAMES[m.class_id], m.picture.path.name) for m in false] == [
        ("discharge", "p003.png"), ("structure", "p002.png"),
    ]  # fmt: skip
    assert worst_false_alarms(known, np.full(4, 0.99)) == []


def test_raw_confidence_is_what_the_calibration_was_given(folder: Path) -> None:
    halved = Calibration(NAMES, tuple(Curve("temperature", 2.0) for _ in NAMES))
    known = judged(folder, halved)  # as if 0.95 had been calibrated already
    raw, said = outcomes(known, raw=True), outcomes(known)
    assert halved.apply(raw.confidence, raw.class_id) == pytest.approx(said.confidence)
    again = known.recalibrated(Calibration.identity(NAMES))
    assert sorted(outcomes(again).confidence) == pytest.approx(sorted(raw.confidence))


def test_intervals_are_seeded_hold_the_value_and_need_two_groups(folder: Path) -> None:
    known = judged(folder)
    every = [row[0] for row in known.by_px]
    first, again = (bootstrap(every, known.groups, resamples=60, seed=4) for _ in range(2))
    assert first == again or str(first) == str(again)
    half = first.ap50[1]
    assert half.low <= half.value <= half.high
    assert np.isnan(bootstrap(every, np.zeros(4, np.int64), resamples=60).ap50[0].low)


def test_confusion_prefers_the_right_class() -> None:
    from detection.evaluation.boxes import Scored
    from detection.training.samples import Boxes

    truth = Boxes(np.array([0]), np.array([[0.0, 0, 10, 10]]))
    found = Boxes(np.array([1, 0]), np.array([[0.0, 0, 10, 10], [0, 0, 10, 8]]))
    table = confusion([(truth, Scored(found, np.array([0.9, 0.6])))], np.full(2, 0.5))
    assert table.tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_a_split_is_chosen_and_an_empty_one_refused(tmp_path: Path) -> None:
    write_set(tmp_path, TRUE, split="val")
    (tmp_path / "images/test").mkdir()
    assert LabelledFolder.open(tmp_path).split == "val"  # there is no picture in test
    with pytest.raises(TrainingError, match="images/test: no pictures"):
        LabelledFolder.open(tmp_path, "test")
    with pytest.raises(TrainingError, match=r"no split 'x'; it has test, val; name one"):
        LabelledFolder.open(tmp_path, "x")
    with pytest.raises(TrainingError, match="no folder 'images'"):
        LabelledFolder.open(tmp_path / "labels")


def test_groups_come_from_the_manifest_or_from_the_names(tmp_path: Path) -> None:
    files = {"images/test/p001.png": {"group": "flight 7", "gsd_m": "?"}}
    write_set(tmp_path, TRUE, files=files)
    groups = [one.group for one in LabelledFolder.open(tmp_path)]
    assert groups[1] == "flight 7"
    assert len(set(groups)) == 4
    for number in range(12):  # crops of twelve photos, two of each
        for crop in range(2):
            picture = tmp_path / "images/test" / f"photo{number}x-{crop}.png"
            picture.write_bytes((tmp_path / "images/test/p000.png").read_bytes())
    groups = [one.group for one in LabelledFolder.open(tmp_path)]
    assert len(set(groups)) == 12 + 1 + 3
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(TrainingError, match=r"manifest\.json: cannot be read"):
        list(LabelledFolder.open(tmp_path))


def test_the_page_stands_alone_and_escapes_what_it_is_given(folder: Path, tmp_path: Path) -> None:
    known = judged(folder)
    line = sweep([Patrolled(np.array([[1.0, np.inf]]), np.array([0.9, 0.5]))], 1.0)
    lines = dict.fromkeys(NAMES, line)
    page = Page(
        "<model>", "a & b", ("排污口", "污水排放", "建(构)筑物", "漂浮垃圾"),
        summarise(known, NAMES, THRESHOLDS, resamples=20),
        reliability(np.array([0.5]), np.array([True])), (),
        worst_misses(known, THRESHOLDS), worst_false_alarms(known, THRESHOLDS),
        Street(lines, together(lines), "one world"), ("a <note>",),
    )  # fmt: skip
    write_page(page, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "&lt;model&gt;" in text
    assert "<model>" not in text
    assert "a &amp; b" in text
    assert "排污口" in text
    assert text.count("data:image/jpeg;base64,") == 4
    assert text.count("<svg") == 5
    assert "<script" not in text
    ids = re.findall(r'\bid="([^"]+)"', text)
    for target in re.findall(r'href="#([^"]+)"', text):
        assert target in ids
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)
    empty = Page("m", "", page.names_zh)
    write_page(empty, tmp_path / "empty.html")
    assert "检测模型评估" in (tmp_path / "empty.html").read_text(encoding="utf-8")
