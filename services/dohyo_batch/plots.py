"""Means over time, as SVG that stands in the page itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from matplotlib.figure import Figure

from dohyo_pages.drawing import INK, svg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_GROUPS: Final = 24
_COLUMNS: Final = 4
_MOST_LABELS: Final = 5


def course(points: Sequence[Mapping[str, Any]], title: str) -> str:
    """One small plot for each group, all on one scale; empty without two points of time.

    Args:
        points: with group, period, mean, low and high.
        title: of the whole.
    """
    by_group: dict[str, list[Mapping[str, Any]]] = {}
    for point in points:
        if point["mean"] is not None:
            by_group.setdefault(" · ".join(point["group"]), []).append(point)
    periods = sorted({point["period"] for point in points})
    if len(periods) < 2 or not by_group:
        return ""
    names = sorted(by_group)[:MOST_GROUPS]
    columns = min(_COLUMNS, len(names))
    lines = -(-len(names) // columns)
    figure = Figure(figsize=(2.6 * columns, 0.5 + 1.7 * lines), layout="constrained")
    figure.suptitle(title, fontsize=10)
    axes = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
    places = {period: place for place, period in enumerate(periods)}
    for name, each in zip(names, axes, strict=False):
        _draw(each, name, by_group[name], places)
    for each in axes[len(names) :]:
        each.set_visible(False)
    return svg(figure, letters="none")


def _draw(
    axes: Any, name: str, points: Sequence[Mapping[str, Any]], places: Mapping[str, int]
) -> None:
    x = [places[point["period"]] for point in points]
    mean = [point["mean"] for point in points]
    bounded = [point for point in points if point["low"] is not None]
    axes.fill_between(
        [places[point["period"]] for point in bounded],
        [point["low"] for point in bounded],
        [point["high"] for point in bounded],
        color=INK,
        alpha=0.2,
        linewidth=0,
    )
    axes.plot(x, mean, "-o", color=INK, markersize=2, linewidth=1)
    axes.set_title(name, fontsize=8)
    axes.tick_params(labelsize=6)
    axes.spines[["top", "right"]].set_visible(False)
    step = -(-len(places) // _MOST_LABELS)
    axes.set_xticks(list(places.values())[::step], list(places)[::step], rotation=30, ha="right")
