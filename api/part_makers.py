"""Parts of a training set that other programs make: frames of the virtual river, and renders.

Made in pieces, each a call of its own: a run that was stopped goes on with the next piece.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from geo.errors import PatrolError

if TYPE_CHECKING:
    from detection.training.recipes.recipe import PartSpec

__all__ = ["film_river", "render_scenes", "river_pieces", "seed_range"]

_WORLDS_A_PIECE = 4
_TELL_EVERY = 20

Tell = Callable[[str], None]


def seed_range(text: str, where: str) -> tuple[int, int]:
    """(first, last) of FIRST-LAST; raises PatrolError."""
    first, dash, last = text.partition("-")
    if not (dash and first.isdigit() and last.isdigit() and int(first) <= int(last)):
        raise PatrolError(f"{where}: seeds {text!r:.40}: expected FIRST-LAST, as 1-40")
    return int(first), int(last)


def river_pieces(first: int, last: int, pictures: int) -> list[tuple[int, int, int]]:
    """(first world, last world, pictures) of each piece; together all worlds and pictures."""
    worlds = last - first + 1
    starts = range(first, last + 1, _WORLDS_A_PIECE)
    pieces = []
    for start in starts:
        end = min(start + _WORLDS_A_PIECE - 1, last)
        count = pictures * (end - first + 1) // worlds - pictures * (start - first) // worlds
        if count:
            pieces.append((start, end, count))
    return pieces


def film_river(part: PartSpec, folder: Path, area: Path, tell: Tell) -> None:
    """Film labelled frames of the virtual river into `folder` (images/{train,val}/PIECE/…).

    Worlds of `seeds` are for training, those of `val_seeds` for validation; raises PatrolError
    where they overlap, or where filming fails.
    """
    options: Mapping[str, object] = part.options
    wanted = [("train", str(options["seeds"]), _count(options, "pictures"))]
    if _count(options, "val_pictures"):
        if "val_seeds" not in options:
            raise PatrolError(f"{part.where}: val_pictures without val_seeds; name their worlds")
        wanted.append(("val", str(options["val_seeds"]), _count(options, "val_pictures")))
    spans = [seed_range(seeds, part.where) for _, seeds, _ in wanted]
    if len(spans) == 2 and spans[0][0] <= spans[1][1] and spans[1][0] <= spans[0][1]:
        raise PatrolError(f"{part.where}: seeds and val_seeds share worlds; keep them apart")
    for (split, _, count), (first, last) in zip(wanted, spans, strict=True):
        for start, end, pictures in river_pieces(first, last, count):
            piece = f"worlds-{start:04d}-{end:04d}"
            if (folder / "labels" / split / piece).is_dir():
                continue
            tell(f"{part.name}: filming {pictures} frames of worlds {start}-{end} for {split}")
            beside = folder / f"{piece}.part"
            shutil.rmtree(beside, ignore_errors=True)
            _film(area, f"{start}-{end}", pictures, beside)
            for kind in ("images", "labels"):  # labels last: they tell that the piece is whole
                target = folder / kind / split / piece
                shutil.rmtree(target, ignore_errors=True)
                target.parent.mkdir(parents=True, exist_ok=True)
                (beside / kind).replace(target)
            shutil.rmtree(beside, ignore_errors=True)


def _count(options: Mapping[str, object], key: str) -> int:
    value = options.get(key, 0)
    return value if isinstance(value, int) else 0


def _film(area: Path, seeds: str, pictures: int, out: Path) -> None:
    command = [sys.executable, "-m", "patrol.simulation.samples", "--area", str(area)]
    command += ["--seeds", seeds, "--count", str(pictures), "--out", str(out)]
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0:
        raise PatrolError(f"{area}: filming worlds {seeds} failed; see the messages above")


def render_scenes(part: PartSpec, folder: Path, seed: int, tell: Tell) -> None:
    """Render river scenes into `folder`; raises PatrolError where there is no Blender."""
    from detection.training.renders.source import render_part

    def advance(done: int, of: int) -> None:
        if done % _TELL_EVERY == 0 or done == of:
            tell(f"{part.name}: {done} of {of} pictures rendered")

    render_part(
        folder, _count(part.options, "pictures"), _count(part.options, "val_pictures"), seed,
        advance=advance,
    )  # fmt: skip
