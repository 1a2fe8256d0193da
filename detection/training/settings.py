"""How to train: what a training file (models/recipes/train-*.yaml) says."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from detection.errors import TrainingError
from detection.training.sources import read_yaml

__all__ = ["AUGMENTATION", "TrainingSettings", "read_settings"]

# What a drone sees from above has no up, so pictures are flipped both ways; scales are set when the
# crops are cut, so only little is added here. Mosaics help small sets but show no whole scene.
AUGMENTATION: Mapping[str, float] = {
    "hsv_h": 0.02, "hsv_s": 0.5, "hsv_v": 0.35, "flipud": 0.5, "fliplr": 0.5, "degrees": 8.0,
    "translate": 0.08, "scale": 0.15, "mosaic": 0.25, "mixup": 0.0, "erasing": 0.0,
}  # fmt: skip
# Of each number: the least and the most that is not a slip of the pen.
_RANGES: Mapping[str, tuple[float, float]] = {
    "epochs": (1, 10_000), "side_px": (64, 2048), "batch": (1, 1024), "seed": (0, 2**31 - 1),
    "threads": (1, 256), "freeze": (0, 100), "learning_rate": (1e-7, 1.0), "patience": (1, 10_000),
    "last_learning_rate_share": (1e-4, 1.0),
}  # fmt: skip
_STRIDE_PX = 32


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How to train.

    `network` is the structure (an ultralytics .yaml) that is taken where no weights are given;
    `side_px` the side of the square input; `freeze` how many of the network's first blocks stay
    as they are; `patience` the epochs without a better one after which it stops;
    `augmentation` replaces single values of AUGMENTATION. `device` is "cpu" or the number of a
    GPU, on which it computes in mixed precision.
    """

    network: str = "yolov8n.yaml"
    epochs: int = 12
    side_px: int = 416
    batch: int = 16
    seed: int = 0
    threads: int = 2
    freeze: int = 0
    learning_rate: float = 0.002
    last_learning_rate_share: float = 0.02
    patience: int = 50
    device: str = "cpu"
    plots: bool = False
    augmentation: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and least <= value <= most):
                raise TrainingError(
                    f"{name}: found {value:g}, expected {least:g} to {most:g}; correct it"
                )
        if self.side_px % _STRIDE_PX:
            raise TrainingError(f"side_px: found {self.side_px}, expected a multiple of 32")
        if not self.network.endswith(".yaml"):
            raise TrainingError(
                f"network: found {self.network!r}, expected a structure, for example yolo11n.yaml "
                "(weights to start from are given as such)"
            )
        unknown = sorted(set(self.augmentation) - set(AUGMENTATION))
        if unknown:
            raise TrainingError(
                f"augmentation: found {', '.join(unknown)}, expected some of "
                f"{', '.join(AUGMENTATION)}"
            )

    @property
    def augmented(self) -> dict[str, float]:
        """All the values of augmentation, in ultralytics' names."""
        return {**AUGMENTATION, **self.augmentation}


def read_settings(path: Path, **more: Any) -> tuple[TrainingSettings, dict[str, Any]]:
    """The settings in a YAML file, with those of `more` that are not None in their place.

    Second, what else is in it: `weights`, `data` (a list of folders or recipes) and `out`, as
    text. Raises TrainingError naming the file and the key.
    """
    said = read_yaml(path)
    if not isinstance(said, dict):
        raise TrainingError(f"{path}: found no table of settings; examples are in models/")
    kinds = {f.name: f.type for f in fields(TrainingSettings)}
    others = {"weights", "data", "out"}
    unknown = sorted(str(key) for key in said if key not in kinds and key not in others)
    if unknown:
        raise TrainingError(
            f"{path}: found {', '.join(unknown)}, expected {', '.join([*kinds, *sorted(others)])}"
        )
    values = {key: _value(path, key, said[key], str(kinds[key])) for key in said if key in kinds}
    rest: dict[str, Any] = {key: said[key] for key in others if key in said}
    data = rest.get("data", [])
    rest["data"] = [data] if isinstance(data, str) else data
    if not (isinstance(rest["data"], list) and all(isinstance(d, str) for d in rest["data"])):
        raise TrainingError(f"{path}: data: expected a folder or recipe, or a list of them")
    for key in ("weights", "out"):
        if not isinstance(rest.get(key, ""), str):
            raise TrainingError(f"{path}: {key}: found {rest[key]!r}, expected a path")
    try:
        settings = TrainingSettings(**values)
    except TrainingError as error:
        raise TrainingError(f"{path}: {error}") from None
    given = {key: value for key, value in more.items() if value is not None}
    return replace(settings, **given), rest


def _value(path: Path, key: str, found: Any, kind: str) -> Any:
    """A value of the file in the kind that the field has."""
    if kind == "int" and isinstance(found, int) and not isinstance(found, bool):
        return found
    if kind == "float" and isinstance(found, int | float) and not isinstance(found, bool):
        return float(found)
    if kind == "float" and isinstance(found, str):  # YAML 1.1 takes 1e-3 for text
        with contextlib.suppress(ValueError):
            return float(found)
    if kind == "bool" and isinstance(found, bool):
        return found
    if kind == "str" and isinstance(found, str | int) and not isinstance(found, bool):
        return str(found)
    if kind.startswith("Mapping") and isinstance(found, dict):
        return {str(name): _value(path, f"{key}.{name}", v, "float") for name, v in found.items()}
    wanted = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text"}
    raise TrainingError(
        f"{path}: {key}: found {found!r}, expected {wanted.get(kind, 'a table of numbers')}"
    )
