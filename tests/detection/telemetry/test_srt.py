"""Every subtitle variant, its damage, and what must be refused."""

from __future__ import annotations

import math
import random
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from benchmarks.srt_files import EXPECTED, differences, mutate
from detection.errors import SubtitleError
from detection.telemetry.clock import declared_zone
from detection.telemetry.srt import read_srt
from detection.telemetry.track import PoseTrack

SHANGHAI = ZoneInfo("Asia/Shanghai")


def srt(*bodies: str, step_s: int = 1, end: str = "\n") -> str:
    """Subtitle text with these bodies, one block each `step_s` seconds."""
    blocks = [
        f"{i}\n00:00:{(i - 1) * step_s:02},000 --> 00:00:{i * step_s:02},000\n{body}\n"
        for i, body in enumerate(bodies, start=1)
    ]
    return "\n".join(blocks).replace("\n", end)


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# Guangzhou, by each of the ten variants: longitude 113.459, latitude 23.106.
VARIANTS = {
    "old_format": "HOME(113.4580,23.1050) 2017.8.5 14:11:51\nGPS(113.4590,23.1060,16) Hb:31.9 Hs:1.9\nISO:100 TV:60 EV: 0 IR:F2.8",
    "mavic_pro": "HOME(113.4580,23.1050) 2017.07.03 10:15:03\nGPS(113.4590,23.1060,19) BAROMETER:31.9\nISO:100 Shutter:60 EV: Fnum:2.2",
    "matrice_300": "2022.06.21 16:06:17\nGPS(23.1060,113.4590,12.0M) BAROMETER:31.9M",
    "phantom_4_pro": "F/3.2, SS 160, ISO 100, EV 0, GPS (113.4590, 23.1060, 18), D 49.21m, H 31.90m, H.S 0.00m/s, V.S 0.00m/s ",
    "mini": "F/2.8, SS 30.15, ISO 260, EV -1.7, GPS (113.4590, 23.1060, 17), D 221.21m, H 31.90m, H.S n/a, V.S n/a ",
    "p4_rtk": "F/5.6, SS 400, ISO 100, EV 0, GPS (113.459000, 23.106000, 15), HOME (113.458000, 23.105000, -57.98m), D 698.70m, H 31.90m, H.S 0.00m/s, V.S 0.00m/s, F.PRY (2.7°, -7.0°, 110.1°), G.PRY (-24.4°, 0.5°, 110.4°)",
    "mavic_2": '<font size="36">FrameCnt : 218, DiffTime : 40ms\n2019-09-27 10:28:08,438,904\n[iso : 110] [fnum : 280] [focal_len : 280] [latitude : 23.106000] [longtitude : 113.459000] </font>',
    "air_2": '<font size="36">SrtCnt : 1, DiffTime : 33ms\n2022-08-07 13:40:40,774,808\n[iso : 100] [focal_len : 240] [latitude: 23.106000] [longitude: 113.459000] [altitude: 31.900000] </font>',
    "mavic_3": '<font size="28">FrameCnt: 1, DiffTime: 20ms\n2021-12-25 12:27:52.373\n[iso: 220] [focal_len: 24.00] [latitude: 23.106000] [longitude: 113.459000] [rel_alt: 31.900 abs_alt: 41.401] </font>',
    "air_3": "<font size='36'>SrtCnt : 1, DiffTime : 33ms\n2024-01-01 12:00:00,000\n[iso : 100] [latitude: 23.1060] [longitude: 113.4590] [rel_alt: 31.9 abs_alt: 105.0]</font>",
    "avata_360": '<font size="28">FrameCnt: 1, DiffTime: 41ms, FrameId: 4787\n2026-05-27 13:10:00.015\n[focal_len: 28.00] [dzoom_ratio: 1.00], [latitude: 23.106000] [longitude: 113.459000] [rel_alt: 31.900 abs_alt: 24.744] [gb_yaw: 110.4 gb_pitch: -24.4 gb_roll: 0.5] [shift x: 0.00, y: 0.00] </font>',
}  # fmt: skip
WITHOUT_POSITION = '<font size="36">FrameCnt : 1, DiffTime : 40ms\n2019-09-27 10:28:08,438,904\n[iso : 110] [shutter : 1/1250.0] [fnum : 280] </font>'
# name -> format, height above launch, attitude (yaw, pitch, roll), focal length, clock
FACTS: dict[str, tuple[str, float | None, tuple[float, float, float] | None, float | None, datetime | None]] = {
    "old_format": ("old_format", 31.9, None, None, datetime(2017, 8, 5, 6, 11, 51, tzinfo=UTC)),
    "mavic_pro": ("mavic_pro", 31.9, None, None, datetime(2017, 7, 3, 2, 15, 3, tzinfo=UTC)),
    "matrice_300": ("matrice_300", 31.9, None, None, datetime(2022, 6, 21, 8, 6, 17, tzinfo=UTC)),
    "phantom_4_pro": ("phantom_4_pro", 31.9, None, None, None),
    "mini": ("phantom_4_pro", 31.9, None, None, None),
    "p4_rtk": ("p4_rtk", 31.9, (110.4, -24.4, 0.5), None, None),
    "mavic_2": ("mavic_2", None, None, 28, datetime(2019, 9, 27, 2, 28, 8, 438904, tzinfo=UTC)),
    "air_2": ("air_2", None, None, 24, datetime(2022, 8, 7, 5, 40, 40, 774808, tzinfo=UTC)),
    "mavic_3": ("mavic_3", 31.9, None, 24, datetime(2021, 12, 25, 4, 27, 52, 373000, tzinfo=UTC)),
    "air_3": ("mavic_3", 31.9, None, None, datetime(2024, 1, 1, 4, 0, tzinfo=UTC)),
    "avata_360": ("avata_360", 31.9, (110.4, -24.4, 0.5), 28, datetime(2026, 5, 27, 5, 10, 0, 15000, tzinfo=UTC)),
}  # fmt: skip


def same(found: np.floating | float, expected: float | None) -> bool:
    return math.isnan(found) if expected is None else math.isclose(found, expected, abs_tol=1e-6)


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("name", VARIANTS)
def test_each_variant_is_read(name: str, end: str, tmp_path: Path) -> None:
    track = read_srt(
        write(tmp_path / "DJI.SRT", srt(VARIANTS[name], VARIANTS[name], end=end)), SHANGHAI
    )
    variant, height, attitude, focal, clock = FACTS[name]
    assert (track.format, len(track), track.warnings) == (variant, 2, ())
    assert track.lon_deg == pytest.approx([113.459] * 2)
    assert track.lat_deg == pytest.approx([23.106] * 2)
    assert same(track.rel_alt_m[0], height)
    for value, expected in zip(
        (track.gimbal_yaw_deg, track.gimbal_pitch_deg, track.gimbal_roll_deg),
        attitude or (None,) * 3,
        strict=True,
    ):
        assert same(value[0], expected)
    assert same(track.focal_35mm[0], focal)
    assert same(track.utc_s[0], clock.timestamp() if clock else None)
    assert track.start_s.tolist() == [0, 1]
    assert track.line.tolist() == [2, 3 + VARIANTS[name].count("\n") + 3]


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("matrice_300", "lat,lon"),
        ("old_format", "lon,lat"),
        ("p4_rtk", "lon,lat"),
        ("mini", "lon,lat"),
        ("mavic_3", "named"),
    ],
)
def test_axis_order(name: str, order: str, tmp_path: Path) -> None:
    assert read_srt(write(tmp_path / "a.srt", srt(VARIANTS[name]))).axis_order == order


def test_an_impossible_latitude_swaps_the_axes_and_says_so(tmp_path: Path) -> None:
    swapped = VARIANTS["phantom_4_pro"].replace("113.4590, 23.1060", "23.1060, 113.4590")
    track = read_srt(write(tmp_path / "a.srt", srt(swapped)))
    assert (track.lon_deg[0], track.lat_deg[0]) == (113.459, 23.106)
    assert track.axis_order == "lat,lon"
    assert "lat,lon" in track.warnings[0]


def test_odd_frames_of_a_file_do_not_matter(tmp_path: Path) -> None:
    body = VARIANTS["mavic_3"]
    plain = read_srt(write(tmp_path / "a.srt", srt(body, body)))
    for text in (
        b"\xef\xbb\xbf" + srt(body, body).encode(),  # byte-order mark
        srt(body, body).encode("utf-16"),
        srt(body, body).replace("\n\n", "\n\n\n\n").encode(),
        srt(body, body).rstrip().encode(),
        srt(body, body).replace("\n", "\r").encode(),
    ):
        track = read_srt(write(tmp_path / "b.srt", text))
        assert track.lon_deg.tolist() == plain.lon_deg.tolist()
        assert track.warnings == ()


def test_zero_is_no_fix(tmp_path: Path) -> None:
    body = VARIANTS["avata_360"]
    none = body.replace("23.106000", "0.000000").replace("113.459000", "0.000000")
    track = read_srt(write(tmp_path / "a.srt", srt(none, body, none)))
    assert track.has_position.tolist() == [False, True, False]
    assert track.warnings == ("2 of 3 blocks have no satellite fix (0, 0)",)
    with pytest.raises(SubtitleError, match=r"a\.srt: line 2: every position is 0, 0"):
        read_srt(write(tmp_path / "a.srt", srt(none, none)))


def test_a_truncated_file_loses_its_last_block_and_says_so(tmp_path: Path) -> None:
    """Cut anywhere within the last block: never a wrong value, and always told."""
    for name, body in VARIANTS.items():
        text = srt(body, body, body)
        whole = read_srt(write(tmp_path / "a.srt", text))
        last = text.rindex(body)
        for cut in range(last + 1, last + len(body.rstrip()) - 1, 2):
            track = read_srt(write(tmp_path / "a.srt", text[:cut].encode()))
            kept = slice(0, len(track))
            for column in ("lon_deg", "lat_deg", "rel_alt_m", "gimbal_yaw_deg", "utc_s"):
                a, b = getattr(track, column), getattr(whole, column)[kept]
                assert np.array_equal(a, b, equal_nan=True), (
                    f"{name} cut at {text[cut - 20 : cut]!r}"
                )
            if len(track) == 2:
                assert "cut off" in track.warnings[-1]


def test_unreadable_times_and_times_that_run_backwards_are_left_out(tmp_path: Path) -> None:
    body = VARIANTS["mavic_3"]
    text = srt(*[body] * 10).replace(
        "00:00:05,000 --> 00:00:06,000", "00:0x:05,000 --> 00:00:06,000"
    )
    track = read_srt(write(tmp_path / "a.srt", text))
    assert (len(track), track.warnings) == (
        9,
        ("line 32: time range unreadable; 1 of 10 blocks left out",),
    )
    text = srt(*[body] * 10).replace("00:00:05,000 -->", "00:59:05,000 -->")
    track = read_srt(write(tmp_path / "a.srt", text))
    assert track.start_s.tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert "line 32: time runs backwards; 1 of 10" in track.warnings[0]
    with pytest.raises(
        SubtitleError, match=r"line 32: time runs backwards, and 4 of 10.*several recordings"
    ):
        read_srt(write(tmp_path / "a.srt", srt(*[body] * 5) + "\n" + srt(*[body] * 5)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "line 1: the subtitle file is empty"),
        (b"\n \n", "line 1: the subtitle file is empty"),
        (b"hello\nworld\n", "line 1: no subtitle block in 3 lines (begins with 'hello')"),
        (b"1\n00:00:0\0", "line 2: binary data"),
        (b"\x00\x00\x00\x18ftypmp42", "line 1: binary data"),
        (b"1\nab --> cd\nGPS(1,2,3)\n", "line 2: time range 'ab --> cd' is not"),
        (srt(WITHOUT_POSITION, WITHOUT_POSITION), "line 2: the subtitle (2 blocks) has no position fields, only camera settings"),
        (srt("F/2.8, GPS (n/a, n/a, 0), D n/a, H n/a"), "line 2: the subtitle (1 blocks) has GPS fields, but none with two numbers"),
        (srt("Good morning."), "line 2: the subtitle (1 blocks) has no position that can be read"),
        (srt("GPS(213.4,95.2,12) BAROMETER:3"), "line 2: position 213.4, 95.2 is outside the globe"),
    ],
)  # fmt: skip
def test_what_is_refused_names_file_line_and_reason(
    content: str | bytes, reason: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "DJI_0001.SRT", content)
    with pytest.raises(SubtitleError) as caught:
        read_srt(path)
    assert str(caught.value).startswith(f"{path}: {reason}")
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(SubtitleError, match="no such subtitle file"):
        read_srt(tmp_path / "none.srt")
    with pytest.raises(SubtitleError, match="cannot be read"):
        read_srt(tmp_path)


def test_zoom_and_focal_lengths(tmp_path: Path) -> None:
    body = VARIANTS["avata_360"].replace("dzoom_ratio: 1.00", "dzoom_ratio: 20000, delta:0")
    track = read_srt(write(tmp_path / "a.srt", srt(body)))
    assert track.focal_35mm.tolist() == [56.0]
    assert "digital zoom" in track.warnings[0]


def test_without_a_declared_zone_there_is_no_utc(tmp_path: Path) -> None:
    assert np.isnan(read_srt(write(tmp_path / "a.srt", srt(VARIANTS["mavic_3"]))).utc_s).all()
    impossible = VARIANTS["mavic_3"].replace("2021-12-25", "2021-13-45")
    assert np.isnan(read_srt(write(tmp_path / "a.srt", srt(impossible)), UTC).utc_s).all()


def test_declared_zones() -> None:
    noon = datetime(2026, 5, 20, 12)  # noqa: DTZ001
    for name, hours in (("Asia/Shanghai", 8), ("+08:00", 8), ("-0330", -3.5), ("UTC", 0)):
        offset = noon.replace(tzinfo=declared_zone(name)).utcoffset()
        assert offset is not None
        assert offset.total_seconds() == hours * 3600
    for name in ("Asia/Shangai", "", "../etc/passwd", "+99:00"):
        with pytest.raises(Exception, match="is unknown") as caught:
            declared_zone(name)
        assert "\n" not in str(caught.value)


def check_track(track: PoseTrack) -> None:
    """What holds for any file that was read."""
    assert len(track) >= 1
    assert np.all(np.diff(track.start_s) >= 0)
    assert np.all(track.end_s >= track.start_s)
    known = track.has_position
    assert known.any()
    assert np.all(np.abs(track.lat_deg[known]) <= 90)
    assert np.all(np.abs(track.lon_deg[known]) <= 180)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.binary(max_size=400))
def test_random_bytes_are_read_or_refused(data: bytes, tmp_path: Path) -> None:
    head = b"1\n00:00:00,000 --> 00:00:01,000\nGPS("
    for content in (data, head + data, data + srt(VARIANTS["air_2"]).encode() + data):
        try:
            check_track(read_srt(write(tmp_path / "a.srt", content), SHANGHAI))
        except SubtitleError as error:
            assert "\n" not in str(error)


@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.sampled_from(sorted(VARIANTS)), seed=st.integers(0, 2**32))
@example(name="phantom_4_pro", seed=15665006)  # one block that lasts longer than a gap may
def test_damaged_files_are_read_or_refused(name: str, seed: int, tmp_path: Path) -> None:
    data = mutate(srt(*[VARIANTS[name]] * 6).encode(), random.Random(seed))
    try:
        track = read_srt(write(tmp_path / "a.srt", data), SHANGHAI)
    except SubtitleError as error:
        assert "\n" not in str(error)
        return
    check_track(track)
    samples = track.at(np.linspace(-3, float(track.end_s[-1]) + 3, 15))
    assert np.all(np.isfinite(samples.lon_deg) == samples.ok)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_real_files_say_what_was_read_by_eye(name: str, real_data: Path) -> None:
    expected = EXPECTED[name]
    path = real_data / "telemetry" / name
    if isinstance(expected, str):
        with pytest.raises(SubtitleError) as caught:
            read_srt(path, UTC)
        assert expected in str(caught.value)
        return
    started = time.process_time()
    track = read_srt(path, UTC)
    assert time.process_time() - started < 3.0  # 12,318 blocks take half a second
    assert differences(track, expected) == []
