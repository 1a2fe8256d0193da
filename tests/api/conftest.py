"""A small made-up district and an analysed patrol of it, written to files as the chain does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_up import SIGHTINGS, make_district, make_patrol_folder


@pytest.fixture
def district(tmp_path: Path) -> Path:
    return make_district(tmp_path / "district")


@pytest.fixture
def make_patrol(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a patrol folder with these sightings and their pictures."""

    def make(features: list[dict[str, Any]], name: str = "patrol-1") -> Path:
        return make_patrol_folder(tmp_path / name, features)

    return make


@pytest.fixture
def patrol(make_patrol: Callable[..., Path]) -> Path:
    return make_patrol(SIGHTINGS)
