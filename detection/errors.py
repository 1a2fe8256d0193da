"""Errors of the detection package.

geo.errors.PatrolError
└── DetectionError
    ├── FootageError       a video or photo that is missing, empty, truncated or unreadable
    ├── SubtitleError      telemetry beside a video (or inside a photo) that cannot be used
    ├── ModelError         weights that are missing or not what the class list says
    └── TrainingError      a data set or training run that cannot go on
"""

from __future__ import annotations

from geo.errors import PatrolError

__all__ = [
    "DetectionError",
    "FootageError",
    "ModelError",
    "PatrolError",
    "SubtitleError",
    "TrainingError",
]


class DetectionError(PatrolError):
    """Any error of the detection package."""


class FootageError(DetectionError):
    """A video or photo that cannot be analysed."""


class SubtitleError(DetectionError):
    """Telemetry of footage that cannot be used."""


class ModelError(DetectionError):
    """Weights or a class list that cannot be used."""


class TrainingError(DetectionError):
    """A data set or training run that cannot go on."""
