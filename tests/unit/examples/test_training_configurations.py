"""Each example that is trained is a configuration without fault, for another kind of outcome."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cluster.paths import REPOSITORY
from dohyo_training.config import load
from dohyo_training.gather import gather

EXAMPLES = {"breast-cancer": "binary", "diabetes": "regression", "wine": "multiclass"}


@pytest.mark.parametrize(("name", "task"), EXAMPLES.items())
def test_its_data_are_what_it_says(name: str, task: str) -> None:
    folder = REPOSITORY / "examples" / name
    config = load(folder / "training.yaml")
    assert config.output.name == name
    assert gather(config, base=folder, now=datetime.now(UTC)).task == task


def test_none_is_forgotten() -> None:
    found = {file.parent.name for file in (REPOSITORY / "examples").glob("*/training.yaml")}
    assert found == set(EXAMPLES)
