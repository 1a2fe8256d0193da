"""`patrol dataset`: training data from others' labels, reviewers' verdicts and recipes."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from api.commands.common import EXIT_BAD_INPUT, JsonFlag, emit, note, progress
from geo.errors import PatrolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from detection.evaluation.scoring import Detect
    from detection.training.dataset import DatasetSummary
    from detection.training.importing import reading
    from detection.training.recipes.recipe import PartSpec, Recipe
    from detection.training.reviews.review_set import OtherBoxes

__all__ = ["build_from_recipe", "register"]

_CLASSES = Path(__file__).resolve().parents[2] / "models" / "classes.json"
_MOST_LINES = 200


class Format(StrEnum):
    AUTO = "auto"
    YOLO = "yolo"
    COCO = "coco"
    VOC = "voc"
    CVAT = "cvat"
    LABELSTUDIO = "labelstudio"
    ISOOD = "isood"


OutOption = Annotated[
    Path, typer.Option(help="Folder of the data set; an earlier data set there is replaced.")
]
SeedOption = Annotated[int, typer.Option(help="The same seed and data give the same bytes.")]


def register(app: typer.Typer) -> None:
    """Add `patrol dataset` and its commands to the command line."""
    group = typer.Typer(
        no_args_is_help=True,
        help="训练数据 Training data: import others' labels, learn from reviewers, build, check.",
    )
    app.add_typer(group, name="dataset")
    _register_import(group)
    _register_reviews(group)
    _register_check(group)
    _register_build(group)


def _mapping(pairs: list[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        theirs, equals, ours = pair.partition("=")
        if not equals or not theirs:
            raise typer.BadParameter(f"{pair!r}: expected THEIR_CLASS=OURS", param_hint="--map")
        mapping[theirs] = ours
    return mapping


def _faults(lines: list[str]) -> None:
    """Print faults, one a line, so many at most."""
    for line in lines[:_MOST_LINES]:
        note("  " + " ".join(line.split()))
    if len(lines) > _MOST_LINES:
        note(f"  … 另有 and {len(lines) - _MOST_LINES} more")


def _told(summary: DatasetSummary, as_json: bool) -> None:
    for line in summary.notes:
        note(line)
    lines = []
    for split, count in summary.pictures.items():
        found = summary.objects.get(split, {})
        objects = ", ".join(f"{n} {name}" for name, n in sorted(found.items()))
        lines.append(f"{split}: {count} pictures with {objects or 'no objects'}")
    result: dict[str, Any] = {
        "folder": str(summary.folder), "pictures": summary.pictures,
        "objects": summary.objects, "notes": list(summary.notes),
    }  # fmt: skip
    emit(result, as_json=as_json, text="\n".join([*lines, f"-> {summary.folder}"]))


def _register_import(group: typer.Typer) -> None:
    @group.command(
        "import",
        help="导入 Lay a labelled set of others out as ours: YOLO, COCO, Pascal VOC, CVAT, Label "
        "Studio or iSOOD, a folder, ZIP archive or label file. Pictures that are nearly the same "
        "stay on one side of the split. Example: patrol dataset import isood.zip --out data/isood",
    )
    def import_command(
        source: Annotated[Path, typer.Argument(help="Folder, ZIP archive, or label file.")],
        out: OutOption,
        format_: Annotated[
            Format, typer.Option("--format", help="auto tells by what the label files hold.")
        ] = Format.AUTO,
        classes_map: Annotated[
            list[str] | None,
            typer.Option("--map", help="THEIRS=OURS; THEIRS= leaves a class out. May be repeated."),
        ] = None,
        provenance: Annotated[
            str | None, typer.Option("--source", help="Who made it: for manifest and model card.")
        ] = None,
        licence: Annotated[
            str | None, typer.Option(help="Under which licence, as the maker states it.")
        ] = None,
        group_by: Annotated[
            str,
            typer.Option(
                help="What else stays together: 'folder', or a regular expression "
                r"whose first group in a picture's name is its group, as '^(flight\d+)_'."
            ),
        ] = "",
        val: Annotated[float, typer.Option(min=0, max=0.9, help="Share for validation.")] = 0.1,
        test: Annotated[float, typer.Option(min=0, max=0.9, help="Share for test.")] = 0.1,
        resplit: Annotated[
            bool, typer.Option("--resplit", help="Divide anew, whatever the set's own split is.")
        ] = False,
        skip_bad: Annotated[
            bool, typer.Option("--skip-bad", help="Leave faulty pictures out, and say which.")
        ] = False,
        seed: SeedOption = 0,
        as_json: JsonFlag = False,
    ) -> None:
        from detection.training.importing.archive import opened
        from detection.training.importing.reading import read_foreign
        from detection.training.importing.writing import ImportSettings, import_set
        from detection.training.importing.yolo import ISOOD_LICENCE, ISOOD_SOURCE
        from detection.training.sets.splits import Shares

        faults: list[str] = []
        with opened(source) as folder:
            chosen = None if format_ is Format.AUTO else cast("reading.Format", format_.value)
            found = read_foreign(folder, chosen)
            isood = found.format == "isood"
            note(f"{source}: read as {found.format}, {len(found.pictures)} pictures")
            settings = ImportSettings(
                source=provenance or (ISOOD_SOURCE if isood else "given by the user"),
                licence=licence or (ISOOD_LICENCE if isood else "not stated"),
                mapping=_mapping(classes_map or []), group_by=group_by, shares=Shares(val, test),
                keep_splits=not resplit, skip_bad=skip_bad, seed=seed,
            )  # fmt: skip
            try:
                with progress("导入 import", unit="pictures") as advance:
                    summary = import_set(found, out, settings, tell=faults.append, advance=advance)
            finally:
                _faults(faults)
        _told(summary, as_json)


def _register_reviews(group: typer.Typer) -> None:
    @group.command(
        "from-reviews",
        help="复核 Make training pictures of reviewers' verdicts: what was confirmed or redrawn, "
        "and what was rejected as hard negatives. The format is in docs/formats.md. Example: "
        "patrol dataset from-reviews verdicts.jsonl --evidence patrols/ --out data/reviewed",
    )
    def from_reviews(
        reviews: Annotated[Path, typer.Argument(help="Verdicts, a .jsonl file or a folder.")],
        evidence: Annotated[
            Path, typer.Option(help="An analysed patrol's folder, or one that holds several.")
        ],
        out: OutOption,
        footage: Annotated[
            list[Path] | None,
            typer.Option(
                help="Where the footage lies, for sightings without a whole picture "
                "in evidence/ (structures). May be repeated."
            ),
        ] = None,
        model: Annotated[
            Path | None,
            typer.Option(
                help="A model: what it sees besides and nobody judged is painted over, so that it "
                "does not teach that there is nothing."
            ),
        ] = None,
        val: Annotated[float, typer.Option(min=0, max=0.9, help="Share for validation.")] = 0.15,
        seed: SeedOption = 0,
        as_json: JsonFlag = False,
    ) -> None:
        from detection.training.reviews.patrols import find_patrols
        from detection.training.reviews.review_set import build_review_set
        from detection.training.reviews.verdicts import read_verdicts
        from detection.training.sets.splits import Shares

        verdicts = read_verdicts(reviews)
        patrols = find_patrols(evidence)
        with progress("复核 reviews", unit="verdicts") as advance:
            summary = build_review_set(
                verdicts, patrols, out, footage=footage or [],
                other_boxes=_others(model) if model else None, shares=Shares(val, 0.0),
                seed=seed, advance=advance,
            )  # fmt: skip
        _told(summary, as_json)


def _others(model: Path) -> OtherBoxes:
    detect = _detect_with(model)
    return lambda picture: detect(picture).boxes.corners_px


def _detect_with(model: Path) -> Detect:
    from detection.backends import ClassList, open_detector
    from detection.evaluation.scoring import scored_by

    return scored_by(open_detector(model, ClassList.read(_CLASSES)))


def _register_check(group: typer.Typer) -> None:
    @group.command(
        "check",
        help="检查 Look for what is wrong with a data set in YOLO layout: boxes outside the "
        "picture or without size, unknown classes, unreadable pictures, the same picture in "
        "training and test. Each fault is a line; exit code 1 where there is one.",
    )
    def check_command(
        folder: Annotated[Path, typer.Argument(help="Folder with images/ and labels/.")],
        as_json: JsonFlag = False,
    ) -> None:
        from detection.training.sets.checks import check_dataset

        with progress("检查 check", unit="pictures") as advance:
            checked = check_dataset(folder, advance=advance)
        lines = [str(fault) for fault in checked.faults]
        if not as_json:
            _faults(lines)
        result: dict[str, Any] = {
            "folder": str(folder), "pictures": checked.pictures, "objects": checked.objects,
            "faults": len(lines), "lines": lines[:_MOST_LINES],
        }  # fmt: skip
        if lines:
            if as_json:
                emit(result, as_json=True, text="")
            kinds = sorted({fault.kind for fault in checked.faults})
            counts = [f"{sum(f.kind == kind for f in checked.faults)} {kind}" for kind in kinds]
            note(f"错误 error: {folder}: {len(lines)} faults ({', '.join(counts)}); correct them")
            raise SystemExit(EXIT_BAD_INPUT)
        pictures = ", ".join(f"{n} {split}" for split, n in checked.pictures.items())
        emit(result, as_json=as_json, text=f"{folder}: no faults; pictures: {pictures}")


def _register_build(group: typer.Typer) -> None:
    @group.command(
        "build",
        help="制作 Build a training set from a recipe (models/recipes/): renders, composites, the "
        "virtual river, public sets, own folders. The same seed gives the same bytes; slow parts "
        "are kept in --work, and a build that was stopped goes on there. Example: patrol dataset "
        "build models/recipes/smoke.yaml --out data/smoke --seed 1",
    )
    def build_command(
        recipe: Annotated[Path, typer.Argument(help="The recipe, a YAML file.")],
        out: OutOption,
        seed: SeedOption = 0,
        work: Annotated[
            Path | None,
            typer.Option(help="Where slow parts are kept; OUT.work where not given."),
        ] = None,
        data: Annotated[
            Path | None,
            typer.Option(
                envvar="RIVER_PATROL_DATA", help="Folder of public sets, $DATA in recipes."
            ),
        ] = None,
        part: Annotated[
            list[str] | None,
            typer.Option(
                help="NAME=FOLDER: a part that lies there already (YOLO layout), as renders that "
                "another machine made. May be repeated."
            ),
        ] = None,
        as_json: JsonFlag = False,
    ) -> None:
        given = {}
        for pair in part or []:
            name, equals, folder = pair.partition("=")
            if not (name and equals and folder):
                raise typer.BadParameter(f"{pair!r}: expected NAME=FOLDER", param_hint="--part")
            given[name] = Path(folder)
        summary = build_from_recipe(
            recipe, out, seed=seed, work=work or out.with_name(out.name + ".work"), data=data,
            given=given,
        )  # fmt: skip
        _told(summary, as_json)


def build_from_recipe(
    recipe: Path,
    out: Path,
    *,
    seed: int,
    work: Path,
    data: Path | None,
    given: Mapping[str, Path] | None = None,
) -> DatasetSummary:
    """Build the set of a recipe file, with the parts that only this layer can make."""
    from api.part_makers import render_scenes
    from detection.training.recipes.cooking import Makers, build_recipe
    from detection.training.recipes.recipe import read_recipe

    read = read_recipe(recipe)
    makers = Makers(
        {
            "river": lambda part, folder, seed: _film(read, part, folder),
            "renders": lambda part, folder, seed: render_scenes(part, folder, seed, note),
        },
        _detect_with,
    )  # fmt: skip
    with progress("制作 build", unit="pictures") as advance:
        return build_recipe(
            read, out, seed=seed, work=work, data=data, makers=makers, given=given or {},
            tell=note, advance=lambda done: advance(done),
        )  # fmt: skip


def _film(recipe: Recipe, part: PartSpec, folder: Path) -> None:
    from api.part_makers import film_river

    area = recipe.path(str(part.options["area"]), None)
    if not area.is_dir():
        raise PatrolError(f"{part.where}: no study area {area}; correct 'area'")
    film_river(part, folder, area, note)
