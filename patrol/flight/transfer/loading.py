"""A transfer as a transaction: afterwards the vehicle holds the new list whole, or it is said
what it holds instead, and then it must not be armed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from patrol.errors import FlightError
from patrol.flight.transfer.items import WireItem, difference
from patrol.flight.transfer.protocol import ItemKind, MissionClient, TransferError

__all__ = ["Loaded", "load"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A list that the vehicle was seen to hold, item by item.

    `was_there` says that nothing had to be sent; `opaque_id` is the vehicle's name for it, 0
    where it has none.
    """

    kind: ItemKind
    items: tuple[WireItem, ...]
    was_there: bool
    opaque_id: int


def load(client: MissionClient, kind: ItemKind, items: Sequence[WireItem]) -> Loaded:
    """Send a list, read it back and compare; where that fails, put back what was there.

    Raises FlightError, whose message says why and what the vehicle holds now: what it held
    before, nothing, or something that is not known. In no such case is it to be armed.
    """
    if kind is ItemKind.MISSION and not items:
        raise FlightError("the mission is empty; plan the patrol again")
    before = client.download(kind)
    if _wrong(kind, items, before) is None:
        return Loaded(kind, tuple(items), was_there=True, opaque_id=0)
    try:
        _put(client, kind, items)
    except TransferError as error:
        raise FlightError(f"{error}; {_put_back(client, kind, before)}") from None
    except BaseException:  # the operator's Ctrl-C, say: leave no mix behind
        client.cancel(kind)
        _put_back(client, kind, before)
        raise
    return Loaded(kind, tuple(items), was_there=False, opaque_id=client.opaque_id)


def _put(client: MissionClient, kind: ItemKind, items: Sequence[WireItem]) -> None:
    """Make the vehicle hold these, seen item by item; a second time where a bad link spoilt it."""
    wrong: str | None = None
    for _ in range(2):
        if items:
            client.upload(kind, items)
        else:
            client.clear(kind)
        wrong = _wrong(kind, items, client.download(kind))
        if wrong is None:
            return
        client.settle()
    raise TransferError(f"the vehicle does not hold the {kind.label} that was sent: {wrong}")


def _put_back(client: MissionClient, kind: ItemKind, before: Sequence[WireItem]) -> str:
    """Make the vehicle hold what it held, or nothing; says which."""
    try:
        client.settle()
        _put(client, kind, before)
    except FlightError:
        pass
    else:
        return (
            f"its earlier {kind.label} of {len(before)} items is back in place"
            if _real(kind, before)
            else f"it holds no {kind.label}, as before"
        ) + "; nothing was armed"
    try:
        client.clear(kind)
        left = client.download(kind)
        if not _real(kind, left):
            return f"its {kind.label} was cleared; nothing was armed"
    except FlightError:
        pass
    return (
        f"WHAT {kind.label.upper()} IT HOLDS IS NOT KNOWN: clear it before anybody arms; "
        "nothing was armed by us"
    )


def _real(kind: ItemKind, items: Sequence[WireItem]) -> bool:
    """Whether it holds more than a mission's home."""
    return len(items) > (1 if kind is ItemKind.MISSION else 0)


def _wrong(kind: ItemKind, wanted: Sequence[WireItem], held: Sequence[WireItem]) -> str | None:
    is_mission = kind is ItemKind.MISSION
    if is_mission and not _real(kind, wanted) and not _real(kind, held):
        return None
    return difference(wanted, held, home_is_own=is_mission)
