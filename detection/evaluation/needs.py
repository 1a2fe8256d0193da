"""What evaluation needs beyond running a model: pycocotools, of the extra 'train'."""

from __future__ import annotations

import importlib
from typing import Any

from detection.errors import DetectionError

__all__ = ["pycocotools_module"]


def pycocotools_module(name: str) -> Any:
    """pycocotools.`name`; raises DetectionError where it is not installed."""
    try:
        return importlib.import_module(f"pycocotools.{name}")
    except ModuleNotFoundError:
        raise DetectionError(
            "evaluation needs the package pycocotools, which is not installed; run `make "
            "train-setup` or `pip install pycocotools`"
        ) from None
