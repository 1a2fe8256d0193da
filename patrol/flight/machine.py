"""The flight as a state machine: what is seen of the vehicle in, orders and an ending out.

No I/O and no clock of its own, so that every rule can be tried by itself. The rules, each named
where it stands below:

    contact     a silent link is waited for; the vehicle's own failsafe brings it home meanwhile
    pilot       who flies by remote control wins: nothing is ordered until AUTO is given back
    failsafe    the vehicle went home or down by itself: watched to the ground
    battery     less left than the way home takes: return
    fence       outside its fence and still on the mission: return
    position    no position estimate, or no GPS, for long: land
    record      nothing can be written any more: return
    stall       armed and on the mission, but going nowhere: return
    operator    pause, resume, skip, return, land
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from patrol.flight.link import StatusText
from patrol.flight.sight import Ending, Limits, Order, Phase, Sight

__all__ = ["AUTO", "LAND", "RTL", "FlightMachine"]

AUTO, RTL, LAND = "AUTO", "RTL", "LAND"
_SETTLED_S = 1.5
_HOMEWARD = (RTL, "SMART_RTL", "AUTO_RTL")
_DOWN = (LAND, "BRAKE", "ALT_HOLD")  # what ArduCopter's failsafes choose besides going home
_NOTICE = 5  # MAV_SEVERITY_NOTICE, in which ArduPilot tells of a fence
_ALL_CLEAR = ("cleared", "active", "continuing")
_FAILSAFE_WORDS = ("failsafe", "fence", "breach", "glitch", "ekf", "crash", "battery", "terrain")


@dataclass(slots=True)
class FlightMachine:
    """One sortie in the air, from arming to the ground.

    `see` is called with each new sight and gives the orders to carry out; `told` with what the
    operator wants. `ending` is None until the flight is over, `reason` says why it is not
    COMPLETE. `events` are (level, text) for the log; whoever reads them clears them.
    """

    limits: Limits
    last_seq: int
    phase: Phase = Phase.TAKEOFF
    ending: Ending | None = None
    reason: str = ""
    top_seq: int = 0
    events: list[tuple[str, str]] = field(default_factory=list)
    _cause: Ending | None = None
    _wanted: str | None = None  # the mode that we ordered
    _reached: bool = False  # the vehicle has been in it
    _asked: int = 0
    _asked_s: tuple[float, float] = (-1e9, -1e9)  # boot, wall
    _mode: str = AUTO
    _unexplained_s: float | None = None
    _failsafe: StatusText | None = None
    _lost_wall_s: float | None = None
    _contact_s: float = -1e9  # vehicle time at which contact was last made again
    _blind_since_s: dict[str, float] = field(default_factory=dict)
    _moved: tuple[float, float, int] = (0.0, 0.0, 0)  # when, metres, item
    _reboots: int | None = None
    _camera_off: bool = False
    _back_on_mission: bool = False
    _disarmed_s: tuple[float, float] | None = None  # since when: boot, wall

    def call_off(self, why: str, mode: str) -> None:
        """Begin with a vehicle that is armed, in this mode, and has to come down again."""
        self._mode = mode
        self._call_off(why, RTL)

    def take_over(self, mode: str) -> None:
        """Begin with a vehicle that is in the air already, in this mode."""
        self._mode = mode
        if mode == AUTO:
            self.phase = Phase.MISSION
        else:
            self._fail(Ending.BROKEN_OFF, f"in mode {mode} at {self._at()} when it was taken over")
            self._settle(mode)

    # -- seeing --------------------------------------------------------------------------------

    def see(self, sight: Sight) -> list[Order]:
        """The orders that follow from a sight."""
        if self.ending is not None:
            return []
        if self._reboots is None:
            self._reboots = sight.reboots
            self._moved = (sight.boot_s, sight.moved_m, sight.seq)
        if self._out_of_contact(sight):
            return []
        self._note_texts(sight.texts)
        self._note_reboot(sight)
        if not sight.armed:
            self._disarmed(sight)
            return []
        self._disarmed_s = None
        self.top_seq = max(self.top_seq, sight.seq)
        self._note_mode(sight)
        if self.phase is Phase.PILOT:
            if sight.boot_s - self._blind_since_s.setdefault("pilot", sight.boot_s) > (
                self.limits.pilot_s
            ):
                self._end(Ending.PILOT)
            return []
        self._blind_since_s.pop("pilot", None)
        if self._unexplained_s is not None:
            return []
        if self.phase is Phase.TAKEOFF and sight.seq > 1:
            self._go(Phase.MISSION)
        if sight.mode == AUTO and self._wanted is None:
            self._ground_rules(sight)
        return self._orders(sight)

    def _out_of_contact(self, sight: Sight) -> bool:
        """Rule 'contact'."""
        if sight.silent is not None:
            if self._lost_wall_s is None:
                self._lost_wall_s = sight.wall_s
                self._go(
                    Phase.LOST, f"失去联系 contact lost at item {self.top_seq}: {sight.silent}"
                )
            elif sight.wall_s - self._lost_wall_s > self.limits.lost_wall_s:
                self._fail(
                    Ending.LOST,
                    f"link lost in flight at item {self.top_seq}: {sight.silent}; its own failsafe "
                    "has to bring it home; what was received is kept",
                )
                self._end(Ending.LOST)
            return True
        if self._lost_wall_s is not None:
            away_s = sight.wall_s - self._lost_wall_s
            self._lost_wall_s = None
            self._contact_s = sight.boot_s
            self.events.append(("notice", f"恢复联系 contact again after {away_s:.0f} s"))
            self.phase = self._phase_of(sight)
            self._moved = (sight.boot_s, sight.moved_m, sight.seq)
        return False

    def _note_texts(self, texts: Sequence[StatusText]) -> None:
        for text in texts:
            words = text.text.lower()
            is_bad = text.severity <= _NOTICE and not any(w in words for w in _ALL_CLEAR)
            if is_bad and any(w in words for w in _FAILSAFE_WORDS):
                self._failsafe = text

    def _note_reboot(self, sight: Sight) -> None:
        if self._reboots is not None and sight.reboots > self._reboots:
            self._reboots = sight.reboots
            self._fail(
                Ending.BROKEN_OFF, f"the vehicle's autopilot restarted in flight at {self._at()}"
            )
            self.events.append(("critical", self.reason))

    def _note_mode(self, sight: Sight) -> None:
        """Rules 'pilot' and 'failsafe': who changed the mode, if it was not us."""
        mode = sight.mode
        if mode == self._wanted:
            self._reached = True
            self._settle(mode)
        elif mode == AUTO:
            self._back_on_mission |= self._mode != AUTO and self.phase is not Phase.TAKEOFF
            if self.phase is Phase.PILOT:
                self._given_back(sight)
            self._unexplained_s = None
            if self._wanted is not None and self._reached:
                # It was coming home and is on the mission again: only a pilot does that.
                self._wanted, self._reached = None, False
                self._given_back(sight)
        elif mode == self._mode and self._unexplained_s is None:
            pass  # explained before
        elif self.phase is Phase.PILOT:
            pass  # the pilot flies as he likes
        elif (why := self._failsafe_reason(sight)) is not None:
            self._unexplained_s = None
            self._fail(
                Ending.BROKEN_OFF,
                f"the vehicle left the mission at {self._at()} and went to {mode}: {why}",
            )
            self.events.append(("error", self.reason))
            self._settle(mode)
        elif self._unexplained_s is None:
            self._unexplained_s = sight.boot_s  # its reason may still be on the way
        elif sight.boot_s - self._unexplained_s > self.limits.explain_s:
            self._unexplained_s = None
            self._wanted = None
            self._fail(
                Ending.PILOT,
                f"the pilot took the vehicle over at {self._at()}, in mode {mode}"
                + ("" if mode not in _HOMEWARD else ", or a failsafe did without a word"),
            )
            self._go(Phase.PILOT, self.reason)
        self._mode = mode

    def _failsafe_reason(self, sight: Sight) -> str | None:
        """What shows that the vehicle itself changed to this mode, None where nothing does."""
        if sight.mode not in (*_HOMEWARD, *_DOWN):
            return None
        text = self._failsafe
        if text is not None and sight.boot_s - text.boot_s < 15.0:
            return text.text
        if sight.fence_breached:
            return "it is outside its fence"
        if not (sight.ekf_ok and sight.has_fix):
            return "it does not know its position"
        if sight.boot_s - max(self._contact_s, sight.contact_s) < 30.0:
            return "it had lost contact with the ground"
        return None

    def _given_back(self, sight: Sight) -> None:
        self.events.append(("notice", f"飞手交还 the pilot gave the mission back at {self._at()}"))
        if self._cause is Ending.PILOT:
            self._cause, self.reason = None, ""
        self.phase = Phase.MISSION
        self._moved = (sight.boot_s, sight.moved_m, sight.seq)
        self._camera_off = False

    # -- the ground's own rules ------------------------------------------------------------------

    def _ground_rules(self, sight: Sight) -> None:
        percent, limits = sight.battery_pct, self.limits
        if sight.record_failed is not None:  # rule 'record'
            self._call_off(f"the record cannot be written ({sight.record_failed})", RTL)
        elif percent is not None and percent < sight.need_pct:  # rule 'battery'
            self._call_off(
                f"the battery is at {percent:.0f} % and the way home takes up to "
                f"{sight.need_pct:.0f} %",
                RTL,
            )
        elif self._lasts("fence", sight.fence_breached, sight, limits.outside_s):
            self._call_off("the vehicle is outside its fence", RTL)
        elif self._lasts("ekf", not sight.ekf_ok, sight, limits.blind_s / 2):
            self._call_off("its position estimate is not good", LAND)
        elif self._lasts("gps", not sight.has_fix, sight, limits.blind_s):
            self._call_off("it has no GPS", LAND)
        elif self._stalls(sight):
            self._call_off(
                f"the mission stalls at item {sight.seq}: not moved for {limits.stall_s:.0f} s", RTL
            )

    def _lasts(self, what: str, is_so: bool, sight: Sight, limit_s: float) -> bool:
        """Whether something has been so for longer than `limit_s`."""
        if not is_so:
            self._blind_since_s.pop(what, None)
            return False
        return sight.boot_s - self._blind_since_s.setdefault(what, sight.boot_s) > limit_s

    def _stalls(self, sight: Sight) -> bool:
        """Rule 'stall'."""
        when_s, moved_m, seq = self._moved
        if sight.moved_m > moved_m + 3.0 or sight.seq != seq or self.phase is Phase.PAUSED:
            self._moved = (sight.boot_s, sight.moved_m, sight.seq)
            return False
        return sight.boot_s - when_s > self.limits.stall_s

    def _call_off(self, why: str, mode: str) -> None:
        self._fail(Ending.BROKEN_OFF, f"called off at {self._at()}: {why}")
        self.events.append(("error", self.reason))
        self._want(mode)

    # -- the operator ----------------------------------------------------------------------------

    def told(self, action: str, because: str = "") -> tuple[Order | None, str | None]:
        """What the operator wants: an order to carry out now, or why not (second). With `because`
        it is the program that wants it, for this reason.

        `return` and `land` are repeated by `see` until the vehicle obeys, also after contact was
        lost. The order is to be confirmed with `obeyed` where the vehicle accepted it.
        """
        if self.ending is not None:
            return None, "the flight is over"
        if self.phase is Phase.PILOT:
            return None, "the pilot has the vehicle"
        if action in ("return", "land"):
            mode = RTL if action == "return" else LAND
            if self._wanted == LAND or (self._wanted == mode):
                return None, f"it is on its way: {self._wanted}"
            if because:
                self._fail(Ending.BROKEN_OFF, f"{because}, at {self._at()}")
                self.events.append(("error", f"避让 {because}: {mode}"))
            else:
                self._fail(Ending.STOPPED, f"stopped by the operator at {self._at()}")
                self.events.append(("warning", f"操作员中止 stopped by the operator: {mode}"))
            self._want(mode)
            return None, None
        if self.phase is Phase.LOST:
            return None, "there is no contact with the vehicle"
        if action == "pause":
            if self.phase not in (Phase.MISSION, Phase.TAKEOFF):
                return None, f"it is not on the mission but {self.phase}"
            return Order("pause"), None
        if action == "resume":
            if self.phase is not Phase.PAUSED:
                return None, f"it is not paused but {self.phase}"
            return Order("go_on"), None
        if action == "skip":
            if self.phase not in (Phase.MISSION, Phase.PAUSED):
                return None, f"it is not on the mission but {self.phase}"
            return Order("skip"), None
        return None, f"{action!r} is nothing that a flight can do"

    def obeyed(self, order: Order) -> None:
        """The vehicle accepted an order of `told`."""
        if order.kind == "pause":
            self._go(Phase.PAUSED, f"暂停 paused at {self._at()}")
        elif order.kind == "go_on":
            self._go(Phase.MISSION, f"继续 goes on at {self._at()}")
        elif order.kind == "skip":
            self.events.append(("notice", f"跳过航线 skipped the rest of a lane at {self._at()}"))

    # -- common ----------------------------------------------------------------------------------

    def _orders(self, sight: Sight) -> list[Order]:
        orders: list[Order] = []
        if self._back_on_mission:
            self._back_on_mission = False
            orders.append(Order("speed"))
        if self.phase in (Phase.RETURNING, Phase.LANDING) and not self._camera_off:
            # Outside the mission nobody else stops the camera.
            self._camera_off = True
            orders.append(Order("camera_off"))
        wanted, limits = self._wanted, self.limits
        if wanted is None or self._reached or sight.mode == wanted:
            return orders
        boot_s, wall_s = self._asked_s
        if sight.boot_s - boot_s >= limits.again_s and sight.wall_s - wall_s >= limits.again_wall_s:
            self._asked += 1
            self._asked_s = (sight.boot_s, sight.wall_s)
            if self._asked > 10 and wanted == RTL:  # it refuses, without a position say
                self.events.append(("error", "拒绝返航 it does not return; ordered to land"))
                self._want(LAND)
                wanted = LAND
            orders.append(Order("mode", wanted))
        return orders

    def _want(self, mode: str) -> None:
        self._wanted, self._reached, self._asked = mode, False, 0
        self._asked_s = (-1e9, -1e9)

    def _settle(self, mode: str) -> None:
        self._unexplained_s = None
        self._go(Phase.RETURNING if mode in _HOMEWARD else Phase.LANDING)

    def _phase_of(self, sight: Sight) -> Phase:
        if sight.mode == AUTO:
            return Phase.MISSION
        if self._cause is Ending.PILOT:
            return Phase.PILOT
        return Phase.RETURNING if sight.mode in _HOMEWARD else Phase.LANDING

    def _disarmed(self, sight: Sight) -> None:
        """On the ground, once it is clear whether a restart put it there."""
        boot_s, wall_s = self._disarmed_s = self._disarmed_s or (sight.boot_s, sight.wall_s)
        settled = max(sight.boot_s - boot_s, sight.wall_s - wall_s) >= _SETTLED_S
        if settled or sight.reboots > 0:
            self._landed()

    def _landed(self) -> None:
        if self._cause is None and self.top_seq < self.last_seq:
            text = self._failsafe.text if self._failsafe is not None else ""
            self._fail(
                Ending.BROKEN_OFF,
                f"the flight ended at {self._at()}" + (f": {text}" if text else ""),
            )
        self._go(Phase.LANDED)
        self._end(self._cause or Ending.COMPLETE)

    def _end(self, ending: Ending) -> None:
        self.ending = ending

    def _go(self, phase: Phase, text: str = "") -> None:
        self.phase = phase
        if text:
            self.events.append(("notice", text))

    def _fail(self, cause: Ending, reason: str) -> None:
        """The first cause stands; only a lost vehicle is worse than what happened before."""
        if self._cause is None or cause is Ending.LOST:
            self._cause, self.reason = cause, reason

    def _at(self) -> str:
        return f"item {self.top_seq} of {self.last_seq}"
