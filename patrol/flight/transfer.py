"""A mission to the vehicle and back, compared item by item."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from patrol.errors import FlightError
from patrol.flight import dronekit_compat as dk
from patrol.flight.link import Link

if TYPE_CHECKING:
    from patrol.mission import MissionItem

__all__ = ["difference", "download", "send_mission", "upload"]

_SECONDS = 10.0
_SECONDS_AN_ITEM = 0.1
# Commands whose position fields mean a place.
_PLACED = (16, 21, 22, 19)


def send_mission(link: Link, items: Sequence[MissionItem]) -> None:
    """Upload, download again and compare. Raises FlightError; the vehicle is then not to arm."""
    upload(link, items)
    wrong = difference(items, download(link))
    if wrong:
        raise FlightError(
            f"the vehicle does not hold the mission that was sent: {wrong}; "
            "nothing was armed; try again, or clear the vehicle's mission"
        )


def upload(link: Link, items: Sequence[MissionItem]) -> None:
    """Upload with dronekit. `items[0]` is home; the vehicle keeps its own in its place."""
    if not items:
        raise FlightError("the mission is empty; plan the patrol again")
    commands = link.vehicle.commands
    commands.clear()
    # dronekit keeps an item 0 that it downloaded before (the vehicle's home) and nothing else.
    has_home = link.vehicle._wploader.count() > 0
    for item in items[1:] if has_home else items:
        commands.add(_command(item))
    link.mission_ack = None
    said = link.said
    commands.wait_ready()
    watch = _UploadWatch(link)
    try:
        commands.upload(timeout=_SECONDS + _SECONDS_AN_ITEM * len(items))
    except dk.DronekitTimeout:
        link.check()
        raise FlightError(
            f"the vehicle took none or a part of the {len(items)} mission items and went silent"
        ) from None
    else:
        link.wait(lambda: watch.final is not None, 5.0)
    finally:
        watch.stop()
    if watch.final != dk.mavlink.MAV_MISSION_ACCEPTED:
        result = "no answer" if watch.final is None else _result_name(watch.final)
        reason = link.warning(said)
        raise FlightError(
            f"the vehicle refused the mission after {max(watch.asked, 0)} of {len(items)} items "
            f"({result})" + (f": {reason}" if reason else "")
        )


class _UploadWatch:
    """Watches an upload: dronekit ignores MISSION_ACK and would wait on after a refusal."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.asked = -1
        self.final: int | None = None
        self._listeners = (
            ("MISSION_REQUEST", self._on_request),
            ("MISSION_REQUEST_INT", self._on_request),
            ("MISSION_ACK", self._on_ack),
        )
        for name, listener in self._listeners:
            link.listen(name, listener)

    def _on_request(self, message: Any) -> None:
        self.asked = max(self.asked, message.seq)

    def _on_ack(self, message: Any) -> None:
        accepted = message.type == dk.mavlink.MAV_MISSION_ACCEPTED
        if accepted and self.asked < 0:
            return  # the answer to the MISSION_CLEAR_ALL that goes before
        self.final = message.type
        vehicle = self._link.vehicle
        waiting = vehicle._wp_uploaded
        if not accepted and waiting is not None:
            vehicle._wp_uploaded = [True] * len(waiting)  # ends dronekit's wait

    def stop(self) -> None:
        for name, listener in self._listeners:
            self._link.forget(name, listener)


def download(link: Link) -> list[Any]:
    """The vehicle's mission as MISSION_ITEM messages, home first."""
    commands = link.vehicle.commands
    commands.download()
    try:
        commands.wait_ready(timeout=_SECONDS)
    except dk.DronekitTimeout:
        link.check()
        raise FlightError(
            "the vehicle's mission could not be read back; nothing was armed; try again"
        ) from None
    loader = link.vehicle._wploader
    return [loader.wp(i) for i in range(loader.count())]


def difference(sent: Sequence[MissionItem], held: Sequence[Any]) -> str | None:
    """The first difference between what was sent and what the vehicle holds, None where none.

    Positions may differ by float32's rounding (dronekit sends MISSION_ITEM), heights by a
    centimetre; the home item is the vehicle's own and is left out.
    """
    if len(sent) != len(held):
        return f"{len(held)} items instead of {len(sent)}"
    for ours, theirs in zip(sent[1:], held[1:], strict=True):
        if ours.command != theirs.command:
            return f"item {ours.seq} is command {theirs.command} instead of {ours.command}"
        if ours.frame != theirs.frame and ours.command in _PLACED:
            return f"item {ours.seq} has frame {theirs.frame} instead of {ours.frame}"
        fields: list[tuple[str, float, float, float]] = [
            (name, getattr(ours, name), getattr(theirs, name), 0.0)
            for name in ("param1", "param2", "param3", "param4")
        ]
        if ours.command in _PLACED:
            fields += [
                ("latitude", ours.lat_deg, theirs.x, 1e-7),
                ("longitude", ours.lon_deg, theirs.y, 1e-7),
                ("altitude", ours.altitude_m, theirs.z, 0.01),
            ]
        for name, want, have, grain in fields:
            if not _same(want, have, grain):
                return f"item {ours.seq} has {name} {have:.9g} instead of {want:.9g}"
    return None


def _same(want: float, have: float, grain: float) -> bool:
    """Equal within `grain` and one step of float32."""
    if not math.isfinite(want):  # NaN means 'as it is', which the vehicle may keep as 0
        return not math.isfinite(have) or have == 0
    return abs(want - have) <= grain + float(np.spacing(np.float32(abs(want))))


def _command(item: MissionItem) -> Any:
    return dk.Command(
        0, 0, 0, item.frame, item.command, 0, item.autocontinue,
        item.param1, item.param2, item.param3, item.param4,
        item.lat_deg, item.lon_deg, item.altitude_m,
    )  # fmt: skip


def _result_name(result: int) -> str:
    entry = dk.mavlink.enums["MAV_MISSION_RESULT"].get(result)
    return str(entry.name) if entry else f"result {result}"
