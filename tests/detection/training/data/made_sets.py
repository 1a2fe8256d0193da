"""Made-up pictures and data sets for the tests of training data."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def scene(seed: int, width: int = 160, height: int = 120) -> np.ndarray:
    """(height, width, 3) a picture unlike that of any other seed."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth + rng.normal(0, 3, smooth.shape), 0, 255).astype(np.uint8)


def write_scene(path: Path, picture: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture)
    return path


def labelled_folder(
    root: Path, counts: dict[str, int], *, first: int = 0, size: tuple[int, int] = (160, 120)
) -> Path:
    """A YOLO folder of unlike pictures; each has a bright square of class 0 in it."""
    seed = first
    for split, count in counts.items():
        for number in range(count):
            picture = scene(seed, *size)
            picture[40:70, 60:100] = (250, 250, 250)
            stem = f"{split}{number:03d}"
            write_scene(root / "images" / split / f"{stem}.png", picture)
            label = root / "labels" / split / f"{stem}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            width, height = size
            label.write_text(f"0 {80 / width} {55 / height} {40 / width} {30 / height}\n")
            seed += 1
    return root


def all_bytes(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, by its name in it."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }
