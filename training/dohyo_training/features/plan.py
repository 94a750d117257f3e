"""Which encoding each feature gets: by the configuration, else by its kind and levels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from dohyo_training.config.checks import RECIPES, ingredients

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dohyo_training.config import Column, Derived, RunConfig
    from dohyo_training.features.rowwise import Recipe
    from dohyo_training.table import Table

# Parts of the event's own date that come again within weeks; the others only tell old from new.
_RECURRING: Final = frozenset({"weekday", "hour", "day"})
# With more dates than this, only the distance to the event (or the first date) is taken.
_DATES_IN_PAIRS: Final = 6


@dataclass(frozen=True)
class Filling:
    """How missing values are filled: arguments of `SimpleImputer`."""

    strategy: str
    value: Any
    indicator: bool


@dataclass(frozen=True)
class Plan:
    """What becomes of the features.

    Attributes:
        numbers: filling → numbers and flags that get it.
        made: name and recipe of each column that is made row by row.
        one_hot, by_target: categories with their filling.
        ordinal: categories with their filling and levels in order.
    """

    numbers: dict[Filling, list[str]]
    made: dict[str, Recipe]
    one_hot: dict[Filling, list[str]]
    by_target: dict[Filling, list[str]]
    ordinal: dict[str, tuple[Filling, tuple[str, ...]]]


def plan(config: RunConfig, table: Table, columns: Sequence[str]) -> Plan:
    """The plan for some of the features."""
    made: Plan = Plan({}, {}, {}, {}, {})
    for name in columns:
        column, kind = config.column(name), table.kinds[name]
        if kind in ("number", "flag"):
            made.numbers.setdefault(_of_number(column, kind), []).append(name)
        elif kind == "category":
            _category(config, table, name, made)
    dates = [name for name in columns if table.kinds[name] == "date"]
    made.made.update(_of_dates(config, dates))
    made.made.update(_declared(config, columns))
    return made


def _of_number(column: Column, kind: str) -> Filling:
    if column.missing == "constant":
        return Filling("constant", float(column.fill or 0.0), column.indicator)
    default = "most-frequent" if kind == "flag" else "median"
    strategy = default if column.missing in ("auto", "refuse") else column.missing
    return Filling(strategy.replace("-", "_"), None, column.indicator)


def _category(config: RunConfig, table: Table, name: str, made: Plan) -> None:
    column = config.column(name)
    filling = _of_category(column)
    encoding = column.encoding
    if encoding == "auto":
        levels = int(table.frame[name].nunique())
        encoding = "one-hot" if levels <= config.features.one_hot_levels else "target"
    if encoding == "ordinal":
        made.ordinal[name] = (filling, tuple(str(level) for level in column.order))
    else:
        group = made.one_hot if encoding == "one-hot" else made.by_target
        group.setdefault(filling, []).append(name)


def _of_category(column: Column) -> Filling:
    if column.missing == "most-frequent":
        return Filling("most_frequent", None, indicator=False)
    value = str(column.fill) if column.missing == "constant" else "(missing)"
    return Filling("constant", value, indicator=False)


def _of_dates(config: RunConfig, dates: list[str]) -> Iterator[tuple[str, Recipe]]:
    event = config.task.event_date
    for name in dates:
        parts = config.column(name).parts
        if parts is None:
            parts = config.features.date_parts
            if name == event:
                parts = tuple(part for part in parts if part in _RECURRING)
        for part in parts:
            yield f"{name}_{part}", (part, name)
    if config.features.date_differences == "none":
        return
    for later, earlier in _pairs(dates, event):
        yield f"{later}_minus_{earlier}_days", ("days", later, earlier)


def _pairs(dates: list[str], event: str | None) -> Iterator[tuple[str, str]]:
    ordered = sorted(dates, key=lambda name: name != event)
    if len(dates) <= _DATES_IN_PAIRS:
        yield from combinations(ordered, 2)
    else:
        yield from ((ordered[0], other) for other in ordered[1:])


def _declared(config: RunConfig, columns: Sequence[str]) -> Iterator[tuple[str, Recipe]]:
    """Declared columns whose ingredients are all there."""
    for derived in config.features.derived:
        if set(ingredients(derived)) <= set(columns):
            yield derived.name, (_kind(derived), *ingredients(derived))


def _kind(derived: Derived) -> str:
    return next(recipe for recipe in RECIPES if getattr(derived, recipe) is not None)
