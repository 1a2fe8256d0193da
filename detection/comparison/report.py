"""What a comparison leaves behind: comparison.geojson, pairs/ and manifest.json, all or nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from detection.comparison.association import Association
from detection.comparison.bank import Change
from detection.comparison.judging import Judgement
from detection.comparison.outcomes import OUTCOMES, Case, Outcome
from detection.comparison.patrols import AnalysedPatrol
from detection.comparison.pictures import Laid
from detection.comparison.seen import Look
from detection.results import package_versions, replacing_results, sha256_of
from geo.coordinates import LocalProjection
from geo.files import write_text
from geo.layers import Feature, write_layer

__all__ = ["COMPARISON", "PAIRS", "Finding", "Pictured", "write_comparison"]

COMPARISON, PAIRS = "comparison.geojson", "pairs"
_RESULTS = (PAIRS, COMPARISON, "manifest.json")
_QUALITY = 88


@dataclass(frozen=True, slots=True, eq=False)
class Pictured:
    """A pair of pictures as JPEG, and how well they lie on one another."""

    earlier_jpg: bytes
    later_jpg: bytes
    about: dict[str, Any]

    @classmethod
    def of(cls, laid: Laid, *, swapped: bool) -> Pictured:
        """`swapped` tells that the later picture is the reference."""
        shot = laid.reference_look, laid.other_look
        pictures = _jpeg(laid.reference), _jpeg(laid.other)
        found, sign = laid.registration, 1.0
        if swapped:
            shot, pictures, sign = shot[::-1], pictures[::-1], -1.0
        about = {
            "registered": found.good,
            "reason": found.reason or None,
            "inliers": found.inliers,
            "residual_px": _number(found.residual_px, 3),
            "frame": {
                "east_m": round(laid.frame.east_m, 4),
                "north_m": round(laid.frame.north_m, 4),
                "up_m": laid.frame.up_m,
                "side_px": laid.frame.side_px,
                "gsd_m": round(laid.frame.gsd_m, 7),
            },
            "transform": [[round(float(v), 10) for v in row] for row in found.transform],
            "reference": "later" if swapped else "earlier",
            "shift_m": [round(float(v) * sign, 2) for v in found.shift_m]
            if found.inliers
            else None,
            "earlier": _shot(shot[0]),
            "later": _shot(shot[1]),
        }
        return cls(*pictures, about)


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """One thing and what became of it; `judgement` and `pictured` of its pictures, None where
    there are none."""

    id: str
    outcome: Outcome
    case: Case
    judgement: Judgement
    pictured: Pictured | None


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    assert done, "a picture in memory can be encoded"
    return bytes(data)


def _shot(look: Look) -> dict[str, Any]:
    return {
        "recording": look.recording,
        "frame_index": look.shot,
        "time_s": round(look.time_s, 3),
        "utc": look.pose.utc.isoformat() if look.pose.utc else None,
    }


def _number(value: float, digits: int) -> float | None:
    return round(value, digits) if math.isfinite(value) else None


def write_comparison(
    out: Path,
    patrols: tuple[AnalysedPatrol, AnalysedPatrol],
    projection: LocalProjection,
    found: Association,
    findings: Sequence[Finding],
    changes: Sequence[tuple[Change, Pictured]] | None,
    warnings: Sequence[str],
) -> None:
    """Write all of it, in the place of an earlier result. Raises OSError."""
    offset = found.offset
    members = {
        "earlier": patrols[0].name,
        "later": patrols[1].name,
        "projection": {
            "lon_deg": projection.origin.lon_deg,
            "lat_deg": projection.origin.lat_deg,
        },
        "offset": {
            "east_m": round(float(offset.ground_m[0]), 3),
            "north_m": round(float(offset.ground_m[1]), 3),
            "sigma_m": [round(math.sqrt(v), 3) for v in offset.covariance_m2.diagonal()],
            "matches": offset.matches,
        },
    }
    pairs: dict[str, Pictured] = {f.id: f.pictured for f in findings if f.pictured is not None}
    features = [_feature(finding, projection, findings) for finding in findings]
    for number, (change, pictured) in enumerate(changes or (), 1):
        name = f"B{number:04d}"
        pairs[name] = pictured
        features.append(_changed(name, change, pictured, projection))
    with replacing_results(out, _RESULTS) as folder:
        (folder / PAIRS).mkdir()
        for name, pictured in pairs.items():
            (folder / PAIRS / f"{name}_earlier.jpg").write_bytes(pictured.earlier_jpg)
            (folder / PAIRS / f"{name}_later.jpg").write_bytes(pictured.later_jpg)
        write_layer(folder / COMPARISON, features, members=members)
        manifest = {
            "format": "river-patrol/comparison",
            "version": 1,
            "earlier": _source(patrols[0]),
            "later": _source(patrols[1]),
            "outcomes": {name: sum(f.outcome == name for f in findings) for name in OUTCOMES},
            "bank_changes": None if changes is None else len(changes),
            "files": {
                path.relative_to(folder).as_posix(): sha256_of(path)
                for path in sorted([folder / COMPARISON, *(folder / PAIRS).iterdir()])
            },
            "packages": package_versions(),
            "warnings": list(warnings),
        }
        text = json.dumps(manifest, ensure_ascii=False, indent=1, allow_nan=False)
        write_text(folder / "manifest.json", text + "\n")


def _source(patrol: AnalysedPatrol) -> dict[str, Any]:
    names = ("manifest.json", "sightings.geojson")
    return {"patrol": patrol.name, "sha256": {n: sha256_of(patrol.folder / n) for n in names}}


def _feature(finding: Finding, projection: LocalProjection, findings: Sequence[Finding]) -> Feature:
    case = finding.case
    thing = case.later or case.earlier
    assert thing is not None, "a case has a sighting of one patrol at least"
    properties: dict[str, Any] = {
        "id": finding.id,
        "kind": "sighting",
        "outcome": finding.outcome,
        "class": thing.class_name,
        "earlier": case.earlier.id if case.earlier else None,
        "later": case.later.id if case.later else None,
        "confidence": round(thing.confidence, 3),
        "chi2": None if case.chi2 is None else round(case.chi2, 3),
        "looks_earlier": len(case.looks_earlier),
        "looks_later": len(case.looks_later),
        "discharge": _discharge(finding, findings),
        "size": None,
        "picture": {
            "verdict": finding.judgement.verdict if finding.pictured else None,
            "difference": _number(finding.judgement.difference, 2),
            "around": _number(finding.judgement.around, 2),
            "likeness": [_number(v, 3) for v in finding.judgement.likeness],
        },
        "pair": _pair(finding.id, finding.pictured),
    }
    if case.size is not None:
        properties["size"] = {
            "earlier_radius_m": round(case.size.earlier_m, 2),
            "later_radius_m": round(case.size.later_m, 2),
            "change_m": round(case.size.change_m, 2),
            "sigma_m": round(case.size.sigma_m, 2),
        }
    return Feature(shapely.Point(thing.lon_deg, thing.lat_deg), properties)


def _discharge(finding: Finding, findings: Sequence[Finding]) -> str | None:
    """Of an outfall: whether it began or ended to discharge, by the discharge beside it."""
    case = finding.case
    if case.kin:
        assert case.later is not None
        return "began" if case.later.class_name == "discharge" else "ended"
    outfall = case.later or case.earlier
    if outfall is None or outfall.class_name != "outfall" or finding.outcome == "gone":
        return None
    for other in findings:
        plume = other.case.later or other.case.earlier
        if plume is None or plume.class_name != "discharge" or other.outcome not in ("new", "gone"):
            continue
        place, at = (
            (other.case.place_later, case.place_later)
            if other.case.later
            else (other.case.place_earlier, case.place_earlier)
        )
        apart_m = float(np.hypot(*(place.ground_m - at.ground_m)))
        if apart_m <= plume.radius_m + outfall.radius_m + 1.0:
            return "began" if other.outcome == "new" else "ended"
    return None


def _pair(name: str, pictured: Pictured | None) -> dict[str, Any] | None:
    if pictured is None:
        return None
    pictures = {
        "before": f"{PAIRS}/{name}_earlier.jpg",
        "after": f"{PAIRS}/{name}_later.jpg",
    }
    return pictures | pictured.about


def _changed(name: str, change: Change, pictured: Pictured, projection: LocalProjection) -> Feature:
    [[lon, lat]] = projection.inverse(change.ground_m)
    properties = {
        "id": name,
        "kind": "bank_change",
        "outcome": "changed",
        "class": None,
        "area_m2": round(change.area_m2, 1),
        "difference": round(change.difference, 1),
        "pairs": change.pairs,
        "pair": _pair(name, pictured),
    }
    return Feature(shapely.Point(float(lon), float(lat)), properties)
