"""Reading one channel of an uncompressed OpenEXR picture, as Blender writes it.

bpy shows nothing but the combined picture of a multi-layer file, and its environment holds no
other reader. Layout: "OpenEXR File Layout", openexr.com: magic, attributes, line offsets, then
for each line its number, its length and the channels one after another in order of their names.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_channel"]

_KINDS: dict[int, np.dtype[Any]] = {0: np.dtype("<u4"), 1: np.dtype("<f2"), 2: np.dtype("<f4")}


def _word(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(0, at)
    return data[at:end].decode("ascii", "replace"), end + 1


def read_channel(path: Path, ending: str) -> NDArray[np.float32]:
    """The channel (H, W) whose name ends so; raises ValueError where the file is not as written."""
    data = path.read_bytes()
    if data[:4] != b"\x76\x2f\x31\x01":
        raise ValueError(f"{path}: not an OpenEXR file")
    at, attributes = 8, {}
    while data[at]:
        name, at = _word(data, at)
        _, at = _word(data, at)
        (size,) = struct.unpack_from("<i", data, at)
        attributes[name] = data[at + 4 : at + 4 + size]
        at += 4 + size
    if attributes["compression"][0] != 0:
        raise ValueError(f"{path}: expected no compression")
    x0, y0, x1, y1 = struct.unpack("<4i", attributes["dataWindow"])
    width, height = x1 - x0 + 1, y1 - y0 + 1
    channels, listing, spot = [], attributes["channels"], 0
    while listing[spot]:
        name, spot = _word(listing, spot)
        (kind,) = struct.unpack_from("<i", listing, spot)
        channels.append((name, _KINDS[kind]))
        spot += 16
    line_bytes = sum(width * kind.itemsize for _, kind in channels)
    before, wanted = 0, None
    for name, kind in channels:
        if name.endswith(ending):
            wanted = kind
            break
        before += width * kind.itemsize
    if wanted is None:
        raise ValueError(f"{path}: no channel {ending} among {[n for n, _ in channels]}")
    start = at + 1 + 8 * height
    lines = np.frombuffer(data, np.uint8, (line_bytes + 8) * height, start).reshape(height, -1)
    numbers = lines[:, :4].copy().view("<i4")[:, 0] - y0
    values = np.empty((height, width), np.float32)
    part = np.ascontiguousarray(lines[:, 8 + before : 8 + before + width * wanted.itemsize])
    values[numbers] = part.view(wanted)
    return values
