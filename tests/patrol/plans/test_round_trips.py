"""Every format: written, read back, written again; and damaged files end in one line."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_plans import plans, small_plan

from patrol.errors import PlanFileError
from patrol.export import FORMATS, Route, route_of
from patrol.plan import Plan


@pytest.mark.parametrize("name", list(FORMATS))
@settings(max_examples=25, deadline=None)
@given(plan=plans())
def test_read_back_it_is_what_the_format_carries(name: str, plan: Plan) -> None:
    chosen = FORMATS[name]
    for sortie in plan.sorties:
        route = route_of(plan, sortie)
        files = chosen.write(route)
        again = chosen.read(files)
        assert again == chosen.carried(route)
        assert chosen.carried(again) == again
        assert chosen.write(again) == files


@pytest.mark.parametrize("name", list(FORMATS))
def test_the_flight_itself_is_always_carried(name: str) -> None:
    plan = small_plan(capture="photos")
    route = route_of(plan, plan.sorties[0])
    again = FORMATS[name].carried(route)
    assert [(p.position, p.above_launch_m, p.speed_m_s, p.capture) for p in again.points] == [
        (p.position, p.above_launch_m, p.speed_m_s, p.capture) for p in route.points
    ]
    assert (again.name, again.pitch_deg) == (route.name, route.pitch_deg)
    assert again.trigger_m == route.trigger_m > 0


def read_or_one_line(name: str, files: dict[str, bytes]) -> None:
    chosen = FORMATS[name]
    try:
        route = chosen.read(files)
    except PlanFileError as error:
        assert "\n" not in str(error)
        assert "sortie-01" in str(error)
        return
    assert isinstance(route, Route)
    if route.home is not None or name == "litchi":
        again = chosen.read(chosen.write(route))
        assert again == chosen.carried(route)


_WORDS = [
    b"", b"0", b"-1", b"1e999", b"NaN", b"999999999999999999999", b"null", b"true", b'"', b"<",
    b"[]", b"{}", b"\t", b"\n", b"\xff", b"\x00", "左".encode(), b"&amp;", b"2", b"20", b"16",
]  # fmt: skip


def damaged(data: st.DataObject, text: bytes) -> bytes:
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        until = min(len(text), at + data.draw(st.sampled_from([0, 1, 2, 5, 40, 4000])))
        text = text[:at] + data.draw(st.sampled_from(_WORDS)) + text[until:]
    return text


@pytest.mark.parametrize("name", list(FORMATS))
@pytest.mark.parametrize("capture", ["video", "photos"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_files_are_read_or_refused_in_one_line(
    name: str, capture: str, data: st.DataObject
) -> None:
    plan = small_plan(capture=capture)
    [(file, text)] = FORMATS[name].write(route_of(plan, plan.sorties[0])).items()
    read_or_one_line(name, {file: damaged(data, text)})


def repacked(parts: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return packed.getvalue()


@pytest.mark.parametrize("capture", ["video", "photos"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_wpml_in_a_whole_archive(capture: str, data: st.DataObject) -> None:
    plan = small_plan(capture=capture)
    [(file, packed)] = FORMATS["wpml"].write(route_of(plan, plan.sorties[0])).items()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    which = data.draw(st.sampled_from(sorted(parts)))
    parts[which] = damaged(data, parts[which])
    read_or_one_line("wpml", {file: repacked(parts)})


@pytest.mark.parametrize("name", list(FORMATS))
def test_nothing_and_too_much(name: str) -> None:
    suffix = FORMATS[name].suffix
    for files in ({}, {f"sortie-01{suffix}": b""}, {f"sortie-01{suffix}": b" " * 33_000_000}):
        with pytest.raises(PlanFileError) as caught:
            FORMATS[name].read(files)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["kml", "wpml"])
def test_entities_are_not_expanded(name: str) -> None:
    bomb = (
        b'<?xml version="1.0"?><!DOCTYPE k [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        b'<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>&b;</name></Document></kml>'
    )
    parts = {"wpmz/template.kml": bomb, "wpmz/waylines.wpml": bomb}
    data = repacked(parts) if name == "wpml" else bomb
    with pytest.raises(PlanFileError, match="DTD or entities"):
        FORMATS[name].read({f"sortie-01{FORMATS[name].suffix}": data})


def test_an_archive_that_unpacks_to_far_more_is_refused() -> None:
    huge = b" " * 33_000_000
    packed = repacked({"wpmz/template.kml": huge, "wpmz/waylines.wpml": huge})
    assert len(packed) < 200_000
    with pytest.raises(PlanFileError, match=r"template\.kml: expected at most"):
        FORMATS["wpml"].read({"sortie-01.kmz": packed})
    lying = packed.replace((33_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    with pytest.raises(PlanFileError):
        FORMATS["wpml"].read({"sortie-01.kmz": lying})


def test_names_that_no_file_can_hold_are_made_plain() -> None:
    plan = small_plan()
    zones = tuple(
        type(z)("禁\n飞<区>&\x00\ud800" + "长" * 300, z.outline) for z in plan.no_fly_zones
    )
    odd = type(plan)(**{f: getattr(plan, f) for f in plan.__slots__} | {"no_fly_zones": zones})
    route = route_of(odd, odd.sorties[0])
    assert route.zones[0].name.startswith("禁 飞<区>& 长")
    assert len(route.zones[0].name) == 200
    for chosen in FORMATS.values():
        assert chosen.read(chosen.write(route)) == chosen.carried(route)
