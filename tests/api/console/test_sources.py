"""The console's sources: its words in one place, its types those of the API."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from api import schemas
from api.settings import CONSOLE

SOURCES = CONSOLE.parent / "src"
TYPES = {
    "Area": schemas.AreaPublic,
    "Case": schemas.CaseSummary,
    "CaseDetail": schemas.CaseDetail,
    "CaseEvent": schemas.EventPublic,
    "CasePage": schemas.CasePage,
    "Department": schemas.DepartmentPublic,
    "Ellipse": schemas.EllipsePublic,
    "FlightEnd": schemas.FlightEnd,
    "FlightEvent": schemas.FlightEvent,
    "FlightHead": schemas.FlightHead,
    "FlightNow": schemas.FlightPublic,
    "FlightState": schemas.FlightState,
    "FlightVehicle": schemas.VehiclePublic,
    "Order": schemas.OrderPublic,
    "Patrol": schemas.PatrolSummary,
    "Position": schemas.Position,
    "Report": schemas.ReportPublic,
    "Share": schemas.SharePublic,
    "Summary": schemas.SummaryPublic,
    "Trail": schemas.Trail,
}


def files() -> list[Path]:
    return sorted(path for path in SOURCES.rglob("*.ts*") if path.parent.name != "i18n")


def test_every_word_stands_in_the_dictionaries() -> None:
    assert len(files()) > 15
    for path in files():
        chinese = re.findall(r"[\u4e00-\u9fff]+", path.read_text(encoding="utf-8"))
        assert not chinese, f"{path.name}: {chinese}"


def test_nothing_points_outside() -> None:
    page = CONSOLE.parent / "index.html"
    for path in [*files(), page, SOURCES / "style.css"]:
        assert not re.findall(
            r"(?:https?:)?//[a-z0-9-]+\.[a-z]", path.read_text(encoding="utf-8")
        ), path


@pytest.mark.parametrize("name", TYPES)
def test_the_types_are_those_of_the_api(name: str) -> None:
    model: type[BaseModel] = TYPES[name]
    text = (SOURCES / "api" / "types.ts").read_text(encoding="utf-8")
    body = re.search(rf"export interface {name}(?: extends \w+)? \{{\n(.*?)\n\}}", text, re.S)
    assert body
    used = set(re.findall(r"^  (\w+)\??:", body[1], re.M))
    sent = {
        field.serialization_alias or field.alias or key for key, field in model.model_fields.items()
    }
    assert used
    assert used <= sent, f"not in the API: {used - sent}"


def test_the_lock_names_no_registry() -> None:
    lock = (CONSOLE.parent / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    manifest = (CONSOLE.parent / "package.json").read_text(encoding="utf-8")
    versions = re.findall(r'"[@\w/-]+": "(\d+\.\d+\.\d+|[\^~].*?)"', manifest)
    assert len(versions) > 8
    assert not [version for version in versions if not version[0].isdigit()]
