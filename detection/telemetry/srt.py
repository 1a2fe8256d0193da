"""DJI subtitle files: the telemetry that a drone writes beside each video.

Ten variants are in the field (2017 to 2026); `_variant` names them. What differs: one block a
frame or one a second; named fields in brackets or a `GPS(…)` triple whose axis order and third
value depend on the model; whether there is a clock, a height, a gimbal attitude. Local time comes
without a zone: the caller declares it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import numpy as np

from detection.errors import SubtitleError
from detection.telemetry.blocks import Block, read_blocks
from detection.telemetry.track import AxisOrder, PoseTrack

__all__ = ["read_srt"]

# A named value. What follows it must not be a digit, so that a value cut off at the end of a
# file is not taken for a shorter one.
_FIELD = re.compile(
    r"(?<![A-Za-z_])(latitude|longt?itude|rel_alt|abs_alt|altitude|gb_yaw|gb_pitch|gb_roll|"
    r"focal_len|dzoom_ratio)\s{0,4}:\s{0,4}([-+]?\d{1,9}(?:\.\d{1,12})?)(?=[^\d.])"
)
_NUMBER = r"[-+]?\d{1,9}(?:\.\d{1,12})?"
_GPS = re.compile(
    rf"GPS\s{{0,2}}\(\s{{0,2}}({_NUMBER})\s{{0,2}},\s{{0,2}}({_NUMBER})\s{{0,2}}"
    rf"(?:,\s{{0,2}}({_NUMBER})\s{{0,2}}([mM]?)\s{{0,2}})?\)"
)
_GPS_ANY = re.compile(r"GPS\s{0,2}\(")
_HEIGHT = re.compile(rf"(?<![A-Za-z.])(?:BAROMETER|Hb)\s{{0,2}}:\s{{0,2}}({_NUMBER})(?=[\sM])")
_HEIGHT_H = re.compile(rf"(?<![A-Za-z.])H\s{{1,2}}({_NUMBER})\s{{0,2}}m(?![A-Za-z/])")
_ANGLE = rf"({_NUMBER})[^\d,()+-]{{0,4}}"
_PRY = re.compile(rf"([FG])\.PRY\s{{0,2}}\(\s{{0,2}}{_ANGLE},\s{{0,2}}{_ANGLE},\s{{0,2}}{_ANGLE}\)")
_CLOCK = re.compile(
    r"(?<!\d)(\d{4})[-.](\d{1,2})[-.](\d{1,2})\s{1,4}(\d{1,2}):(\d{2}):(\d{2})"
    r"(?:[.,](\d{1,3})(?!\d)(?:[.,](\d{1,3})(?!\d))?)?"
)
# A drone film of these decades; anything else is a clock that was never set.
_YEARS = range(2000, 2100)
_MOST_BAD_SHARE = 0.2


@dataclass(slots=True)
class _Row:
    """One block as read; None where it says nothing."""

    clock: datetime | None = None
    first: str | None = None  # as written, in the file's axis order
    second: str | None = None
    third_is_metres: bool = False
    named: dict[str, str] = field(default_factory=dict)
    rel_alt_m: float | None = None
    flight_pry: tuple[float, ...] | None = None
    gimbal_pry: tuple[float, ...] | None = None

    @property
    def facts(self) -> frozenset[str]:
        """Which kinds of fact the block holds, to tell a cut-off last block."""
        parts = {name.replace("longt", "long") for name in self.named}
        parts |= {"gps"} if self.first is not None else set()
        parts |= {"clock"} if self.clock is not None else set()
        parts |= {"height"} if self.rel_alt_m is not None else set()
        parts |= {"F.PRY"} if self.flight_pry else set()
        parts |= {"G.PRY"} if self.gimbal_pry else set()
        return frozenset(parts)


def read_srt(path: Path, zone: tzinfo | None = None) -> PoseTrack:
    """Read a DJI subtitle file.

    `zone` is the zone of the drone's clock; without it, or where the file has no clock, `utc_s`
    is NaN. Small damage (a cut-off last block, single unreadable blocks, times that run
    backwards) is left out and told in `warnings`. Raises SubtitleError, one line with file, line
    and reason, for a file that is missing, empty, binary, no subtitle, without any position, or
    damaged in more than a fifth of its blocks.
    """
    blocks, warnings = read_blocks(path)
    rows = [_row(block.text) for block in blocks]
    warnings += _drop_cut_off_end(blocks, rows)
    starts = np.array([block.start_s for block in blocks])
    kept = _in_time_order(starts)
    if lost := len(blocks) - len(kept):
        if lost > _MOST_BAD_SHARE * len(blocks):
            back = blocks[int(np.flatnonzero(np.diff(starts) < 0)[0]) + 1]
            raise SubtitleError(
                f"{path}: line {back.line}: time runs backwards, and {lost} of {len(blocks)} "
                "blocks would not fit; several recordings seem to be joined: split the file there"
            )
        first = min(set(range(len(blocks))) - set(kept))
        warnings.append(
            f"line {blocks[first].line}: time runs backwards; {lost} of {len(blocks)} blocks left "
            "out"
        )
        blocks, rows = [blocks[i] for i in kept], [rows[i] for i in kept]
    return _track(path, blocks, rows, zone, warnings)


def _row(text: str) -> _Row:
    row = _Row()
    for match in _FIELD.finditer(text):
        row.named.setdefault(match[1], match[2])
    if "PRY" in text:
        for match in _PRY.finditer(text):
            angles = tuple(float(match[i]) for i in (2, 3, 4))
            if match[1] == "F":
                row.flight_pry = angles
            else:
                row.gimbal_pry = angles
    if not row.named and (gps := _GPS.search(text)):
        row.first, row.second, row.third_is_metres = gps[1], gps[2], bool(gps[4])
    if not row.named and (height := _HEIGHT.search(text) or _HEIGHT_H.search(text)):
        row.rel_alt_m = float(height[1])
    if clock := _CLOCK.search(text):
        row.clock = _clock(clock)
    return row


def _clock(match: re.Match[str]) -> datetime | None:
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    micro = int((match[7] or "0").ljust(3, "0")) * 1000 + int((match[8] or "0").ljust(3, "0"))
    if year not in _YEARS:
        return None
    try:
        return datetime(year, month, day, hour, minute, second, micro)  # noqa: DTZ001
    except ValueError:
        return None


def _drop_cut_off_end(blocks: list[Block], rows: list[_Row]) -> list[str]:
    """Drop a last block that lacks what the one before it has; say so."""
    if len(rows) < 2:
        return []
    last, before = blocks[-1], blocks[-2]
    lacks = rows[-2].facts - rows[-1].facts
    shorter = len(last.text.splitlines()) < len(before.text.splitlines())
    unclosed = "</font>" in before.text and "</font>" not in last.text
    if not (lacks or shorter or unclosed):
        return []
    del blocks[-1], rows[-1]
    return [f"line {last.line}: the last block is cut off and was left out"]


def _in_time_order(starts: np.ndarray) -> list[int]:
    """Indices of the longest run of blocks whose times never go back (patience sorting)."""
    if np.all(np.diff(starts) >= 0):
        return list(range(len(starts)))
    tails: list[float] = []
    tail_index: list[int] = []
    previous: list[int] = []
    for i, value in enumerate(starts.tolist()):
        at = int(np.searchsorted(tails, value, side="right"))
        previous.append(tail_index[at - 1] if at else -1)
        tails[at : at + 1] = [value]
        tail_index[at : at + 1] = [i]
    kept, i = [], tail_index[-1]
    while i >= 0:
        kept.append(i)
        i = previous[i]
    return kept[::-1]


def _variant(text: str, row: _Row) -> str:
    """The name of the variant, after the first drone known to write it."""
    if row.named:
        if "gb_yaw" in row.named:
            return "avata_360"
        if "rel_alt" in row.named:
            return "mavic_3"
        if "longtitude" in row.named:
            return "mavic_2"
        if "latitude" in row.named:
            return "air_2"
        return "mavic_air"
    if row.third_is_metres:
        return "matrice_300"
    if row.gimbal_pry or row.flight_pry:
        return "p4_rtk"
    if "F/" in text:
        return "phantom_4_pro"
    return "mavic_pro" if "BAROMETER" in text else "old_format"


def _track(
    path: Path, blocks: list[Block], rows: list[_Row], zone: tzinfo | None, warnings: list[str]
) -> PoseTrack:
    n = len(rows)
    written = [_written_position(row) for row in rows]
    with_position = [i for i in range(n) if written[i] is not None]
    if not with_position:
        raise SubtitleError(_no_position(path, blocks))
    first = with_position[0]
    variant = _variant(blocks[first].text, rows[first])
    order: AxisOrder = "named"
    if not rows[first].named:
        order = "lat,lon" if variant == "matrice_300" else "lon,lat"
    pairs = np.full((n, 2), np.nan)
    for i in with_position:
        pair = written[i]
        assert pair is not None
        pairs[i] = float(pair[0]), float(pair[1])
    lon, lat = (pairs[:, 1], pairs[:, 0]) if order == "lat,lon" else (pairs[:, 0], pairs[:, 1])
    there_lon, there_lat = np.abs(lon[with_position]), np.abs(lat[with_position])
    only_swapped_fits = np.all(there_lat > 90) and np.all(there_lat <= 180)
    if order != "named" and only_swapped_fits and np.all(there_lon <= 90):
        lon, lat = lat, lon
        order = "lon,lat" if order == "lat,lon" else "lat,lon"
        warnings.append(
            f"line {blocks[first].line}: positions of this variant should be in the other order, "
            f"but only {order} gives a latitude within 90°; read so"
        )
    zero = (lon == 0) & (lat == 0)
    outside = (np.abs(lat) > 90) | (np.abs(lon) > 180)
    lon, lat = lon.copy(), lat.copy()
    lon[zero | outside], lat[zero | outside] = np.nan, np.nan
    fixed = np.isfinite(lon)
    if not np.any(fixed):
        i = int(np.flatnonzero(outside)[0]) if np.any(outside) else first
        what = (
            f"position {pairs[i, 0]:g}, {pairs[i, 1]:g} is outside the globe"
            if np.any(outside)
            else "every position is 0, 0: the drone had no satellite fix"
        )
        raise SubtitleError(
            f"{path}: line {blocks[i].line}: {what}; the recording cannot be placed"
        )
    for count, what in (
        (int(np.sum(~np.isfinite(pairs[:, 0]))), "have no readable position"),
        (int(np.sum(zero)), "have no satellite fix (0, 0)"),
        (int(np.sum(outside)), "have a position outside the globe"),
    ):
        if count:
            warnings.append(f"{count} of {n} blocks {what}")

    def named(key: str) -> np.ndarray:
        return _column([row.named.get(key) for row in rows])

    flight = np.array([row.flight_pry or (np.nan,) * 3 for row in rows])
    gimbal = np.array([row.gimbal_pry or (np.nan,) * 3 for row in rows])
    if any("gb_yaw" in row.named for row in rows):
        gimbal = np.column_stack([named("gb_pitch"), named("gb_roll"), named("gb_yaw")])
    rel_alt = named("rel_alt")
    rel_alt = np.where(np.isfinite(rel_alt), rel_alt, _column([row.rel_alt_m for row in rows]))
    zoom = _zoom(rows)
    if np.any(zoom[np.isfinite(zoom)] != 1.0):
        warnings.append("digital zoom was used; the focal length is multiplied by it")
    utc = np.array([_utc_s(row.clock, zone) for row in rows])
    jumps = int(np.sum(np.diff(utc[np.isfinite(utc)]) < -1.0))
    if jumps:
        warnings.append(f"the drone's clock jumps back {jumps} times")
    decimals = max(len(text.partition(".")[2]) for p in written if p for text in p)
    return PoseTrack(
        source=str(path), format=variant, axis_order=order,
        start_s=np.array([b.start_s for b in blocks]),
        end_s=np.array([max(b.end_s, b.start_s) for b in blocks]),
        utc_s=utc, lon_deg=lon, lat_deg=lat,
        rel_alt_m=rel_alt, abs_alt_m=named("abs_alt"), plain_alt_m=named("altitude"),
        gimbal_yaw_deg=gimbal[:, 2], gimbal_pitch_deg=gimbal[:, 0], gimbal_roll_deg=gimbal[:, 1],
        flight_yaw_deg=flight[:, 2], flight_pitch_deg=flight[:, 0], flight_roll_deg=flight[:, 1],
        focal_35mm=_focal(rows) * np.where(np.isfinite(zoom), zoom, 1.0),
        line=np.array([b.line for b in blocks], dtype=np.int64),
        position_step_deg=10.0 ** -decimals, warnings=tuple(warnings),
    )  # fmt: skip


def _written_position(row: _Row) -> tuple[str, str] | None:
    """The two numbers of a position as written, longitude first where they are named."""
    lon = row.named.get("longitude") or row.named.get("longtitude")
    lat = row.named.get("latitude")
    if lon is not None and lat is not None:
        return lon, lat
    if row.first is not None and row.second is not None:
        return row.first, row.second
    return None


def _no_position(path: Path, blocks: list[Block]) -> str:
    camera_only = "has no position fields, only camera settings (as the Mavic Air writes)"
    said = camera_only if "[" in blocks[0].text else "has no position that can be read"
    if any(_GPS_ANY.search(block.text) for block in blocks):
        said = "has GPS fields, but none with two numbers: the drone had no satellite fix"
    return (
        f"{path}: line {blocks[0].line}: the subtitle ({len(blocks)} blocks) {said}; "
        "the recording cannot be placed"
    )


def _column(values: Sequence[str | float | None]) -> np.ndarray:
    return np.array([np.nan if v is None else float(v) for v in values])


def _focal(rows: list[_Row]) -> np.ndarray:
    """35 mm equivalent in mm. Written as 24.00 by new drones, in tenths (240) by older ones."""
    texts = [row.named.get("focal_len") for row in rows]
    scaled = [None if t is None else float(t) / (1 if "." in t else 10) for t in texts]
    return np.where((focal := _column(scaled)) > 0, focal, np.nan)


def _zoom(rows: list[_Row]) -> np.ndarray:
    """Digital zoom factor. Written as 1.00, or in ten-thousandths (10000) by the Mini 3 Pro."""
    texts = [row.named.get("dzoom_ratio") for row in rows]
    scaled = [None if t is None else float(t) / (1 if "." in t else 10000) for t in texts]
    zoom = _column(scaled)
    return np.where((zoom >= 1) & (zoom <= 100), zoom, np.nan)


def _utc_s(clock: datetime | None, zone: tzinfo | None) -> float:
    """Seconds since 1970 of a local time, NaN without a clock or a declared zone."""
    if clock is None or zone is None:
        return float("nan")
    aware = clock.replace(tzinfo=zone)
    return (aware.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1)
