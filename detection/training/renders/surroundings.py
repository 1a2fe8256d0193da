"""Drawing what stands, lies and floats about the outlets: land, buildings, waste, clutter."""

from __future__ import annotations

from detection.training.renders.dice import Dice
from detection.training.renders.families import Family
from detection.training.renders.palette import ROOFS
from detection.training.renders.scene import Bank, Building, Clutter, Litter, River, Zone

__all__ = ["AFLOAT", "ON_LAND", "buildings", "clutter", "litter", "zones"]

AFLOAT = ("duckweed", "leaves", "lily", "boat", "branch")
ON_LAND = (
    "manhole", "pipe_stack", "tyre", "car", "sign", "stones", "people", "bench", "bin", "pallet",
)  # fmt: skip
_WIDE = {"pipe_stack", "car"}  # would stick out over the water
_SIZES_M = {  # length, width, height: low and high
    "tile_house": ((7, 14), (6, 10), (3.0, 7.0)),
    "flat_house": ((7, 18), (6, 13), (3.2, 13.0)),
    "tin_shed": ((4, 16), (3, 8), (2.2, 3.8)),
    "blue_shed": ((5, 28), (4, 12), (2.5, 5.5)),
    "cabin": ((5.9, 6.1), (2.35, 2.5), (2.4, 2.6)),
    "tarpaulin": ((3, 9), (2.5, 5), (1.8, 2.8)),
    "pond_hut": ((3, 6), (2.5, 4), (2.0, 3.0)),
    "foundation": ((7, 18), (5, 12), (0.5, 1.4)),
}


def zones(dice: Dice, land: tuple[str, ...]) -> tuple[Zone, ...]:
    """Strips from the top of the bank inland; the last reaches as far as one can see."""
    strips = [Zone(dice.one_of(("lawn", "lawn", "soil")), dice.between(0.6, 3.5))]
    if dice.chance(0.55):
        strips.append(Zone(dice.one_of(("paving", "concrete", "asphalt")), dice.between(1.5, 4.0)))
        strips.append(Zone("lawn", dice.between(1, 6)))
    if dice.chance(0.3):
        strips.append(Zone("asphalt", dice.between(5, 9)))
        strips.append(Zone("lawn", dice.between(1, 3)))
    strips.append(Zone(dice.one_of(land), 18.0 + dice.between(0, 25)))
    strips.append(Zone(dice.one_of(land), 600.0))
    return tuple(strips)


def buildings(
    dice: Dice, family: Family, banks: tuple[Bank, Bank], river: River
) -> tuple[Building, ...]:
    """Structures on both banks, the nearest a few metres from the water, none overlapping."""
    placed: list[Building] = []
    for _ in range(dice.one_of((0, 2, 4, 6, 9))):
        kind = dice.one_of(family.structures)
        length, width, height = (dice.between(*span) for span in _SIZES_M[kind])
        side = dice.one_of((-1, 1))
        bank = banks[0] if side < 0 else banks[1]
        for _ in range(8):
            s = dice.between(-48, 48)
            back = bank.run_m + 1.5 + width / 2 + dice.log_between(0.5, 32)
            radius = (length**2 + width**2) ** 0.5 / 2
            apart = all(
                b.side != side
                or (b.s_m - s) ** 2 + (b.back_m - back) ** 2
                > (radius + (b.length_m**2 + b.width_m**2) ** 0.5 / 2) ** 2 * 0.75
                for b in placed
            )
            if apart:
                angle = dice.normal(0, 6) if dice.chance(0.8) else dice.between(-40, 40)
                placed.append(
                    Building(
                        kind, s, round(back, 4), side, length, width, height, angle,
                        dice.near(dice.one_of(ROOFS[kind]), 0.12), dice.seed(),
                    )
                )  # fmt: skip
                break
    return tuple(placed)


def litter(dice: Dice, river: River) -> tuple[Litter, ...]:
    """Clumps of floating waste and single pieces, more along the edges than in the middle."""
    found = []
    for _ in range(dice.one_of((0, 0, 1, 2, 3))):
        length = dice.log_between(0.8, 7)
        width = round(length * dice.between(0.3, 0.8), 4)
        out = min(width / 2 + 0.2 + dice.log_between(0.2, 6), river.width_m / 2)
        found.append(
            Litter(
                dice.between(-32, 32), dice.one_of((-1, 1)), round(out, 4), length, width,
                int(min(max(length * width * dice.between(4, 14), 6), 160)),
                dice.between(0.3, 0.9) if dice.chance(0.5) else 0.0, dice.seed(),
            )
        )  # fmt: skip
    for _ in range(dice.one_of((0, 0, 4, 10, 18))):
        out = min(0.3 + dice.log_between(0.2, river.width_m / 2), river.width_m / 2)
        found.append(
            Litter(
                dice.between(-35, 35), dice.one_of((-1, 1)), round(out, 4), 0.3, 0.3, 1, 0.0,
                dice.seed(),
            )
        )  # fmt: skip
    return tuple(found)


def clutter(
    dice: Dice, banks: tuple[Bank, Bank], river: River, built: tuple[Building, ...]
) -> tuple[Clutter, ...]:
    """Things that are none of the classes."""
    found = []
    for _ in range(dice.count(5, 12)):
        side = dice.one_of((-1, 1))
        bank = banks[0] if side < 0 else banks[1]
        afloat = dice.chance(0.3)
        kind = dice.one_of(AFLOAT if afloat else ON_LAND)
        back = (
            -round(min(dice.log_between(0.8, 12), river.width_m * 0.6), 4)
            if afloat
            else round(bank.run_m + dice.log_between(5.5 if kind in _WIDE else 1.6, 22), 4)
        )
        found.append(
            Clutter(
                kind, dice.between(-34, 34), side, back, dice.between(0, 360),
                dice.log_between(0.6, 1.6), dice.seed(),
            )
        )  # fmt: skip
    if dice.chance(0.16):
        s = dice.one_of((-1, 1)) * dice.between(12, 30)
        bridge = Clutter(
            "bridge", s, 1, 0.0, dice.normal(0, 5), dice.between(0.7, 1.6), dice.seed()
        )
        if all(abs(b.s_m - s) > 8 + b.length_m / 2 for b in built):
            found.append(bridge)
    for bank in banks:
        if dice.chance(0.3):
            found.append(Clutter("fence", 0.0, bank.side, round(bank.run_m + 0.6, 4), 0.0, 1.0,
                                 dice.seed()))  # fmt: skip
    return tuple(found)
