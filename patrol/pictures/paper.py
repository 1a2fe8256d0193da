"""A sheet of A4 to write on: points (1/72 inch) from the upper left corner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from patrol.pictures.colours import INK
from patrol.pictures.fonts import Fonts

__all__ = ["HEIGHT", "WIDTH", "Paper"]

WIDTH, HEIGHT = 210 / 25.4 * 72, 297 / 25.4 * 72  # points


class Paper:
    """The sheet; `figure` is matplotlib's, without the state that pyplot keeps."""

    def __init__(self, fonts: Fonts) -> None:
        self.fonts = fonts
        self.figure: Any = Figure(figsize=(WIDTH / 72, HEIGHT / 72), facecolor="white")
        self._renderer = RendererAgg(100, 100, 72)  # for measuring only
        self.axes = self.axes_at(0, 0, WIDTH, HEIGHT)
        self.axes.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))
        self.axes.axis("off")

    def axes_at(self, left: float, top: float, width: float, height: float) -> Any:
        return self.figure.add_axes(
            (left / WIDTH, 1 - (top + height) / HEIGHT, width / WIDTH, height / HEIGHT)
        )

    def text(
        self,
        x: float,
        base: float,
        text: str,
        size: float,
        *,
        bold: bool = False,
        colour: str = INK,
        align: str = "left",
        room: float = WIDTH,
    ) -> float:
        """Write on a base line, cut to the room there is; returns where the text ends."""
        font = self.fonts.sized(size, bold=bold)
        line = fitted(self.fonts.text(text), room, lambda part: self._width(part, font))
        self.axes.text(
            x, base, line, fontproperties=font, color=colour, ha=align, va="baseline",
            parse_math=False,
        )  # fmt: skip
        return x + self._width(line, font)

    def width_of(self, text: str, size: float, *, bold: bool = False) -> float:
        return self._width(text, self.fonts.sized(size, bold=bold))

    def _width(self, text: str, font: Any) -> float:
        return float(self._renderer.get_text_width_height_descent(text, font, ismath=False)[0])

    def rule(self, y: float, left: float, right: float, colour: str, width: float = 0.6) -> None:
        self.axes.plot([left, right], [y, y], color=colour, lw=width, solid_capstyle="butt")

    def block(self, x: float, y: float, width: float, height: float, **style: Any) -> None:
        """A rectangle by its upper left corner."""
        self.axes.add_patch(Rectangle((x, y), width, height, **style))


def fitted(text: str, room: float, width_of: Callable[[str], float]) -> str:
    """The text, ending in "…" where it is longer than the room."""
    if width_of(text) <= room:
        return text
    low, high = 0, len(text)  # the longest start that fits lies between
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if width_of(text[:middle] + "…") <= room else (low, middle)
    return text[:low].rstrip() + "…"
