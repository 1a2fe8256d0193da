"""The only place that imports ultralytics: quiet, offline, with a working torchvision."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from detection.errors import ModelError, TrainingError

__all__ = ["import_yolo", "load_yolo", "training_missing"]

_PACKAGES = ("torch", "torchvision", "ultralytics")


def training_missing() -> str | None:
    """Why training cannot run here, or None where it can."""
    from importlib.util import find_spec

    absent = [name for name in _PACKAGES if find_spec(name) is None]
    if not absent:
        return None
    return (
        f"{', '.join(absent)} not installed; run `make train-setup` (or pip install "
        "'river-patrol[train]')"
    )


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "river-patrol" / "ultralytics"


def import_yolo() -> type[Any]:
    """The class `ultralytics.YOLO`.

    ultralytics would install packages, look for the internet, send usage figures and write in
    the home folder; all of that is off. Raises `TrainingError` where it is not installed.
    """
    reason = training_missing()
    if reason is not None:
        raise TrainingError(reason)
    os.environ["YOLO_AUTOINSTALL"] = "false"
    os.environ["YOLO_OFFLINE"] = "true"
    os.environ.setdefault("YOLO_CONFIG_DIR", str(_cache_folder()))
    os.environ.setdefault("YOLO_VERBOSE", "false")  # our own progress is shown instead
    Path(os.environ["YOLO_CONFIG_DIR"]).mkdir(parents=True, exist_ok=True)

    from detection.training.torchvision_ops import ensure_torchvision_ops

    ensure_torchvision_ops()
    from PIL import Image

    opener = Image.open  # ultralytics replaces it: a damaged picture then asks for HEIF packages
    from ultralytics import YOLO

    Image.open = opener
    from ultralytics.utils import LOGGER, SETTINGS

    LOGGER.setLevel(logging.WARNING)
    wanted = dict.fromkeys(
        ("clearml", "comet", "dvc", "mlflow", "raytune", "sync", "tensorboard", "wandb"), False
    )
    if any(SETTINGS.get(name) for name in wanted):
        SETTINGS.update(wanted)
    return YOLO  # type: ignore[no-any-return]


def load_yolo(path: Path) -> Any:
    """The ultralytics model in the weights file `path` (.pt), or built from a .yaml.

    Raises `ModelError` where the file is missing or not ultralytics weights. A .pt file is a
    pickle: load only what you trust.
    """
    yolo = import_yolo()
    if not path.is_file() and path.suffix != ".yaml":
        raise ModelError(f"{path}: no such weights file; train one with `patrol train`")
    try:
        return yolo(str(path), task="detect")
    except (OSError, RuntimeError, ValueError, KeyError, AttributeError, TypeError, EOFError) as e:
        raise ModelError(
            f"{path}: not usable as ultralytics weights ({type(e).__name__}: "
            f"{' '.join(str(e).split())[:160]}); expected a .pt file that ultralytics wrote"
        ) from e
    except Exception as error:  # pickle raises its own family
        if type(error).__module__ not in {"_pickle", "pickle", "zipfile"}:
            raise
        raise ModelError(
            f"{path}: damaged or not ultralytics weights ({type(error).__name__}); copy it again"
        ) from error
