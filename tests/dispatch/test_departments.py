"""departments.json: what is read, and every way that it can be wrong."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dispatch.departments import Departments
from dispatch.errors import DepartmentError
from dispatch.reports import Violation

GOOD: dict[str, Any] = {
    "departments": [
        {"code": "WATER", "name": "区水务局", "name_en": "Water Bureau", "phone": "020-1"},
        {"code": "PLAN", "name": "区城管执法局"},
    ],
    "handles": {
        "outfall": "WATER",
        "discharge": "WATER",
        "structure": "PLAN",
        "floating_waste": "WATER",
    },
    "accept_hours": 24,
    "case_prefix": "LG",
}


def read(tmp_path: Path, document: Any) -> Departments:
    path = tmp_path / "departments.json"
    path.write_text(
        document if isinstance(document, str) else json.dumps(document), encoding="utf-8"
    )
    return Departments.read(path)


def test_who_answers_for_what(tmp_path: Path) -> None:
    departments = read(tmp_path, GOOD)
    assert departments.responsible_for(Violation.STRUCTURE).name == "区城管执法局"
    assert departments.responsible_for(Violation.OUTFALL).phone == "020-1"
    assert departments.named("PLAN").name_en == "区城管执法局"
    assert departments.accept_within == timedelta(hours=24)
    assert departments.case_prefix == "LG"
    assert departments.zone.key == "Asia/Shanghai"
    with pytest.raises(DepartmentError, match="WATER, PLAN"):
        departments.named("POLICE")


def test_of_luogang(luogang: Path) -> None:
    departments = Departments.read(luogang / "departments.json")
    for violation in Violation:
        assert departments.responsible_for(violation).name
    assert departments.accept_within == timedelta(hours=24)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "expected an object"),
        ({"departments": []}, "at least one"),
        ({"departments": ["WATER"]}, "department 1"),
        ({"departments": [{"code": "WATER"}]}, "'name' must be text"),
        ({"departments": [{"code": 7, "name": "x"}]}, "'code' must be text"),
        ({"departments": [GOOD["departments"][0]] * 2}, "stands twice"),
        ({"handles": None}, "'handles'"),
        ({"handles": {"outfall": "WATER"}}, "'discharge'"),
        ({"handles": GOOD["handles"] | {"structure": "POLICE"}}, "'POLICE'"),
        ({"handles": GOOD["handles"] | {"structure": ["PLAN"]}}, "'structure'"),
        ({"handles": GOOD["handles"] | {"noise": "PLAN"}}, "'noise'"),
        ({"accept_hours": 0}, "accept_hours"),
        ({"accept_hours": "24"}, "accept_hours"),
        ({"accept_hours": True}, "accept_hours"),
        ({"accept_hours": 1e9}, "accept_hours"),
        ({"case_prefix": "lg/../"}, "case_prefix"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"timezone": 8}, "timezone"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_file(
    tmp_path: Path, change: Any, says: str
) -> None:
    document = change if isinstance(change, str) else GOOD | change
    with pytest.raises(DepartmentError, match=says) as caught:
        read(tmp_path, document)
    assert "departments.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DepartmentError, match="no such file"):
        Departments.read(tmp_path / "departments.json")
