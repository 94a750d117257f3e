"""`dohyo lint` and `dohyo status` know batch predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from dohyo.cli.batch_standing import batch_lines
from dohyo.cli.program import main
from dohyo.contract import API_VERSION, KIND
from tests.batches import a_batch_manifest

if TYPE_CHECKING:
    from pathlib import Path


def test_lint_names_the_line_and_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "batch.yaml"
    file.write_text(yaml.safe_dump(a_batch_manifest(paralelism=3, version=["v12", "v12"])))
    assert main(["lint", "-f", str(file)]) == 1
    printed = capsys.readouterr().out
    assert (
        "spec.paralelism: 3 is no field of a BatchPrediction; did you mean parallelism?" in printed
    )
    assert "spec.version[1]: 'v12' comes twice" in printed
    assert printed.endswith("1 BatchPrediction: 2 errors\n")


def test_a_fine_file_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "batch.yaml"
    file.write_text(yaml.safe_dump(a_batch_manifest(schedule="0 6 * * 1")))
    assert main(["lint", "-f", str(file)]) == 0
    assert capsys.readouterr().out == "1 BatchPrediction: fine\n"


@pytest.mark.parametrize(
    ("ring", "options", "words"),
    [
        ({}, (), "version champion of satisfaction: no bento is known here; give the file"),
        ({"champion": []}, (), "version champion of satisfaction: no bento is known here"),
        ({}, ("--bento", "v9=m:v9"), "--bento v9=…: is no version of this run; it scores by cham"),
    ],
)
def test_a_run_that_cannot_be_ordered_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    ring: dict[str, object],
    options: tuple[str, ...],
    words: str,
) -> None:
    (tmp_path / "batch.yaml").write_text(yaml.safe_dump(a_batch_manifest(version="champion")))
    head = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "satisfaction"}}
    (tmp_path / "ring.yaml").write_text(yaml.safe_dump({**head, "spec": ring}))
    files = ("-f", str(tmp_path / "batch.yaml"), "-f", str(tmp_path / "ring.yaml"))
    assert main(["batch", *files, *options]) == 1
    assert capsys.readouterr().err.startswith(f"dohyo: {words}")


def test_status_tells_how_far_the_batches_of_a_model_are() -> None:
    status = {
        "phase": "Scoring",
        "version": "v12",
        "rows": 200,
        "shards": {"total": 4, "done": 3},
        "summary": {"versions": "v12", "progress": "75%"},
    }
    other = a_batch_manifest(modelDeployment="churn")
    lines = list(batch_lines([{**a_batch_manifest(), "status": status}, other], "satisfaction"))
    assert lines[0] == ""
    heading, row = lines[1].splitlines()
    assert heading.split()[:4] == ["BATCH", "PHASE", "VERSION", "PROGRESS"]
    assert row.split()[:5] == ["weekly", "Scoring", "v12", "75%", "(3/4)"]
    assert list(batch_lines([other], "satisfaction")) == []


def test_status_tells_what_later_labels_say_of_the_last_run_that_has_some() -> None:
    labels = [
        {"name": name, "rows": rows, "loss": "zero-one", "mean": mean}
        for name, rows, mean in (("v12", 1_204, 0.081), ("v13", 1_201, 0.0736))
    ]
    pair = {"first": "v12", "other": "v13", "rows": 1_198, "gain": 0.0074, "verdict": "better"}
    runs = [
        {"name": "weekly-3", "state": "Scoring"},
        {
            "name": "weekly-2",
            "state": "Succeeded",
            "labels": labels,
            "paired": [{**pair, "better": 35.2, "worse": 0.1}],
        },
        {"name": "weekly-1", "state": "Succeeded", "labels": labels[:1]},
    ]
    raw = {**a_batch_manifest(), "status": {"phase": "Scoring", "runs": runs}}
    heading, first, other = list(batch_lines([raw], "satisfaction"))[3].splitlines()
    assert heading.split()[:4] == ["BATCH", "RUN", "VERSION", "LABELS"]
    assert first.split() == ["weekly", "weekly-2", "v12", "1204", "zero-one", "0.081", "-"]
    assert "v13" in other
    assert other.endswith(
        "better than v12: mean loss 0.0074 less on 1198 rows of both (e-value 35.2)"
    )
