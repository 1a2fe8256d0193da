"""Errors of the detection package.

geo.errors.PatrolError
└── DetectionError
    ├── FootageError       a video or photo that is missing, empty, truncated or unreadable
    ├── TelemetryError     telemetry of footage that cannot be used, whatever the format
    │   └── SubtitleError  … in subtitles beside a video
    ├── ComparisonError    patrols that cannot be compared with one another
    ├── ModelError         weights that are missing or not what the class list says
    └── TrainingError      a data set or training run that cannot go on
"""

from __future__ import annotations

from geo.errors import PatrolError

__all__ = [
    "ComparisonError",
    "DetectionError",
    "FootageError",
    "ModelError",
    "PatrolError",
    "SubtitleError",
    "TelemetryError",
    "TrainingError",
]


class DetectionError(PatrolError):
    """Any error of the detection package."""


class FootageError(DetectionError):
    """A video or photo that cannot be analysed."""


class TelemetryError(DetectionError):
    """Telemetry of footage that cannot be used."""


class SubtitleError(TelemetryError):
    """Subtitles beside a video that cannot be used."""


class ComparisonError(DetectionError):
    """Patrols that cannot be compared with one another."""


class ModelError(DetectionError):
    """Weights or a class list that cannot be used."""


class TrainingError(DetectionError):
    """A data set or training run that cannot go on."""
