"""Plain values of the ledger: canonical JSON, and times as text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from dispatch.errors import ReportError

__all__ = ["Json", "canonical_json", "is_plain_text", "iso", "parse_time", "parse_time_or_none"]

Json = Any
"""A value that JSON can carry: what `json.loads` returns."""


def canonical_json(value: Json) -> str:
    """JSON text that is the same for equal values: keys sorted, no spaces, no NaN, text as is.

    Floats are Python's shortest repr, which survives reading and writing again unchanged.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def is_plain_text(text: str) -> bool:
    """Whether every database can keep it: UTF-8, and no control characters but tab and newline."""
    return not any(
        (ord(c) < 32 and c not in "\t\n") or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF
        for c in text
    )


def iso(at: datetime) -> str:
    """An aware time as UTC with a trailing Z, microseconds only where there are some."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_time(text: object, source: str) -> datetime:
    """ISO 8601 text with a zone to aware UTC; raises ReportError naming `source`."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
        if at is not None and at.tzinfo is not None and 1970 < at.year < 2200:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ReportError(
        f"{source}: expected a time with its zone such as 2026-05-20T01:00:00Z, found {text!r:.60}"
    )


def parse_time_or_none(text: object, source: str) -> datetime | None:
    """As `parse_time`, and None for None."""
    return None if text is None else parse_time(text, source)
