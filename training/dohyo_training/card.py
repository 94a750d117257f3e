"""The model card: what a person must know before using the version, on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dohyo_training.assess.stage import Assessment
    from dohyo_training.config import RunConfig


def card(config: RunConfig, record: Mapping[str, Any], found: Assessment) -> str:
    """The card in Markdown."""
    return "\n".join(_lines(config, record, found)) + "\n"


def _lines(config: RunConfig, record: Mapping[str, Any], found: Assessment) -> Iterator[str]:
    yield f"# {record['tag']}"
    yield ""
    yield f"**Purpose:** {config.task.purpose or 'none declared'}"
    yield f"**Predicts:** {record['predicts']}"
    yield f"**Algorithm:** {record['chosen']['family']}; {record['leaderboard']['sentence']}"
    rows = record["data"]
    yield f"**Learned from:** {rows['development']} rows{_window(rows)}"
    yield f"**Judged on:** {found.rows} rows that no step had seen"
    yield ""
    yield "## How good it is"
    yield ""
    for name, estimate in found.metrics.items():
        if name != "value":
            yield f"- {name}: {estimate} ({estimate.method})"
    if found.worth is not None and config.value is not None:
        unit = f"{config.value.currency} per {config.value.per}"
        yield f"- value: {found.worth.own} {unit}"
        for name, estimate in found.worth.against.items():
            yield f"- more than {name}: {estimate} {unit}"
    yield ""
    yield from _forbidden(config)
    yield from _worse(found)
    yield "## Limits"
    yield ""
    yield "- It knows the data window above; `profile.json` tells when requests leave it."
    yield "- Dates without an offset are taken as UTC."
    if record["export"]["refusal"]:
        yield f"- No serving form: {record['export']['refusal']}"
    if found.effect is not None and found.effect.warning:
        yield f"- Treatment: {found.effect.warning}"


def _forbidden(config: RunConfig) -> Iterator[str]:
    yield "## What it may not be told"
    yield ""
    unused = [(n, c) for n, c in config.columns.items() if c.use != "feature"]
    for name, column in unused:
        yield f"- {name}: {column.use}, {column.reason}"
    if not unused:
        yield "- no column is forbidden"
    yield ""


def _worse(found: Assessment) -> Iterator[str]:
    yield "## For whom it errs more"
    yield ""
    worse = [one for one in found.slices if one.against_rest.low > 0][:5]
    for one in worse:
        yield f"- {one.column} = {one.level}: loss {one.against_rest.value:+.3g} against all others"
    if not worse:
        yield "- no slice stands out beyond chance"
    for fair in found.fairness:
        yield f"- {fair.column}: recall differs by up to {fair.recall_gap:.3f} between groups"
    yield ""


def _window(rows: Mapping[str, Any]) -> str:
    return f", {rows['first']} to {rows['last']}" if rows.get("first") else ""
