"""How often each of the messages that tell of the vehicle's state is sent."""

from __future__ import annotations

import math
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from patrol.simulation.vehicle.autopilot import Autopilot
from patrol.simulation.vehicle.wire.messages import Messages

__all__ = ["Streams"]

_DEFAULT_S: dict[int, float] = {
    mavlink.MAVLINK_MSG_ID_HEARTBEAT: 1.0,
    mavlink.MAVLINK_MSG_ID_SYSTEM_TIME: 1.0,
    mavlink.MAVLINK_MSG_ID_SYS_STATUS: 1.0,
    mavlink.MAVLINK_MSG_ID_BATTERY_STATUS: 2.0,
    mavlink.MAVLINK_MSG_ID_GPS_RAW_INT: 1.0,
    mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT: 1.0,
    mavlink.MAVLINK_MSG_ID_VFR_HUD: 1.0,
    mavlink.MAVLINK_MSG_ID_MISSION_CURRENT: 1.0,
    mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: 1.0,
    mavlink.MAVLINK_MSG_ID_HOME_POSITION: 5.0,
    mavlink.MAVLINK_MSG_ID_FENCE_STATUS: 1.0,
    mavlink.MAVLINK_MSG_ID_CAMERA_CAPTURE_STATUS: 1.0,
    mavlink.MAVLINK_MSG_ID_STORAGE_INFORMATION: -1.0,
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: 0.25,
    mavlink.MAVLINK_MSG_ID_ATTITUDE: 0.25,
    mavlink.MAVLINK_MSG_ID_MOUNT_ORIENTATION: 0.25,
    mavlink.MAVLINK_MSG_ID_LOCAL_POSITION_NED: 1.0,
    mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS: -1.0,
}
_POSE = (
    mavlink.MAVLINK_MSG_ID_ATTITUDE,
    mavlink.MAVLINK_MSG_ID_MOUNT_ORIENTATION,
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT,
)
# The groups of REQUEST_DATA_STREAM.
_GROUPS: dict[int, tuple[int, ...]] = {
    mavlink.MAV_DATA_STREAM_EXTENDED_STATUS: (
        mavlink.MAVLINK_MSG_ID_SYS_STATUS,
        mavlink.MAVLINK_MSG_ID_GPS_RAW_INT,
        mavlink.MAVLINK_MSG_ID_MISSION_CURRENT,
    ),
    mavlink.MAV_DATA_STREAM_POSITION: (
        mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT,
        mavlink.MAVLINK_MSG_ID_LOCAL_POSITION_NED,
    ),
    mavlink.MAV_DATA_STREAM_EXTRA1: (
        mavlink.MAVLINK_MSG_ID_ATTITUDE,
        mavlink.MAVLINK_MSG_ID_MOUNT_ORIENTATION,
    ),
    mavlink.MAV_DATA_STREAM_EXTRA2: (mavlink.MAVLINK_MSG_ID_VFR_HUD,),
    mavlink.MAV_DATA_STREAM_EXTRA3: (
        mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT,
        mavlink.MAVLINK_MSG_ID_SYSTEM_TIME,
        mavlink.MAVLINK_MSG_ID_BATTERY_STATUS,
    ),
}


class Streams:
    """Sends what is due. Messages of one moment go out in a fixed order, pose last, so that
    whoever reads a pose has already read the state that belongs to it."""

    def __init__(self, autopilot: Autopilot) -> None:
        self._ap = autopilot
        self._messages = Messages(autopilot)
        self._builders = self._messages.builders
        self._interval_s = dict(_DEFAULT_S)
        self._due_s = dict.fromkeys(_DEFAULT_S, 0.0)
        self._next_s = 0.0
        self._pose_sent_s = -1.0

    def interval_s(self, message_id: int) -> float | None:
        """How often a message is sent; negative where it is switched off, None where unknown."""
        return self._interval_s.get(message_id)

    def set_interval(self, message_id: int, interval_s: float) -> bool:
        """Send a message every so often; 0 is the default rate and below 0 is off."""
        if message_id not in _DEFAULT_S or not math.isfinite(interval_s):
            return False
        if interval_s == 0:
            interval_s = _DEFAULT_S[message_id]
        self._interval_s[message_id] = max(interval_s, self._ap.DT_S) if interval_s > 0 else -1.0
        self._due_s[message_id] = self._next_s = self._ap.time_s
        return True

    def set_group(self, group: int, rate_hz: int, *, on: bool) -> None:
        """REQUEST_DATA_STREAM."""
        members = (
            [m for ids in _GROUPS.values() for m in ids]
            if group == mavlink.MAV_DATA_STREAM_ALL
            else list(_GROUPS.get(group, ()))
        )
        for message_id in members:
            self.set_interval(message_id, 1.0 / rate_hz if on and rate_hz > 0 else -1.0)

    def one(self, message_id: int) -> Any | None:
        """A message of now, asked for by name; None where there is no such message."""
        builder = self._builders.get(message_id)
        return builder() if builder else None

    def tick(self) -> None:
        """Send what is due after a step, and at once what has just changed."""
        ap = self._ap
        now = ap.time_s + 1e-9
        if (ap.mode, ap.armed) != self._messages.heartbeat_said:
            self._due_s[mavlink.MAVLINK_MSG_ID_HEARTBEAT] = now
            self._due_s[mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE] = now
            self._next_s = now
        if ap.camera.changed:
            ap.camera.changed = False
            for message_id in (mavlink.MAVLINK_MSG_ID_CAMERA_CAPTURE_STATUS, *_POSE):
                if self._interval_s[message_id] > 0:
                    ap.send(self._builders[message_id]())
            self._pose_sent_s = ap.time_s
        if now < self._next_s:
            return
        due_s = self._due_s
        for message_id, interval in self._interval_s.items():
            if interval <= 0 or now < due_s[message_id]:
                continue
            # Keep the beat; after a pause do not catch up.
            due = due_s[message_id] + interval
            due_s[message_id] = due if due > now else now + interval - 1e-9
            if message_id in _POSE and self._pose_sent_s == ap.time_s:
                continue
            message = self._builders[message_id]()
            if message is not None:
                ap.send(message)
        self._next_s = min(
            due for message_id, due in due_s.items() if self._interval_s[message_id] > 0
        )
