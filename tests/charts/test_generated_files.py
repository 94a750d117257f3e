"""Nobody edits what is printed from the typed values, and nothing printed is stale."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest
import yaml

from charts.generate import CHARTS, FILES, VALUES
from cluster import paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("path", "render"), FILES, ids=[str(path.relative_to(CHARTS)) for path, _ in FILES]
)
def test_file_is_as_its_source_prints_it(path: Path, render: Callable[[], str]) -> None:
    assert path.read_text() == render(), "run `make generate`"


@pytest.mark.parametrize("chart", VALUES)
def test_values_yaml_says_the_defaults(chart: str) -> None:
    written = yaml.safe_load((CHARTS / chart / "values.yaml").read_text())

    assert type(VALUES[chart]).model_validate(written) == VALUES[chart]


@pytest.mark.parametrize("chart", VALUES)
def test_chart_has_the_version_of_the_project(chart: str) -> None:
    project = tomllib.loads((paths.REPOSITORY / "pyproject.toml").read_text())["project"]
    metadata = yaml.safe_load((CHARTS / chart / "Chart.yaml").read_text())

    assert metadata["version"] == metadata["appVersion"] == project["version"]
