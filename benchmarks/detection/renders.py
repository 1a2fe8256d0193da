"""The shipped detector on physically based renders of scene families that training never saw."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.detection.model import scored
from benchmarks.figures import Skipped
from geo.errors import PatrolError

__all__ = ["ap50"]

_PICTURES = 80
_OF = ("outfall", "discharge")


def ap50(seed: int) -> float:
    """Mean AP50 of outfalls and discharges on renders of the test families with this seed, %."""
    from detection.errors import TrainingError
    from detection.evaluation.labelled import LabelledFolder
    from detection.training.renders.source import find_interpreter

    try:
        find_interpreter()
    except TrainingError as reason:
        raise Skipped(str(reason)) from None
    with tempfile.TemporaryDirectory(prefix="renders-") as scratch:
        out = Path(scratch) / "set"
        command = [sys.executable, "-m", "detection.training.renders", "--families", "test"]
        command += ["--count", str(_PICTURES), "--seed", str(seed), "--out", str(out)]
        if subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0:
            raise PatrolError("rendering the test families failed; see above")
        scores = scored(labelled.sample for labelled in LabelledFolder.open(out))
    return 100.0 * sum(s.ap50 for s in scores if s.name in _OF) / len(_OF)
