"""`patrol train`: fine-tune the detector on rendered frames, public sets and the user's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.common import JsonFlag, emit, note, progress
from geo.errors import PatrolError

if TYPE_CHECKING:
    from detection.training.dataset import Part

__all__ = ["register"]

_CLASSES = Path(__file__).resolve().parents[2] / "models" / "classes.json"
_START_WEIGHTS = Path("weights") / "yolov8n_init.pt"


def _mapping(pairs: list[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        theirs, equals, ours = pair.partition("=")
        if not equals or not theirs:
            raise typer.BadParameter(f"{pair!r}: expected THEIR_CLASS=OURS", param_hint="--map")
        mapping[theirs] = ours
    return mapping


def _render(area: Path, seeds: str, count: int, out: Path) -> None:
    """Film labelled frames of the virtual river, unless that was done with the same settings."""
    note(f"rendering {count} frames of worlds {seeds} into {out}")
    command = [sys.executable, "-m", "patrol.simulation.samples", "--area", str(area)]
    command += ["--seeds", seeds, "--count", str(count), "--out", str(out)]
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0:
        raise PatrolError(f"{area}: rendering training frames failed; see the messages above")


def _start_weights(given: Path | None, real: Path | None) -> Path | None:
    if given is not None:
        return given
    found = real / _START_WEIGHTS if real else None
    if found is not None and found.is_file():
        return found
    note("no start weights (--weights): starting from random ones takes far more epochs")
    return None


def _parts(
    rendered: list[Path], real: Path | None, data: list[Path], mapping: dict[str, str]
) -> list[Part]:
    from detection.training.dataset import Part
    from detection.training.sources import (
        BackgroundPhotos,
        JakartaPlastics,
        KampalaRoofs,
        YoloFolder,
    )

    parts = [
        Part(YoloFolder(folder, name=f"rendered{i}", provenance="this project's virtual river"))
        for i, folder in enumerate(rendered)
    ]
    if real is not None:
        if (real / "buildings_kampala").is_dir():
            parts.append(Part(KampalaRoofs(real / "buildings_kampala"), 60, 10))
        if (real / "floating_jakarta").is_dir():
            parts.append(Part(JakartaPlastics(real / "floating_jakarta"), 1, 0.5))
        if (real / "photos_caliterra").is_dir():
            source = BackgroundPhotos(
                real / "photos_caliterra", "caliterra", "OpenDroneMap/odm_data_caliterra, CC0"
            )
            parts.append(Part(source, 30, 6))
        if (real / "photos_brighton" / "images").is_dir():
            source = BackgroundPhotos(
                real / "photos_brighton" / "images", "brighton",
                "pierotofy/drone_dataset_brighton_beach, BSD-2-Clause",
                only=tuple(f"DJI_00{number}" for number in range(18, 24)),  # no building in these
            )  # fmt: skip
            parts.append(Part(source, 30, 6))
    for index, folder in enumerate(data):
        parts.append(Part(YoloFolder(folder, name=f"own{index}", mapping=mapping)))
    if not parts:
        raise PatrolError(
            "nothing to train on: name --data FOLDER (YOLO layout), --real FOLDER or --rendered N"
        )
    return parts


def _mistakes(parts: list[Part], model: Path, side_px: int, seed: int) -> list[Part]:
    from detection.backends import ClassList, open_detector
    from detection.training.dataset import Part
    from detection.training.evaluation import scored_by
    from detection.training.mistakes import Mistakes
    from detection.training.sources import YoloFolder

    detect = scored_by(open_detector(model, ClassList.read(_CLASSES)))
    return [
        Part(Mistakes(part.source, detect, side_px, seed, name=f"mistakes-{part.source.name}"), 1)
        for part in parts
        if isinstance(part.source, YoloFolder)
    ]


def register(app: typer.Typer) -> None:
    """Add `patrol train` to the command line."""

    @app.command("train")
    def train_command(
        data: Annotated[
            list[Path] | None,
            typer.Option(
                help="A labelled folder in YOLO layout (images/, labels/, data.yaml). "
                "May be given more than once."
            ),
        ] = None,
        classes_map: Annotated[
            list[str] | None,
            typer.Option(
                "--map",
                help="THEIR_CLASS=OURS, for folders whose classes are called "
                "differently; THEIR_CLASS= leaves it out. May be given more than once.",
            ),
        ] = None,
        rendered: Annotated[
            int, typer.Option(min=0, help="Frames of the virtual river to film and add.")
        ] = 0,
        area: Annotated[Path, typer.Option(help="Study area of the virtual river.")] = Path(
            "sample_footage/luogang"
        ),
        seeds: Annotated[
            str,
            typer.Option(
                help="Worlds to film for training, as FIRST-LAST; the next quarter "
                "as many are filmed for validation."
            ),
        ] = "1-40",
        real: Annotated[
            Path | None,
            typer.Option(
                envvar="RIVER_PATROL_DATA",
                help="Folder of public sets "
                "(buildings_kampala, floating_jakarta); see models/river-patrol-n/CARD.md.",
            ),
        ] = None,
        weights: Annotated[
            Path | None,
            typer.Option(help="Weights to start from (.pt); for example models/…/best.pt."),
        ] = None,
        mistakes_of: Annotated[
            Path | None,
            typer.Option(
                help="A model (folder with openvino/): crops about what it "
                "gets wrong in the rendered and own pictures are added."
            ),
        ] = None,
        out: Annotated[
            Path, typer.Option(help="Folder for the finished model: best.pt and openvino/.")
        ] = Path("models/own"),
        work: Annotated[
            Path | None,
            typer.Option(
                help="Folder for the training set and the checkpoints; runs/NAME where not given."
            ),
        ] = None,
        epochs: Annotated[int, typer.Option(min=1, help="Times through the training set.")] = 12,
        imgsz: Annotated[
            int, typer.Option(min=64, max=1280, help="Side of the training crops, px.")
        ] = 416,
        batch: Annotated[int, typer.Option(min=1, help="Crops a step.")] = 16,
        seed: Annotated[int, typer.Option(help="Seed of crops, order and augmentation.")] = 0,
        threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 2,
        device: Annotated[str, typer.Option(help="cpu, or 0 for the first GPU.")] = "cpu",
        resume: Annotated[
            bool, typer.Option("--resume", help="Go on from the last checkpoint in --work.")
        ] = False,
        int8: Annotated[
            bool, typer.Option("--int8/--no-int8", help="Quantise the OpenVINO export to 8 bits.")
        ] = True,
        as_json: JsonFlag = False,
    ) -> None:
        """训练检测模型 Train or fine-tune the detector, and export it for the CPU.

        Example: patrol train --data isood/ --map outlet=outfall --weights
        models/river-patrol-n/best.pt --out models/own. Stops cleanly on Ctrl-C; --resume goes on.
        """  # fmt: skip
        from detection.training.ultralytics_setup import training_missing

        reason = training_missing()
        if reason is not None:
            raise PatrolError(f"training needs more packages: {reason}")
        if imgsz % 32:
            raise typer.BadParameter("must be a multiple of 32", param_hint="--imgsz")
        from detection.training.export import export_openvino
        from detection.training.run import TrainingSettings, keep_weights, train

        folder = work or Path("runs") / out.name
        dataset, last = folder / "dataset", folder / "run" / "weights" / "last.pt"
        if resume and not last.is_file():
            raise PatrolError(f"{last}: no checkpoint to resume from; leave --resume out")
        if not (resume and (dataset / "manifest.json").is_file()):
            films = _films(area, seeds, rendered, folder)
            parts = _parts(films, real, data or [], _mapping(classes_map or []))
            if mistakes_of is not None:
                parts += _mistakes(parts, mistakes_of, imgsz, seed)
            _build(parts, dataset, seed, imgsz)
        settings = TrainingSettings(
            epochs=epochs, side_px=imgsz, batch=batch, seed=seed, threads=threads, device=device
        )
        with progress("训练 train", unit="batches") as advance:

            def report(done: float, total: float, message: str) -> None:
                advance(done, total)
                if message:
                    note(message)

            result = train(
                dataset, folder / "run", settings,
                weights=None if resume else _start_weights(weights, real),
                resume=resume, advance=report,
            )  # fmt: skip
        keep_weights(result.best, out / "best.pt")
        export_openvino(
            out / "best.pt", out / "openvino", calibration=_calibration(dataset) if int8 else ()
        )
        sizes = {p.name: os.path.getsize(p) for p in sorted(out.rglob("*")) if p.is_file()}  # noqa: PTH202
        summary: dict[str, Any] = {
            "model": str(out), "epochs": result.epochs, "ap50_validation_crops": result.ap50,
            "bytes": sizes, "checkpoints": str(result.last.parent),
        }  # fmt: skip
        emit(
            summary, as_json=as_json,
            text=f"{out}: AP50 {result.ap50:.3f} on validation crops after {result.epochs} epochs, "
            f"{sum(sizes.values()) / 1e6:.1f} MB",
        )  # fmt: skip


def _films(area: Path, seeds: str, count: int, folder: Path) -> list[Path]:
    """Rendered frames for training and validation, as one YOLO folder."""
    if not count:
        return []
    first, dash, last = seeds.partition("-")
    if not (dash and first.isdigit() and last.isdigit() and int(first) <= int(last)):
        raise typer.BadParameter(f"{seeds!r}: expected FIRST-LAST, as 1-40", param_hint="--seeds")
    worlds = int(last) - int(first) + 1
    held_out = f"{int(last) + 1}-{int(last) + max(1, worlds // 4)}"
    out = folder / "rendered"
    for split, span, share in (("train", seeds, count), ("val", held_out, max(1, count // 8))):
        _render(area, span, share, folder / f"rendered-{split}")
        for kind in ("images", "labels"):
            (out / kind).mkdir(parents=True, exist_ok=True)
            link = out / kind / split
            link.unlink(missing_ok=True)
            link.symlink_to((folder / f"rendered-{split}" / kind).resolve())
    return [out]


def _build(parts: list[Part], dataset: Path, seed: int, side_px: int) -> None:
    from detection.training.dataset import build_dataset

    with progress("裁剪 crops", unit="crops") as advance:
        summary = build_dataset(
            parts, dataset, seed=seed, side_px=side_px, advance=lambda done: advance(done)
        )
    for split, count in summary.pictures.items():
        objects = ", ".join(f"{n} {name}" for name, n in sorted(summary.objects[split].items()))
        note(f"{split}: {count} crops with {objects or 'no objects'}")


def _calibration(dataset: Path, count: int = 128) -> list[Any]:
    """Evenly spaced validation crops."""
    from detection.training.sources import read_picture

    files = sorted((dataset / "images" / "val").glob("*.jpg"))
    return [read_picture(p) for p in files[:: max(1, len(files) // count)][:count]]
