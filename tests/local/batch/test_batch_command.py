"""`dohyo batch`: the same run on one machine, from the files that a cluster would get."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.harness.bentos import PROGRAMS
from tests.local.batch.scoring import SECONDS, Scores, environment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(600)


def files(folder: Path, source: str, **spec: Any) -> Path:
    """A ModelDeployment and a BatchPrediction that names it, in one file."""
    ring = {
        "apiVersion": "dohyo.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "tumours"},
        "spec": {
            "champion": {"name": "v1", "bento": "breast-cancer:v1-logistic"},
            "challengers": [{"name": "v2", "bento": "breast-cancer:v2-boosting"}],
        },
    }
    prediction = {
        "apiVersion": "dohyo.dev/v1alpha1",
        "kind": "BatchPrediction",
        "metadata": {"name": "weekly"},
        "spec": {
            "modelDeployment": "tumours",
            "input": {"uri": source},
            # Relative addresses begin beside the file.
            "output": {"uri": "file://out/", "include": ["hospital"]},
            "parallelism": 2,
            "report": {"groupBy": ["hospital"], "time": "day"},
            **spec,
        },
    }
    path = folder / "weekly.yaml"
    path.write_text(yaml.safe_dump_all([ring, prediction]))
    return path


def batch(*words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(PROGRAMS / "dohyo"), "batch", *words],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_a_run_is_planned_scored_and_reported(few: Path, tmp_path: Path) -> None:
    file = files(tmp_path, few.as_uri())
    done = batch("-f", str(file), "--run", "monday")

    assert done.returncode == 0, done.stderr
    assert "run monday: 2000 rows are scored, 0 are in quarantine" in done.stdout
    scores = Scores(tmp_path / "out" / "monday")
    assert scores.rows(8, "v1")["row"].tolist() == list(range(2_000))
    assert scores.report["versions"][0]["bento"] == "breast-cancer:v1-logistic"

    again = batch("-f", str(file), "--run", "monday", "--parallelism", "1", "-o", "json")
    told = json.loads(again.stdout)
    assert (told["reason"], told["rows"]) == ("DoneBefore", 2_000)
    assert {each["reason"] for each in told["shards"]} == {"DoneBefore"}


def test_what_cannot_be_done_is_said_in_one_line(few: Path, tmp_path: Path) -> None:
    unknown = batch("-f", str(files(tmp_path, few.as_uri(), version="v9")))
    assert unknown.returncode == 1
    assert "version v9 of tumours: no bento is known here" in unknown.stderr

    wrong = batch("-f", str(files(tmp_path, "ftp://data/")))
    assert wrong.returncode == 1
    assert "spec.input.uri" in wrong.stderr

    nothing = batch("-f", str(files(tmp_path, (tmp_path / "nowhere").as_uri())), "--run", "r")
    assert nothing.returncode == 2
    assert "InputNotFound" in nothing.stderr
