"""`patrol plan`: from rivers to flight lines, sorties and the proof of what they cover."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.common import JsonFlag, emit, note, progress
from api.commands.plan_report import plan_summary, plan_table

if TYPE_CHECKING:
    from geo.camera import Camera
    from geo.terrain import Terrain
    from patrol.area import StudyArea
    from patrol.plan import Plan, Reach
    from patrol.planning.settings import PlanSettings

__all__ = ["register", "write_plan"]


class Capture(StrEnum):
    VIDEO = "video"
    PHOTOS = "photos"


class Cover(StrEnum):
    BOTH = "both"
    LEFT = "left"
    RIGHT = "right"
    WATER = "water"


class Datum(StrEnum):
    WGS84 = "wgs84"
    GCJ02 = "gcj02"


_FILES, _CAMERA, _GROUND, _CREW = "Layers", "Camera and corridor", "Height", "Battery and crew"


def register(app: typer.Typer) -> None:
    @app.command(
        help="规划 Plan flight lines that see the banks of the rivers, and sorties that the "
        "battery can fly, in the least operating time. Writes plan.json, with the proof of what "
        "is covered, and lanes.geojson into the patrol folder."
    )
    def plan(
        area: Annotated[
            Path,
            typer.Argument(
                help="Study area's folder: rivers, launch_sites and, where there are, banks and "
                "no_fly_zones as .geojson, .gpkg, .shp, .kml, .kmz or .gpx."
            ),
        ],
        out: Annotated[Path, typer.Option(help="Patrol folder to write into.")],
        river: Annotated[
            list[str] | None, typer.Option(help="Only this river, by code; may be repeated.")
        ] = None,
        from_m: Annotated[
            float | None, typer.Option(help="Stretch of one --river: begin here, metres along it.")
        ] = None,
        to_m: Annotated[
            float | None, typer.Option(help="Stretch of one --river: end here, metres along it.")
        ] = None,
        rivers: Annotated[
            Path | None,
            typer.Option(help="Centrelines, in place of the folder's.", rich_help_panel=_FILES),
        ] = None,
        banks: Annotated[
            Path | None,
            typer.Option(help="Water polygons: the width follows them.", rich_help_panel=_FILES),
        ] = None,
        sites: Annotated[
            Path | None,
            typer.Option(help="Launch sites, in place of the folder's.", rich_help_panel=_FILES),
        ] = None,
        zones: Annotated[
            list[Path] | None,
            typer.Option(
                help="No-fly zones, also ED-269 and ED-318; may be repeated.",
                rich_help_panel=_FILES,
            ),
        ] = None,
        datum: Annotated[
            Datum,
            typer.Option(
                help="Coordinates of the layers, where a file does not say; gcj02 is 火星坐标.",
                rich_help_panel=_FILES,
            ),
        ] = Datum.WGS84,
        bbox: Annotated[
            str | None,
            typer.Option(
                help="Only this part of large files: west,south,east,north in degrees.",
                rich_help_panel=_FILES,
            ),
        ] = None,
        dem: Annotated[
            list[Path] | None,
            typer.Option(
                help="Ground heights, GeoTIFF or .hgt; lanes follow them. May be repeated.",
                rich_help_panel=_GROUND,
            ),
        ] = None,
        tolerance: Annotated[
            float | None,
            typer.Option(
                help="Metres that lanes over a DEM may be too low; default 15 % of the height.",
                rich_help_panel=_GROUND,
            ),
        ] = None,
        clearance: Annotated[
            float, typer.Option(help="Least metres above ground.", rich_help_panel=_GROUND)
        ] = 15.0,
        camera: Annotated[
            str,
            typer.Option(help="m3e, m3t, m30t, m4e, p4rtk or mini4pro.", rich_help_panel=_CAMERA),
        ] = "m3e",
        sensor: Annotated[
            str | None,
            typer.Option(
                help="Your own camera under that aircraft: sensor width and focal length in mm and "
                "picture size in pixels, as 13.2,8.8,5472x3648.",
                rich_help_panel=_CAMERA,
            ),
        ] = None,
        capture: Annotated[
            Capture, typer.Option(help="Video, or photos by distance.", rich_help_panel=_CAMERA)
        ] = Capture.VIDEO,
        picture: Annotated[
            str | None,
            typer.Option(
                help="Picture size, as 3840x2160; default 1920x1080 for video, all for photos.",
                rich_help_panel=_CAMERA,
            ),
        ] = None,
        gsd_cm: Annotated[
            float,
            typer.Option(
                help="Ground sample distance, cm a pixel; sets the height.",
                rich_help_panel=_CAMERA,
            ),
        ] = 3.5,
        pitch: Annotated[
            float,
            typer.Option(
                help="Gimbal pitch, degrees; -90 looks straight down.", rich_help_panel=_CAMERA
            ),
        ] = -90.0,
        speed: Annotated[
            float | None,
            typer.Option(
                help="Ground speed, m/s; default: that with the least operating time.",
                rich_help_panel=_CAMERA,
            ),
        ] = None,
        cover: Annotated[
            Cover,
            typer.Option(
                help="Both banks, one, or both and the water between.", rich_help_panel=_CAMERA
            ),
        ] = Cover.WATER,
        strip: Annotated[
            float,
            typer.Option(
                help="Metres beyond the water's edge to see on a bank.", rich_help_panel=_CAMERA
            ),
        ] = 15.0,
        inner: Annotated[
            float,
            typer.Option(help="Metres of water along a bank to see too.", rich_help_panel=_CAMERA),
        ] = 5.0,
        sidelap: Annotated[
            float,
            typer.Option(
                help="Share of a picture that neighbouring lanes share.", rich_help_panel=_CAMERA
            ),
        ] = 0.2,
        frontlap: Annotated[
            float,
            typer.Option(help="Share that photos in a row share.", rich_help_panel=_CAMERA),
        ] = 0.6,
        battery_wh: Annotated[
            float | None,
            typer.Option(
                help="Battery energy; default: the aircraft's own.", rich_help_panel=_CREW
            ),
        ] = None,
        reserve: Annotated[
            float,
            typer.Option(
                help="Share of the battery kept in reserve at landing.", rich_help_panel=_CREW
            ),
        ] = 0.25,
        wind: Annotated[float, typer.Option(help="Wind, m/s.", rich_help_panel=_CREW)] = 0.0,
        wind_from: Annotated[
            float,
            typer.Option(
                help="Where it comes from, degrees clockwise from north.", rich_help_panel=_CREW
            ),
        ] = 0.0,
        swap_min: Annotated[
            float, typer.Option(help="Minutes for a battery swap.", rich_help_panel=_CREW)
        ] = 5.0,
        crews: Annotated[
            int, typer.Option(help="Crews that work at the same time.", rich_help_panel=_CREW)
        ] = 1,
        drones: Annotated[
            int, typer.Option(help="Drones of a crew, flown in turn.", rich_help_panel=_CREW)
        ] = 1,
        car_km_h: Annotated[
            float,
            typer.Option(
                help="A crew's car between launch sites; 0: crews stay.", rich_help_panel=_CREW
            ),
        ] = 21.6,
        docks: Annotated[
            bool,
            typer.Option(
                "--docks", help="Every site is a dock with its own drone.", rich_help_panel=_CREW
            ),
        ] = False,
        png: Annotated[bool, typer.Option("--png", help="Draw plan.png too.")] = False,
        html: Annotated[
            bool, typer.Option("--html", help="Write plan.html too: one file, works offline.")
        ] = False,
        as_json: JsonFlag = False,
    ) -> None:
        from patrol.area import StudyArea
        from patrol.planning.planner import chosen_reaches
        from patrol.planning.settings import PlanSettings
        from patrol.planning.wind import Wind

        study_area = StudyArea.read(
            area,
            rivers=rivers,
            banks=banks,
            launch_sites=sites,
            no_fly_zones=zones or None,
            datum=datum.value,
            bbox=_bounds(bbox),
        )
        if not zones and not _has_zones(area):
            note(f"注意 note: {area} has no no_fly_zones; planned as if there were none")
        settings = PlanSettings(
            camera=camera,
            own_camera=_own_camera(sensor),
            capture=capture.value,
            picture_px=_size(picture),
            gsd_m=gsd_cm / 100,
            pitch_deg=pitch,
            speed_m_s=1.0 if speed is None else speed,
            cover=cover.value,
            strip_m=strip,
            inner_m=inner,
            sidelap=sidelap,
            frontlap=frontlap,
            battery_wh=battery_wh,
            reserve_share=reserve,
            wind=Wind(wind, wind_from),
            clearance_m=clearance,
            terrain_tolerance_m=tolerance,
            swap_s=swap_min * 60,
            crews=crews,
            drones=drones,
            car_m_s=car_km_h / 3.6 if car_km_h else None,
            docks=docks,
        )
        reaches = chosen_reaches(study_area, river or (), from_m, to_m)
        terrain, filled = _terrain(dem or (), study_area)
        made = _planned(study_area, settings, reaches, terrain, fastest=speed is None)
        for line in (*filled, *made.notes):
            note(f"注意 note: {line}")
        write_plan(made, out, png=png, html=html)
        emit(plan_summary(made, out), as_json=as_json, text=plan_table(made, out))


def _has_zones(area: Path) -> bool:
    return any(area.glob("no_fly_zones.*"))


def _planned(
    area: StudyArea,
    settings: PlanSettings,
    reaches: tuple[Reach, ...],
    terrain: Terrain | None,
    *,
    fastest: bool,
) -> Plan:
    from patrol.planning.fastest import plan_fastest
    from patrol.planning.planner import plan_area

    with progress("规划 planning", 100, "%") as advance:

        def report(stage: str, share: float) -> None:
            advance(100 * share)

        plan = plan_fastest if fastest else plan_area
        return plan(area, settings, reaches, terrain, report)


def write_plan(made: Plan, out: Path, *, png: bool = False, html: bool = False) -> None:
    """plan.json and lanes.geojson into the patrol's folder, and pictures where asked for; says
    what of an earlier plan lies there."""
    from geo.layers import write_layer
    from patrol.planning.layers import lane_features

    stale = [name for name in ("flight", "footage") if (out / name).exists()]
    if stale:
        note(f"注意 note: {out} holds {' and '.join(stale)} of an earlier plan; fly and film again")
    made.write(out)
    write_layer(out / "lanes.geojson", lane_features(made))
    if png:
        from patrol.pictures import draw_png

        draw_png(made, out / "plan.png")
    if html:
        from patrol.pictures import write_html

        write_html(made, out / "plan.html")


def _terrain(dem: list[Path] | tuple[()], area: StudyArea) -> tuple[Terrain | None, list[str]]:
    """The terrain about the area, small holes filled, with a note for each."""
    import numpy as np
    import shapely

    from geo.terrain import Terrain

    if not dem:
        return None, []
    points = np.vstack(
        [
            *(shapely.get_coordinates(river.centreline) for river in area.rivers),
            *([[s.position.lon_deg, s.position.lat_deg]] for s in area.launch_sites),
        ]
    )
    west, south = points.min(axis=0) - _DEM_MARGIN_DEG
    east, north = points.max(axis=0) + _DEM_MARGIN_DEG
    return Terrain.read(dem, (west, south, east, north)).filled()


_DEM_MARGIN_DEG = 0.02


def _bounds(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        west, south, east, north = 1.0, 1.0, 0.0, 0.0
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise typer.BadParameter(
            f"expected west,south,east,north in degrees, as 113.4,23.1,113.6,23.3, found {text!r}"
        )
    return west, south, east, north


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise typer.BadParameter(f"expected a size as 3840x2160, found {text!r}") from None
    return width, height


def _own_camera(text: str | None) -> Camera | None:
    from geo.camera import Camera

    if text is None:
        return None
    parts: list[Any] = text.split(",")
    try:
        sensor_mm, focal_mm = float(parts[0]), float(parts[1])
        size = _size(parts[2])
    except (ValueError, IndexError):
        size = None
    if size is None or not (sensor_mm > 0 and focal_mm > 0):
        raise typer.BadParameter(
            "expected sensor width and focal length in mm and the picture size, as "
            f"13.2,8.8,5472x3648, found {text!r}"
        )
    return Camera("own", size[0], size[1], focal_mm / sensor_mm * size[0])
