"""The run as MLflow knows runs, for those who collect them there; the bento stays the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dohyo_training.complaint import Complaint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# MLflow refuses longer values of parameters.
_LONGEST = 500


def export_run(uri: str, record: Mapping[str, Any], folder: Path) -> str:
    """Writes parameters, metrics, tags and files of a run; the id that MLflow gives it.

    Raises:
        Complaint: MLflow is not installed, or its server does not take the run.
    """
    try:
        import mlflow  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise Complaint(
            "output.mlflow: mlflow is not installed; `pip install 'dohyo[training-extras]'`, "
            "or leave it out"
        ) from error
    name = str(record["tag"]).partition(":")[0]
    try:
        mlflow.set_tracking_uri(uri)
        mlflow.set_experiment(name)
        with mlflow.start_run(run_name=str(record["tag"])) as run:
            mlflow.set_tags(_tags(record))
            mlflow.log_params(_parameters(record))
            mlflow.log_metrics(_metrics(record))
            for file in ("run.json", "report.html", "card.md", "fits.csv"):
                mlflow.log_artifact(str(folder / file))
            return str(run.info.run_id)
    except mlflow.exceptions.MlflowException as error:
        words = " ".join(str(error).split())
        raise Complaint(f"output.mlflow: {uri} does not take the run: {words}") from error


def _tags(record: Mapping[str, Any]) -> dict[str, str]:
    origin = record["provenance"]
    return {
        "dohyo.tag": str(record["tag"]),
        "dohyo.data": str(origin["data"]),
        "dohyo.content": str(origin["content"]),
        "dohyo.commit": str(origin["commit"]),
    }


def _parameters(record: Mapping[str, Any]) -> dict[str, str]:
    chosen = record["chosen"]
    found = {"family": chosen["family"], "split": record["split"]["scheme"]}
    found |= chosen["parameters"]
    return {name: str(value)[:_LONGEST] for name, value in found.items()}


def _metrics(record: Mapping[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, estimate in record["assessment"]["metrics"].items():
        for part in ("value", "low", "high"):
            if estimate[part] is not None:
                found[name if part == "value" else f"{name}_{part}"] = float(estimate[part])
    return found
