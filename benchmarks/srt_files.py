"""All DJI subtitle files at hand: read correctly, refused in one line, or neither.

What "correctly" means was read off the raw files by eye (`EXPECTED`): how many blocks, the first
and last position with their axes the right way round, height, attitude, focal length and clock.
With the seed, cuts of the files are damaged at random and read again: nothing but a
SubtitleError may come out.
"""

from __future__ import annotations

import os
import random
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Skipped
from detection.errors import SubtitleError
from detection.telemetry.poses import PoseSettings, VideoPoses
from detection.telemetry.srt import read_srt
from detection.telemetry.track import PoseTrack

__all__ = ["EXPECTED", "Facts", "failures", "measure", "mutate"]

MUTATIONS = 400
_CUT_BYTES = 20_000


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says, read by eye; None where it does not say."""

    blocks: int
    first: tuple[float, float]  # lon, lat
    last: tuple[float, float]
    height_m: tuple[float, float] | None = None  # above launch, first and last
    plain_alt_m: tuple[float, float] | None = None  # altitude of unnamed datum
    msl_m: float | None = None
    gimbal: tuple[float, float, float] | None = None  # yaw, pitch, roll of the first block
    focal_mm: tuple[float, float] | None = None  # first and last
    clock: str | None = None  # of the first block, local
    ends_s: float = 0.0
    warnings: int = 0


# In order, as a check of the axes: the Gulf of Guinea (made anonymous), Badalona, Buenos Aires
# province, Lahore, Chiclana, the pampas, Barcelona, Washington state, the Whitsundays, the pampas,
# Switzerland, Groningen twice, Sweden.
EXPECTED: dict[str, Facts | str] = {
    "dji_srt/MAVIC3.srt": Facts(
        12318, (-3.37440, 3.41531), (-3.37721, 3.41368), (-2.4, 3.6), msl_m=0.401,
        focal_mm=(24, 24), clock="2021-12-25 12:27:52.373", ends_s=246.36),
    "dji_srt/air2s.srt": Facts(
        17, (2.234156, 41.424724), (2.234102, 41.424730), plain_alt_m=(117.0, 117.1),
        focal_mm=(24, 24), clock="2022-08-07 13:40:40.774808", ends_s=0.567),
    "dji_srt/broken_empty.SRT": "line 1: the subtitle file is empty",
    "dji_srt/broken_incomplete.SRT": Facts(
        19, (-58.4563, -34.7383), (-58.4563, -34.7383), (20.1, 7.7),
        clock="2017-07-03 10:15:03", ends_s=20.0, warnings=1),
    "dji_srt/m2zoom.SRT": Facts(
        7113, (74.398751, 31.452012), (74.398905, 31.450438), plain_alt_m=(213.983002, 264.541992),
        focal_mm=(24, 48), clock="2020-04-02 15:19:58.720764", ends_s=118.668),
    "dji_srt/matrice_300.srt": Facts(
        381, (-6.1120, 36.6146), (-6.1120, 36.6146), (0.3, 0.0),
        clock="2022-06-21 16:06:17", ends_s=381.0),
    "dji_srt/mavic_2pro_new.SRT": Facts(
        8952, (-60.286702, -35.080155), (-60.314572, -35.077976), focal_mm=(28, 28),
        clock="2019-09-27 10:28:08.438904", ends_s=369.88),
    "dji_srt/mavic_air2.srt": Facts(
        25, (2.162162, 41.420684), (2.162162, 41.420686), plain_alt_m=(27.3, 29.2),
        focal_mm=(24, 24), clock="2022-05-01 15:01:58.531716", ends_s=0.416),
    "dji_srt/mavic_mini.SRT": Facts(
        117, (-121.7458, 48.0771), (-121.7476, 48.0775), (200.7, 200.8), ends_s=117.0),
    "dji_srt/old_format.SRT": Facts(
        468, (149.0251, -20.2533), (149.0251, -20.2532), (1.9, 0.0),
        clock="2017-08-05 14:11:51", ends_s=469.0),
    "dji_srt/p4_rtk.SRT": Facts(
        55, (-58.851745, -34.237922), (-58.849196, -34.232349), (85.8, 85.8),
        gimbal=(110.4, -24.4, 0.0), ends_s=55.0),
    "dji_srt/p4p_sample.SRT": Facts(
        5, (8.2090, 47.4692), (8.2090, 47.4692), (45.6, 45.6), ends_s=5.0),
    "dji_srt_newer/Avata360.SRT": Facts(
        5, (6.460739, 53.365080), (6.460739, 53.365080), (5.4, 5.4), msl_m=-124.744,
        gimbal=(-162.8, 0.0, 0.0), focal_mm=(28, 28), clock="2026-05-27 13:10:00.015",
        ends_s=0.207),
    "dji_srt_newer/Mini5PRO.SRT": Facts(
        5, (6.460719, 53.365108), (6.460718, 53.365109), (6.0, 6.0), msl_m=-122.769,
        focal_mm=(24, 24), clock="2026-05-27 13:14:22.911", ends_s=0.2),
    "dji_srt_newer/air3.SRT": Facts(
        2, (18.2222, 59.1111), (18.2223, 59.1112), (5.0, 5.1), msl_m=105.0,
        clock="2024-01-01 12:00:00", ends_s=0.066),
}  # fmt: skip


def failures(seed: int) -> float:
    """Files read wrongly or ending in a traceback, damaged copies included."""
    result = measure(seed)
    return float(result["wrong"] + result["tracebacks"] + result["mutated_tracebacks"])


@lru_cache(maxsize=2)
def measure(seed: int) -> dict[str, Any]:
    """Counts over all files, a line for each printed; and over damaged copies."""
    files = _files()
    counts = {"files": len(files), "read": 0, "refused": 0, "wrong": 0, "tracebacks": 0}
    for name, path in files.items():
        said, kind = _judge(name, path)
        counts[kind] += 1
        print(f"{name:32} {kind:10} {said}")
    mutated = _mutated(list(files.values()), seed)
    print("  ".join(f"{k} {v}" for k, v in (counts | mutated).items()))
    return counts | mutated


def _files() -> dict[str, Path]:
    folder = Path(os.environ.get("RIVER_PATROL_DATA", "")) / "telemetry"
    files = {
        f"{path.parent.name}/{path.name}": path
        for path in sorted(folder.glob("dji_srt*/*"))
        if path.suffix.lower() == ".srt"
    }
    if not files:
        raise Skipped("RIVER_PATROL_DATA does not name the folder of real telemetry")
    return files


def _judge(name: str, path: Path) -> tuple[str, str]:
    expected = EXPECTED.get(name)
    try:
        track = read_srt(path, UTC)
    except SubtitleError as error:
        line = str(error)
        named = str(path) in line and "line " in line and "\n" not in line
        meant = expected is None or (isinstance(expected, str) and expected in line)
        return line.replace(str(path), path.name), "refused" if named and meant else "wrong"
    except Exception as error:  # noqa: BLE001 - it is what this figure counts
        return f"{type(error).__name__}: {error}", "tracebacks"
    if expected is None:
        return f"{len(track)} blocks, {track.format}; nothing to compare with", "read"
    if isinstance(expected, str):
        return f"was read, but should be refused: {expected}", "wrong"
    wrong = list(differences(track, expected))
    lon, lat = float(track.lon_deg[0]), float(track.lat_deg[0])
    summary = f"{track.format}, {len(track)} blocks, first lon {lon} lat {lat}"
    return ("; ".join(wrong) or summary), "wrong" if wrong else "read"


def differences(track: PoseTrack, facts: Facts) -> list[str]:
    """Where a track differs from what was read by eye, one text each."""
    nan = float("nan")
    ends: list[tuple[str, Any, tuple[float, ...]]] = [
        ("blocks", [len(track)], (facts.blocks,)),
        ("first", [track.lon_deg[0], track.lat_deg[0]], facts.first),
        ("last", [track.lon_deg[-1], track.lat_deg[-1]], facts.last),
        ("height", track.rel_alt_m[[0, -1]], facts.height_m or (nan, nan)),
        ("altitude", track.plain_alt_m[[0, -1]], facts.plain_alt_m or (nan, nan)),
        ("sea level", track.abs_alt_m[[0]], (nan if facts.msl_m is None else facts.msl_m,)),
        ("focal length", track.focal_35mm[[0, -1]], facts.focal_mm or (nan, nan)),
        (
            "gimbal",
            [track.gimbal_yaw_deg[0], track.gimbal_pitch_deg[0], track.gimbal_roll_deg[0]],
            facts.gimbal or (nan, nan, nan),
        ),
        ("end", [track.end_s[-1]], (facts.ends_s,)),
        ("warnings", [len(track.warnings)], (facts.warnings,)),
    ]
    clock = nan
    if facts.clock is not None:
        clock = datetime.fromisoformat(facts.clock).replace(tzinfo=UTC).timestamp()
    ends.append(("clock", [track.utc_s[0]], (clock,)))
    return [
        f"{what}: {list(map(float, found))}, but the file says {list(expected)}"
        for what, found, expected in ends
        if not np.allclose(found, expected, rtol=0, atol=1e-6, equal_nan=True)
    ]


def mutate(data: bytes, rng: random.Random) -> bytes:
    """A damaged copy: bytes changed, cut out, repeated or put in, lines swapped, the end lost."""
    for _ in range(rng.randint(1, 6)):
        if not data:
            return data
        at, length = rng.randrange(len(data)), rng.choice((1, 1, 2, 5, 40, 300))
        kind = rng.randrange(7)
        if kind == 0:
            data = data[:at] + rng.randbytes(length) + data[at + length :]
        elif kind == 1:
            data = data[:at] + data[at + length :]
        elif kind == 2:
            data = data[:at] + data[at : at + length] * rng.randint(2, 9) + data[at + length :]
        elif kind == 3:
            put = rng.choice((b"9" * 50, b"-->", b"\xff\xfe", b"1e999", b"nan"))
            data = data[:at] + put + data[at:]
        elif kind == 4:
            lines = data.split(b"\n")
            a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
            lines[a], lines[b] = lines[b], lines[a]
            data = b"\n".join(lines)
        elif kind == 5:
            old = b"%d" % rng.randrange(10)
            data = data.replace(old, rng.choice((b"x", b"", b"99", b"-")), rng.randint(1, 500))
        else:
            data = data[:at]
    return data


def _mutated(files: list[Path], seed: int) -> dict[str, int]:
    rng = random.Random(seed)
    counts = {"mutated": 0, "mutated_read": 0, "mutated_refused": 0, "mutated_tracebacks": 0}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "damaged.SRT"
        for _ in range(MUTATIONS):
            source = rng.choice(files)
            path.write_bytes(mutate(source.read_bytes()[:_CUT_BYTES], rng))
            counts["mutated"] += 1
            try:
                track = read_srt(path, UTC)
                settings = PoseSettings(height_m=40.0)
                VideoPoses(track, settings).many(np.linspace(-5, track.covers_s[1] + 5, 20))
                counts["mutated_read"] += 1
            except SubtitleError as error:
                one_line = "\n" not in str(error)
                counts["mutated_refused" if one_line else "mutated_tracebacks"] += 1
            except Exception as error:  # noqa: BLE001 - it is what this figure counts
                counts["mutated_tracebacks"] += 1
                print(f"damaged {source.name}: {type(error).__name__}: {error}")
    return counts
