"""The ledger: whatever is altered, dropped, added or moved is found, and where."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import NOON, dispatched

from dispatch.cases import Event, Step
from dispatch.ledger import GENESIS, Entry, Head, entry_after, verify
from dispatch.values import canonical_json, is_plain_text, iso


def chain(cases: int = 4) -> list[Entry]:
    entries: list[Entry] = []
    head = Head()
    for index in range(cases):
        _, events = dispatched(f"LG-20260520-{index + 1:04d}", sighting=f"S{index:04d}")
        for event in events:
            entries.append(entry_after(head, event))
            head = Head(len(entries), entries[-1].hash)
    return entries


LEDGER = chain()
END = Head(len(LEDGER), LEDGER[-1].hash)


def test_an_untouched_ledger_verifies() -> None:
    verdict = verify(LEDGER, END)
    assert verdict.ok
    assert (verdict.entries, verdict.head) == (END.entries, END.hash)
    assert verify([]).head == GENESIS


def test_the_hash_is_sha_256_over_canonical_json() -> None:
    import hashlib

    entry = LEDGER[1]
    document = {"index": 1, "previous": LEDGER[0].hash, "event": json.loads(entry.text)}
    assert hashlib.sha256(canonical_json(document).encode()).hexdigest() == entry.hash


@pytest.mark.parametrize("index", range(len(LEDGER)))
def test_dropping_doubling_or_swapping_is_named(index: int) -> None:
    last = len(LEDGER) - 1
    dropped = verify(LEDGER[:index] + LEDGER[index + 1 :], END)
    doubled = verify([*LEDGER[: index + 1], *LEDGER[index:]], END)
    assert dropped.first_broken == index
    assert doubled.first_broken == index + 1
    if index < last:
        swapped = list(LEDGER)
        swapped[index], swapped[index + 1] = swapped[index + 1], swapped[index]
        assert verify(swapped, END).first_broken == index


@pytest.mark.parametrize("index", range(len(LEDGER)))
@pytest.mark.parametrize("name", ["text", "previous", "hash", "case"])
def test_every_flipped_bit_is_named(index: int, name: str) -> None:
    original: str = getattr(LEDGER[index], name)
    raw = original.encode()
    for bit in range(8 * len(raw)) if name != "text" else range(0, 8 * len(raw), 13):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << (bit % 8)
        text = flipped.decode("utf-8", "surrogateescape")
        entries = list(LEDGER)
        entries[index] = replace(entries[index], **{name: text})
        verdict = verify(entries, END)
        # a changed hash may show in the entry that continues it
        assert verdict.first_broken in (index, index + 1), (name, bit)


@pytest.mark.parametrize("index", range(len(LEDGER)))
def test_a_ledger_rewritten_to_its_end_shows_against_a_noted_head(index: int) -> None:
    """Somebody who may write the file alters an event and hashes everything after it anew."""
    head = Head(index, LEDGER[index].previous)
    forged = LEDGER[:index]
    for entry in LEDGER[index:]:
        event = entry.event
        if entry.index == index:
            event = replace(event, actor="nobody")
        forged.append(entry_after(head, event))
        head = Head(len(forged), forged[-1].hash)
    assert verify(forged).ok, "by itself it looks whole"
    assert not verify(forged, END).ok
    noted = Head(index + 1, LEDGER[index].hash)
    assert verify(forged, noted).first_broken == index


def test_an_entry_that_is_hashed_well_but_is_no_event() -> None:
    for text in ('{"a":1}', "[]", "not json", '{"case": "x"}'):
        plain = entry_after(Head(), LEDGER[0].event)
        forged = replace(plain, text=text)
        forged = replace(forged, hash=forged.computed_hash())
        verdict = verify([forged])
        assert verdict.first_broken == 0
        assert "\n" not in str(verdict.reason)


@settings(max_examples=100)
@given(
    st.text(st.characters(), max_size=40),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=8,
    ),
)
def test_what_is_written_is_read_again(note: str, value: object) -> None:
    assert canonical_json(json.loads(canonical_json(value))) == canonical_json(value)
    if is_plain_text(note):
        event = Event(
            "C-1",
            Step.ACCEPT,
            "王",
            NOON + timedelta(microseconds=7),
            None,
            LEDGER[0].event.to_state,
            {"note": note, "more": value},
        )
        entry = entry_after(Head(), event)
        assert entry.event.to_json() == event.to_json()
        assert verify([entry]).ok
        assert iso(entry.event.at).endswith(".000007Z")
