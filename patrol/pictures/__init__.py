"""A plan to look at: its figures, a picture to print, a page for a browser."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from patrol.pictures.figures import Facts, facts
from patrol.pictures.page import page_html, write_html
from patrol.plan import Plan

__all__ = ["Facts", "draw_png", "facts", "page_html", "write_html"]


def draw_png(plan: Plan, target: Path | IO[bytes], dpi: float = 200.0) -> None:
    """Draw a plan on A4 as PNG: see `patrol.pictures.drawing.draw_png`."""
    from patrol.pictures import drawing  # matplotlib takes long to start

    drawing.draw_png(plan, target, dpi)
