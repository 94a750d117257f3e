"""A table → what it says in sentences, numbers and a page, or the reasons to stop."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo_training.analyse.alone import score_alone, score_binned
from dohyo_training.analyse.leaks import leaks, sentence
from dohyo_training.analyse.over_time import averaged, movements, outcome, over_time, segments
from dohyo_training.analyse.page import page
from dohyo_training.analyse.relations import pairs
from dohyo_training.analyse.sentences import sentences
from dohyo_training.analyse.variables import uses, variables
from dohyo_training.complaint import TrainingStopped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo_training.config import RunConfig
    from dohyo_training.table import Table

# Each pair of so many columns is looked at; of more, those that predict best alone.
COLUMNS_IN_PAIRS: Final = 40
_WIDE: Final = 100
_ROWS_WHEN_WIDE: Final = 2_000


@dataclass(frozen=True)
class Analysis:
    """What was found in the data.

    Attributes:
        sentences: the findings in words, the most important first.
        record: JSON values: variables, with_target, relations, segments, over_time, movements,
            use.
        html: a fragment (sections with h3, tables) for the report; the table report is an
            `iframe` with its page in `srcdoc`.
    """

    sentences: tuple[str, ...]
    record: Mapping[str, Any]
    html: str


def analyse(table: Table, config: RunConfig) -> Analysis:
    """Describes variables and relations, and looks for leaks.

    Raises:
        TrainingStopped: a feature leaks the outcome; with one reason for each.
    """
    sample = _sample(table, config)
    scores = _alone(sample)
    reasons = [sentence(name, reason) for name, reason in leaks(config, table, scores)]
    if reasons:
        raise TrainingStopped(tuple(reasons))
    record = _record(table, sample, config, scores)
    found = tuple(sentences(table, config, record))
    return Analysis(found, record, page(sample, config, record))


def leaking(table: Table, config: RunConfig) -> dict[str, str]:
    """The features that would stop a run, and what they do."""
    return dict(leaks(config, table, _alone(_sample(table, config))))


def _sample(table: Table, config: RunConfig) -> Table:
    """So many rows as the configuration allows, fewer of a wide table, in their order."""
    most = config.analysis.rows
    if len(table.features) > _WIDE:
        most = min(most, _ROWS_WHEN_WIDE)
    if len(table.frame) <= most:
        return table
    chance = np.random.default_rng(config.training.seed)
    chosen = chance.choice(len(table.frame), most, replace=False)
    return replace(table, frame=table.frame.iloc[np.sort(chosen)].reset_index(drop=True))


def _alone(table: Table) -> dict[str, float]:
    """How well each feature alone predicts; of a wide table the trees look at the best only."""
    y = table.y
    columns = [(name, table.frame[name], table.kinds[name]) for name in table.features]
    scores = {}
    if len(columns) > _WIDE:
        scores = {name: score_binned(values, kind, y, table.task) for name, values, kind in columns}
        best = sorted(scores, key=lambda name: -scores[name])[:_WIDE]
        columns = [column for column in columns if column[0] in best]
    return scores | {
        name: score_alone(values, kind, y, table.task) for name, values, kind in columns
    }


def _record(
    table: Table, sample: Table, config: RunConfig, scores: Mapping[str, float]
) -> dict[str, Any]:
    measure = "|Spearman|" if table.task == "regression" else "ROC-AUC"
    ordered = sorted(scores.items(), key=lambda item: -item[1])
    audit = [name for name in table.kinds if name not in table.features]
    close = [name for name, _ in ordered[:COLUMNS_IN_PAIRS]] + audit[:COLUMNS_IN_PAIRS]
    return {
        "rows": len(table.frame),
        "columns": len(table.frame.columns),
        "sampled_rows": len(sample.frame),
        "target": {
            "column": table.target,
            "task": table.task,
            "averaged": averaged(table),
            "mean": round(float(outcome(table).mean()), 6),
            "classes": _classes(table),
        },
        "variables": variables(table),
        "with_target": [
            {"column": name, "measure": measure, "alone": round(value, 4)}
            for name, value in ordered
        ],
        "relations": pairs(sample.frame, table.kinds, close),
        "segments": segments(table),
        "over_time": over_time(table),
        "movements": movements(table),
        "use": uses(config, table),
    }


def _classes(table: Table) -> list[dict[str, Any]]:
    if table.task == "regression":
        return []
    counts = np.bincount(table.y, minlength=len(table.classes))
    return [
        {"class": str(label), "rows": int(count)}
        for label, count in zip(table.classes, counts, strict=True)
    ]
