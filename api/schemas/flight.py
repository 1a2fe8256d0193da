"""A running flight, and what an operator wants of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.schemas.base import Body, Public, Utc
from patrol.flight.desk import Action

__all__ = [
    "CommandBody",
    "CommandPublic",
    "FlightEnd",
    "FlightEvent",
    "FlightHead",
    "FlightPublic",
    "FlightSortie",
    "FlightState",
    "Position",
    "Trail",
    "VehiclePublic",
]


class FlightSortie(Public):
    """A sortie that the flight means to fly."""

    id: int
    launch_site: str | None = None
    planned_m: float | None = None
    planned_s: float | None = None


class FlightHead(Public):
    """What flies: the first line of live.jsonl, or the last such, where it was taken over."""

    id: str
    patrol: str | None = None
    simulated: bool = False
    vehicles: int
    sorties: list[FlightSortie] = Field(default_factory=list)
    started: Utc | None = None


class FlightState(Public):
    """How a sortie stands: checking, loading, arming, takeoff, mission, paused, returning,
    landing, landed, lost, pilot or done."""

    vehicle: int
    sortie: int | None = None
    time: Utc | None = Field(None, description="The vehicle's clock.")
    state: str
    text: str = ""


class Position(Public):
    """Where a vehicle is and how far it has come; null is what it has not told."""

    vehicle: int
    sortie: int | None = None
    time: Utc | None = Field(None, description="The vehicle's clock.")
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)
    above_launch_m: float | None = None
    yaw_deg: float | None = Field(None, description="Clockwise from north.")
    ground_speed_m_s: float | None = None
    battery_pct: float | None = None
    mode: str | None = None
    armed: bool | None = None
    item: int | None = Field(None, description="Of the mission, being flown to.")
    items: int | None = None
    flown_m: float | None = None
    planned_m: float | None = None
    recording: bool | None = None
    link: str | None = Field(None, description="ok or silent.")


class FlightEvent(Public):
    n: int = Field(description="Its line in live.jsonl.")
    vehicle: int | None = None
    sortie: int | None = None
    time: Utc | None = Field(None, description="The vehicle's clock.")
    level: str
    text: str


class FlightEnd(Public):
    """`code` is the exit code of patrol fly: 0 complete."""

    outcome: str
    code: int
    seen_share: float | None = None


class VehiclePublic(Public):
    vehicle: int
    state: FlightState | None
    position: Position | None


class Trail(Public):
    """What a vehicle has flown of a sortie, thinned to about half a metre."""

    vehicle: int
    sortie: int | None
    line: list[tuple[float, float]] = Field(description="Longitude, latitude.")


class FlightPublic(Public):
    """The last or running flight of a patrol; `flight` null is none yet."""

    running: bool
    flight: FlightHead | None
    vehicles: list[VehiclePublic]
    events: list[FlightEvent] = Field(description="The last 50, oldest first.")
    trails: list[Trail]
    end: FlightEnd | None = Field(description="null while it runs, and where it was cut off.")
    quiet_s: float | None = Field(description="Seconds since the flight last told anything.")
    cursor: str = Field(description="Where the stream goes on after this: its `after`.")


class CommandBody(Body):
    """POST /api/patrols/{id}/flight/commands: to one vehicle, or to all that fly (null)."""

    action: Action
    vehicle: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = None


class CommandPublic(Public):
    """The command was handed over; what came of it is an `answer` in the stream, by this id."""

    id: str
    action: Action
    vehicle: int | None
