"""`patrol vehicle`: a simulated vehicle by itself, for whatever ground station comes."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.common import JsonFlag, emit, note, stop

if TYPE_CHECKING:
    from geo.coordinates import LonLat
    from patrol.simulation.vehicle import Fault, VehicleSettings

__all__ = ["register"]

_HOME_MSL_M = 20.0
_EXAMPLE = "113.459,23.106"


def register(app: typer.Typer) -> None:
    @app.command(
        help="模拟机 Run a simulated vehicle until Ctrl-C, bound to this machine; fly it with "
        "`patrol fly DIR --connect tcp:127.0.0.1:5760` or any ground station that speaks MAVLink."
    )
    def vehicle(
        home: Annotated[
            str | None, typer.Option(help=f"Where it stands, LON,LAT, for example {_EXAMPLE}.")
        ] = None,
        patrol: Annotated[
            Path | None,
            typer.Option(help="In place of --home: a patrol folder; it stands at its launch site."),
        ] = None,
        sortie: Annotated[
            int | None, typer.Option(help="Which of the patrol's sorties [default: the first].")
        ] = None,
        port: Annotated[int, typer.Option(help="TCP port; 0 takes a free one.", max=65535)] = 5760,
        speedup: Annotated[
            float, typer.Option(help="Seconds on board in one second, at most.", min=0.5, max=1000)
        ] = 10.0,
        wind: Annotated[float, typer.Option(help="Mean wind in m/s.", min=0, max=15)] = 3.0,
        seed: Annotated[int, typer.Option(help="Seed of wind and position errors.")] = 0,
        battery: Annotated[
            float, typer.Option(help="Charge of its battery in percent.", min=0, max=100)
        ] = 100.0,
        fault: Annotated[
            list[str] | None,
            typer.Option(
                help="What goes wrong, in seconds after take-off, as gps@60+10, battery@60=15, "
                "link@60+20, loss=20, pilot@60=LOITER, reboot@90. May be repeated."
            ),
        ] = None,
        faults: Annotated[
            Path | None, typer.Option(help="A file of such faults, one a line, # for comments.")
        ] = None,
        as_json: JsonFlag = False,
    ) -> None:
        from patrol.simulation.vehicle import VehicleSettings

        place, msl_m = _place(home, patrol, sortie)
        _run(
            VehicleSettings(
                place, time.time(), home_msl_m=msl_m, speedup=speedup, ground_speedup=speedup,
                seed=seed, wind_m_s=wind, battery_pct=battery, port=port,
                faults=_faults(fault or [], faults),
            ),
            as_json=as_json,
        )  # fmt: skip


def _place(home: str | None, patrol: Path | None, sortie: int | None) -> tuple[LonLat, float]:
    """Where it stands and how high above sea level, metres."""
    if (home is None) == (patrol is None):
        stop(f"请给出 --home 或 --patrol 之一 give one of --home {_EXAMPLE} and --patrol DIR")
    if home is not None:
        if sortie is not None:
            stop("--sortie 只与 --patrol 连用 --sortie goes with --patrol")
        return _lon_lat(home), _HOME_MSL_M
    from patrol.plan import Plan

    assert patrol is not None
    plan = Plan.read(patrol)
    if not plan.sorties:
        stop(f"{patrol}: 计划中没有架次 the plan has no sorties")
    chosen = plan.sorties[0] if sortie is None else plan.sortie(sortie)
    return chosen.launch, chosen.ground_msl_m or _HOME_MSL_M


def _lon_lat(text: str) -> LonLat:
    from geo.coordinates import LonLat
    from geo.errors import CoordinateError

    try:
        lon, lat = (float(part) for part in text.split(","))
        return LonLat(lon, lat)
    except (ValueError, CoordinateError):
        stop(f"--home {text!r} 不是“经度,纬度” is not LON,LAT; write for example {_EXAMPLE}")


def _faults(texts: list[str], path: Path | None) -> tuple[Fault, ...]:
    from patrol.simulation.vehicle import Fault, read_faults

    return (*(Fault.parse(text) for text in texts), *(read_faults(path) if path else ()))


def _run(settings: VehicleSettings, *, as_json: bool) -> None:
    from patrol.simulation.vehicle.process import VehicleProcess

    try:
        vehicle = VehicleProcess(settings)
    except OSError as error:
        stop(
            f"端口 {settings.port} 不可用 port {settings.port} cannot be used "
            f"({error.strerror or error}); choose another with --port"
        )
    address = f"tcp:127.0.0.1:{vehicle.link.port}"
    try:
        emit({"address": address}, as_json=as_json, text=f"模拟机地址 vehicle at {address}")
        note("按 Ctrl-C 结束 Ctrl-C ends it")
        vehicle.run(threading.Event())
    except KeyboardInterrupt:
        note("已结束 ended")
    finally:
        vehicle.link.close()
