"""The names under which different programs write the same property.

A Shapefile cuts names to ten characters and often writes them in capitals, KML has `Name`, GPX
has no properties but a description, OpenStreetMap writes `name:en` and `width`, and a Chinese
survey 名称 and 河宽. All of them are found under the names this project uses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["normal_properties"]

_ALIASES: dict[str, tuple[str, ...]] = {
    "code": ("code", "编号", "编码", "代码", "河道编码"),
    "name": ("name", "名称", "河名", "河道名称"),
    "name_en": ("name_en", "name:en", "nameen", "英文名", "英文名称"),
    "width_m": ("width_m", "width", "宽度", "河宽"),
    "left_m": ("left_m",),
    "right_m": ("right_m",),
}
_METRES = re.compile(r"\s*(\d+(?:\.\d*)?)\s*(?:m|米)\s*")
_IN_TEXT = re.compile(
    r"(?:^|[;,；，\n>])\s*(code|name_en|width_m|left_m|right_m)\s*[=:：]\s*([^;,；，\n<]+)",
    re.IGNORECASE,
)


def normal_properties(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties as plain values, and `code`, `name`, `name_en`, `width_m`, `left_m` and
    `right_m` added where another spelling, or a line as "width_m: 24" in the description of a
    KML or GPX object, holds them. What cannot be a value (NaN, NaT) becomes None."""
    plain = {str(key): _plain(value) for key, value in properties.items()}
    folded: dict[str, Any] = {}
    for key, value in plain.items():
        if value is not None and value != "":
            folded.setdefault(re.sub(r"[\s-]+", "_", key.strip().casefold()), value)
    for name, spellings in _ALIASES.items():
        if plain.get(name) in (None, ""):
            found = next((folded[s] for s in spellings if s in folded), None)
            if found is not None:
                plain[name] = found
    for name, value in _described(folded).items():
        if plain.get(name) in (None, ""):
            plain[name] = value
    code = plain.get("code")
    if isinstance(code, float) and code.is_integer():
        plain["code"] = int(code)  # a number column of a Shapefile: 1.0 is meant as 1
    for name in ("width_m", "left_m", "right_m"):
        value = plain.get(name)
        if isinstance(value, str) and (match := _METRES.fullmatch(value)):
            plain[name] = float(match[1])
    return plain


def _described(folded: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key in ("description", "desc", "cmt"):
        text = folded.get(key)
        if isinstance(text, str):
            for name, value in _IN_TEXT.findall(text[:10_000]):
                found.setdefault(name.casefold(), value.strip())
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (bytes, np.ndarray)):
        return None
    if isinstance(value, float) and np.isnan(value):
        return None
    return value
