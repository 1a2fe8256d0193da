"""The messages that tell of the vehicle's state: what is in each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from patrol.simulation.vehicle.arming import refusal
from patrol.simulation.vehicle.autopilot import Autopilot
from patrol.simulation.vehicle.guards.fence import ALT_MAX

__all__ = ["Messages"]

_INTERVAL_SET = 2  # image_status: photos follow one another
_CARD_READY = 2  # STORAGE_STATUS_READY
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


class Messages:
    """Builds one message of this moment by its number. Angles in radians, lengths in metres,
    unless the message has other units."""

    def __init__(self, autopilot: Autopilot) -> None:
        self._ap = autopilot
        self.heartbeat_said: tuple[int, bool] = (-1, False)  # mode and armed, as last told
        self.builders: dict[int, Callable[[], Any]] = {
            mavlink.MAVLINK_MSG_ID_HEARTBEAT: self._heartbeat,
            mavlink.MAVLINK_MSG_ID_SYSTEM_TIME: self._system_time,
            mavlink.MAVLINK_MSG_ID_SYS_STATUS: self._sys_status,
            mavlink.MAVLINK_MSG_ID_BATTERY_STATUS: self._battery_status,
            mavlink.MAVLINK_MSG_ID_GPS_RAW_INT: self._gps_raw,
            mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT: self._ekf,
            mavlink.MAVLINK_MSG_ID_VFR_HUD: self._vfr_hud,
            mavlink.MAVLINK_MSG_ID_MISSION_CURRENT: self._ap.mission_current,
            mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: self._extended_state,
            mavlink.MAVLINK_MSG_ID_HOME_POSITION: self._home_position,
            mavlink.MAVLINK_MSG_ID_FENCE_STATUS: self._fence_status,
            mavlink.MAVLINK_MSG_ID_CAMERA_CAPTURE_STATUS: self._capture_status,
            mavlink.MAVLINK_MSG_ID_STORAGE_INFORMATION: self._storage,
            mavlink.MAVLINK_MSG_ID_LOCAL_POSITION_NED: self._local_position,
            mavlink.MAVLINK_MSG_ID_ATTITUDE: self._attitude,
            mavlink.MAVLINK_MSG_ID_MOUNT_ORIENTATION: self._mount_orientation,
            mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS: self._gimbal_attitude,
            mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: self._global_position,
            mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION: self._autopilot_version,
        }

    # -- one builder a message -------------------------------------------------------------------

    @property
    def _boot_ms(self) -> int:
        return round(self._ap.time_s * 1000)

    def _heartbeat(self) -> Any:
        ap = self._ap
        self.heartbeat_said = (ap.mode, ap.armed)
        base = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED | mavlink.MAV_MODE_FLAG_STABILIZE_ENABLED
        if ap.mode_name in ("AUTO", "GUIDED", "RTL", "LAND", "SMART_RTL"):
            base |= mavlink.MAV_MODE_FLAG_GUIDED_ENABLED
        if ap.armed:
            base |= mavlink.MAV_MODE_FLAG_SAFETY_ARMED
        status = mavlink.MAV_STATE_ACTIVE if ap.armed else mavlink.MAV_STATE_STANDBY
        if ap.armed and (ap.failsafes.battery_stage or ap.estimate.failed):
            status = mavlink.MAV_STATE_CRITICAL
        kind, autopilot = _KINDS[ap.settings.vehicle_type]
        return mavlink.MAVLink_heartbeat_message(kind, autopilot, base, ap.mode, status, 3)

    def _system_time(self) -> Any:
        unix_us = round((self._ap.settings.start_s + self._ap.time_s) * 1e6)
        return mavlink.MAVLink_system_time_message(unix_us, self._boot_ms)

    def _sys_status(self) -> Any:
        ap = self._ap
        present = _SENSORS | mavlink.MAV_SYS_STATUS_SENSOR_GPS | mavlink.MAV_SYS_STATUS_PREARM_CHECK
        enabled = present
        health = _SENSORS | (mavlink.MAV_SYS_STATUS_SENSOR_GPS if ap.gps_ok else 0)
        if ap.armed or refusal(ap) is None:
            health |= mavlink.MAV_SYS_STATUS_PREARM_CHECK
        if ap.fence.present:
            present |= mavlink.MAV_SYS_STATUS_GEOFENCE
            if ap.fence.is_on and ap.parameters["FENCE_ACTION"]:
                enabled |= mavlink.MAV_SYS_STATUS_GEOFENCE
        if not ap.fence.breached:
            health |= mavlink.MAV_SYS_STATUS_GEOFENCE
        battery = ap.battery
        return mavlink.MAVLink_sys_status_message(
            present, enabled, health, 250, round(battery.voltage_v * 1000),
            round(battery.current_a * 100), round(battery.percent), 0, 0, 0, 0, 0, 0,
        )  # fmt: skip

    def _battery_status(self) -> Any:
        battery = self._ap.battery
        cell_mv = round(battery.voltage_v / battery.CELLS * 1000)
        cells = [cell_mv] * battery.CELLS + [65535] * (10 - battery.CELLS)
        return mavlink.MAVLink_battery_status_message(
            0, mavlink.MAV_BATTERY_FUNCTION_ALL, mavlink.MAV_BATTERY_TYPE_LIPO, 3000, cells,
            round(battery.current_a * 100), round(battery.used_mah), round(battery.used_wh * 36),
            round(battery.percent), 0, _CHARGE_STATE[self._ap.failsafes.battery_stage],
        )  # fmt: skip

    def _gps_raw(self) -> Any:
        ap = self._ap
        position = ap.gps_position()
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
        estimate = self._ap.estimate
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
        if estimate.glitching:
            flags |= mavlink.EKF_GPS_GLITCHING
        bad = 1.5 if estimate.variances_bad else 0.1
        position = 1.2 if estimate.glitching else bad
        return mavlink.MAVLink_ekf_status_report_message(flags, bad, position, 0.1, bad, 0.0)

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
        camera, now_s = ap.camera, ap.time_s
        photos = _INTERVAL_SET if camera.trigger_m > 0 else 0
        return mavlink.MAVLink_camera_capture_status_message(
            self._boot_ms, photos, int(camera.recording), 0.0,
            round(camera.filmed_s(now_s) * 1000), camera.free_mb(now_s), camera.photos,
        )  # fmt: skip

    def _storage(self) -> Any:
        ap = self._ap
        card_mb, free_mb = ap.camera.card_mb, ap.camera.free_mb(ap.time_s)
        return mavlink.MAVLink_storage_information_message(
            self._boot_ms, 1, 1, _CARD_READY, card_mb, card_mb - free_mb, free_mb, 0.0, 60.0
        )

    def _fence_status(self) -> Any | None:
        """Only sent while a fence is on, as ArduPilot does."""
        fence = self._ap.fence
        if not fence.is_on:
            return None
        kind = mavlink.FENCE_BREACH_NONE
        if fence.breached & ALT_MAX:
            kind = mavlink.FENCE_BREACH_MAXALT
        if fence.breached & ~ALT_MAX:
            kind = mavlink.FENCE_BREACH_BOUNDARY
        return mavlink.MAVLink_fence_status_message(
            int(fence.breached != 0), min(fence.breach_count, 65535), kind,
            round(fence.breached_at_s * 1000), mavlink.FENCE_MITIGATE_NONE,
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

    def _home_position(self) -> Any:
        home = self._ap.home_position()
        return mavlink.MAVLink_home_position_message(
            round(home.lat_deg * 1e7), round(home.lon_deg * 1e7),
            round(self._ap.settings.home_msl_m * 1000), 0.0, 0.0, 0.0, [1.0, 0.0, 0.0, 0.0],
            0.0, 0.0, 0.0,
        )  # fmt: skip

    def _autopilot_version(self) -> Any:
        """That of a released firmware."""
        major, minor, patch = self._ap.settings.firmware
        released = mavlink.FIRMWARE_VERSION_TYPE_OFFICIAL
        version = (major << 24) | (minor << 16) | (patch << 8) | released
        none = [0] * 8
        return mavlink.MAVLink_autopilot_version_message(
            _CAPABILITIES, version, 0, 0, 0, none, none, none, 0, 0, 1
        )
