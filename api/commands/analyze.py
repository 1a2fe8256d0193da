"""`patrol analyze`: footage to sightings with evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from api.commands.common import JsonFlag, emit, note, progress

__all__ = ["register"]

MODELS = Path(__file__).resolve().parents[2] / "models"


def register(app: typer.Typer) -> None:
    @app.command(
        help="识别 Find outfalls, discharges, structures and floating waste in footage. SOURCE is "
        "a patrol folder (its footage/ is taken and the result written into it), a video with its "
        ".SRT beside it, or a folder of photos. Writes sightings.geojson, evidence/ and "
        "manifest.json."
    )
    def analyze(
        sources: Annotated[
            list[Path],
            typer.Argument(metavar="SOURCE...", help="Patrol folder, video or folder of photos."),
        ],
        out: Annotated[
            Path | None,
            typer.Option(
                help="Where to write [default: the patrol folder, else SOURCE-sightings]."
            ),
        ] = None,
        model: Annotated[Path, typer.Option(help="Folder of a trained model.")] = MODELS
        / "river-patrol-n",
        classes: Annotated[Path, typer.Option(help="Class list.")] = MODELS / "classes.json",
        backend: Annotated[
            Literal["auto", "openvino", "onnx", "ultralytics"],
            typer.Option(
                help="What runs the model; auto takes what is fastest on this machine: ultralytics "
                "or onnx on an NVIDIA card, else openvino."
            ),
        ] = "auto",
        camera: Annotated[
            str | None,
            typer.Option(help="Camera, e.g. m3e [default: by the footage's focal length]."),
        ] = None,
        timezone: Annotated[
            str, typer.Option(help="Zone of the drone's clock, which the footage does not tell.")
        ] = "Asia/Shanghai",
        new_ground: Annotated[
            float,
            typer.Option(
                min=0.01,
                max=1.0,
                help="Share of new ground from one frame looked at to the next; less is slower and "
                "sees each place more often.",
            ),
        ] = 0.3,
        height_m: Annotated[
            float | None,
            typer.Option(help="Height above the launch site, where the footage does not tell."),
        ] = None,
        pitch_deg: Annotated[
            float, typer.Option(help="Camera pitch, where the footage does not tell; -90 is down.")
        ] = -90.0,
        altitude_above: Annotated[
            Literal["launch", "msl"] | None,
            typer.Option(help="What a bare 'altitude' in the subtitles is above: launch or msl."),
        ] = None,
        launch_msl_m: Annotated[
            float | None, typer.Option(help="Launch site's height above sea level.")
        ] = None,
        allow_partial: Annotated[
            bool, typer.Option(help="Analyse what there is of truncated footage or telemetry.")
        ] = False,
        as_json: JsonFlag = False,
    ) -> None:
        if out is None and len(sources) > 1:
            raise typer.BadParameter("needed with more than one source", param_hint="--out")
        from detection.analysis import Settings
        from detection.analysis import analyze as run
        from detection.backends import ClassList, open_detector
        from detection.telemetry.clock import declared_zone
        from detection.telemetry.poses import PoseSettings
        from geo.camera import CAMERAS

        if camera is not None and camera not in CAMERAS:
            raise typer.BadParameter(f"must be one of {', '.join(CAMERAS)}", param_hint="--camera")
        names = ClassList.read(classes)
        detector = open_detector(model, names, backend)
        note(f"后端 back end: {detector.running}")
        settings = Settings(
            new_ground_share=new_ground,
            pose=PoseSettings(pitch_deg, height_m, altitude_above, launch_msl_m),
            allow_partial=allow_partial,
        )
        with progress("识别 analyze", unit="pictures") as advance:
            done = run(
                sources, out or _default_out(sources[0]), detector, names,
                zone=declared_zone(timezone), camera=CAMERAS[camera] if camera else None,
                settings=settings, advance=advance, note=note,
            )  # fmt: skip
        for line in done.warnings:
            note(f"注意 note: {line}")
        result = {
            "out": str(done.out), "patrol": done.patrol, "pictures": done.pictures,
            "analysed": done.analysed, "sightings": done.sightings, "warnings": list(done.warnings),
        }  # fmt: skip
        found = ", ".join(f"{count} {name}" for name, count in done.sightings.items())
        emit(
            result,
            as_json=as_json,
            text=f"{done.analysed} of {done.pictures} pictures looked at: {found}; "
            f"written to {done.out / 'sightings.geojson'}",
        )


def _default_out(source: Path) -> Path:
    if (source / "footage").is_dir():
        return source
    path = source.absolute()
    stem = path.with_suffix("") if path.is_file() else path
    return stem.with_name(f"{stem.name}-sightings")
