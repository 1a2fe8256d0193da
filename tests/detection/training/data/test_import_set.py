"""A foreign set laid out as ours: classes, splits, provenance; and what is refused."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_sets import all_bytes, scene, write_scene
from PIL import Image

from detection.errors import TrainingError
from detection.training.importing.archive import opened
from detection.training.importing.reading import read_foreign
from detection.training.importing.writing import ImportSettings, import_set
from detection.training.sets.checks import check_dataset
from detection.training.sets.splits import Shares


def coco(root: Path, count: int = 20, *, label: str = "pipe", prefix: str = "") -> Path:
    """A COCO set of unlike pictures, one box each."""
    images, annotations = [], []
    for number in range(count):
        write_scene(root / "images" / f"{prefix}{number:03d}.jpg", scene(number))
        images.append(
            {"id": number, "file_name": f"{prefix}{number:03d}.jpg", "width": 160, "height": 120}
        )
        annotations.append(
            {"id": number, "image_id": number, "category_id": 1, "bbox": [16, 12, 32, 24]}
        )
    document = {
        "images": images, "annotations": annotations, "categories": [{"id": 1, "name": label}],
    }  # fmt: skip
    (root / "labels.json").write_text(json.dumps(document))
    return root


def settings_of(**changes: object) -> ImportSettings:
    return ImportSettings(mapping={"pipe": "outfall"}, **changes)  # type: ignore[arg-type]


def test_a_set_is_laid_out_with_its_provenance(tmp_path: Path) -> None:
    found = read_foreign(coco(tmp_path / "in"))
    summary = import_set(
        found, tmp_path / "out", settings_of(source="a friend", licence="CC0", seed=2)
    )
    assert summary.pictures == {"train": 16, "val": 2, "test": 2}
    assert summary.objects["train"] == {"outfall": 16}
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["sources"][0]["licence"] == "CC0"
    assert manifest["sources"][0]["provenance"] == "a friend"
    assert len(manifest["files"]) == 20
    for name, about in manifest["files"].items():
        data = (tmp_path / "out" / name).read_bytes()
        original = (tmp_path / "in" / about["from"]).read_bytes()
        assert data == original  # a plain JPEG is not saved again
        assert about["sha256"] == about["original_sha256"] == hashlib.sha256(data).hexdigest()
    label = next((tmp_path / "out" / "labels" / "train").iterdir()).read_text().split()
    assert label == ["0", "0.200000", "0.200000", "0.200000", "0.200000"]
    assert not check_dataset(tmp_path / "out").faults
    assert "test: images/test" in (tmp_path / "out" / "data.yaml").read_text()


def test_same_seed_same_bytes_and_another_seed_another_split(tmp_path: Path) -> None:
    found = read_foreign(coco(tmp_path / "in"))
    first = all_bytes(import_set(found, tmp_path / "a", settings_of(seed=1)).folder)
    assert first == all_bytes(import_set(found, tmp_path / "b", settings_of(seed=1)).folder)
    assert set(first) != set(
        all_bytes(import_set(found, tmp_path / "c", settings_of(seed=2)).folder)
    )


def test_pictures_that_are_alike_stay_together(tmp_path: Path) -> None:
    root = coco(tmp_path / "in", 12)
    document = json.loads((root / "labels.json").read_text())
    for number in range(12):  # each again, a little brighter and shifted: the next video frame
        frame = np.roll(scene(number), 2, axis=1)
        name = f"next{number:03d}.jpg"
        write_scene(root / "images" / name, np.clip(frame.astype(int) + 4, 0, 255).astype(np.uint8))
        document["images"].append({"id": 100 + number, "file_name": name})
    (root / "labels.json").write_text(json.dumps(document))
    out = tmp_path / "out"
    summary = import_set(read_foreign(root), out, settings_of(shares=Shares(0.25, 0.25)))
    assert min(summary.pictures.values()) >= 4
    for number in range(12):
        places = [p.parent.name for p in (out / "images").rglob(f"*{number:03d}.jpg")]
        assert len(places) == 2
        assert len(set(places)) == 1
    assert not check_dataset(out).faults


def test_groups_by_name_stay_together(tmp_path: Path) -> None:
    root = coco(tmp_path / "in", 20)
    out = tmp_path / "out"
    import_set(
        read_foreign(root), out, settings_of(group_by=r"(\d)\.jpg", shares=Shares(0.2, 0.2))
    )  # fmt: skip
    for digit in range(10):
        assert len({p.parent.name for p in (out / "images").rglob(f"*{digit}.jpg")}) == 1
    with pytest.raises(TrainingError, match="not a regular expression"):
        import_set(read_foreign(root), out, settings_of(group_by="("))


def test_its_own_splits_are_kept_but_no_copy_crosses_them(tmp_path: Path) -> None:
    for split, seeds in (("train", (1, 2, 3)), ("val", (4, 3)), ("test", (5,))):
        for seed in seeds:
            path = tmp_path / "in" / "images" / split / f"{split}{seed}.png"
            write_scene(path, scene(seed) if split != "val" else np.clip(scene(seed), 3, 255))
            label = tmp_path / "in" / "labels" / split / f"{split}{seed}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text("0 0.5 0.5 0.2 0.2\n")
    (tmp_path / "in" / "classes.txt").write_text("pipe\n")
    summary = import_set(read_foreign(tmp_path / "in"), tmp_path / "out", settings_of())
    assert summary.pictures == {"train": 4, "val": 1, "test": 1}
    assert "1 pictures were moved to training" in summary.notes[0]


def test_classes_must_be_mapped(tmp_path: Path) -> None:
    found = read_foreign(coco(tmp_path / "in", 3))
    with pytest.raises(TrainingError, match=r"not ours: pipe \(3\); map each with --map"):
        import_set(found, tmp_path / "out", ImportSettings())
    with pytest.raises(TrainingError, match="their class 'ship', which the set does not have"):
        import_set(found, tmp_path / "out", ImportSettings(mapping={"ship": "outfall"}))
    with pytest.raises(TrainingError, match="theirs are pipe, ours outfall"):
        import_set(found, tmp_path / "out", ImportSettings(mapping={"pipe": "sewer"}))
    left_out = import_set(found, tmp_path / "out", ImportSettings(mapping={"pipe": ""}))
    assert not any(left_out.objects.values())
    assert "3 boxes of classes that are not mapped were left out" in left_out.notes


def test_faults_are_listed_and_nothing_is_written(tmp_path: Path) -> None:
    root = coco(tmp_path / "in", 8)
    document = json.loads((root / "labels.json").read_text())
    document["annotations"][0]["bbox"] = [150, 12, 32, 24]  # 22 px beyond
    document["annotations"][1]["bbox"] = [130, 12, 31, 24]  # 1 px beyond: clipped
    document["images"][2]["width"] = 999
    (root / "labels.json").write_text(json.dumps(document))
    (root / "images" / "003.jpg").write_bytes(b"")
    lines: list[str] = []
    with pytest.raises(TrainingError, match=r"3 faults in the set: .*--skip-bad") as caught:
        import_set(read_foreign(root), tmp_path / "out", settings_of(), tell=lines.append)
    assert "\n" not in str(caught.value)
    assert len(lines) == 3
    assert "box (150, 12, 182, 36) lies outside of images/000.jpg, 160 x 120 px" in lines[0]
    assert "labelled at 999 x 120 px, but images/002.jpg has 160 x 120" in lines[1]
    assert "images/003.jpg: not a picture that can be read (0 bytes)" in lines[2]
    assert not (tmp_path / "out").exists()
    summary = import_set(read_foreign(root), tmp_path / "out", settings_of(skip_bad=True))
    assert sum(summary.pictures.values()) == 5
    assert "1 boxes that reached a little beyond their picture were clipped" in summary.notes


def test_boxes_of_a_turned_photo_are_where_they_were_drawn(tmp_path: Path) -> None:
    """The tool saw the pixels as stored; so does the detector, then."""
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[12:36, 16:48] = 255
    root = coco(tmp_path / "in", 1)
    Image.fromarray(picture).save(root / "images" / "000.jpg", exif=exif, quality=95)
    document = json.loads((root / "labels.json").read_text())
    import_set(read_foreign(root), tmp_path / "stored", settings_of())
    document["images"][0] |= {"width": 120, "height": 160}
    document["annotations"][0]["bbox"] = [84, 16, 24, 32]  # the same, on the turned picture
    (root / "labels.json").write_text(json.dumps(document))
    import_set(read_foreign(root), tmp_path / "turned", settings_of())
    for name in ("stored", "turned"):
        written = cv2.imread(str(next((tmp_path / name / "images").rglob("*.jpg"))))
        label = next((tmp_path / name / "labels").rglob("*.txt")).read_text().split()
        height, width = written.shape[:2]
        x, y, w, h = (float(v) for v in label[1:])
        inside = written[
            round((y - h / 2) * height) + 2 : round((y + h / 2) * height) - 2,
            round((x - w / 2) * width) + 2 : round((x + w / 2) * width) - 2,
        ]
        assert inside.min() > 200
        assert (written > 128).mean() == pytest.approx(w * h, abs=0.01)


def test_one_command_is_enough_for_isood(tmp_path: Path) -> None:
    root = tmp_path / "iSOOD"
    for number in range(12):
        write_scene(root / "images" / f"CJ{number:05d}.jpg", scene(number))
        label = root / "labels" / f"CJ{number:05d}.txt"
        label.parent.mkdir(exist_ok=True)
        label.write_text("0 0.5 0.5 0.25 0.5\n")
    archive = tmp_path / "iSOOD.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(root.rglob("*.*")):
            packed.write(path, path.relative_to(tmp_path))
        packed.writestr("iSOOD/attributes.xlsx", b"not read")
    with opened(archive) as folder:
        summary = import_set(read_foreign(folder), tmp_path / "out", ImportSettings())
    assert sum(summary.pictures.values()) == 12
    assert summary.objects["train"] == {"outfall": summary.pictures["train"]}


def test_archives_are_not_trusted(tmp_path: Path) -> None:
    def packed(name: str, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in members:
                archive.writestr(member, data)
        return path

    link = zipfile.ZipInfo("images/link.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    bad = [
        (packed("slip.zip", ("../out.txt", b"x")), "points outside of the archive"),
        (packed("root.zip", ("/etc/out.txt", b"x")), "points outside of the archive"),
        (packed("drive.zip", ("C:\\out.txt", b"x")), "points outside of the archive"),
        (packed("link.zip", (link, b"/etc/passwd")), "points outside of the archive"),
        (packed("bomb.zip", ("a.txt", bytes(100 << 20))), "not a data set"),
    ]
    (tmp_path / "cut.zip").write_bytes(packed("x.zip", ("a.txt", b"x")).read_bytes()[:-9])
    bad.append((tmp_path / "cut.zip", "not a ZIP archive"))
    bad.append((tmp_path / "missing.zip", "no such folder or archive"))
    for path, message in bad:
        with pytest.raises(TrainingError, match=message), opened(path):
            pass
    assert not (tmp_path.parent / "out.txt").exists()

    # as Chinese Windows packs: GBK, and no flag that says UTF-8
    plain = packed("gbk.zip", ("AAAA/BBBBBB.txt", b"0 0 0 0 0")).read_bytes()
    gbk = plain.replace(b"AAAA", "图片".encode("gbk")).replace(b"BBBBBB", "排污口".encode("gbk"))
    (tmp_path / "gbk.zip").write_bytes(gbk)
    with opened(tmp_path / "gbk.zip") as folder:
        assert (folder / "图片" / "排污口.txt").is_file()
    with opened(packed("plain.zip", ("a.xlsx", b"x"), ("b/a.txt", b"y"))) as folder:
        assert [p.name for p in folder.rglob("*.*")] == ["a.txt"]


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_label_file_costs_at_most_one_error(tmp_path: Path, data: st.DataObject) -> None:
    """Broken files of every format: a line about it, or a set that can be written."""
    kind = data.draw(st.sampled_from(["yolo", "coco", "voc", "cvat", "labelstudio", "isood"]))
    root = tmp_path / "fuzz"
    if not root.exists():
        write_scene(root / "a.jpg", scene(1))
    good = {
        "yolo": "0 0.5 0.5 0.2 0.2\n1 0.1 0.1 0.3 0.1 0.3 0.4\n",
        "isood": "0 0.5 0.5 0.2 0.2\n",
        "coco": json.dumps(
            {"images": [{"id": 1, "file_name": "a.jpg", "width": 160, "height": 120}],
             "categories": [{"id": 1, "name": "outfall"}],
             "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40],
                              "segmentation": {"size": [120, 160], "counts": [250, 10, 18940]}}]}
        ),
        "voc": "<annotation><filename>a.jpg</filename><object><name>outfall</name><bndbox><xmin>1"
        "</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object></annotation>",
        "cvat": '<annotations><image name="a.jpg" width="160" height="120"><box label="outfall" '
        'xtl="1" ytl="2" xbr="30" ybr="40"/><polygon label="outfall" points="1,2;30,40"/></image>'
        "</annotations>",
        "labelstudio": json.dumps(
            [{"data": {"image": "a.jpg"}, "annotations": [{"result": [
                {"type": "rectanglelabels", "original_width": 160, "original_height": 120,
                 "value": {"x": 1, "y": 2, "width": 30, "height": 40, "rotation": 3,
                           "rectanglelabels": ["outfall"]}}]}]}]
        ),
    }[kind]  # fmt: skip
    text = good
    for _ in range(data.draw(st.integers(0, 5))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 12))
        put = data.draw(
            st.sampled_from(
                ["", "null", "-1", "1e999", "nan", "[]", "{}", '"', "<", "0", "é", "9" * 30]
            )
        )
        text = text[:at] + put + text[at + cut :]
    suffix = {"yolo": ".txt", "isood": ".txt", "voc": ".xml", "cvat": ".xml"}.get(kind, ".json")
    for old in root.glob("a.[tjx]*"):
        if old.suffix in (".txt", ".json", ".xml"):
            old.unlink()
    (root / f"a{suffix}").write_text(text)
    try:
        found = read_foreign(root, kind)  # type: ignore[arg-type]
        names = {name: "outfall" for name in found.classes if name not in ("outfall",)}
        summary = import_set(found, tmp_path / "out", ImportSettings(mapping=names, skip_bad=True))
    except TrainingError as error:
        assert "\n" not in str(error)
    else:
        assert sum(summary.pictures.values()) == 1
        assert not check_dataset(tmp_path / "out").faults
