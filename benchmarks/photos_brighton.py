"""The 18 real photos of a lake shore: all located, and how far overlapping ones disagree.

The ground under one picture's centre is computed (a) from its own pose and (b) by finding that
centre in an overlapping picture, by content alone, and using that picture's pose. Six of the
photos were turned by 180° in a viewer; the seed turns others (in their feature positions), to
show that it is recognised whichever they are.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Skipped
from detection.footage.matching import Match, match_photos, photo_projection
from detection.footage.orientation import correct_orientation, find_turned
from detection.footage.photos import Photo, read_photos
from geo.errors import PatrolError
from geo.placing import intersect_ground

__all__ = ["agreement_m", "disagreements_m", "located", "measure", "recognised", "turn_match"]

TURNED = frozenset(f"DJI_{number:04}.JPG" for number in range(24, 30))
_RANDOM_TURNS = 20


def located(seed: int) -> float:
    """Photos that `patrol analyze` gives a position on the ground, of 18. `seed` is not used."""
    folder = _folder().parent
    with tempfile.TemporaryDirectory(prefix="brighton") as name:
        words = ["analyze", str(folder), "--out", f"{name}/out", "--timezone", "UTC"]
        done = subprocess.run([sys.executable, "-m", "api", *words], stdout=sys.stderr, check=False)
        if done.returncode != 0:
            raise PatrolError(f"patrol {' '.join(words)} ended with exit code {done.returncode}")
        manifest = json.loads((Path(name) / "out" / "manifest.json").read_text(encoding="utf-8"))
    photos = [photo for footage in manifest["footage"] for photo in footage["photos"]]
    return float(sum(photo["lon"] is not None for photo in photos))


def agreement_m(seed: int) -> float:
    """Median disagreement about the ground under a picture's centre, m, after correction."""
    return float(measure(seed)["agreement_m"])


def recognised(seed: int) -> float:
    """Share of right answers to 'was this photo turned?', as found and in random turns, %."""
    result = measure(seed)
    right = result["recognised"] if result["falsely_recognised"] == 0 else 0
    return min(100.0 * right / len(TURNED), float(result["random_turns_right_pct"]))


def _folder() -> Path:
    folder = Path(os.environ.get("RIVER_PATROL_DATA", "")) / "photos_brighton" / "images"
    if not folder.is_dir():
        raise Skipped("RIVER_PATROL_DATA does not name the folder of real photos")
    return folder


@lru_cache(maxsize=2)
def measure(seed: int) -> dict[str, Any]:
    """All of it as numbers; prints them too."""
    photos = read_photos(_folder(), UTC).photos
    matches = match_photos(photos, neighbours=len(photos))
    upright = correct_orientation(photos, matches)
    before, after = disagreements_m(photos, matches), disagreements_m(upright.photos, matches)
    opposite = np.array([_opposite(photos[m.first], photos[m.second]) for m in matches])
    found = {photos[i].path.name for i in upright.turned}
    projection = photo_projection(photos)
    centres = [
        intersect_ground(p.camera, p.pose.pose(projection), [p.camera.centre_px])[0]
        for p in upright.photos
    ]
    result = {
        "photos": len(photos),
        "located": int(np.isfinite(centres).all(axis=1).sum()),
        "pairs": len(matches),
        "agreement_m": round(float(np.median(after)), 2),
        "agreement_p90_m": round(float(np.percentile(after, 90)), 2),
        "opposite_m": round(float(np.median(after[opposite])), 2),
        "uncorrected_m": round(float(np.median(before)), 2),
        "uncorrected_opposite_m": round(float(np.median(before[opposite])), 2),
        "recognised": len(found & TURNED),
        "falsely_recognised": len(found - TURNED),
        "random_turns_right_pct": _random_turns(photos, matches, seed),
    }
    print("  ".join(f"{key} {value}" for key, value in result.items()))
    return result


def disagreements_m(photos: Sequence[Photo], matches: Sequence[Match]) -> np.ndarray:
    """(M,) distance on the ground, each way round, the mean of both."""
    projection = photo_projection(photos)
    found = np.empty(len(matches))
    for e, match in enumerate(matches):
        there = np.vstack([match.transform, [0, 0, 1]])
        ways = []
        for near, far, way in (
            (match.first, match.second, there),
            (match.second, match.first, np.linalg.inv(there)),
        ):
            own, other = photos[near], photos[far]
            centre = np.array([*own.camera.centre_px, 1.0])
            a = intersect_ground(own.camera, own.pose.pose(projection), centre[:2])[0]
            b = intersect_ground(other.camera, other.pose.pose(projection), (way @ centre)[:2])[0]
            ways.append(float(np.hypot(*(a - b))))
        found[e] = np.mean(ways)
    return found


def _opposite(a: Photo, b: Photo) -> bool:
    """Flown in opposite directions."""
    return abs((a.pose.yaw_deg - b.pose.yaw_deg + 180) % 360 - 180) > 90


def _random_turns(photos: Sequence[Photo], matches: Sequence[Match], seed: int) -> float:
    """Share of right answers when random photos are turned (on top), %. No edit marks: content
    alone."""
    rng = np.random.default_rng(seed)
    right = 0
    plain = [replace(photo, edited=False) for photo in photos]
    for _ in range(_RANDOM_TURNS):
        flip = rng.random(len(photos)) < rng.uniform(0.1, 0.9)
        answer, _, _ = find_turned(plain, [turn_match(m, photos, flip) for m in matches])
        truth = np.array([p.path.name in TURNED for p in photos]) ^ flip
        right += int((answer == truth).sum())
    return round(100.0 * right / (_RANDOM_TURNS * len(photos)), 2)


def turn_match(match: Match, photos: Sequence[Photo], flip: np.ndarray) -> Match:
    """The match as it would be had the flagged photos' pixels been turned by 180°."""

    def turned(index: int, pixels: np.ndarray) -> np.ndarray:
        camera = photos[index].camera
        corner = np.array([camera.width_px - 1, camera.height_px - 1])
        return corner - pixels if flip[index] else pixels

    return replace(
        match,
        first_px=turned(match.first, match.first_px),
        second_px=turned(match.second, match.second_px),
    )
