"""A whole patrol flown: sortie after sortie, on a simulated vehicle or on one that is connected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from patrol.errors import FlightError
from patrol.flight.link import Link
from patrol.flight.recorder import EventLog, Recorder
from patrol.flight.sortie import FlightRules, SortieFlight
from patrol.mission import MissionItem, mission_items
from patrol.plan import Plan, Sortie
from patrol.simulation.vehicle import Fault, SimulatedVehicle, VehicleSettings

__all__ = ["Simulation", "SortieRecord", "fly_patrol"]

_SWAP_S = 180.0  # battery swap and walk to the next launch site, in a simulated patrol


@dataclass(frozen=True, slots=True)
class Simulation:
    """How the simulated vehicle flies; `start_s` is UTC of the first power-on."""

    start_s: float
    speedup: float = 100.0
    wind_m_s: float = 0.0
    seed: int = 0
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class SortieRecord:
    """What came of one sortie. `outcome` is "complete" or why it ended early."""

    sortie: int
    path: str | None
    rows: int
    distance_m: float
    planned_m: float
    duration_s: float
    battery_used_pct: float
    outcome: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class _Progress:
    """Metres flown over all sorties."""

    report: Callable[[float], None]
    before_m: float = 0.0

    def sortie(self, metres: float) -> None:
        self.report(self.before_m + metres)


@dataclass(frozen=True, slots=True)
class _Operation:
    folder: Path
    plan: Plan
    connect: str | None
    simulation: Simulation
    rules: FlightRules
    silence_s: float
    log: EventLog
    progress: _Progress
    records: list[SortieRecord] = field(default_factory=list)

    def fly(self, sortie: Sortie, start_s: float) -> SortieRecord:
        items = mission_items(self.plan, sortie)
        with ExitStack() as stack:
            url = self.connect or stack.enter_context(self._vehicle(sortie, start_s)).url
            link = stack.enter_context(Link(url, silence_s=self.silence_s))
            recorder = Recorder(link, items, sortie.id, self.log)
            outcome = "complete"
            try:
                self._flight(link, items, sortie, recorder).fly()
            except FlightError as error:
                outcome = str(error)
                raise FlightError(f"sortie {sortie.id}: {error}") from None
            except KeyboardInterrupt:
                outcome = "stopped by the operator"
                raise
            except BaseException:
                outcome = "failed"
                raise
            finally:
                record = self._keep(sortie, recorder, outcome)
        return record

    def _vehicle(self, sortie: Sortie, start_s: float) -> SimulatedVehicle:
        simulation = self.simulation
        return SimulatedVehicle(
            VehicleSettings(
                sortie.launch, start_s, speedup=simulation.speedup, wind_m_s=simulation.wind_m_s,
                seed=simulation.seed * 1000 + sortie.id,
                battery_wh=self.plan.settings.own_battery_wh,
                faults=simulation.faults,
            )
        )  # fmt: skip

    def _flight(
        self, link: Link, items: Sequence[MissionItem], sortie: Sortie, recorder: Recorder
    ) -> SortieFlight:
        return SortieFlight(
            link, items, sortie.launch, recorder, rules=self.rules,
            energy_share=sortie.energy_wh / self.plan.settings.own_battery_wh,
            on_distance=self.progress.sortie,
        )  # fmt: skip

    def _keep(self, sortie: Sortie, recorder: Recorder, outcome: str) -> SortieRecord:
        """Write what was received, and note the result."""
        path = self.folder / "flight" / f"sortie-{sortie.id:02d}.parquet"
        metadata = {"sortie": str(sortie.id), "launch_site": sortie.launch_site, "outcome": outcome}
        kept = recorder.write(path, metadata)
        level = "info" if outcome == "complete" else "notice"
        recorder.say(level, f"架次结束 sortie {sortie.id}: {outcome}")
        duration_s = used = 0.0
        if kept:
            telemetry = recorder.telemetry()
            duration_s = float(telemetry.time_s[-1] - telemetry.time_s[0])
            used = float(telemetry.battery_pct[0] - telemetry.battery_pct[-1])
        record = SortieRecord(
            sortie.id, str(path.relative_to(self.folder)) if kept else None, len(recorder),
            round(recorder.distance_m, 1), round(sortie.length_m, 1), round(duration_s, 2),
            round(used, 1), outcome,
        )  # fmt: skip
        self.records.append(record)
        return record


def _drop_strangers(flight: Path, known: set[int]) -> None:
    """Remove records of sorties that the plan no longer has: they would be filmed as its own."""
    for path in flight.glob("sortie-*.parquet"):
        number = path.stem.removeprefix("sortie-")
        if number.isdecimal() and int(number) not in known:
            path.unlink()


def fly_patrol(
    folder: Path,
    plan: Plan,
    *,
    sorties: Sequence[int] | None = None,
    connect: str | None = None,
    simulation: Simulation,
    rules: FlightRules | None = None,
    silence_s: float = 10.0,
    on_distance: Callable[[float], None] = lambda metres: None,
    on_event: Callable[[str, str], None] = lambda level, text: None,
    before_sortie: Callable[[Sortie], None] = lambda sortie: None,
) -> list[SortieRecord]:
    """Fly the plan's sorties (or those named) and record them in `folder`/flight.

    Each sortie gets a fresh simulated vehicle at its launch site, or the vehicle at `connect`,
    which must by then stand there with a charged battery; `before_sortie` is called to see to
    that. When the whole plan is flown, records of sorties that it no longer has are removed.
    Raises FlightError at the first sortie that is refused or ends early; what was recorded
    until then is kept, and `events.jsonl` tells why.
    """
    chosen = [plan.sortie(i) for i in sorties] if sorties else list(plan.sorties)
    if not chosen:
        raise FlightError(f"{folder}: the plan has no sortie to fly; plan it again")
    if not sorties:
        _drop_strangers(folder / "flight", {s.id for s in chosen})
    log = EventLog(folder / "flight" / "events.jsonl", [s.id for s in chosen])
    log.listener = on_event
    operation = _Operation(
        folder, plan, connect, simulation, rules or FlightRules(), silence_s, log,
        _Progress(on_distance),
    )  # fmt: skip
    start_s = simulation.start_s
    try:
        for sortie in chosen:
            before_sortie(sortie)
            record = operation.fly(sortie, start_s)
            operation.progress.before_m += record.distance_m
            # Whole minutes, so that the times of the next flight do not hang on how long the
            # hand-shakes of this one took in wall time.
            start_s += 60.0 * -(-(record.duration_s + _SWAP_S) // 60.0)
    finally:
        log.close()
    return operation.records
