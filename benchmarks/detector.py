"""The shipped detector: AP50 on worlds and real places that training never saw.

Rendered frames come from the world of the given seed; the real ones are the Kampala columns and
the Jakarta site that the data set builder holds out (models/river-patrol-n/CARD.md).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.figures import Skipped
from geo.errors import PatrolError

if TYPE_CHECKING:
    from detection.training.evaluation import ClassScore
    from detection.training.samples import Sample

__all__ = ["false_alarms_per_photo", "jakarta_ap50", "kampala_ap50", "rendered_map50"]

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "models" / "river-patrol-n"
CLASSES_FILE = ROOT / "models" / "classes.json"
AREA = ROOT / "sample_footage" / "luogang"
_FIRST_UNSEEN_SEED = 100
_FRAMES = 120
_LAST_BRIGHTON_IN_TRAINING = "DJI_0023"
_TILE_PX = 640  # as wide as the detector's input


def _real() -> Path:
    folder = os.environ.get("RIVER_PATROL_DATA", "")
    if not folder or not Path(folder).is_dir():
        raise Skipped("RIVER_PATROL_DATA does not name the folder of real data")
    return Path(folder)


def _scores(samples: Iterable[Sample]) -> list[ClassScore]:
    """Scores of the OpenVINO export, printed and returned."""
    from detection.backends import ClassList, open_detector
    from detection.training.evaluation import evaluate, scored_by

    classes = ClassList.read(CLASSES_FILE)
    detector = open_detector(MODEL, classes)
    scores, _ = evaluate(
        scored_by(detector), samples, tuple(float(c) for c in classes.confidence)
    )  # fmt: skip
    for score in scores:
        print(
            f"{score.name:15} {score.objects:5} objects  AP50 {score.ap50:.3f}  at "
            f"{score.threshold:.2f}: precision {score.precision:.2f}, recall {score.recall:.2f}"
        )
    return scores


@lru_cache(maxsize=2)
def rendered_map50(seed: int) -> float:
    """Mean over classes of AP50 on frames of the world with this seed, %."""
    from detection.training.sources import YoloFolder

    if seed < _FIRST_UNSEEN_SEED:
        raise PatrolError(
            f"seed {seed}: worlds below {_FIRST_UNSEEN_SEED} are for training and validation; "
            f"give --seed {_FIRST_UNSEEN_SEED} or more"
        )
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "patrol.simulation.samples", "--area", str(AREA)]
        command += ["--seeds", str(seed), "--count", str(_FRAMES), "--out", scratch]
        command += ["--size", "1920x1080"]
        if subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0:
            raise PatrolError(f"rendering frames of world {seed} failed; see above")
        scores = _scores(YoloFolder(Path(scratch), val_share=0.0).samples("train"))
    return 100.0 * float(np.mean([score.ap50 for score in scores]))


def kampala_ap50(seed: int) -> float:
    """AP50 of structures on the held-out Kampala place at about 10 cm a pixel, %. `seed` is not
    used: nothing in it is drawn at random."""
    from detection.training.evaluation import resized, tiles
    from detection.training.sources import KampalaRoofs

    places = KampalaRoofs(_real() / "buildings_kampala").samples("val")
    scale = 0.0746 / 0.105  # zoom 21 at the equator, to what 1920 px of a patrol's video become
    return 100.0 * _scores(t for p in places for t in tiles(resized(p, scale), _TILE_PX))[0].ap50


def jakarta_ap50(seed: int) -> float:
    """AP50 of floating waste on the held-out Jakarta site, %; pictures 1280 px wide, in tiles.
    `seed` is not used."""
    from detection.training.evaluation import resized, tiles
    from detection.training.sources import JakartaPlastics

    pictures = JakartaPlastics(_real() / "floating_jakarta").samples("val")
    cut = (t for p in pictures for t in tiles(resized(p, 1280 / p.picture.shape[1]), _TILE_PX))
    return 100.0 * next(s.ap50 for s in _scores(cut) if s.name == "floating_waste")


def false_alarms_per_photo(seed: int) -> float:
    """Detections above the shipped thresholds in real drone photos that show no violation: the 12
    of photos_brighton that training did not see, though of the same park (structures are not
    counted: there is a kiosk). `seed` is not used."""
    from detection.backends import ClassList, open_detector
    from detection.training.sources import read_picture

    classes = ClassList.read(CLASSES_FILE)
    detector = open_detector(MODEL, classes)
    counts = np.zeros(len(classes.names), int)
    photos = sorted((_real() / "photos_brighton" / "images").glob("*.JPG"))
    photos = [photo for photo in photos if photo.stem > _LAST_BRIGHTON_IN_TRAINING]
    for photo in photos:
        found = detector.detect([read_picture(photo)])[0].at_least(classes.confidence)
        counts += np.bincount(found.class_id, minlength=len(counts))
    print(", ".join(f"{n} {name}" for n, name in zip(counts, classes.names, strict=True)))
    return float(counts.sum() - counts[classes.names.index("structure")]) / max(1, len(photos))
