"""`patrol film`: the simulated camera's video of a flight."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.commands.common import JsonFlag, emit, progress

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    @app.command(
        help="拍摄 Film a recorded flight over the virtual river: footage/*.mp4 with DJI-style "
        ".SRT, and truth.geojson with what was planted."
    )
    def film(
        patrol: Annotated[
            Path, typer.Argument(help="Patrol folder with flight/ in it, from `patrol fly`.")
        ],
        area: Annotated[Path, typer.Option(help="Study area's folder.")],
        seed: Annotated[int, typer.Option(min=0, help="Seed of the virtual river.")] = 2026,
        fps: Annotated[float, typer.Option(help="Frames a second of the video.")] = 2.0,
        jobs: Annotated[int, typer.Option(min=1, help="Processes to film with.")] = 2,
        density: Annotated[float, typer.Option(help="Planted violations a river-kilometre.")] = 6.0,
        as_json: JsonFlag = False,
    ) -> None:
        from patrol.simulation.film import film_patrol

        with progress("拍摄 film", unit="frames") as advance:
            filmed = film_patrol(
                patrol, area, seed=seed, fps=fps, jobs=jobs, density_per_km=density, advance=advance
            )
        emit(
            {
                "videos": [str(path) for path in filmed.videos],
                "frames": filmed.frames,
                "planted": filmed.planted,
                "seconds": round(filmed.seconds, 1),
                "truth": str(patrol / "truth.geojson"),
            },
            as_json=as_json,
            text=f"已拍摄 {len(filmed.videos)} 段视频, 共 {filmed.frames} 帧 "
            f"(用时 {filmed.seconds:.0f} 秒); filmed {len(filmed.videos)} recordings into "
            f"{patrol / 'footage'}, {filmed.planted} planted violations in "
            f"{patrol / 'truth.geojson'}",
        )
