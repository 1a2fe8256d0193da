"""Rendering sets of scenes: runs the interpreter with bpy, finishes its pictures, labels them.

OUT/images/SPLIT/NAME.jpg, OUT/labels/SPLIT/NAME.txt    YOLO layout, SPLIT train, val or test
OUT/records/NAME.json                                   specification and what is seen of each thing
OUT/data.yaml, OUT/manifest.json                        classes; where the pictures come from
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from detection.errors import TrainingError
from detection.training.dataset import yolo_lines
from detection.training.pictures import read_picture
from detection.training.renders.families import RenderSplit, families_of
from detection.training.renders.post import finish_picture
from detection.training.renders.rules import labelled
from detection.training.renders.scene import SceneSpec
from detection.training.renders.specification import draw_scene
from detection.training.samples import CLASSES
from geo.files import write_bytes, write_text

__all__ = ["PROVENANCE", "find_interpreter", "plan_scenes", "render_part", "render_set"]

PROVENANCE = "this project's procedural river scenes, rendered with Blender (Cycles)"
_ROOT = Path(__file__).resolve().parents[3]
_SCRIPT = Path(__file__).resolve().parent / "blender" / "render.py"
_BATCH = 40  # scenes for one process: Blender's memory grows a little with each
_SCENES_A_SEED = 1_000_000


def find_interpreter() -> Path:
    """The Python that has bpy: RIVER_PATROL_RENDERS, or what scripts/renders.sh made.

    Raises `TrainingError` saying how to get one.
    """
    named = os.environ.get("RIVER_PATROL_RENDERS")
    path = Path(named) if named else _ROOT / ".venv-renders" / "bin" / "python"
    if not path.is_file():
        raise TrainingError(
            f"{path}: no Python with Blender there; run scripts/renders.sh, or set "
            "RIVER_PATROL_RENDERS to a Python that can import bpy"
        )
    return path


def plan_scenes(
    split: RenderSplit, count: int, seed: int, *, samples: int = 4, first: int = 0
) -> list[SceneSpec]:
    """`count` scenes, the families of the split in turn; a longer plan begins with a shorter."""
    families = families_of(split)
    return [
        draw_scene(families[i % len(families)], seed * _SCENES_A_SEED + i, samples=samples)
        for i in range(first, first + count)
    ]


def _is_there(spec: SceneSpec, out: Path) -> bool:
    """Whether this very scene was rendered into `out` before."""
    files = (
        out / "images" / spec.split / f"{spec.name}.jpg",
        out / "labels" / spec.split / f"{spec.name}.txt",
    )
    try:
        record = json.loads((out / "records" / f"{spec.name}.json").read_text(encoding="utf-8"))
        return record["digest"] == spec.digest and all(file.is_file() for file in files)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _store(spec: SceneSpec, raw: Path, out: Path) -> None:
    """Finish one rendered picture and put it into the set; the record comes last."""
    record = json.loads((raw / f"{spec.name}.json").read_text(encoding="utf-8"))
    rendered = read_picture(raw / f"{spec.name}.png")
    height, width = rendered.shape[:2]
    boxes = labelled(record["things"], width, height)
    data, boxes = finish_picture(rendered, boxes, spec.camera, spec.finish)
    write_bytes(out / "images" / spec.split / f"{spec.name}.jpg", data)
    text = yolo_lines(boxes, width, height)
    write_text(out / "labels" / spec.split / f"{spec.name}.txt", text)
    kept = {
        "name": spec.name, "family": spec.family, "split": spec.split, "seed": spec.seed,
        "digest": spec.digest, "labels": [CLASSES[i] for i in boxes.class_ids],
        "seconds": record["seconds"], "things": record["things"],
        "spec": json.loads(spec.to_json()),
    }  # fmt: skip
    write_text(
        out / "records" / f"{spec.name}.json", json.dumps(kept, separators=(",", ":")) + "\n"
    )
    for ending in (".json", ".png"):
        (raw / f"{spec.name}{ending}").unlink()


def _render(
    specs: Sequence[SceneSpec], interpreter: Path, threads: int
) -> Iterator[tuple[SceneSpec, Path]]:
    """Run one process over some scenes; yields each with the folder of its raw picture."""
    by_name = {spec.name: spec for spec in specs}
    with tempfile.TemporaryDirectory(prefix="river-patrol-renders-") as folder:
        raw = Path(folder)
        listing, complaints = raw / "specs.jsonl", raw / "stderr.txt"
        listing.write_text("".join(s.to_json() + "\n" for s in specs), encoding="utf-8")
        command = [str(interpreter), "-I", str(_SCRIPT), str(listing), str(raw), str(threads)]
        with (
            complaints.open("w", encoding="utf-8") as stderr,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process,
        ):
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    if line.startswith("{"):
                        yield by_name.pop(json.loads(line)["name"]), raw
            finally:
                if process.poll() is None and by_name:
                    process.terminate()
        if process.returncode != 0 or by_name:
            said = complaints.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            missing = next(iter(by_name), "none")
            raise TrainingError(
                f"{interpreter}: rendering stopped with status {process.returncode} before scene "
                f"{missing}: {said[-1] if said else 'nothing said'}; what was rendered is kept"
            )


def _write_listing(out: Path) -> None:
    """data.yaml and manifest.json from the records that are there."""
    pictures: list[dict[str, Any]] = []
    objects: dict[str, Counter[str]] = {}
    for path in sorted((out / "records").glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        objects.setdefault(record["split"], Counter()).update(record["labels"])
        pictures.append(
            {k: record[k] for k in ("name", "family", "split", "seed", "digest", "spec")}
        )
    manifest = {
        "format": "river-patrol/renders", "version": 1, "provenance": PROVENANCE,
        "families": {
            split: sorted({p["family"] for p in pictures if p["split"] == split})
            for split in sorted(objects)
        },
        "objects": {split: dict(sorted(count.items())) for split, count in sorted(objects.items())},
        "pictures": pictures,
    }  # fmt: skip
    splits = "".join(f"{split}: images/{split}\n" for split in sorted(objects))
    names = "".join(f"  {index}: {name}\n" for index, name in enumerate(CLASSES))
    write_text(out / "data.yaml", f"{splits}names:\n{names}")
    write_text(out / "manifest.json", json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")


def render_set(
    specs: Sequence[SceneSpec],
    out: Path,
    *,
    interpreter: Path | None = None,
    threads: int = 2,
    advance: Callable[[int, int], None] = lambda done, of: None,
) -> int:
    """Render what is not in `out` yet; returns how many pictures were made.

    `advance` is called with pictures there and pictures wanted. Stopping at any time loses at most
    one picture. Raises `TrainingError`.
    """
    wanted = [spec for spec in specs if not _is_there(spec, out)]
    done = len(specs) - len(wanted)
    advance(done, len(specs))
    if wanted and interpreter is None:
        interpreter = find_interpreter()
    try:
        for start in range(0, len(wanted), _BATCH):
            assert interpreter is not None
            for spec, raw in _render(wanted[start : start + _BATCH], interpreter, threads):
                _store(spec, raw, out)
                done += 1
                advance(done, len(specs))
    finally:
        if (out / "records").is_dir():
            _write_listing(out)
    return len(wanted)


def render_part(
    folder: Path,
    train_count: int,
    val_count: int,
    seed: int,
    *,
    advance: Callable[[int, int], None] = lambda done, of: None,
) -> None:
    """Render a part of a training set into `folder`: the training families for training, the
    validation families for validation. The held-out test families never occur."""
    specs = plan_scenes("train", train_count, seed) + plan_scenes("val", val_count, seed)
    render_set(specs, folder, advance=advance)
