"""From a configuration to a version that serves: whole, repeatable, and nothing half-written."""

from __future__ import annotations

import copy
import csv
import json
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from dohyo_form.form import Form
from tests.local.training.runs import SATISFACTION, Store
from tests.local.training.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.loopback import OnPort

FORBIDDEN = ("score", "call_propensity", "agent", "tickets")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def made(store: Store) -> dict[str, Any]:
    found, _ = store.train("first", SATISFACTION)
    return found


@pytest.fixture(scope="module")
def changed(store: Store, made: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """A run on other data, in which people chose the treatment, against the first as champion."""
    other = copy.deepcopy(SATISFACTION)
    other["data"]["sources"][0] |= {"seed": 6, "treatment": "chosen"}
    other["task"]["treatment"] = {"column": "courtesy_call"}
    other["champion"] = made["tag"]
    del other["output"]["archive"], other["columns"]["tickets"]
    return store.train("changed", other)


@pytest.fixture
def model(made: dict[str, Any]) -> Path:
    return Path(made["folder"]) / "model"


def test_a_run_leaves_everything(made: dict[str, Any], model: Path) -> None:
    folder = Path(made["folder"])
    names = {file.name for file in folder.iterdir()}
    assert names == {
        "report.html",
        "run.json",
        "card.md",
        "datasheet.json",
        "fits.csv",
        "model",
    }
    forms = {file.name for file in (model / "serving-form").iterdir()}
    assert {"contract.json", "profile.json", "row.json", "golden.json", "form.json"} <= forms
    record = json.loads((folder / "run.json").read_text())
    assert record["split"]["scheme"] == "time"
    assert {"linear", "xgboost", "dummy"} <= {e["name"] for e in record["leaderboard"]["entries"]}
    assert record["export"]["parity"]["flips"] == 0
    beaten = {"nothing", "all", "baseline rule"}
    assert set(record["assessment"]["value"]["against"]) == beaten
    assert record["assessment"]["treatment"]["method"] == "qini"
    card = (folder / "card.md").read_text()
    assert "**Predicts:** the probability that satisfied is 0" in card
    assert card.count("- value: ") == 1
    assert card.count("- more than ") == len(beaten)


def test_the_report_names_every_step_and_is_complete_in_itself(made: dict[str, Any]) -> None:
    report, record = _said(made)
    for step in ("gather", "analyse", "engineer", "select", "build", "assess", "compare"):
        assert f'id="{step}"' in report
    assert 'src="http' not in report
    assert 'href="http' not in report
    assert "Predicts the probability that satisfied is 0." in report
    lift = record["assessment"]["lift_at_10_percent"]
    assert f"holds {lift:.2f} times as many positives" in report
    promise = record["promise"]
    assert promise["by_time"] != promise["shuffled"]
    assert (
        f"shuffled folds of the same rows would have promised a roc_auc of "
        f"{promise['shuffled']:.4f}; the folds in time say {promise['by_time']:.4f}" in report
    )
    # What a source promises stands there in words.
    for promise in ("<td>1w</td>", "<td>0.4 EUR per 1000 rows</td>", "budget 50 EUR"):
        assert promise in report
    assert "{&#39;" not in report


def test_the_report_tells_what_becomes_of_each_feature(made: dict[str, Any]) -> None:
    report, record = _said(made)
    becomes = {one["column"]: (one["missing"], one["becomes"]) for one in record["features"]}
    assert becomes["price"] == (
        "their median, and a column that says so where any is missing",
        "a number",
    )
    assert "survey_date_minus_signup_date_days" in becomes["signup_date"][1]
    assert becomes["plan"][1].startswith("one column a level")
    for missing, made_of_it in becomes.values():
        assert missing in report
        assert made_of_it in report


def _said(made: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Report and record of a run."""
    folder = Path(made["folder"])
    return (folder / "report.html").read_text(), json.loads((folder / "run.json").read_text())


def test_the_same_inputs_give_the_same_version_and_other_data_another(
    store: Store, made: dict[str, Any], model: Path, changed: tuple[dict[str, Any], str]
) -> None:
    before = _bytes(model / "serving-form")
    again, _ = store.train("again", SATISFACTION)
    assert again["tag"] == made["tag"]
    assert _bytes(model / "serving-form") == before
    assert changed[0]["tag"] != made["tag"]


def test_a_champion_stands_in_the_leaderboard_and_is_judged(
    made: dict[str, Any], changed: tuple[dict[str, Any], str]
) -> None:
    found, said = changed
    record = json.loads((Path(found["folder"]) / "run.json").read_text())
    assert record["verdict"]["champion"] == made["tag"]
    assert "champion" in {entry["name"] for entry in record["leaderboard"]["entries"]}
    report = (Path(found["folder"]) / "report.html").read_text()
    assert "<td>champion&#39;s recipe</td>" in report
    assert "<td>champion</td>" not in report.partition('id="assess"')[0]
    assert f"is the algorithm of {made['tag']} with its hyperparameters, fitted anew" in report
    assert "The version that serves is not in this table" in report
    beaten = {"nothing", "all", "baseline rule", "champion"}
    assert set(record["assessment"]["value"]["against"]) == beaten
    assert "assess" in said


def test_versions_with_different_fields_answer_the_same_request(
    made: dict[str, Any], changed: tuple[dict[str, Any], str]
) -> None:
    folders = [Path(one["folder"]) / "model" / "serving-form" for one in (made, changed[0])]
    first, second = map(Form, folders)
    assert {*second.contract.names} - {*first.contract.names} == {"tickets"}
    records = json.loads((folders[1] / "golden.json").read_text())["records"]
    for form in (first, second):
        assert form.predict(form.intake.records(records)).shape == (len(records), 2)


def test_compare_says_the_verdict_by_its_exit_code(
    store: Store, made: dict[str, Any], changed: tuple[dict[str, Any], str]
) -> None:
    verdict = json.loads((Path(changed[0]["folder"]) / "run.json").read_text())["verdict"]
    program = str(Path(sys.executable).with_name("dohyo-train"))
    document = yaml.safe_load((store.folder / "changed.yaml").read_text())
    # The runs were told an earlier day than today, on which the rows were fresh.
    del document["data"]["sources"][0]["sheet"]
    store.write("compared", document)
    done = subprocess.run(
        [program, "compare", "compared.yaml", changed[0]["tag"], "--champion", made["tag"]],
        cwd=store.folder,
        env=store.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == {"wins": 0, "loses": 3, "undecided": 4}[verdict["outcome"]]
    # The same rows, asked again of what was packed.
    assert f"value {verdict['difference']['value']:+.5g}" in done.stdout
    assert f"{verdict['rows']} rows" in done.stdout


def test_every_fit_stands_in_the_columns_of_the_automl_benchmark(made: dict[str, Any]) -> None:
    folder = Path(made["folder"])
    record = json.loads((folder / "run.json").read_text())
    with (folder / "fits.csv").open() as file:
        rows = list(csv.DictReader(file))
    entries = {entry["name"]: entry for entry in record["leaderboard"]["entries"]}
    assert {row["framework"] for row in rows} == {f"dohyo:{name}" for name in entries}
    for row in rows:
        expected = entries[row["framework"].removeprefix("dohyo:")]["folds"]["roc_auc"]
        assert float(row["auc"]) == pytest.approx(expected[int(row["fold"])])
    asked = "id,task,framework,constraint,fold,result,metric,version,params,training_duration"
    assert ",".join(rows[0]).startswith(asked)


def test_where_people_chose_the_report_ranks_proves_nothing_and_asks_for_chance(
    changed: tuple[dict[str, Any], str],
) -> None:
    folder = Path(changed[0]["folder"])
    treatment = json.loads((folder / "run.json").read_text())["assessment"]["treatment"]
    assert treatment["method"] == "doubly-robust"
    assert treatment["qini"] == {}
    _, _, uplift = (folder / "report.html").read_text().partition("Uplift of the treatment")
    uplift, _, _ = uplift.partition("<h3>Importance")
    assert "these numbers rank policies, they prove no effect" in uplift
    assert "give a random slice of customers the treatment by chance" in uplift
    assert "a small traffic weight supplies" in uplift
    assert "effect first less worst first" in uplift
    assert "Qini coefficient" not in uplift
    assert "these numbers rank policies" in (folder / "card.md").read_text()


def test_a_forbidden_column_is_nowhere_in_the_version(model: Path) -> None:
    for name in ("contract.json", "profile.json", "row.json", "golden.json"):
        text = (model / "serving-form" / name).read_text()
        for column in (*FORBIDDEN, "age", "courtesy_call", "customer_id", "survey_id"):
            assert f'"{column}"' not in text, f"{column} in {name}"
    pipeline = (model / "training" / "pipeline.skops").read_bytes()
    import zipfile  # noqa: PLC0415
    from io import BytesIO  # noqa: PLC0415

    with zipfile.ZipFile(BytesIO(pipeline)) as content:
        schema = content.read("schema.json").decode()
    assert not any(f'\\"{column}\\"' in schema for column in FORBIDDEN)


def test_a_given_version_of_other_content_is_not_replaced(store: Store) -> None:
    given = copy.deepcopy(SATISFACTION)
    given["output"]["version"] = "fixed"
    given["models"] = given["models"][:1]
    del given["output"]["archive"]
    given["output"]["mlflow"] = f"sqlite:///{store.folder}/mlflow.db"
    found, said = store.train("given", given)
    assert "of MLflow at" in said
    _assert_in_mlflow(given["output"]["mlflow"], Path(found["folder"]))
    given["data"]["sources"][0]["seed"] = 9
    process = store.start(store.write("given-again", given))
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 1
    assert "the store has satisfaction:fixed, made from other inputs" in errors
    assert "Traceback" not in errors


def _assert_in_mlflow(uri: str, folder: Path) -> None:
    """The run stands there with the record's own metrics, and its report beside it."""
    from mlflow import MlflowClient  # noqa: PLC0415 - an extra, and two seconds

    record = json.loads((folder / "run.json").read_text())
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("satisfaction")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.tags["dohyo.content"] == record["provenance"]["content"]
    assert run.data.params["family"] == "linear"
    for name, estimate in record["assessment"]["metrics"].items():
        assert run.data.metrics[name] == pytest.approx(estimate["value"])


INTERRUPTED_BUILD = """
import pathlib, sys
import bentoml
from dohyo_training.package import packing
def interrupted(*_):
    raise KeyboardInterrupt
packing._write_sources = interrupted
try:
    packing.pack("halted:v1", pathlib.Path(sys.argv[1]), "0" * 64, {})
except KeyboardInterrupt:
    print([model.tag.version for model in bentoml.models.list() if model.tag.name == "halted"])
"""


def test_a_model_without_its_bento_does_not_stay(store: Store, model: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_BUILD, str(model)],
        env=store.environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[]"


def test_the_archive_holds_the_version(store: Store, made: dict[str, Any], model: Path) -> None:
    with tarfile.open(store.folder / "exported" / "satisfaction.bento") as archive:
        assert yaml.safe_load(_member(archive, "bento.yaml"))["version"] == made["tag"][13:]
        golden = (model / "serving-form" / "golden.json").read_bytes()
        assert _member(archive, "golden.json") == golden


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    """The content of the only file of that name."""
    (path,) = [path for path in archive.getnames() if path.rpartition("/")[2] == name]
    content = archive.extractfile(path)
    assert content is not None
    return content.read()


def test_an_interrupted_run_leaves_nothing_half_written_and_goes_on_later(store: Store) -> None:
    long = copy.deepcopy(SATISFACTION)
    long["output"] = {"name": "interrupted"}
    long["folds"]["k"] = 4
    long["models"][1]["grid"] = {"n_estimators": [60], "max_depth": [2, 3, 4, 5]}
    process = store.start(store.write("long", long))
    assert process.stdout is not None
    for line in process.stdout:
        # In the second fold: the first is finished and kept.
        if line.startswith("fits") and int(line.split()[1]) >= 8:
            process.send_signal(signal.SIGINT)
            break
    process.communicate(timeout=120)
    assert process.returncode != 0
    place = store.folder / "build" / "training"
    assert not list(place.glob("interrupted-*"))
    assert not list(place.glob(".interrupted-*"))
    assert not (store.folder / "bentoml" / "bentos" / "interrupted").exists()
    assert list((place / ".unfinished").rglob("*.part"))
    _, said = store.train("long", long)
    assert "were there from a run that did not finish" in said
    assert not list((place / ".unfinished").rglob("*.part"))


@pytest.fixture(params=["dohyo-serve", "bentoml serve"])
def served(request: pytest.FixtureRequest, store: Store, made: dict[str, Any]) -> Iterator[OnPort]:
    with serving(request.param, made["tag"], store.environment) as found:
        yield found


def test_the_bento_answers_as_the_pipeline_did(served: OnPort, model: Path) -> None:
    golden = json.loads((model / "serving-form" / "golden.json").read_text())
    status, answer = served.post("/predict", json.dumps({"records": golden["records"]}))
    assert status == 200
    classes = json.loads((model / "serving-form" / "form.json").read_text())["classes"]
    for got, expected in zip(answer["predictions"], golden["outputs"], strict=True):
        probabilities = [got["probabilities"][str(name)] for name in classes]
        assert probabilities == pytest.approx(expected, abs=1e-5)
    wrong = {**golden["records"][0], "price": "cheap"}
    status, answer = served.post("/predict", json.dumps({"records": [wrong]}))
    assert status == 422
    assert "price" in json.dumps(answer)


def test_a_bento_is_complete_in_itself(store: Store, made: dict[str, Any]) -> None:
    """Its own copy of runtime and reader answers in a process that prefers no other."""
    name, _, version = made["tag"].partition(":")
    bento = store.folder / "bentoml" / "bentos" / name / version
    form = store.folder / "bentoml" / "models" / name / version / "serving-form"
    program = (
        "import sys, pathlib\n"
        "from dohyo_form import form\n"
        "from dohyo_serving import endpoint\n"
        "from dohyo import contract\n"
        "for part in (form, endpoint, contract):\n"
        "    assert part.__file__.startswith(sys.argv[1]), part.__file__\n"
        "print(form.Form(pathlib.Path(sys.argv[2])).replay())\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(bento / "src")}
    done = subprocess.run(
        [sys.executable, "-c", program, str(bento / "src"), str(form)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[]"


def _bytes(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}
