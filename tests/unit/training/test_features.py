"""Columns become numbers inside the folds, and a request is known field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from dohyo_training import features
from dohyo_training.complaint import DataComplaint
from tests.unit.training.written import config, gathered, orders

if TYPE_CHECKING:
    from pathlib import Path

    from dohyo_training.config import RunConfig
    from dohyo_training.table import Table

SOURCE = "[{name: orders, kind: csv, path: orders.csv}]"
TASK = "task: {target: late, event_date: day, key: [order]}\n"


def rich() -> pd.DataFrame:
    chance = np.random.default_rng(9)
    frame = orders()
    frame["signup"] = frame["day"] - pd.to_timedelta(chance.integers(1, 900, len(frame)), unit="D")
    frame["seller"] = [f"S{number}" for number in chance.integers(0, 60, len(frame))]
    frame["size"] = chance.choice(["s", "m", "l"], len(frame))
    frame["weight"] = chance.gamma(2, 2, len(frame)).round(3)
    frame["gift"] = chance.random(len(frame)) < 0.3
    for number, name in enumerate(("amount", "signup", "region", "weight")):
        frame.loc[frame.index % 11 == number, name] = None
    return frame


COLUMNS = (
    "columns: {size: {encoding: ordinal, order: [s, m, l]}, "
    "weight: {missing: constant, fill: -1, indicator: false}, amount: {unit: EUR, max: 1000}}\n"
    "features: {derived: [{name: density, ratio: [weight, amount]}]}\n"
)


def prepared(folder: Path, more: str = COLUMNS) -> tuple[RunConfig, Table]:
    return config(SOURCE, more=TASK + more), gathered(folder, rich(), TASK + more)


def output(run: RunConfig, table: Table) -> pd.DataFrame:
    transformer = features.pipeline(run, table)
    made = transformer.fit_transform(table.x, table.y)
    return pd.DataFrame(made, columns=transformer.get_feature_names_out())


def test_every_kind_of_column_becomes_numbers_without_gaps(tmp_path: Path) -> None:
    run, table = prepared(tmp_path)
    made = output(run, table)
    assert made.dtypes.eq("float64").all()
    assert made.notna().all(axis=None)
    first = table.frame.iloc[20]
    row = made.iloc[20]
    assert row["rowwise__day_minus_signup_days"] == (first["day"] - first["signup"]).days
    assert row["rowwise__day_weekday"] == first["day"].day_of_week
    assert row["rowwise__density"] == first["weight"] / first["amount"]
    assert row["ordinal_size__size"] == ["s", "m", "l"].index(first["size"])
    # The month of the event itself tells old rows from new ones, and nothing of the future.
    assert "rowwise__day_month" not in made
    assert "rowwise__signup_month" in made


def test_missing_values_are_filled_and_told(tmp_path: Path) -> None:
    run, table = prepared(tmp_path)
    made = output(run, table)
    gone = table.frame["amount"].isna().to_numpy()
    assert np.array_equal(made["number__missingindicator_amount"], gone)
    assert (made["number__amount"][gone] == table.frame["amount"].median()).all()
    weight = next(name for name in made if name.endswith("__weight"))
    assert (made[weight][table.frame["weight"].isna().to_numpy()] == -1).all()
    assert not any("missingindicator_weight" in name for name in made)
    missing = made["one_hot__region_(missing)"]
    assert np.array_equal(missing, table.frame["region"].isna())


def test_rare_and_unseen_levels_share_a_column(tmp_path: Path) -> None:
    frame = rich()
    frame.loc[:4, "region"] = "islands"
    more = COLUMNS.replace("features: {", "features: {min_frequency: 10, ")
    run, table = config(SOURCE, more=TASK + more), gathered(tmp_path, frame, TASK + more)
    transformer = features.pipeline(run, table).fit(table.x, table.y)
    names = list(transformer.get_feature_names_out())
    assert "one_hot__region_islands" not in names
    rare = names.index("one_hot__region_infrequent_sklearn")
    unseen = table.x.head(3).assign(region=["islands", "moon", "north"])
    assert transformer.transform(unseen)[:, rare].tolist() == [1, 1, 0]


def test_many_levels_are_encoded_by_target_and_only_in_the_fold(tmp_path: Path) -> None:
    run, table = prepared(tmp_path)
    transformer = features.pipeline(run, table)
    learn = np.arange(300)
    transformer.fit(table.x.iloc[learn], table.y[learn])
    place = list(transformer.get_feature_names_out()).index("target__seller")
    changed = table.x.copy()
    assert "target__seller" in features.inputs(transformer)
    before = transformer.transform(changed)[:, place]
    again = clone(transformer).fit(table.x.iloc[learn], 1 - table.y[learn])
    assert not np.allclose(before, again.transform(changed)[:, place])


def test_each_output_knows_its_inputs(tmp_path: Path) -> None:
    run, table = prepared(tmp_path)
    transformer = features.pipeline(run, table).fit(table.x, table.y)
    sources = features.inputs(transformer)
    assert list(sources) == list(transformer.get_feature_names_out())
    assert sources["rowwise__density"] == ("weight", "amount")
    for name, made_from in sources.items():
        assert all(source in table.features for source in made_from)
        if "missingindicator" in name and name.startswith("number"):
            assert name.endswith(made_from[0])
    # An output changes when one of its inputs does, and only then.
    rows = table.x[table.x.notna().all(axis=1)]
    plain = transformer.transform(rows)
    moved = transformer.transform(rows.assign(amount=rows["amount"] + 1.0))
    touched = {name for name, off in zip(sources, (plain != moved).any(axis=0), strict=True) if off}
    assert touched == {"number__amount", "rowwise__density"}


def test_only_the_selected_columns_are_asked_for(tmp_path: Path) -> None:
    run, table = prepared(tmp_path)
    chosen = ["amount", "region"]
    transformer = features.pipeline(run, table, columns=chosen).fit(table.x[chosen], table.y)
    assert {name for sources in features.inputs(transformer).values() for name in sources} == set(
        chosen
    )
    transformer.transform(table.x[chosen])


def test_it_is_made_of_what_the_serving_form_can_say(tmp_path: Path) -> None:
    run, table = prepared(tmp_path)
    known = (SimpleImputer, OneHotEncoder, OrdinalEncoder, TargetEncoder, features.RowFeatures)
    for _, step, _ in features.pipeline(run, table).transformers:
        parts = [part for _, part in step.steps] if hasattr(step, "steps") else [step]
        assert all(isinstance(part, known) for part in parts)


def test_a_request_is_known_field_by_field(tmp_path: Path) -> None:
    run, table = prepared(tmp_path)
    fields = {field.name: field for field in features.fields(run, table, table.features)}
    assert list(fields) == list(table.features)
    amount = fields["amount"]
    assert (amount.kind, amount.unit, amount.max, amount.nullable) == ("number", "EUR", 1000, True)
    assert amount.low is not None
    assert fields["region"].levels[0] == table.frame["region"].value_counts().index[0]
    assert set(fields["region"].levels) == {"north", "south", "east"}
    assert fields["size"].nullable is False
    assert fields["gift"].kind == "flag"
    assert fields["signup"].time_zone == "UTC"


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("features: {derived: [{name: d, ratio: [amount, mass]}]}\n", "'mass' is no feature"),
        ("features: {derived: [{name: d, ratio: [amount, region]}]}\n", "is a category, it needs"),
        ("features: {derived: [{name: d, days: [day, amount]}]}\n", "is a number, it needs a date"),
    ],
)
def test_a_declared_column_of_the_wrong_things(tmp_path: Path, more: str, complaint: str) -> None:
    run, table = prepared(tmp_path, more)
    with pytest.raises(DataComplaint, match=complaint):
        features.pipeline(run, table)


def test_forbidden_and_audit_columns_are_never_features(tmp_path: Path) -> None:
    more = (
        "columns: {seller: {use: forbidden, reason: a contract}, "
        "region: {use: audit-only, reason: a law}}\n"
    )
    run, table = prepared(tmp_path, more)
    transformer = features.pipeline(run, table).fit(table.x, table.y)
    used = {name for sources in features.inputs(transformer).values() for name in sources}
    asked = {field.name for field in features.fields(run, table, table.features)}
    assert {"seller", "region", "order", "late"}.isdisjoint(used | asked)
    assert "region" in table.frame
