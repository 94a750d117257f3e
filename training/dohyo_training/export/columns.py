"""What each column of a transformed table is made of, transformer by transformer.

`translate` says what a fitted transformer makes of its columns; register a function for a
transformer of your own:

    @translate.register
    def _(transformer: MyTransformer, columns: list[Column]) -> list[Column]: ...
"""

from __future__ import annotations

import math
from copy import copy
from dataclasses import dataclass, field, replace
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# A text that no data set holds: how an encoder treats what it has never seen.
_UNSEEN = "\x00 never seen \x00"


class ExportError(Exception):
    """The pipeline holds something that the serving form cannot say."""


@dataclass(frozen=True)
class Raw:
    """A field's value as the intake gives it; `fill` stands in for null."""

    name: str
    fill: Any = None


@dataclass(frozen=True)
class Number:
    """A step of the row program that writes one number, without its column."""

    step: Mapping[str, Any]

    @property
    def scaled(self) -> bool:
        return "shift" in self.step


@dataclass(frozen=True)
class Hot:
    """One column of an encoder's block: 1 for some values of a field.

    Attributes:
        name: the field.
        block: tells the blocks of one pipeline apart.
        values: for which it is 1.
        other, missing: whether it is 1 for values never seen, and for null.
        dropped: known values that no column of the block is 1 for.
    """

    name: str
    block: int
    values: tuple[Any, ...]
    other: bool
    missing: bool
    dropped: tuple[Any, ...] = ()


Column = Raw | Number | Hot


@singledispatch
def translate(transformer: Any, columns: list[Column]) -> list[Column]:
    """The columns that come out of a fitted transformer, from those that go in.

    Raises:
        ExportError: the form knows no such transformer or not this use of it.
    """
    del columns
    raise ExportError(
        f"{type(transformer).__name__} has no translation to the serving form; "
        "register one with translate.register, or serve the pipeline itself"
    )


@translate.register
def _(transformer: Pipeline, columns: list[Column]) -> list[Column]:
    for _name, step in transformer.steps:
        columns = _passed(step, columns)
    return columns


@translate.register
def _(transformer: ColumnTransformer, columns: list[Column]) -> list[Column]:
    result: list[Column] = []
    for name, step, _columns in transformer.transformers_:
        if isinstance(step, str) and step == "drop":
            continue
        places = transformer._transformer_to_input_indices[name]  # noqa: SLF001
        result += _passed(step, [columns[place] for place in places])
    return result


@translate.register
def _(transformer: FunctionTransformer, columns: list[Column]) -> list[Column]:
    if transformer.func is not None:
        raise ExportError(
            f"FunctionTransformer({transformer.func}) has no translation to the serving form; "
            "write a transformer class and register it with translate.register"
        )
    return columns


@translate.register
def _(transformer: SimpleImputer, columns: list[Column]) -> list[Column]:
    filled: list[Column] = []
    for column, statistic in zip(columns, transformer.statistics_, strict=True):
        if isinstance(column, Hot) or (isinstance(column, Number) and column.scaled):
            raise ExportError("SimpleImputer after a scaler or encoder; put it before")
        value = _plain(statistic)
        if _is_null(value):
            raise ExportError(f"SimpleImputer has nothing to fill {_source(column)} with")
        if isinstance(column, Raw):
            filled.append(replace(column, fill=value))
        else:
            filled.append(Number({**column.step, "fill": float(value)}))
    if transformer.add_indicator:
        chosen = [columns[place] for place in transformer.indicator_.features_]
        filled += [_absence(column) for column in chosen]
    return filled


@translate.register(StandardScaler)
def _(transformer: StandardScaler, columns: list[Column]) -> list[Column]:
    return _scaled(columns, transformer.mean_, transformer.scale_)


@translate.register(RobustScaler)
def _(transformer: RobustScaler, columns: list[Column]) -> list[Column]:
    return _scaled(columns, transformer.center_, transformer.scale_)


@translate.register
def _(transformer: OneHotEncoder, columns: list[Column]) -> list[Column]:
    result: list[Column] = []
    widths = transformer._n_features_outs  # noqa: SLF001
    starts = np.concatenate(([0], np.cumsum(widths))).tolist()
    for place, column in enumerate(columns):
        raw = _raw(column, transformer)
        answers = _probed(transformer, place, raw)
        block = id(transformer) + place
        span = slice(starts[place], starts[place + 1])
        dropped = tuple(v for v, answer in answers.by_value if not answer[span].any())
        for at in range(span.start, span.stop):
            values = tuple(v for v, answer in answers.by_value if answer[at] == 1)
            other, missing = answers.unseen[at] == 1, answers.missing[at] == 1
            result.append(Hot(raw.name, block, values, other, missing, dropped))
    return result


@translate.register(OrdinalEncoder)
@translate.register(TargetEncoder)
def _(transformer: OrdinalEncoder | TargetEncoder, columns: list[Column]) -> list[Column]:
    width = len(transformer.get_feature_names_out()) // len(columns)
    result: list[Column] = []
    for place, column in enumerate(columns):
        raw = _raw(column, transformer)
        answers = _probed(transformer, place, raw)
        for at in range(place * width, (place + 1) * width):
            table = [[value, float(answer[at])] for value, answer in answers.by_value]
            step: dict[str, Any] = {"op": "table", "field": raw.name, "table": table}
            step |= {"other": _or_none(answers.unseen[at]), "fill": _or_none(answers.missing[at])}
            result.append(Number(step))
    return result


def as_number(column: Column) -> Number:
    """The column as a step that writes one number."""
    if isinstance(column, Number):
        return column
    if isinstance(column, Raw):
        step: dict[str, Any] = {"op": "number", "field": column.name}
        if column.fill is not None:
            step["fill"] = float(column.fill)
        return Number(step)
    table = [[value, 1.0] for value in column.values]
    step = {"op": "table", "field": column.name, "table": table}
    return Number({**step, "other": float(column.other), "fill": float(column.missing)})


@dataclass
class _Answers:
    """What an encoder makes of each known value, of an unseen one and of null."""

    by_value: list[tuple[Any, Any]] = field(default_factory=list)
    unseen: Any = None
    missing: Any = None


def _probed(encoder: Any, place: int, raw: Raw) -> _Answers:
    """Asks the encoder itself, so that none of its options is understood wrongly."""
    categories = [[_plain(value) for value in known] for known in encoder.categories_]
    usual = [known[0] for known in categories]
    answers = _Answers()
    answers.by_value = [
        (value, _encoded(encoder, usual, place, value))
        for value in categories[place]
        if not _is_null(value)
    ]
    texts = all(isinstance(value, str) for value in categories[place] if not _is_null(value))
    unseen = _UNSEEN if texts else max(v for v in categories[place] if not _is_null(v)) + 1
    answers.unseen = _encoded(encoder, usual, place, unseen)
    if raw.fill is not None:
        answers.missing = _encoded(encoder, usual, place, raw.fill)
    else:
        null = next((value for value in categories[place] if _is_null(value)), unseen)
        answers.missing = _encoded(encoder, usual, place, null)
    return answers


def _encoded(encoder: Any, usual: Sequence[Any], place: int, value: Any) -> Any:
    row = np.array([list(usual)], dtype=object)
    row[0, place] = value
    encoder = _unnamed(encoder)
    try:
        answer = encoder.transform(row)
    except ValueError:
        # `handle_unknown="error"`: the contract has to refuse such a value.
        return np.zeros(sum(getattr(encoder, "_n_features_outs", [1] * len(usual)))) + math.nan
    return (answer.toarray() if hasattr(answer, "toarray") else np.asarray(answer))[0]


def _unnamed(encoder: Any) -> Any:
    """A copy that does not mind that its columns have no names here."""
    copied = copy(encoder)
    copied.__dict__.pop("feature_names_in_", None)
    copied.sparse_output = False
    return copied


def _passed(step: Any, columns: list[Column]) -> list[Column]:
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return columns
    return translate(step, columns)


def _scaled(columns: list[Column], shift: Any, divide: Any) -> list[Column]:
    result: list[Column] = []
    for place, column in enumerate(columns):
        number = as_number(column)
        if number.scaled:
            raise ExportError("two scalers in a row; the serving form knows one")
        step = dict(number.step)
        step["shift"] = 0.0 if shift is None else float(shift[place])
        step["divide"] = 1.0 if divide is None else float(divide[place])
        result.append(Number(step))
    return result


def _raw(column: Column, transformer: Any) -> Raw:
    if not isinstance(column, Raw):
        raise ExportError(f"{type(transformer).__name__} of a column that is computed already")
    return column


def _absence(column: Column) -> Number:
    if isinstance(column, Number) and column.step["op"] != "number":
        return Number({"op": "missing", "of": column.step})
    return Number({"op": "missing", "field": _source(column)})


def _source(column: Column) -> str:
    return str(column.step["field"]) if isinstance(column, Number) else column.name


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _is_null(value: Any) -> bool:
    return value is None or value != value  # noqa: PLR0124


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
