"""Missions, fences and rally points to a vehicle and back, so that nothing goes wrong quietly.

items    -> what an item is on the wire, and when two are the same
protocol -> the MAVLink mission protocol, ground station's side, over any channel
loading  -> a transfer as a transaction: the new list, the old one, or none; never a mix
"""

from __future__ import annotations

from patrol.flight.transfer.items import (
    WireItem,
    difference,
    fence_items,
    rally_items,
    wire_items,
)
from patrol.flight.transfer.loading import Loaded, load
from patrol.flight.transfer.protocol import (
    Channel,
    ItemKind,
    MissionClient,
    RefusedError,
    TransferError,
)

__all__ = [
    "Channel",
    "ItemKind",
    "Loaded",
    "MissionClient",
    "RefusedError",
    "TransferError",
    "WireItem",
    "difference",
    "fence_items",
    "load",
    "rally_items",
    "wire_items",
]
