"""The class list, models/classes.json: names and the confidences from which each counts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.errors import ModelError

__all__ = ["ClassList"]


@dataclass(frozen=True, slots=True)
class ClassList:
    """Classes in the order of the network's outputs, with two thresholds (N,) for each:
    `confidence` for a box in one picture, `sighting_confidence` for what several pictures say
    together; the same where nothing else is said."""

    names: tuple[str, ...]
    names_zh: tuple[str, ...]
    confidence: NDArray[np.float64]
    sighting_confidence: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        if not len(self.sighting_confidence):
            object.__setattr__(self, "sighting_confidence", self.confidence)

    @classmethod
    def read(cls, path: Path) -> ClassList:
        """Raises ModelError where the file is missing or not a class list."""
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))["classes"]
            rows = sorted(rows, key=lambda row: int(row["id"]))
            names = tuple(str(row["name"]) for row in rows)
            if [int(row["id"]) for row in rows] != list(range(len(rows))) or not names:
                raise ValueError("ids must run from 0")
            boxes = [float(row.get("confidence", 0.35)) for row in rows]
            together = [
                float(row.get("sighting_confidence", least))
                for row, least in zip(rows, boxes, strict=True)
            ]
            for name, least, sure in zip(names, boxes, together, strict=True):
                if not 0 < least <= sure < 1:  # nor NaN
                    raise ValueError(
                        f"{name}: confidence {least:g} and sighting_confidence {sure:g} must lie "
                        "between 0 and 1, the second not below the first"
                    )
            names_zh = tuple(str(row.get("name_zh", row["name"])) for row in rows)
            return cls(names, names_zh, np.array(boxes), np.array(together))
        except FileNotFoundError:
            raise ModelError(f"{path}: no such class list; it lies in models/") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{path}: not a class list ({error})") from None
