"""Nobody edits what is printed from the typed models, and nothing printed is stale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cluster.paths import REPOSITORY
from dohyo.api.conditions import ConditionType, Reason
from dohyo.api.reference import modeldeployment_page
from dohyo.api.unsupported import UNSUPPORTED
from dohyo.generate import FILES, main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(("path", "render"), FILES, ids=[str(path) for path, _ in FILES])
def test_the_file_is_as_its_source_prints_it(path: Path, render: Callable[[], str]) -> None:
    assert (REPOSITORY / path).read_text() == render(), "run `make generate`"


def test_the_page_of_missing_capabilities_names_each() -> None:
    page = (REPOSITORY / "docs/reference/unsupported.md").read_text()
    assert all(f"`{place}" in page for entry in UNSUPPORTED for place in entry.places)


def test_every_condition_and_reason_is_explained() -> None:
    page = modeldeployment_page()
    assert all(f"| `{word}` | " in page for word in [*ConditionType, *Reason])


def test_stale_files_are_named_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    assert main(["--check"]) == 1
    assert "docs/reference/unsupported.md is stale" in capsys.readouterr().err
    assert not (tmp_path / "docs").exists()


def test_elsewhere_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([]) == 2
    assert "not the top of a checkout" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
