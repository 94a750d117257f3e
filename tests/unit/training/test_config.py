"""Errors of a configuration have a line, a field and a way out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from dohyo_training.config import ConfigError, load, parse

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
task: {target: satisfied, event_date: asked}
data:
  sources:
    - name: surveys
      kind: csv
      path: surveys.csv
      sheet:
        update_frequency: 7d
        fresh_by: asked
columns:
  age: {use: audit-only, reason: a law}
models: [linear, {name: xgboost, grid: {max_depth: [3, 5]}}]
gates: {parity: 1e-6}
output: {name: satisfaction}
"""


def complaints(text: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        parse(text, "run.yaml")
    return str(raised.value).splitlines()


def test_a_good_file_is_read_with_its_defaults() -> None:
    config = parse(GOOD, "run.yaml")
    assert config.data.sources[0].sheet.update_frequency == timedelta(days=7)
    assert [model.name for model in config.models] == ["linear", "xgboost"]
    assert config.gates.parity == 1e-6
    assert config.folds.k == 5
    assert config.column("price").use == "feature"


def test_no_and_on_are_words() -> None:
    config = parse(GOOD + "champion: no\n", "run.yaml")
    assert config.champion == "no"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("event_date", "event_dat", "1: task.event_dat: is not known; did you mean 'event_date'?"),
        ("path:", "pth:", "4: data.sources[0].path: is missing"),
        ("7d", "7x", "8: data.sources[0].sheet.update_frequency: '7x': is no duration"),
        ("        fresh_by: asked\n", "", "7: data.sources[0].sheet.fresh_by: is missing"),
        (", reason: a law", "", "11: columns.age.reason: is missing; say why"),
        ("xgboost", "lasso", "12: models[1].name: 'lasso': input should be 'linear'"),
        ("[linear,", "[xgboost,", "12: models[1]: xgboost stands twice"),
        ("kind: csv", "kind: excel", "4: data.sources[0]: "),
        ("{name: sat", "{nam: x, name: S", "14: output.nam: is not known"),
        ("{name: sat", "{archive: a.tar, name: sat", "14: output.archive: 'a.tar': is no archive"),
        ("1e-6", "none", "13: gates.parity: 'none': input should be a valid number"),
        ("target: satisfied", "target: age", "11: columns.age.use: is forbidden, but"),
        ("{parity: 1e-6}", "{primary: value}", "13: gates.primary: is value, but the section"),
        (
            "max_depth",
            "max_dept",
            "12: models[1].grid.max_dept: xgboost knows no such hyperparameter; did you mean",
        ),
        (
            "xgboost, grid: {max_depth: [3",
            "forest, grid: {max_depth: [deep",
            "12: models[1].grid.max_depth: the 'max_depth' parameter of RandomForest",
        ),
        ("xgboost", "blend", "12: models[1].grid.max_depth: a blend has no grid"),
        (
            "asked}",
            "asked, type: binary}\ntraining: {metric: mae}",
            "2: training.metric: 'mae' is not for binary; choose one of accuracy",
        ),
        (
            "asked}",
            "asked, type: regression}\ntraining: {metrics: [f1]}",
            "2: training.metrics[0]: 'f1' is not for regression; choose one of mae",
        ),
        ("{parity: 1e-6}", "{primary: speed}", "13: gates.primary: 'speed' is no metric; choose"),
        (
            "gates: {parity: 1e-6}",
            "features: {derived: [{name: d, ratio: [price, age]}]}",
            "13: features.derived[0].ratio: is made from 'age', which is forbidden",
        ),
        (
            "    - name: surveys\n",
            "    - {name: a, kind: parquet, path: a.parquet}\n    - name: surveys\n",
            "5: data.sources[1].key: is missing; name the columns that join it to 'a'",
        ),
        (
            "kind: csv\n      path: surveys.csv",
            "kind: sql\n      url: postgresql://me:secret@db/x\n      query: select 1",
            "6: data.sources[0].url: bears a password, which would become part of the bento; put",
        ),
        (
            "path: surveys.csv",
            "path: https://me:secret@files/x.csv",
            "6: data.sources[0].path: bears a password, which would become part of the bento; ",
        ),
        (
            "output: {name: satisfaction}",
            "output: {name: x, mlflow: 'https://me:secret@runs'}",
            "14: output.mlflow: bears a password, which would become part of the bento; tell the",
        ),
    ],
)
def test_an_error_names_line_and_field(old: str, new: str, complaint: str) -> None:
    text = GOOD.replace("audit-only", "forbidden").replace(old, new, 1)
    found = complaints(text)
    assert any(line.startswith(f"run.yaml:{complaint}") for line in found), found


def test_every_fault_is_told_at_once_in_the_order_of_lines() -> None:
    text = GOOD.replace("7d", "7x").replace("1e-6", "none").replace("event_date", "event_dat")
    lines = [int(line.split(":")[1]) for line in complaints(text)]
    assert len(lines) == 3
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "run.yaml:1: is empty; `dohyo train init DATA` writes one"),
        ("- a\n", "run.yaml:1: is no mapping"),
        ("task: {target: x\n", "is no YAML"),
        ("task: {target: x}\ntask: {target: y}\n", "run.yaml:2: task: stands twice"),
    ],
)
def test_what_is_no_configuration_is_said(text: str, complaint: str) -> None:
    assert complaint in complaints(text)[0]


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml:1: cannot be read: No such file"):
        load(tmp_path / "none.yaml")


def test_both_kinds_of_a_linear_model_take_its_grid() -> None:
    for grid in ("C: [1.0]", "l1_ratio: [0.5]", "alpha: [2.0]"):
        parse(
            GOOD.replace(
                "[linear, {name: xgboost, grid: {max_depth: [3, 5]}}]",
                f"[{{name: linear, grid: {{{grid}}}}}]",
            ),
            "run.yaml",
        )
