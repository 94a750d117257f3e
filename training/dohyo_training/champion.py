"""The version that serves now, asked about the rows that judge."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dohyo_form.errors import RefusedError
from dohyo_form.form import FOLDER, Form
from dohyo_training.build.recipe import recipe_of
from dohyo_training.compare import Contender
from dohyo_training.complaint import Complaint
from dohyo_training.export.latency import row_microseconds
from dohyo_training.export.records import records_of
from dohyo_training.package.packing import folder_of

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from dohyo_training.build.problem import Problem
    from dohyo_training.build.recipe import Recipe

RUN_FILE = "training/run.json"
_LATENCY_ROWS = 500


@dataclass(frozen=True)
class Champion:
    """A version of the store.

    Attributes:
        tag: of its bento.
        form: its serving form.
        folder: of its model.
        record: its `run.json`; empty where it has none.
        role: champion or challenger, for complaints.
    """

    tag: str
    form: Form
    folder: Path
    record: dict[str, Any]
    role: str = "champion"

    def recipe(self) -> Recipe | None:
        """Its algorithm and hyperparameters, to be fitted on the same folds as all others."""
        return recipe_of(self.record)

    def ask(self, problem: Problem, frame: pd.DataFrame) -> Contender:
        """What it says about some rows.

        Raises:
            Complaint: it asks for a column that is not there, refuses a row, or knows other
                outcomes.
        """
        contract = self.form.contract
        absent = sorted(set(contract.names) - set(frame.columns))
        if absent:
            raise Complaint(
                f"{self.role}: {self.tag} asks for column {absent[0]!r}, which these data lack (or "
                "the configuration forbids); compare on data that have it"
            )
        try:
            records = records_of(frame, contract)
            rows = self.form.intake.records(records)
        except RefusedError as refused:
            raise Complaint(
                f"{self.role}: {self.tag} refuses these rows: {refused.findings[0].message} "
                f"(at {refused.findings[0].place})"
            ) from None
        output = self._in_order(self.form.predict(rows), problem)
        time = row_microseconds(self.folder / FOLDER, records[:_LATENCY_ROWS])
        return Contender(self.tag, output, self.form.threshold, time)

    def _in_order(self, output: Any, problem: Problem) -> Any:
        """Probabilities in the order of the problem's classes, or numbers [n_rows]."""
        if not problem.is_classification:
            return output[:, 0]
        own = [str(name) for name in self.form.classes]
        wanted = [str(name) for name in problem.classes]
        if sorted(own) != sorted(wanted):
            raise Complaint(
                f"{self.role}: {self.tag} knows the outcomes {', '.join(own)}, the data have "
                f"{', '.join(wanted)}; they cannot be compared"
            )
        return np.ascontiguousarray(output[:, [own.index(name) for name in wanted]])


def champion_of(tag: str, role: str = "champion") -> Champion:
    """Loads a version of the store.

    Raises:
        Complaint: there is none, or it was not built by training.
    """
    folder = folder_of(tag, role)
    file = folder / RUN_FILE
    record = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return Champion(tag, Form(folder / FOLDER), folder, record, role)
