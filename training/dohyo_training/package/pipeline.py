"""The pipeline itself, asked where a version has no serving form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dohyo_form.contract import contract_from_json
from dohyo_training.build.calibration import Calibrator
from dohyo_training.export.gate import (
    ANSWER_FILE,
    CALIBRATION_FILE,
    PIPELINE_FILE,
    TRAINING_FOLDER,
    pipeline_outputs,
)
from dohyo_training.export.persistence import load_pipeline

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from dohyo_form.contract import Contract


class Regression:
    """A fitted pipeline, as the runtime asks an estimator over named columns.

    Attributes:
        feature_names_in_: its columns; that there are some says that it takes a frame.
    """

    def __init__(self, folder: Path) -> None:
        """Reads what training left in a model's folder.

        Raises:
            Complaint: the pipeline holds a type that no pipeline of ours holds.
            OSError: a file is missing.
        """
        training = folder / TRAINING_FOLDER
        self._pipeline = load_pipeline(training / PIPELINE_FILE)
        self._calibrator = Calibrator(**json.loads((training / CALIBRATION_FILE).read_text()))
        self.feature_names_in_ = contract_in(folder).names

    def predict(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        return pipeline_outputs(self._pipeline, self._calibrator, frame)


class Classification(Regression):
    """One that gives calibrated probabilities.

    Attributes:
        classes_: in the order of the probabilities.
        threshold: of the second of two classes; None takes the likeliest.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        answer = _answer_in(folder)
        self.classes_ = answer["classes"]
        self.threshold = answer["threshold"]

    def predict_proba(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        return self.predict(frame)


def contract_in(folder: Path) -> Contract:
    return contract_from_json(_answer_in(folder)["contract"])


def pipeline_in(folder: Path) -> Regression:
    return (Classification if _answer_in(folder)["classes"] else Regression)(folder)


def _answer_in(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / TRAINING_FOLDER / ANSWER_FILE).read_text())
    return found
