"""Missions sent, read back and compared over a bad link, and how fast over a good one."""

from __future__ import annotations

import random
import statistics
import time

from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from benchmarks.flying.lossy import LossyLink, held, random_mission
from geo.coordinates import LonLat
from patrol.errors import FlightError
from patrol.flight.link import Link
from patrol.flight.transfer import ItemKind, MissionClient, WireItem, difference, load
from patrol.simulation.vehicle import SimulatedVehicle, VehicleSettings

__all__ = ["failures", "time_ratio"]

_MISSIONS = 300
_MOST_ITEMS = 650
_RUNS = 11
_SHARE = 0.2  # of messages lost, doubled, overtaken


def failures(seed: int) -> float:
    """Of 300 random missions of up to 650 items, with 20 % of the messages lost, 20 % doubled and
    20 % overtaken: how many the vehicle does not then hold exactly (1e-7 degrees, centimetres), or
    holds a part of after a failure; the refused (one in ten), too long and cut-off ones must leave
    the old mission or none."""
    rng = random.Random(seed)
    wrong = 0
    for number in range(_MISSIONS):
        count = rng.choice([2, 10, 100, rng.randint(2, _MOST_ITEMS), _MOST_ITEMS])
        refused = rng.randrange(1, count) if number % 10 == 9 else None
        link = LossyLink(
            rng.randrange(2**32), loss=_SHARE, twice=_SHARE, overtaken=_SHARE, refuse_item=refused
        )
        old = random_mission(rng, rng.randint(1, 50))
        old = old if refused is None else old[:refused]
        client = MissionClient(link)
        try:
            if len(old) > 1:
                load(client, ItemKind.MISSION, old)
        except FlightError:
            wrong += 1
            continue
        before = held(link, 0)
        mission = random_mission(rng, count)
        try:
            load(client, ItemKind.MISSION, mission)
            loaded = True
        except FlightError:
            loaded = False
        after = held(link, 0)
        if refused is None:
            wrong += not loaded or difference(mission, after) is not None
        else:
            is_old = len(after) <= 1 or difference(before, after) is None
            wrong += loaded or not is_old
    return float(wrong)


def time_ratio(seed: int) -> float:
    """Seconds to upload 650 items to the simulated vehicle over TCP without loss, as a share of
    pymavlink's own loop (median of eleven each, in turn)."""
    mission = random_mission(random.Random(seed), _MOST_ITEMS)
    ours, theirs = [], []
    settings = VehicleSettings(LonLat(113.459, 23.106), 1_779_238_800.0)
    with SimulatedVehicle(settings) as vehicle:
        for _ in range(_RUNS):
            with Link(vehicle.url) as link, link.channel() as channel:
                client = MissionClient(channel)
                began = time.perf_counter()
                client.upload(ItemKind.MISSION, mission)
                ours.append(time.perf_counter() - began)
            theirs.append(_with_pymavlink(vehicle.url, mission))
    print(
        f"650 items: ours {statistics.median(ours):.2f} s, pymavlink's loop "
        f"{statistics.median(theirs):.2f} s"
    )
    return statistics.median(ours) / statistics.median(theirs)


def _with_pymavlink(url: str, mission: list[WireItem]) -> float:
    """The loop that pymavlink's documentation and mavwp's users write."""
    master = mavutil.mavlink_connection(url)
    try:
        master.wait_heartbeat()
        began = time.perf_counter()
        master.mav.mission_count_send(1, 1, len(mission), 0)
        while True:
            message = master.recv_match(
                type=["MISSION_REQUEST", "MISSION_REQUEST_INT", "MISSION_ACK"], blocking=True
            )
            if message.get_type() == "MISSION_ACK":
                if message.type != mavlink.MAV_MISSION_ACCEPTED:
                    raise FlightError(f"refused with {message.type}")
                return time.perf_counter() - began
            item = mission[message.seq]
            master.mav.mission_item_int_send(
                1, 1, item.seq, item.frame, item.command, 0, 1, *item.params, item.x, item.y,
                item.z_m, 0,
            )  # fmt: skip
    finally:
        master.close()
