"""`python -m tests.local.training.refused KIND WORK`: packs a version whose form is refused.

Prints the tag and what the pipeline answers to some records, as JSON.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline

from dohyo_form.intake import Intake
from dohyo_training import features
from dohyo_training.build.calibration import Calibrator
from dohyo_training.build.model import Model
from dohyo_training.build.problem import of_table
from dohyo_training.config import RunConfig
from dohyo_training.export.gate import pipeline_outputs
from dohyo_training.export.records import contract_of, frame_of, records_of
from dohyo_training.export.trained import Material, export_model
from dohyo_training.gather import gather
from dohyo_training.package.packing import pack

ROWS = 12
CALIBRATOR = Calibrator("sigmoid", 0.5, -0.3)
THRESHOLD = 0.7


def main(kind: str, work: Path) -> None:
    target = "satisfied" if kind == "binary" else "score"
    other = {"score": "satisfied", "satisfied": "score"}[target]
    config = RunConfig.model_validate(
        {
            "task": {"target": target, "event_date": "survey_date", "key": ["survey_id"]},
            "data": {"sources": [{"name": "s", "kind": "simulator", "rows": 1500, "seed": 3}]},
            "columns": {other: {"use": "forbidden", "reason": "the same answer"}},
            "output": {"name": "refused"},
        }
    )
    table = gather(config, base=work, now=datetime(2026, 1, 10, tzinfo=UTC))
    problem = of_table(config, table)
    transformer = features.pipeline(config, table)
    matrix = np.asarray(transformer.fit_transform(table.x, table.y))
    # Neither has a backend of the serving form.
    estimator: Any = GaussianNB() if kind == "binary" else KNeighborsRegressor(7)
    pipeline = Pipeline(
        [("features", transformer), ("model", estimator.fit(matrix, problem.target))]
    )
    calibrator = CALIBRATOR if kind == "binary" else Calibrator()
    threshold = THRESHOLD if kind == "binary" else None
    model = Model(problem.kind, problem.classes, pipeline, calibrator, "", threshold, "")
    fields = features.fields(config, table, table.features)
    exported = export_model(Material(model, fields, table.x, 1e-5, 1), work / "model")
    assert exported.refusal, "this test is about a refused form"
    contract = contract_of(fields)
    records = records_of(table.x.head(ROWS), contract)
    rows = Intake(contract).records(records)
    outputs = pipeline_outputs(pipeline, calibrator, frame_of(rows, contract))
    tag = pack(f"refused-{kind}:v1", work / "model", kind, {})
    classes = [str(name) for name in problem.classes]
    found = {"tag": tag, "records": records, "outputs": outputs.tolist(), "classes": classes}
    print(json.dumps(found, default=str))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
