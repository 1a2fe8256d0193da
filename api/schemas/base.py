"""What all of the API's JSON has in common."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer, StringConstraints

__all__ = [
    "Body",
    "FeatureCollection",
    "Line",
    "Problem",
    "Public",
    "Utc",
    "Words",
]


def _utc(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


Utc = Annotated[datetime, PlainSerializer(_utc, return_type=str, when_used="json")]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]


class Public(BaseModel):
    """Sent: fields by their JSON names."""

    model_config = ConfigDict(serialize_by_alias=True)


class Body(BaseModel):
    """Received: a field that is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class Problem(Public):
    """Every error: one line, Chinese first."""

    detail: str


class FeatureCollection(Public):
    """GeoJSON (RFC 7946); a layer that the area does not have is an empty collection."""

    model_config = ConfigDict(extra="allow")

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[dict[str, Any]]
