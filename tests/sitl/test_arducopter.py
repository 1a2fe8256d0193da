"""Flights on a real ArduCopter; run where ARDUCOPTER names its SITL executable."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.flying.lossy import random_mission
from benchmarks.flying.patrols import short_river_plan
from benchmarks.flying.plan_flown import cross_track
from geo.coordinates import LonLat
from patrol.flight.link import Link
from patrol.flight.operation import Flown, Simulation, fly_patrol
from patrol.flight.preflight import ask_for_messages
from patrol.flight.record.review import review
from patrol.flight.sight import Ending, Limits
from patrol.flight.transfer import (
    ItemKind,
    MissionClient,
    WireItem,
    difference,
    fence_items,
    load,
    rally_items,
)
from patrol.plan import Plan
from patrol.simulation.arducopter import ArduCopter
from patrol.telemetry import Telemetry

EXECUTABLE = os.environ.get("ARDUCOPTER", "")
pytestmark = pytest.mark.skipif(
    not EXECUTABLE, reason="ARDUCOPTER names no ArduCopter SITL executable"
)
HOME = LonLat(113.459, 23.106)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return short_river_plan(5)


@pytest.fixture(scope="module")
def link() -> Iterator[Link]:
    with ArduCopter(Path(EXECUTABLE), HOME, speedup=5) as vehicle, Link(vehicle.url) as link:
        # Before it has booted it says that it takes no items at all.
        ask_for_messages(link, wait=False)
        assert link.wait(lambda: link.fix_type >= 3, 90.0)
        yield link


def fly(plan: Plan, folder: Path, **more: object) -> Flown:
    plan.write(folder)
    simulation = Simulation(0.0, 8.0, arducopter=Path(EXECUTABLE))
    return fly_patrol(folder, plan, simulation=simulation, **more)  # type: ignore[arg-type]


def test_missions_are_held_to_the_tenth_millionth(link: Link) -> None:
    rng = random.Random(4)
    with link.channel() as channel:
        client = MissionClient(channel)
        for count in (2, 40, 600):
            mission = [
                i for i in random_mission(rng, count) if i.command not in (206,) or i.params[0] > 0
            ]
            mission = [
                WireItem(n, i.frame, i.command, i.params, i.x, i.y, i.z_m)
                for n, i in enumerate(mission)
            ]
            load(client, ItemKind.MISSION, mission)
            assert difference(mission, client.download(ItemKind.MISSION)) is None


def test_a_refused_item_leaves_the_old_mission(link: Link) -> None:
    good = [
        WireItem(0, 0, 16, (0.0,) * 4, 0, 0, 0.0),
        WireItem(1, 3, 22, (0.0,) * 4, 231_060_000, 1_134_590_000, 20.0),
        WireItem(2, 3, 16, (0.0,) * 4, 231_061_000, 1_134_590_000, 30.0),
    ]
    bad = [*good[:2], WireItem(2, 3, 31_999, (0.0,) * 4, 0, 0, 0.0), good[2]]
    with link.channel() as channel:
        client = MissionClient(channel)
        load(client, ItemKind.MISSION, good)
        with pytest.raises(Exception, match="back in place; nothing was armed"):
            load(client, ItemKind.MISSION, bad)
        assert difference(good, client.download(ItemKind.MISSION)) is None


def test_fences_and_rally_points_are_held(link: Link) -> None:
    corners = [LonLat(113.45, 23.10), LonLat(113.47, 23.10), LonLat(113.47, 23.12)]
    with link.channel() as channel:
        client = MissionClient(channel)
        for kind, items in (
            (ItemKind.FENCE, fence_items(corners, [corners])),
            (ItemKind.RALLY, rally_items([(HOME, 47.2)])),
        ):
            load(client, kind, items)
            assert load(client, kind, items).was_there
            load(client, kind, [])


def test_a_patrol_is_flown_and_seen(plan: Plan, tmp_path: Path) -> None:
    flown = fly(plan, tmp_path)
    assert (flown.ending, flown.reason) == (Ending.COMPLETE, "complete")
    rows = Telemetry.read(tmp_path / "flight" / "sortie-01.parquet")
    assert np.diff(rows.time_s).max() < 0.3
    assert cross_track(tmp_path) < 2.0
    assert review(tmp_path, plan).seen.share > 0.99
    ours = tmp_path / "ours"
    plan.write(ours)
    again = fly_patrol(ours, plan, simulation=Simulation(1.7e9, 100.0))
    assert again.operating_s == pytest.approx(flown.operating_s, rel=0.06)


def test_the_operator_calls_it_home(plan: Plan, tmp_path: Path) -> None:
    pressed: list[float] = []

    def keys() -> str | None:
        if len(pressed) > 60 and not getattr(keys, "done", False):
            keys.done = True  # type: ignore[attr-defined]
            return "return"
        return None

    flown = fly(plan, tmp_path, keys=keys, on_distance=pressed.append, limits=Limits())
    assert flown.ending is Ending.STOPPED
    rows = Telemetry.read(tmp_path / "flight" / "sortie-01.parquet")
    assert rows.above_launch_m[-1] < 2.0
