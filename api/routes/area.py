"""The study area, and whether the server is well."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import numpy as np
import shapely
from fastapi import APIRouter
from shapely.geometry.base import BaseGeometry

from api.context import ContextDep
from api.intake import District
from api.patrols import layer
from api.schemas import (
    AreaLayers,
    AreaPublic,
    DepartmentPublic,
    FeatureCollection,
    HealthPublic,
)

__all__ = ["public_area", "router"]

router = APIRouter(tags=["area"])


@router.get("/health")
def health(context: ContextDep) -> HealthPublic:
    """Answers once the server can read its database."""
    context.store.head()
    return HealthPublic(version=_version(), database=context.store.dialect)


@router.get("/area")
def area(context: ContextDep) -> AreaPublic:
    """Every layer of the study area, and the departments."""
    return context.area


def public_area(district: District) -> AreaPublic:
    """The area as the API shows it. Raises LayerError where a layer is not right."""
    folder = district.area.folder
    layers = {
        name: FeatureCollection.model_validate(layer(folder / f"{name}.geojson"))
        for name in AreaLayers.model_fields
    }
    shapes: list[BaseGeometry] = [river.centreline for river in district.area.rivers]
    shapes += [community.geometry for community in district.communities.areas]
    west, south, east, north = shapely.total_bounds(np.array(shapes)).tolist()
    departments = district.departments
    return AreaPublic(
        name=folder.resolve().name,
        bounds=(west, south, east, north),
        layers=AreaLayers.model_validate(layers),
        departments=[
            DepartmentPublic(
                code=department.code,
                name=department.name,
                name_en=department.name_en,
                handles=[v.value for v, code in departments.handles.items() if code == code_],
            )
            for code_, department in departments.by_code.items()
        ],
        accept_hours=departments.accept_within.total_seconds() / 3600,
    )


def _version() -> str:
    try:
        return version("river-patrol")
    except PackageNotFoundError:  # run from a tree that was never installed
        return "0"
