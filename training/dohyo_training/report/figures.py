"""Figures of the report, as SVG that stands in the page itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.figure import Figure

from dohyo_pages.drawing import INK, svg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dohyo_training.assess.curves import Calibration, Confusion, Curve
    from dohyo_training.assess.importance import Importance
    from dohyo_training.assess.intervals import Estimate
    from dohyo_training.assess.uplift import QiniCurve
    from dohyo_training.assess.value import GainCurve, ProfitCurve
    from dohyo_training.build.leaderboard import Leaderboard

ACCENT: Final = "#c1121f"
QUIET: Final = "#9aa5b1"
MOST_BARS: Final = 20


def _axes(title: str, x: str, y: str, size: tuple[float, float] = (4.2, 3.2)) -> tuple[Figure, Any]:
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x, fontsize=8)
    axes.set_ylabel(y, fontsize=8)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def of_leaderboard(board: Leaderboard) -> str:
    """Each model's distance to the best, with the interval of the paired difference."""
    entries = [entry for entry in reversed(board.entries) if entry.name != "dummy"]
    size = (6.4, 0.8 + 0.35 * len(entries))
    title = "Difference to the best, same folds"
    figure, axes = _axes(title, f"{board.metric}, turned so that more is better", "", size)
    for place, entry in enumerate(entries):
        found = entry.against_best
        color = ACCENT if entry.chosen else INK
        axes.plot([found.low, found.high], [place, place], color=color, linewidth=1.5)
        axes.plot([found.value], [place], "o", color=color, markersize=4)
    _cut_the_last(axes, [entry.against_best for entry in entries])
    axes.axvline(0, color=QUIET, linewidth=0.8)
    axes.set_yticks(range(len(entries)), [entry.title for entry in entries])
    return svg(figure, letters="path")


def _cut_the_last(axes: Any, found: Sequence[Estimate]) -> None:
    """Where the last model lies so far off that the others become one line, it is written."""
    last, *others = found
    edge = min((one.low for one in others), default=0.0)
    if edge < 0 and last.low < 4 * edge:
        axes.set_xlim(1.6 * edge, 1.6 * max(-edge / 4, *(one.high for one in others)))
        axes.text(1.55 * edge, 0.12, f"{last.value:.3g}, beyond the figure", fontsize=7)


def of_curve(curve: Curve, title: str, x: str, y: str, *, diagonal: bool = False) -> str:
    figure, axes = _axes(title, x, y)
    axes.plot(curve.x, curve.y, color=INK)
    if diagonal:
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.01)
    return svg(figure, letters="path")


def of_answers(found: Curve) -> str:
    figure, axes = _axes("Each row", "predicted", "actual")
    ends = [min(found.x.min(), found.y.min()), max(found.x.max(), found.y.max())]
    axes.plot(ends, ends, color=QUIET, linewidth=0.8)
    axes.plot(found.x, found.y, "o", color=INK, markersize=2.5, alpha=0.6)
    return svg(figure, letters="path")


def of_calibration(found: Calibration) -> str:
    figure, axes = _axes(
        f"Calibration (mean error {found.error:.3f})", "predicted probability", "observed share"
    )
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8)
    axes.plot(found.predicted, found.observed, "o-", color=INK, markersize=4)
    return svg(figure, letters="path")


def of_confusion(name: str, found: Confusion) -> str:
    side = min(7.0, 2.2 + 0.5 * len(found.classes))
    figure, axes = _axes(name, "predicted", "actual", (side + 0.6, side))
    shares = found.counts / np.maximum(found.counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*found.counts.shape):
        color = "white" if shares[row, column] > 0.5 else "black"
        text = f"{found.counts[row, column]:,}"
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=8)
    axes.set_xticks(range(len(found.classes)), found.classes, rotation=30)
    axes.set_yticks(range(len(found.classes)), found.classes)
    return svg(figure, letters="path")


def of_gain(found: GainCurve) -> str:
    figure, axes = _axes("Gain", "share of rows, highest probability first", "positives found")
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8)
    axes.plot(found.share, found.found, color=INK)
    return svg(figure, letters="path")


def of_profit(found: ProfitCurve, threshold: float | None, unit: str) -> str:
    figure, axes = _axes("Value of decisions", "threshold", unit)
    finite = np.isfinite(found.thresholds)
    axes.plot(found.thresholds[finite], found.values[finite], color=INK)
    axes.axhline(found.values[0], color=QUIET, linewidth=0.8, label="nobody")
    axes.axhline(found.values[-1], color=QUIET, linewidth=0.8, linestyle="--", label="all")
    if threshold is not None:
        axes.axvline(threshold, color=ACCENT, linewidth=1, label="chosen")
    axes.legend(fontsize=7, frameon=False)
    return svg(figure, letters="path")


def of_importance(found: list[Importance], metric: str) -> str:
    shown = list(reversed(found[:MOST_BARS]))
    size = (6.4, 0.8 + 0.25 * len(shown))
    figure, axes = _axes("What shuffling a feature costs", metric, "", size)
    places = range(len(shown))
    axes.barh(places, [one.loss for one in shown], xerr=[one.deviation for one in shown], color=INK)
    axes.set_yticks(places, [one.feature for one in shown])
    return svg(figure, letters="path")


def of_worth(against: Mapping[str, Estimate], unit: str) -> str:
    names = list(reversed(list(against)))
    figure, axes = _axes("More value than", unit, "", (6.4, 0.8 + 0.4 * len(names)))
    for place, name in enumerate(names):
        found = against[name]
        axes.plot([found.low, found.high], [place, place], color=INK, linewidth=1.5)
        axes.plot([found.value], [place], "o", color=INK, markersize=4)
    axes.axvline(0, color=QUIET, linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    return svg(figure, letters="path")


def of_qini(curves: Mapping[str, QiniCurve]) -> str:
    figure, axes = _axes("Qini curve", "rows treated", "extra good outcomes")
    for (name, curve), color in zip(curves.items(), (INK, ACCENT), strict=False):
        kept = np.unique(np.linspace(0, len(curve.treated) - 1, 400).round().astype(int))
        axes.plot(curve.treated[kept], curve.gain[kept], color=color, label=name)
    last = next(iter(curves.values()))
    axes.plot([0, last.treated[-1]], [0, last.gain[-1]], color=QUIET, linewidth=0.8)
    axes.legend(fontsize=7, frameon=False)
    return svg(figure, letters="path")
