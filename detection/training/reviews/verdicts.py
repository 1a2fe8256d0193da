"""Reviewers' verdicts on sightings: JSON lines (docs/formats.md, "Verdicts").

{"patrol": "20260714-c0ffee00", "sighting": "S0007", "verdict": "confirmed"}
{"sighting": "S0008", "verdict": "confirmed", "box_px": [812, 401, 866, 440]}
{"sighting": "S0009", "verdict": "confirmed", "class": "structure"}
{"sighting": "S0010", "verdict": "rejected", "reason": "shadow"}
{"sighting": "S0011", "verdict": "unclear"}
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from detection.errors import TrainingError
from detection.training.samples import CLASSES

__all__ = ["REASONS", "Drawn", "Judgement", "Verdict", "read_verdicts"]

Judgement = Literal["thing", "not_there", "unclear"]
BoxPx = tuple[float, float, float, float]

# Reasons for which a finding is rejected, and whether the thing was there all the same: a permitted
# outfall looks like any other, and must not be taught as something that is none.
REASONS: Mapping[str, Judgement] = {
    "nothing": "not_there", "shadow": "not_there", "reflection": "not_there",
    "vegetation": "not_there", "foam": "not_there", "vehicle": "not_there", "boat": "not_there",
    "bridge": "not_there", "manhole": "not_there", "pipe": "not_there", "rubble": "not_there",
    "sign": "not_there", "person": "not_there", "other": "not_there",
    "permitted": "thing", "duplicate": "thing", "elsewhere": "thing", "resolved": "thing",
    "class": "thing",
}  # fmt: skip
_FIELDS = frozenset(
    {"patrol", "sighting", "verdict", "class", "reason", "box_px", "others", "complete", "by", "at",
     "note"}
)  # fmt: skip
_MOST_PX = 100_000.0


@dataclass(frozen=True, slots=True)
class Drawn:
    """A box that a reviewer drew, in pixels of the whole picture."""

    class_name: str
    box_px: BoxPx


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reviewer said of one sighting, `listed` where.

    `judgement` is what it means for a detector: the thing is there, is not, or cannot be told.
    `class_name` and `box_px` correct the sighting's where they are not None; `others` are further
    boxes in the same picture, `complete` that there is nothing besides.
    """

    listed: str
    sighting: str
    judgement: Judgement
    patrol: str | None = None
    class_name: str | None = None
    box_px: BoxPx | None = None
    reason: str | None = None
    others: tuple[Drawn, ...] = ()
    complete: bool = False


def read_verdicts(path: Path) -> list[Verdict]:
    """The verdicts of a file, or of every .jsonl of a folder; the last about a sighting counts.

    Raises `TrainingError` naming file, line, what was found and what was expected.
    """
    files = sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
    if not files:
        raise TrainingError(f"{path}: no .jsonl file in it; expected verdicts, one a line")
    found: dict[tuple[str | None, str], Verdict] = {}
    for file in files:
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except OSError as error:
            raise TrainingError(f"{file}: {error.strerror}; check the path") from None
        except UnicodeDecodeError:
            raise TrainingError(f"{file}: not UTF-8; save it as that") from None
        for number, line in enumerate(lines, 1):
            if line.strip():
                verdict = _verdict(line, f"{file}, line {number}")
                found.pop((verdict.patrol, verdict.sighting), None)
                found[verdict.patrol, verdict.sighting] = verdict
    if not found:
        raise TrainingError(f"{path}: no verdicts in it; expected one JSON object a line")
    return list(found.values())


def _verdict(line: str, listed: str) -> Verdict:
    try:
        document = json.loads(line)
        if not isinstance(document, dict):
            raise ValueError("expected a JSON object")
        unknown = sorted(set(document) - _FIELDS)
        if unknown:
            raise ValueError(f"unknown field {unknown[0]!r:.40}")
        others = document.get("others") or []
        if not isinstance(others, list):
            raise ValueError("others must be a list of {class, box_px}")
        class_name = _class(document["class"]) if document.get("class") is not None else None
        judgement, reason = _judged(document, class_name)
        return Verdict(
            listed, str(_text(document, "sighting")), judgement,
            patrol=_text(document, "patrol", needed=False), class_name=class_name,
            box_px=_box(document["box_px"]) if document.get("box_px") is not None else None,
            reason=reason, complete=document.get("complete") is True,
            others=tuple(Drawn(_class(o["class"]), _box(o["box_px"])) for o in others),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        said = f"field {error} missing" if isinstance(error, KeyError) else str(error)
        raise TrainingError(f"{listed}: {' '.join(said.split())[:160]}") from None


def _judged(document: dict[str, Any], class_name: str | None) -> tuple[Judgement, str | None]:
    """What the verdict means, and the reason where there is one."""
    verdict, reason = document["verdict"], document.get("reason")
    if verdict == "confirmed":
        return "thing", None
    if verdict == "unclear":
        return "unclear", None
    if verdict != "rejected":
        raise ValueError(f"verdict {verdict!r:.40}: expected confirmed, rejected or unclear")
    if not isinstance(reason, str) or reason not in REASONS:
        raise ValueError(f"reason {reason!r:.40} is not one of {', '.join(REASONS)}")
    if reason == "class" and class_name is None:
        raise ValueError("rejected for its class: say in field 'class' what it is")
    return REASONS[reason], reason


def _text(document: dict[str, Any], name: str, *, needed: bool = True) -> str | None:
    value = document.get(name)
    if value is None and not needed:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= 120:
        raise ValueError(f"{name} must be a text of 1 to 120 characters, found {value!r:.40}")
    return value


def _class(value: object) -> str:
    if value not in CLASSES:
        raise ValueError(f"class {value!r:.40} is not one of {', '.join(CLASSES)}")
    return str(value)


def _box(value: object) -> BoxPx:
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError(f"box_px must be [x1, y1, x2, y2], found {value!r:.60}")
    numbers = []
    for one in value:
        if isinstance(one, bool) or not isinstance(one, int | float) or not math.isfinite(one):
            raise ValueError(f"box_px must hold four numbers, found {one!r:.40}")
        numbers.append(float(one))
    x1, y1, x2, y2 = numbers
    if not (x1 < x2 <= _MOST_PX and y1 < y2 <= _MOST_PX and min(x1, y1) >= -_MOST_PX):
        raise ValueError(f"box_px must be [x1, y1, x2, y2] with x1 < x2, y1 < y2, found {value}")
    return x1, y1, x2, y2
