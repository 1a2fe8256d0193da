"""The body in the air: a point mass held by tilted thrust, pushed by wind, with a heading."""

from __future__ import annotations

import math
import random

from patrol.simulation.vehicle.motion.path import Setpoint
from patrol.simulation.vehicle.motion.wind import SlowNoise, Wind

__all__ = ["Airframe"]

_G = 9.81


class Airframe:
    """State of the vehicle in metres east, north and up of its launch point.

    A cascade as autopilots use: position error to velocity to acceleration, the acceleration
    limited by tilt and lagged by the attitude loop; drag is linear in the airspeed. The
    controller knows drag only through a slow disturbance estimate, so gusts move the vehicle.
    `bias_*` is the slowly varying error of the position estimate: the controller steers by the
    estimate, so the true position is off by it.
    """

    MAX_TILT_RAD = math.radians(30.0)
    DRAG_1_S = 0.18
    ATTITUDE_LAG_S = 0.22
    POSITION_GAIN = 1.2
    VELOCITY_GAIN = 2.4
    CLIMB_M_S = 2.5
    DESCENT_M_S = 1.5
    SETTLE_M_S2 = 0.5
    YAW_RATE_RAD_S = math.radians(60.0)
    YAW_ACCEL_RAD_S2 = math.radians(120.0)
    GIMBAL_RATE_DEG_S = 60.0
    TAKE_IN_M_S = 5.0

    def __init__(self, heading_deg: float) -> None:
        self.east = self.north = self.up = 0.0
        self.v_east = self.v_north = self.v_up = 0.0
        self.roll = self.pitch = 0.0
        self.yaw = math.radians(heading_deg)
        self.yaw_rate = 0.0
        self.gimbal_pitch_deg = 0.0
        self.air_speed = 0.0
        self.on_ground = True
        self.bias_east = self.bias_north = self.bias_up = 0.0
        # What a bad GPS makes the estimate be off by, and what of it it has taken in.
        self.off_east = self.off_north = 0.0
        self._taken_east = self._taken_north = 0.0
        self._thrust_east = self._thrust_north = 0.0
        self._hold_east = self._hold_north = 0.0  # disturbance estimate
        self._noise: list[SlowNoise] = []

    def take_noise(self, rng: random.Random) -> None:
        """Start the errors of the position estimate; before it they are nil."""
        self._noise = [SlowNoise(rng, sigma) for sigma in (0.5, 0.5, 0.7)]
        for noise in self._noise:
            noise.value = 0.0  # the estimate starts from the surveyed launch point

    # -- the position as the autopilot knows it ---------------------------------------------------

    @property
    def known_east(self) -> float:
        return self.east + self.bias_east

    @property
    def known_north(self) -> float:
        return self.north + self.bias_north

    @property
    def known_up(self) -> float:
        return self.up + self.bias_up

    @property
    def ground_speed(self) -> float:
        return math.hypot(self.v_east, self.v_north)

    # -- moving --------------------------------------------------------------------------------

    def rest(self, dt_s: float) -> None:
        """Sit on the ground, motors off or idle."""
        self.on_ground = True
        self.v_east = self.v_north = self.v_up = 0.0
        self.air_speed = 0.0
        decay = math.exp(-dt_s / self.ATTITUDE_LAG_S)
        self.roll *= decay
        self.pitch *= decay
        self._thrust_east = self._thrust_north = 0.0
        self.yaw_rate = 0.0

    def fly(
        self,
        dt_s: float,
        target: Setpoint,
        wind: Wind,
        course_rad: float | None,
        *,
        blind: bool = False,
    ) -> None:
        """Advance by `dt_s` towards `target`; turn the nose to `course_rad` where given.

        `blind` it only keeps level and its height, so that the wind takes it along.
        """
        self._drift(dt_s)
        air_east = self.v_east - wind.east_m_s
        air_north = self.v_north - wind.north_m_s
        air_up = self.v_up - wind.up_m_s
        self.air_speed = math.sqrt(air_east**2 + air_north**2 + air_up**2)
        want_east = (
            target.a_east
            + self.VELOCITY_GAIN
            * (target.v_east - self.v_east + self._position_speed(target.east - self.known_east))
            - self._hold_east
        )
        want_north = (
            target.a_north
            + self.VELOCITY_GAIN
            * (
                target.v_north
                - self.v_north
                + self._position_speed(target.north - self.known_north)
            )
            - self._hold_north
        )
        if blind:
            want_east = want_north = 0.0
        limit = _G * math.tan(self.MAX_TILT_RAD)
        size = math.hypot(want_east, want_north)
        if size > limit:
            want_east *= limit / size
            want_north *= limit / size
        blend = 1.0 - math.exp(-dt_s / self.ATTITUDE_LAG_S)
        self._thrust_east += blend * (want_east - self._thrust_east)
        self._thrust_north += blend * (want_north - self._thrust_north)
        drag_east, drag_north = -self.DRAG_1_S * air_east, -self.DRAG_1_S * air_north
        slow = 1.0 - math.exp(-dt_s / 0.8)
        self._hold_east += slow * (drag_east - self._hold_east)
        self._hold_north += slow * (drag_north - self._hold_north)
        a_up = self._vertical(target) - 0.5 * self.DRAG_1_S * (-wind.up_m_s)
        self.v_east += (self._thrust_east + drag_east) * dt_s
        self.v_north += (self._thrust_north + drag_north) * dt_s
        self.v_up += a_up * dt_s
        self.east += self.v_east * dt_s
        self.north += self.v_north * dt_s
        self.up += self.v_up * dt_s
        self.on_ground = False
        if self.up <= 0.0:
            self.up = 0.0
            if self.v_up < 0:
                self.rest(dt_s)
        self._turn(dt_s, course_rad)
        self._tilt(a_up)

    def _position_speed(self, error: float) -> float:
        """Speed that corrects a position error: linear, then as fast as can be braked."""
        linear = 1.0  # metres
        if abs(error) <= linear:
            return self.POSITION_GAIN * error
        gain = self.POSITION_GAIN
        return math.copysign(gain * math.sqrt(linear * (2 * abs(error) - linear)), error)

    def _vertical(self, target: Setpoint) -> float:
        error = target.up - self.known_up
        if error > 0:  # slows down in time for the height that it climbs to
            error = min(error, math.sqrt(2 * self.SETTLE_M_S2 * error))
        wanted = target.v_up + error
        wanted = max(-self.DESCENT_M_S, min(self.CLIMB_M_S, wanted))
        return max(-2.5, min(2.5, 2.0 * (wanted - self.v_up)))

    def _drift(self, dt_s: float) -> None:
        if self._noise:
            self.bias_east = self._noise[0].step(dt_s, 150.0)
            self.bias_north = self._noise[1].step(dt_s, 150.0)
            self.bias_up = self._noise[2].step(dt_s, 200.0)
        if self.off_east or self.off_north or self._taken_east or self._taken_north:
            # Not in one step: the controller would throw the vehicle after it.
            most = self.TAKE_IN_M_S * dt_s
            self._taken_east += max(-most, min(most, self.off_east - self._taken_east))
            self._taken_north += max(-most, min(most, self.off_north - self._taken_north))
            self.bias_east += self._taken_east
            self.bias_north += self._taken_north

    def _turn(self, dt_s: float, course_rad: float | None) -> None:
        error = 0.0 if course_rad is None else math.remainder(course_rad - self.yaw, math.tau)
        braking = math.sqrt(2 * self.YAW_ACCEL_RAD_S2 * abs(error)) * 0.7
        wanted = math.copysign(min(self.YAW_RATE_RAD_S, braking, 2.5 * abs(error)), error)
        change = self.YAW_ACCEL_RAD_S2 * dt_s
        self.yaw_rate += max(-change, min(change, wanted - self.yaw_rate))
        self.yaw = math.remainder(self.yaw + self.yaw_rate * dt_s, math.tau)

    def _tilt(self, a_up: float) -> None:
        """Roll and pitch that point the thrust where it is needed (nose down is negative)."""
        sin, cos = math.sin(self.yaw), math.cos(self.yaw)
        ahead = self._thrust_east * sin + self._thrust_north * cos
        right = self._thrust_east * cos - self._thrust_north * sin
        lift = max(_G + a_up, 1.0)
        self.pitch = -math.atan2(ahead, lift)
        self.roll = math.atan2(right * math.cos(self.pitch), lift)

    def point_gimbal(self, dt_s: float, pitch_deg: float) -> None:
        """Turn the gimbal towards `pitch_deg`; its roll is level and its yaw the vehicle's."""
        step = self.GIMBAL_RATE_DEG_S * dt_s
        error = pitch_deg - self.gimbal_pitch_deg
        self.gimbal_pitch_deg += max(-step, min(step, error))
