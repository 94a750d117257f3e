"""The whole configuration of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from dohyo_training.config.base import ColumnName, Section
from dohyo_training.config.building import (
    DEFAULT_MODELS,
    Folds,
    Model,
    ModelChoice,
    Search,
    Slices,
    Training,
)
from dohyo_training.config.checks import contradictions
from dohyo_training.config.columns import Analysis, Column, Features, Selection
from dohyo_training.config.data import Data
from dohyo_training.config.task import Task
from dohyo_training.config.worth import Gates, Output, Value

if TYPE_CHECKING:
    from collections.abc import Iterator


class RunConfig(Section):
    """From raw data to one version of a bento."""

    task: Task
    data: Data
    columns: dict[ColumnName, Column] = Field(default_factory=dict)
    features: Features = Features()
    analysis: Analysis = Analysis()
    selection: Selection = Selection()
    folds: Folds = Folds()
    models: Annotated[tuple[Model, ...], Field(min_length=1)] = tuple(
        ModelChoice(name=name) for name in DEFAULT_MODELS
    )
    """Algorithms in the order of their turn. A dummy and the champion are always compared."""
    search: Search = Search()
    training: Training = Training()
    value: Value | None = None
    gates: Gates = Gates()
    slices: Slices = Slices()
    champion: str = ""
    """Tag of the bento that serves now, to be compared with on the same rows."""
    output: Output

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        """Raises one error for each contradiction, each with its place."""
        contradictions(self)
        return self

    def column(self, name: str) -> Column:
        """What is said about a column; unlisted ones are as `features.unlisted` says."""
        if name in self.columns:
            return self.columns[name]
        if self.features.unlisted == "forbidden":
            return Column(use="forbidden", reason="not listed in `columns`")
        return Column()

    def set_aside(self) -> Iterator[tuple[str, str]]:
        """Columns with a role of their own, which are therefore no features, and the role."""
        yield self.task.target, "target"
        for name in self.task.key:
            yield name, "key"
        if self.task.group is not None:
            yield self.task.group, "group"
        if self.task.treatment is not None:
            yield self.task.treatment.column, "treatment"
            if isinstance(self.task.treatment.propensity, str):
                yield self.task.treatment.propensity, "propensity"
        for name in self.value_columns():
            yield name, "value"

    def value_columns(self) -> tuple[str, ...]:
        """Columns that hold money row by row."""
        if self.value is None:
            return ()
        cells = ("true_positive", "false_positive", "false_negative", "true_negative")
        amounts = [getattr(self.value, cell) for cell in cells]
        return tuple(dict.fromkeys(a for a in amounts if isinstance(a, str)))
