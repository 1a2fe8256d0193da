"""Each labelling tool's files give the boxes that somebody drew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_sets import scene, write_scene

from detection.errors import TrainingError
from detection.training.importing.foreign import ForeignSet
from detection.training.importing.reading import format_of, read_foreign


def boxes_of(found: ForeignSet, stem: str) -> list[tuple[str, tuple[int, ...]]]:
    (one,) = (p for p in found.pictures if p.path.stem == stem)
    return [(b.label, tuple(round(v) for v in b.corners)) for b in one.boxes]


def test_yolo_boxes_outlines_and_layouts(tmp_path: Path) -> None:
    write_scene(tmp_path / "train" / "images" / "a.jpg", scene(1))
    write_scene(tmp_path / "valid" / "images" / "b.jpg", scene(2))
    (tmp_path / "train" / "labels").mkdir()
    (tmp_path / "train" / "labels" / "a.txt").write_text(
        "0 0.5 0.5 0.25 0.5\n1 0.1 0.1 0.3 0.1 0.3 0.4\n0 0.5 0.5 0.25 0.5 0.9\n"
    )
    (tmp_path / "data.yaml").write_text("names: [pipe, shed]\ntrain: train/images\n")
    assert format_of(tmp_path) == "yolo"
    found = read_foreign(tmp_path)
    a, b = found.pictures
    assert [box.label for box in a.boxes] == ["pipe", "shed", "pipe"]
    assert a.boxes[0].corners == pytest.approx((0.375, 0.25, 0.625, 0.75))
    assert a.boxes[1].corners == pytest.approx((0.1, 0.1, 0.3, 0.4))
    assert (a.split, b.split, b.boxes) == ("train", "val", ())
    (tmp_path / "train" / "labels" / "a.txt").write_text("7 0.5 0.5 0.2 0.2\n0 0.5 0.5\n")
    faults = read_foreign(tmp_path).faults
    assert "a.txt, line 1: class 7 is not in the set's class list" in faults[0]
    assert "a.txt, line 2: found '0 0.5 0.5', expected" in faults[1]


def test_coco_boxes_masks_and_crowds(tmp_path: Path) -> None:
    write_scene(tmp_path / "images" / "a.jpg", scene(1))
    document = {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 160, "height": 120}],
        "categories": [{"id": 3, "name": "pipe"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 20, 30, 40], "iscrowd": 0},
            {"id": 2, "image_id": 7, "category_id": 3, "segmentation": [[5, 6, 50, 6, 50, 70]]},
            {"id": 3, "image_id": 7, "category_id": 3, "bbox": [0, 0, 99, 99], "iscrowd": 1},
            # columns of 120 px: the run starts at row 10 of column 2 and ends at row 19
            {"id": 4, "image_id": 7, "category_id": 3,
             "segmentation": {"size": [120, 160], "counts": [250, 10, 18940]}},
            {"id": 5, "image_id": 7, "category_id": 9, "bbox": [0, 0, 9, 9]},
            {"id": 6, "image_id": 8, "category_id": 3, "bbox": [0, 0, 9, 9]},
            {"id": 7, "image_id": 7, "category_id": 3},
        ],
    }  # fmt: skip
    (tmp_path / "instances_val.json").write_text(json.dumps(document))
    assert format_of(tmp_path) == "coco"
    found = read_foreign(tmp_path)
    assert boxes_of(found, "a") == [
        ("pipe", (10, 20, 40, 60)), ("pipe", (5, 6, 50, 70)), ("pipe", (2, 10, 3, 20)),
    ]  # fmt: skip
    assert found.pictures[0].split == "val"
    assert found.notes == ["1 annotations marked iscrowd were left out: they box many at once"]
    assert [fault.split(": ")[1] for fault in found.faults] == [
        "category 9 is not in the file",
        "image 8 is not in the file",
        "neither bbox nor segmentation",
    ]


def test_coco_compressed_masks(tmp_path: Path) -> None:
    mask = pytest.importorskip("pycocotools.mask", reason="pycocotools is not installed")
    import numpy as np

    pixels = np.zeros((120, 160), np.uint8, order="F")
    pixels[30:50, 60:90] = 1
    counts = mask.encode(pixels)["counts"].decode()
    write_scene(tmp_path / "a.jpg", scene(1))
    (tmp_path / "x.json").write_text(
        json.dumps(
            {
                "images": [{"id": 1, "file_name": "a.jpg"}], "categories": [{"id": 1, "name": "p"}],
                "annotations": [{"id": 1, "image_id": 1, "category_id": 1,
                                 "segmentation": {"size": [120, 160], "counts": counts}}],
            }
        )
    )  # fmt: skip
    assert boxes_of(read_foreign(tmp_path), "a") == [("p", (60, 30, 90, 50))]


VOC = """<annotation><filename>{name}</filename>{source}
<size><width>160</width><height>120</height><depth>3</depth></size>
<object><name>pipe</name><bndbox><xmin>11</xmin><ymin>21</ymin><xmax>40</xmax><ymax>60</ymax></bndbox></object>
{more}</annotation>"""


def test_voc_and_its_count_from_one(tmp_path: Path) -> None:
    turned = (
        "<object><name>shed</name><robndbox><cx>80</cx><cy>60</cy><w>40</w><h>20</h>"
        "<angle>1.5707963</angle></robndbox></object>"
    )
    broken = "<object><name>x</name><bndbox><xmin>1</xmin></bndbox></object>"
    for stem, source, more in (
        ("a", "", turned + broken),
        ("b", "<source><database>The VOC2007 Database</database></source>", ""),
    ):
        write_scene(tmp_path / "JPEGImages" / f"{stem}.jpg", scene(ord(stem)))
        path = tmp_path / "Annotations" / f"{stem}.xml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(VOC.format(name="renamed.jpg", source=source, more=more))
    write_scene(tmp_path / "JPEGImages" / "unlabelled.jpg", scene(9))
    listing = tmp_path / "ImageSets" / "Main" / "test.txt"
    listing.parent.mkdir(parents=True)
    listing.write_text("b\n")
    assert format_of(tmp_path) == "voc"
    found = read_foreign(tmp_path)
    assert boxes_of(found, "a") == [("pipe", (11, 21, 40, 60)), ("shed", (70, 40, 90, 80))]
    assert boxes_of(found, "b") == [("pipe", (10, 20, 40, 60))]
    assert [p.split for p in found.pictures] == [None, "test"]
    assert "a.xml, object 3" in found.faults[0]
    assert found.notes == ["1 pictures that no XML file is about were left out"]


def test_cvat_images(tmp_path: Path) -> None:
    write_scene(tmp_path / "images" / "a.jpg", scene(1))
    (tmp_path / "annotations.xml").write_text(
        """<annotations><version>1.1</version>
        <image id="0" name="a.jpg" subset="validation" width="160" height="120">
        <box label="pipe" xtl="10" ytl="20" xbr="30" ybr="30" rotation="90"/>
        <polygon label="shed" points="5,6;50,6;50,70"/>
        <ellipse label="shed" cx="50" cy="50" rx="10" ry="5"/>
        <mask label="pipe" rle="1,2" left="3" top="4" width="10" height="11"/>
        <points label="pipe" points="1,1"/>
        <polygon label="shed" points="5;6"/>
        </image><image id="1" name="gone.jpg" width="9" height="9"/></annotations>"""
    )
    assert format_of(tmp_path) == "cvat"
    found = read_foreign(tmp_path)
    assert boxes_of(found, "a") == [
        ("pipe", (15, 15, 25, 35)), ("shed", (5, 6, 50, 70)), ("shed", (40, 45, 60, 55)),
        ("pipe", (3, 4, 13, 15)),
    ]  # fmt: skip
    assert found.pictures[0].split == "val"
    assert "points annotations" in found.notes[0]
    assert len(found.faults) == 2


def test_cvat_tracks_refer_to_frames(tmp_path: Path) -> None:
    for frame in (0, 1, 2):
        write_scene(tmp_path / "images" / f"frame_{frame:06d}.PNG", scene(frame))
    shape = '<box frame="{0}" outside="{1}" occluded="0" xtl="{2}" ytl="5" xbr="60" ybr="30"/>'
    shapes = "".join(shape.format(*row) for row in ((0, 0, 10), (1, 0, 20), (2, 1, 30), (9, 0, 1)))
    (tmp_path / "annotations.xml").write_text(
        "<annotations><meta><original_size><width>160</width><height>120</height></original_size>"
        f'</meta><track id="4" label="pipe">{shapes}</track></annotations>'
    )
    found = read_foreign(tmp_path)
    assert [len(p.boxes) for p in found.pictures] == [1, 1, 0]
    assert boxes_of(found, "frame_000001") == [("pipe", (20, 5, 60, 30))]
    assert len({p.group for p in found.pictures}) == 1
    assert found.pictures[0].group
    assert "1 labelled frames of annotations.xml that have no picture" in found.notes[0]


def test_label_studio_percent_turned_and_cancelled(tmp_path: Path) -> None:
    write_scene(tmp_path / "images" / "0123abcd-river 1.jpg", scene(1))
    write_scene(tmp_path / "images" / "b.jpg", scene(2))

    def result(kind: str, **value: object) -> dict[str, object]:
        return {
            "type": kind, "original_width": 160, "original_height": 120, "image_rotation": 0,
            "value": value,
        }  # fmt: skip

    square = {"x": 25, "y": 25, "width": 25, "height": 50}
    tasks = [
        {
            "id": 1, "data": {"image": "/data/upload/3/0123abcd-river%201.jpg"},
            "annotations": [
                {"was_cancelled": True, "updated_at": "2026-09", "result": []},
                {"was_cancelled": False, "updated_at": "2026-01", "result": []},
                {
                    "was_cancelled": False, "updated_at": "2026-02",
                    "result": [
                        result("rectanglelabels", rotation=0, rectanglelabels=["pipe"], **square),
                        result("rectanglelabels", rotation=90, rectanglelabels=["pipe"], **square),
                        result("polygonlabels", points=[[0, 0], [50, 0], [50, 50]],
                               polygonlabels=["shed"]),
                        result("brushlabels", brushlabels=["shed"], rle=[]),
                        result("rectangle", **square),
                    ],
                },
            ],
        },
        {"id": 2, "data": {"image": "/data/local-files/?d=images/b.jpg"}, "annotations": []},
        {"id": 3, "data": {"image": "gone.jpg"}, "annotations": [{"result": []}]},
    ]  # fmt: skip
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    assert format_of(tmp_path) == "labelstudio"
    found = read_foreign(tmp_path)
    assert boxes_of(found, "0123abcd-river 1") == [
        ("pipe", (40, 30, 80, 90)),
        ("pipe", (-20, 30, 40, 70)),  # about its top left corner, clockwise
        ("shed", (0, 0, 80, 60)),
    ]
    assert len(found.pictures) == 1
    assert "results of type brushlabels" in found.notes[0]
    assert "tasks that nobody has labelled" in found.notes[1]
    assert "gone.jpg" in found.faults[0]


def test_label_studio_min_export(tmp_path: Path) -> None:
    write_scene(tmp_path / "b.jpg", scene(2))
    label = {"x": 50, "y": 50, "width": 10, "height": 10, "rotation": 0, "original_width": 160,
             "original_height": 120, "rectanglelabels": ["pipe"]}  # fmt: skip
    (tmp_path / "min.json").write_text(json.dumps([{"image": "b.jpg", "label": [label], "id": 5}]))
    assert boxes_of(read_foreign(tmp_path), "b") == [("pipe", (80, 60, 96, 72))]


@pytest.mark.parametrize("layout", ["flat", "split"])
def test_isood_every_box_is_an_outfall(tmp_path: Path, layout: str) -> None:
    root = tmp_path / "iSOOD_10481_v1.0"
    images = root / ("Images" if layout == "flat" else "train/images")
    labels = root / ("Annotations_txt" if layout == "flat" else "train/labels")
    labels.mkdir(parents=True)
    for number in range(3):
        write_scene(images / f"CJ{number}.jpg", scene(number))
    for number in range(2):
        (labels / f"CJ{number}.txt").write_text(f"{number} 0.5 0.5 0.25 0.5\n")
    assert format_of(tmp_path) == "isood"
    found = read_foreign(tmp_path)
    assert [b.label for p in found.pictures for b in p.boxes] == ["outfall", "outfall"]
    assert found.notes == ["1 pictures without a label file were left out"]
    assert all(p.split is None for p in found.pictures)


def test_two_pictures_of_one_name_are_told_apart_or_refused(tmp_path: Path) -> None:
    write_scene(tmp_path / "day1" / "a.jpg", scene(1))
    write_scene(tmp_path / "day2" / "a.jpg", scene(2))
    document = {
        "images": [{"id": 1, "file_name": "day2/a.jpg"}, {"id": 2, "file_name": "a.jpg"}],
        "categories": [{"id": 1, "name": "p"}], "annotations": [],
    }  # fmt: skip
    (tmp_path / "x.json").write_text(json.dumps(document))
    found = read_foreign(tmp_path)
    assert [p.key for p in found.pictures] == ["day2/a.jpg"]
    assert "'a.jpg' in the set, or several" in found.faults[0]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{", "not JSON"),
        ("a.json", '{"images": [{}], "annotations": [], "categories": []}', "not COCO"),
        ("a.xml", "<annotations><image", "not XML"),
        ("a.xml", '<!DOCTYPE x [<!ENTITY e "y">]><annotation/>', "DTD or entities"),
        ("data.yaml", "names: 3", "neither a list nor a table"),
        ("readme.md", "hello", "no labels in a format that is known"),
    ],
)
def test_what_cannot_be_read_is_one_line(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    if name == "data.yaml":
        (tmp_path / "x.txt").write_text("")
    with pytest.raises(TrainingError, match=message) as caught:
        read_foreign(tmp_path)
    assert "\n" not in str(caught.value)
