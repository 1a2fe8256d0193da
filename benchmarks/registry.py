"""All named figures."""

from __future__ import annotations

from benchmarks import chain, clean_clone
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
    ]  # fmt: skip


FIGURES: dict[str, Figure] = {figure.name: figure for figure in _all()}
