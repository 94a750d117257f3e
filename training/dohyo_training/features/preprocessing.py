"""The plan as one scikit-learn transformer, and what each of its columns is made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from dohyo_training.complaint import DataComplaint
from dohyo_training.config.checks import ingredients
from dohyo_training.features.plan import plan
from dohyo_training.features.rowwise import RowFeatures

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dohyo_training.config import RunConfig
    from dohyo_training.features.plan import Filling, Plan
    from dohyo_training.table import Table

    Step = tuple[str, Any, list[str]]

_TARGET_TYPE = {"binary": "binary", "multiclass": "multiclass", "regression": "continuous"}


def pipeline(
    config: RunConfig, table: Table, *, columns: Sequence[str] | None = None
) -> ColumnTransformer:
    """The unfitted preprocessing: features of `table.x` → float64 matrix without NaN.

    Fit it inside the folds (`TargetEncoder` needs y). It is made of `SimpleImputer`,
    `OneHotEncoder`, `OrdinalEncoder`, `TargetEncoder` and `features.rowwise.RowFeatures`; it
    scales nothing, so a linear model puts its own `StandardScaler` behind it.

    Args:
        config: of the run.
        table: only kinds and numbers of levels are taken from it, no value of the outcome.
        columns: the features to use, such as `Selection.kept`; default: all.

    Raises:
        DataComplaint: a declared column is made from what is no feature of the right kind, or
            nothing is left to learn from.
    """
    chosen = table.features if columns is None else tuple(columns)
    _check_declared(config, table)
    steps = list(_steps(config, table, plan(config, table, chosen)))
    if not steps:
        raise DataComplaint(
            "no feature is left to learn from; a lone date gives none, look at `use` in `columns`"
        )
    return ColumnTransformer(steps, remainder="drop", sparse_threshold=0.0)


def _steps(config: RunConfig, table: Table, chosen: Plan) -> Iterator[Step]:
    for index, (filling, names) in enumerate(chosen.numbers.items()):
        yield f"number{index or ''}", _imputer(filling), names
    if chosen.made:
        rows = RowFeatures(tuple(chosen.made.values()), tuple(chosen.made))
        filled = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
        sources = dict.fromkeys(name for recipe in chosen.made.values() for name in recipe[1:])
        yield "rowwise", Pipeline([("made", rows), ("filled", filled)]), list(sources)
    for index, (filling, names) in enumerate(chosen.one_hot.items()):
        encoder = OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            min_frequency=config.features.min_frequency,
            sparse_output=False,
        )
        yield f"one_hot{index or ''}", _encoded(filling, encoder), names
    for name, (filling, levels) in chosen.ordinal.items():
        encoder = OrdinalEncoder(
            categories=[list(levels)], handle_unknown="use_encoded_value", unknown_value=-1
        )
        yield f"ordinal_{name}", _encoded(filling, encoder), [name]
    for index, (filling, names) in enumerate(chosen.by_target.items()):
        encoder = TargetEncoder(
            target_type=_TARGET_TYPE[table.task], cv=_inner_folds(config, table)
        )
        yield f"target{index or ''}", _encoded(filling, encoder), names


def _inner_folds(config: RunConfig, table: Table) -> Any:
    """So that no learning row is encoded by its own outcome."""
    kind = KFold if table.task == "regression" else StratifiedKFold
    return kind(5, shuffle=True, random_state=config.training.seed)


def _imputer(filling: Filling) -> SimpleImputer:
    return SimpleImputer(
        strategy=filling.strategy,
        fill_value=filling.value,
        add_indicator=filling.indicator,
        keep_empty_features=True,
    )


def _encoded(filling: Filling, encoder: Any) -> Pipeline:
    return Pipeline([("filled", _imputer(filling)), ("encoded", encoder)])


def _check_declared(config: RunConfig, table: Table) -> None:
    for derived in config.features.derived:
        wanted = ("date",) if derived.days else ("number", "flag")
        for name in ingredients(derived):
            if name not in table.features:
                raise DataComplaint(
                    f"features.derived {derived.name!r}: {name!r} is no feature of the data"
                )
            if table.kinds[name] not in wanted:
                raise DataComplaint(
                    f"features.derived {derived.name!r}: {name!r} is a {table.kinds[name]}, it "
                    f"needs a {wanted[0]}"
                )


def inputs(transformer: ColumnTransformer) -> dict[str, tuple[str, ...]]:
    """Of a fitted `pipeline`: each column that it puts out → the features it is made from."""
    made = [
        source
        for name, fitted, columns in transformer.transformers_
        if name != "remainder"
        for source in _sources(fitted, list(columns))
    ]
    return dict(zip(map(str, transformer.get_feature_names_out()), made, strict=True))


def _sources(fitted: Any, columns: list[str]) -> Iterator[tuple[str, ...]]:
    """The ingredients of each output of one step, in the order of its columns."""
    if isinstance(fitted, SimpleImputer):
        yield from _with_indicators(fitted, [(name,) for name in columns])
        return
    first, last = fitted[0], fitted[-1]
    if isinstance(first, RowFeatures):
        yield from _with_indicators(last, [recipe[1:] for recipe in first.recipes])
    elif isinstance(last, OneHotEncoder):
        rare = getattr(last, "infrequent_categories_", [None] * len(columns))
        for name, levels, few in zip(columns, last.categories_, rare, strict=True):
            joined = len(few) - 1 if few is not None else 0
            yield from [(name,)] * (len(levels) - joined)
    else:
        each = len(np.atleast_1d(last.get_feature_names_out())) // len(columns)
        yield from ((name,) for name in columns for _ in range(each))


def _with_indicators(
    imputer: SimpleImputer, sources: list[tuple[str, ...]]
) -> Iterator[tuple[str, ...]]:
    yield from sources
    if imputer.indicator_ is not None:
        yield from (sources[position] for position in imputer.indicator_.features_)
