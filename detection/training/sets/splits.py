"""Dividing pictures into training, validation and test by groups that must stay together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from detection.errors import TrainingError
from detection.training.samples import Split
from detection.training.sets.likeness import order_of

__all__ = ["Shares", "assign_splits", "keep_declared"]

_LARGEST = 1.5  # a group may overfill validation or test by this factor of what is wanted


@dataclass(frozen=True, slots=True)
class Shares:
    """How much of a set is for validation and for test; the rest is for training."""

    val: float = 0.1
    test: float = 0.1

    def __post_init__(self) -> None:
        if not (self.val >= 0 and self.test >= 0 and self.val + self.test < 1):
            raise TrainingError(
                f"shares of {self.val} for validation and {self.test} for test: expected each at "
                "least 0, together less than 1"
            )


def assign_splits(groups: Sequence[str], shares: Shares, seed: int) -> tuple[list[Split], bool]:
    """The split of each picture, and whether the groups could be kept together.

    `groups` (N,) names each picture's group. Groups are taken in an order drawn from the seed and
    their names alone, so that adding pictures moves few of the others. Where there are too few
    groups to fill what is wanted, pictures are divided by their order (the first for training),
    and the second value is False: validation is then not independent.
    """
    sizes, count = Counter(groups), len(groups)
    wanted: dict[Split, float] = {"test": shares.test * count, "val": shares.val * count}
    of_group: dict[str, Split] = {}
    for split, goal in wanted.items():
        filled = 0
        for name in sorted(sizes, key=lambda g: (order_of(g, seed), g)):
            if filled >= goal:
                break
            if name not in of_group and filled + sizes[name] <= max(1.0, _LARGEST * goal):
                of_group[name] = split
                filled += sizes[name]
    short = any(goal > 0 and split not in of_group.values() for split, goal in wanted.items())
    if short or len(of_group) == len(sizes):
        return _by_order(count, shares), False
    return [of_group.get(name, "train") for name in groups], True


def _by_order(count: int, shares: Shares) -> list[Split]:
    spare = max(0, count - 1)  # one at least is for training
    val = min(spare, max(1, round(count * shares.val))) if shares.val else 0
    test = min(spare - val, max(1, round(count * shares.test))) if shares.test else 0
    order: list[tuple[Split, int]] = [("train", count - val - test), ("val", val), ("test", test)]
    return [split for split, wanted in order for _ in range(wanted)]


def keep_declared(groups: Sequence[str], declared: Sequence[Split]) -> tuple[list[Split], int]:
    """The splits that a set came with, but a group that lies in several goes to training as a
    whole; and how many pictures were moved."""
    seen: defaultdict[str, set[Split]] = defaultdict(set)
    for group, split in zip(groups, declared, strict=True):
        seen[group].add(split)
    kept: list[Split] = [
        split if len(seen[group]) == 1 else "train"
        for group, split in zip(groups, declared, strict=True)
    ]
    return kept, sum(a != b for a, b in zip(kept, declared, strict=True))
