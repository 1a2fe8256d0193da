"""The class list, models/classes.json: names and the confidence from which each counts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.errors import ModelError

__all__ = ["ClassList"]


@dataclass(frozen=True, slots=True)
class ClassList:
    """Classes in the order of the network's outputs, with a confidence threshold for each."""

    names: tuple[str, ...]
    names_zh: tuple[str, ...]
    confidence: NDArray[np.float64]

    @classmethod
    def read(cls, path: Path) -> ClassList:
        """Raises ModelError where the file is missing or not a class list."""
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))["classes"]
            rows = sorted(rows, key=lambda row: int(row["id"]))
            names = tuple(str(row["name"]) for row in rows)
            if [int(row["id"]) for row in rows] != list(range(len(rows))) or not names:
                raise ValueError("ids must run from 0")
            thresholds = np.array([float(row.get("confidence", 0.35)) for row in rows])
            if not np.all((thresholds > 0) & (thresholds < 1)):
                raise ValueError("confidence must lie between 0 and 1")
            return cls(
                names, tuple(str(row.get("name_zh", row["name"])) for row in rows), thresholds
            )
        except FileNotFoundError:
            raise ModelError(f"{path}: no such class list; it lies in models/") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{path}: not a class list ({error})") from None
