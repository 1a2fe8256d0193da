"""What the street cares about: recall at one false alert a kilometre, on five whole patrols.

One run serves the four figures. The patrols are kept under .cache/ without their films, named
after the state of what they depend on.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING

from benchmarks.chain import state
from benchmarks.detection.model import AREA, ROOT, opened

if TYPE_CHECKING:
    from api.patrol_recall import PatrolRecall

__all__ = ["discharge", "floating_waste", "outfall", "structure"]

_WORLDS = 5
_STEP = 1000  # from a world's seed to the next one's


@lru_cache(maxsize=2)
def _recall(seed: int) -> PatrolRecall:
    from api.patrol_recall import patrol_in_world, recall_on_patrols

    detector, classes = opened()
    folders = []
    for world in range(seed, seed + _WORLDS * _STEP, _STEP):
        folder = ROOT / ".cache" / f"patrol-{state()}-{world}"
        if not (folder / "cases.json").exists():
            patrol_in_world(
                folder, AREA, world, detector, classes, keep_footage=False,
                note=lambda line: print(line, file=sys.stderr, flush=True),
            )  # fmt: skip
        folders.append(folder)
    recall = recall_on_patrols(folders, AREA, classes.names)
    for name, sure in zip(classes.names, classes.sighting_confidence.tolist(), strict=True):
        line = recall.by_class[name]
        shipped = line.at(sure)
        rates = ", ".join(f"{line.at_rate(r).recall:.3f} at {r:g}/km" for r in (1.0, 2.0, 5.0))
        print(
            f"{name:15} {line.planted:4} planted in {line.river_km:.0f} km: recall {rates}; at the "
            f"shipped threshold {sure:g}: {shipped.recall:.3f} at {shipped.false_per_km:.2f}/km"
        )
    return recall


def _share(seed: int, name: str) -> float:
    return 100.0 * _recall(seed).by_class[name].at_rate(1.0).recall


def outfall(seed: int) -> float:
    """Outfalls found at one false alert a kilometre, %."""
    return _share(seed, "outfall")


def discharge(seed: int) -> float:
    """Discharges found at one false alert a kilometre, %."""
    return _share(seed, "discharge")


def structure(seed: int) -> float:
    """Unpermitted structures found at one false alert a kilometre, %."""
    return _share(seed, "structure")


def floating_waste(seed: int) -> float:
    """Floating waste found at one false alert a kilometre, %."""
    return _share(seed, "floating_waste")
