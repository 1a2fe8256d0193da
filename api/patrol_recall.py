"""Whole simulated patrols in worlds of given seeds, and what each threshold finds on them.

Every world is planned, flown, filmed, analysed and made into cases by the same commands that a
person types; only the thresholds of sightings are taken away, so that all of them can be tried
on the result.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from api.truth import against_truth
from detection.analysis import Settings, analyze
from detection.backends import ClassList, Detector
from detection.evaluation.street import Patrolled, Sweep, sweep, together
from detection.merging import Confirmation
from detection.telemetry.clock import declared_zone
from geo.errors import PatrolError
from geo.files import write_text

__all__ = ["PatrolRecall", "patrol_in_world", "read_patrol", "recall_on_patrols"]

_ALL = 1e-6  # a threshold that keeps every sighting
_ZONE = "Asia/Shanghai"

Note = Callable[[str], None]
Advance = Callable[[float, float | None], None]


@dataclass(frozen=True, slots=True, eq=False)
class PatrolRecall:
    """A sweep of the threshold for each class, and with one threshold for all."""

    by_class: dict[str, Sweep]
    together: Sweep

    def as_json(self) -> dict[str, Any]:
        rows = {name: one.as_json() for name, one in self.by_class.items()}
        return {"classes": rows, "all_with_one_threshold": self.together.as_json()}


def patrol_in_world(
    folder: Path,
    area: Path,
    seed: int,
    detector: Detector,
    classes: ClassList,
    *,
    note: Note,
    advance: Advance | None = None,
    keep_footage: bool = True,
) -> Path:
    """A patrol of the world with this seed, in `folder`; a world that was filmed there before is
    only analysed again. `patrol fly` takes the seed too: wind and position errors differ.

    Raises PatrolError where a stage fails.
    """
    filmed = folder / "filmed.json"
    wanted = {"seed": seed, "area": area.name}
    if not _holds(filmed, wanted):
        shutil.rmtree(folder, ignore_errors=True)
        _stage(note, "plan", area, "--out", folder, "--speed", "8")
        _stage(note, "fly", folder, "--seed", str(seed))
        _stage(note, "film", folder, "--area", area, "--seed", str(seed))
        write_text(filmed, json.dumps(wanted) + "\n")
    every = replace(classes, sighting_confidence=np.full(len(classes.names), _ALL))
    analyze(
        [folder], folder, detector, every, zone=declared_zone(_ZONE), settings=Settings(),
        advance=advance, note=note,
    )  # fmt: skip
    for name in ("cases.json", "river-patrol.db"):
        (folder / name).unlink(missing_ok=True)
    _stage(note, "open-cases", folder, "--area", area)
    if not keep_footage:
        shutil.rmtree(folder / "footage", ignore_errors=True)
        filmed.unlink(missing_ok=True)
    return folder


def _holds(path: Path, wanted: dict[str, Any]) -> bool:
    try:
        return bool(json.loads(path.read_text(encoding="utf-8")) == wanted)
    except (OSError, ValueError):
        return False


def _stage(note: Note, *words: str | Path) -> None:
    said = [str(word) for word in words]
    note(f"$ patrol {' '.join(said)}")
    command = [sys.executable, "-m", "api", *said]
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode != 0:
        raise PatrolError(f"{words[1]}: `patrol {words[0]}` failed; see the messages above")


def read_patrol(folder: Path, area: Path, names: Sequence[str]) -> tuple[list[Patrolled], float]:
    """Alerts of each class beside what was planted, and kilometres of river, of a patrol that
    `patrol_in_world` left."""
    both = against_truth(folder, area)
    lone = _lone(folder / "sightings.geojson")
    share = Confirmation().lone_share
    distance_m = both.distance_m()
    # A thing seen in one picture must be surer than the threshold (`Confirmation`): it counts with
    # the threshold that it would pass.
    sure = np.array(
        [
            (a["confidence"] - share) / (1 - share) if a["sighting"] in lone else a["confidence"]
            for a in both.alerts
        ],
        float,
    )
    patrolled = []
    for name in names:
        rows = [i for i, thing in enumerate(both.planted) if thing.violation == name]
        mine = np.array([a["class"] == name for a in both.alerts], bool)
        patrolled.append(Patrolled(distance_m[rows][:, mine], sure[mine]))
    return patrolled, both.river_km


def _lone(path: Path) -> set[str]:
    """The sightings that one picture alone shows."""
    try:
        rows = [f["properties"] for f in json.loads(path.read_text(encoding="utf-8"))["features"]]
        return {str(row["id"]) for row in rows if row["views"] == 1}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PatrolError(f"{path}: cannot be read ({error}); analyse the patrol again") from None


def recall_on_patrols(folders: Sequence[Path], area: Path, names: Sequence[str]) -> PatrolRecall:
    """What every threshold finds on these patrols together."""
    read = [read_patrol(folder, area, names) for folder in folders]
    km = sum(river_km for _, river_km in read)
    by_class = {name: sweep([row[c] for row, _ in read], km) for c, name in enumerate(names)}
    return PatrolRecall(by_class, together(by_class))
