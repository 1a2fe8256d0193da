"""A hundred verdicts of reviewers make a model better where they were given, and little worse
elsewhere. Films the virtual river and trains: minutes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from detection.backends import ClassList, open_detector
from detection.evaluation.boxes import overlaps
from detection.evaluation.scoring import evaluate, scored_by
from detection.training.dataset import Part, build_dataset
from detection.training.listing import listed, write_listing
from detection.training.reviews.patrols import find_patrols
from detection.training.reviews.review_set import build_review_set
from detection.training.reviews.verdicts import read_verdicts
from detection.training.samples import CLASSES, Picture, Sample
from detection.training.sets.splits import Shares
from detection.training.settings import TrainingSettings
from detection.training.sources import YoloFolder
from detection.training.ultralytics_setup import training_missing

ROOT = Path(__file__).resolve().parents[3]
MODEL = ROOT / "models" / "river-patrol-n"
AREA = ROOT / "sample_footage" / "luogang"
VERDICTS = 100

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # torch's and ultralytics' own
    pytest.mark.skipif(training_missing() is not None, reason=training_missing() or "installed"),
]


def filmed(out: Path, seeds: str, count: int) -> list[Sample]:
    command = [sys.executable, "-m", "patrol.simulation.samples", "--area", str(AREA)]
    command += ["--seeds", seeds, "--count", str(count), "--out", str(out)]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return list(YoloFolder(out, val_share=0.0).samples("train"))


def strange(picture: Picture) -> Picture:
    """Another river under another camera: red water and earth, flat contrast, a soft lens."""
    turned = picture[..., [2, 0, 1]].astype(np.float32)
    soft = cv2.GaussianBlur(turned, (0, 0), 1.6)
    return np.clip(70 + 0.5 * soft, 0, 255).astype(np.uint8)


def ap50(weights: Path, samples: list[Sample], look: Any) -> float:
    """Mean AP50 over the classes that occur."""
    detector = open_detector(weights, ClassList.read(ROOT / "models/classes.json"), "ultralytics")
    seen = [Sample(s.name, look(s.picture), s.boxes) for s in samples]
    scores, _ = evaluate(scored_by(detector), seen)
    return float(np.mean([score.ap50 for score in scores]))


def reviewed(samples: list[Sample], folder: Path) -> Path:
    """A patrol's folder and what a reviewer said of its findings: the model's boxes, surest first,
    and things that it missed and the reviewer drew."""
    detector = open_detector(
        MODEL / "best.pt", ClassList.read(ROOT / "models/classes.json"), "ultralytics"
    )
    features: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []

    def add(number: int, picture: Picture, class_id: int, box: Any, line: dict[str, Any]) -> None:
        name = f"S{len(features):04d}"
        path = folder / "patrol" / "evidence" / f"{name}_frame.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), picture)
        best = {"video": "flight.mp4", "frame_index": number, "time_s": 1.0}
        features.append(
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [113.4, 23.1 + 0.001 * number]},
                "properties": {
                    "id": name, "class": CLASSES[class_id],
                    "best_frame": {**best, "box_px": [float(x) for x in box]},
                },
            }
        )  # fmt: skip
        lines.append({"sighting": name, **line})

    for number, sample in enumerate(samples):
        picture = strange(sample.picture)
        [found] = detector.detect([picture])
        truth = sample.boxes
        same = found.class_id[:, None] == truth.class_ids[None, :]
        table = overlaps(found.box_px, truth.corners_px) * same
        others = [
            {"class": CLASSES[c], "box_px": [float(x) for x in b]}
            for c, b in zip(truth.class_ids, truth.corners_px, strict=True)
        ]
        for i in np.flatnonzero(found.confidence >= 0.15)[:2]:
            hit = int(np.argmax(table[i])) if len(truth) else -1
            if hit >= 0 and table[i, hit] >= 0.4:
                drawn = [float(x) for x in truth.corners_px[hit]]
                line = {"verdict": "confirmed", "box_px": drawn,
                        "others": [o for n, o in enumerate(others) if n != hit]}  # fmt: skip
            else:
                line = {"verdict": "rejected", "reason": "other", "others": others}
            add(number, picture, int(found.class_id[i]), found.box_px[i], line)
        missed = np.flatnonzero(table.max(axis=0, initial=0.0) < 0.4)
        for j in missed[:2]:
            line = {"verdict": "confirmed", "others": [o for n, o in enumerate(others) if n != j]}
            add(number, picture, int(truth.class_ids[j]), truth.corners_px[j], line)
    chosen = np.linspace(0, len(lines) - 1, VERDICTS).astype(int)
    assert len(set(chosen)) == VERDICTS
    patrol = folder / "patrol"
    patrol.joinpath("sightings.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "patrol": "new-world", "features": features})
    )
    listing = folder / "verdicts.jsonl"
    listing.write_text("".join(json.dumps(lines[i]) + "\n" for i in chosen))
    return listing


def test_a_hundred_verdicts_of_a_new_world(tmp_path: Path) -> None:
    from detection.training.run import keep_weights, train

    known = filmed(tmp_path / "known", "301-304", 120)
    new = filmed(tmp_path / "new", "311-313", 75)
    held_new, held_known = (
        filmed(tmp_path / "held-new", "321-322", 40), filmed(tmp_path / "held-known", "331", 30)
    )  # fmt: skip
    before = ap50(MODEL, held_new, strange), ap50(MODEL, held_known, lambda p: p)

    verdicts = reviewed(new, tmp_path)
    build_review_set(
        read_verdicts(verdicts), find_patrols(tmp_path / "patrol"), tmp_path / "reviews",
        shares=Shares(0.15, 0.0),
    )  # fmt: skip
    parts = [
        Part(YoloFolder(tmp_path / "reviews", name="reviews"), 2, 1),
        Part(YoloFolder(tmp_path / "known", name="known"), 1, 1),
    ]
    assert len(known) == 120
    made = build_dataset(parts, tmp_path / "set", seed=1, side_px=416)
    settings = TrainingSettings(
        epochs=5, side_px=416, seed=1, learning_rate=0.0006, patience=10, threads=2
    )
    listing = write_listing([listed(made.folder)], tmp_path)
    result = train(listing, tmp_path / "run", settings, weights=MODEL / "best.pt")
    keep_weights(result.best, tmp_path / "model" / "best.pt")

    after = (
        ap50(tmp_path / "model", held_new, strange), ap50(tmp_path / "model", held_known, lambda p: p)
    )  # fmt: skip
    print(
        f"AP50 new world {before[0]:.3f} -> {after[0]:.3f}, known {before[1]:.3f} -> {after[1]:.3f}"
    )
    assert after[0] > before[0] + 0.05, "better in the new world"
    assert after[1] > before[1] - 0.05, "not much worse elsewhere"
