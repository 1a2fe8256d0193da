"""Videos made here with PyAV: their frames at times, and every way they can be broken."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from detection.errors import FootageError, SubtitleError
from detection.footage.shots import find_footage, open_recording
from detection.footage.video import find_subtitle, open_video
from detection.telemetry.clock import declared_zone

FPS = 10
FRAMES = 60
WIDTH, HEIGHT = 160, 96


def make_video(
    path: Path, *, frames: int = FRAMES, fps: int = FPS, options: dict[str, str] | None = None
) -> Path:
    """Noise, with the frame's number written as six black or white squares at the top."""
    rng = np.random.default_rng(4)
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(
            "libx264", rate=fps, options={"crf": "30", "preset": "veryfast"}
        )
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for i in range(frames):
            picture = rng.integers(60, 190, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            for bit in range(6):
                picture[:16, 16 * bit : 16 * bit + 16] = 255 if i >> bit & 1 else 0
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def subtitle(path: Path, frames: int = FRAMES, fps: int = FPS) -> Path:
    """A subtitle in the Mavic 3 form that flies north at 5 m/s."""

    def clock(i: int) -> str:
        ms = round(1000 * i / fps)
        return f"00:00:{ms // 1000:02},{ms % 1000:03}"

    blocks = [
        f"{i + 1}\n{clock(i)} --> {clock(i + 1)}\n<font size=\"28\">FrameCnt: {i + 1}, DiffTime: 100ms\n"
        f"2026-05-20 09:00:{i / fps:06.3f}\n[iso: 100] [focal_len: 24.57] "
        f"[latitude: {23.106 + i * 5 / fps / 111_320:.6f}] [longitude: 113.459000] "
        "[rel_alt: 47.700 abs_alt: 67.700] [gb_yaw: 12.3 gb_pitch: -90.0 gb_roll: 0.0] </font>\n"
        for i in range(frames)
    ]  # fmt: skip
    path.write_text("\n".join(blocks), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("video")
    subtitle(folder / "dji_0001.srt")
    return make_video(folder / "DJI_0001.MP4")


def number(image: np.ndarray) -> int:
    """Which frame a picture is."""
    return sum(
        int(image[4:12, 16 * bit + 4 : 16 * bit + 12].mean() > 127) << bit for bit in range(6)
    )


def test_what_a_video_says_of_itself(video: Path) -> None:
    found = open_video(video)
    assert (found.width_px, found.height_px, found.fps, found.frames, found.codec) == (
        WIDTH,
        HEIGHT,
        FPS,
        FRAMES,
        "h264",
    )
    assert found.duration_s == pytest.approx(FRAMES / FPS, abs=0.01)


def test_all_frames_in_order(video: Path) -> None:
    frames = list(open_video(video).decode())
    assert [frame.index for frame in frames] == list(range(FRAMES))
    assert [number(frame.image) for frame in frames] == list(range(FRAMES))
    assert np.allclose([frame.time_s for frame in frames], np.arange(FRAMES) / FPS)
    assert frames[0].image.shape == (HEIGHT, WIDTH, 3)
    assert frames[0].image.dtype == np.uint8


def test_the_nearest_frame_to_each_time(video: Path) -> None:
    times = [0.0, 0.04, 0.52, 0.58, 3.0, 5.9, 5.99, 99.0]
    frames = list(open_video(video).decode(times))
    assert [(frame.index, number(frame.image)) for frame in frames] == [
        (i, i) for i in (0, 5, 6, 30, 59)
    ]


def test_skipping_unreferenced_frames_stays_close(video: Path) -> None:
    times = np.arange(0.0, 5.5, 0.5)
    for frame, time_s in zip(
        open_video(video).decode(times.tolist(), skip_unreferenced=True), times, strict=False
    ):
        assert frame.index == number(frame.image) == round(frame.time_s * FPS)
        assert abs(frame.time_s - time_s) <= 0.4


def test_decoding_twice_gives_the_same_pixels(video: Path) -> None:
    opened = open_video(video)
    for a, b in zip(opened.decode([1.0, 4.0]), opened.decode([1.0, 4.0]), strict=True):
        assert np.array_equal(a.image, b.image)


def broken(kind: str, folder: Path) -> Path:
    path = folder / "DJI_0002.MP4"
    whole = make_video(folder / "whole.mp4").read_bytes()
    fast = make_video(folder / "fast.mp4", options={"movflags": "faststart"}).read_bytes()
    content = {
        "empty": b"",
        "no index": whole[: len(whole) * 2 // 3],
        "cut": fast[: len(fast) * 2 // 3],
        "zeros from the middle": fast[: len(fast) // 2] + bytes(len(fast) - len(fast) // 2),
        "all zeros": bytes(4000),
        "text": b"this is no video\n" * 30,
        "head only": whole[:40],
    }.get(kind)
    if kind == "sound only":
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=8000)
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 4096), np.float32), format="fltp", layout="mono"
            )
            frame.sample_rate = 8000
            for packet in [*stream.encode(frame), *stream.encode()]:
                container.mux(packet)
    elif kind == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("missing", "no such video file"),
        ("folder", "is a folder"),
        ("empty", r"is empty \(0 bytes\)"),
        ("no index", "truncated: its index .* is missing"),
        ("head only", "truncated"),
        ("cut", "truncated: .* bytes of .* are there"),
        ("zeros from the middle", "picture ends at .* but the file says 6.0 s: it is truncated"),
        ("all zeros", "not a video that can be read"),
        ("text", "not a video that can be read"),
        ("sound only", "holds no video stream, only audio"),
    ],
)
def test_broken_videos_are_refused_in_one_line(kind: str, said: str, tmp_path: Path) -> None:
    path = broken(kind, tmp_path)
    with pytest.raises(FootageError, match=said) as caught:
        list(open_video(path).decode())
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["cut", "zeros from the middle"])
def test_what_is_left_of_a_truncated_video_can_be_asked_for(kind: str, tmp_path: Path) -> None:
    path = broken(kind, tmp_path)
    frames = list(open_video(path, allow_partial=True).decode(allow_partial=True))
    assert 5 < len(frames) < FRAMES
    assert [number(frame.image) for frame in frames[:5]] == [0, 1, 2, 3, 4]


def test_the_subtitle_beside_it(video: Path, tmp_path: Path) -> None:
    assert find_subtitle(video).name == "dji_0001.srt"
    with pytest.raises(FootageError, match=r"no telemetry: DJI_0009\.SRT is not beside it"):
        find_subtitle(tmp_path / "DJI_0009.MP4")


def test_a_recording_gives_shots_with_poses(video: Path) -> None:
    recording = open_recording(video, declared_zone("Asia/Shanghai"))
    shots = list(recording.shots([0.0, 2.0, 5.9]))
    assert [shot.index for shot in shots] == [0, 20, 59]
    assert [number(shot.image()) for shot in shots] == [0, 20, 59]
    assert shots[1].pose.position.lat_deg == pytest.approx(23.106 + 10 / 111_320, abs=1e-6)
    assert shots[1].pose.utc is not None
    assert shots[1].pose.utc.isoformat() == "2026-05-20T01:00:02+00:00"
    assert (shots[1].camera.width_px, shots[1].camera.height_px) == (WIDTH, HEIGHT)
    assert recording.warnings == ()
    begins, ends = recording.span_s
    assert (begins, ends) == (0.0, pytest.approx(6.0, abs=0.01))


def test_telemetry_that_ends_early(video: Path, tmp_path: Path) -> None:
    short = subtitle(tmp_path / "short.SRT", frames=30)
    with pytest.raises(
        SubtitleError, match=r"short\.SRT: telemetry ends early, at 3\.0 s of the video's 6\.0 s"
    ) as caught:
        open_recording(video, subtitle=short)
    assert "\n" not in str(caught.value)
    partial = open_recording(video, subtitle=short, allow_partial=True)
    assert "3.0 s were not analysed" in partial.warnings[0]
    assert partial.span_s == (0.0, 4.0)
    assert max(shot.time_s for shot in partial.shots()) == pytest.approx(4.0)
    # A second is what the pose reader bridges: no complaint.
    assert (
        open_recording(video, subtitle=subtitle(tmp_path / "almost.SRT", frames=52)).warnings == ()
    )


def test_telemetry_of_another_recording(video: Path, tmp_path: Path) -> None:
    path = subtitle(tmp_path / "late.SRT")
    path.write_text(
        path.read_text(encoding="utf-8").replace("00:00:0", "00:10:0"), encoding="utf-8"
    )
    with pytest.raises(SubtitleError, match="belongs to another recording"):
        open_recording(video, subtitle=path, allow_partial=True)


def test_a_hole_in_the_telemetry_is_passed_over(video: Path, tmp_path: Path) -> None:
    path = subtitle(tmp_path / "hole.SRT")
    text = path.read_text(encoding="utf-8")
    blocks = text.split("\n\n")
    for i in range(10, 50):
        blocks[i] = blocks[i].replace("[longitude: 113.459000]", "[longitude: 0.000000]")
        blocks[i] = "\n".join(
            line
            if "latitude" not in line
            else line.replace(
                line[line.index("[latitude: ") :].split("]")[0], "[latitude: 0.000000"
            )
            for line in blocks[i].split("\n")
        )
    path.write_text("\n\n".join(blocks), encoding="utf-8")
    recording = open_recording(video, subtitle=path)
    assert "40 of 60 blocks have no satellite fix" in recording.warnings[0]
    indices = [shot.index for shot in recording.shots()]
    assert indices == [*range(10), *range(50, 60)]
    assert all(a < b for a, b in pairwise(indices))


def test_what_a_source_means(video: Path, tmp_path: Path) -> None:
    assert find_footage(video) == ([video], None)
    assert find_footage(video.parent) == ([video], None)
    (tmp_path / "patrol" / "footage").mkdir(parents=True)
    inside = tmp_path / "patrol" / "footage" / "b.mp4"
    inside.write_bytes(b"x")
    assert find_footage(tmp_path / "patrol") == ([inside], None)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.JPG").write_bytes(b"x")
    assert find_footage(tmp_path / "photos") == ([], tmp_path / "photos")
    (tmp_path / "none").mkdir()
    for path, said in (
        (tmp_path / "none", "neither videos nor photos"),
        (tmp_path / "photos" / "a.JPG", "for photos name their folder"),
        (tmp_path / "missing", "no such"),
    ):
        with pytest.raises(FootageError, match=said):
            find_footage(path)
