"""Charts of an evaluation as SVG that can stand in a page: no file, no script, no font."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from detection.evaluation.calibrating import Reliability
from detection.evaluation.street import Sweep
from detection.evaluation.summary import Summary

__all__ = [
    "confusion_chart",
    "precision_recall_chart",
    "reliability_chart",
    "street_chart",
    "threshold_chart",
]

COLOURS = ("#1f77b4", "#8c4f2b", "#d1495b", "#2a9d5c", "#7b5ea7", "#b38600", "#555555")


def precision_recall_chart(summary: Summary) -> str:
    """Precision against recall at IoU 0.5, a dot where the threshold lies."""
    figure, [axes] = _figure(1)
    for c, name in enumerate(summary.names):
        line = summary.curves[c]
        if not line.objects:
            continue
        recall = np.concatenate([[0.0], line.recall])
        falling = np.maximum.accumulate(line.precision[::-1])[::-1]
        precision = np.concatenate([falling[:1] if len(falling) else [1.0], falling])
        axes.plot(recall, precision, color=_colour(c), label=name)
        at = line.at(float(summary.thresholds[c]))
        axes.plot([at[1]], [at[0]], "o", color=_colour(c))
    _square(axes, "recall", "precision")
    return _svg(figure, "pr")


def threshold_chart(summary: Summary) -> str:
    """Precision and recall against the threshold of confidence."""
    figure, both = _figure(2)
    grid = np.linspace(0.0, 1.0, 201)
    for c, name in enumerate(summary.names):
        line = summary.curves[c]
        if not line.objects:
            continue
        rows = np.array([line.at(float(t)) for t in grid])
        for axes, values in zip(both, rows.T, strict=True):
            axes.plot(grid, values, color=_colour(c), label=name)
            axes.axvline(float(summary.thresholds[c]), color=_colour(c), lw=0.7, ls=":")
    _square(both[0], "confidence", "precision")
    _square(both[1], "confidence", "recall")
    return _svg(figure, "thresholds")


def reliability_chart(rows: Sequence[tuple[str, Reliability]]) -> str:
    """How often boxes are right against how sure they are said to be, and how many there are."""
    figure, both = _figure(2)
    both[0].plot([0, 1], [0, 1], color="#999999", lw=1, ls="--")
    for k, (name, one) in enumerate(rows):
        there = one.count > 0
        both[0].plot(
            one.confidence[there], one.right[there], "o-", ms=4, color=_colour(k),
            label=f"{name}, ECE {one.ece:.3f}",
        )  # fmt: skip
        edges = np.linspace(0, 1, len(one.count) + 1)
        both[1].stairs(one.count, edges, color=_colour(k), label=name)
    _square(both[0], "confidence", "share that is right")
    both[1].set(xlabel="confidence", ylabel="boxes", xlim=(0, 1))
    both[1].grid(alpha=0.25)
    return _svg(figure, "reliability")


def confusion_chart(summary: Summary) -> str:
    """What is there (rows) against what was said (columns), as shares of the rows."""
    figure, [axes] = _figure(1, width=5.2)
    table = summary.confusion
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [*summary.names, "background"]
    places = range(len(names))
    axes.set_xticks(places, names, rotation=30, ha="right")
    axes.set_yticks(places, names)
    axes.set(xlabel="said", ylabel="is there")
    for i in places:
        for j in places:
            if i == j == len(names) - 1:
                continue  # nothing where there is nothing is not counted
            dark = shares[i, j] > 0.5
            axes.text(j, i, str(table[i, j]), ha="center", va="center",
                      color="white" if dark else "#222222")  # fmt: skip
    return _svg(figure, "confusion")


def street_chart(sweeps: Sequence[tuple[str, Sweep]]) -> str:
    """Recall against false alerts a river kilometre."""
    figure, [axes] = _figure(1)
    most = 5.0
    for c, (name, sweep) in enumerate(sweeps):
        if not sweep.planted:
            continue
        at = np.linspace(0.0, most, 201)
        axes.plot(at, [sweep.at_rate(r).recall for r in at], color=_colour(c), label=name)
    axes.axhline(0.8, color="#999999", lw=1, ls="--")
    axes.axvline(1.0, color="#999999", lw=1, ls="--")
    axes.set(xlabel="false alerts per river km", ylabel="recall", xlim=(0, most), ylim=(0, 1.02))
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8)
    return _svg(figure, "street")


def _colour(k: int) -> str:
    return COLOURS[k % len(COLOURS)]


def _figure(columns: int, width: float = 4.6) -> tuple[Any, list[Any]]:
    from matplotlib.figure import Figure  # not pyplot: no window, no global state

    figure = Figure(figsize=(width * columns, 3.9), layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False)[0]
    return figure, list(axes)


def _square(axes: Any, x: str, y: str) -> None:
    axes.set(xlabel=x, ylabel=y, xlim=(0, 1.01), ylim=(0, 1.02))
    axes.grid(alpha=0.25)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8)


def _svg(figure: Any, salt: str) -> str:
    """The figure as an <svg> element, the same each time, its ids its own in the page."""
    from matplotlib import rc_context

    stream = io.StringIO()
    with rc_context({"svg.hashsalt": salt, "svg.fonttype": "path"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\bid="', f'id="{salt}-', svg)
    svg = re.sub(r'(xlink:href|href)="#', rf'\1="#{salt}-', svg)
    return re.sub(r"url\(#", f"url(#{salt}-", svg)
