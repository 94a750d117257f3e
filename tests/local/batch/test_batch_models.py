"""A version is loaded by its form alone where its bento says so, and by its service elsewhere."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml

from dohyo_form.form import ANSWERS_BY
from dohyo_serving.form_of_bento import form_of_bento
from images.paths import BENTOML_HOME
from tests.harness import model
from tests.local.batch.scoring import Batch, order, version

if TYPE_CHECKING:
    from pathlib import Path

ROWS = model.rows()[:50]


@pytest.fixture
def bento(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bento unpacked with its model, and no store beside it."""
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "nowhere"))
    folder = tmp_path / "bento"
    shutil.copytree(version("logistic").folder, folder)
    stored = BENTOML_HOME / "models" / "breast-cancer" / "logistic"
    shutil.copytree(stored, folder / "models" / "breast-cancer" / "logistic")
    return folder


def test_the_form_answers_as_the_pipeline_does(bento: Path) -> None:
    predictor = form_of_bento(bento)

    assert predictor is not None
    outputs = predictor.predict(predictor.inputs_of_columns(list(np.array(ROWS).T)))
    own = [
        [each[name] for name in predictor.classes]
        for each in model.own_probabilities(model.LOGISTIC, ROWS)
    ]
    np.testing.assert_allclose(outputs, own, atol=1e-9)


@pytest.mark.parametrize("change", ["label", "requirement", "python", "model", "golden", "form"])
def test_what_is_unusual_is_left_to_the_service(bento: Path, change: str) -> None:
    assert form_of_bento(bento) is not None
    written = bento / "bento.yaml"
    document = yaml.safe_load(written.read_text())
    form = bento / "models" / "breast-cancer" / "logistic" / "serving-form"
    if change == "label":
        del document["labels"][ANSWERS_BY]
    elif change == "requirement":
        document["image"] = {"python_requirements": "numpy==1.0.0\n"}
    elif change == "python":
        document["image"] = {"python_version": "3.9"}
    elif change == "model":
        document["services"][0]["models"].append({"tag": "other:v1"})
    elif change == "golden":
        golden = json.loads((form / "golden.json").read_text())
        golden["outputs"][0] = [0.5, 0.5]
        (form / "golden.json").write_text(json.dumps(golden))
    else:
        (form / "row.json").write_text("{")
    written.write_text(yaml.safe_dump(document))

    assert form_of_bento(bento) is None


def test_a_shard_imports_neither_bentoml_nor_pandas(few: Path, tmp_path: Path) -> None:
    given = order(few.as_uri(), (tmp_path / "out").as_uri())

    ended = Batch(tmp_path, given, PYTHONPROFILEIMPORTTIME="1").done("score", "--index", "0")

    imported = {line.rpartition("|")[2].strip() for line in ended.errors.splitlines()}
    assert {"numpy", "pyarrow", "dohyo_batch.score"} <= imported
    # Of pandas a part, because Arrow looks for it and finds nothing.
    unneeded = {"bentoml", "pandas.core", "sklearn", "scipy", "matplotlib", "sqlalchemy"}
    assert unneeded & imported == set()
