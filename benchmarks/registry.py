"""All named figures."""

from __future__ import annotations

from benchmarks import chain, clean_clone, photos_brighton, srt_files
from benchmarks.figures import Figure

__all__ = ["FIGURES"]


def _all() -> list[Figure]:
    return [
        Figure("demo_minutes", "make demo from a clean clone, downloads included",
               "min", "at most", 10, 10, clean_clone.demo_minutes),
        Figure("test_minutes", "make test after it", "min", "at most", 15, 20,
               clean_clone.test_minutes),
        Figure("environment_mb", "size of .venv", "MB", "at most", 2500, 10,
               clean_clone.environment_mb),
        Figure("found_share", "planted violations found on the demo's world",
               "%", "at least", 70, 8, chain.found_share),
        Figure("false_alerts_per_km", "alerts without a cause, per river kilometre",
               "1/km", "at most", 2, 8, chain.false_alerts_per_km),
        Figure("position_error_m", "median position error of what was found",
               "m", "at most", 5, 8, chain.position_error_m),
        Figure("right_community_share", "found violations given to the right community",
               "%", "at least", 90, 8, chain.right_community_share),
        Figure("photos_located", "real photos of photos_brighton with a position on the ground",
               "photos", "at least", 18, 0.5, photos_brighton.located),
        Figure("photos_agreement_m", "median disagreement of overlapping real photos on the ground",
               "m", "at most", 8, 0.5, photos_brighton.agreement_m),
        Figure("photos_turned_share", "real photos rightly recognised as turned, or not",
               "%", "at least", 100, 0.5, photos_brighton.recognised),
        Figure("srt_failures", "DJI subtitles read wrongly or ending in a traceback, damaged too",
               "files", "at most", 0, 0.2, srt_files.failures),
    ]  # fmt: skip


FIGURES: dict[str, Figure] = {figure.name: figure for figure in _all()}
