"""Features that know the outcome, or name the row, and so teach nothing that holds later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from dohyo_training.analyse.relations import as_number, spearman

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from dohyo_training.config import RunConfig
    from dohyo_training.table import Table

# Fewer rows than this can be all different by chance.
_ROWS_TO_NAME: Final = 100
# Dates later than the event in more rows than this are no slips of the pen.
_LATER_SHARE: Final = 0.01
_WAY_OUT: Final = (
    "set `use: forbidden` with the reason in `columns`, or accept it in `analysis.accepted` with "
    "the reason"
)


def leaks(config: RunConfig, table: Table, alone: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    """Each feature that must not be learned from, and what it does.

    Args:
        config: of the run.
        table: of the run.
        alone: how well each feature alone predicts, by `alone.score_alone`.
    """
    for name in table.features:
        if name in config.analysis.accepted:
            continue
        reason = _reason(config, table, name, alone[name])
        if reason is not None:
            yield name, reason


def sentence(name: str, reason: str) -> str:
    """The reason to stop a run, with the way out."""
    return f"column {name!r} {reason}; {_WAY_OUT}"


def _reason(config: RunConfig, table: Table, name: str, alone: float) -> str | None:
    values = table.frame[name]
    if config.column(name).known == "after":
        return "is known only after the event, by `known: after`"
    if _copies(table, values):
        return f"is a copy of the target {table.target!r}"
    later = later_share(config, table, name)
    if later > _LATER_SHARE:
        return (
            f"is later than the event ({config.task.event_date}) in {later:.1%} of the rows: it "
            "is written after the outcome"
        )
    if alone > config.analysis.leak_score:
        measure = "|Spearman|" if table.task == "regression" else "ROC-AUC"
        return (
            f"alone predicts {table.target!r} with {measure} {alone:.3f}, above "
            f"analysis.leak_score of {config.analysis.leak_score:g}: it is the outcome in other "
            "words, or comes after it"
        )
    if _names_rows(config, table, values):
        return (
            f"has {values.nunique()} different values in {len(values)} rows: it names the row, "
            "and a new row has a new one"
        )
    return None


def later_share(config: RunConfig, table: Table, name: str) -> float:
    """Share of filled rows in which a date lies on a day after the event."""
    event = config.task.event_date
    if event is None or name == event or table.kinds[name] != "date":
        return 0.0
    filled = table.frame[name].notna()
    later = table.frame[name][filled].dt.floor("D") > table.frame[event][filled].dt.floor("D")
    return float(later.mean())


def _copies(table: Table, values: pd.Series) -> bool:
    """Whether each value of the feature goes with one outcome and each outcome with one value."""
    if table.task == "regression":
        if table.kinds[str(values.name)] == "category":
            return False
        numbers = as_number(values)
        return bool(np.array_equal(numbers, table.y))
    if values.nunique(dropna=False) != len(table.classes):
        return False
    return len(set(zip(values.astype(str), table.y, strict=True))) == len(table.classes)


def _names_rows(config: RunConfig, table: Table, values: pd.Series) -> bool:
    kind = table.kinds[str(values.name)]
    filled = values.dropna()
    if kind not in ("number", "category") or len(filled) < _ROWS_TO_NAME:
        return False
    if filled.nunique() / len(filled) <= config.analysis.identifier_share:
        return False
    if kind == "category":
        return True
    numbers = as_number(filled)
    if not (numbers == np.floor(numbers)).all():
        return False
    # An amount may be different in each row; a counter is dense, or rises with the rows.
    dense = np.ptp(numbers) < 2 * len(numbers)
    rising = abs(spearman(numbers, np.arange(len(numbers), dtype=np.float64))) > 0.999
    return bool(dense or rising)
