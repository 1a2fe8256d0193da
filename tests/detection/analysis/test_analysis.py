"""Footage to sightings, end to end: videos of coloured patches, filmed from true poses, with
subtitles that say what a drone would; the detector finds patches by their colour."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import av
import cv2
import numpy as np
import pytest
from flights import CAMERA, HERE, START, Flight, Thing, fly, line
from numpy.typing import NDArray

from detection.analysis import Settings, analyze
from detection.backends import ClassList, Running
from detection.detections import Detections
from detection.errors import DetectionError, FootageError
from geo.layers import read_layer

SHANGHAI = ZoneInfo("Asia/Shanghai")
SIZE = (640, 360)
FILM_CAMERA = CAMERA.resized(*SIZE)
# BGR, one a class, in the order of the class list
COLOURS = ((20, 20, 230), (220, 30, 200), (20, 220, 230), (230, 120, 20))
NAMES = ("outfall", "discharge", "structure", "floating_waste")
CLASSES = ClassList(NAMES, NAMES, np.array([0.35, 0.35, 0.4, 0.35]))

THINGS = (
    Thing("outfall", (-8, 60, -1.5), (2, 2, 0.2)),
    Thing("outfall", (-8, 75, -1.5), (2, 2, 0.2)),
    Thing("discharge", (-5, 110, -2.5), (4, 9, 0)),
    Thing("structure", (14, 90, 4.0), (9, 6, 0)),
    Thing("floating_waste", (4, 140, -2.5), (4, 3, 0)),
)


class ColourDetector:
    """Boxes around patches of a class's colour, with a confidence that grows with their size."""

    running = Running("colours", "8 bits", "CPU")

    def __init__(self, path: Path) -> None:
        self.path = path

    def detect(
        self, images: Sequence[NDArray[np.uint8]], long_side_px: int = 640
    ) -> list[Detections]:
        return [self._detect(image) for image in images]

    def _detect(self, image: NDArray[np.uint8]) -> Detections:
        rows: list[tuple[float, int, list[float]]] = []
        for index, colour in enumerate(COLOURS):
            low, high = np.array(colour) - 45, np.array(colour) + 45
            mask = cv2.inRange(image, low.clip(0), high.clip(0, 255))
            _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
            for x, y, w, h, area in stats[1:].tolist():
                if area >= 40:
                    rows.append((min(0.95, 0.6 + area / 4000), index, [x, y, x + w, y + h]))
        rows.sort(key=lambda row: -row[0])
        return Detections(
            np.array([row[2] for row in rows], float).reshape(-1, 4),
            np.array([row[0] for row in rows]), np.array([row[1] for row in rows], np.int64),
        )  # fmt: skip


def picture(flight: Flight, k: int, things: Sequence[Thing]) -> NDArray[np.uint8]:
    """What the camera films from the true pose: speckled ground and coloured patches."""
    rng = np.random.default_rng(k)
    small = rng.integers(60, 160, (SIZE[1] // 4, SIZE[0] // 4), dtype=np.uint8)
    image = cv2.cvtColor(
        cv2.resize(small, SIZE, interpolation=cv2.INTER_NEAREST), cv2.COLOR_GRAY2BGR
    )
    for thing in things:
        east, north, up = thing.at_m
        half_e, half_n = thing.size_m[0] / 2, thing.size_m[1] / 2
        corners = [(east + a * half_e, north + b * half_n, up)
                   for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]  # fmt: skip
        pixels, depth = FILM_CAMERA.project(flight.true[k].to_camera(np.array(corners)))
        if np.all(depth > 0) and np.all(np.abs(pixels) < 5000):
            cv2.fillPoly(
                image, [np.round(pixels).astype(np.int32)], COLOURS[NAMES.index(thing.class_name)]
            )
    return np.asarray(image, np.uint8)


def film(folder: Path, name: str, flight: Flight, things: Sequence[Thing], fps: int = 2) -> Path:
    """Write NAME.mp4 and NAME.SRT into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    video = folder / f"{name}.mp4"
    blocks = []
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv444p"
        stream.codec_context.options = {"crf": "12", "preset": "ultrafast", "g": "8"}
        for k, said in enumerate(flight.said):
            frame = av.VideoFrame.from_ndarray(picture(flight, k, things), format="bgr24")
            container.mux(stream.encode(frame))
            local = (flight.start + timedelta(seconds=k / fps)).astimezone(SHANGHAI)
            blocks.append(
                f"{k + 1}\n{_clock(k / fps)} --> {_clock((k + 1) / fps)}\n"
                f'<font size="28">FrameCnt: {k + 1}, DiffTime: {1000 // fps}ms\n'
                f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d}\n"
                f"[iso: 100] [focal_len: 24.57] [latitude: {said.position.lat_deg:.7f}] "
                f"[longitude: {said.position.lon_deg:.7f}] [rel_alt: {said.above_launch_m:.3f} "
                f"abs_alt: 20.0] [gb_yaw: {(said.yaw_deg + 180) % 360 - 180:.2f} "
                f"gb_pitch: {said.pitch_deg:.2f} gb_roll: {said.roll_deg:.2f}] </font>\n"
            )
        container.mux(stream.encode())
    video.with_suffix(".SRT").write_text("\n".join(blocks), encoding="utf-8")
    return video


def _clock(seconds: float) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3600000:02d}:{ms // 60000 % 60:02d}:{ms // 1000 % 60:02d},{ms % 1000:03d}"


@pytest.fixture(scope="module")
def patrol(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two passes over the same things, the other way and five minutes apart."""
    folder = tmp_path_factory.mktemp("patrol")
    rng = np.random.default_rng(20)
    out = fly(*line((-3, 20), (-3, 180)), rng)
    back = fly(*line((6, 180), (6, 20)), rng, start=START + timedelta(minutes=5))
    film(folder / "footage", "sortie-01_001", out, THINGS)
    film(folder / "footage", "sortie-01_002", back, THINGS)
    return folder


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> ColourDetector:
    path = tmp_path_factory.mktemp("model") / "colours"
    path.mkdir()
    (path / "weights").write_bytes(b"red, magenta, yellow, blue")
    return ColourDetector(path)


def run(sources: list[Path], out: Path, detector: ColourDetector, **more: Any) -> Any:
    return analyze(sources, out, detector, CLASSES, zone=SHANGHAI, **more)


@pytest.fixture(scope="module")
def analysed(patrol: Path, detector: ColourDetector) -> Path:
    run([patrol], patrol, detector)
    return patrol


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def results(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in tree(folder).items() if not name.startswith("footage")}


def test_each_thing_is_one_sighting_where_it_stands(analysed: Path) -> None:
    features = read_layer(analysed / "sightings.geojson", ("Point",))
    assert sorted(f.text("class") for f in features) == sorted(t.class_name for t in THINGS)
    left = list(features)
    for thing in THINGS:
        at = HERE.inverse([thing.at_m[:2]])[0]

        def away_m(feature: Any, at: NDArray[np.float64] = at) -> float:
            there = np.array([[feature.geometry.x, feature.geometry.y], at])
            return float(np.hypot(*np.diff(HERE.forward(there), axis=0)[0]))

        nearest = min((f for f in left if f.text("class") == thing.class_name), key=away_m)
        left.remove(nearest)
        assert away_m(nearest) < 4.5
        ellipse = nearest.properties["ellipse"]
        assert 1.0 < ellipse["semi_minor_m"] <= ellipse["semi_major_m"] < 8.0
        assert nearest.properties["passes"] == 2
        assert nearest.properties["views"] >= 6


def test_the_files_say_when_where_and_from_what(analysed: Path) -> None:
    document = json.loads((analysed / "sightings.geojson").read_text())
    manifest = json.loads((analysed / "manifest.json").read_text())
    assert document["patrol"] == manifest["patrol"]
    assert document["patrol"].startswith("20260520-")
    assert document["generated"].startswith("2026-05-20T01:05:20")
    for feature in document["features"]:
        said = feature["properties"]
        assert said["first_seen"].startswith("2026-05-20T01:00:")
        assert said["last_seen"].startswith("2026-05-20T01:05:")
        assert said["source_files"] == ["footage/sortie-01_001.mp4", "footage/sortie-01_002.mp4"]
        assert said["best_frame"]["video"] in said["source_files"]
        picture = cv2.imread(str(analysed / said["evidence"]))
        assert picture.shape[:2] == (640, 960)
        frame = analysed / "evidence" / f"{said['id']}_frame.jpg"
        assert frame.exists() == (said["class"] != "structure")
    ellipses = read_layer(analysed / "sighting_ellipses.geojson", ("Polygon",))
    for point, ellipse in zip(document["features"], ellipses, strict=True):
        lon, lat = point["geometry"]["coordinates"]
        centre = ellipse.geometry.centroid
        assert (centre.x, centre.y) == pytest.approx((lon, lat), abs=1e-6)
    assert [row["name"] for row in manifest["footage"]] == [
        "footage/sortie-01_001.mp4", "footage/sortie-01_002.mp4",
    ]  # fmt: skip
    assert manifest["sightings"] == {
        "outfall": 2,
        "discharge": 1,
        "structure": 1,
        "floating_waste": 1,
    }
    assert manifest["warnings"] == []


def test_the_box_of_the_best_frame_is_in_the_evidence(analysed: Path) -> None:
    """The whole frame, at the box, has the colour of the class: picture, time and box agree."""
    for feature in read_layer(analysed / "sightings.geojson"):
        name = feature.text("class")
        if name == "structure":
            continue
        frame = cv2.imread(str(analysed / "evidence" / f"{feature.text('id')}_frame.jpg"))
        x1, y1, x2, y2 = feature.properties["best_frame"]["box_px"]
        colour = frame[round((y1 + y2) / 2), round((x1 + x2) / 2)].astype(int)
        assert np.abs(colour - COLOURS[NAMES.index(name)]).max() < 60


def test_the_same_footage_gives_the_same_bytes_elsewhere(
    analysed: Path, detector: ColourDetector, tmp_path: Path
) -> None:
    import shutil

    other = tmp_path / "another name"
    shutil.copytree(analysed / "footage", other / "footage")
    run([other], other, detector)
    assert results(other) == results(analysed)


def test_analysing_again_replaces_the_result_and_leaves_other_files(
    analysed: Path, detector: ColourDetector
) -> None:
    (analysed / "plan.json").write_text("{}")
    (analysed / "evidence" / "S0099.jpg").write_bytes(b"of an earlier, longer result")
    before = results(analysed)
    run([analysed], analysed, detector)
    after = results(analysed)
    assert before.pop("evidence/S0099.jpg")
    assert after == before


class Failing(ColourDetector):
    """Fails at a picture, as a power cut or Ctrl-C would."""

    def __init__(self, path: Path, error: BaseException, at: int) -> None:
        super().__init__(path)
        self.error, self.left = error, at

    def _detect(self, image: NDArray[np.uint8]) -> Detections:
        self.left -= 1
        if self.left < 0:
            raise self.error
        return super()._detect(image)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), DetectionError("no more memory")])
def test_an_interrupted_run_leaves_everything_as_it_was(
    analysed: Path, detector: ColourDetector, tmp_path: Path, error: BaseException
) -> None:
    before, threads = tree(analysed), threading.active_count()
    failing = Failing(detector.path, error, 5)
    with pytest.raises(type(error)):
        run([analysed], analysed, failing)
    assert tree(analysed) == before
    with pytest.raises(type(error)):
        run([analysed], tmp_path / "new", failing)
    assert list(tmp_path.iterdir()) == []
    assert threading.active_count() == threads, "a decoding thread was left behind"


def test_footage_that_vanishes_before_the_evidence_is_cut_leaves_the_old_result(
    analysed: Path, detector: ColourDetector
) -> None:
    video = analysed / "footage" / "sortie-01_001.mp4"
    before, data = tree(analysed), video.read_bytes()

    class Cutting(ColourDetector):
        def _detect(self, image: NDArray[np.uint8]) -> Detections:
            video.write_bytes(data[: len(data) // 3])
            return super()._detect(image)

    try:
        with pytest.raises(FootageError, match=r"sortie-01_001\.mp4"):
            run([analysed], analysed, Cutting(detector.path))
    finally:
        video.write_bytes(data)
    assert tree(analysed) == before


def test_a_single_video_is_analysed_too(
    patrol: Path, detector: ColourDetector, tmp_path: Path
) -> None:
    done = run([patrol / "footage" / "sortie-01_002.mp4"], tmp_path / "out", detector)
    assert done.sightings["outfall"] == 2
    assert done.analysed < done.pictures
    features = read_layer(tmp_path / "out" / "sightings.geojson")
    assert {f.properties["best_frame"]["video"] for f in features} == {"sortie-01_002.mp4"}


def test_what_is_sure_enough_for_a_box_may_be_too_unsure_for_a_sighting(
    patrol: Path, detector: ColourDetector, tmp_path: Path
) -> None:
    """Boxes of the small outfalls count, 0.6 to 0.8 sure; the three best together do not."""
    surer = ClassList(NAMES, NAMES, CLASSES.confidence, np.array([0.9, 0.35, 0.4, 0.35]))
    source, out = patrol / "footage" / "sortie-01_002.mp4", tmp_path / "out"
    done = analyze([source], out, detector, surer, zone=SHANGHAI)
    assert done.sightings == {"outfall": 0, "discharge": 1, "structure": 1, "floating_waste": 1}
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["classes"]["outfall"] == 0.35
    assert manifest["sighting_confidence"]["outfall"] == 0.9


def test_dark_footage_is_refused_in_one_line(detector: ColourDetector, tmp_path: Path) -> None:
    flight = fly(*line((0, 0), (0, 40)), np.random.default_rng(1))
    video = film(tmp_path / "footage", "dark", flight, ())
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libx264", rate=2)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for _ in flight.said:
            black = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(black, format="bgr24")))
        container.mux(stream.encode())
    with pytest.raises(FootageError) as caught:
        run([tmp_path], tmp_path, detector)
    assert "dark" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["footage"]


def test_an_empty_river_gives_an_empty_layer(detector: ColourDetector, tmp_path: Path) -> None:
    film(tmp_path / "footage", "empty", fly(*line((0, 0), (0, 60)), np.random.default_rng(1)), ())
    done = run([tmp_path], tmp_path, detector)
    assert sum(done.sightings.values()) == 0
    assert read_layer(tmp_path / "sightings.geojson", allow_empty=True) == []
    assert list((tmp_path / "evidence").iterdir()) == []


def test_settings_are_in_the_manifest(
    patrol: Path, detector: ColourDetector, tmp_path: Path
) -> None:
    video = patrol / "footage" / "sortie-01_001.mp4"
    few = run([video], tmp_path / "few", detector, settings=Settings(new_ground_share=0.5))
    many = run([video], tmp_path / "many", detector, settings=Settings(new_ground_share=0.15))
    assert few.analysed < many.analysed
    said = json.loads((tmp_path / "few" / "manifest.json").read_text())["settings"]
    assert said["new_ground_share"] == 0.5
    assert said["timezone"] == "Asia/Shanghai"


@pytest.fixture(autouse=True)
def _no_leftovers(tmp_path: Path) -> Iterator[None]:
    yield
    assert not [p for p in tmp_path.rglob("*") if ".part" in p.name]
