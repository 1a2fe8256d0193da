"""Departments, and which of them answers for which class of violation."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from dispatch.errors import DepartmentError
from dispatch.reports import Violation
from dispatch.values import Json

__all__ = ["Department", "Departments"]

_MOST_HOURS = 24.0 * 90


@dataclass(frozen=True, slots=True)
class Department:
    code: str
    name: str
    name_en: str
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Departments:
    """The departments of a district by code, and the rules of its orders.

    `accept_within` is the time that a department has to accept an order; `case_prefix` and
    `zone` make case numbers such as LG-20260520-0001 (the day is the district's own).
    """

    by_code: Mapping[str, Department]
    handles: Mapping[Violation, str]
    accept_within: timedelta
    case_prefix: str
    zone: ZoneInfo

    def responsible_for(self, violation: Violation) -> Department:
        return self.by_code[self.handles[violation]]

    def named(self, code: str) -> Department:
        """The department with this code; raises DepartmentError naming those that there are."""
        try:
            return self.by_code[code]
        except KeyError:
            raise DepartmentError(
                f"部门不存在: there is no department {code!r:.60}; "
                f"expected one of {', '.join(self.by_code)}"
            ) from None

    @classmethod
    def read(cls, path: Path) -> Departments:
        """Read departments.json; raises DepartmentError, one line naming file and field.

        `{"departments": [{"code", "name", "name_en", "phone"?}], "handles": {class: code},
        "accept_hours": 24, "case_prefix"?: "LG", "timezone"?: "Asia/Shanghai"}`
        """
        try:
            document = json.loads(path.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            raise DepartmentError(
                f"{path}: no such file; say there which department handles which violation"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise DepartmentError(f"{path}: cannot be read as UTF-8 text ({error})") from None
        except (ValueError, RecursionError) as error:
            raise DepartmentError(f"{path}: not valid JSON ({error})") from None
        if not isinstance(document, dict):
            raise DepartmentError(f"{path}: expected an object with 'departments' and 'handles'")
        by_code = _departments(path, document.get("departments"))
        return cls(
            by_code=by_code,
            handles=_handles(path, document.get("handles"), by_code),
            accept_within=_accept_within(path, document.get("accept_hours", 24)),
            case_prefix=_prefix(path, document.get("case_prefix", "RP")),
            zone=_zone(path, document.get("timezone", "Asia/Shanghai")),
        )


def _departments(path: Path, rows: Json) -> dict[str, Department]:
    if not isinstance(rows, list) or not rows:
        raise DepartmentError(f"{path}: 'departments' must be a list of at least one department")
    by_code: dict[str, Department] = {}
    for index, row in enumerate(rows):
        source = f"{path}: department {index + 1}"
        if not isinstance(row, dict):
            raise DepartmentError(f"{source}: expected an object with 'code' and 'name'")
        code, name = (_text(source, row, field) for field in ("code", "name"))
        if code in by_code:
            raise DepartmentError(f"{source}: the code {code!r} stands twice; codes must differ")
        phone = row.get("phone", "")
        name_en = row.get("name_en") or name
        by_code[code] = Department(code, name, str(name_en), str(phone or ""))
    return by_code


def _text(source: str, row: dict[str, Json], field: str) -> str:
    value = row.get(field)
    if not isinstance(value, str) or not value.strip():
        raise DepartmentError(f"{source}: {field!r} must be text, found {value!r:.60}")
    return value.strip()


def _handles(path: Path, rows: Json, by_code: Mapping[str, Department]) -> dict[Violation, str]:
    if not isinstance(rows, dict):
        raise DepartmentError(f"{path}: 'handles' must say the department's code for each class")
    handles = {}
    for violation in Violation:
        code = rows.get(violation.value)
        if not isinstance(code, str) or code not in by_code:
            raise DepartmentError(
                f"{path}: 'handles' must name a department for {violation.value!r}, "
                f"found {code!r:.60}; expected one of {', '.join(by_code)}"
            )
        handles[violation] = code
    unknown = sorted(set(rows) - {violation.value for violation in Violation})
    if unknown:
        raise DepartmentError(
            f"{path}: 'handles' has the class {unknown[0]!r:.60}; "
            f"expected {', '.join(violation.value for violation in Violation)}"
        )
    return handles


def _accept_within(path: Path, hours: Json) -> timedelta:
    number = hours if isinstance(hours, int | float) and not isinstance(hours, bool) else math.nan
    if not 0 < number <= _MOST_HOURS:
        raise DepartmentError(
            f"{path}: 'accept_hours' must be more than 0 and at most {_MOST_HOURS:g} hours, "
            f"found {hours!r:.60}"
        )
    return timedelta(hours=number)


def _prefix(path: Path, prefix: Json) -> str:
    if not isinstance(prefix, str) or not re.fullmatch(r"[A-Z]{1,6}", prefix):
        raise DepartmentError(
            f"{path}: 'case_prefix' must be 1 to 6 capital letters, found {prefix!r:.60}"
        )
    return prefix


def _zone(path: Path, name: Json) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, TypeError, OSError):
        raise DepartmentError(
            f"{path}: 'timezone' must be a name such as Asia/Shanghai, found {name!r:.60}"
        ) from None
