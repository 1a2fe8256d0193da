"""Drawing scenes: the same specification for the same family and seed, on every machine."""

from __future__ import annotations

import math
import zlib

import numpy as np

from detection.training.renders import surroundings
from detection.training.renders.dice import Dice
from detection.training.renders.families import Family
from detection.training.renders.palette import PLUMES, SKIES, TONES, WATERS
from detection.training.renders.pinhole import Pinhole
from detection.training.renders.scene import (
    Bank,
    Camera,
    Finish,
    Light,
    Outlet,
    Plume,
    River,
    SceneSpec,
)

__all__ = ["SIZE_PX", "centre_x_m", "draw_scene"]

SIZE_PX = (960, 540)
_FRAME_PX = (1920, 1080)
_WALLS = {"concrete_wall", "masonry_wall", "sheet_pile", "gabion"}
_REACH_M = 150.0  # things further away than this are too small to be asked for


def centre_x_m(river: River, s_m: float) -> float:
    """World x of the river's middle at s."""
    return river.bend_m * math.sin(2 * math.pi * s_m / river.bend_length_m + river.bend_phase)


def draw_scene(
    family: Family, seed: int, *, samples: int = 4, size_px: tuple[int, int] = SIZE_PX
) -> SceneSpec:
    """A scene of this family; `seed` alone decides what is in it."""
    dice = Dice(np.random.default_rng([seed, zlib.crc32(family.name.encode())]))
    light = _light(dice, dice.one_of(family.lights))
    river = _river(dice, family)
    banks = (_bank(dice, family, -1), _bank(dice, family, 1))
    outlets = _outlets(dice, family, banks, river)
    buildings = surroundings.buildings(dice, family, banks, river)
    litter = surroundings.litter(dice, river)
    clutter = surroundings.clutter(dice, banks, river, buildings)
    targets = [(o.s_m, o.side, -o.reach_m) for o in outlets] * 4
    targets += [
        (o.s_m + river.flow * o.plume.length_m * 0.3, o.side, -o.plume.width_m)
        for o in outlets
        if o.plume
    ]
    targets += [(b.s_m, b.side, b.back_m) for b in buildings if b.back_m < 30]
    targets += [(w.s_m, w.side, -w.out_m) for w in litter if w.count > 1]
    targets += [(w.s_m, w.side, -w.out_m) for w in litter if w.count == 1][:1]
    target = dice.one_of(targets) if targets and dice.chance(0.92) else None
    camera = _camera(dice, river, target, size_px)
    return SceneSpec(
        f"{family.name}-{seed:06d}", family.name, family.split, seed, camera, light, river, banks,
        outlets, buildings, litter, clutter, _finish(dice, light), samples,
    )  # fmt: skip


def _light(dice: Dice, kind: str) -> Light:
    sky = SKIES[kind]
    return Light(
        kind, dice.between(*sky.elevation_deg), dice.between(0, 360), dice.between(*sky.sun_w_m2),
        sky.sun_size_deg, sky.sun_colour, round(sky.sky_strength * dice.between(0.85, 1.15), 4),
        dice.near(sky.top, 0.08), dice.near(sky.horizon, 0.06),
        round(sky.stops + dice.between(-0.3, 0.3), 4),
    )  # fmt: skip


def _river(dice: Dice, family: Family) -> River:
    return River(
        width_m=dice.log_between(8, 45), bend_m=dice.between(0, 6),
        bend_length_m=dice.between(120, 300), bend_phase=dice.between(0, 6.283),
        flow=dice.one_of((-1, 1)), colour=dice.near(WATERS[dice.one_of(family.waters)], 0.25),
        ripple=dice.log_between(0.06, 0.6), ripple_size_m=dice.log_between(0.35, 1.6),
        roughness=dice.between(0.06, 0.18),
    )  # fmt: skip


def _bank(dice: Dice, family: Family, side: int) -> Bank:
    kind = dice.one_of(family.banks)
    height = dice.between(1.0, 3.6)
    if kind in ("concrete_wall", "masonry_wall", "sheet_pile"):
        run = 0.0
    elif kind == "gabion":
        run = round(height * dice.between(0.35, 0.7), 4)
    elif kind in ("concrete_slope", "riprap"):
        run = round(height * dice.between(1.2, 2.2), 4)
    else:
        height = round(height * 0.7, 4)
        run = round(height * dice.between(1.5, 3.2), 4)
    wild = kind in ("grass", "mud")
    return Bank(
        side, kind, height, run, parapet=kind in _WALLS and dice.chance(0.45),
        zones=surroundings.zones(dice, family.land), trees=dice.log_between(0.25, 3.0),
        bushes=dice.log_between(0.2, 5.0) * (1.5 if wild else 0.7),
        reeds=dice.log_between(2, 40) if dice.chance(0.6 if wild else 0.2) else 0.0,
        tone=dice.near(dice.one_of(TONES[kind]), 0.15), seed=dice.seed(),
    )  # fmt: skip


def _outlets(
    dice: Dice, family: Family, banks: tuple[Bank, Bank], river: River
) -> tuple[Outlet, ...]:
    count = dice.one_of((0, 1, 1, 2, 2, 3, 3))
    outlets = []
    for number in range(count):
        side = dice.one_of((-1, 1))
        bank = banks[0] if side < 0 else banks[1]
        kind = dice.one_of(family.outlets)
        if kind in ("box_culvert", "brick_culvert"):
            size = dice.between(0.8, 2.4)
        elif kind == "pvc_pipe":
            size = dice.log_between(0.2, 0.63)
        else:
            size = dice.log_between(0.3, 2.0)
        size = round(min(size, bank.height_m * 0.8), 4)
        lowest, highest = -0.12 * size, max(bank.height_m - size * 0.75, 0.1)
        up = round(lowest + (highest - lowest) * dice.between(0, 1) ** 1.8, 4)
        headed = kind in ("box_culvert", "brick_culvert", "flap_gate") or dice.chance(0.4)
        plume = _plume(dice, river, size) if dice.chance(0.68) else None
        outlets.append(
            Outlet(
                kind, dice.between(-2, 2) + (number - (count - 1) / 2) * dice.between(9, 22), side,
                size, up, dice.between(0.05, 1.3) if not headed else dice.between(0.03, 0.35),
                round(size * dice.between(1.6, 2.8) + 0.4, 4) if headed else 0.0,
                wings=headed and dice.chance(0.5), apron=bank.run_m > 0 and dice.chance(0.55),
                tone=dice.near(dice.one_of(TONES[kind]), 0.12), rust=dice.between(0, 1),
                overgrown=dice.between(0.2, 1.0) if dice.chance(0.4) else 0.0,
                swivel_deg=dice.between(-14, 14), plume=plume, seed=dice.seed(),
            )
        )  # fmt: skip
    return tuple(outlets)


def _plume(dice: Dice, river: River, size_m: float) -> Plume:
    water = np.array(river.colour) ** (1 / 2.2)
    order = sorted(PLUMES, key=lambda _: dice.between(0, 1))
    name = next(n for n in order if np.abs(np.array(PLUMES[n]) ** (1 / 2.2) - water).max() > 0.16)
    return Plume(
        name, dice.near(PLUMES[name], 0.2), dice.between(0.45, 0.97),
        dice.log_between(4, 26) * (0.6 + 0.3 * size_m),
        round(min(dice.between(0.6, 1.6) + size_m * 0.7, river.width_m * 0.25), 4),
        dice.between(0.3, 1.0) if dice.chance(0.5) else 0.0, dice.seed(),
    )  # fmt: skip


def _camera(
    dice: Dice, river: River, target: tuple[float, int, float] | None, size_px: tuple[int, int]
) -> Camera:
    """A drone's frame, or a window of it, with the target somewhere in the picture.

    The lens is that of 24 mm equivalent focal length (84 degrees across the diagonal of 1920 x
    1080), in two of five a longer one.
    """
    whole = dice.chance(0.4)
    span = _FRAME_PX[0] / size_px[0] if whole else 1.0
    diagonal = 84.0 if dice.chance(0.65) else dice.between(40, 80)
    if whole:
        height = dice.log_between(20, 60)
    elif diagonal < 60:
        height = dice.log_between(40, 120)
    else:
        height = dice.log_between(20, 80)
    focal = math.hypot(*_FRAME_PX) / 2 / math.tan(math.radians(diagonal / 2)) / span
    tilt = abs(dice.normal(0, 2.0)) if dice.chance(0.5) else dice.between(6, 45)
    room = [_FRAME_PX[i] / span - size_px[i] for i in (0, 1)]
    window = [dice.between(0, 1) * r for r in room]
    centre = [_FRAME_PX[i] / span / 2 - window[i] for i in (0, 1)]
    if target is None:
        target = (dice.between(-30, 30), dice.one_of((-1, 1)), dice.between(-8, 12))
    s, side, back = target
    at = centre_x_m(river, s) + side * (river.width_m / 2 + back)
    heading, roll = dice.between(0, 360), dice.normal(0, 1.2)
    for attempt in range(20):
        u, v = (size_px[i] * dice.between(0.14, 0.86) for i in (0, 1))
        camera = Camera(
            0.0, 0.0, round(height, 4), heading, round(min(tilt, 45.0), 4), roll, round(focal, 4),
            round(centre[0], 4), round(centre[1], 4), *size_px, span,
        )  # fmt: skip
        ray = Pinhole.of(camera).rays(np.array(u), np.array(v))
        if ray[2] < -0.15 and np.linalg.norm(ray / ray[2]) * height < _REACH_M:
            break
        tilt = tilt * 0.8 if attempt > 3 else tilt
    shift = ray[:2] / ray[2] * height
    return Camera(
        round(at + float(shift[0]), 4), round(s + float(shift[1]), 4), camera.z_m, heading,
        camera.tilt_deg, roll, camera.focal_px, camera.centre_x_px, camera.centre_y_px, *size_px,
        span,
    )  # fmt: skip


def _finish(dice: Dice, light: Light) -> Finish:
    sky = SKIES[light.kind]
    return Finish(
        haze_per_km=dice.between(*sky.haze_per_km), haze_colour=dice.near(sky.horizon, 0.08),
        warmth=round(sky.warmth + dice.normal(0, 0.03), 4), gain=dice.between(0.85, 1.15),
        contrast=dice.between(0.95, 1.25), saturation=dice.between(0.65, 1.1),
        vignette=dice.between(0, 0.2), blur_px=dice.between(0, 3.5) if dice.chance(0.35) else 0.0,
        blur_angle_deg=dice.between(0, 180), softness_px=dice.between(0.2, 0.8),
        skew_px=dice.between(-10, 10) if dice.chance(0.4) else 0.0,
        noise=dice.log_between(0.6, 5.0), jpeg_quality=int(dice.between(70, 96)), seed=dice.seed(),
    )  # fmt: skip
