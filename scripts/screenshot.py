#!/usr/bin/env python3
"""Take a picture of the console: python scripts/screenshot.py URL OUT.png [--language en] ...

Needs the `dev` packages, Chromium (CHROMIUM names another one than the system's) and a Chinese font
(apt-get install fonts-noto-cjk).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Error, Page, sync_playwright

# WebGL without a graphics card.
_CHROMIUM = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader",
             "--enable-unsafe-swiftshader"]  # fmt: skip
_DRAWN_MS = 60_000
_PICTURES_THERE = """() => [...document.images]
    .filter(i => i.checkVisibility() && i.getBoundingClientRect().top < innerHeight)
    .every(i => i.complete)"""


def _drawn(page: Page) -> None:
    page.locator(".map-canvas[data-ready=true][data-idle=true]").wait_for(timeout=_DRAWN_MS)
    for _ in range(
        100
    ):  # the page's policy forbids scripts made of text, which waiting in it needs
        if page.evaluate(_PICTURES_THERE):
            return
        page.wait_for_timeout(100)


def _case(page: Page, number: str, zoom_out: int) -> None:
    """Open a case (the first of the list where `number` is "first") and step back from it."""
    rows = page.locator(".rows .row")
    row = rows.first if number == "first" else rows.filter(has_text=number).first
    row.click()
    page.locator(".detail .evidence button img").wait_for()
    page.wait_for_timeout(300)
    _drawn(page)
    for _ in range(zoom_out):
        page.locator(".maplibregl-ctrl-zoom-out").click()
        page.wait_for_timeout(500)
    _drawn(page)


def main() -> int:
    parser = argparse.ArgumentParser(description="Take a picture of the console.")
    parser.add_argument("url", help="where the console is served, say http://127.0.0.1:8000")
    parser.add_argument("out", type=Path, help="PNG to write")
    parser.add_argument("--language", choices=("zh", "en"), default="zh")
    parser.add_argument("--size", default="1440x900", help="WIDTHxHEIGHT (default %(default)s)")
    parser.add_argument("--case", default="", help="a case's number, or first; none by default")
    parser.add_argument("--zoom-out", type=int, default=2, help="steps back from the case")
    parser.add_argument("--timezone", default="Asia/Shanghai")
    options = parser.parse_args()
    try:
        width, height = map(int, options.size.lower().split("x"))
    except ValueError:
        parser.error(f"--size must be WIDTHxHEIGHT, found {options.size!r}")
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not chromium:
        print("error: chromium is not installed; run apt-get install chromium", file=sys.stderr)
        return 1
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_CHROMIUM)
        context = browser.new_context(
            viewport={"width": width, "height": height},
            timezone_id=options.timezone, locale="zh-CN", reduced_motion="reduce",
        )  # fmt: skip
        page = context.new_page()
        page.add_init_script(f"localStorage.setItem('river-patrol.language', '{options.language}')")
        try:
            page.goto(options.url)
            _drawn(page)
            if options.case:
                _case(page, options.case, options.zoom_out)
            page.mouse.move(5, 5)
            page.screenshot(path=options.out)
        except Error as error:
            print(f"error: {options.url}: {error.message.splitlines()[0]}", file=sys.stderr)
            return 1
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
