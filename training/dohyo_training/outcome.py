"""Everything that a run found, and the files that say it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from dohyo_training import features
from dohyo_training.assess.stage import ONE_ANSWER
from dohyo_training.build.families import CHAMPION
from dohyo_training.card import card
from dohyo_training.gather.memory import table_bytes
from dohyo_training.record import (
    RECORD_FORMAT,
    amlb_csv,
    assessment_record,
    leaderboard_record,
    model_record,
    plain,
)

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from dohyo_training.analyse import Analysis
    from dohyo_training.assess.stage import Assessment
    from dohyo_training.build.optimism import Promise
    from dohyo_training.build.stage import Built
    from dohyo_training.compare import Verdict
    from dohyo_training.config import RunConfig
    from dohyo_training.cost import Cost
    from dohyo_training.export.trained import Exported
    from dohyo_training.folds import Split
    from dohyo_training.provenance import Provenance
    from dohyo_training.select import Selection
    from dohyo_training.table import DataSheet, Table


@dataclass(frozen=True)
class Outcome:
    """What the stages of a run found, in their order."""

    config: RunConfig
    tag: str
    origin: Provenance
    table: Table
    analysis: Analysis
    split: Split
    selection: Selection
    built: Built
    promise: Promise | None
    assessment: Assessment
    exported: Exported
    verdict: Verdict | None
    now: datetime
    cost: Cost

    @property
    def headline(self) -> str:
        """The run in a sentence or two."""
        board = self.built.leaderboard
        found = self.assessment.metrics[board.metric]
        text = f"{self.tag}: {board.chosen.family}, {board.metric} {found} on unseen rows."
        against = self.assessment.worth.against if self.assessment.worth else {}
        for name, said in (("nothing", "doing nothing"), (ONE_ANSWER, f"{ONE_ANSWER} rows")):
            if name in against:
                text += f" It is worth {against[name]} {self.unit} more than {said}."
        if self.verdict is not None:
            text += f" Against the champion: {self.verdict.outcome}."
        return text

    @property
    def predicts(self) -> str:
        """What a prediction is, in words."""
        target, classes = self.table.target, self.table.classes
        if self.table.task == "regression":
            return f"{target}, a number"
        if self.table.task == "binary":
            return f"the probability that {target} is {classes[-1]}"
        return f"{target}, one of {', '.join(map(str, classes))}"

    @property
    def unit(self) -> str:
        value = self.config.value
        return f"{value.currency} per {value.per}" if value is not None else ""

    def record(self) -> dict[str, Any]:
        """The content of `run.json`."""
        return {
            "format": RECORD_FORMAT,
            "tag": self.tag,
            "task": self.table.task,
            "target": self.table.target,
            "classes": list(self.table.classes),
            "predicts": self.predicts,
            "ended": self.now.isoformat(timespec="seconds"),
            "provenance": self.origin.as_record(),
            "seeds": {"folds": self.config.folds.seed, "training": self.config.training.seed},
            "config": self.config.model_dump(mode="json"),
            "data": self._data(),
            "analysis": dict(self.analysis.record),
            "features": self.engineered(),
            "selection": self.selection.as_json(),
            "split": self.split.as_record(),
            "search": self.built.found.as_record(),
            "leaderboard": leaderboard_record(self.built.leaderboard),
            "promise": self.promise.as_record() if self.promise else None,
            **model_record(self.built),
            "assessment": assessment_record(self.assessment),
            "verdict": self.verdict.as_record() if self.verdict else None,
            "export": self.exported.as_record(),
            "cost": self.cost.as_record(),
        }

    def engineered(self) -> list[dict[str, str]]:
        """What becomes of each feature that stays."""
        return features.described(self.config, self.table, self.selection.kept)

    def _data(self) -> dict[str, Any]:
        event = self.config.task.event_date
        dates = None if event is None else self.table.frame[event].iloc[self.split.development]
        return {
            "rows": len(self.table.frame),
            "development": len(self.split.development),
            "held_back": len(self.split.held_back),
            "digest": self.table.digest,
            "table_bytes": table_bytes(self.table.frame),
            "first": None if dates is None else dates.min().date().isoformat(),
            "last": None if dates is None else dates.max().date().isoformat(),
            "notes": list(self.table.notes),
        }


def write_outcome(outcome: Outcome, folder: Path) -> None:
    """Writes report, card, data sheet, record and the table of fits into a folder.

    Those that belong to the version are written into its model as well.
    """
    record = plain(outcome.record())
    training = folder / "model" / "training"
    text = json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    described = card(outcome.config, record, outcome.assessment)
    sheets = [_sheet(sheet) for sheet in outcome.table.sheets]
    fits = _fits(outcome)
    for name, content in (
        ("run.json", text + "\n"),
        ("card.md", described),
        ("datasheet.json", json.dumps(plain(sheets), indent=1, sort_keys=True) + "\n"),
        ("fits.csv", fits),
    ):
        (training / name).write_text(content, "utf-8")
        (folder / name).write_text(content, "utf-8")
    (folder / "report.html").write_text(_report(outcome, record), "utf-8")


def _fits(outcome: Outcome) -> str:
    run = {
        "id": outcome.config.output.name,
        "task": outcome.config.output.name,
        "constraint": f"{outcome.built.found.planned_cpu_seconds:.0f} CPU s planned",
        "version": outcome.tag.partition(":")[2],
    }
    metric = outcome.built.leaderboard.metric
    return amlb_csv(run, outcome.built.finalists, metric, outcome.config.training.seed)


def _sheet(sheet: DataSheet) -> dict[str, Any]:
    document = dict(vars(sheet))
    document["checks"] = [dict(vars(check)) for check in sheet.checks]
    document["declared"] = dict(sheet.declared)
    document["completeness"] = dict(sheet.completeness)
    return document


def _report(outcome: Outcome, record: dict[str, Any]) -> str:
    # A second of matplotlib, for which a comparison has no use.
    from dohyo_training.report.render import render  # noqa: PLC0415

    return render(
        {
            "tag": outcome.tag,
            "purpose": outcome.config.task.purpose,
            "headline": outcome.headline,
            "record": record,
            "table": outcome.table,
            "analysis": outcome.analysis,
            "engineered": outcome.engineered(),
            "features": features.inputs(outcome.built.model.pipeline[0]),
            "selection": outcome.selection,
            "split": outcome.split,
            "board": outcome.built.leaderboard,
            "built": outcome.built,
            "promise": outcome.promise,
            "champions_row": _champions_row(outcome),
            "model": outcome.built.model,
            "assessment": outcome.assessment,
            "unit": outcome.unit,
            "verdict": outcome.verdict,
            "export": _export_facts(outcome.exported),
            "provenance": _origin_facts(outcome),
            "configuration": yaml.safe_dump(
                outcome.config.model_dump(mode="json", exclude_defaults=True), sort_keys=False
            ),
        }
    )


def _champions_row(outcome: Outcome) -> str:
    """What the leaderboard says of the champion, which is easily taken for more than it is."""
    serving = outcome.config.champion
    if not any(entry.name == CHAMPION for entry in outcome.built.leaderboard.entries):
        return (
            f"{serving} tells no recipe that can be fitted here, so it has no row; its answers on "
            "the rows held back are compared in 7."
        )
    return (
        f'The row "champion\'s recipe" is the algorithm of {serving} with its hyperparameters, '
        "fitted anew on the rows and features of this run: its distance to the others is what the "
        "search adds. The version that serves is not in this table; its own answers on the rows "
        "held back are compared in 7, pair by pair, and in 6 where decisions have a value."
    )


def _export_facts(exported: Exported) -> dict[str, Any]:
    facts = {"form": exported.backend, "files": f"{exported.bytes / 1000:.0f} kB"}
    if exported.parity is not None:
        facts |= {
            "rows compared in a fresh process": f"{exported.parity.rows}",
            "largest difference to scikit-learn": f"{exported.parity.largest:.3g}",
            "other decisions": f"{exported.parity.flips}",
            "one row": f"{exported.row_microseconds:.1f} µs",
        }
    proven = "The served form is proven equal to the scikit-learn pipeline."
    return {"facts": facts, "sentence": exported.refusal or proven}


def _origin_facts(outcome: Outcome) -> dict[str, str]:
    origin = outcome.origin
    return {
        "version": outcome.tag,
        "data": origin.data,
        "configuration": origin.config,
        "code": origin.code,
        "libraries": ", ".join(f"{name} {version}" for name, version in origin.installed.items()),
        "Python": origin.python,
        "commit": origin.commit or "none",
        "took": str(outcome.cost),
    }
