"""Terrain heights as text: decimetres, differences along rows, zlib, base64.

What neighbours have in common goes away in the differences, so that smooth ground packs to about
a byte a cell (the predictor of PNG's filter 1, W3C PNG Specification, section 9.2).
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.errors import TerrainError

__all__ = ["HIGHEST_M", "LOWEST_M", "MOST_CELLS", "packed", "unpacked"]

MOST_CELLS = 16_000_000
LOWEST_M, HIGHEST_M = -500.0, 9000.0  # the Dead Sea's shore and Chomolungma, with room

_KINDS = {"int16": "<i2", "int32": "<i4"}
_UNKNOWN = {"int16": -(2**15), "int32": -(2**31)}


def packed(heights_m: NDArray[np.float32]) -> dict[str, Any]:
    """(R, C) heights, NaN where unknown, as JSON-able members rows, columns, kind, heights_dm."""
    tenths = np.rint(heights_m.astype(float) * 10)
    known = np.isfinite(tenths)
    kind = "int32" if np.any(np.abs(tenths[known]) >= 2**15) else "int16"
    whole = np.where(known, tenths, _UNKNOWN[kind]).astype(_KINDS[kind])
    text = base64.b64encode(zlib.compress(_differences(whole).tobytes(), 9)).decode("ascii")
    rows, columns = heights_m.shape
    return {"rows": rows, "columns": columns, "kind": kind, "heights_dm": text}


def unpacked(members: Mapping[Any, Any]) -> NDArray[np.float32]:
    """What `packed` wrote. Raises TerrainError of one line on anything else; never takes more
    memory than the rows and columns need, whatever the text holds."""
    rows, columns = _size(members, "rows"), _size(members, "columns")
    if rows * columns > MOST_CELLS:
        raise TerrainError(
            f"terrain: {rows} x {columns} cells; at most {MOST_CELLS:,} can be taken"
        )
    kind = members.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise TerrainError("terrain: 'kind' must be int16 or int32")
    packing = np.dtype(_KINDS[kind])
    raw = _inflated(members.get("heights_dm"), rows * columns * packing.itemsize)
    whole = _sums(np.frombuffer(raw, dtype=packing).reshape(rows, columns))
    heights: NDArray[np.float64] = whole / 10.0
    unknown = whole == _UNKNOWN[kind]
    wrong = ~unknown & ((heights < LOWEST_M) | (heights > HIGHEST_M))
    if wrong.any():
        raise TerrainError(
            f"terrain: 'heights_dm' holds {heights[wrong][0]:g} m; expected {LOWEST_M:g} to "
            f"{HIGHEST_M:g} m"
        )
    heights[unknown] = np.nan
    return heights.astype(np.float32)


def _differences(whole: NDArray[Any]) -> NDArray[Any]:
    """Along rows, the first column down, modulo the integer's range."""
    found = whole.copy()
    found[:, 1:] -= whole[:, :-1]
    found[1:, 0] -= whole[:-1, 0]
    return found


def _sums(differences: NDArray[Any]) -> NDArray[Any]:
    found = differences.copy()
    found[:, 0] = np.cumsum(found[:, 0], dtype=found.dtype)
    return np.cumsum(found, axis=1, dtype=found.dtype)


def _size(members: Mapping[Any, Any], name: str) -> int:
    value = members.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 2 <= value <= MOST_CELLS:
        raise TerrainError(f"terrain: {name!r} must be a whole number from 2 on")
    return value


def _inflated(text: object, size: int) -> bytes:
    if not isinstance(text, str):
        raise TerrainError("terrain: 'heights_dm' must be base64 text")
    if len(text) > 2 * size + 1000:  # zlib adds next to nothing, base64 a third
        raise TerrainError("terrain: 'heights_dm' is longer than its rows and columns can need")
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(base64.b64decode(text, validate=True), size + 1)
    except (ValueError, zlib.error) as error:
        raise TerrainError(f"terrain: 'heights_dm' cannot be unpacked ({error})") from None
    if len(raw) != size or not inflater.eof or inflater.unused_data:
        raise TerrainError("terrain: 'heights_dm' does not fit its rows and columns")
    return raw
