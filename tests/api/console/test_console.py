"""What a street office does in the console, in a real browser on the real server."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from made_patrol import Server
from PIL import Image
from playwright.sync_api import Page, expect

Drawn = Callable[[Page], None]
WATER = (169, 208, 226)
NAME_INK = (93, 85, 70)
DETAIL_PX = 396
LEGEND_PX = 225


def cases(server: Server) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = server.get("/api/cases?limit=1000")["items"]
    return items


def case(server: Server, **wanted: Any) -> dict[str, Any]:
    """The first case with these values."""
    return next(c for c in cases(server) if all(c[k] == v for k, v in wanted.items()))


def colours(page: Page) -> dict[tuple[int, int, int], int]:
    """How many pixels of the map, right of the legend, have which colour."""
    picture = Image.open(io.BytesIO(page.locator(".map-canvas canvas").screenshot()))
    picture = picture.convert("RGB").crop((LEGEND_PX, 0, picture.width, picture.height))
    return {colour: n for n, colour in picture.getcolors(1 << 22) or []}


def near(found: dict[tuple[int, int, int], int], wanted: tuple[int, int, int]) -> int:
    """Pixels of about this colour: letters are thin and their edges soft."""
    return sum(
        n
        for colour, n in found.items()
        if max(abs(a - b) for a, b in zip(colour, wanted, strict=True)) < 30
    )


def until(page: Page, condition: Callable[[], bool], otherwise: str) -> None:
    """Wait for what the map shows in the end; an assertion with these words if it never does."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, otherwise
        page.wait_for_timeout(200)


def test_the_list_shows_every_case_the_late_ones_first_and_in_red(
    page: Page, server: Server
) -> None:
    page.goto("/")
    expected = cases(server)
    rows = page.locator(".rows .row")
    expect(rows).to_have_count(len(expected))
    late = [c["number"] for c in expected if c["overdue"]]
    assert len(late) == 2
    for i, number in enumerate(sorted(late)):
        expect(rows.nth(i)).to_contain_text(number)
        expect(rows.nth(i).locator(".deadline.over")).to_contain_text("超 ")
    waiting = next(c["number"] for c in expected if c["state"] == "dispatched" and not c["overdue"])
    expect(rows.filter(has_text=waiting).locator(".deadline")).to_contain_text(
        re.compile("剩 1[89] 小时")
    )
    expect(page.locator(".totals")).to_contain_text("12.0 公里")
    expect(page.locator(".totals .overdue")).to_have_text(str(len(late)))


def test_a_case_opens_with_its_evidence_its_order_and_its_place(
    page: Page, server: Server, drawn: Drawn
) -> None:
    page.goto("/")
    wanted = case(server, **{"class": "discharge", "state": "dispatched"})
    page.locator(".row", has_text=wanted["number"]).click()
    detail = page.get_by_role("complementary", name="详情")
    picture = detail.get_by_role("img", name=f"证据图片 {wanted['number']}")
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") == 960
    expect(detail).to_contain_text(wanted["order"]["number"])
    expect(detail).to_contain_text("黄埔区生态环境分局")
    expect(detail).to_contain_text(f"{wanted['lon']:.6f}, {wanted['lat']:.6f}")
    expect(detail).to_contain_text("半轴")
    expect(detail).to_contain_text(wanted["community"]["name"])
    expect(detail.locator(".timeline > li")).to_have_count(3)
    assert page.url.endswith(f"#/case/{wanted['number']}")
    expect(page.locator(".row[aria-current=true]")).to_contain_text(wanted["number"])

    detail.get_by_role("button", name="放大证据图片").click()
    expect(page.locator(".ant-image-preview-img")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".ant-image-preview-img")).not_to_be_visible()
    expect(detail, "Esc closes the picture, not the case under it").to_be_visible()

    # The map has flown there: its pin stands in the middle of what the details leave free.
    drawn(page)
    page.keyboard.press("Escape")
    expect(detail).to_have_count(0)
    box = page.locator(".map-canvas").bounding_box()
    assert box
    page.mouse.click(box["x"] + (box["width"] - DETAIL_PX) / 2, box["y"] + box["height"] / 2 - 14)
    expect(page.get_by_role("complementary", name="详情")).to_contain_text(wanted["number"])


def test_the_map_is_drawn_without_tiles_and_its_layers_can_be_switched(
    page: Page, server: Server, drawn: Drawn
) -> None:
    page.goto(f"/#/case/{case(server, **{'class': 'floating_waste'})['number']}")
    expect(page.locator(".detail .facts").first).to_be_visible()
    drawn(page)
    assert len(colours(page)) > 300, "the map is blank"
    until(page, lambda: colours(page).get(WATER, 0) > 5000, "no river is drawn")
    page.get_by_role("checkbox", name="河道", exact=True).uncheck()
    until(page, lambda: colours(page).get(WATER, 0) == 0, "the river is still drawn")


def test_names_are_written_on_the_map(page: Page, drawn: Drawn) -> None:
    """In the machine's own fonts: there is no glyph server. The names are the English ones here,
    because a bare machine may have no Chinese font."""
    page.goto("/")
    page.get_by_role("button", name="切换到英文").click()
    drawn(page)
    until(page, lambda: near(colours(page), NAME_INK) > 400, "no name is written")
    page.get_by_role("checkbox", name="Communities", exact=True).uncheck()
    until(page, lambda: near(colours(page), NAME_INK) < 100, "the names are still written")


def test_everything_is_english_after_the_switch_and_stays_so(page: Page, server: Server) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="河道巡查")).to_be_visible()
    page.get_by_role("button", name="切换到英文").click()
    expect(page.get_by_role("heading", name="River Patrol")).to_be_visible()
    page.locator(".row").first.click()
    detail = page.get_by_role("complementary", name="Details")
    expect(detail).to_contain_text("Accept by")
    assert page.evaluate("document.documentElement.lang") == "en-GB"
    page.reload()
    expect(page.get_by_role("heading", name="River Patrol")).to_be_visible()
    expect(detail).to_contain_text("Accept by")
    # What the office itself wrote stays as it was written; the console's own words are English.
    shown = page.locator("body").inner_text()
    allowed = [c["community"]["name"] for c in cases(server) if c["community"]]
    number = page.url.rpartition("/")[2]
    allowed += ["中文", server.get(f"/api/cases/{number}")["report"]["suspicion"]]
    for text in allowed:
        shown = shown.replace(text, "")
    assert not re.findall(r"[\u4e00-\u9fff]+", shown)


def test_the_list_can_be_filtered_and_sorted(page: Page, server: Server) -> None:
    page.goto("/")
    expected = cases(server)
    rows = page.locator(".rows .row")
    expect(rows).to_have_count(len(expected))
    page.get_by_label("按类型筛选").click()
    page.locator(".ant-select-item-option", has_text="漂浮垃圾").click()
    expect(rows).to_have_count(sum(c["class"] == "floating_waste" for c in expected))
    page.get_by_role("button", name="清除筛选").click()
    expect(rows).to_have_count(len(expected))
    page.get_by_label("按状态筛选").click()
    page.locator(".ant-select-item-option", has_text="已上报").click()
    expect(rows).to_have_count(sum(c["state"] == "reported" for c in expected))
    page.get_by_role("button", name="清除筛选").click()
    page.locator(".totals .overdue").click()
    expect(rows).to_have_count(sum(c["overdue"] for c in expected))


def test_the_next_step_is_taken_by_name_and_refusals_are_one_sentence(
    page: Page, server: Server
) -> None:
    wanted = case(server, state="dispatched", overdue=False)
    page.goto(f"/#/case/{wanted['number']}")
    detail = page.get_by_role("complementary", name="详情")
    detail.get_by_role("button", name="退回", exact=True).click()
    detail.get_by_label("经办人").fill("李工")
    detail.get_by_role("button", name="确认退回").click()
    expect(detail.get_by_role("alert")).to_have_text("退回须说明理由。")
    detail.get_by_role("button", name="接单", exact=True).click()
    expect(detail.get_by_label("经办人")).to_have_value("李工")
    detail.get_by_role("button", name="确认接单").click()
    expect(detail.locator(".detail-head .state")).to_have_text("已接单")
    expect(detail.locator(".timeline > li").first).to_contain_text("李工")
    expect(page.locator(".row", has_text=wanted["number"]).locator(".state")).to_have_text("已接单")
    detail.get_by_role("button", name="退回", exact=True).click()
    detail.get_by_label("退回理由").fill("不属于本部门 <b>管辖</b>")
    detail.get_by_role("button", name="确认退回").click()
    expect(detail.locator(".detail-head .state")).to_have_text("已退回")
    expect(detail.locator(".timeline > li").first).to_contain_text("理由：不属于本部门 <b>管辖</b>")
    now = server.get(f"/api/cases/{wanted['number']}")
    assert [event["step"] for event in now["events"]][-2:] == ["accept", "return"]
    # Sent on to a department of the operator's choice.
    detail.get_by_role("button", name="派单", exact=True).click()
    detail.get_by_label("责任部门").click()
    page.locator(".ant-select-item-option", has_text="黄埔区水务局").last.click()
    detail.get_by_role("button", name="确认派单").click()
    expect(detail).to_contain_text(f"{wanted['number']}-2")
    order = server.get(f"/api/cases/{wanted['number']}")["order"]
    assert order["department"] == "WAB"


def test_a_sighting_that_is_no_case_can_be_looked_at(page: Page) -> None:
    page.goto("/")
    page.get_by_text("发现 14").click()
    rows = page.locator(".rows .row")
    expect(rows).to_have_count(14)
    rows.filter(has_text="未立案").first.click()
    detail = page.get_by_role("complementary", name="详情")
    expect(detail).to_contain_text("S0003")
    expect(detail.get_by_role("img", name="证据图片 S0003")).to_be_visible()
    # One that is a case leads to its case.
    rows.first.click()
    expect(detail.get_by_role("heading", level=2)).to_contain_text("LG-")


def test_the_list_works_from_the_keyboard(page: Page) -> None:
    page.goto("/")
    rows = page.locator(".rows .row")
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    detail = page.get_by_role("complementary", name="详情")
    expect(detail.get_by_role("heading", level=2)).to_be_focused()
    page.keyboard.press("Escape")
    expect(detail).to_have_count(0)
    expect(rows.nth(1)).to_be_focused()


def test_nothing_yet_and_nobody_there_are_one_sentence_each(
    browser: Any, serve: Callable[[Path], Server], tmp_path: Path
) -> None:
    server = serve(tmp_path)
    page = browser.new_page()
    page.goto(f"{server.url}/#/case/LG-20260520-0099")
    expect(page.get_by_role("alert")).to_contain_text("没有找到案件 LG-20260520-0099")
    page.keyboard.press("Escape")
    expect(page.locator(".empty")).to_contain_text("还没有巡查数据")
    server.stop()
    page.evaluate("location.hash = '#/case/LG-20260520-0098'")
    expect(page.get_by_role("alert").first).to_contain_text("无法连接服务器")
    page.close()


def test_nothing_sticks_out_of_the_window(page: Page, server: Server) -> None:
    page.goto(f"/#/case/{cases(server)[0]['number']}")
    expect(page.locator(".facts").first).to_be_visible()
    for width in (1440, 1024, 700):
        page.set_viewport_size({"width": width, "height": 768})
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        over = page.evaluate(
            """() => [...document.querySelectorAll('.header *, .row *, .detail-body *')]
                 .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
                 .map(e => e.className)"""
        )
        assert over == [], width
