"""Pictures that are nearly the same: neighbouring video frames, copies saved again.

A 64-bit hash of the lowest frequencies (pHash: Zauner, "Implementation and Benchmarking of
Perceptual Image Hash Functions", 2010) finds candidates; a small copy of each picture confirms
them, since pictures of open water have hashes by chance.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detection.training.samples import Picture

__all__ = ["Likeness", "Look", "alike", "groups_of_alike", "likeness", "look_of"]

_HASH_BITS_APART = 10
_SMALL_PX = 16
_COLOUR_APART = 14.0  # mean absolute difference of the small copies, of 255
_CORRELATION = 0.93
_BLOCK = 512


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """How a picture looks: its hash, and a copy of 16 x 16 px (768,) BGR."""

    bits: int
    small: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two pictures, by their places in the list, that are nearly the same."""

    first: int
    second: int


def look_of(picture: Picture) -> Look:
    """The look of a (H, W, 3) BGR picture."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    square = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(square)[:8, :8].ravel()
    bits = int.from_bytes(np.packbits(low > np.median(low[1:])).tobytes(), "big")
    small = cv2.resize(picture, (_SMALL_PX, _SMALL_PX), interpolation=cv2.INTER_AREA)
    return Look(bits, np.asarray(small, np.float32).ravel())


def alike(first: Look, second: Look) -> bool:
    """Whether the two are nearly the same picture."""
    if (first.bits ^ second.bits).bit_count() > _HASH_BITS_APART:
        return False
    return bool(_confirmed(first.small[None], second.small[None])[0])


def _confirmed(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(N,) whether small copies (N, 768) agree in colour and, where they show anything, in what
    they show."""
    apart = np.abs(a - b).mean(axis=1)
    x, y = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    lengths = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    correlation = (x * y).sum(axis=1) / np.maximum(lengths, 1e-6)
    flat = lengths < 1.0
    return np.asarray((apart <= _COLOUR_APART) & (flat | (correlation >= _CORRELATION)))


def likeness(looks: Sequence[Look]) -> list[Likeness]:
    """All pairs that are nearly the same, in order. N pictures cost N² / 2 comparisons of hashes:
    ten thousand take some seconds."""
    bits = np.array([look.bits for look in looks], np.uint64)
    small = np.stack([look.small for look in looks]) if looks else np.empty((0, 1), np.float32)
    found = []
    for start in range(0, len(bits), _BLOCK):
        part = bits[start : start + _BLOCK]
        near = np.bitwise_count(part[:, None] ^ bits[None, start:]) <= _HASH_BITS_APART
        rows, columns = np.nonzero(near)
        later = columns > rows
        rows, columns = rows[later] + start, columns[later] + start
        for at in range(0, len(rows), 4096):  # many candidates cost memory
            i, j = rows[at : at + 4096], columns[at : at + 4096]
            sure = _confirmed(small[i], small[j])
            found += [Likeness(int(a), int(b)) for a, b in zip(i[sure], j[sure], strict=True)]
    return found


def groups_of_alike(looks: Sequence[Look], names: Sequence[str]) -> list[str]:
    """For each picture the name of its group: pictures that are alike, or that are named the same
    in `names` (one a picture, "" for none), share one. Groups are named after their first
    picture, by its place."""
    parent = list(range(len(looks)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def join(i: int, j: int) -> None:
        a, b = sorted((root(i), root(j)))
        parent[b] = a

    for pair in likeness(looks):
        join(pair.first, pair.second)
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if name:
            join(index, first.setdefault(name, index))
    return [f"group{root(i):05d}" for i in range(len(looks))]


def order_of(text: str, seed: int) -> bytes:
    """A place in a shuffled order that depends on the text and the seed alone."""
    return hashlib.sha256(f"{seed}\0{text}".encode()).digest()
