"""The page: one file, well formed, with nothing from outside in it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from drawn_plans import PHOTOS, hand_plan, renamed

from patrol.pictures import page_html, write_html
from patrol.plan import Plan, Uncovered

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>&amp;"
UNSEEN = (Uncovered("R1", "right", 55.0, 125.0, "禁飞区 no-fly zone: 变电站"),)
_VOID = {"meta", "br", "img", "link", "input", "hr"}


class Reader(HTMLParser):
    """Elements with their attributes, and the text of the page; complains of what is not closed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text.append(data)


def read(plan: Plan) -> Reader:
    reader = Reader()
    reader.feed(page_html(plan))
    reader.close()
    assert reader.open == []
    return reader


def test_the_page_needs_nothing_else() -> None:
    html = page_html(hand_plan(uncovered=UNSEEN, zone=True, notes=("绕飞 detours: 1 m",)))
    assert not re.search(r"https?:|//[a-z]|\bsrc=|@import|<link", html)
    assert all(ref.startswith("#") for ref in re.findall(r'href="([^"]*)"', html))
    assert all(ref == "#hatch" for ref in re.findall(r"url\(([^)]*)\)", html))


def test_rows_lanes_and_lists() -> None:
    reader = read(hand_plan(uncovered=UNSEEN, zone=True, notes=("绕飞 detours: 1 m",)))
    rows = [a["data-s"] for tag, a in reader.found if tag == "tr" and "data-s" in a]
    groups = [
        a["data-s"] for tag, a in reader.found if tag == "g" and "l" not in a and "data-s" in a
    ]
    assert rows == ["1", "2"]
    assert set(groups) == {"1", "2"}
    text = " ".join("".join(reader.text).split())
    for said in (
        "右岸 right bank 55–125 m",
        "变电站 Substation",
        "绕飞 detours: 1 m",
        "+0:10",
        "R1号涌",
    ):
        assert said in text


def test_ids_are_unique_and_references_are_there() -> None:
    reader = read(hand_plan(PHOTOS, rivers=5, zone=True))
    ids = [a["id"] for _, a in reader.found if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"] for tag, a in reader.found if tag == "use"} <= {f"#{i}" for i in ids}


def test_a_hostile_name_stays_text() -> None:
    reader = read(renamed(hand_plan(uncovered=UNSEEN, zone=True), HOSTILE))
    assert [tag for tag, _ in reader.found].count("script") == 1
    assert not [tag for tag, _ in reader.found if tag == "img"]
    assert not [name for _, a in reader.found for name in a if name.startswith("on")]
    assert HOSTILE in "".join(reader.text)


@pytest.mark.parametrize("name", ["", "  ", "萝岗\x00\x1b区\n二", "𠀀" * 40, "a" * 500])
def test_any_name_makes_a_page(name: str) -> None:
    reader = read(renamed(hand_plan(uncovered=UNSEEN, zone=True), name))
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", "".join(reader.text))


def test_no_script_but_its_own_may_run() -> None:
    [policy] = [str(a["content"]) for tag, a in read(hand_plan()).found if "http-equiv" in a]
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]{44}'$", policy)


def test_a_plan_that_sees_everything_lists_nothing() -> None:
    text = "".join(read(hand_plan()).text)
    assert "未覆盖" not in text
    assert "100.00 %" in text


def test_small_and_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "plan.html"
    write_html(hand_plan(rivers=4, river_m=3000.0, bends=200), path)
    assert path.stat().st_size < 200_000
    assert path.read_text(encoding="utf-8").endswith("</html>\n")
    assert list(tmp_path.iterdir()) == [path]


def test_a_hundred_rivers() -> None:
    html = page_html(hand_plan(rivers=100, river_m=2000.0, bends=60))
    assert len(html) < 1_200_000
    assert html.count("<tr class=") == 100
