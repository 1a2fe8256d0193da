"""What is held out of the real sets stays out of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_sets import write_scene

from detection.training.public_sets import JakartaPlastics, KampalaRoofs

_X, _Y, _ZOOM = 1_238_424, 1_046_528, 21


def kampala(root: Path) -> Path:
    """Two places, 12 and 4 columns of tiles; each tile is of one colour that no other has."""
    for column in (*range(12), *range(20, 24)):
        tile = np.full((256, 256, 3), (10 * column + 5, 0, 200), np.uint8)
        write_scene(root / f"OAM-{_X + column}-{_Y}-{_ZOOM}.png", tile)
    (root / "labels.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    return root


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"train": [*range(7), *range(20, 24)], "val": [8, 9, 10, 11], "test": []}),
        (
            {"held_out": "west"},
            {"train": [*range(5, 12), *range(20, 24)], "val": [0, 1, 2, 3], "test": []},
        ),
        ({"held_out": "other"}, {"train": list(range(12)), "val": [20, 21, 22, 23], "test": []}),
        (
            {"tune_columns": 2},
            {"train": [*range(4), *range(20, 24)], "val": [5, 6], "test": [8, 9, 10, 11]},
        ),
        (
            {"held_out": "other", "tune_columns": 2},
            {"train": list(range(9)), "val": [10, 11], "test": [20, 21, 22, 23]},
        ),
    ],
)
def test_kampala_places(
    tmp_path: Path, options: dict[str, Any], expected: dict[str, list[int]]
) -> None:
    source = KampalaRoofs(kampala(tmp_path), **options)
    for split, columns in expected.items():
        seen = {
            int(value)
            for sample in source.samples(split)  # type: ignore[arg-type]
            for value in np.unique(sample.picture[sample.picture[..., 2] == 200][:, 0])
        }
        assert seen == {10 * column + 5 for column in columns}


def test_jakarta_sites(tmp_path: Path) -> None:
    rows = ["class,filename,height,width,xmax,xmin,ymax,ymin"]
    for site in (1, 2, 3, 4):
        name = f"Grogol_Location_{site}_x.jpg"
        write_scene(tmp_path / "images" / name, np.zeros((108, 192, 3), np.uint8))
        rows.append(f"plastic,{name},108,192,18,15,38,33")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    source = JakartaPlastics(tmp_path)
    splits = {
        split: sorted(s.name[-3] for s in source.samples(split))  # type: ignore[arg-type]
        for split in ("train", "val", "test")
    }
    assert splits == {"train": ["2", "3"], "val": ["1"], "test": ["4"]}
