"""The analysis as a fragment of HTML, without anything from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo_training.config import RunConfig
    from dohyo_training.table import Table

_RELATIONS: Final = 15
_COLUMNS: Final = 50
_WIDTH, _HEIGHT = 640, 120

_PAGE: Final = """\
{%- macro rows(records, columns) %}
<table>
<tr>{% for column in columns %}<th>{{ column.replace("_", " ") }}</th>{% endfor %}</tr>
{%- for record in records %}
<tr>{% for column in columns %}<td>{{ record[column]|shown }}</td>{% endfor %}</tr>
{%- endfor %}
</table>
{%- endmacro %}
<h3>Variables</h3>
{{ rows(record.variables[:columns], ["column", "kind", "missing", "distinct", "spread"]) }}
{%- if record.variables|length > columns %}
<p>{{ record.variables|length - columns }} more columns stand in the record of the run.</p>
{%- endif %}
<h3>What each column may be used for</h3>
{{ rows(record.use[:columns], ["column", "use", "reason"]) }}
<h3>With the outcome, each feature alone</h3>
{{ rows(record.with_target[:columns], ["column", "measure", "alone"]) }}
<h3>Between columns, the strongest</h3>
{{ rows(record.relations[:relations], ["left", "right", "measure", "value"]) }}
{%- if record.over_time %}
<h3>Over time, by {{ record.over_time[0].unit }}: {{ record.target.averaged }}</h3>
<svg viewBox="0 0 {{ width }} {{ height + 20 }}" role="img" width="{{ width }}">
<polyline fill="none" stroke="currentColor" points="{{ line }}"/>
<text x="0" y="{{ height + 15 }}" font-size="11">{{ record.over_time[0].from }}: \
{{ record.over_time[0].mean|shown }}</text>
<text x="{{ width }}" y="{{ height + 15 }}" font-size="11" text-anchor="end">\
{{ record.over_time[-1].from }}: {{ record.over_time[-1].mean|shown }}</text>
</svg>
<h3>Features that moved towards the end</h3>
{{ rows(record.movements[:relations], ["column", "psi", "when_still"]) }}
{%- endif %}
{%- if record.segments %}
<h3>By segment: {{ record.target.averaged }}</h3>
{{ rows(record.segments[:200], ["column", "level", "rows", "mean", "standard_error"]) }}
{%- endif %}
{%- if table_report %}
<h3>The table</h3>
<iframe title="table report" style="width:100%;height:600px;border:0" \
srcdoc="{{ table_report }}"></iframe>
{%- endif %}
"""


def page(table: Table, config: RunConfig, record: Mapping[str, Any]) -> str:
    """The fragment; texts from the data are escaped."""
    environment = Environment(autoescape=True)
    environment.filters["shown"] = _shown
    report = _table_report(table) if config.analysis.table_report else ""
    return environment.from_string(_PAGE).render(
        record=record,
        relations=_RELATIONS,
        columns=_COLUMNS,
        width=_WIDTH,
        height=_HEIGHT,
        line=_line([one["mean"] for one in record["over_time"]]),
        table_report=report,
    )


def _shown(value: Any) -> str:
    """Four digits are enough to compare by eye."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _line(means: list[float]) -> str:
    """The points of a polyline from the lowest to the highest mean."""
    if not means:
        return ""
    low, high = min(means), max(means)
    step = _WIDTH / max(1, len(means) - 1)
    heights = [(mean - low) / (high - low) if high > low else 0.5 for mean in means]
    return " ".join(f"{i * step:.1f},{_HEIGHT * (1 - h):.1f}" for i, h in enumerate(heights))


def _table_report(table: Table) -> str:
    """Skrub's report on the columns, with a single row of the data."""
    from skrub import TableReport  # noqa: PLC0415 - two seconds, and `compare` has no use for it

    shown = [*table.features[: _COLUMNS - 1], table.target]
    report = TableReport(table.frame[shown], n_rows=1, verbose=0, open_tab="stats")
    return str(report.html())
