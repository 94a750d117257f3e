"""What no single field can see: where two parts of a configuration contradict each other."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final, get_args
from zoneinfo import available_timezones

from dohyo_training.complaint import Complaint
from dohyo_training.config.building import Metric
from dohyo_training.config.data import CsvSource, ParquetSource, SqlSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dohyo_training.config.building import ModelChoice
    from dohyo_training.config.columns import Column, Derived
    from dohyo_training.config.data import Sheet
    from dohyo_training.config.run import RunConfig

Place = tuple[str | int, ...]
Contradiction = tuple[Place, str]

OF_CLASSES: Final = ("accuracy", "balanced_accuracy", "brier", "f1", "log_loss", "roc_auc")
OF_NUMBERS: Final = ("mae", "mse", "r2", "rmse")
_LOGIN: Final = re.compile(r"[^/]+://[^/@]*:[^/@]+@")
_PASSWORD: Final = "bears a password, which would become part of the bento"  # noqa: S105
RECIPES: Final = ("ratio", "difference", "product", "days", "log1p")


class ContradictionsError(ValueError):
    """Every contradiction with its place."""

    def __init__(self, found: list[Contradiction]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, place))} {text}" for place, text in found))
        self.found = found


def contradictions(config: RunConfig) -> None:
    """Looks at the whole configuration.

    Raises:
        ContradictionsError: with all that was found.
    """
    found = [*_task(config), *_sources(config), *_columns(config), *_derived(config)]
    found += [*_building(config), *_worth(config)]
    if found:
        raise ContradictionsError(found)


def _task(config: RunConfig) -> Iterator[Contradiction]:
    task = config.task
    if task.type in ("regression", "multiclass") and task.positive is not None:
        yield ("task", "positive"), f"has no meaning for {task.type}; leave it out"
    for role, name in (("target", task.target), ("event_date", task.event_date)):
        if name in config.columns and config.columns[name].use == "forbidden":
            yield ("columns", name, "use"), f"is forbidden, but the column is task.{role}"
    if config.folds.scheme == "time" and task.event_date is None:
        yield ("folds", "scheme"), "time needs task.event_date"
    if config.folds.scheme == "group" and task.group is None:
        yield ("folds", "scheme"), "group needs task.group"
    if task.treatment is not None and task.treatment.column == task.target:
        yield ("task", "treatment", "column"), "is the target; name the column of the action"


def _sources(config: RunConfig) -> Iterator[Contradiction]:
    names = Counter(source.name for source in config.data.sources)
    for index, source in enumerate(config.data.sources):
        place: Place = ("data", "sources", index)
        if names[source.name] > 1:
            yield (*place, "name"), f"{source.name!r} stands twice; give each source its own"
        if index > 0 and not source.key:
            yield (
                (*place, "key"),
                f"is missing; name the columns that join it to {config.data.sources[0].name!r}",
            )
        if isinstance(source, SqlSource):
            yield from _database(source, place)
        if isinstance(source, CsvSource | ParquetSource) and _LOGIN.match(source.path):
            way_out = "fetch the file beforehand, or read it from an object store"
            yield (*place, "path"), f"{_PASSWORD}; {way_out}"
        yield from _sheet(source.sheet, (*place, "sheet"))


def _database(source: SqlSource, place: Place) -> Iterator[Contradiction]:
    if bool(source.url) == bool(source.url_variable):
        yield (*place, "url"), "or url_variable, one of them, says where the database is"
    if not source.url:
        return
    from sqlalchemy import make_url  # noqa: PLC0415 - half a second that files need not pay
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    try:
        password = make_url(source.url).password
    except ArgumentError:
        yield (*place, "url"), "is no database URL; write it as dialect://user@host/name"
        return
    if password:
        way_out = "put the URL in an environment variable and name that in url_variable"
        yield (*place, "url"), f"{_PASSWORD}; {way_out}"


def _sheet(sheet: Sheet, place: Place) -> Iterator[Contradiction]:
    if (sheet.update_frequency or sheet.max_age) and sheet.fresh_by is None:
        yield (*place, "fresh_by"), "is missing; name the date column that tells the age"


def _columns(config: RunConfig) -> Iterator[Contradiction]:
    for name, column in config.columns.items():
        place: Place = ("columns", name)
        if column.use != "feature" and not column.reason:
            yield (*place, "reason"), f"is missing; say why the column is {column.use}"
        for field, text in _column(column):
            yield (*place, field), text


def _column(column: Column) -> Iterator[tuple[str, str]]:
    if column.missing == "constant" and column.fill is None:
        yield "fill", "is missing; `missing: constant` needs the value"
    if column.encoding == "ordinal" and not column.order:
        yield "order", "is missing; `encoding: ordinal` needs the levels, the lowest first"
    if column.min is not None and column.max is not None and column.min > column.max:
        yield "min", f"{column.min:g} is above max {column.max:g}"
    if column.time_zone not in available_timezones():
        yield "time_zone", f"{column.time_zone!r} is no time zone; write it as Europe/Berlin"


def _derived(config: RunConfig) -> Iterator[Contradiction]:
    names = Counter(derived.name for derived in config.features.derived)
    aside = dict(config.set_aside())
    for index, derived in enumerate(config.features.derived):
        place: Place = ("features", "derived", index)
        if names[derived.name] > 1 or derived.name in config.columns:
            yield (*place, "name"), f"{derived.name!r} is taken; choose another"
        recipes = [recipe for recipe in RECIPES if getattr(derived, recipe) is not None]
        if len(recipes) != 1:
            yield place, f"needs exactly one of {', '.join(RECIPES)}"
            continue
        for name in ingredients(derived):
            if name in aside:
                yield (*place, recipes[0]), f"is made from {name!r}, which is the {aside[name]}"
            elif (use := config.column(name).use) != "feature":
                yield (*place, recipes[0]), f"is made from {name!r}, which is {use}"


def ingredients(derived: Derived) -> tuple[str, ...]:
    """The columns that a derived one is made from."""
    for recipe in RECIPES:
        value = getattr(derived, recipe)
        if value is not None:
            return value if isinstance(value, tuple) else (value,)
    return ()


def _building(config: RunConfig) -> Iterator[Contradiction]:
    for index, model in enumerate(config.models):
        if model.name in [earlier.name for earlier in config.models[:index]]:
            yield ("models", index), f"{model.name} stands twice; one grid can hold all values"
        yield from _grid(model, ("models", index))
    metrics = [config.training.metric, *config.training.metrics]
    if "value" in metrics and config.value is None:
        yield ("training", "metric"), "is value, but the section `value` is missing"
    yield from misfits(config, config.task.type)


def _grid(model: ModelChoice, place: Place) -> Iterator[Contradiction]:
    if not model.grid and model.name != "lightgbm":
        return  # what is always there needs no second of imports
    from dohyo_training.build.families import strange  # noqa: PLC0415

    try:
        for name, text in strange(model):
            yield (*place, "grid", name), text
    except Complaint as missing:
        yield place, str(missing).removeprefix("models: ")


def misfits(config: RunConfig, task: str) -> Iterator[Contradiction]:
    """Metrics that are not for this kind of outcome; of `auto` nothing is known yet."""
    if task == "auto":
        return
    is_number = task == "regression"
    wrong, right = (OF_CLASSES, OF_NUMBERS) if is_number else (OF_NUMBERS, OF_CLASSES)
    named: list[tuple[Place, str | None]] = [
        (("training", "metric"), config.training.metric),
        *((("training", "metrics", i), name) for i, name in enumerate(config.training.metrics)),
        (("gates", "primary"), config.gates.primary),
    ]
    for place, name in named:
        if name in wrong:
            yield place, f"{name!r} is not for {task}; choose one of {', '.join(right)}"


def _worth(config: RunConfig) -> Iterator[Contradiction]:
    if _LOGIN.match(config.output.mlflow):
        way_out = "tell the login by MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        yield ("output", "mlflow"), f"{_PASSWORD}; {way_out}"
    primary = config.gates.primary
    if primary not in ("auto", *get_args(Metric)):
        choices = ", ".join(("auto", *get_args(Metric)))
        yield ("gates", "primary"), f"{primary!r} is no metric; choose one of {choices}"
    if primary == "value" and config.value is None:
        yield ("gates", "primary"), "is value, but the section `value` is missing"
    rule = config.value.baseline if config.value else None
    if rule is not None and (rule.at_least, rule.at_most, rule.equals) == (None, None, None):
        yield ("value", "baseline"), "needs at_least, at_most or equals"
