"""The vehicles of a patrol, each on a thread of its own, and what came of their sorties."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from patrol.errors import FlightError
from patrol.export.route import Ring
from patrol.flight.airspace import Airspace, Meetings, meetings, return_heights_m
from patrol.flight.desk import FlightDesk
from patrol.flight.link import Link
from patrol.flight.loadout import Loadout, loadout_of, next_lane_item
from patrol.flight.proximity import ProximityWatch
from patrol.flight.record.recorder import EventLog, Recorder
from patrol.flight.record.replay import recorded
from patrol.flight.record.tlog import TlogWriter
from patrol.flight.sight import Ending, Limits, Phase
from patrol.flight.simulation import Simulation
from patrol.flight.sortie import Ended, SortieFlight, Wish
from patrol.flight.state import FlightState, SortieState
from patrol.plan import Plan, Sortie

__all__ = ["Answer", "BeforeSortie", "Fleet", "SortieRecord"]

# Vehicle (from 1), its next sortie, and whether the patrol is being stopped meanwhile.
BeforeSortie = Callable[[int, Sortie, Callable[[], bool]], None]

# A vehicle (from 1), whether it did what was wanted, and what is said.
Answer = Callable[[int, bool, str], None]

_POSITION_EVERY_S = 0.5


def _no_answer(vehicle: int, done: bool, text: str) -> None:
    """For who does not ask."""


@dataclass(frozen=True, slots=True)
class SortieRecord:
    """What came of one sortie. `outcome` is "complete" or why it ended early; times are UTC of
    the vehicle's clock in seconds since 1970, None where nothing was recorded."""

    sortie: int
    vehicle: int
    path: str | None
    rows: int
    distance_m: float
    planned_m: float
    duration_s: float
    battery_used_pct: float
    outcome: str
    ending: Ending
    began_s: float | None = None
    ended_s: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"ending": self.ending.name.lower()}


class _Follower:
    """Tells desk and progress how a sortie goes."""

    def __init__(self, flight: Fleet, vehicle: int, sortie: Sortie, items: int) -> None:
        self._flight = flight
        self._vehicle = vehicle
        self._sortie = sortie
        self._items = items
        self._told_s = 0.0
        self.recorder: Recorder | None = None

    def phase(self, phase: Phase, text: str) -> None:
        time_s = self.recorder.time_s if self.recorder else None
        self._flight.desk.state(self._vehicle + 1, self._sortie.id, time_s, str(phase), text)
        self._flight.state.phase(self._sortie.id, str(phase))

    def look(self, link: Link, recorder: Recorder, phase: Phase) -> None:
        self._flight.progress(self._sortie.id, recorder.distance_m)
        now = time.monotonic()
        if now - self._told_s < _POSITION_EVERY_S:
            return
        self._told_s = now
        self._flight.state.reached(self._sortie.id, recorder.top_seq)
        row = recorder.last
        if row is None:
            return
        _, lon, lat, above, msl, speed, battery, item, recording = row
        self._flight.watch_over(self._vehicle, now, recorder, lon, lat, msl, above)
        self._flight.desk.position(
            self._vehicle + 1, self._sortie.id, recorder.time_s,
            lon=round(lon, 7), lat=round(lat, 7), above_launch_m=round(above, 2),
            yaw_deg=round(recorder.yaw_deg, 1), ground_speed_m_s=round(speed, 2),
            battery_pct=None if battery != battery else battery, mode=link.mode,
            armed=link.armed, item=int(item), items=self._items, recording=bool(recording),
            flown_m=round(recorder.distance_m, 1), planned_m=round(self._sortie.length_m, 1),
            link="silent" if link.lost else "ok",
        )  # fmt: skip


class Fleet:
    """One `fly_patrol`: its vehicles, its record, its operator."""

    def __init__(
        self,
        folder: Path,
        plan: Plan,
        queues: list[list[Sortie]],
        connect: Sequence[str],
        simulation: Simulation,
        limits: Limits,
        silence_s: float,
        fence: Ring | None,
        desk: FlightDesk,
        log: EventLog,
        state: FlightState,
        on_distance: Callable[[float], None],
        before_sortie: BeforeSortie,
    ) -> None:
        self.folder, self.plan, self.desk, self.log, self.state = folder, plan, desk, log, state
        self._connect, self._simulation = connect, simulation
        self._limits, self._silence_s, self._fence = limits, silence_s, fence
        self._on_distance, self._before_sortie = on_distance, before_sortie
        chosen = [s for queue in queues for s in queue]
        self.return_m = return_heights_m(chosen, len(queues), plan.settings.ceiling_m)
        meet = meetings(plan, chosen) if len(queues) > 1 else Meetings({})
        live = bool(connect) or simulation.arducopter is not None
        start_s = time.time() if live else simulation.start_s
        self.airspace = Airspace(queues, meet, start_s, time.time if live else None)
        # Simulated vehicles each have a clock of their own: where they are now means nothing.
        several = live and len(queues) > 1
        self._watch = ProximityWatch(chosen[0].launch) if several else None
        self._metres: dict[int, float] = {}
        self._lock = threading.Lock()
        self.flights: dict[int, SortieFlight] = {}  # by vehicle
        self.links: dict[int, Link] = {}
        self.vehicle_of: dict[int, int] = {}  # by sortie; vehicles from 1
        self.records: list[SortieRecord] = []
        self.fault: BaseException | None = None
        self.stopping = False

    def progress(self, sortie: int, metres: float) -> None:
        with self._lock:
            self._metres[sortie] = metres
            self._on_distance(sum(self._metres.values()))

    def watch_over(
        self, vehicle: int, now_s: float, recorder: Recorder, lon: float, lat: float,
        msl_m: float, above_launch_m: float,
    ) -> None:  # fmt: skip
        """Call a vehicle home that is about to come too near to another."""
        if self._watch is None or recorder.time_s is None:
            return
        found = self._watch.seen(vehicle, now_s, recorder.time_s, lon, lat, msl_m, above_launch_m)
        for conflict in found:
            flight = self.flights.get(conflict.vehicle)
            if flight is not None:
                other = conflict.other + 1
                why = f"it was to come within {conflict.apart_m:.0f} m of vehicle {other}"
                flight.wishes.put(Wish("return", because=why))

    # -- one vehicle, on its own thread ------------------------------------------------------------

    def serve(self, vehicle: int) -> None:
        """Fly what falls to a vehicle until there is nothing left or something goes wrong."""
        try:
            while (taken := self.airspace.take(vehicle)) is not None:
                sortie, start_s = taken
                end_s, out = start_s, True
                try:
                    self._before_sortie(vehicle + 1, sortie, lambda: self.stopping)
                    if self.stopping:
                        self.airspace.give_back(vehicle, sortie)
                        return
                    record = self._fly(vehicle, sortie, start_s)
                    out = record.ending is not Ending.COMPLETE
                    end_s = record.ended_s or start_s
                finally:
                    # Whole minutes, so that the times of the next flight do not hang on how long
                    # the hand-shakes of this one took in wall time.
                    busy_s = end_s - start_s + self.plan.settings.swap_s
                    free_s = start_s + 60.0 * -(-busy_s // 60.0)
                    self.airspace.landed(vehicle, sortie.id, end_s, free_s, out=out)
        except BaseException as error:  # noqa: BLE001 - raised again by the main thread
            self.fault = self.fault or error
            self.airspace.close()

    def _fly(self, vehicle: int, sortie: Sortie, start_s: float) -> SortieRecord:
        loadout = loadout_of(self.plan, sortie, self.return_m[vehicle], self._fence)
        with ExitStack() as stack:
            try:
                url = self._url(stack, vehicle, sortie, start_s)
                self.state.began(sortie.id, vehicle + 1, url)
                link = stack.enter_context(Link(url, silence_s=self._silence_s))
            except FlightError as error:
                self.log.add(None, sortie.id, "error", str(error))
                return self._keep(vehicle, sortie, None, Ended(Ending.REFUSED, str(error)))
            tlog = TlogWriter(self.log_path(sortie.id))
            stack.callback(tlog.close)
            link.on_packet = tlog.write
            flight, recorder = self._flight(link, vehicle, sortie, loadout, tlog)
            ended = Ended(Ending.BROKEN_OFF, "failed")
            try:
                ended = flight.fly()
            finally:
                record = self._keep(vehicle, sortie, recorder, ended)
                self.flights.pop(vehicle, None)
                self.links.pop(vehicle, None)
                if self._watch is not None:
                    self._watch.gone(vehicle)
        return record

    def _flight(
        self, link: Link, vehicle: int, sortie: Sortie, loadout: Loadout, tlog: TlogWriter
    ) -> tuple[SortieFlight, Recorder]:
        follower = _Follower(self, vehicle, sortie, len(loadout.items))
        recorder = Recorder(link, loadout.items, sortie.id, self.log)
        follower.recorder = recorder

        def record_failed() -> str | None:
            failed = tlog.failed or self.log.failed or self.desk.failed
            return None if failed is None else (failed.strerror or str(failed))

        flight = SortieFlight(
            link, loadout, recorder, self.folder, follower, limits=self._limits,
            wh_per_m_share=loadout.energy_share / max(sortie.length_m, 1.0),
            skips=lambda seq: next_lane_item(self.plan, sortie, seq),
            record_failed=record_failed,
        )  # fmt: skip
        self.vehicle_of[sortie.id] = vehicle + 1
        self.links[vehicle] = link
        self.flights[vehicle] = flight
        if self.stopping:
            self.tell(None, "return")
        return flight, recorder

    def take_over(self, sortie: Sortie, known: SortieState) -> SortieRecord:
        """Finish a sortie that an earlier process began: in the air still, or by its log."""
        vehicle = known.vehicle - 1
        return_m = self.return_m[min(vehicle, len(self.return_m) - 1)]
        loadout = loadout_of(self.plan, sortie, return_m, self._fence)
        path = self.log_path(sortie.id)
        ended: Ended | None = None
        recorder: Recorder | None = None
        if path.exists():
            recorder, _ = recorded(path, loadout.items, sortie.id)
        if not known.simulated:  # a simulated one ended with its process
            try:
                ended, recorder = self._take_over_live(vehicle, sortie, loadout, known, recorder)
            except FlightError as error:
                ended = Ended(Ending.LOST, str(error))
        top_seq = max(known.top_seq, recorder.top_seq if recorder else 0)
        last_seq = loadout.items[-1].seq
        if ended is None:
            is_whole = top_seq >= last_seq
            ended = Ended(
                Ending.COMPLETE if is_whole else Ending.BROKEN_OFF,
                "complete"
                if is_whole
                else f"broken off at item {top_seq} of {last_seq}: the "
                "ground's program ended, and the vehicle is not in the air any more",
            )
        return self._keep(vehicle, sortie, recorder, ended)

    def _take_over_live(
        self,
        vehicle: int,
        sortie: Sortie,
        loadout: Loadout,
        known: SortieState,
        before: Recorder | None,
    ) -> tuple[Ended | None, Recorder | None]:
        with Link(known.url, silence_s=self._silence_s) as link:
            tlog = TlogWriter(self.log_path(sortie.id), append=True)
            link.on_packet = tlog.write
            try:
                flight, recorder = self._flight(link, vehicle, sortie, loadout, tlog)
                if before is not None:
                    recorder.take(before)
                ended = flight.take_over(max(known.top_seq, before.top_seq if before else 0))
            finally:
                tlog.close()
                self.flights.pop(vehicle, None)
                self.links.pop(vehicle, None)
        return ended, recorder

    def _url(self, stack: ExitStack, vehicle: int, sortie: Sortie, start_s: float) -> str:
        if self._connect:
            return self._connect[vehicle]
        return self._simulation.start(stack, self.plan, vehicle, sortie, start_s)

    def log_path(self, sortie: int) -> Path:
        return self.folder / "flight" / f"sortie-{sortie:02d}.tlog"

    def _keep(
        self, vehicle: int, sortie: Sortie, recorder: Recorder | None, ended: Ended
    ) -> SortieRecord:
        """Write what was received, and note the result."""
        outcome = "complete" if ended.ending is Ending.COMPLETE else ended.reason
        path = self.folder / "flight" / f"sortie-{sortie.id:02d}.parquet"
        kept = False
        duration_s = used = 0.0
        began_s = ended_s = None
        if recorder is not None and len(recorder):
            metadata = {
                "sortie": str(sortie.id), "launch_site": sortie.launch_site, "outcome": outcome,
            }  # fmt: skip
            try:
                kept = recorder.write(path, metadata)
            except OSError as error:
                outcome += f"; {path.name} could not be written ({error.strerror or error})"
            telemetry = recorder.telemetry()
            began_s, ended_s = float(telemetry.time_s[0]), float(telemetry.time_s[-1])
            duration_s = ended_s - began_s
            used = float(telemetry.battery_pct[0] - telemetry.battery_pct[-1])
        if recorder is not None:
            recorder.close()
        level = "info" if ended.ending is Ending.COMPLETE else "error"
        time_s = recorder.time_s if recorder else None
        self.log.add(time_s, sortie.id, level, f"架次结束 sortie {sortie.id}: {outcome}")
        record = SortieRecord(
            sortie.id, vehicle + 1, str(path.relative_to(self.folder)) if kept else None,
            len(recorder) if recorder else 0,
            round(recorder.distance_m, 1) if recorder else 0.0, round(sortie.length_m, 1),
            round(duration_s, 2), round(used, 1), outcome, ended.ending, began_s, ended_s,
        )  # fmt: skip
        with self._lock:
            self.records.append(record)
        self.state.ended(sortie.id, ended.ending.name.lower(), recorder.top_seq if recorder else 0)
        self.desk.state(vehicle + 1, sortie.id, time_s, "done", outcome)
        return record

    # -- the operator, on the main thread --------------------------------------------------------

    def tell(self, vehicle: int | None, action: str, answer: Answer = _no_answer) -> bool:
        """Pass a wish on, to all vehicles for None; whether there was anybody to tell. `answer`
        gets each vehicle's number, whether it was done and what is said."""
        told = False
        for number, flight in list(self.flights.items()):
            if vehicle is not None and number != vehicle - 1:
                continue
            told = True
            before_flight = flight.phase in (Phase.CHECKING, Phase.LOADING, Phase.ARMING)
            flight.wishes.put(Wish(action, partial(answer, number + 1)))
            if before_flight and action in ("return", "land"):
                self.links[number].cancelled.set()
        return told

    def stop(self, times: int) -> None:
        """Ctrl-C: once is 'return', twice is 'land here', a third time gives up watching."""
        self.stopping = True
        self.airspace.close()
        if times >= 3:
            for flight in list(self.flights.values()):
                flight.abandoned = True
        self.tell(None, "return" if times == 1 else "land")

    def heed(self) -> None:
        """Pass on what came in over the console or `patrol tell`."""
        for command in self.desk.commands():

            def answer(vehicle: int, done: bool, text: str, key: str = command.id) -> None:
                self.desk.answer(key, vehicle, done, text)

            self.log.add(None, 0, "notice", f"指令 command: {command.action} ({command.by})")
            if not self.tell(command.vehicle, command.action, answer):
                self.desk.answer(command.id, command.vehicle, False, "no such vehicle is flying")
