"""Where tests find the real data and the study area."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples every time, so that a failure is of the change at hand; RIVER_PATROL_FUZZ=1
# draws new ones.
settings.register_profile("repeatable", derandomize=True)
if not os.environ.get("RIVER_PATROL_FUZZ"):
    settings.load_profile("repeatable")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def luogang() -> Path:
    """The study area's folder."""
    return ROOT / "sample_footage" / "luogang"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real photos and telemetry; skips, saying so, where it is not there."""
    folder = os.environ.get("RIVER_PATROL_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("RIVER_PATROL_DATA does not name the folder of real data")
    return Path(folder)
