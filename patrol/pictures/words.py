"""What the picture and the page say, in Chinese and English."""

from __future__ import annotations

import math
from dataclasses import dataclass

from patrol.pictures.figures import Facts, SortieFacts, Totals, UncoveredFacts

__all__ = [
    "COLUMNS",
    "Column",
    "Said",
    "bank_name",
    "cells",
    "clock",
    "columns",
    "counted",
    "headline",
    "minutes_text",
    "percent",
    "scale_length_m",
    "settings_lines",
    "share_text",
    "total_cells",
    "uncovered_text",
]


@dataclass(frozen=True, slots=True)
class Said:
    """One thing in both languages."""

    zh: str
    en: str

    def __str__(self) -> str:
        return f"{self.zh} {self.en}".strip()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the sorties' table; `share` is its width on paper, numbers stand right."""

    name: Said
    share: float
    number: bool = True


COLUMNS = (
    Column(Said("架次", "sortie"), 0.9, number=False),
    Column(Said("起降点", "launch site"), 2.6, number=False),
    Column(Said("开始", "start"), 1.0),
    Column(Said("分钟", "min"), 0.9),
    Column(Said("公里", "km"), 0.9),
    Column(Said("降落电量", "battery"), 1.25),
    Column(Said("分辨率", "GSD cm"), 1.15),
    Column(Said("照片", "photos"), 1.0),
    Column(Said("数据", "GB"), 0.9),
    Column(Said("航线", "lanes"), 2.3, number=False),
)

_COVER = {
    "both": Said("两岸", "both banks"),
    "left": Said("左岸", "left bank"),
    "right": Said("右岸", "right bank"),
    "water": Said("两岸和水面", "banks and water"),
}
_BANKS = {"left": Said("左岸", "left bank"), "right": Said("右岸", "right bank")}
_FROM = (
    Said("北", "N"), Said("东北", "NE"), Said("东", "E"), Said("东南", "SE"),
    Said("南", "S"), Said("西南", "SW"), Said("西", "W"), Said("西北", "NW"),
)  # fmt: skip


def columns(facts: Facts) -> tuple[Column, ...]:
    """The columns for this plan: video has minutes filmed in place of photos."""
    if facts.settings.capture == "photos":
        return COLUMNS
    filmed = Column(Said("录像", "video min"), 1.0)
    return tuple(filmed if c.name.en == "photos" else c for c in COLUMNS)


def cells(sortie: SortieFacts, facts: Facts) -> tuple[str, ...]:
    """A sortie's row, a text for each of `columns`; the site is its code."""
    return (
        str(sortie.id),
        sortie.site,
        "–" if sortie.start_s is None else f"+{clock(sortie.start_s)}",
        f"{sortie.duration_s / 60:.1f}",
        f"{sortie.km:.2f}",
        percent(sortie.battery_left_share),
        gsd_text(sortie.gsd_m),
        captured(sortie, facts),
        gigabytes_text(sortie.gigabytes),
        " ".join(sortie.lanes),
    )


def total_cells(facts: Facts) -> tuple[str, ...]:
    """The last row: sums, the emptiest battery, the widest range of GSD."""
    total = facts.total
    return (
        "",
        "",
        "",
        f"{total.duration_s / 60:.1f}",
        f"{total.km:.2f}",
        f"≥ {percent(total.battery_left_share)}",
        gsd_text(total.gsd_m),
        captured(total, facts),
        gigabytes_text(total.gigabytes),
        str(total.lanes),
    )


def counted(number: int, what: str) -> str:
    """ "1 crew", "2 crews"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def captured(row: SortieFacts | Totals, facts: Facts) -> str:
    return str(row.photos) if facts.settings.capture == "photos" else f"{row.filmed_s / 60:.1f}"


def clock(seconds: float) -> str:
    """Hours and minutes, "1:05"."""
    minutes = int(seconds / 60 + 0.5)
    return f"{minutes // 60}:{minutes % 60:02d}"


def minutes_text(seconds: float) -> Said:
    minutes = int(seconds / 60 + 0.5)
    if 0 < seconds < 600:
        return Said(f"{seconds / 60:.1f} 分钟", f"{seconds / 60:.1f} min")
    if minutes < 100:
        return Said(f"{minutes} 分钟", f"{minutes} min")
    hours, rest = divmod(minutes, 60)
    return Said(f"{hours} 小时 {rest} 分", f"{hours} h {rest} min")


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def share_text(share: float) -> str:
    """A share that never says 100 % where something is missing."""
    return f"{math.floor(1e4 * share + 1e-6) / 100:.2f} %"


def scale_length_m(most_m: float) -> tuple[float, str]:
    """The longest 1, 2 or 5 times a power of ten that fits, and how it is written."""
    power = 10.0 ** math.floor(math.log10(most_m))
    length = max(n * power for n in (1, 2, 5) if n * power <= most_m)
    return length, f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"


def gsd_text(gsd_m: tuple[float, float]) -> str:
    low, high = (f"{100 * value:.2f}" for value in gsd_m)
    return low if low == high else f"{low}–{high}"


def gigabytes_text(gigabytes: float) -> str:
    return f"{gigabytes:.1f}" if gigabytes < 1000 else f"{gigabytes:.0f}"


def bank_name(bank: str) -> Said:
    return _BANKS.get(bank, Said(bank, bank))


def uncovered_text(part: UncoveredFacts) -> str:
    """Where a part lies, without the river: "左岸 left bank 120–180 m"."""
    return f"{bank_name(part.bank)} {part.from_m:.0f}–{part.to_m:.0f} m"


def headline(facts: Facts) -> tuple[tuple[Said, Said], ...]:
    """The figures in large type: what it is, and how much."""
    total = facts.total
    rows = [
        (Said("河岸覆盖", "banks seen"), Said(share_text(facts.seen_share), "")),
        (Said("作业时长", "operation"), minutes_text(facts.operating_s)),
        (Said("架次", "sorties"), Said(str(len(facts.sorties)), "")),
        (Said("飞行", "flown"), Said(f"{total.km:.1f} 公里", f"{total.km:.1f} km")),
    ]
    if facts.settings.capture == "photos":
        rows.append((Said("照片", "photos"), Said(str(total.photos), "")))
    else:
        rows.append((Said("录像", "video"), minutes_text(total.filmed_s)))
    size = f"{gigabytes_text(total.gigabytes)} GB"
    return (*rows, (Said("数据", "data"), Said(size, "")))


def settings_lines(facts: Facts) -> tuple[tuple[Said, Said], ...]:
    """How the plan was made, line by line."""
    s = facts.settings
    width, height = s.camera_model.width_px, s.camera_model.height_px
    capture = Said("拍照", "photos") if s.capture == "photos" else Said("录像", "video")
    laps = f"{percent(s.frontlap)} / {percent(s.sidelap)}"
    if s.wind.speed_m_s > 0:
        from_ = _FROM[int(s.wind.from_deg / 45 + 0.5) % 8]
        wind = Said(
            f"{from_.zh}风 {s.wind.speed_m_s:g} m/s（{s.wind.from_deg:.0f}°）",
            f"{s.wind.speed_m_s:g} m/s from {from_.en} ({s.wind.from_deg:.0f}°)",
        )
    else:
        wind = Said("无", "none")
    if s.docks:
        team = Said(f"{facts.crews} 个机库", counted(facts.crews, "dock"))
    else:
        team = Said(
            f"{facts.crews} 组, {facts.drones} 架无人机",
            f"{counted(facts.crews, 'crew')}, {counted(facts.drones, 'drone')}",
        )
    gap = percent(facts.gap_share)
    cover = _COVER[s.cover]
    return (
        (
            Said("相机", "camera"),
            Said(
                f"{s.camera} {capture.zh} {width}×{height}",
                f"{s.camera} {capture.en} {width}×{height}",
            ),
        ),
        (
            Said("航高", "height"),
            Said(f"离地 {s.height_m:.1f} m", f"{s.height_m:.1f} m above ground"),
        ),
        (Said("要求分辨率", "GSD asked"), Said(f"{100 * s.gsd_m:.2f} cm", "")),
        (Said("速度", "speed"), Said(f"{s.speed_m_s:g} m/s", "")),
        (Said("重叠率", "front/side lap"), Said(laps, "")),
        (
            Said("巡查范围", "corridor"),
            Said(f"{cover.zh}, 岸上 {s.strip_m:g} m", f"{cover.en}, {s.strip_m:g} m beyond"),
        ),
        (
            Said("电池", "battery"),
            Said(
                f"{s.own_battery_wh:g} Wh, 留 {percent(s.reserve_share)}",
                f"{s.own_battery_wh:g} Wh, {percent(s.reserve_share)} kept",
            ),
        ),
        (Said("风", "wind"), wind),
        (
            Said("地形", "terrain"),
            Said("平地", "flat") if facts.terrain is None else Said(facts.terrain, ""),
        ),
        (Said("人员", "crews"), team),
        (
            Said("换电池", "battery swaps"),
            Said(f"{facts.swaps} 次", ""),
        ),
        (
            Said("转场", "ferry"),
            minutes_text(facts.ferry_s),
        ),
        (
            Said("时长下限", "lower bound"),
            Said(
                f"{minutes_text(facts.lower_bound_s).zh}, 差距 {gap}",
                f"{minutes_text(facts.lower_bound_s).en}, gap {gap}",
            ),
        ),
    )
