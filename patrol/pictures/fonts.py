"""A font with Chinese characters for the picture, where the machine has one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from matplotlib import font_manager

from patrol.pictures.words import Said

__all__ = ["Fonts", "installed_fonts", "latin_fonts"]

# Simplified Chinese first; a font that is there in several regions draws all of its characters.
_FAMILIES = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN",
    "Microsoft YaHei", "PingFang SC", "Hiragino Sans GB", "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei", "SimHei", "Heiti SC", "STHeiti", "Noto Sans CJK JP", "Noto Sans CJK TC",
    "Droid Sans Fallback", "Noto Serif CJK SC", "Source Han Serif SC", "SimSun",
    "Arial Unicode MS",
)  # fmt: skip
_FILES = (
    "notosanscjk", "notosanssc-", "sourcehansans", "msyh", "pingfang", "hiragino", "wqy",
    "simhei", "stheiti", "droidsansfallback", "notoserifcjk", "simsun",
)  # fmt: skip
_PROBE = "河岸架次"
_LATIN = "DejaVu Sans"


@dataclass(frozen=True, slots=True)
class Fonts:
    """The fonts of a picture. `chinese`: whether they can draw Chinese."""

    regular: font_manager.FontProperties
    bold: font_manager.FontProperties
    chinese: bool

    def text(self, text: str) -> str:
        """The text on one line, without what the font cannot draw.

        Where it cannot draw Chinese, of "中文 / English" the English is left, and of names that
        are Chinese only nothing.
        """
        line = " ".join(text.split())
        shown = _drawable(line, self._known())
        if shown == line:
            return line
        chinese, bar, english = line.partition(" / ")
        if bar and _drawable(chinese, self._known()) != chinese:
            shown = _drawable(english, self._known())
        return re.sub(r"\s+", " ", shown).strip(" ,:;/，。：；、（）()")

    def sized(self, size: float, *, bold: bool = False) -> font_manager.FontProperties:
        """The font in points."""
        font = (self.bold if bold else self.regular).copy()
        font.set_size(size)
        return font

    def said(self, said: Said) -> str:
        """Chinese and English on one line, or the English alone."""
        if not self.chinese:
            return self.text(said.en or said.zh)
        return self.text(str(said))

    def first(self, said: Said) -> str:
        """The Chinese, or the English where the font has no Chinese."""
        return self.text(said.zh) if self.chinese else self.text(said.en or said.zh)

    def named(self, name: str, name_en: str, code: str = "") -> str:
        """A name as the font can draw it: itself, else its English, else the code."""
        if self.text(name) == " ".join(name.split()) != "":
            return self.text(name)
        english = self.text(name_en)
        return english if any(c.isalnum() for c in english) else self.text(code)

    def _known(self) -> frozenset[int]:
        return _characters(self.regular) & _characters(self.bold)


def latin_fonts() -> Fonts:
    """The font that comes with matplotlib; no Chinese."""
    return Fonts(_properties(_LATIN, 400), _properties(_LATIN, 700), chinese=False)


@lru_cache(maxsize=1)
def installed_fonts() -> Fonts:
    """The first font of a list of well-known ones that is installed and can draw Chinese, else
    `latin_fonts`."""
    for family in _FAMILIES:
        entries = [e for e in font_manager.fontManager.ttflist if e.name == family]
        regular = _nearest(entries, 400)
        if regular is not None:
            return Fonts(regular, _nearest(entries, 700) or regular, chinese=True)
    # The list above is matplotlib's own and may be older than the font.
    paths = sorted(font_manager.findSystemFonts(), key=lambda path: ("bold" in path.lower(), path))
    for start in _FILES:
        named = [path for path in paths if Path(path).name.lower().startswith(start)]
        fonts = [font_manager.FontProperties(fname=path) for path in named]
        fonts = [font for font in fonts if _draws_chinese(font)]
        if fonts:
            bold = fonts[-1] if "bold" in str(fonts[-1].get_file()).lower() else fonts[0]
            return Fonts(fonts[0], bold, chinese=True)
    return latin_fonts()


def _nearest(entries: Iterable[Any], weight: int) -> font_manager.FontProperties | None:
    """The upright font nearest to a weight that still is there and draws Chinese."""
    upright = [e for e in entries if e.style == "normal" and Path(e.fname).is_file()]
    for entry in sorted(upright, key=lambda e: abs(_weight(e.weight) - weight)):
        index = getattr(entry, "index", 0)
        path = font_manager.FontPath(entry.fname, index) if index else entry.fname
        found = font_manager.FontProperties(fname=path)
        if _draws_chinese(found):
            return found
    return None


def _weight(weight: int | str) -> int:
    return weight if isinstance(weight, int) else int(font_manager.weight_dict.get(weight, 400))


def _draws_chinese(font: font_manager.FontProperties) -> bool:
    try:
        known = _characters(font)
    except (OSError, RuntimeError):  # a broken file
        return False
    return all(ord(c) in known for c in _PROBE)


def _properties(family: str, weight: int) -> font_manager.FontProperties:
    return font_manager.FontProperties(family=[family], weight=weight)


@lru_cache(maxsize=8)
def _characters(font: font_manager.FontProperties) -> frozenset[int]:
    path = font_manager.findfont(font, fallback_to_default=True)
    return frozenset(font_manager.get_font(path).get_charmap())


def _drawable(text: str, known: frozenset[int]) -> str:
    return "".join(c for c in text if ord(c) in known and c.isprintable())
