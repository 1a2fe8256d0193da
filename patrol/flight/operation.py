"""A whole patrol flown: sorties on one vehicle or several, simulated or connected, and its record.

Each vehicle has a thread of its own; this one hears the operator (signals, keys, the console's
commands) and passes on what he wants.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from patrol.errors import FlightError
from patrol.export.route import Ring
from patrol.flight.airspace import assign
from patrol.flight.desk import FlightDesk
from patrol.flight.fleet import Answer, BeforeSortie, Fleet, SortieRecord
from patrol.flight.interrupts import Interrupts
from patrol.flight.loadout import fence_complaint, loadout_of
from patrol.flight.record.recorder import EventLog
from patrol.flight.sight import Ending, Limits
from patrol.flight.simulation import Simulation
from patrol.flight.state import FlightState, SortieState
from patrol.plan import Plan, Sortie

__all__ = ["Flown", "Reviewer", "Simulation", "SortieRecord", "fly_patrol"]

# The share of the banks' metres that the flight has seen, once it is over.
Reviewer = Callable[["Flown"], float | None]

_LOOK_S = 0.1
# The worse for the vehicle, the more it counts for the whole patrol.
_GRAVITY = (
    Ending.COMPLETE,
    Ending.REFUSED,
    Ending.BROKEN_OFF,
    Ending.STOPPED,
    Ending.PILOT,
    Ending.LOST,
)


@dataclass(frozen=True, slots=True)
class Flown:
    """What came of a flight of several sorties. `left` are those that nobody began."""

    records: tuple[SortieRecord, ...]
    left: tuple[int, ...]
    ending: Ending
    reason: str

    @property
    def operating_s(self) -> float:
        """From the first row of the first sortie to the last of all, on the vehicles' clock."""
        begun = [r.began_s for r in self.records if r.began_s is not None]
        ended = [r.ended_s for r in self.records if r.ended_s is not None]
        return max(ended) - min(begun) if begun and ended else 0.0


def _drop_strangers(flight: Path, known: set[int]) -> None:
    """Remove records of sorties that the plan no longer has: they would be filmed as its own."""
    for path in [*flight.glob("sortie-*.parquet"), *flight.glob("sortie-*.tlog")]:
        number = path.stem.removeprefix("sortie-")
        if number.isdecimal() and int(number) not in known:
            path.unlink()


def fly_patrol(
    folder: Path,
    plan: Plan,
    *,
    sorties: Sequence[int] | None = None,
    connect: Sequence[str] = (),
    vehicles: int = 1,
    simulation: Simulation,
    limits: Limits | None = None,
    silence_s: float = 10.0,
    fence: Ring | None = None,
    resume: bool = False,
    on_distance: Callable[[float], None] = lambda metres: None,
    on_event: Callable[[str, str], None] = lambda level, text: None,
    before_sortie: BeforeSortie = lambda vehicle, sortie, stopped: None,
    keys: Callable[[], str | None] = lambda: None,
    reviewer: Reviewer = lambda flown: None,
) -> Flown:
    """Fly the plan's sorties (or those named) and record them in `folder`/flight.

    With `connect`, each address is a vehicle that stands at the launch site of its next sortie
    with a charged battery; `before_sortie` is called to see to that. Without, `vehicles` simulated
    ones fly. Several fly at once, each its own sorties, as far as these share no airspace; when
    one fails the others fly on and take over what it has not begun.

    `resume` takes over what an earlier process left (`flight/state.json`). When the whole plan is
    flown, records of sorties that it no longer has are removed. `keys` gives what the operator
    typed since the last call: pause, resume, skip, return or land. `reviewer` is asked at the end
    what was seen. Raises FlightError where
    nothing can be flown at all; everything that a flight meets is in what is returned.
    """
    chosen = [plan.sortie(i) for i in sorties] if sorties else list(plan.sorties)
    if not chosen:
        raise FlightError(f"{folder}: the plan has no sortie to fly; plan it again")
    count = len(connect) or vehicles
    flight = folder / "flight"
    known = FlightState.read(flight) if resume else None
    begun = known.begun() if known else {}
    unfinished = [s for s in chosen if s.id in begun and begun[s.id].is_open]
    fresh = [s for s in chosen if s.id not in begun or begun[s.id].is_unflown]
    if known and known.connect and not connect:
        connect, count = known.connect, len(known.connect)
    for sortie in fresh:
        complaint = fence_complaint(loadout_of(plan, sortie, 15.0, fence))
        if complaint:
            raise FlightError(f"sortie {sortie.id}: {complaint}")
    count = max(min(count, len(fresh)), 1)
    queues = assign(plan, fresh, count)
    if not sorties and not resume:
        _drop_strangers(flight, {s.id for s in chosen})
    first = {
        "patrol": folder.resolve().name, "simulated": not connect, "vehicles": count,
        "sorties": [
            {"id": s.id, "launch_site": s.launch_site, "planned_m": round(s.length_m, 1),
             "planned_s": round(s.duration_s)} for s in chosen
        ],
    }  # fmt: skip
    with ExitStack() as stack:
        desk = stack.enter_context(FlightDesk(folder, first=first, keep=resume))
        log = EventLog(flight / "events.jsonl", [] if resume else [s.id for s in chosen])
        stack.callback(log.close)

        def on_log(time_s: float | None, sortie: int, level: str, text: str) -> None:
            desk.event(patrol.vehicle_of.get(sortie), sortie or None, time_s, level, text)
            on_event(level, text)

        state = known or FlightState(flight, connect=tuple(connect))
        patrol = Fleet(
            folder, plan, queues, connect, simulation, limits or Limits(), silence_s, fence,
            desk, log, state, on_distance, before_sortie,
        )  # fmt: skip
        log.listener = on_log
        with Interrupts() as interrupts:
            _run(patrol, unfinished, begun, count, interrupts, keys)
        flown = _summed_up(patrol)
        if patrol.fault is not None:
            raise patrol.fault
        desk.end(flown.reason, int(flown.ending), reviewer(flown))
    return flown


def _run(
    patrol: Fleet,
    unfinished: Sequence[Sortie],
    begun: dict[int, SortieState],
    count: int,
    interrupts: Interrupts,
    keys: Callable[[], str | None],
) -> None:
    """Fly with all vehicles, and meanwhile heed the operator."""

    def finish(sortie: Sortie) -> None:
        try:
            record = patrol.take_over(sortie, begun[sortie.id])
            if record.ending not in (Ending.COMPLETE, Ending.BROKEN_OFF):
                patrol.airspace.close()
        except BaseException as error:  # noqa: BLE001 - raised again by the main thread
            patrol.fault = patrol.fault or error

    waves = [
        [threading.Thread(target=finish, args=(s,), daemon=True) for s in unfinished],
        [threading.Thread(target=patrol.serve, args=(v,), daemon=True) for v in range(count)],
    ]
    stops = 0
    for threads in waves:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(_LOOK_S / len(threads))
            patrol.heed()
            while (action := interrupts.next_action() or keys()) is not None:
                if action == "stop":
                    stops += 1
                    patrol.stop(stops)
                elif not patrol.tell(None, action, _logged(patrol, action)):
                    patrol.log.add(None, 0, "warning", f"{action}: nobody is flying")


def _logged(patrol: Fleet, action: str) -> Answer:
    def answer(vehicle: int, done: bool, text: str) -> None:
        level = "notice" if done else "warning"
        patrol.log.add(None, 0, level, f"{action}: {text} (vehicle {vehicle})")

    return answer


def _summed_up(patrol: Fleet) -> Flown:
    records = sorted(patrol.records, key=lambda r: r.sortie)
    left = tuple(s.id for s in patrol.airspace.left)
    worst = max((r.ending for r in records), key=_GRAVITY.index, default=Ending.COMPLETE)
    if patrol.stopping and worst in (Ending.COMPLETE, Ending.REFUSED) and (left or not records):
        worst = Ending.STOPPED
    if left and worst is Ending.COMPLETE:
        worst = Ending.BROKEN_OFF
    reasons = [
        f"sortie {r.sortie}: {r.outcome}" for r in records if r.ending is not Ending.COMPLETE
    ]
    if left:
        reasons.append(f"not begun: {', '.join(str(i) for i in left)}")
    return Flown(tuple(records), left, worst, "; ".join(reasons) or "complete")
