"""A flight in the console, in a real browser: what a flight in another process would write is
written here with `FlightDesk`, and what the console commands is read from it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from made_patrol import PATROL, Server, make_patrol
from playwright.sync_api import Browser, Page, expect

from patrol.flight.desk import FlightCommand, FlightDesk
from patrol.plan import Plan

START_S = 1779238800.0
FIRST_VEHICLE = "#0b5fd0"


@pytest.fixture(scope="module")
def folder(luogang: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_patrol(tmp_path_factory.mktemp("live") / "patrol", luogang, sightings=2)


@pytest.fixture(scope="module")
def server(serve: Callable[[Path], Server], folder: Path) -> Server:
    return serve(folder)


class Flown:
    """A made-up flight of two vehicles along the first sortie of the plan."""

    def __init__(self, desk: FlightDesk, plan: Plan) -> None:
        self.desk = desk
        self.sortie = plan.sorties[0]
        self.told = 0

    def at(self, vehicle: int, waypoint: int, **other: Any) -> None:
        here = self.sortie.waypoints[waypoint].position
        self.told += 1
        fields: dict[str, Any] = {
            "lon": here.lon_deg, "lat": here.lat_deg, "above_launch_m": 47.7, "yaw_deg": 120.0,
            "ground_speed_m_s": 8.0, "battery_pct": 87, "mode": "AUTO", "armed": True,
            "item": waypoint, "items": 300, "flown_m": 100.0 * waypoint, "planned_m": 12000.0,
            "recording": True, "link": "ok",
        }  # fmt: skip
        time_s = START_S + self.told
        self.desk.position(vehicle, self.sortie.id, time_s, **fields | other)

    def state(self, vehicle: int, state: str, text: str = "") -> None:
        self.desk.state(vehicle, self.sortie.id, START_S + self.told, state, text)

    def commanded(self, page: Page) -> FlightCommand:
        deadline = time.monotonic() + 20
        while not (found := self.desk.commands()):
            assert time.monotonic() < deadline, "no command came"
            page.wait_for_timeout(50)
        [command] = found
        return command


@pytest.fixture
def flown(folder: Path) -> Iterator[Flown]:
    plan = Plan.read(folder)
    sortie = plan.sorties[0]
    first = {
        "patrol": PATROL, "simulated": True, "vehicles": 2,
        "sorties": [{"id": sortie.id, "launch_site": sortie.launch_site, "planned_m": 12000.0,
                     "planned_s": 1376}],
    }  # fmt: skip
    with FlightDesk(folder, first=first) as desk:
        flight = Flown(desk, plan)
        for vehicle in (1, 2):
            flight.state(vehicle, "mission")
            flight.at(vehicle, 3)
        yield flight


def panel(page: Page) -> Any:
    return page.get_by_role("region", name="飞行", exact=True)


def test_a_flight_is_followed_commanded_and_seen_to_its_end(page: Page, flown: Flown) -> None:
    page.goto("/")
    first = panel(page).get_by_role("listitem", name="1 号机")
    expect(panel(page)).to_contain_text("飞行中")
    expect(first).to_contain_text("执行航线")
    expect(first).to_contain_text("航点 3 / 300")
    expect(first).to_contain_text("87 %")
    expect(first.locator(".recording.on")).to_be_visible()
    # Positions come as they are told.
    flown.at(1, 60, battery_pct=19, recording=False)
    flown.at(2, 30, link="silent")
    expect(first).to_contain_text("航点 60 / 300")
    expect(first.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "50")
    expect(first.locator("dd.over")).to_have_text("19 %")
    expect(first.locator(".recording.on")).to_have_count(0)
    second = panel(page).get_by_role("listitem", name="2 号机")
    expect(second.locator("dd.over")).to_have_text("中断")
    # So do events, the newest first.
    flown.desk.event(None, 1, START_S + 9, "info", "到达航点 reached item 60")
    flown.desk.event(None, 1, START_S + 10, "warning", "阵风 gusts <b>")
    rows = page.get_by_role("list", name="飞行事件").locator("li")
    expect(rows.first).to_have_text(re.compile("09:00:10.*阵风 gusts <b>"))
    expect(rows.first).to_have_class("warned")
    page.get_by_role("checkbox", name="只看警告").check()
    expect(rows).to_have_count(1)

    # Pause: the command stands in the patrol's folder, its answer comes back.
    first.get_by_role("button", name="暂停").click()
    command = flown.commanded(page)
    assert (command.action, command.vehicle, command.by) == ("pause", 1, "console")
    flown.desk.answer(command.id, 1, True, "paused at item 60")
    flown.state(1, "paused", "暂停 paused at item 60")
    expect(page.get_by_text("1 号机 暂停：paused at item 60")).to_be_visible()
    expect(first.locator(".state")).to_have_text("已暂停")
    first.get_by_role("button", name="继续").click()
    command = flown.commanded(page)
    assert (command.action, command.vehicle) == ("resume", 1)
    flown.desk.answer(command.id, 1, False, "the pilot has the vehicle")
    expect(page.get_by_text("1 号机 未能继续：the pilot has the vehicle")).to_be_visible()

    # Landing where it is has to be confirmed.
    second.get_by_role("button", name="降落").click()
    page.get_by_role("button", name="取消").click()
    second.get_by_role("button", name="降落").click()
    assert flown.desk.commands() == []
    page.get_by_role("button", name="就地降落").locator("visible=true").click()
    command = flown.commanded(page)
    assert (command.action, command.vehicle) == ("land", 2)
    flown.desk.answer(command.id, 2, True, "land: landing")
    expect(page.get_by_text("2 号机 降落：land: landing")).to_be_visible()
    page.locator(".flight-all").get_by_role("button", name="返航").click()
    command = flown.commanded(page)
    assert (command.action, command.vehicle) == ("return", None)
    flown.desk.answer(command.id, None, False, "it has landed")
    flown.desk.answer(command.id, None, True, "return: returning")
    expect(page.get_by_text("全部飞机 返航：return: returning")).to_be_visible()

    for vehicle in (1, 2):
        flown.state(vehicle, "done", "complete")
    flown.desk.end("complete", 0, 0.998)
    flown.desk.__exit__(None, None, None)
    expect(panel(page)).to_contain_text("飞行完成")
    expect(panel(page)).to_contain_text("99.8%")
    expect(first.locator(".state")).to_have_text("架次结束")
    expect(first.get_by_role("button", name="暂停")).to_have_count(0)


def test_the_vehicles_and_what_they_flew_are_on_the_map(
    page: Page, flown: Flown, drawn: Callable[[Page], None]
) -> None:
    import io

    from PIL import Image

    def blue() -> int:
        """Pixels of about the first vehicle's colour."""
        picture = Image.open(io.BytesIO(page.locator(".map-canvas canvas").screenshot()))
        wanted = tuple(int(FIRST_VEHICLE[i : i + 2], 16) for i in (1, 3, 5))
        return sum(
            n
            for n, colour in picture.convert("RGB").getcolors(1 << 22) or []
            if max(abs(a - b) for a, b in zip(colour, wanted, strict=True)) < 12
        )

    def until(condition: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, otherwise
            page.wait_for_timeout(200)

    page.goto("/")
    page.get_by_role("button", name="图层与图例").click()  # it shows the colour too
    panel(page).get_by_role("button", name="在地图上定位 1 号机").click()
    drawn(page)
    until(lambda: blue() > 150, "the vehicle is not drawn")
    alone = blue()
    for waypoint in range(4, 12):
        flown.at(1, waypoint)
    flown.at(1, 3)
    until(lambda: blue() > alone + 150, "its trail is not drawn")
    page.reload()  # the trail is still known
    panel(page).get_by_role("button", name="在地图上定位 1 号机").click()
    page.get_by_role("button", name="图层与图例").click()
    drawn(page)
    until(lambda: blue() > alone + 150, "its trail is gone")


def test_silence_and_a_broken_stream_are_said(
    browser: Browser, serve: Callable[[Path], Server], folder: Path, flown: Flown
) -> None:
    """The server ends; its console keeps the last state, says so, and comes back by itself."""
    server = serve(folder)
    page = browser.new_page(base_url=server.url, timezone_id="Asia/Shanghai")
    page.goto("/")
    alert = panel(page).get_by_role("alert")
    expect(panel(page).get_by_role("listitem", name="1 号机")).to_contain_text("航点 3 / 300")
    expect(alert).to_contain_text("没有收到消息")  # the flight says nothing while in the air
    flown.at(1, 4)
    expect(alert).to_have_count(0)
    server.stop()
    expect(alert).to_contain_text("没有收到消息")
    expect(panel(page)).to_contain_text("航点 4 / 300")
    page.close()


def test_another_flight_takes_the_place_of_the_one_before(
    page: Page, folder: Path, flown: Flown
) -> None:
    page.goto("/")
    expect(panel(page)).to_contain_text("航点 3 / 300")
    flown.desk.__exit__(None, None, None)  # its program is killed
    expect(panel(page)).to_contain_text("飞行程序已中断")
    with FlightDesk(folder, first={"patrol": PATROL, "vehicles": 1, "sorties": []}) as desk:
        again = Flown(desk, Plan.read(folder))
        again.state(1, "takeoff")
        again.at(1, 1)
        expect(panel(page)).to_contain_text("航点 1 / 300")
        expect(panel(page).get_by_role("listitem", name="2 号机")).to_have_count(0)


def test_the_panel_fits_and_is_english_after_the_switch(page: Page, flown: Flown) -> None:
    flown.at(1, 5)
    page.goto("/")
    page.get_by_role("button", name="切换到英文").click()
    region = page.get_by_role("region", name="Flight", exact=True)
    expect(region).to_contain_text("item 5 / 300")
    assert not re.findall(r"[\u4e00-\u9fff]+", region.inner_text())
    for width in (1440, 1000, 700):
        page.set_viewport_size({"width": width, "height": 700})
        page.wait_for_timeout(100)
        over = page.evaluate(
            """() => { const right = document.querySelector('.side').getBoundingClientRect().right
                 return [...document.querySelectorAll('.flight *')]
                   .filter(e => e.getBoundingClientRect().right > right + 1)
                   .map(e => e.className) }"""
        )
        assert over == [], width
