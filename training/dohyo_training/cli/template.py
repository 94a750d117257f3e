"""The commented configuration that `dohyo train init` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml
from jinja2 import Environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo_training.table import Table

_MOST_COLUMNS: Final = 200

_TEMPLATE: Final = """\
# What is learned, from what, and what it is worth. `dohyo train check` says what is wrong with it.
# Everything that may stand here: docs/reference/training-config.md
task:
  target: {{ target }}
  type: {{ table.task }}
{%- if positive %}
  positive: {{ positive }}  # the outcome that a probability speaks of
{%- endif %}
{%- if event %}
  event_date: {{ event }}  # folds go by time, later dates are leaks
{%- else %}
  # event_date: asked_on  # folds then go by time, later dates are leaks
{%- endif %}
{%- if keys %}
  key: [{{ keys|join(", ") }}]  # names a row; never a feature
{%- endif %}
  # group: customer_id  # rows of one customer stay in one fold
  # treatment: {column: called, propensity: 0.5, randomised: true, value: 20, cost: 5}

data:
  # A run stops when the table would be larger.
  memory: 2Gi
  # Written by the first run, enforced by later ones; keep it in version control.
  # schema_file: {{ name }}.schema.yaml
  sources:
    - name: {{ source.name }}
      kind: {{ source.kind }}  # csv, parquet, sql, sklearn or simulator
      path: {{ path }}
{%- if source.separator %}
      separator: {{ separator }}
{%- endif %}
      sheet:
        origin: ""  # who or what wrote it down
        owner: ""  # who answers for it
        licence: ""
        # update_frequency: 7d
        # fresh_by: asked_on
        min_completeness: 0.0  # {{ completeness }} of the cells are filled now
        # cost: {amount: 20, budget: 50, per: month}
        known_bias: ""

# What each column means and may be used for. Not listed is the same as `{}`: a feature.
columns:
{%- for column in columns %}
{%- if column.reason %}
  # It would stop the run:
  {{ column.name }}: {use: forbidden, reason: {{ column.quoted }}}
{%- else %}
  {{ column.name }}: {}  # {{ column.kind }}{{ column.gaps }}
{%- endif %}
{%- endfor %}

# Where versions with different features answer the same requests:
# features: {unknown_fields: ignore}

models: [linear, tree, forest, hist-boosting, xgboost, blend]
search: {kind: auto}
folds: {k: 5, test_share: 0.2}
{%- if table.task == "regression" %}

# What each unit that a prediction is off costs.
# value: {under: 2.0, over: 1.0, currency: EUR}
{%- elif table.task == "binary" %}

# What each decision is worth; it sets the threshold, and is compared with the champion.
# value: {true_positive: 15, false_positive: -5, false_negative: 0, true_negative: 0}
{%- endif %}

# Groups for which errors are shown one by one.
# slices: {columns: [region], fairness: [age_band]}

output:
  name: {{ name }}
"""


def written(
    table: Table, source: Mapping[str, Any], target: str, name: str, suspects: Mapping[str, str]
) -> str:
    """The text, for the columns of a table and those that would leak."""
    dates = [one for one in table.features if table.kinds[one] == "date" and one not in suspects]
    event = dates[0] if dates and table.frame[dates[0]].notna().all() else None
    keys = [one for one, reason in suspects.items() if "names the row" in reason]
    columns = [
        {
            "name": _quoted(one),
            "kind": table.kinds[one],
            "gaps": _gaps(table, one),
            "reason": suspects.get(one, ""),
            "quoted": _quoted(suspects.get(one, "")),
        }
        for one in table.features[:_MOST_COLUMNS]
        if one not in keys
    ]
    # YAML, not HTML.
    return (
        Environment(keep_trailing_newline=True, autoescape=False)  # noqa: S701
        .from_string(_TEMPLATE)
        .render(
            table=table,
            target=_quoted(target),
            positive=_quoted(table.classes[-1]) if table.task == "binary" else "",
            event=_quoted(event) if event else "",
            keys=[_quoted(key) for key in keys],
            source=source,
            path=_quoted(source["path"]),
            separator=_quoted(source.get("separator", "")),
            completeness=f"{float(table.frame.notna().mean().mean()):.1%}",
            columns=columns,
            name=_bento_name(name),
        )
    )


def _quoted(value: Any) -> str:
    """A value as YAML would write it within a line."""
    text = yaml.safe_dump([value], default_flow_style=True, width=10**6, allow_unicode=True)
    return text.strip()[1:-1]


def _gaps(table: Table, name: str) -> str:
    missing = float(table.frame[name].isna().mean())
    return f", {missing:.1%} missing" if missing else ""


def _bento_name(name: str) -> str:
    letters = [letter if letter.isalnum() and letter.isascii() else "-" for letter in name.lower()]
    return "".join(letters).strip("-")[:60] or "model"
