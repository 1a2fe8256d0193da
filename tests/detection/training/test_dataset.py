"""Building training sets from tiny made-up data."""

from __future__ import annotations

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from detection.errors import TrainingError
from detection.training.dataset import Part, build_dataset
from detection.training.public_sets import BackgroundPhotos, JakartaPlastics, KampalaRoofs
from detection.training.samples import CLASSES
from detection.training.sources import YoloFolder


def write_picture(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture)


def yolo_folder(root: Path, count: int = 10, *, classes: str = "") -> Path:
    """Black frames with a white square in the middle, labelled 1; every fifth is empty."""
    for index in range(count):
        picture = np.zeros((90, 160, 3), np.uint8)
        if index % 5:
            picture[35:55, 70:90] = 255
            label = root / "labels" / f"frame{index:03d}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text(f"1 0.5 0.5 {20 / 160} {20 / 90}\n")
        write_picture(root / "images" / f"frame{index:03d}.png", picture)
    if classes:
        (root / "classes.txt").write_text(classes)
    return root


def test_set_is_complete_and_its_boxes_are_right(tmp_path: Path) -> None:
    source = YoloFolder(yolo_folder(tmp_path / "in"), val_share=0.2, width_px=160)
    summary = build_dataset([Part(source, 2)], tmp_path / "set", seed=3, side_px=64)
    assert summary.pictures == {"train": 16, "val": 2}
    assert sum(summary.objects["train"].values()) == summary.objects["train"]["discharge"] > 0
    seen = 0
    for label in sorted((tmp_path / "set" / "labels").rglob("*.txt")):
        picture = cv2.imread(str(tmp_path / "set/images" / label.parent.name / f"{label.stem}.jpg"))
        assert picture.shape == (64, 64, 3)
        rows, columns = np.nonzero(picture[..., 0] > 200)
        for line in label.read_text().splitlines():
            class_id, x, y, w, h = map(float, line.split())
            assert class_id == 1
            bounds = np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2]) * 64
            white = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert bounds == pytest.approx(white, abs=2.5)
            seen += 1
    assert seen == sum(n for split in summary.objects.values() for n in split.values())
    manifest = json.loads((tmp_path / "set/manifest.json").read_text())
    assert manifest["sources"][0]["crops"] == {"train": 16, "val": 2}
    assert CLASSES[1] in (tmp_path / "set/data.yaml").read_text()


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    source = YoloFolder(yolo_folder(tmp_path / "in"), width_px=160)

    def built(name: str, seed: int) -> dict[str, bytes]:
        out = build_dataset([Part(source)], tmp_path / name, seed=seed, side_px=64).folder
        return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}

    first = built("a", 1)
    assert first == built("b", 1)
    assert first != built("c", 2)


def test_training_and_validation_share_no_picture(tmp_path: Path) -> None:
    source = YoloFolder(yolo_folder(tmp_path / "in"), val_share=0.3)
    names = {split: {p.stem for p in source.pictures(split)} for split in ("train", "val")}
    assert len(names["train"]) == 7
    assert len(names["val"]) == 3
    assert not names["train"] & names["val"]


def test_named_splits_are_kept(tmp_path: Path) -> None:
    for split in ("train", "val"):
        write_picture(tmp_path / "images" / split / f"{split}1.png", np.zeros((9, 16, 3), np.uint8))
    assert [p.stem for p in YoloFolder(tmp_path).pictures("val")] == ["val1"]


def test_classes_of_others_are_mapped_or_left_out(tmp_path: Path) -> None:
    folder = yolo_folder(tmp_path, classes="boat\noutlet\n")
    mapped = YoloFolder(folder, mapping={"outlet": "outfall", "boat": ""})
    ids = [i for sample in mapped.samples("train") for i in sample.boxes.class_ids]
    assert set(ids) == {0}
    dropped = YoloFolder(folder, mapping={"outlet": "", "boat": ""})
    assert not any(len(sample.boxes) for sample in dropped.samples("train"))


def test_class_names_in_yaml(tmp_path: Path) -> None:
    folder = yolo_folder(tmp_path)
    (folder / "data.yaml").write_text("names: {0: x, 1: structure}\n")
    source = YoloFolder(folder, mapping={"x": ""})
    assert {i for s in source.samples("train") for i in s.boxes.class_ids} == {2}


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("1 0.5 0.5 0.2", "line 1: found '1 0.5 0.5 0.2', expected: class x y width height"),
        ("one 0.5 0.5 0.2 0.2", "expected: class x y width height"),
        ("9 0.5 0.5 0.2 0.2", "line 1: class 9 is not in the class list"),
        ("1 0.5 0.5 0.2 0.2\n1 0.95 0.5 0.2 0.2", "line 2: the box lies outside the picture"),
        ("1 nan 0.5 0.2 0.2", "outside the picture"),
        ("1 80 45 20 20", "outside the picture"),
    ],
)
def test_bad_labels_name_file_and_line(tmp_path: Path, label: str, message: str) -> None:
    folder = yolo_folder(tmp_path / "in")
    bad = folder / "labels" / "frame001.txt"
    bad.write_text(label)
    with pytest.raises(TrainingError) as caught:
        build_dataset([Part(YoloFolder(folder))], tmp_path / "set", seed=0)
    assert str(bad) in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "set").exists()
    assert list(tmp_path.iterdir()) == [folder]


def test_other_bad_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no folder 'images'"):
        list(YoloFolder(tmp_path).samples("train"))
    folder = yolo_folder(tmp_path / "in", classes="boat\noutlet\n")
    with pytest.raises(TrainingError, match="class 'boat' is not one of outfall"):
        list(YoloFolder(folder).samples("train"))
    with pytest.raises(TrainingError, match="mapping names ship, which it does not have"):
        list(YoloFolder(folder, mapping={"ship": "outfall"}).samples("train"))
    (folder / "images" / "frame000.png").write_bytes(b"")
    with pytest.raises(TrainingError, match=r"frame000\.png: not a picture"):
        list(YoloFolder(folder, mapping={"boat": "", "outlet": "outfall"}).samples("train"))


def test_a_folder_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("keep")
    source = YoloFolder(yolo_folder(tmp_path / "in"))
    with pytest.raises(TrainingError, match="holds something else"):
        build_dataset([Part(source)], tmp_path, seed=0)
    assert (tmp_path / "precious.txt").read_text() == "keep"


def kampala(root: Path, columns: int = 8) -> Path:
    """Tiles of one place, 2 rows high; each holds one roof, labelled in lon, lat."""
    zoom, x0, y0 = 21, 1_238_424, 1_046_528
    size = 256 * 2**zoom

    def lon_lat(x_px: float, y_px: float) -> list[float]:
        lat = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y_px / size))))
        return [x_px / size * 360 - 180, lat]

    features = []
    for column in range(columns):
        for row in range(2):
            tile = np.full((256, 256, 3), 10 * column, np.uint8)
            tile[100:140, 60:160] = 255
            write_picture(root / f"OAM-{x0 + column}-{y0 + row}-{zoom}.png", tile)
            left, top = (x0 + column) * 256 + 60, (y0 + row) * 256 + 100
            ring = [
                lon_lat(left + dx, top + dy)
                for dx, dy in ((0, 0), (100, 0), (100, 40), (0, 40), (0, 0))
            ]
            features.append(
                {
                    "type": "Feature",
                    "properties": {},
                    "geometry": {"type": "Polygon", "coordinates": [ring]},
                }
            )
    write_picture(root / "OAM-309606-261632-19.png", np.zeros((256, 256, 3), np.uint8))
    (root / "labels.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": features})
    )
    return root


def test_kampala_tiles_are_composed_and_split_by_place(tmp_path: Path) -> None:
    source = KampalaRoofs(kampala(tmp_path), val_columns=2)
    (train,), (val,) = list(source.samples("train")), list(source.samples("val"))
    assert train.picture.shape == (512, 5 * 256, 3)  # 8 columns less 2 held out and 1 between
    assert val.picture.shape == (512, 2 * 256, 3)
    assert len(train.boxes) == 10
    assert len(val.boxes) == 4
    for x1, y1, x2, y2 in np.round(val.boxes.corners_px).astype(int):
        assert (val.picture[y1:y2, x1:x2] == 255).all()
        assert (x2 - x1, y2 - y1) == (100, 40)
    assert val.picture[0, 0, 0] == 60  # its first column is the seventh
    # zoom 21 at the equator is 7.46 cm a pixel; crops are to show 8 to 14 cm
    assert train.scales == pytest.approx((0.0746 / 0.14, 0.0746 / 0.08), rel=0.01)


def test_jakarta_holds_one_site_out(tmp_path: Path) -> None:
    rows = ["class,filename,height,width,xmax,xmin,ymax,ymin"]
    for site in (1, 2, 3):
        name = f"Grogol_Location_{site}_2018-05-02 11-15-00-05_cam6.jpg"
        write_picture(tmp_path / "images" / name, np.zeros((1080, 1920, 3), np.uint8))
        rows.append(f"plastic,{name},1080,1920,186.0,153.0,386.0,330.0")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    source = JakartaPlastics(tmp_path)
    train, val = list(source.samples("train")), list(source.samples("val"))
    assert len(train) == 2
    assert len(val) == 1
    assert "Location_1" in val[0].name
    assert val[0].boxes.corners_px.tolist() == [[153.0, 330.0, 186.0, 386.0]]
    assert val[0].boxes.class_ids.tolist() == [CLASSES.index("floating_waste")]
    (tmp_path / "labels.csv").unlink()
    with pytest.raises(TrainingError, match=r"labels\.csv: not found"):
        list(source.samples("train"))


def test_background_photos_hold_the_last_one_out(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.jpg", "c.jpg"):
        write_picture(tmp_path / name, np.zeros((300, 400, 3), np.uint8))
    source = BackgroundPhotos(tmp_path, "site", "made up", widths_px=(200, 400))
    train, val = list(source.samples("train")), list(source.samples("val"))
    assert [s.name for s in train] == ["site-a", "site-b"]
    assert [s.name for s in val] == ["site-c"]
    assert val[0].scales == (0.5, 1.0)
    assert not len(val[0].boxes)


def test_real_sets_are_readable(real_data: Path) -> None:
    roofs = KampalaRoofs(real_data / "buildings_kampala")
    held_out = list(roofs.samples("val"))
    assert [s.picture.shape for s in held_out] == [(2048, 1024, 3)]
    assert sum(len(s.boxes) for s in held_out) == 45
    assert [len(s.boxes) > 50 for s in roofs.samples("train")] == [True, True]
    assert len(list(JakartaPlastics(real_data / "floating_jakarta").samples("val"))) == 107
