"""Recipes: what they may say, and sets made of them again and again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_sets import all_bytes, labelled_folder

from detection.errors import TrainingError
from detection.evaluation.boxes import Scored
from detection.training.recipes.cooking import Makers, build_recipe
from detection.training.recipes.recipe import PartSpec, Recipe, parse_recipe, read_recipe
from detection.training.samples import Boxes, Picture
from detection.training.sets.checks import check_dataset

ROOT = Path(__file__).resolve().parents[4]
RIVER = {
    "name": "river", "kind": "river", "area": "area", "seeds": "1-2", "pictures": 4,
    "val_seeds": "3-3", "val_pictures": 2, "train": 6, "val": 2, "licence": "AGPL-3.0",
}  # fmt: skip
COMPOSITES = {
    "name": "pasted", "kind": "composites", "train": 3, "val": 1, "side": 100,
    "objects": [{"part": "river", "gsd_m": 0.1}], "backgrounds": [{"part": "own", "gsd_m": 0.1}],
}  # fmt: skip
OWN = {"name": "own", "kind": "folder", "folder": "mine", "train": 5, "val": 1, "test": 2}


def recipe_of(tmp_path: Path, *parts: dict[str, Any], **head: Any) -> Recipe:
    document = {"name": "made", "side_px": 64, "parts": list(parts), **head}
    return parse_recipe(document, tmp_path / "made.yaml")


def river_maker(made: list[Path]) -> Callable[[PartSpec, Path, int], None]:
    """Stands for the virtual river: a few pictures, and a note of where they were made."""

    def make(part: PartSpec, folder: Path, seed: int) -> None:
        made.append(folder)
        labelled_folder(folder, {"train": 4, "val": 2}, first=1000 + seed)

    return make


def test_same_seed_same_bytes_from_nothing_and_from_what_was_kept(tmp_path: Path) -> None:
    labelled_folder(tmp_path / "mine", {"train": 3, "val": 1, "test": 2})
    recipe = recipe_of(tmp_path, RIVER, OWN, COMPOSITES)
    made: list[Path] = []
    makers = Makers({"river": river_maker(made)})

    def built(name: str, seed: int, work: str) -> dict[str, bytes]:
        summary = build_recipe(
            recipe, tmp_path / name, seed=seed, work=tmp_path / work, makers=makers
        )
        assert summary.pictures == {"train": 14, "val": 4, "test": 2}
        return all_bytes(tmp_path / name)

    first = built("a", 1, "work1")
    assert built("b", 1, "work1") == first
    assert len(made) == 1  # kept, not made again
    assert built("c", 1, "work2") == first
    assert len(made) == 2
    assert built("d", 2, "work1") != first
    manifest = json.loads(first["manifest.json"])
    assert manifest["recipe"] == "made"
    assert [s["crops"] for s in manifest["sources"]] == [
        {"train": 6, "val": 2}, {"train": 5, "val": 1, "test": 2}, {"train": 3, "val": 1},
    ]  # fmt: skip
    assert manifest["sources"][0]["licence"] == "AGPL-3.0"
    assert not [f for f in check_dataset(tmp_path / "a").faults if f.kind != "leak"]


def test_composites_go_on_where_they_were_stopped(tmp_path: Path) -> None:
    labelled_folder(tmp_path / "mine", {"train": 3, "val": 1, "test": 2})
    recipe = recipe_of(tmp_path, RIVER, OWN, COMPOSITES)
    makers = Makers({"river": river_maker([])})
    work = tmp_path / "work"

    def build(name: str, advance: Callable[[float], None] = lambda done: None) -> dict[str, bytes]:
        build_recipe(
            recipe, tmp_path / name, seed=1, work=work, makers=makers, advance=advance
        )  # fmt: skip
        return all_bytes(tmp_path / name)

    def stop(done: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build("stopped", stop)
    assert not (tmp_path / "stopped").exists()
    (kept,) = work.glob("pasted-*")
    first = kept / "images" / "train" / "00000.jpg"
    written = first.stat().st_mtime_ns
    assert not (kept / "done").exists()
    whole = build("whole")
    assert first.stat().st_mtime_ns == written
    build_recipe(recipe, tmp_path / "anew", seed=1, work=tmp_path / "other", makers=makers)
    assert all_bytes(tmp_path / "anew") == whole


def test_parts_that_are_given_or_not_there(tmp_path: Path) -> None:
    labelled_folder(tmp_path / "elsewhere", {"train": 3, "val": 2})
    recipe = recipe_of(
        tmp_path, RIVER, {**OWN, "folder": "$DATA/gone", "optional": True},
        {**COMPOSITES, "optional": True},
    )  # fmt: skip
    said: list[str] = []
    summary = build_recipe(
        recipe, tmp_path / "out", seed=0, work=tmp_path / "work", data=tmp_path,
        given={"river": tmp_path / "elsewhere"}, tell=said.append,
    )  # fmt: skip
    assert summary.pictures == {"train": 6, "val": 2}
    assert "left out, its folder is not there" in said[0]
    assert "left out, the parts that it is made of are" in said[1]
    for folders, message in (
        ({}, r"nothing here makes river; name a folder of them with --part river=FOLDER"),
        ({"lake": tmp_path}, "no part 'lake'; its parts are river, own, pasted"),
        ({"river": tmp_path / "none"}, "no folder .*none"),
    ):
        with pytest.raises(TrainingError, match=message):
            build_recipe(recipe, tmp_path / "x", seed=0, work=tmp_path / "w", given=folders)
        assert not (tmp_path / "x").exists()


def changed(part: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {k: v for k, v in {**part, **changes}.items() if v is not None}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "expected a table with name, side_px and a list of parts"),
        ({"parts": []}, "expected one or more"),
        ({"parts": [RIVER, RIVER]}, "expected one or more"),
        ({"parts": [RIVER], "sides": 3}, "unknown field 'sides'"),
        ({"parts": [RIVER], "side_px": 10}, "side_px 10: expected a whole number from 64"),
        ({"parts": [RIVER], "class_weights": [1, 2]}, "expected four numbers above 0"),
        ({"parts": [{"kind": "lake"}]}, "part 1: kind 'lake' is not one of renders, river"),
        ({"parts": [changed(RIVER, seed=3)]}, "part 1 (river): unknown field 'seed'"),
        ({"parts": [changed(RIVER, train=-1)]}, "train -1: expected a whole number from 0"),
        ({"parts": [changed(RIVER, train=True)]}, "train True: expected a whole number"),
        ({"parts": [changed(RIVER, seeds=None)]}, "expected area and seeds of the worlds"),
        ({"parts": [changed(RIVER, pictures=None)]}, "expected a folder, or how many pictures"),
        ({"parts": [changed(RIVER, scales=[2, 1])]}, "scales [2, 1]: expected [least, most]"),
        ({"parts": [changed(OWN, folder=None)]}, "folder is missing; a part of kind folder"),
        ({"parts": [changed(OWN, name="../up")]}, "expected letters, digits"),
        ({"parts": [RIVER, COMPOSITES]}, "refers to part 'own', which is not one before it"),
        ({"parts": [changed(COMPOSITES, objects=[{"part": "x"}])]}, "gsd_m above 0"),
        (
            {"parts": [{"kind": "kampala", "folder": "x", "held_out": "south"}]},
            "east, west or other",
        ),
    ],
)
def test_a_wrong_recipe_is_one_line(tmp_path: Path, document: object, message: str) -> None:
    with pytest.raises(TrainingError) as caught:
        parse_recipe(document, tmp_path / "made.yaml")
    assert str(tmp_path / "made.yaml") in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)


@given(st.data())
def test_any_yaml_costs_at_most_one_error(data: st.DataObject) -> None:
    part = dict(data.draw(st.sampled_from([RIVER, OWN, COMPOSITES])))
    for _ in range(data.draw(st.integers(1, 3))):
        part[data.draw(st.sampled_from([*part, "map", "only", "of", "scales"]))] = data.draw(
            _VALUES
        )
    try:
        parse_recipe({"parts": [part]}, Path("x.yaml"))
    except TrainingError as error:
        assert "\n" not in str(error)


def test_shipped_recipes_are_read_and_large_enough() -> None:
    recipe = read_recipe(ROOT / "models" / "recipes" / "river-patrol-n.yaml")
    distinct = sum(
        part.options.get("pictures", part.train if part.kind == "composites" else 0)
        for part in recipe.parts
    )
    assert distinct >= 3000
    assert {part.kind for part in recipe.parts} >= {"renders", "river", "jakarta", "kampala"}
    (kampala,) = (part for part in recipe.parts if part.kind == "kampala")
    assert kampala.val == 0  # the held-out place has no say in when to stop
    assert read_recipe(ROOT / "models" / "recipes" / "smoke.yaml").name == "smoke"
    with pytest.raises(TrainingError, match="no such recipe"):
        read_recipe(ROOT / "models" / "recipes" / "none.yaml")


def test_mistakes_of_a_part_are_added(tmp_path: Path) -> None:
    labelled_folder(tmp_path / "mine", {"train": 3, "val": 1})
    asked: list[Path] = []

    def detect_with(model: Path) -> Callable[[Picture], Scored]:
        asked.append(model)
        return lambda picture: Scored(Boxes.empty(), np.empty(0))  # finds nothing: all is missed

    mistakes = {"name": "missed", "kind": "mistakes", "of": ["own"], "model": "m", "train": 3}
    summary = build_recipe(
        recipe_of(tmp_path, changed(OWN, test=None), mistakes), tmp_path / "out", seed=0,
        work=tmp_path / "work", makers=Makers(detect_with=detect_with),
    )  # fmt: skip
    assert asked == [tmp_path / "m"]
    assert summary.pictures == {"train": 8, "val": 1}
