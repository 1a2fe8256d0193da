"""What an exported network says about itself: format, version, classes, precision."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detection.errors import ModelError

__all__ = ["FILE", "FORMATS", "VERSION", "Metadata"]

FILE = "metadata.json"
FORMATS = {"openvino": "river-patrol/openvino", "onnx": "river-patrol/onnx"}
VERSION = 1


@dataclass(frozen=True, slots=True)
class Metadata:
    """Class names in the order of the network's outputs, and the precision that it computes in
    ('' where it is not said)."""

    classes: tuple[str, ...]
    precision: str = ""

    @classmethod
    def read(cls, folder: Path, kind: str) -> Metadata | None:
        """Of metadata.json in the folder of an export, None where there is none. `kind` is a key
        of FORMATS. Raises ModelError where it cannot be read or is of another version."""
        path = folder / FILE
        if not path.exists():
            return None
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            stated = (found.get("format"), found.get("version"))
            classes = tuple(str(name) for name in found["classes"])
            precision = str(found.get("precision", ""))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(
                f"{path}: cannot be read ({type(error).__name__}: {error}); export the model anew"
            ) from None
        if stated != (FORMATS[kind], VERSION):
            raise ModelError(
                f"{path}: format {stated[0]!r}, version {stated[1]!r}; expected "
                f"{FORMATS[kind]!r}, version {VERSION}: export the model anew from its best.pt"
            )
        return cls(classes, precision)

    @classmethod
    def of_ultralytics_onnx(cls, path: Path, properties: Mapping[str, str]) -> Metadata:
        """Of the properties that ultralytics writes into an .onnx file. Raises ModelError."""
        try:
            names: Any = ast.literal_eval(properties["names"])
            return cls(tuple(str(names[index]) for index in range(len(names))))
        except (KeyError, ValueError, SyntaxError, TypeError, IndexError):
            raise ModelError(
                f"{path}: the network does not say its classes: neither in {FILE} beside it nor "
                "as ultralytics does"
            ) from None
