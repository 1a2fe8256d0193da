"""The ledger: every event in the order in which it happened, each linked to the one before.

The hash of an entry is SHA-256 over canonical JSON of its position, the hash of the entry before
it and its event. Whoever alters, drops, adds or moves an entry has to rewrite every hash after it;
`verify` names the first that does not fit. A chain rewritten to its end, or cut short at its end,
shows only against a head that was noted elsewhere (`expected`), as cases.json does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from dispatch.cases import Event
from dispatch.errors import DispatchError
from dispatch.values import canonical_json

__all__ = ["GENESIS", "Entry", "Head", "Verdict", "entry_after", "verify"]

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Head:
    """How long the ledger is and the hash of its last entry (GENESIS where it has none)."""

    entries: int = 0
    hash: str = GENESIS


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger; `text` is the event as canonical JSON, exactly as hashed."""

    index: int
    case: str
    text: str
    previous: str
    hash: str

    @property
    def event(self) -> Event:
        """The event in it; raises DispatchError where the text is not one."""
        try:
            document = json.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise DispatchError(f"ledger entry {self.index} is not JSON ({error})") from None
        return Event.from_json(document)

    def computed_hash(self) -> str:
        return _hash(self.index, self.previous, self.text)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found; `first_broken` is the index of the first entry that does not fit."""

    entries: int
    head: str
    first_broken: int | None = None
    reason: str | None = None

    @property
    def ok(self) -> bool:
        return self.reason is None


def entry_after(head: Head, event: Event) -> Entry:
    """The entry that this event makes at the end of a ledger with this head."""
    text = canonical_json(event.to_json())
    return Entry(
        head.entries, event.case, text, head.hash, _hash(head.entries, head.hash, text)
    )  # fmt: skip


def verify(entries: Iterable[Entry], expected: Head | None = None) -> Verdict:
    """Check every entry in order, and that the ledger still continues an `expected` head."""
    head = Head()
    for entry in entries:
        reason = _fault(head, entry)
        if reason is not None:
            return Verdict(head.entries, head.hash, head.entries, reason)
        head = Head(head.entries + 1, entry.hash)
        if expected is not None and head.entries == expected.entries and head != expected:
            return Verdict(
                head.entries, head.hash, entry.index, "is not the one whose hash was noted"
            )
    if expected is not None and head.entries < expected.entries:
        return Verdict(
            head.entries, head.hash, head.entries,
            f"is missing: {expected.entries} entries were noted, {head.entries} are there",
        )  # fmt: skip
    return Verdict(head.entries, head.hash)


def _fault(head: Head, entry: Entry) -> str | None:
    if entry.index != head.entries:
        return f"is missing or moved: entry {entry.index} stands in its place"
    if entry.previous != head.hash:
        return "does not continue the entry before it"
    if entry.computed_hash() != entry.hash:
        return "was altered: its hash does not fit"
    try:
        event = entry.event
        canonical = canonical_json(event.to_json())
    except (DispatchError, ValueError) as error:
        return f"is no event: {error}"
    if canonical != entry.text or event.case != entry.case:
        return "is filed under another case, or not written canonically"
    return None


def _hash(index: int, previous: str, text: str) -> str:
    # `text` is canonical JSON already: pasted in, the whole is canonical JSON again.
    line = f'{{"event":{text},"index":{index},"previous":"{previous}"}}'
    return hashlib.sha256(line.encode("utf-8", "surrogatepass")).hexdigest()
