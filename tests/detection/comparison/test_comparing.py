"""Two filmed and analysed patrols to what changed, with pictures."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import shapely
from made_films import ColourDetector, Patch, analysed, film, ground, line, of, said
from made_things import HERE, thing, write_patrol

from detection.comparison.compare import Compared, compare
from detection.comparison.seen import SEEN, recompute_seen, write_seen
from detection.errors import ComparisonError, DetectionError

STAYS = of("outfall", -6, 60), of("structure", 8, 75, size_m=(5, 4)), of("outfall", 4, 100)
WENT, CAME = of("floating_waste", 3, 45), of("outfall", -7, 84)
MISSED = of("discharge", -2, 115, size_m=(4, 3))  # there on both days, not found on the later
NOT_SEEN_LATER, FIRST_SEEN = of("outfall", 5, 8), of("outfall", -4, 168)
WASTE = of("floating_waste", 2, 128, size_m=(2, 2)), of("floating_waste", 2, 128, size_m=(4, 4))
SHED = Patch((60, 110, 190), (11.0, 52.0), (4.0, 4.0))  # of no class's colour, on the later day
OFFSET_M = (3.0, -2.0)


@pytest.fixture(scope="module")
def patrols(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("patrols")
    before = ground([*STAYS, WENT, MISSED, NOT_SEEN_LATER, FIRST_SEEN, WASTE[0]])
    after = ground([*STAYS, CAME, MISSED, NOT_SEEN_LATER, FIRST_SEEN, WASTE[1], SHED], light=0.85)
    way = line(0, 140)
    back = line(180, 30, east_m=2.0, height_m=51.0)
    earlier = film(folder / "earlier", before, way, way)
    later = film(folder / "later", after, back, said(back, *OFFSET_M, 0.8), days=14)
    analysed(earlier, ColourDetector(folder / "all"))
    analysed(later, ColourDetector(folder / "some", frozenset({"discharge"})))
    return earlier, later


@pytest.fixture(scope="module")
def compared(patrols: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Compared:
    strip = shapely.transform(shapely.box(7, 0, 20, 180), HERE.inverse)
    out = tmp_path_factory.mktemp("compared") / "out"
    return compare(*patrols, out, bank=strip)


def rows(out: Path) -> list[dict[str, Any]]:
    document = json.loads((out / "comparison.geojson").read_text())
    return [
        row["properties"] | {"at_m": HERE.forward([row["geometry"]["coordinates"]])[0]}
        for row in document["features"]
    ]


def about(out: Path, patch: Patch) -> dict[str, Any]:
    """What is said of the thing at a patch."""
    near = [row for row in rows(out) if np.hypot(*(row["at_m"] - patch.at_m)) < 5.5]
    assert len(near) == 1, near
    return near[0]


@pytest.mark.parametrize(
    ("patch", "outcome"),
    [
        (STAYS[0], "still_there"),
        (STAYS[1], "still_there"),
        (STAYS[2], "still_there"),
        (WENT, "gone"),
        (CAME, "new"),
        (MISSED, "still_there"),
        (NOT_SEEN_LATER, "not_looked_at"),
        (FIRST_SEEN, "first_seen"),
        (WASTE[0], "grown"),
    ],
)
def test_what_became_of_each_thing(compared: Compared, patch: Patch, outcome: str) -> None:
    assert about(compared.out, patch)["outcome"] == outcome


def test_nothing_else_is_told_and_counts_agree(compared: Compared) -> None:
    found = [row["outcome"] for row in rows(compared.out) if row["kind"] == "sighting"]
    assert len(found) == 9
    assert {k: v for k, v in compared.counts.items() if v} == {
        name: found.count(name) for name in set(found)
    }


def test_the_common_offset_is_told(compared: Compared) -> None:
    assert compared.matches == 4
    assert np.hypot(*(np.array(compared.offset_m) - OFFSET_M)) < 1.2
    offset = json.loads((compared.out / "comparison.geojson").read_text())["offset"]
    assert offset["matches"] == 4


def test_what_the_detector_missed_is_told_by_its_pictures(compared: Compared) -> None:
    missed = about(compared.out, MISSED)
    assert (missed["earlier"] is not None, missed["later"]) == (True, None)
    assert missed["picture"]["verdict"] == "same"
    assert about(compared.out, WENT)["picture"]["verdict"] == "changed"


def test_pairs_lie_on_one_another(compared: Compared) -> None:
    pairs = [row["pair"] for row in rows(compared.out) if row["pair"]]
    assert len(pairs) == compared.pairs >= 8
    for pair in (p for p in pairs if p["registered"]):
        data = [np.fromfile(compared.out / pair[k], np.uint8) for k in ("before", "after")]
        before, after = (np.asarray(cv2.imdecode(d, cv2.IMREAD_COLOR)) for d in data)
        assert before.shape == after.shape == (pair["frame"]["side_px"],) * 2 + (3,)
        assert pair["residual_px"] < 1.0
        grey = [cv2.cvtColor(p, cv2.COLOR_BGR2GRAY)[60:-60, 60:-60] for p in (before, after)]
        [[likeness]] = cv2.matchTemplate(grey[1], grey[0], cv2.TM_CCOEFF_NORMED)
        assert likeness > 0.7


def test_a_shed_that_no_class_fits_is_told_as_a_change_on_the_bank(compared: Compared) -> None:
    [change] = [row for row in rows(compared.out) if row["kind"] == "bank_change"]
    assert compared.bank_changes == 1
    assert np.hypot(*(change["at_m"] - np.array(SHED.at_m) - OFFSET_M)) < 2.0
    assert change["area_m2"] == pytest.approx(16, rel=0.45)
    assert change["outcome"] == "changed"
    assert change["pairs"] >= 2


def test_every_file_is_in_the_manifest_and_a_second_run_gives_the_same_bytes(
    compared: Compared, patrols: tuple[Path, Path], tmp_path: Path
) -> None:
    strip = shapely.transform(shapely.box(7, 0, 20, 180), HERE.inverse)
    compare(*patrols, tmp_path / "again", bank=strip)
    first, second = (
        {p.relative_to(f).as_posix(): p.read_bytes() for p in f.rglob("*") if p.is_file()}
        for f in (compared.out, tmp_path / "again")
    )
    assert first == second
    manifest = json.loads(first.pop("manifest.json"))
    assert manifest["files"] == {
        name: hashlib.sha256(data).hexdigest() for name, data in sorted(first.items())
    }


def test_a_patrol_compared_with_itself_has_not_changed(
    patrols: tuple[Path, Path], tmp_path: Path
) -> None:
    done = compare(patrols[0], patrols[0], tmp_path / "out")
    assert {k for k, v in done.counts.items() if v} == {"still_there"}
    assert done.offset_m == (0.0, 0.0)
    assert done.bank_changes is None
    assert "--area" in done.warnings[0]


def test_without_footage_what_was_looked_at_serves_and_nothing_is_called_gone(
    patrols: tuple[Path, Path], tmp_path: Path
) -> None:
    bare = tmp_path / "earlier"
    bare.mkdir()
    for name in ("sightings.geojson", "manifest.json"):
        shutil.copy(patrols[0] / name, bare / name)
    with pytest.raises(ComparisonError, match="neither footage with telemetry nor seen"):
        compare(bare, patrols[1], tmp_path / "out")
    manifest = json.loads((bare / "manifest.json").read_text())
    seen = recompute_seen(manifest, patrols[0])
    write_seen(bare / SEEN, seen, manifest["patrol"])
    done = compare(bare, patrols[1], tmp_path / "out")
    assert done.pairs == done.counts["gone"] == 0
    assert about(tmp_path / "out", WENT)["outcome"] == "not_found"
    assert about(tmp_path / "out", CAME)["outcome"] == "new"
    assert about(tmp_path / "out", NOT_SEEN_LATER)["outcome"] == "not_looked_at"
    # The footage elsewhere gives all of it.
    whole = compare(bare, patrols[1], tmp_path / "whole", footage=(patrols[0], None))
    assert whole.counts["gone"] == 1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: (p / "manifest.json").unlink(), "is not analysed"),
        (lambda p: (p / "sightings.geojson").unlink(), "no such file"),
        (lambda p: (p / "footage" / "sortie-01_001.SRT").unlink(), "no telemetry"),
        (lambda p: (p / "footage" / "sortie-01_001.mp4").write_bytes(b""), "empty"),
        (lambda p: shutil.rmtree(p), "no such patrol folder"),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_leaves_the_result_alone(
    patrols: tuple[Path, Path], tmp_path: Path, spoil: Any, message: str
) -> None:
    later = tmp_path / "later"
    shutil.copytree(patrols[1], later)
    spoil(later)
    kept = tmp_path / "out" / "comparison.geojson"
    kept.parent.mkdir()
    kept.write_text("before")
    with pytest.raises(DetectionError) as caught:
        compare(patrols[0], later, kept.parent)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert kept.read_text() == "before"


def test_patrols_the_wrong_way_round_are_told(patrols: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ComparisonError, match="name the earlier patrol first"):
        compare(patrols[1], patrols[0], tmp_path / "out")


def test_patrols_of_other_places_and_of_other_footage_are_told(
    patrols: tuple[Path, Path], tmp_path: Path
) -> None:
    picture = ground(())
    far = line(0, 24)
    elsewhere = film(tmp_path / "far", picture, far, said(far, 3000.0, 0.0), days=30)
    analysed(elsewhere, ColourDetector(tmp_path / "model"))
    with pytest.raises(ComparisonError, match="shows no ground that"):
        compare(patrols[0], elsewhere, tmp_path / "out")
    film(elsewhere, picture, far[:4], far[:4], days=30)
    with pytest.raises(ComparisonError, match="is not what the patrol was analysed from"):
        compare(patrols[0], elsewhere, tmp_path / "out")


def test_results_that_are_not_of_one_analysis_are_told(tmp_path: Path) -> None:
    folder = write_patrol(tmp_path / "one", [thing("S1", "outfall", (0, 0))])
    (folder / "manifest.json").write_text(
        json.dumps({"format": "river-patrol/manifest", "patrol": "another"})
    )
    with pytest.raises(ComparisonError, match="one analysis"):
        compare(folder, folder, tmp_path / "out")
