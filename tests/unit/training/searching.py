"""A small problem for searches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer

from dohyo_training.build.problem import Problem
from dohyo_training.build.stage import material_of
from dohyo_training.config import RunConfig
from dohyo_training.folds import Labels, split

if TYPE_CHECKING:
    from dohyo_training.build.search import Material
    from dohyo_training.build.trial import Trial

COLUMNS = ["a", "b", "c", "d"]


class Notes:
    """A memory of parts, as a run keeps it on disk."""

    def __init__(self) -> None:
        self.parts: dict[str, list[Trial]] = {}
        self.recalls = 0

    def recall(self, name: str) -> list[Trial] | None:
        self.recalls += name in self.parts
        return self.parts.get(name)

    def keep(self, name: str, trials: list[Trial]) -> None:
        self.parts[name] = trials


def told(done: int, planned: int) -> None:
    assert 0 <= done <= planned


def config(**sections: Any) -> RunConfig:
    return RunConfig.model_validate(
        {
            "task": {"target": "y"},
            "data": {"sources": [{"name": "s", "kind": "sklearn", "dataset": "wine"}]},
            "output": {"name": "x"},
            "search": {"jobs": 1},
            **sections,
        }
    )


def material(config: RunConfig, rows: int = 400, classes: int = 2) -> Material:
    chance = np.random.default_rng(5)
    x = pd.DataFrame(chance.normal(size=(rows, 4)), columns=COLUMNS)
    score = x["a"] + x["b"] ** 2 - 1 + chance.normal(size=rows) * 0.7
    if classes:
        edges = np.quantile(score, np.linspace(0, 1, classes + 1)[1:-1])
        target = np.searchsorted(edges, score).astype(np.intp)
    else:
        target = score.to_numpy()
    kind = {0: "regression", 2: "binary"}.get(classes, "multiclass")
    problem = Problem(kind, x, target, tuple(range(classes)))  # type: ignore[arg-type]
    labels = Labels(target, is_classification=classes > 0)
    parts = split(labels, config.folds)

    def unfitted() -> Any:
        return ColumnTransformer([("numbers", "passthrough", COLUMNS)])

    return material_of(config, problem.at(parts.development), parts.pairs, unfitted)
