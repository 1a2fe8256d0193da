"""The study area and its patrols."""

from __future__ import annotations

from pydantic import Field

from api.schemas.base import FeatureCollection, Public, Utc

__all__ = [
    "AreaLayers",
    "AreaPublic",
    "DepartmentPublic",
    "PatrolDetail",
    "PatrolSummary",
    "PlanSummary",
    "SortieSummary",
]


class DepartmentPublic(Public):
    code: str
    name: str
    name_en: str
    handles: list[str] = Field(description="Classes of violation that it is responsible for.")


class AreaLayers(Public):
    rivers: FeatureCollection
    communities: FeatureCollection
    grids: FeatureCollection
    management_zones: FeatureCollection
    permitted_structures: FeatureCollection
    launch_sites: FeatureCollection
    no_fly_zones: FeatureCollection


class AreaPublic(Public):
    """The study area: what the map draws before anything has been flown."""

    name: str
    bounds: tuple[float, float, float, float] = Field(description="West, south, east, north.")
    layers: AreaLayers
    departments: list[DepartmentPublic]
    accept_hours: float


class SortieSummary(Public):
    id: int
    launch_site: str
    launch: tuple[float, float] = Field(description="Longitude, latitude.")
    length_m: float
    duration_s: float
    energy_wh: float
    waypoints: int


class PlanSummary(Public):
    area: str
    camera: str
    gsd_m: float
    height_agl_m: float
    speed_m_s: float
    coverage_share: float = Field(description="Share of the corridor that the lanes see.")
    lanes: int
    sorties: list[SortieSummary]


class PatrolSummary(Public):
    id: str
    planned: bool
    flown: bool
    analysed: bool
    sightings: int | None = Field(description="null until analysed.")
    cases: int
    first_seen: Utc | None = None
    last_seen: Utc | None = None


class PatrolDetail(PatrolSummary):
    plan: PlanSummary | None
