"""A version whose serving form was refused is served all the same, by its pipeline."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.harness.bentos import REPOSITORY
from tests.local.training.refused import THRESHOLD
from tests.local.training.runs import Store
from tests.local.training.serving import serving

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(400)


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_the_pipeline_answers_as_in_training(kind: str, tmp_path: Path) -> None:
    store = Store(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "tests.local.training.refused", kind, str(tmp_path)],
        cwd=REPOSITORY,
        env=store.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    with serving("dohyo-serve", made["tag"], store.environment) as served:
        status, answer = served.post("/predict", json.dumps({"records": made["records"]}))
        assert status == 200, answer
        unlike = {"records": [{**made["records"][0], "price": "cheap"}]}
        wrong, told = served.post("/predict", json.dumps(unlike))
        assert (wrong, "price" in json.dumps(told)) == (422, True)
    for got, expected in zip(answer["predictions"], made["outputs"], strict=True):
        if kind == "regression":
            assert [got["value"]] == pytest.approx(expected, abs=1e-9)
            continue
        probabilities = [got["probabilities"][name] for name in made["classes"]]
        assert probabilities == pytest.approx(expected, abs=1e-9)
        # The threshold decides, not the likelier class.
        assert got["label"] == made["classes"][int(expected[1] >= THRESHOLD)]
    if kind == "binary":
        assert any(0.5 < row[1] < THRESHOLD for row in made["outputs"]), "no row shows it"
