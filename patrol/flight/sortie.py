"""One sortie with one vehicle: checks, loading, arming, the flight, landing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Protocol

from geo.coordinates import LocalProjection
from patrol.errors import FlightError
from patrol.flight import dronekit_compat as dk
from patrol.flight.link import Link, StatusText
from patrol.flight.loadout import Loadout
from patrol.flight.machine import AUTO, RTL, FlightMachine
from patrol.flight.preflight import Preflight, ask_for_messages
from patrol.flight.record.recorder import Recorder
from patrol.flight.sight import Ending, Limits, Order, Phase, Sight
from patrol.flight.transfer import MissionClient, difference, wire_items
from patrol.flight.transfer.protocol import ItemKind

__all__ = ["Ended", "Observer", "SortieFlight", "Wish"]

_DO_PAUSE_CONTINUE = 193
_DONE = {
    "pause": "已暂停 paused",
    "resume": "已继续 goes on",
    "skip": "已跳过 lane skipped",
    "return": "返航 called home",
    "land": "降落 called down",
}
_LOOK_S = 0.05
_WAY_HOME = 1.3  # more than the straight way: wind, turns, the climb to the return height
_LANDING_PCT = 5.0
_TAKE_OFF_PATIENCE_S = 10.0
_STARTS = 3
_DISARMED_S = 2.0  # until a heartbeat has told so


@dataclass(frozen=True, slots=True)
class Ended:
    """How a sortie ended, and why where it is not COMPLETE."""

    ending: Ending
    reason: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator wants: pause, resume, skip, return or land. `answer` gets (done, text).

    With `because` it is not the operator but the program that ends the flight, for this reason.
    """

    action: str
    answer: Callable[[bool, str], None] = lambda done, text: None
    because: str = ""


class Observer(Protocol):
    """Whoever follows a sortie: the console's stream, the progress bar."""

    def phase(self, phase: Phase, text: str) -> None: ...

    def look(self, link: Link, recorder: Recorder, phase: Phase) -> None: ...


class SortieFlight:
    """Flies a sortie's mission on the vehicle behind `link`, writing into `recorder`.

    `fly` returns how it ended, once the vehicle is on the ground, or is lost, or has been left to
    its pilot. Wishes may be put into `wishes` from any thread at any time; `abandon` ends the
    watching without a further order. `skips` gives, for a mission item, the item that the next
    lane begins with. `record_failed` says why the record cannot be written, None while it can.
    """

    def __init__(
        self,
        link: Link,
        loadout: Loadout,
        recorder: Recorder,
        folder: Path,
        observer: Observer,
        *,
        limits: Limits,
        wh_per_m_share: float = 0.0,
        skips: Callable[[int], int] = lambda seq: seq + 1,
        record_failed: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`wh_per_m_share` is the share of a full battery that a metre of flight takes."""
        self._link = link
        self._loadout = loadout
        self._recorder = recorder
        self._folder = folder
        self._observer = observer
        self._limits = limits
        self._share_per_m = wh_per_m_share
        self._skips = skips
        self._record_failed = record_failed
        self._said = 0
        self._here = LocalProjection(loadout.launch)
        self.wishes: Queue[Wish] = Queue()
        self.phase = Phase.CHECKING
        self.abandoned = False

    # -- the whole -----------------------------------------------------------------------------

    def fly(self) -> Ended:
        """From the checks to the ground. Never raises for what a flight may meet."""
        flown = False
        preflight = Preflight(
            self._link, self._recorder, self._loadout, self._folder, self._limits,
            self._recorder.say,
        )  # fmt: skip
        try:
            self._go(Phase.CHECKING)
            preflight.check()
            self._go(Phase.LOADING)
            preflight.load()
            self._go(Phase.ARMING)
            self._arm()
            flown = True
            ended = self._watch(self._started())
        except FlightError as error:
            ended = Ended(Ending.REFUSED, str(error))
        except KeyboardInterrupt:
            ended = Ended(Ending.STOPPED, "stopped by the operator before take-off")
        finally:
            if flown:
                self._rescue()
            self._recorder.active = False
        if self._link.lost is None:
            self._link.cancelled.clear()
            preflight.put_back()
        return ended

    def take_over(self, top_seq: int) -> Ended | None:
        """Watch a vehicle that is in the air with this mission; None where it is not in the air.

        Raises FlightError where it is flying something else.
        """
        link = self._link
        ask_for_messages(link, wait=True)
        link.wait(lambda: link.boot_s > 0, 5.0)
        if not link.armed:
            return None
        with link.channel() as channel:
            client = MissionClient(channel, (link.vehicle._handler.target_system, 1))
            held = client.download(ItemKind.MISSION)
        wrong = difference(wire_items(self._loadout.items), held)
        if wrong:
            raise FlightError(
                f"the vehicle is in the air with another mission than this plan's ({wrong}); "
                "it was not touched"
            )
        self._recorder.active = True
        machine = FlightMachine(self._limits, self._last_seq, Phase.MISSION, top_seq=top_seq)
        machine.take_over(link.mode)
        try:
            self._recorder.say("notice", f"接管 taken over in mode {link.mode} at item {top_seq}")
            return self._watch(machine)
        finally:
            self._rescue()
            self._recorder.active = False

    @property
    def _last_seq(self) -> int:
        return max(item.seq for item in self._loadout.items)

    def _go(self, phase: Phase, text: str = "") -> None:
        self.phase = phase
        self._observer.phase(phase, text)

    # -- take-off ------------------------------------------------------------------------------

    def _arm(self) -> None:
        link = self._link
        expected = self._last_seq

        def agrees() -> bool:  # told once a second, so at first it may be of the list before
            return link.mission_total in (None, expected, expected + 1, 65535)

        if not link.wait(agrees, 5.0):
            raise FlightError(
                f"the vehicle tells of {link.mission_total} mission items instead of {expected}; "
                "does another ground station speak to it?"
            )
        link.set_mode("GUIDED")  # Copter cannot be armed in AUTO
        self._said = said = link.said
        deadline = time.monotonic() + self._limits.arm_wall_s
        while not link.armed:
            link.vehicle.armed = True
            if link.wait(lambda: link.armed, 1.0):
                break
            refusals = [t.text for t in link.texts_since(said) if "Arm: " in t.text]
            if refusals or time.monotonic() > deadline:  # "PreArm: …" or "Arm: …"
                reason = "; ".join(dict.fromkeys(refusals)) or link.warning(said)
                raise FlightError(f"the vehicle refuses to arm: {reason or 'it does not say why'}")
        self._recorder.active = True
        self._go(Phase.TAKEOFF)

    def _started(self) -> FlightMachine:
        """Start the mission. From here on whatever goes wrong has to end on the ground, so it is
        the machine's."""
        link = self._link
        machine = FlightMachine(self._limits, self._last_seq)
        try:
            for again in reversed(range(_STARTS)):
                result = link.command(dk.mavlink.MAV_CMD_MISSION_START)
                if result == dk.mavlink.MAV_RESULT_ACCEPTED:
                    break
                # Over a bad link ten seconds may pass, after which it disarms by itself.
                if again and link.wait(lambda: not link.armed, _DISARMED_S):
                    self._arm()
                    continue
                reason = link.warning(self._said) or "no reason given"
                raise FlightError(f"the vehicle does not start the mission: {reason}")
            if not link.wait(lambda: link.mode == AUTO or not link.armed, _TAKE_OFF_PATIENCE_S):
                link.set_mode(AUTO)
        except FlightError as error:
            if link.lost is None or link.mode != AUTO:
                machine.call_off(str(error), link.mode)
        except KeyboardInterrupt:
            link.cancelled.clear()
            machine.told("return")
        return machine

    # -- in the air ----------------------------------------------------------------------------

    def _watch(self, machine: FlightMachine) -> Ended:
        link, recorder = self._link, self._recorder
        link.cancelled.clear()  # what was wished before take-off waits in `wishes`
        said = self._said
        was_silent = False
        while machine.ending is None:
            if self.abandoned:
                return Ended(
                    Ending.LOST, f"left in the air in mode {link.mode} by the operator's order"
                )
            link.raise_fault()
            with link.changed:
                link.changed.wait(_LOOK_S)
            silent = link.lost
            if silent:
                link.reconnect()
            elif was_silent:
                ask_for_messages(link, wait=False)
            was_silent = silent is not None
            texts, said = link.texts_since(said), link.said
            for order in machine.see(self._sight(silent, tuple(texts))):
                self._carry_out(order)
            self._heed_wishes(machine)
            for level, text in machine.events:
                recorder.say(level, text)
            machine.events.clear()
            if machine.phase is not self.phase:
                self._go(machine.phase, machine.reason)
            self._observer.look(link, recorder, machine.phase)
        return Ended(machine.ending, machine.reason)

    def _sight(self, silent: str | None, texts: tuple[StatusText, ...]) -> Sight:
        link, recorder = self._link, self._recorder
        return Sight(
            wall_s=time.monotonic(), boot_s=link.boot_s, mode=link.mode, armed=link.armed,
            seq=link.mission_seq, moved_m=recorder.distance_m, battery_pct=link.battery_pct,
            need_pct=self._need_pct(), has_fix=link.fix_type >= 3, ekf_ok=link.ekf_ok,
            fence_breached=link.fence_breached, reboots=link.reboots, contact_s=link.contact_s,
            silent=silent,
            record_failed=self._record_failed(), texts=texts,
        )  # fmt: skip

    def _need_pct(self) -> float:
        """The charge that the way home and the landing take from here."""
        last = self._recorder.last
        if last is None:
            return 0.0
        [[east, north]] = self._here.forward([[last[1], last[2]]])
        way_m = math.hypot(float(east), float(north)) * _WAY_HOME
        return 100.0 * self._share_per_m * way_m + _LANDING_PCT

    def _heed_wishes(self, machine: FlightMachine) -> None:
        while True:
            try:
                wish = self.wishes.get_nowait()
            except Empty:
                return
            order, refusal = machine.told(wish.action, wish.because)
            if refusal is None and order is not None:
                refusal = self._carry_out(order)
                if refusal is None:
                    machine.obeyed(order)
            wish.answer(refusal is None, refusal or _DONE.get(wish.action, wish.action))

    def _carry_out(self, order: Order) -> str | None:
        """Carry out an order; why it was refused, None where it was not."""
        link = self._link
        try:
            if order.kind == "mode":
                link.ask_for_mode(order.mode)
                return None
            if order.kind == "camera_off":
                link.tell(dk.mavlink.MAV_CMD_VIDEO_STOP_CAPTURE)
                link.tell(dk.mavlink.MAV_CMD_DO_SET_CAM_TRIGG_DIST)
                return None
            if order.kind == "speed":
                self._tell_speed(link.mission_seq)
                return None
            if order.kind == "skip":
                to = self._skips(link.mission_seq)
                result = link.command(dk.mavlink.MAV_CMD_DO_SET_MISSION_CURRENT, float(to))
                self._tell_speed(to)
            else:
                goes_on = float(order.kind == "go_on")
                result = link.command(_DO_PAUSE_CONTINUE, goes_on, timeout_s=3.0)
        except (FlightError, KeyboardInterrupt) as error:
            link.cancelled.clear()
            return str(error) or "interrupted"
        if result == dk.mavlink.MAV_RESULT_ACCEPTED:
            return None
        entry = dk.mavlink.enums["MAV_RESULT"].get(result)
        return f"the vehicle does not do it ({entry.name if entry else 'no answer'})"

    def _tell_speed(self, seq: int) -> None:
        speed = self._loadout.speed_at(seq)
        if speed is not None:
            ground_speed, keep_throttle = 1.0, -1.0
            self._link.tell(dk.mavlink.MAV_CMD_DO_CHANGE_SPEED, ground_speed, speed, keep_throttle)

    def _rescue(self) -> None:
        """Where the ground's program itself fails, a vehicle on its mission is called home."""
        link = self._link
        if self.abandoned or link.lost is not None:
            return
        if link.armed and link.mode in (AUTO, "GUIDED") and self.phase is not Phase.PILOT:
            link.ask_for_mode(RTL)
