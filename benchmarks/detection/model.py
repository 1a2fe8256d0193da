"""The shipped detector, and the pictures that the figures about it are measured on."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.figures import Skipped
from geo.errors import PatrolError

if TYPE_CHECKING:
    from detection.backends import ClassList, Detector
    from detection.evaluation.scoring import ClassScore
    from detection.training.samples import Sample, Split

__all__ = [
    "AREA",
    "MODEL",
    "ROOT",
    "floating_waste_pictures",
    "mean_ap50",
    "opened",
    "real_data",
    "roof_pictures",
    "scored",
    "world_frames",
]

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "river-patrol-n"
CLASSES_FILE = ROOT / "models" / "classes.json"
AREA = ROOT / "sample_footage" / "luogang"
_FIRST_UNSEEN_SEED = 100
_FRAMES = 120
_TILE_PX = 640  # as wide as the detector's input


def real_data() -> Path:
    """The folder of real data; raises Skipped where there is none."""
    folder = os.environ.get("RIVER_PATROL_DATA", "")
    if not folder or not Path(folder).is_dir():
        raise Skipped("RIVER_PATROL_DATA does not name the folder of real data")
    return Path(folder)


@lru_cache(maxsize=1)
def opened() -> tuple[Detector, ClassList]:
    """The shipped model's OpenVINO export, and the class list."""
    from detection.backends import ClassList, open_detector

    if importlib.util.find_spec("pycocotools") is None:
        raise Skipped("pycocotools is not installed; run `make train-setup`")
    classes = ClassList.read(CLASSES_FILE)
    return open_detector(MODEL, classes, "openvino"), classes


def scored(samples: Iterable[Sample]) -> list[ClassScore]:
    """Scores of the OpenVINO export, printed and returned."""
    from detection.evaluation.scoring import evaluate, scored_by

    detector, classes = opened()
    scores, _ = evaluate(
        scored_by(detector), samples, tuple(float(c) for c in classes.confidence)
    )  # fmt: skip
    for score in scores:
        print(
            f"{score.name:15} {score.objects:5} objects  AP50 {score.ap50:.3f}  at "
            f"{score.threshold:.2f}: precision {score.precision:.2f}, recall {score.recall:.2f}"
        )
    return scores


def world_frames(seed: int) -> Iterator[Sample]:
    """Labelled frames of the world with this seed, which training must not have seen."""
    from detection.training.sources import YoloFolder

    return YoloFolder(Path(_frames(seed).name), val_share=0.0).samples("train")


@lru_cache(maxsize=2)
def _frames(seed: int) -> tempfile.TemporaryDirectory[str]:
    """The frames in a folder that goes with the program."""
    if seed < _FIRST_UNSEEN_SEED:
        raise PatrolError(
            f"seed {seed}: worlds below {_FIRST_UNSEEN_SEED} are for training and validation; "
            f"give --seed {_FIRST_UNSEEN_SEED} or more"
        )
    scratch = tempfile.TemporaryDirectory(prefix="world-")
    command = [sys.executable, "-m", "patrol.simulation.samples", "--area", str(AREA)]
    command += ["--seeds", str(seed), "--count", str(_FRAMES), "--out", scratch.name]
    command += ["--size", "1920x1080"]
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0:
        raise PatrolError(f"rendering frames of world {seed} failed; see above")
    return scratch


def roof_pictures() -> Iterator[Sample]:
    """The held-out Kampala place in tiles, at about 10 cm a pixel."""
    from detection.evaluation.scoring import resized, tiles
    from detection.training.public_sets import KampalaRoofs

    places = KampalaRoofs(real_data() / "buildings_kampala").samples("val")
    scale = 0.0746 / 0.105  # zoom 21 at the equator, to what 1920 px of a patrol's video become
    return (tile for place in places for tile in tiles(resized(place, scale), _TILE_PX))


def floating_waste_pictures(split: Split = "val") -> Iterator[Sample]:
    """The Jakarta site that training did not see (or, as "test", any that is kept back), 1280 px
    wide, in tiles."""
    from detection.evaluation.scoring import resized, tiles
    from detection.training.public_sets import JakartaPlastics

    pictures = JakartaPlastics(real_data() / "floating_jakarta").samples(split)
    wide = (resized(picture, 1280 / picture.picture.shape[1]) for picture in pictures)
    return (tile for picture in wide for tile in tiles(picture, _TILE_PX))


def mean_ap50(scores: Iterable[ClassScore]) -> float:
    """Mean over the classes, %."""
    return 100.0 * float(np.mean([score.ap50 for score in scores]))
