"""The messages that tell of the vehicle's state, and how often each is sent."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from patrol.simulation.vehicle.autopilot import Autopilot

__all__ = ["Streams", "autopilot_version", "home_position"]

_INTERVAL_SET = 2  # image_status: photos follow one another
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
_CHARGE_STATE = (
    mavlink.MAV_BATTERY_CHARGE_STATE_OK,
    mavlink.MAV_BATTERY_CHARGE_STATE_LOW,
    mavlink.MAV_BATTERY_CHARGE_STATE_CRITICAL,
)
_KINDS = {
    "copter": (mavlink.MAV_TYPE_QUADROTOR, mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA),
    "plane": (mavlink.MAV_TYPE_FIXED_WING, mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA),
    "px4": (mavlink.MAV_TYPE_QUADROTOR, mavlink.MAV_AUTOPILOT_PX4),
}
_SENSORS = (
    mavlink.MAV_SYS_STATUS_SENSOR_3D_GYRO
    | mavlink.MAV_SYS_STATUS_SENSOR_3D_ACCEL
    | mavlink.MAV_SYS_STATUS_SENSOR_3D_MAG
    | mavlink.MAV_SYS_STATUS_SENSOR_ABSOLUTE_PRESSURE
    | mavlink.MAV_SYS_STATUS_SENSOR_BATTERY
)
_CAPABILITIES = (
    mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_FLOAT
    | mavlink.MAV_PROTOCOL_CAPABILITY_PARAM_FLOAT
    | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_INT
    | mavlink.MAV_PROTOCOL_CAPABILITY_COMMAND_INT
    | mavlink.MAV_PROTOCOL_CAPABILITY_MAVLINK2
    | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_FENCE
    | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_RALLY
)


class Streams:
    """Sends what is due. Messages of one moment go out in a fixed order, pose last, so that
    whoever reads a pose has already read the state that belongs to it."""

    def __init__(self, autopilot: Autopilot) -> None:
        self._ap = autopilot
        self._builders: dict[int, Callable[[], Any]] = {
            mavlink.MAVLINK_MSG_ID_HEARTBEAT: self._heartbeat,
            mavlink.MAVLINK_MSG_ID_SYSTEM_TIME: self._system_time,
            mavlink.MAVLINK_MSG_ID_SYS_STATUS: self._sys_status,
            mavlink.MAVLINK_MSG_ID_BATTERY_STATUS: self._battery_status,
            mavlink.MAVLINK_MSG_ID_GPS_RAW_INT: self._gps_raw,
            mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT: self._ekf,
            mavlink.MAVLINK_MSG_ID_VFR_HUD: self._vfr_hud,
            mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: self._extended_state,
            mavlink.MAVLINK_MSG_ID_HOME_POSITION: lambda: home_position(autopilot),
            mavlink.MAVLINK_MSG_ID_FENCE_STATUS: self._fence_status,
            mavlink.MAVLINK_MSG_ID_CAMERA_CAPTURE_STATUS: self._capture_status,
            mavlink.MAVLINK_MSG_ID_LOCAL_POSITION_NED: self._local_position,
            mavlink.MAVLINK_MSG_ID_ATTITUDE: self._attitude,
            mavlink.MAVLINK_MSG_ID_MOUNT_ORIENTATION: self._mount_orientation,
            mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS: self._gimbal_attitude,
            mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: self._global_position,
        }
        self._interval_s = dict(_DEFAULT_S)
        self._due_s = dict.fromkeys(_DEFAULT_S, 0.0)
        self._next_s = 0.0
        self._heartbeat_said: tuple[int, bool] = (-1, False)
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
        if message_id == mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION:
            return autopilot_version(self._ap.settings.firmware)
        builder = self._builders.get(message_id)
        return builder() if builder else None

    def tick(self) -> None:
        """Send what is due after a step, and at once what has just changed."""
        ap = self._ap
        now = ap.time_s + 1e-9
        state = (ap.mode, ap.armed)
        if state != self._heartbeat_said:
            self._due_s[mavlink.MAVLINK_MSG_ID_HEARTBEAT] = now
            self._due_s[mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE] = now
            self._next_s = now
        if ap.pose_changed:
            ap.pose_changed = False
            for message_id in (mavlink.MAVLINK_MSG_ID_CAMERA_CAPTURE_STATUS, *_POSE):
                if self._interval_s[message_id] > 0:
                    ap.send(self._builders[message_id]())
            self._pose_sent_s = ap.time_s
        if now < self._next_s:
            return
        for message_id, interval in self._interval_s.items():
            if interval <= 0 or now < self._due_s[message_id]:
                continue
            # Keep the beat; after a pause do not catch up.
            due = self._due_s[message_id] + interval
            self._due_s[message_id] = due if due > now else now + interval - 1e-9
            if message_id in _POSE and self._pose_sent_s == ap.time_s:
                continue
            if message_id == mavlink.MAVLINK_MSG_ID_MISSION_CURRENT:
                ap.send_current()
            else:
                ap.send(self._builders[message_id]())
        self._next_s = min(
            due for message_id, due in self._due_s.items() if self._interval_s[message_id] > 0
        )

    # -- one builder a message -------------------------------------------------------------------

    @property
    def _boot_ms(self) -> int:
        return round(self._ap.time_s * 1000)

    def _heartbeat(self) -> Any:
        ap = self._ap
        self._heartbeat_said = (ap.mode, ap.armed)
        base = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED | mavlink.MAV_MODE_FLAG_STABILIZE_ENABLED
        if ap.mode_name in ("AUTO", "GUIDED", "RTL", "LAND"):
            base |= mavlink.MAV_MODE_FLAG_GUIDED_ENABLED
        if ap.armed:
            base |= mavlink.MAV_MODE_FLAG_SAFETY_ARMED
        status = mavlink.MAV_STATE_ACTIVE if ap.armed else mavlink.MAV_STATE_STANDBY
        kind, autopilot = _KINDS[ap.settings.vehicle_type]
        return mavlink.MAVLink_heartbeat_message(
            kind,
            autopilot,
            base,
            ap.mode,
            status,
            3,
        )

    def _system_time(self) -> Any:
        unix_us = round((self._ap.settings.start_s + self._ap.time_s) * 1e6)
        return mavlink.MAVLink_system_time_message(unix_us, self._boot_ms)

    def _sys_status(self) -> Any:
        ap = self._ap
        health = _SENSORS | (mavlink.MAV_SYS_STATUS_SENSOR_GPS if ap.gps_ok else 0)
        if ap.armed or ap.arm_refusal() is None:
            health |= mavlink.MAV_SYS_STATUS_PREARM_CHECK
        fenced = mavlink.MAV_SYS_STATUS_GEOFENCE if ap.parameters["FENCE_ENABLE"] else 0
        if not ap.safety.breached:
            health |= fenced
        present = (
            fenced
            | _SENSORS
            | mavlink.MAV_SYS_STATUS_SENSOR_GPS
            | mavlink.MAV_SYS_STATUS_PREARM_CHECK
        )
        battery = ap.battery
        return mavlink.MAVLink_sys_status_message(
            present, present, health, 250, round(battery.voltage_v * 1000),
            round(battery.current_a * 100), round(battery.percent), 0, 0, 0, 0, 0, 0,
        )  # fmt: skip

    def _battery_status(self) -> Any:
        battery = self._ap.battery
        cell_mv = round(battery.voltage_v / battery.CELLS * 1000)
        cells = [cell_mv] * battery.CELLS + [65535] * (10 - battery.CELLS)
        return mavlink.MAVLink_battery_status_message(
            0, mavlink.MAV_BATTERY_FUNCTION_ALL, mavlink.MAV_BATTERY_TYPE_LIPO, 3000, cells,
            round(battery.current_a * 100), round(battery.used_mah), round(battery.used_wh * 36),
            round(battery.percent), 0, _CHARGE_STATE[self._ap.safety.battery_stage],
        )  # fmt: skip

    def _gps_raw(self) -> Any:
        ap = self._ap
        position = ap.known_position()
        air = ap.airframe
        fix = mavlink.GPS_FIX_TYPE_3D_FIX if ap.gps_ok else mavlink.GPS_FIX_TYPE_NO_FIX
        course = math.degrees(math.atan2(air.v_east, air.v_north)) % 360
        return mavlink.MAVLink_gps_raw_int_message(
            round(ap.time_s * 1e6), fix, round(position.lat_deg * 1e7),
            round(position.lon_deg * 1e7), round((ap.settings.home_msl_m + air.known_up) * 1000),
            70 if ap.gps_ok else 9999, 110, round(air.ground_speed * 100),
            round(course * 100) % 36000, 17 if ap.gps_ok else 3,
        )  # fmt: skip

    def _ekf(self) -> Any:
        flags = mavlink.EKF_ATTITUDE | mavlink.EKF_VELOCITY_VERT | mavlink.EKF_POS_VERT_ABS
        if self._ap.ekf_ok:
            flags |= (
                mavlink.EKF_VELOCITY_HORIZ
                | mavlink.EKF_POS_HORIZ_REL
                | mavlink.EKF_POS_HORIZ_ABS
                | mavlink.EKF_PRED_POS_HORIZ_REL
                | mavlink.EKF_PRED_POS_HORIZ_ABS
            )
        else:
            flags |= mavlink.EKF_CONST_POS_MODE
        return mavlink.MAVLink_ekf_status_report_message(flags, 0.1, 0.1, 0.1, 0.1, 0.0)

    def _vfr_hud(self) -> Any:
        air = self._ap.airframe
        return mavlink.MAVLink_vfr_hud_message(
            air.air_speed, air.ground_speed, round(math.degrees(air.yaw)) % 360,
            40 if self._ap.flying else 0, self._ap.settings.home_msl_m + air.known_up, air.v_up,
        )  # fmt: skip

    def _extended_state(self) -> Any:
        ap = self._ap
        if not ap.flying:
            state = mavlink.MAV_LANDED_STATE_ON_GROUND
        elif ap.landing:
            state = mavlink.MAV_LANDED_STATE_LANDING
        else:
            state = mavlink.MAV_LANDED_STATE_IN_AIR
        return mavlink.MAVLink_extended_sys_state_message(mavlink.MAV_VTOL_STATE_UNDEFINED, state)

    def _capture_status(self) -> Any:
        ap = self._ap
        filmed_ms = round((ap.time_s - ap.recording_since_s) * 1000) if ap.recording else 0
        photos = _INTERVAL_SET if ap.trigger_m > 0 else 0
        return mavlink.MAVLink_camera_capture_status_message(
            self._boot_ms, photos, int(ap.recording), 0.0, filmed_ms, self._free_mb(), ap.photos
        )

    def _free_mb(self) -> float:
        """What is left on a card of 64 GB: a photo is 8 MB, film 16 MB/s."""
        ap = self._ap
        filmed_s = ap.time_s - ap.recording_since_s if ap.recording else 0.0
        return max(64_000.0 - 8.0 * ap.photos - 16.0 * filmed_s, 0.0)

    def _fence_status(self) -> Any:
        safety = self._ap.safety
        kind = 0
        if safety.breached:
            kind = mavlink.FENCE_BREACH_BOUNDARY
            if safety.breached & 1:
                kind = mavlink.FENCE_BREACH_MAXALT
        return mavlink.MAVLink_fence_status_message(
            int(safety.breached != 0), safety.breach_count, kind,
            round(safety.breached_at_s * 1000), 0,
        )  # fmt: skip

    def _local_position(self) -> Any:
        air = self._ap.airframe
        return mavlink.MAVLink_local_position_ned_message(
            self._boot_ms, air.known_north, air.known_east, -air.known_up,
            air.v_north, air.v_east, -air.v_up,
        )  # fmt: skip

    def _attitude(self) -> Any:
        air = self._ap.airframe
        return mavlink.MAVLink_attitude_message(
            self._boot_ms, air.roll, air.pitch, air.yaw, 0.0, 0.0, air.yaw_rate
        )

    def _mount_orientation(self) -> Any:
        air = self._ap.airframe
        yaw = math.degrees(air.yaw)
        return mavlink.MAVLink_mount_orientation_message(
            self._boot_ms, 0.0, air.gimbal_pitch_deg, 0.0, yaw
        )

    def _gimbal_attitude(self) -> Any:
        """Attitude as w, x, y, z of the rotation earth to gimbal: yaw, then pitch."""
        air = self._ap.airframe
        yaw, pitch = air.yaw / 2, math.radians(air.gimbal_pitch_deg) / 2
        cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
        flags = (
            mavlink.GIMBAL_DEVICE_FLAGS_ROLL_LOCK
            | mavlink.GIMBAL_DEVICE_FLAGS_PITCH_LOCK
            | mavlink.GIMBAL_DEVICE_FLAGS_YAW_LOCK
        )
        return mavlink.MAVLink_gimbal_device_attitude_status_message(
            0, 0, self._boot_ms, flags, [cy * cp, -sy * sp, cy * sp, sy * cp], 0.0, 0.0, 0.0, 0
        )

    def _global_position(self) -> Any:
        ap = self._ap
        air = ap.airframe
        position = ap.known_position()
        return mavlink.MAVLink_global_position_int_message(
            self._boot_ms, round(position.lat_deg * 1e7), round(position.lon_deg * 1e7),
            round((ap.settings.home_msl_m + air.known_up) * 1000), round(air.known_up * 1000),
            round(air.v_north * 100), round(air.v_east * 100), round(-air.v_up * 100),
            round(math.degrees(air.yaw) * 100) % 36000,
        )  # fmt: skip


def home_position(autopilot: Autopilot) -> Any:
    """HOME_POSITION."""
    home = autopilot.home_position()
    return mavlink.MAVLink_home_position_message(
        round(home.lat_deg * 1e7), round(home.lon_deg * 1e7),
        round(autopilot.settings.home_msl_m * 1000), 0.0, 0.0, 0.0, [1.0, 0.0, 0.0, 0.0],
        0.0, 0.0, 0.0,
    )  # fmt: skip


def autopilot_version(firmware: tuple[int, int, int]) -> Any:
    """AUTOPILOT_VERSION of a released firmware."""
    major, minor, patch = firmware
    return mavlink.MAVLink_autopilot_version_message(
        _CAPABILITIES,
        (major << 24) | (minor << 16) | (patch << 8) | 255,
        0,
        0,
        0,
        [0] * 8,
        [0] * 8,
        [0] * 8,
        0,
        0,
        1,
    )
