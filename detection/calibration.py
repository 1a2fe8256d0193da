"""Calibration: a network's confidence made into how often it is right, class by class.

It is fitted on pictures that training did not see (detection/evaluation/calibrating.py) and kept
with the model: in calibration.json beside best.pt, and under "calibration" in the metadata.json
of an exported network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from detection.errors import ModelError
from geo.files import write_text

__all__ = ["Calibration", "Curve", "Method"]

FloatArray = NDArray[np.float64]
Method = Literal["identity", "temperature", "isotonic"]

_FORMAT, _VERSION = "river-patrol/calibration", 1
_FILE, _METADATA, _KEY = "calibration.json", "metadata.json", "calibration"
# Steps are given this much of the raw confidence's slope, so that no two boxes come to be level.
_SLOPE = 1e-3
_EDGE = 1e-12  # logits are taken of confidences this far from 0 and 1 at least
_TEMPERATURES = (0.02, 50.0)
_MOST_KNOTS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """How the confidence of one class is to be read: rising everywhere, 0..1 to 0..1.

    identity: as it is. temperature: sigmoid(logit(c) / temperature + bias) (C. Guo et al., On
    calibration of modern neural networks, ICML 2017; with the shift of J. Platt 1999, as most of a
    detector's boxes are false). isotonic: straight lines between knots (K,), raw to calibrated
    (B. Zadrozny and C. Elkan, KDD 2002).
    """

    method: Method = "identity"
    temperature: float = 1.0
    bias: float = 0.0
    raw: FloatArray = field(default_factory=lambda: np.empty(0))
    calibrated: FloatArray = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        """Raises ValueError where the numbers do not make a rising curve."""
        low, high = _TEMPERATURES
        if not (low <= self.temperature <= high and abs(self.bias) <= high):
            raise ValueError(
                f"temperature {self.temperature:g} and bias {self.bias:g}; expected {low:g} to "
                f"{high:g} and at most {high:g} either way"
            )
        if self.method == "isotonic":
            raw, calibrated = self.raw, self.calibrated
            if raw.shape != calibrated.shape or raw.ndim != 1 or not 2 <= len(raw) <= _MOST_KNOTS:
                raise ValueError(f"2 to {_MOST_KNOTS} knots are needed, as many raw as calibrated")
            inside = np.all((raw >= 0) & (raw <= 1) & (calibrated >= 0) & (calibrated <= 1))
            if not (inside and np.all(np.diff(raw) > 0) and np.all(np.diff(calibrated) >= 0)):
                raise ValueError("the knots must rise within 0 to 1")  # nor NaN

    def _knots(self) -> tuple[FloatArray, FloatArray]:
        """Raw and calibrated knots from 0 to 1, both strictly rising."""
        first, last = self.raw[0], self.raw[-1]
        raw = np.concatenate([[0.0] if first > 0 else [], self.raw, [1.0] if last < 1 else []])
        steps = np.interp(raw, self.raw, self.calibrated)
        return raw, (1 - _SLOPE) * steps + _SLOPE * raw

    def apply(self, confidence: FloatArray) -> FloatArray:
        """Calibrated confidence of raw ones (N,)."""
        if self.method == "identity":
            return np.asarray(confidence, float)
        if self.method == "temperature":
            return _sigmoid(_logit(confidence) / self.temperature + self.bias)
        return np.interp(confidence, *self._knots())

    def invert(self, confidence: FloatArray) -> FloatArray:
        """The raw confidences (N,) that `apply` makes these of."""
        if self.method == "identity":
            return np.asarray(confidence, float)
        if self.method == "temperature":
            return _sigmoid((_logit(confidence) - self.bias) * self.temperature)
        raw, calibrated = self._knots()
        return np.interp(confidence, calibrated, raw)

    def as_json(self) -> dict[str, Any]:
        if self.method == "temperature":
            return {"method": self.method, "temperature": self.temperature, "bias": self.bias}
        if self.method == "isotonic":
            knots = {"raw": self.raw.tolist(), "calibrated": self.calibrated.tolist()}
            return {"method": self.method, **knots}
        return {"method": self.method}

    @classmethod
    def from_json(cls, row: Any) -> Curve:
        """Raises ValueError, KeyError or TypeError."""
        method = row["method"]
        if method == "temperature":
            return cls("temperature", float(row["temperature"]), float(row["bias"]))
        if method == "isotonic":
            knots = (np.array([float(v) for v in row[key]]) for key in ("raw", "calibrated"))
            return cls("isotonic", 1.0, 0.0, *knots)
        if method == "identity":
            return cls()
        raise ValueError(f"method {method!r}; expected identity, temperature or isotonic")


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """A curve for each class, in the order of the class list, and what they were fitted on."""

    names: tuple[str, ...]
    curves: tuple[Curve, ...]
    about: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def identity(cls, classes: Sequence[str]) -> Calibration:
        return cls(tuple(classes), tuple(Curve() for _ in classes))

    @classmethod
    def read(cls, folder: Path, classes: Sequence[str]) -> Calibration:
        """Of the model in `folder` (an export, or the folder of best.pt); the identity where none
        is stored, also for classes it does not name. An export that holds none takes that of the
        folder it lies in. Raises ModelError where there is one that cannot be read or that is of
        other classes."""
        places: list[tuple[Path, str | None]] = [(folder / _METADATA, _KEY), (folder / _FILE, None)]
        if not any(folder.glob("*.pt")):
            places.append((folder.absolute().parent / _FILE, None))
        for path, key in places:
            if not path.is_file():
                continue
            try:
                found = json.loads(path.read_text(encoding="utf-8"))
                stored = found.get(key) if key else found
                if stored is not None:
                    return cls._parsed(stored, classes)
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                raise ModelError(
                    f"{path}: not a calibration that can be read ({error}); make it anew with "
                    "`patrol evaluate --fit-calibration`"
                ) from None
        return cls.identity(classes)

    @classmethod
    def _parsed(cls, stored: Any, classes: Sequence[str]) -> Calibration:
        if (stored["format"], stored["version"]) != (_FORMAT, _VERSION):
            raise ValueError(
                f"format {stored['format']!r}, version {stored['version']!r}; expected "
                f"{_FORMAT!r}, version {_VERSION}"
            )
        rows = dict(stored["classes"])
        unknown = sorted(set(rows) - set(classes))
        if unknown:
            raise ValueError(f"it is of the classes {', '.join(unknown)} besides")
        curves = tuple(Curve.from_json(rows[n]) if n in rows else Curve() for n in classes)
        return cls(tuple(classes), curves, dict(stored.get("about", {})))

    def apply(self, confidence: FloatArray, class_id: NDArray[np.int64]) -> FloatArray:
        """Calibrated confidence (N,) of boxes with raw `confidence` (N,) and `class_id` (N,). It
        rises with the raw one within a class."""
        result = np.array(confidence, float)
        for index, curve in enumerate(self.curves):
            result[class_id == index] = curve.apply(result[class_id == index])
        return result

    def invert(self, confidence: FloatArray, class_id: NDArray[np.int64]) -> FloatArray:
        """Raw confidence (N,) of calibrated ones."""
        result = np.array(confidence, float)
        for index, curve in enumerate(self.curves):
            result[class_id == index] = curve.invert(result[class_id == index])
        return result

    def as_json(self) -> dict[str, Any]:
        rows = {n: c.as_json() for n, c in zip(self.names, self.curves, strict=True)}
        return {"format": _FORMAT, "version": _VERSION, "classes": rows, "about": dict(self.about)}

    def write(self, folder: Path) -> list[Path]:
        """Keep it with the model in `folder`: the files that were written. Raises ModelError
        where no model lies there."""
        inner = sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
        exports = [p for p in (folder, *inner) if (p / _METADATA).is_file()]
        if not exports and not any(folder.glob("*.pt")):
            raise ModelError(
                f"{folder}: neither best.pt nor an exported network with metadata.json in it; "
                "name the folder of a model, as models/river-patrol-n"
            )
        written = []
        for export in exports:
            path = export / _METADATA
            try:
                metadata = dict(json.loads(path.read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError) as error:
                raise ModelError(f"{path}: cannot be read ({error})") from None
            metadata[_KEY] = self.as_json()
            write_text(path, json.dumps(metadata, ensure_ascii=False, indent=1) + "\n")
            written.append(path)
        if folder not in exports:
            path = folder / _FILE
            write_text(path, json.dumps(self.as_json(), ensure_ascii=False, indent=1) + "\n")
            written.append(path)
        return written


def _logit(confidence: FloatArray) -> FloatArray:
    inside = np.clip(confidence, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _sigmoid(value: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * value)))
