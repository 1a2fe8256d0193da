"""The figures of a plan that people ask for, computed from the plan alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import shapely
from numpy.typing import NDArray

from patrol.mission import trigger_m
from patrol.plan import Bank, Flight, Plan, Sortie
from patrol.planning.ground import Ground
from patrol.planning.profile import legs_agl_m
from patrol.planning.settings import PlanSettings

__all__ = ["Facts", "RiverFacts", "SortieFacts", "Totals", "UncoveredFacts", "facts"]

FloatArray = NDArray[np.float64]

_WHOLE = 1e-9


@dataclass(frozen=True, slots=True)
class SortieFacts:
    """One sortie. `start_s` is after the operation's start, None where the timetable leaves the
    sortie out; crews and drones count from 1. `lane_km` is what is filmed of `km`.
    `battery_left_share` is at landing. `gsd_m` is the finest and the coarsest along its lanes.
    `filmed_s` is 0 for photos, `photos` 0 for video."""

    id: int
    site: str
    site_name: str
    site_name_en: str
    crew: int
    drone: int
    start_s: float | None
    duration_s: float
    km: float
    lane_km: float
    battery_left_share: float
    gsd_m: tuple[float, float]
    photos: int
    filmed_s: float
    gigabytes: float
    lanes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """All sorties together; the battery is the emptiest at landing, the GSD the widest range."""

    duration_s: float
    km: float
    lane_km: float
    battery_left_share: float
    gsd_m: tuple[float, float]
    photos: int
    filmed_s: float
    gigabytes: float
    lanes: int


@dataclass(frozen=True, slots=True)
class RiverFacts:
    """What the plan is meant to see of a river and sees: `km` of its centreline, metres of its
    banks."""

    code: str
    name: str
    name_en: str
    km: float
    bank_m: float
    seen_m: float

    @property
    def share(self) -> float:
        return self.seen_m / self.bank_m if self.bank_m else 1.0


@dataclass(frozen=True, slots=True)
class UncoveredFacts:
    """A part of a bank that is not seen, metres along the centreline, and why."""

    river: str
    name: str
    name_en: str
    bank: Bank
    from_m: float
    to_m: float
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the page, the picture and the command line say of a plan.

    `settings` are those of the plan. `swaps` counts the batteries changed between two sorties of
    a drone. `seen_m` of `bank_m` metres of bank are seen, `area_share` is of the corridor's area.
    """

    area: str
    settings: PlanSettings
    terrain: str | None
    sorties: tuple[SortieFacts, ...]
    total: Totals
    rivers: tuple[RiverFacts, ...]
    operating_s: float
    lower_bound_s: float
    gap_share: float
    bound_method: str
    flight_s: float
    ferry_s: float
    ground_s: float
    crews: int
    drones: int
    swaps: int
    bank_m: float
    seen_m: float
    seen_share: float
    area_share: float
    uncovered: tuple[UncoveredFacts, ...]
    notes: tuple[str, ...]

    @property
    def river_km(self) -> float:
        return sum(river.km for river in self.rivers)


def facts(plan: Plan) -> Facts:
    """The figures of a plan.

    GSD is the asked one times a lane's height above ground over the height that gives it: the
    finest above the highest and the coarsest above the lowest ground across the picture. Photos
    are a lane's length over the trigger distance, rounded up lane by lane; video is filmed along
    the lanes only. Gigabytes are 1e9 bytes at the sheet's size of a photo or bit rate.
    """
    flights = {flight.sortie: flight for flight in plan.operation.flights}
    lengths_m = _lane_lengths_m(plan)
    ground = Ground(plan.terrain, plan.projection)
    sorties = tuple(
        _sortie(plan, sortie, flights.get(sortie.id), lengths_m, ground) for sortie in plan.sorties
    )
    operation, certificate = plan.operation, plan.certificate
    teams = {(flight.crew, flight.drone) for flight in operation.flights}
    names = {river.code: (river.name, river.name_en) for river in plan.rivers}
    return Facts(
        area=plan.area,
        settings=plan.settings,
        terrain=None if plan.terrain is None else str(plan.terrain.source),
        sorties=sorties,
        total=_total(sorties, len(plan.lanes)),
        rivers=_rivers(plan),
        operating_s=operation.operating_s,
        lower_bound_s=operation.lower_bound_s,
        gap_share=operation.gap_share,
        bound_method=operation.bound_method,
        flight_s=operation.flight_s,
        ferry_s=operation.ferry_s,
        ground_s=operation.ground_s,
        crews=len({crew for crew, _ in teams}),
        drones=len(teams),
        swaps=len(operation.flights) - len(teams),
        bank_m=certificate.metres,
        seen_m=certificate.seen_m,
        seen_share=certificate.share,
        area_share=certificate.area_share,
        uncovered=tuple(
            UncoveredFacts(
                u.river, *names.get(u.river, ("", "")), u.bank, u.from_m, u.to_m, u.reason
            )
            for u in certificate.uncovered
        ),
        notes=plan.notes,
    )


def _sortie(
    plan: Plan,
    sortie: Sortie,
    flight: Flight | None,
    lengths_m: dict[str, float],
    ground: Ground,
) -> SortieFacts:
    settings, aircraft = plan.settings, plan.settings.aircraft
    lanes = tuple(dict.fromkeys(w.lane for w in sortie.waypoints if w.lane is not None))
    flown_m = [lengths_m.get(lane, 0.0) for lane in lanes]
    photos, filmed_s = 0, 0.0
    gsd_m, lanes_s = _gsd_and_seconds(plan, sortie, ground)
    if settings.capture == "photos":
        apart_m = trigger_m(plan)
        photos = sum(math.ceil(length_m / apart_m - _WHOLE) for length_m in flown_m)
        gigabytes = photos * aircraft.photo_mb / 1e3
    else:
        filmed_s = lanes_s
        gigabytes = filmed_s * aircraft.video_mbps / 8 / 1e3
    site = next((s for s in plan.launch_sites if s.code == sortie.launch_site), None)
    return SortieFacts(
        id=sortie.id,
        site=sortie.launch_site,
        site_name=site.name if site else "",
        site_name_en=site.name_en if site else "",
        crew=flight.crew if flight else 0,
        drone=flight.drone if flight else 0,
        start_s=flight.start_s if flight else None,
        duration_s=sortie.duration_s,
        km=sortie.length_m / 1e3,
        lane_km=sum(flown_m) / 1e3,
        battery_left_share=1.0 - sortie.energy_wh / settings.own_battery_wh,
        gsd_m=gsd_m,
        photos=photos,
        filmed_s=filmed_s,
        gigabytes=gigabytes,
        lanes=lanes,
    )


def _lane_lengths_m(plan: Plan) -> dict[str, float]:
    return {
        lane.id: float(shapely.transform(lane.line, plan.projection.forward).length)
        for lane in plan.lanes
    }


def _gsd_and_seconds(
    plan: Plan, sortie: Sortie, ground: Ground
) -> tuple[tuple[float, float], float]:
    """The finest and coarsest GSD along the lanes, and how long flying them takes."""
    settings = plan.settings
    speeds = {lane.id: lane.speed_m_s for lane in plan.lanes}
    points, heights = _track(plan, sortie)
    finest, coarsest, seconds = math.inf, 0.0, 0.0
    energy, half_m = settings.energy, 0.0 if ground.flat else settings.seen_half_m
    for lane, group in groupby(enumerate(sortie.waypoints), lambda row: row[1].lane):
        run = [index for index, _ in group]
        if lane is None or len(run) < 2:
            continue
        speed = np.full(len(run) - 1, speeds.get(lane, settings.speed_m_s))
        seconds += energy.along(points[run], heights[run], speed).duration_s
        msl_m = heights[run] + sortie.ground_msl_m
        if ground.flat:
            least, most = heights[run], heights[run]
        else:
            _, least, most = legs_agl_m(points[run], msl_m, ground, half_m)
        known = np.isfinite(least) & np.isfinite(most)
        if known.any():
            finest = min(finest, float(least[known].min()))
            coarsest = max(coarsest, float(most[known].max()))
    scale = settings.gsd_m / settings.height_m
    if coarsest <= 0.0:
        return (settings.gsd_m, settings.gsd_m), seconds
    return (finest * scale, coarsest * scale), seconds


def _track(plan: Plan, sortie: Sortie) -> tuple[FloatArray, FloatArray]:
    places = [(w.position.lon_deg, w.position.lat_deg) for w in sortie.waypoints]
    return plan.projection.forward(places), np.array([w.above_launch_m for w in sortie.waypoints])


def _total(sorties: tuple[SortieFacts, ...], lanes: int) -> Totals:
    return Totals(
        duration_s=sum(s.duration_s for s in sorties),
        km=sum(s.km for s in sorties),
        lane_km=sum(s.lane_km for s in sorties),
        battery_left_share=min((s.battery_left_share for s in sorties), default=1.0),
        gsd_m=(
            min((s.gsd_m[0] for s in sorties), default=0.0),
            max((s.gsd_m[1] for s in sorties), default=0.0),
        ),
        photos=sum(s.photos for s in sorties),
        filmed_s=sum(s.filmed_s for s in sorties),
        gigabytes=sum(s.gigabytes for s in sorties),
        lanes=lanes,
    )


def _rivers(plan: Plan) -> tuple[RiverFacts, ...]:
    rows = []
    for river in plan.rivers:
        reaches = [r for r in plan.reaches if r.river == river.code]
        banks = [b for b in plan.certificate.banks if b.river == river.code]
        if reaches:
            rows.append(
                RiverFacts(
                    river.code,
                    river.name,
                    river.name_en,
                    sum(r.to_m - r.from_m for r in reaches) / 1e3,
                    sum(b.metres for b in banks),
                    sum(b.seen_m for b in banks),
                )
            )
    return tuple(rows)
