"""Pictures of no use, told from those that are."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from made_photos import make_ground

from detection.footage.quality import assess


@pytest.fixture(scope="module")
def sharp() -> np.ndarray:
    rng = np.random.default_rng(5)
    ground = make_ground()[:1080, :1920].astype(float)
    return np.clip(ground + rng.normal(0, 12, ground.shape), 0, 255).astype(np.uint8)


def test_a_sharp_picture_passes(sharp: np.ndarray) -> None:
    assert assess(sharp).fault == ""
    assert assess(cv2.cvtColor(sharp, cv2.COLOR_BGR2GRAY)).fault == ""


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda image: image // 40, "dark"),
        (lambda image: np.full_like(image, 140), "flat"),
        (lambda image: (image // 40) + 180, "flat"),
        (lambda image: cv2.GaussianBlur(image, (0, 0), 6), "blurred"),
        (lambda image: cv2.blur(image, (41, 1)), "blurred"),  # motion along a row
        (lambda image: cv2.blur(image, (1, 41)), "blurred"),
    ],
    ids=["lens cap", "grey", "fog", "out of focus", "motion across", "motion down"],
)
def test_faults(change: object, fault: str, sharp: np.ndarray) -> None:
    assert callable(change)
    assert assess(change(sharp)).fault == fault


def test_real_photos(real_data: Path) -> None:
    faults = {
        path.stem.split("_D_")[-1]: assess(cv2.imread(str(path))).fault
        for path in sorted((real_data / "photos_quality").glob("*.JPG"))
    }
    assert faults == {"POOR_SHARPNESS": "blurred", "LENS_CAP": "dark"}
    good = [
        *sorted((real_data / "photos_brighton" / "images").glob("*.JPG"))[::6],
        *sorted((real_data / "photos_caliterra").glob("*.jpg")),
        *sorted((real_data / "floating_jakarta").rglob("*.jpg"))[::90],
    ]
    assert len(good) > 8
    assert {path.name: assess(cv2.imread(str(path))).fault for path in good} == dict.fromkeys(
        (p.name for p in good), ""
    )
