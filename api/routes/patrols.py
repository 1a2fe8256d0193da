"""Patrols: what was planned, flown and seen, and its evidence."""

from __future__ import annotations

import logging

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse

from api.context import Context, ContextDep
from api.patrols import PatrolFolder, track
from api.schemas import (
    FeatureCollection,
    PatrolDetail,
    PatrolSummary,
    PlanSummary,
    Problem,
    SortieSummary,
)
from patrol.errors import PlanFileError
from patrol.plan import Plan

__all__ = ["named", "router"]

router = APIRouter(prefix="/patrols", tags=["patrols"], responses={404: {"model": Problem}})

_log = logging.getLogger("river_patrol.api")
_PICTURES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}


@router.get("")
def patrols(context: ContextDep) -> list[PatrolSummary]:
    """Every patrol, the latest seen first."""
    counts = context.store.counts_by_patrol()
    rows = [_summary(patrol, counts) for patrol in context.patrols().values()]
    return sorted(
        rows, key=lambda row: (row.last_seen.timestamp() if row.last_seen else 0.0, row.id),
        reverse=True,
    )  # fmt: skip


@router.get("/{patrol_id}")
def patrol(context: ContextDep, patrol_id: str) -> PatrolDetail:
    found = named(context, patrol_id)
    summary = _summary(found, context.store.counts_by_patrol())
    return PatrolDetail(plan=_plan(found), **summary.model_dump())


@router.get("/{patrol_id}/lanes.geojson", response_class=FileResponse)
def lanes(context: ContextDep, patrol_id: str) -> FileResponse:
    """The planned lanes."""
    return _layer(context, patrol_id, "lanes.geojson")


@router.get("/{patrol_id}/sightings.geojson", response_class=FileResponse)
def sightings(context: ContextDep, patrol_id: str) -> FileResponse:
    """What the analysis saw, as points."""
    return _layer(context, patrol_id, "sightings.geojson")


@router.get("/{patrol_id}/sighting_ellipses.geojson", response_class=FileResponse)
def sighting_ellipses(context: ContextDep, patrol_id: str) -> FileResponse:
    """The 95 % ellipses of what the analysis saw, as polygons."""
    return _layer(context, patrol_id, "sighting_ellipses.geojson")


@router.get("/{patrol_id}/track.geojson")
def flown_track(context: ContextDep, patrol_id: str) -> FeatureCollection:
    """The flown track, one line a sortie; no features before it was flown."""
    return FeatureCollection.model_validate(track(named(context, patrol_id)))


@router.get("/{patrol_id}/evidence/{name}", response_class=FileResponse)
def evidence(context: ContextDep, patrol_id: str, name: str) -> FileResponse:
    """An evidence picture."""
    path = named(context, patrol_id).picture(name)
    if path is None:
        raise HTTPException(404, "没有这张图片: there is no such evidence picture")
    return FileResponse(path, media_type=_PICTURES[path.suffix.lower()])


def named(context: Context, patrol_id: str) -> PatrolFolder:
    """The patrol of this id; 404 where there is none."""
    try:
        return context.patrols()[patrol_id]
    except KeyError:
        raise HTTPException(404, f"没有这次巡查: there is no patrol {patrol_id!r:.60}") from None


def _layer(context: Context, patrol_id: str, name: str) -> FileResponse:
    path = named(context, patrol_id).file(name)
    if path is None:
        raise HTTPException(404, f"尚无此图层: the patrol has no {name} yet")
    return FileResponse(path, media_type="application/geo+json")


def _summary(patrol: PatrolFolder, counts: dict[str, int]) -> PatrolSummary:
    seen = patrol.seen
    return PatrolSummary(
        id=patrol.id,
        planned=patrol.planned,
        flown=bool(patrol.flights),
        analysed=seen is not None,
        sightings=seen.sightings if seen else None,
        cases=counts.get(patrol.id, 0),
        first_seen=seen.first_seen if seen else None,
        last_seen=seen.last_seen if seen else None,
    )


def _plan(patrol: PatrolFolder) -> PlanSummary | None:
    """The plan in short; None where there is none or it cannot be read."""
    path = patrol.file("plan.json")
    if path is None:
        return None
    try:
        plan = Plan.read(path)
    except PlanFileError as error:
        _log.warning("%s", error)
        return None
    return PlanSummary(
        area=plan.area,
        camera=plan.settings.camera,
        gsd_m=plan.settings.gsd_m,
        height_agl_m=plan.height_agl_m,
        speed_m_s=plan.settings.speed_m_s,
        coverage_share=plan.certificate.share,
        lanes=len(plan.lanes),
        sorties=[
            SortieSummary(
                id=sortie.id,
                launch_site=sortie.launch_site,
                launch=(sortie.launch.lon_deg, sortie.launch.lat_deg),
                length_m=sortie.length_m,
                duration_s=sortie.duration_s,
                energy_wh=sortie.energy_wh,
                waypoints=len(sortie.waypoints),
            )
            for sortie in plan.sorties
        ],
    )
