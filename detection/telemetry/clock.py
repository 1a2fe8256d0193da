"""The zone of a drone's clock: subtitles and photos give local time without saying whose."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from detection.errors import DetectionError

__all__ = ["aware_utc", "declared_zone"]

_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})?")


def declared_zone(name: str) -> tzinfo:
    """A zone by IANA name ('Asia/Shanghai'), 'UTC', or an offset ('+08:00').

    Raises DetectionError for a name that is unknown here.
    """
    if name.upper() in ("UTC", "Z"):
        return UTC
    if offset := _OFFSET.fullmatch(name.strip()):
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        if minutes <= 14 * 60:
            return timezone(timedelta(minutes=minutes if offset[1] == "+" else -minutes))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DetectionError(
            f"time zone {name!r} is unknown on this machine; write an IANA name such as "
            "Asia/Shanghai or an offset such as +08:00"
        ) from None


def aware_utc(utc_s: float) -> datetime | None:
    """Seconds since 1970 as an aware datetime, rounded to milliseconds; None for NaN."""
    if utc_s != utc_s:  # NaN
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=round(utc_s * 1000))
