"""The report of an evaluation: one page that needs nothing else, in Chinese and English.

What comes from files (names of classes, sets, pictures) is escaped, and the page's own policy
lets no script run.
"""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from detection.evaluation.calibrating import ClassFit, Reliability
from detection.evaluation.intervals import Interval
from detection.evaluation.plots import (
    confusion_chart,
    precision_recall_chart,
    reliability_chart,
    street_chart,
    threshold_chart,
)
from detection.evaluation.street import RATES_PER_KM, Sweep
from detection.evaluation.summary import SizeScore, Summary
from detection.evaluation.worst import Mistake, drawn
from geo.files import write_text

__all__ = ["Page", "Street", "write_page"]

_JPEG_QUALITY = 82
_STYLE = """
:root{--ink:#1c2530;--soft:#5b6773;--line:#dfe4ea;--paper:#fff;--tint:#f4f6f9}
*{box-sizing:border-box}body{margin:0;background:var(--tint);color:var(--ink);
font:14px/1.5 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif}
main{max-width:1120px;margin:0 auto;padding:20px}
h1{font-size:24px;margin:0}h2{font-size:17px;margin:0 0 8px}
small{color:var(--soft);font-weight:400;font-size:12px;margin-left:.5em}
section{background:var(--paper);border:1px solid var(--line);border-radius:8px;padding:16px;
margin:14px 0;overflow-x:auto}
p{margin:4px 0 10px;color:var(--soft);max-width:86ch}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px}
.tiles div{background:var(--paper);border:1px solid var(--line);border-radius:8px;padding:10px 12px}
.tiles b{display:block;font-size:21px}
.tiles b i{font:400 12px system-ui;color:var(--soft)}.tiles span{color:var(--soft);font-size:12px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:5px 9px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left}th{color:var(--soft);font-weight:500;font-size:12px;
vertical-align:bottom}td i{color:var(--soft);font-style:normal;font-size:12px}
svg{max-width:100%;height:auto}.charts{display:flex;gap:12px;align-items:flex-start}
.charts svg{flex:1 1 0;min-width:0}.charts svg+svg{flex-grow:2}
@media(max-width:800px){.charts{display:block}}
.short{color:#b3261e}.good{color:#1b7f4b}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(168px,1fr));gap:10px}
figure{margin:0}figure img{width:100%;border-radius:6px;display:block}
figcaption{font-size:12px;color:var(--soft);overflow-wrap:anywhere}
@media print{body{background:#fff}section{break-inside:avoid}}
"""


@dataclass(frozen=True, slots=True, eq=False)
class Street:
    """Whole patrols: a sweep for each class name, of all together, and what was patrolled."""

    by_class: dict[str, Sweep]
    together: Sweep
    about: str


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """What a report shows; parts that were not measured are None or empty."""

    model: str
    data: str
    names_zh: Sequence[str]
    summary: Summary | None = None
    held_out: Reliability | None = None
    fits: Sequence[ClassFit] = ()
    misses: Sequence[Mistake] = ()
    false_alarms: Sequence[Mistake] = ()
    street: Street | None = None
    notes: Sequence[str] = field(default_factory=tuple)


def write_page(page: Page, path: Path) -> None:
    """Write the report, whole or not at all."""
    body = [f"<header>{_h1(page)}</header>"]
    if page.summary is not None:
        body += [
            _tiles(page, page.summary), _classes(page, page.summary), _curves(page.summary),
            _sizes(page, page.summary), _confusion(page.summary), _calibration(page, page.summary),
        ]  # fmt: skip
    if page.street is not None:
        body.append(_street(page, page.street))
    if page.summary is not None:
        thresholds = page.summary.thresholds
        body += [
            _mistakes("最严重的漏检", "Worst misses", page, page.misses, thresholds),
            _mistakes("最严重的误报", "Worst false alarms", page, page.false_alarms, thresholds),
        ]
    body.append(_notes(page))
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    document = [
        '<!doctype html>\n<html lang="zh-CN"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>检测模型评估 Evaluation: {_clean(page.model)}</title>",
        f"<style>{_STYLE}</style></head><body><main>",
        *(part for part in body if part),
        "</main></body></html>\n",
    ]
    write_text(path, "\n".join(document))


def _clean(text: str) -> str:
    return html.escape(str(text), quote=True)


def _h1(page: Page) -> str:
    data = f" · 数据集 data set: {_clean(page.data)}" if page.data else ""
    return (
        "<h1>检测模型评估<small>Evaluation of a detector</small></h1>"
        f"<p>模型 model: {_clean(page.model)}{data}</p>"
    )


def _section(zh: str, en: str, *inside: str) -> str:
    return f"<section><h2>{zh}<small>{en}</small></h2>{''.join(inside)}</section>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{head}</th>" for head in heads)
    lines = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    inside = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{inside}</tbody></table>"


def _share(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f} %" if math.isfinite(value) else "–"


def _interval(one: Interval) -> str:
    if not math.isfinite(one.low):
        return _share(one.value)
    return f"{_share(one.value)} <i>{100 * one.low:.1f}–{100 * one.high:.1f}</i>"


def _name(page: Page, c: int, name: str) -> str:
    return f"{_clean(page.names_zh[c])}<small>{_clean(name)}</small>"


def _tiles(page: Page, summary: Summary) -> str:
    objects = sum(line.objects for line in summary.curves)
    cells = [
        (_interval(summary.ap.mean_ap50), "AP50 各类平均 mean of classes"),
        (_interval(summary.ap.mean_ap50_95), "AP50–95 各类平均 mean of classes"),
        (_ece(page.held_out or summary.reliability),
         "校准误差 calibration error (ECE)"),
        (str(summary.pictures), f"张图 pictures, {summary.groups} 组 groups"),
        (str(objects), "个目标 objects"),
    ]  # fmt: skip
    inside = "".join(f"<div><b>{value}</b><span>{what}</span></div>" for value, what in cells)
    return f'<div class="tiles">{inside}</div>'


def _classes(page: Page, summary: Summary) -> str:
    rows = []
    for c, name in enumerate(summary.names):
        line, threshold = summary.curves[c], float(summary.thresholds[c])
        precision, recall = line.at(threshold)
        said = int(np.sum(line.scores >= threshold))
        rows.append([
            _name(page, c, name), str(line.objects), _interval(summary.ap.ap50[c]),
            _interval(summary.ap.ap50_95[c]), f"{threshold:.2f}",
            _share(precision) if said else "–", _share(recall) if line.objects else "–",
            f"{summary.false_per_picture[c]:.2f}", _ece(summary.reliability_by_class[c]),
        ])  # fmt: skip
    heads = (
        "类别 class", "目标 objects", "AP50", "AP50–95", "阈值 threshold", "查准率 precision",
        "查全率 recall", "误报/图 false alarms a picture", "ECE",
    )  # fmt: skip
    about = (
        "<p>按 COCO 的方法 (pycocotools); 小字为 95 % 置信区间 (自助法, 按组抽样)。 "
        "By COCO's method; small figures are 95 % intervals (bootstrap over groups of pictures). "
        "Precision and recall are at the threshold.</p>"
    )
    return _section("各类结果", "By class", about, _table(heads, rows))


def _ece(one: Reliability) -> str:
    return f"{one.ece:.3f}" if math.isfinite(one.ece) else "–"


def _curves(summary: Summary) -> str:
    charts = f"{precision_recall_chart(summary)}{threshold_chart(summary)}"
    about = (
        "<p>圆点和虚线为当前阈值。 Dots and dotted lines are the thresholds in use; IoU 0.5.</p>"
    )
    return _section(
        "查准率与查全率", "Precision and recall", about, f'<div class="charts">{charts}</div>'
    )


def _sizes(page: Page, summary: Summary) -> str:
    def table(rows: Sequence[Sequence[SizeScore]]) -> str:
        heads = ["类别 class", *(_clean(s.range_name) for s in rows[0])]
        return _table(
            heads,
            (
                [_name(page, c, summary.names[c]),
                 *(f"{_share(s.ap50)} <i>{s.objects} 个</i>" for s in row)]
                for c, row in enumerate(rows)
            ),
        )  # fmt: skip

    about = (
        "<p>AP50 与目标数, 按边长 (面积的平方根) 分。 AP50 and how many objects, by the side of "
        "the box (square root of its area) in pixels of the detector's input.</p>"
    )
    parts = [about, table(summary.by_px)]
    if summary.by_m is not None:
        parts += ["<p>在地面上, 米。 On the ground, metres.</p>", table(summary.by_m)]
    return _section("按目标大小", "By size", *parts)


def _confusion(summary: Summary) -> str:
    about = (
        "<p>行为实际, 列为判定; 末列是漏检, 末行是误报。 Rows are what is there, columns what was "
        "said at the thresholds; the last column holds misses, the last row false alarms.</p>"
    )
    return _section("混淆矩阵", "Confusion", about, confusion_chart(summary))


def _calibration(page: Page, summary: Summary) -> str:
    rows = [("uncalibrated", summary.reliability_raw)]
    if page.held_out is not None:
        rows.append(("fitted, on other folds", page.held_out))
    else:
        rows.append(("as the model is kept", summary.reliability))
    about = (
        "<p>把握 0.8 应当十次对八次。 A confidence of 0.8 should be right 8 times in 10; on the "
        "dashed line it is. All boxes of 0.05 and more count.</p>"
    )
    parts = [about, reliability_chart(rows)]
    if page.fits:
        heads = (
            "类别 class", "方法 method", "框 boxes", "其中正确 right",
            "对数损失 log loss (identity / temperature / isotonic)",
        )  # fmt: skip
        table = (
            [_clean(f.name), f.method, str(f.boxes), str(f.right),
             " / ".join(f"{v:.4f}" for v in f.loss.values()) or "太少 too few"]
            for f in page.fits
        )  # fmt: skip
        parts.append(_table(heads, table))
    return _section("置信度校准", "Calibration", *parts)


def _street(page: Page, street: Street) -> str:
    def cells(sweep: Sweep) -> list[str]:
        row = [str(sweep.planted)]
        for rate in RATES_PER_KM:
            at = sweep.at_rate(rate)
            if not math.isfinite(at.recall):
                row.append("–")
                continue
            word = ""
            if rate == 1.0:
                word = "good" if at.recall >= 0.8 else "short"
            limit = f"{at.threshold:.2f}" if math.isfinite(at.threshold) else "–"
            row.append(f'<span class="{word}">{_share(at.recall)}</span> <i>≥ {limit}</i>')
        return row

    heads = (
        "类别 class", "埋设 planted",
        *(f"每公里误报 false alerts a km: {r:g}" for r in RATES_PER_KM),
    )  # fmt: skip
    listed = list(street.by_class.items())
    zh = dict(zip(street.by_class, page.names_zh, strict=False))
    rows = [[f"{_clean(zh[n])}<small>{_clean(n)}</small>", *cells(s)] for n, s in listed]
    rows.append(["合计<small>all, one threshold</small>", *cells(street.together)])
    about = (
        f"<p>{_clean(street.about)} 每类单独计算误报; 小字为线索的阈值。 False alerts of each "
        "class are counted by themselves; small figures are the thresholds of sightings.</p>"
    )
    return _section(
        "整次巡查的查全率", "Recall on whole patrols", about, _table(heads, rows),
        street_chart([*listed, ("all", street.together)]),
    )  # fmt: skip


def _mistakes(
    zh: str, en: str, page: Page, mistakes: Sequence[Mistake], thresholds: np.ndarray
) -> str:
    if not mistakes:
        return _section(zh, en, "<p>没有。 None.</p>")
    cells = []
    for one in mistakes:
        ok, data = cv2.imencode(
            ".jpg", drawn(one, thresholds), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        )
        assert ok
        uri = base64.b64encode(data.tobytes()).decode()
        name = _clean(page.summary.names[one.class_id]) if page.summary else ""
        said = f"{name} {one.confidence:.2f}" if one.confidence > 0 else f"{name}, 未见 not seen"
        cells.append(
            f'<figure><img alt="{name}" src="data:image/jpeg;base64,{uri}"><figcaption>'
            f"{_clean(page.names_zh[one.class_id])} {said}, {one.side_px:.0f} px<br>"
            f"{_clean(one.picture.path.name)}</figcaption></figure>"
        )
    about = (
        "<p>绿框为标注, 粗框为本条, 红色为误报, 黄框为其他检出。 Green: labelled; thick: this one; "
        "red: false alarm; amber: other boxes found. The number is the confidence.</p>"
    )
    return _section(zh, en, about, f'<div class="grid">{"".join(cells)}</div>')


def _notes(page: Page) -> str:
    if not page.notes:
        return ""
    return _section("说明", "Notes", "".join(f"<p>{_clean(note)}</p>" for note in page.notes))
