"""Items as MISSION_ITEM_INT carries them: positions in whole 1e-7 degrees."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from geo.coordinates import LonLat
from patrol.mission import MissionItem

__all__ = [
    "PLACED",
    "WireItem",
    "difference",
    "fence_items",
    "rally_items",
    "wire_items",
]

_GLOBAL, _RELATIVE = 0, 3  # MAV_FRAME_GLOBAL, MAV_FRAME_GLOBAL_RELATIVE_ALT
_SAME_FRAME = {5: 0, 6: 3, 11: 10}  # the _INT frames, which older vehicles give back
FENCE_INCLUSION, FENCE_EXCLUSION, RALLY_POINT = 5001, 5002, 5100
_FENCES = (5000, 5001, 5002, 5003, 5004)
# Commands whose x and y are a place: the navigation items, fence items and rally points.
PLACED = (16, 17, 18, 19, 21, 22, 82, *_FENCES, RALLY_POINT)
_ALTITUDE_GRAIN_M = 0.005  # vehicles store whole centimetres


@dataclass(frozen=True, slots=True)
class WireItem:
    """One item of a mission, fence or rally list in MISSION_ITEM_INT's own fields.

    `x` and `y` are latitude and longitude in 1e-7 degrees for commands with a place, else
    parameters 5 and 6; `z_m` is the altitude in metres in `frame`, else parameter 7.
    """

    seq: int
    frame: int
    command: int
    params: tuple[float, float, float, float]
    x: int
    y: int
    z_m: float
    autocontinue: int = 1

    @classmethod
    def of(cls, message: Any) -> WireItem:
        """From a decoded MISSION_ITEM_INT."""
        return cls(
            message.seq, message.frame, message.command,
            (message.param1, message.param2, message.param3, message.param4),
            message.x, message.y, message.z, message.autocontinue,
        )  # fmt: skip

    @property
    def is_placed(self) -> bool:
        return self.command in PLACED


def wire_items(items: Iterable[MissionItem]) -> list[WireItem]:
    """A mission: places in 1e-7 degrees, heights on the vehicle's centimetres."""
    made = []
    for item in items:
        placed = item.command in PLACED
        scale = 1e7 if placed else 1.0
        made.append(
            WireItem(
                item.seq, item.frame, item.command,
                (item.param1, item.param2, item.param3, item.param4),
                round(item.lat_deg * scale), round(item.lon_deg * scale),
                round(item.altitude_m, 2) if placed else item.altitude_m, item.autocontinue,
            )
        )  # fmt: skip
    return made


def fence_items(
    keep_in: Sequence[LonLat], keep_out: Iterable[Sequence[LonLat]] = ()
) -> list[WireItem]:
    """Polygons as fence items: one to stay within and any number to stay out of.

    Corners are not closed; parameter 1 of each is the number of its polygon's corners.
    """
    made: list[WireItem] = []
    rings = [(FENCE_INCLUSION, keep_in)] if keep_in else []
    rings += [(FENCE_EXCLUSION, ring) for ring in keep_out]
    for command, ring in rings:
        for corner in ring:
            params = (float(len(ring)), 0.0, 0.0, 0.0)
            made.append(WireItem(len(made), _GLOBAL, command, params, *_e7(corner), 0.0))
    return made


def rally_items(points: Iterable[tuple[LonLat, float]]) -> list[WireItem]:
    """Rally points with their heights above home; ArduPilot keeps whole metres, so up."""
    return [
        WireItem(
            seq, _RELATIVE, RALLY_POINT, (0.0, 0.0, 0.0, 0.0), *_e7(place), float(math.ceil(up_m))
        )
        for seq, (place, up_m) in enumerate(points)
    ]


def _e7(place: LonLat) -> tuple[int, int]:
    return round(place.lat_deg * 1e7), round(place.lon_deg * 1e7)


def difference(
    sent: Sequence[WireItem], held: Sequence[WireItem], *, home_is_own: bool = True
) -> str | None:
    """The first difference between what was sent and what is held, None where there is none.

    Places must be the same 1e-7 degrees, heights the same centimetre. With `home_is_own` item 0
    is the vehicle's home and left out, as ArduPilot's autotest does. For commands without a place
    only the command and the parameters count: a vehicle keeps what the command means.
    """
    if len(sent) != len(held):
        return f"{len(held)} items instead of {len(sent)}"
    for ours, theirs in list(zip(sent, held, strict=True))[1 if home_is_own else 0 :]:
        if ours.command != theirs.command:
            return f"item {ours.seq} is command {theirs.command} instead of {ours.command}"
        fence = ours.command in _FENCES
        frames = [_SAME_FRAME.get(i.frame, i.frame) for i in (ours, theirs)]
        if frames[0] != frames[1] and ours.is_placed and not fence:
            return f"item {ours.seq} has frame {theirs.frame} instead of {ours.frame}"
        fields: list[tuple[str, float, float, float]] = [
            (f"param{i + 1}", want, have, 0.0)
            for i, (want, have) in enumerate(zip(ours.params, theirs.params, strict=True))
            if not fence or i == 0
        ]
        if ours.is_placed:
            fields += [("latitude", ours.x, theirs.x, 0.0), ("longitude", ours.y, theirs.y, 0.0)]
            if not fence:
                fields.append(("altitude", ours.z_m, theirs.z_m, _ALTITUDE_GRAIN_M))
        for name, want, have, grain in fields:
            if not _same(want, have, grain, exact=name in ("latitude", "longitude")):
                if name in ("latitude", "longitude"):
                    want, have = want / 1e7, have / 1e7
                return f"item {ours.seq} has {name} {have:.9g} instead of {want:.9g}"
    return None


def _same(want: float, have: float, grain: float, *, exact: bool) -> bool:
    """Equal within `grain` and, unless `exact`, one step of float32, which the wire has."""
    if exact:
        return want == have
    if not math.isfinite(want):  # NaN means 'as it is', which the vehicle may keep as 0
        return not math.isfinite(have) or have == 0
    return abs(want - have) <= grain + float(np.spacing(np.float32(abs(want))))
