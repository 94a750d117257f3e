"""The report of a run on one page, complete in itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dohyo_batch import plots
from dohyo_pages.rendering import rendered

if TYPE_CHECKING:
    from collections.abc import Mapping


def page_of(report: Mapping[str, Any]) -> str:
    """The page of a `report.json`."""
    content = {
        "report": report,
        "courses": {
            each["name"]: plots.course(each["course"], f"{each['name']}: mean by {report['every']}")
            for each in report["versions"]
        },
        "runs": plots.course(_over_runs(report), "Mean of each run"),
    }
    filters = {"number": _number, "signed": lambda value: _number(value, "+.4g")}
    return rendered(Path(__file__).with_name("page.html"), content, filters)


def _over_runs(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {**each, "period": run["startedAt"][:16].replace("T", " ")}
        for run in report["history"]
        for each in run["groups"]
    ]


def _number(value: float | None, form: str = ".4g") -> str:
    return "-" if value is None else format(value, form)
