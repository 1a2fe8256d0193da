"""The short patrol as fixtures."""

from __future__ import annotations

from pathlib import Path

import pytest
from short_patrol import short_plan

from patrol.plan import Plan


@pytest.fixture(scope="session")
def plan() -> Plan:
    return short_plan()


@pytest.fixture(scope="session")
def patrol_folder(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> Path:
    folder = tmp_path_factory.mktemp("patrol")
    plan.write(folder)
    return folder
