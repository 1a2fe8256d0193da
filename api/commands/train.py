"""`patrol train`: train or fine-tune the detector on data sets, and export it for the CPU."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.common import JsonFlag, emit, note, progress
from geo.errors import PatrolError

if TYPE_CHECKING:
    from detection.training.settings import TrainingSettings

__all__ = ["register"]

_START_WEIGHTS = Path("weights") / "yolov8n_init.pt"
_CALIBRATION_PICTURES = 128
_CROPS_A_PICTURE = 2  # of whole pictures, for training


def register(app: typer.Typer) -> None:
    """Add `patrol train` to the command line."""

    @app.command("train")
    def train_command(
        config: Annotated[
            Path | None,
            typer.Argument(
                help="How to train, a YAML file as models/recipes/train-*.yaml; what is given "
                "here besides counts more."
            ),
        ] = None,
        data: Annotated[
            list[Path] | None,
            typer.Option(
                help="A data set of `patrol dataset`, or a recipe (.yaml) to build it from. May be "
                "given more than once: own pictures beside those that it learned from before."
            ),
        ] = None,
        weights: Annotated[
            Path | None,
            typer.Option(
                "--from", help="A model's folder or weights (.pt) to start from: models/…."
            ),
        ] = None,
        out: Annotated[
            Path | None,
            typer.Option(help="Folder for the finished model; models/own where nothing is said."),
        ] = None,
        work: Annotated[
            Path | None,
            typer.Option(help="Folder for checkpoints and what is built; runs/NAME if not given."),
        ] = None,
        epochs: Annotated[
            int | None, typer.Option(min=1, help="Times through the training set.")
        ] = None,
        imgsz: Annotated[int | None, typer.Option(help="Side of the square input, px.")] = None,
        batch: Annotated[int | None, typer.Option(min=1, help="Pictures a step.")] = None,
        seed: Annotated[int | None, typer.Option(help="Seed of order and augmentation.")] = None,
        threads: Annotated[int | None, typer.Option(min=1, help="Processor threads.")] = None,
        device: Annotated[
            str | None, typer.Option(help="cpu, or 0 for the first GPU (in mixed precision).")
        ] = None,
        real: Annotated[
            Path | None,
            typer.Option(
                envvar="RIVER_PATROL_DATA",
                help="Folder of public sets, $DATA in recipes; start weights are looked for there.",
            ),
        ] = None,
        resume: Annotated[
            bool, typer.Option("--resume", help="Go on from the last checkpoint in --work.")
        ] = False,
        int8: Annotated[
            bool, typer.Option("--int8/--no-int8", help="Quantise the OpenVINO export to 8 bits.")
        ] = True,
        as_json: JsonFlag = False,
    ) -> None:
        """训练检测模型 Train or fine-tune the detector, and export it for the CPU.

        Example: patrol dataset import isood.zip --out data/isood, then patrol train --data
        data/isood --from models/river-patrol-n --out models/own. Stops cleanly on Ctrl-C;
        --resume goes on.
        """  # fmt: skip
        from detection.training.ultralytics_setup import training_missing

        reason = training_missing()
        if reason is not None:
            raise PatrolError(f"training needs more packages: {reason}")
        from detection.training.export import export_openvino
        from detection.training.listing import listed, pictures_of, write_listing
        from detection.training.run import keep_weights, train
        from detection.training.settings import TrainingSettings, read_settings

        given = {
            "epochs": epochs, "side_px": imgsz, "batch": batch, "seed": seed, "threads": threads,
            "device": device,
        }  # fmt: skip
        rest: dict[str, Any] = {}
        if config is not None:
            settings, rest = read_settings(config, **given)
        else:
            settings = TrainingSettings(**{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
        out = out or Path(rest.get("out") or "models/own")
        folder = work or Path("runs") / out.name
        last = folder / "run" / "weights" / "last.pt"
        if resume and not last.is_file():
            raise PatrolError(f"{last}: no checkpoint to resume from; leave --resume out")
        beside = config.parent if config else Path()
        named = [_path(text, beside, real) for text in rest.get("data", [])] + (data or [])
        if not named:
            raise PatrolError(
                "nothing to train on: name --data FOLDER (made by patrol dataset) or a recipe"
            )
        sets = []
        for path in named:
            one = listed(_built(path, folder, settings.seed, real))
            sets.append(one if one.is_of_crops else listed(_cropped(one.folder, folder, settings)))
        listing = write_listing(sets, folder)
        for one in sets:
            counts = ", ".join(f"{len(pictures_of(one, s))} {s}" for s in ("train", "val"))
            note(f"{one.folder}: {counts}")
        start = None if resume else _start(weights, rest.get("weights"), beside, real)
        with progress("训练 train", unit="batches") as advance:

            def report(done: float, total: float, message: str) -> None:
                advance(done, total)
                if message:
                    note(message)

            result = train(
                listing, folder / "run", settings, weights=start, resume=resume, advance=report
            )
        keep_weights(result.best, out / "best.pt")
        calibration = _calibration(pictures_of(sets[0], "val")) if int8 else ()
        export_openvino(out / "best.pt", out / "openvino", calibration=calibration)
        sizes = {p.name: os.path.getsize(p) for p in sorted(out.rglob("*")) if p.is_file()}  # noqa: PTH202
        summary: dict[str, Any] = {
            "model": str(out), "epochs": result.epochs, "ap50_validation": result.ap50,
            "bytes": sizes, "checkpoints": str(result.last.parent),
        }  # fmt: skip
        emit(
            summary, as_json=as_json,
            text=f"{out}: AP50 {result.ap50:.3f} on the validation pictures after {result.epochs} "
            f"epochs, {sum(sizes.values()) / 1e6:.1f} MB; next: patrol evaluate {out} DATASET",
        )  # fmt: skip


def _path(text: str, beside: Path, real: Path | None) -> Path:
    """A path of a training file: relative to it, $DATA for the folder of public sets."""
    if text.startswith("$DATA"):
        if real is None:
            raise PatrolError(f"{text}: name the folder of public sets with RIVER_PATROL_DATA")
        return real / text.removeprefix("$DATA").lstrip("/")
    return beside / text


def _built(path: Path, folder: Path, seed: int, real: Path | None) -> Path:
    """The data set's folder; a recipe is built first, unless that was done before."""
    if path.suffix not in (".yaml", ".yml"):
        return path
    from api.commands.dataset import build_from_recipe

    built = folder / f"set-{path.stem}"
    if (built / "manifest.json").is_file():
        note(f"{built}: built before from {path.name}")
        return built
    build_from_recipe(path, built, seed=seed, work=folder / f"parts-{path.stem}", data=real)
    return built


def _cropped(whole: Path, folder: Path, settings: TrainingSettings) -> Path:
    """Crops of a set of whole pictures, at the scale at which the detector will see them."""
    from detection.training.dataset import Part, build_dataset
    from detection.training.sources import YoloFolder

    out = folder / f"crops-{whole.name}"
    note(f"{whole}: whole pictures; cutting crops of {settings.side_px} px into {out}")
    part = Part(YoloFolder(whole, name=whole.name), _CROPS_A_PICTURE, 1)
    with progress("裁剪 crops", unit="crops") as advance:
        build_dataset(
            [part], out, seed=settings.seed, side_px=settings.side_px,
            advance=lambda done: advance(done),
        )  # fmt: skip
    return out


def _start(given: Path | None, said: str | None, beside: Path, real: Path | None) -> Path | None:
    """The weights to start from."""
    path = given or (_path(said, beside, real) if said else None)
    if path is not None:
        return path / "best.pt" if path.is_dir() else path
    found = real / _START_WEIGHTS if real else None
    if found is not None and found.is_file():
        return found
    note("no start weights (--from): starting from random ones takes far more epochs")
    return None


def _calibration(pictures: list[Path]) -> list[Any]:
    """Evenly spaced validation pictures."""
    from detection.training.pictures import read_picture

    step = max(1, len(pictures) // _CALIBRATION_PICTURES)
    return [read_picture(p) for p in pictures[::step][:_CALIBRATION_PICTURES]]
