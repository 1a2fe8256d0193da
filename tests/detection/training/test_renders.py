"""Rendered scenes: drawn from seeds, held-out families apart, boxes that stay on their things."""

from __future__ import annotations

import json
import math
import os
import subprocess
from dataclasses import fields, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.errors import TrainingError
from detection.training.renders import source
from detection.training.renders.dice import Dice
from detection.training.renders.families import FAMILIES, SPLITS, families_of, family_named
from detection.training.renders.pinhole import Pinhole, axes
from detection.training.renders.post import finish_picture, hazy, motion_kernel, skew_boxes, skewed
from detection.training.renders.rules import LARGE_SHARE, labelled
from detection.training.renders.scene import SceneSpec
from detection.training.renders.source import find_interpreter, plan_scenes, render_part
from detection.training.renders.specification import centre_x_m, draw_scene
from detection.training.samples import Boxes
from detection.training.sources import YoloFolder

_ROOT = Path(__file__).resolve().parents[3]


def interpreter() -> Path | None:
    """The Python with bpy, where there is one."""
    try:
        return find_interpreter()
    except TrainingError:
        return None


# Families


@pytest.mark.parametrize("held_out", ["val", "test"])
@pytest.mark.parametrize("pool", ["banks", "outlets", "lights"])
def test_held_out_families_share_no_bank_outlet_or_light(held_out: str, pool: str) -> None:
    def words(split: str) -> set[str]:
        return {w for f in FAMILIES if f.split == split for w in getattr(f, pool)}

    assert words("train")
    assert words(held_out)
    assert not words("train") & words(held_out)


def test_families_have_names_of_their_own_and_every_split_has_some() -> None:
    assert len({f.name for f in FAMILIES}) == len(FAMILIES)
    assert all(families_of(split) for split in SPLITS)
    assert family_named("grass-farm").split == "train"
    with pytest.raises(TrainingError, match=r"'moon'.*expected one of .*grass-farm"):
        family_named("moon")


# Specifications


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_a_scene_is_the_same_for_the_same_seed_and_another_for_another(family) -> None:
    once, again, other = (draw_scene(family, seed) for seed in (7, 7, 8))
    assert once == again
    assert once.digest == again.digest
    assert once.digest != other.digest
    assert json.loads(once.to_json())["camera"]["z_m"] == once.camera.z_m


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_scenes_keep_to_their_family_and_to_what_drones_do(family) -> None:
    for seed in range(60):
        scene = draw_scene(family, seed)
        assert {bank.kind for bank in scene.banks} <= set(family.banks)
        assert {outlet.kind for outlet in scene.outlets} <= set(family.outlets)
        assert scene.light.kind in family.lights
        assert {b.kind for b in scene.buildings} <= set(family.structures)
        assert 20 <= scene.camera.z_m <= 120
        assert 0 <= scene.camera.tilt_deg <= 45
        assert all(0.15 <= outlet.size_m <= 2.5 for outlet in scene.outlets)
        for thing in scene.buildings:
            bank = next(b for b in scene.banks if b.side == thing.side)
            assert thing.back_m - thing.width_m / 2 > bank.run_m  # none stands in the water


def test_plans_take_families_in_turn_and_grow_at_their_end() -> None:
    short, long = plan_scenes("test", 4, 3), plan_scenes("test", 9, 3)
    assert long[:4] == short
    assert {scene.family for scene in long} == {f.name for f in families_of("test")}
    assert len({scene.name for scene in long}) == 9
    assert not {s.digest for s in long} & {s.digest for s in plan_scenes("test", 9, 4)}


def test_most_scenes_look_at_something() -> None:
    """The camera is aimed: outlets are in the picture far more often than by chance."""
    seen = wanted = 0
    for scene in plan_scenes("train", 120, 5):
        pinhole = Pinhole.of(scene.camera)
        for outlet in scene.outlets:
            bank_x = centre_x_m(scene.river, outlet.s_m) + outlet.side * scene.river.width_m / 2
            seen += bool(pinhole.sees(np.array([[bank_x, outlet.s_m, outlet.up_m]]))[0])
            wanted += 1
    assert wanted > 100
    assert seen > 0.35 * wanted


def test_dice_are_rounded_and_keep_to_their_bounds() -> None:
    dice = Dice(np.random.default_rng(1))
    draws = [dice.log_between(0.2, 50) for _ in range(400)]
    assert all(0.2 <= draw <= 50 and round(draw, 4) == draw for draw in draws)
    assert 0.35 < np.mean(np.array(draws) < math.sqrt(0.2 * 50)) < 0.65
    assert all(0 < c <= 0.95 for c in dice.near((0.9, 0.5, 0.001), 0.5))


# The camera


@given(
    heading=st.floats(0, 360), tilt=st.floats(0, 45), roll=st.floats(-3, 3),
    x=st.floats(-20, 20), y=st.floats(-20, 20),
)  # fmt: skip
def test_rays_go_through_what_is_projected(
    heading: float, tilt: float, roll: float, x: float, y: float
) -> None:
    at = np.array([1.0, 2.0, 50.0])
    camera = Pinhole(at, axes(heading, tilt, roll), 700.0, (480.0, 270.0), (960, 540))
    assert camera.axes @ camera.axes.T == pytest.approx(np.eye(3), abs=1e-12)
    pixels, depth = camera.project(np.array([[x, y, 0.0]]))
    ray = camera.rays(pixels[:, 0], pixels[:, 1])[0]
    assert at + ray * depth[0] == pytest.approx([x, y, 0.0], abs=1e-6)


def test_heading_runs_clockwise_and_nadir_looks_down() -> None:
    right, up, forward = axes(90, 0, 0)
    assert forward == pytest.approx([0, 0, -1])
    assert up == pytest.approx([1, 0, 0])  # east is up in the picture
    assert right == pytest.approx([0, -1, 0])
    assert axes(0, 45, 0)[2] == pytest.approx([0, math.sqrt(0.5), -math.sqrt(0.5)])


# Which things are labelled


def thing(**changes: object) -> dict[str, object]:
    whole = {"label": "outfall", "kind": "concrete_pipe", "box_px": [100, 100, 140, 130],
             "visible": 1.0, "in_picture": 1.0, "area_px": 900}  # fmt: skip
    return whole | changes


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, True),
        ({"label": ""}, False),  # clutter
        ({"visible": 0.31}, True),
        ({"visible": 0.29}, False),
        ({"in_picture": 0.1}, False),
        ({"in_picture": 0.1, "area_px": int(LARGE_SHARE * 960 * 540) + 1}, True),
        ({"visible": 0.1, "area_px": 90_000}, False),
        ({"box_px": [100, 100, 107, 104]}, True),  # 9.3 px of 1280
        ({"box_px": [100, 100, 105, 104]}, False),  # 6.7 px
        ({"box_px": [100, 100, 140, 102]}, False),  # a hair
    ],
)
def test_label_rules(changes: dict[str, object], kept: bool) -> None:
    boxes = labelled([thing(**changes)], 960, 540)
    assert len(boxes) == kept
    assert boxes.corners_px.shape == (kept, 4)


def test_labels_are_the_classes_of_the_project() -> None:
    names = ("outfall", "discharge", "structure", "floating_waste")
    boxes = labelled([thing(label=name) for name in names], 960, 540)
    listing = json.loads((_ROOT / "models" / "classes.json").read_text(encoding="utf-8"))
    ids = {entry["name"]: entry["id"] for entry in listing["classes"]}
    assert boxes.class_ids.tolist() == [ids[name] for name in names]


# Air, lens, sensor

_SCENE = draw_scene(family_named("masonry-town"), 1)


def small(scene: SceneSpec = _SCENE, **changes: object) -> SceneSpec:
    """A scene with a picture of 240 x 136, so that finishing takes milliseconds."""
    camera = replace(
        scene.camera, width_px=240, height_px=136, focal_px=200.0, centre_x_px=120.0,
        centre_y_px=68.0,
    )  # fmt: skip
    return replace(scene, camera=camera, finish=replace(scene.finish, **changes))  # type: ignore[arg-type]


@given(
    skew=st.floats(-12, 12), x=st.integers(0, 200), y=st.integers(0, 100),
    w=st.integers(8, 60), h=st.integers(8, 50),
)  # fmt: skip
@settings(max_examples=120, deadline=None)
def test_a_rolling_shutter_takes_the_box_along(skew: float, x: int, y: int, w: int, h: int) -> None:
    x2, y2 = min(x + w, 240), min(y + h, 136)
    picture = np.zeros((136, 240, 3))
    picture[y:y2, x:x2] = 1.0
    drawn = Boxes(np.array([2]), np.array([[x, y, x2, y2]], float))
    boxes = skew_boxes(drawn, skew, (240, 136))
    seen = skewed(picture, skew)[:, :, 0]
    # what the border repeats beyond the picture's edge is no part of the thing
    reach = math.ceil(abs(skew)) + 1
    if x < reach or x2 > 240 - reach:
        return
    rows, columns = np.nonzero(seen > 0.5)
    box = boxes.corners_px[0]
    assert boxes.class_ids.tolist() == [2]
    assert [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] == pytest.approx(
        box, abs=1.01
    )


def test_boxes_pushed_out_of_the_picture_are_dropped() -> None:
    boxes = Boxes(np.array([0, 1]), np.array([[0, 0, 4, 8], [100, 60, 130, 80]], float))
    left = skew_boxes(boxes, 10.0, (240, 136))
    assert left.class_ids.tolist() == [1]
    assert ((left.corners_px >= 0) & (left.corners_px <= [240, 136, 240, 136])).all()


def test_haze_grows_with_the_distance() -> None:
    scene = small(haze_per_km=6.0, haze_colour=(0.7, 0.7, 0.7))
    camera = replace(scene.camera, tilt_deg=45.0, roll_deg=0.0, z_m=40.0)
    seen = hazy(np.zeros((136, 240, 3)), camera, scene.finish)
    rows = seen.mean(axis=(1, 2))
    assert (np.diff(rows) < 0).all()  # the top of the picture is further away
    assert 0 < rows[-1] < rows[0] < 0.9
    assert hazy(seen, camera, replace(scene.finish, haze_per_km=0.0)) is seen


@given(length=st.floats(0.5, 9), angle=st.floats(0, 180))
def test_motion_blur_keeps_the_light_and_the_place(length: float, angle: float) -> None:
    kernel = motion_kernel(length, angle)
    assert kernel.sum() == pytest.approx(1)
    y, x = np.mgrid[: kernel.shape[0], : kernel.shape[1]]
    middle = (kernel.shape[0] - 1) / 2
    assert [(x * kernel).sum(), (y * kernel).sum()] == pytest.approx([middle, middle], abs=0.15)


@given(seed=st.integers(0, 400))
@settings(max_examples=25, deadline=None)
def test_finished_boxes_stay_on_what_they_bound(seed: int) -> None:
    """Whatever a scene draws for air, lens and sensor, a white square is found where its box is."""
    drawn = draw_scene(FAMILIES[seed % len(FAMILIES)], seed).finish
    scene = small(**{f.name: getattr(drawn, f.name) for f in fields(drawn)})
    picture = np.full((136, 240, 3), 30, np.uint8)
    picture[40:80, 90:150] = 235
    boxes = Boxes(np.array([1]), np.array([[90, 40, 150, 80]], float))
    data, kept = finish_picture(picture, boxes, scene.camera, scene.finish)
    assert (data, kept.corners_px.tolist()) == (
        (again := finish_picture(picture, boxes, scene.camera, scene.finish))[0],
        again[1].corners_px.tolist(),
    )
    grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE).astype(float)
    middle = (np.percentile(grey, 10) + grey[50:70, 105:135].mean()) / 2
    rows, columns = np.nonzero(cv2.medianBlur((grey > middle).astype(np.uint8), 5))
    found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert found == pytest.approx(kept.corners_px[0], abs=4.0)


# Rendering sets

_FAKE = """
import json, struct, sys, zlib
def png(path, w, h):
    rows = b"".join(b"\\0" + b"\\x50\\x60\\x40" * w for _ in range(h))
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    head = struct.pack(">IIBBBBB", w, h, 8, 2, 0, 0, 0)
    open(path, "wb").write(b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
limit = int(open(LIMIT).read())
for number, line in enumerate(open(sys.argv[1])):
    if number == limit:
        sys.exit("out of memory")
    spec = json.loads(line)
    out = sys.argv[2] + "/" + spec["name"]
    png(out + ".png", spec["camera"]["width_px"], spec["camera"]["height_px"])
    thing = {"label": "outfall", "kind": "pipe", "box_px": [100, 100, 160, 150], "visible": 0.9,
             "in_picture": 1.0, "area_px": 2000, "parts": {}}
    json.dump({"name": spec["name"], "things": [thing], "seconds": {}}, open(out + ".json", "w"))
    print(json.dumps({"name": spec["name"]}), flush=True)
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the Blender process that paints one flat picture a scene; the file returned
    says before which scene it breaks down."""
    import sys

    limit = tmp_path / "limit.txt"
    limit.write_text("-1")
    script = tmp_path / "render.py"
    script.write_text(_FAKE.replace("LIMIT", repr(str(limit))))
    monkeypatch.setattr(source, "_SCRIPT", script)
    monkeypatch.setenv("RIVER_PATROL_RENDERS", sys.executable)
    return limit


def test_a_set_goes_on_where_it_stopped(tmp_path: Path, fake: Path) -> None:
    out, specs = tmp_path / "set", plan_scenes("train", 5, 2)
    fake.write_text("3")
    with pytest.raises(TrainingError, match=rf"before scene {specs[3].name}: out of memory"):
        source.render_set(specs, out)
    first = {p: p.stat().st_mtime_ns for p in (out / "images").rglob("*.jpg")}
    assert len(first) == 3
    fake.write_text("-1")
    steps: list[tuple[int, int]] = []
    assert source.render_set(specs, out, advance=lambda a, b: steps.append((a, b))) == 2
    assert steps == [(3, 5), (4, 5), (5, 5)]
    assert all(path.stat().st_mtime_ns == at for path, at in first.items())
    assert source.render_set(specs, out) == 0
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert [p["name"] for p in manifest["pictures"]] == sorted(s.name for s in specs)
    assert manifest["objects"] == {"train": {"outfall": 5}}
    assert manifest["pictures"][0]["spec"]["camera"]["width_px"] == 960
    assert "Blender" in manifest["provenance"]


def test_a_scene_that_changed_is_rendered_again(tmp_path: Path, fake: Path) -> None:
    specs = plan_scenes("val", 2, 2)
    source.render_set(specs, tmp_path / "set")
    changed = [replace(specs[0], samples=specs[0].samples + 1), specs[1]]
    assert source.render_set(changed, tmp_path / "set") == 1


def test_a_part_of_a_training_set_shares_nothing_between_its_splits(
    tmp_path: Path, fake: Path
) -> None:
    told: list[tuple[int, int]] = []
    render_part(tmp_path / "set", 4, 2, 3, advance=lambda *step: told.append(step))
    assert (told[0], told[-1]) == ((0, 6), (6, 6))
    folder = YoloFolder(tmp_path / "set", "renders")
    train, val = list(folder.samples("train")), list(folder.samples("val"))
    assert (len(train), len(val)) == (4, 2)
    assert not {s.name for s in train} & {s.name for s in val}
    assert all(len(s.boxes) == 1 and s.picture.shape == (540, 960, 3) for s in train + val)
    families = json.loads((tmp_path / "set/manifest.json").read_text())["families"]
    assert set(families) == {"train", "val"}


def test_without_blender_the_way_to_get_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIVER_PATROL_RENDERS", "/nowhere/python")
    with pytest.raises(TrainingError, match=r"/nowhere/python.*scripts/renders\.sh"):
        find_interpreter()


@pytest.mark.skipif(
    interpreter() is None, reason="no Python with bpy; scripts/renders.sh or RIVER_PATROL_RENDERS"
)
def test_blender_renders_a_scene_and_says_what_is_seen(tmp_path: Path) -> None:
    scene = next(s for s in plan_scenes("train", 40, 1) if s.outlets)
    # straight above an outlet, so that it must be in the picture
    outlet = scene.outlets[0]
    x = centre_x_m(scene.river, outlet.s_m) + outlet.side * scene.river.width_m / 2
    camera = replace(
        scene.camera, x_m=x - outlet.side * 0.8, y_m=outlet.s_m, z_m=14.0, tilt_deg=0.0, roll_deg=0.0,
        width_px=160, height_px=90, focal_px=110.0, centre_x_px=80.0, centre_y_px=45.0,
    )  # fmt: skip
    bare = replace(scene, name="one", camera=camera, samples=1, buildings=(), clutter=(), litter=(),
                   outlets=(replace(outlet, overgrown=0.0),))  # fmt: skip
    bare = replace(
        bare, banks=tuple(replace(b, trees=0.0, bushes=0.0, reeds=0.0) for b in bare.banks)
    )  # type: ignore[arg-type]
    listing = tmp_path / "specs.jsonl"
    listing.write_text(bare.to_json() + "\n" + replace(bare, name="two").to_json() + "\n")
    script = _ROOT / "detection" / "training" / "renders" / "blender" / "render.py"
    found = interpreter()
    assert found is not None
    done = subprocess.run(
        [str(found), "-I", str(script), str(listing), str(tmp_path), "1"], check=False,
        capture_output=True, text=True, timeout=200, env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-800:]
    one, two = (json.loads((tmp_path / f"{n}.json").read_text()) for n in ("one", "two"))
    seen = [t for t in one["things"] if t["label"] == "outfall"]
    assert len(seen) == 1
    x1, y1, x2, y2 = seen[0]["box_px"]
    assert 0 <= x1 < x2 <= 160
    assert 0 <= y1 < y2 <= 90
    assert seen[0]["visible"] > 0.3
    assert abs((x1 + x2) / 2 - 80) < 50
    assert abs((y1 + y2) / 2 - 45) < 35
    picture = cv2.imread(str(tmp_path / "one.png"))
    assert picture.shape == (90, 160, 3)
    assert picture.std() > 5
    # a second scene in the same process is not changed by the first
    assert one["things"] == two["things"]
    assert (picture == cv2.imread(str(tmp_path / "two.png"))).all()
