"""`patrol evaluate`: how good a model is, on labelled pictures and on whole patrols."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from api.commands.common import JsonFlag, emit, note, progress
from geo.errors import PatrolError

if TYPE_CHECKING:
    from detection.backends import ClassList, Detector
    from detection.evaluation.labelled import LabelledFolder
    from detection.evaluation.page import Page, Street

__all__ = ["register"]

MODELS = Path(__file__).resolve().parents[2] / "models"
DEFAULT_AREA = Path(__file__).resolve().parents[2] / "sample_footage" / "luogang"
_REPORT, _FIGURES = "report.html", "evaluation.json"
_MOST_FAULTS = 40


def register(app: typer.Typer) -> None:
    @app.command(
        "evaluate",
        help="评估检测模型 Measure a model on labelled pictures (DATASET in YOLO layout): AP50, "
        "AP50-95 with intervals, by class and size, precision and recall, confusion, calibration; "
        "with --patrols on whole simulated patrols: recall at 1, 2 and 5 false alerts a river "
        "kilometre. Writes OUT/report.html and OUT/evaluation.json. Example: patrol evaluate "
        "models/river-patrol-n data/ --patrols 5 --seed 501",
    )
    def evaluate(
        model: Annotated[
            Path, typer.Argument(help="Folder of a model (best.pt, openvino/), or its weights.")
        ],
        dataset: Annotated[
            Path | None,
            typer.Argument(help="Labelled folder: images/, labels/, data.yaml; its split test, "
                           "else val, else all."),
        ] = None,
        split: Annotated[
            str | None, typer.Option(help="Folder under images/ to take, as val.")
        ] = None,
        classes_map: Annotated[
            list[str] | None,
            typer.Option("--map", help="THEIR_CLASS=OURS, where classes are called differently; "
                         "THEIR_CLASS= leaves it out. May be given more than once."),
        ] = None,
        out: Annotated[
            Path | None, typer.Option(help="Where to write [default: runs/evaluate-MODEL].")
        ] = None,
        classes: Annotated[Path, typer.Option(help="Class list.")] = MODELS / "classes.json",
        backend: Annotated[
            Literal["auto", "openvino", "onnx", "ultralytics"],
            typer.Option(help="What runs the model; auto takes the fastest that is there."),
        ] = "auto",
        imgsz: Annotated[
            int | None,
            typer.Option(min=64, max=4096, help="Long side at which the detector sees a picture "
                         "[default: that of the set's crops, else 640]."),
        ] = None,
        bootstrap: Annotated[
            int, typer.Option(min=0, max=100_000, help="Resamples for the intervals; 0 for none.")
        ] = 1000,
        fit_calibration: Annotated[
            bool,
            typer.Option("--fit-calibration", help="Fit the calibration to DATASET (give "
                         "validation pictures, not test ones) and keep it with the model."),
        ] = False,
        patrols: Annotated[
            int, typer.Option(min=0, max=100, help="Worlds to patrol; about 5 minutes each.")
        ] = 0,
        area: Annotated[Path, typer.Option(help="Study area of the patrols.")] = DEFAULT_AREA,
        seed: Annotated[
            int, typer.Option(min=0, help="Seed of the bootstrap, and of the first world.")
        ] = 501,
        keep_footage: Annotated[
            bool, typer.Option(help="Keep the films of the patrols, to evaluate another model on "
                               "the same ones.")
        ] = False,
        checked: Annotated[
            bool,
            typer.Option("--check/--no-check", help="First look through the whole set for boxes "
                         "outside the picture, unknown classes, pictures in train and test."),
        ] = True,
        as_json: JsonFlag = False,
    ) -> None:  # fmt: skip
        if dataset is None and not patrols:
            raise typer.BadParameter("name a DATASET, or --patrols N", param_hint="DATASET")
        if dataset is None and fit_calibration:
            raise typer.BadParameter("needs a DATASET to fit to", param_hint="--fit-calibration")
        if patrols and fit_calibration:
            raise typer.BadParameter(
                "thresholds read otherwise after it: fit first, set them, then --patrols",
                param_hint="--fit-calibration",
            )
        from detection.backends import ClassList, open_detector
        from detection.evaluation.page import Page, write_page
        from geo.files import write_text

        names = ClassList.read(classes)
        name = model.stem if model.is_file() else model.resolve().name
        target = out or Path("runs") / f"evaluate-{name}"
        folder = None
        if dataset is not None:
            folder = _opened(dataset, split, classes_map or [], checked)
        detector = open_detector(model, names, backend)
        page = Page(name, "", names.names_zh)
        figures: dict[str, Any] = {
            "format": "river-patrol/evaluation", "version": 1, "model": name, "seed": seed,
            "backend": detector.running.as_json(),
        }  # fmt: skip
        if folder is not None:
            page, said = _on_pictures(
                page, folder, detector, names, model, imgsz, bootstrap, seed, fit_calibration
            )
            figures |= said
        if patrols:
            street, said = _on_patrols(
                target / "patrols", area, range(seed, seed + patrols), detector, names, keep_footage
            )
            page = _with_street(page, street)
            figures |= said
        write_page(page, target / _REPORT)
        text = json.dumps(figures, ensure_ascii=False, indent=1, allow_nan=False)
        write_text(target / _FIGURES, text + "\n")
        emit(
            figures | {"report": str(target / _REPORT)}, as_json=as_json,
            text="\n".join([*_lines(figures, names), f"已写入 written: {target / _REPORT}"]),
        )  # fmt: skip


def _opened(dataset: Path, split: str | None, pairs: list[str], checked: bool) -> LabelledFolder:
    """The pictures to look at; a set with faults is refused, with the list."""
    from detection.evaluation.labelled import LabelledFolder

    mapping = {}
    for pair in pairs:
        theirs, equals, ours = pair.partition("=")
        if not equals or not theirs:
            raise typer.BadParameter(f"{pair!r}: expected THEIR_CLASS=OURS", param_hint="--map")
        mapping[theirs] = ours
    folder = LabelledFolder.open(dataset, split, mapping)
    if not checked:
        return folder
    from detection.training.sets.checks import check_dataset

    with progress("检查 check", unit="pictures") as advance:
        found = check_dataset(dataset, advance=advance)
    faults = [
        fault for fault in found.faults
        if not (fault.kind == "class" and any(repr(theirs) in str(fault) for theirs in mapping))
    ]  # fmt: skip
    for fault in faults[:_MOST_FAULTS]:
        note(f"  {fault}")
    if faults:
        more = f", the first {_MOST_FAULTS} above" if len(faults) > _MOST_FAULTS else ", see above"
        many = "faults" if len(faults) > 1 else "fault"
        raise PatrolError(
            f"{dataset}: {len(faults)} {many}{more}; correct them, or evaluate as it is with "
            "--no-check"
        )
    return folder


def _on_pictures(
    page: Page,
    folder: LabelledFolder,
    detector: Detector,
    classes: ClassList,
    model: Path,
    imgsz: int | None,
    resamples: int,
    seed: int,
    fit_calibration: bool,
) -> tuple[Page, dict[str, Any]]:
    from dataclasses import replace

    from detection.calibration import Calibration
    from detection.evaluation.calibrating import fit, outcomes, reliability
    from detection.evaluation.judging import judge
    from detection.evaluation.summary import summarise
    from detection.evaluation.worst import worst_false_alarms, worst_misses

    side_px = imgsz or folder.side_px or 640
    kept = Calibration.read(detector.path if detector.path.is_dir() else detector.path.parent,
                            classes.names)  # fmt: skip
    with progress("评估 evaluate", len(folder), "pictures") as advance:
        judged = judge(detector, folder, kept, long_side_px=side_px, advance=advance)
    figures: dict[str, Any] = {
        "dataset": folder.folder.name, "split": folder.split, "long_side_px": side_px
    }  # fmt: skip
    thresholds = classes.confidence
    if fit_calibration:
        raw = outcomes(judged, raw=True)
        fitted = fit(raw, classes.names, seed=seed)
        held_out = reliability(fitted.held_out, raw.right)
        before = reliability(raw.confidence, raw.right)
        about = {
            "dataset": folder.folder.name, "split": folder.split, "pictures": len(folder),
            "boxes": {f.name: f.boxes for f in fitted.classes},
            "ece_raw": round(before.ece, 4), "ece_held_out": round(held_out.ece, 4),
        }  # fmt: skip
        calibration = replace(fitted.calibration, about=about)
        written = calibration.write(model if model.is_dir() else model.parent)
        for path in written:
            note(f"校准已写入 calibration written: {path}")
        judged = judged.recalibrated(calibration)
        # The thresholds in use, as they read in calibrated confidence.
        ids = range(len(classes.names))
        thresholds = _carried(calibration, kept, thresholds)
        figures["calibration_fit"] = about | {
            "methods": {f.name: f.method for f in fitted.classes},
            "log_loss": {f.name: f.loss for f in fitted.classes},
            "same_thresholds": {classes.names[c]: round(float(thresholds[c]), 4) for c in ids},
            "same_sighting_thresholds": dict(zip(classes.names, [
                round(float(v), 4)
                for v in _carried(calibration, kept, classes.sighting_confidence)
            ], strict=True)),
        }  # fmt: skip
        page = replace(page, held_out=held_out, fits=fitted.classes)
    summary = summarise(judged, classes.names, thresholds, resamples=resamples, seed=seed)
    page = replace(
        page, data=f"{folder.folder.name}, {folder.split}", summary=summary,
        misses=worst_misses(judged, thresholds),
        false_alarms=worst_false_alarms(judged, thresholds),
    )  # fmt: skip
    figures |= summary.as_json()
    if page.held_out is not None:  # not that of the pictures it was fitted to
        figures["calibration"]["ece"] = round(page.held_out.ece, 5)
    return page, figures


def _carried(new: Any, old: Any, thresholds: Any) -> Any:
    """Thresholds (classes,) under one calibration as they read under another."""
    import numpy as np

    ids = np.arange(len(thresholds))
    return new.apply(old.invert(thresholds, ids), ids)


def _on_patrols(
    work: Path,
    area: Path,
    seeds: range,
    detector: Detector,
    classes: ClassList,
    keep_footage: bool,
) -> tuple[Street, dict[str, Any]]:
    from api.patrol_recall import patrol_in_world, recall_on_patrols
    from detection.evaluation.page import Street

    folders = []
    for seed in seeds:
        with progress(f"世界 world {seed}", unit="pictures") as advance:
            folders.append(
                patrol_in_world(
                    work / f"world-{seed}", area, seed, detector, classes, note=note,
                    advance=advance, keep_footage=keep_footage,
                )
            )  # fmt: skip
    recall = recall_on_patrols(folders, area, classes.names)
    listed = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]}–{seeds[-1]}"
    about = (
        f"{len(seeds)} 次模拟巡查 simulated patrols, 世界 worlds {listed}, "
        f"{recall.together.river_km:.1f} km."
    )
    return Street(recall.by_class, recall.together, about), {
        "patrols": {"area": area.name, "worlds": list(seeds), **recall.as_json()}
    }


def _with_street(page: Page, street: Street) -> Page:
    from dataclasses import replace

    return replace(page, street=street)


def _lines(figures: dict[str, Any], classes: ClassList) -> list[str]:
    """The figures for a terminal."""

    def share(value: float | None) -> str:
        return "     –" if value is None else f"{100 * value:5.1f}%"

    lines = []
    if "classes" in figures:
        lines.append(f"{figures['pictures']} 张图 pictures, {figures['groups']} 组 groups")
        for name, zh in zip(classes.names, classes.names_zh, strict=True):
            row = figures["classes"][name]
            low, high = row["ap50"]["low"], row["ap50"]["high"]
            between = f" ({100 * low:.1f}–{100 * high:.1f})" if low is not None else ""
            lines.append(
                f"{name:15} {row['objects']:5} 个 objects  AP50 {share(row['ap50']['value'])}"
                f"{between}  AP50-95 {share(row['ap50_95']['value'])}  P {share(row['precision'])}"
                f"  R {share(row['recall'])} @ {row['threshold']:.2f}  {zh}"
            )
        ece = figures["calibration"]
        lines.append(f"ECE {ece['ece']} (未校准 uncalibrated {ece['ece_raw']})")
    if "calibration_fit" in figures:
        fit = figures["calibration_fit"]
        lines.append(
            f"校准 calibration: ECE {fit['ece_raw']} -> {fit['ece_held_out']} on pictures it was "
            f"not fitted to; 阈值换算 the thresholds of the class list now read "
            f"{fit['same_thresholds']}, of sightings {fit['same_sighting_thresholds']}"
        )
    if "patrols" in figures:
        rows = {
            **figures["patrols"]["classes"],
            "all": figures["patrols"]["all_with_one_threshold"],
        }
        for name, row in rows.items():
            cells = ", ".join(
                f"{share(row[f'at_{r}_per_km']['recall']).strip()} @ {r}/km" for r in (1, 2, 5)
            )
            lines.append(f"{name:15} 埋设 planted {row['planted']:4}: 查全率 recall {cells}")
    return lines
