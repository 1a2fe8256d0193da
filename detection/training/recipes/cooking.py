"""A recipe made into a training set: slow parts into a work folder, where they are kept, then
everything cut and written at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from detection.errors import TrainingError
from detection.evaluation.scoring import Detect
from detection.training.composites import Background, Composites, CutFrom, cutouts_of
from detection.training.dataset import DatasetSummary, Part, build_dataset
from detection.training.mistakes import Mistakes
from detection.training.public_sets import BackgroundPhotos, JakartaPlastics, KampalaRoofs
from detection.training.recipes.recipe import PartSpec, Recipe
from detection.training.samples import CLASSES, Source, Split
from detection.training.sets.layout import yolo_lines
from detection.training.sources import YoloFolder
from geo.files import write_bytes, write_text

__all__ = ["Maker", "Makers", "build_recipe"]

_JPEG_QUALITY = 95
_MOST_CUTOUTS = 600
_SEEN_PX = 640  # YoloFolder's width_px
_COMPOSITE_JITTER = (0.76, 1.316)  # 13 to 7.5 cm a pixel about their mean

Maker = Callable[[PartSpec, Path, int], None]


@dataclass(frozen=True, slots=True)
class Makers:
    """What makes parts that other programs make: `by_kind` maps "river" and "renders" to a
    function that, given the part, a folder and the seed, fills the folder in YOLO layout and goes
    on where an earlier call was stopped. `detect_with` opens a model, for mistakes."""

    by_kind: Mapping[str, Maker] = field(default_factory=dict)
    detect_with: Callable[[Path], Detect] | None = None


@dataclass(slots=True)
class _Kitchen:
    recipe: Recipe
    seed: int
    work: Path
    data: Path | None
    makers: Makers
    tell: Callable[[str], None]
    advance: Callable[[float], None]
    given: Mapping[str, Path]
    sources: dict[str, Source] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)

    def source(self, part: PartSpec) -> Source | None:
        """The part as a source; None for an optional one whose folder is not there."""
        folder = self.given.get(part.name)
        if folder is None and "folder" in part.options:
            try:
                folder = self.recipe.path(str(part.options["folder"]), self.data)
            except TrainingError:
                if not part.optional:
                    raise
            if part.optional and (folder is None or not folder.is_dir()):
                self.tell(f"{part.where}: left out, its folder is not there")
                return None
        if folder is not None and not folder.is_dir():
            raise TrainingError(
                f"{part.where}: no folder {folder}; correct it, or set optional: true"
            )
        if folder is not None:
            self.folders[part.name] = folder
        made = {
            "kampala": self._kampala, "jakarta": self._jakarta, "photos": self._photos,
            "folder": self._own, "river": self._made, "renders": self._made,
            "composites": self._composites, "mistakes": self._mistakes,
        }[part.kind]  # fmt: skip
        return made(part, folder)

    def _kampala(self, part: PartSpec, folder: Path | None) -> Source:
        assert folder is not None
        return KampalaRoofs(
            folder, part.name, held_out=part.options.get("held_out", "east"),
            tune_columns=part.options.get("tune_columns", 0),
        )  # fmt: skip

    def _jakarta(self, part: PartSpec, folder: Path | None) -> Source:
        assert folder is not None
        return JakartaPlastics(folder, part.name)

    def _photos(self, part: PartSpec, folder: Path | None) -> Source:
        assert folder is not None
        widths = part.options.get("widths_px", [640, 1200])
        if not (isinstance(widths, list) and len(widths) == 2 and 0 < widths[0] <= widths[1]):
            raise TrainingError(f"{part.where}: widths_px: expected [least, most]")
        return BackgroundPhotos(
            folder, part.name, _provenance(part), (int(widths[0]), int(widths[1])),
            tuple(str(name) for name in part.options.get("only", [])),
        )  # fmt: skip

    def _own(self, part: PartSpec, folder: Path | None) -> Source:
        assert folder is not None
        return YoloFolder(
            folder, part.name, _provenance(part),
            {str(k): str(v or "") for k, v in part.options.get("map", {}).items()},
            float(part.options.get("val_share", 0.1)), int(part.options.get("width_px", 640)),
        )  # fmt: skip

    def _made(self, part: PartSpec, folder: Path | None) -> Source:
        if folder is None:
            maker = self.makers.by_kind.get(part.kind)
            if maker is None:
                raise TrainingError(
                    f"{part.where}: nothing here makes {part.kind}; name a folder of them with "
                    f"--part {part.name}=FOLDER"
                )
            folder = self._kept(part, {})
            if not (folder / "done").is_file():
                maker(part, folder, self.seed)
                write_text(folder / "done", "")
            self.folders[part.name] = folder
        return YoloFolder(folder, part.name, _provenance(part))

    def _kept(self, part: PartSpec, depends: Mapping[str, Any]) -> Path:
        """The folder in which a slow part is kept; another one for other options or seeds."""
        said: list[Any] = [part.kind, part.options, self.seed, depends]
        if part.kind == "composites":  # of others, options say how many are made
            said += [part.train, part.val]
        text = json.dumps(said, sort_keys=True, default=str)
        return self.work / f"{part.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def _composites(self, part: PartSpec, folder: Path | None) -> Source | None:
        backgrounds = [
            Background(self.sources[one["part"]], float(one["gsd_m"]), one.get("water") is True)
            for one in part.options["backgrounds"] if one["part"] in self.sources
        ]  # fmt: skip
        cuts = [
            CutFrom(
                self.folders[one["part"]], float(one["gsd_m"]),
                tuple(one.get("classes", CLASSES)), each=int(one.get("each", 4)),
            )
            for one in part.options["objects"] if one["part"] in self.folders
        ]  # fmt: skip
        if part.optional and not (backgrounds and cuts):
            self.tell(f"{part.where}: left out, the parts that it is made of are")
            return None
        kept = self._kept(part, {"objects": [_listing(cut.folder) for cut in cuts]})
        kept.mkdir(parents=True, exist_ok=True)
        if not (kept / "done").is_file():
            things = cutouts_of(cuts, "train", _MOST_CUTOUTS)
            options = {k: part.options[k] for k in ("gsd_m", "most") if k in part.options}
            composites = Composites(
                backgrounds, [c for c in things if c.class_id is not None], part.train,
                val_objects=cutouts_of(cuts, "val", _MOST_CUTOUTS) if part.val else (),
                val_count=part.val, negatives=[c for c in things if c.class_id is None],
                side_px=int(part.options.get("side", 1280)), seed=self.seed, name=part.name,
                **options,
            )  # fmt: skip
            splits: tuple[Split, ...] = ("train", "val")
            for split in splits:
                self._draw(composites, split, kept)
            lines = (kept / "frames.jsonl").read_text(encoding="utf-8").splitlines()
            widths = {
                one["file"]: {"frame_width_px": one["width"]} for one in map(json.loads, lines)
            }
            write_text(kept / "manifest.json", json.dumps({"files": dict(sorted(widths.items()))}))
            write_text(kept / "done", "")
        self.folders[part.name] = kept
        made_of = "; ".join(b.source.provenance for b in backgrounds)
        return YoloFolder(
            kept, part.name, part.provenance or f"objects pasted on photos of: {made_of}",
            jitter=_COMPOSITE_JITTER,
        )  # fmt: skip

    def _draw(self, composites: Composites, split: Split, kept: Path) -> None:
        """Write the pictures that are not there yet."""
        images, labels = kept / "images" / split, kept / "labels" / split
        images.mkdir(parents=True, exist_ok=True)
        left = [
            n for n in range(composites.count(split)) if not (images / f"{n:05d}.jpg").is_file()
        ]
        for number, sample in zip(left, composites.some(split, left), strict=True):
            height, width = sample.picture.shape[:2]
            # how wide a picture is of which the detector sees this one at its scale
            frame = round(_SEEN_PX / float(np.sqrt(sample.scales[0] * sample.scales[1])))
            about = {"file": f"images/{split}/{number:05d}.jpg", "width": frame}
            with (kept / "frames.jsonl").open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(about) + "\n")
            write_text(labels / f"{number:05d}.txt", yolo_lines(sample.boxes, width, height))
            quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
            data = cv2.imencode(".jpg", sample.picture, quality)[1]
            write_bytes(
                images / f"{number:05d}.jpg", data.tobytes()
            )  # last: it is there, so is all
            self.advance(number)

    def _mistakes(self, part: PartSpec, folder: Path | None) -> Source:
        if self.makers.detect_with is None:
            raise TrainingError(f"{part.where}: nothing here can run a model")
        detect = self.makers.detect_with(self.recipe.path(str(part.options["model"]), self.data))
        of = [self.sources[name] for name in part.options["of"] if name in self.sources]
        if len(of) != 1:
            raise TrainingError(f"{part.where}: of: expected one part that is there")
        side = part.side_px or self.recipe.side_px
        return Mistakes(of[0], detect, side, self.seed, name=part.name)


def _provenance(part: PartSpec) -> str:
    if part.provenance:
        return part.provenance
    own = {"river": "frames of this project's virtual river", "renders": "this project's renders"}
    return own.get(part.kind, "given by the user")


def _listing(folder: Path) -> list[tuple[str, int]]:
    """Names and sizes of a folder's files: another set of them, other composites."""
    return sorted(
        (p.relative_to(folder).as_posix(), p.stat().st_size)
        for kind in ("images", "labels", "masks", "negatives")
        for p in (folder / kind).rglob("*")
        if p.is_file()
    )


def build_recipe(
    recipe: Recipe,
    out: Path,
    *,
    seed: int,
    work: Path,
    data: Path | None = None,
    makers: Makers | None = None,
    given: Mapping[str, Path] | None = None,
    tell: Callable[[str], None] = lambda line: None,
    advance: Callable[[float], None] = lambda done: None,
) -> DatasetSummary:
    """Make the recipe's parts and write the training set to `out`, which is replaced.

    The same recipe, seed and data give the same bytes. What is slow is kept in `work` and not
    made again; a run that was stopped goes on there. `given` names folders of parts, by their
    names, that are used instead of what the recipe says. `tell` is told what is left out. Raises
    `TrainingError`, and then leaves `out` as it was.
    """
    strange = set(given or {}) - {part.name for part in recipe.parts}
    if strange:
        raise TrainingError(
            f"{recipe.name}: no part {min(strange)!r}; its parts are "
            f"{', '.join(part.name for part in recipe.parts)}"
        )
    kitchen = _Kitchen(recipe, seed, work, data, makers or Makers(), tell, advance, given or {})
    parts = []
    for spec in recipe.parts:
        source = kitchen.source(spec)
        if source is None:
            continue
        kitchen.sources[spec.name] = source
        parts.append(
            Part(
                source, background_share=spec.background_share, train_count=spec.train,
                val_count=spec.val, test_count=spec.test, scales=spec.scales,
                side_px=spec.side_px, licence=spec.licence,
            )
        )  # fmt: skip
    if not parts:
        raise TrainingError(f"{recipe.name}: every part was left out; see the lines above")
    return build_dataset(
        parts, out, seed=seed, side_px=recipe.side_px, class_weights=recipe.class_weights,
        about={"recipe": recipe.name}, advance=advance,
    )  # fmt: skip
