"""`run.json` and the table of every fit: what a program reads of a run."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any, Final

from dohyo_training.build.metrics import MEASURES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dohyo_training.assess.stage import Assessment
    from dohyo_training.build.leaderboard import Leaderboard
    from dohyo_training.build.stage import Built
    from dohyo_training.build.trial import Trial

RECORD_FORMAT: Final = 1
# The columns of the AutoML benchmark's results, so that both can be read together.
AMLB_COLUMNS: Final = (
    "id",
    "task",
    "framework",
    "constraint",
    "fold",
    "result",
    "metric",
    "version",
    "params",
    "training_duration",
    "predict_duration",
    "models_count",
    "seed",
    "info",
    "acc",
    "auc",
    "logloss",
    "rmse",
    "mae",
)
_SCORES: Final = {
    "acc": "accuracy",
    "auc": "roc_auc",
    "logloss": "log_loss",
    "rmse": "rmse",
    "mae": "mae",
}


def leaderboard_record(board: Leaderboard) -> dict[str, Any]:
    """JSON values of the leaderboard."""
    return {
        "metric": board.metric,
        "sentence": board.sentence,
        "entries": [
            {
                "name": entry.name,
                "family": entry.family,
                "parameters": dict(entry.parameters),
                "scores": dict(entry.scores),
                "folds": {name: list(values) for name, values in entry.folds.items()},
                "standard_error": entry.standard_error,
                "against_best": entry.against_best.as_record(),
                "fit_cpu_seconds": entry.fit_cpu_seconds,
                "row_microseconds": entry.row_microseconds,
                "chosen": entry.chosen,
            }
            for entry in board.entries
        ],
    }


def model_record(built: Built) -> dict[str, Any]:
    """JSON values of what is exported: hyperparameters, calibration and threshold."""
    chosen = built.leaderboard.chosen
    return {
        "chosen": {
            "family": chosen.family,
            "parameters": dict(chosen.parameters),
            # By these a later run makes a blend again: the names of its weights are not enough.
            "members": [
                {"family": one.family, "parameters": dict(one.parameters), "weight": weight}
                for one, weight in built.members
            ],
        },
        "calibration": built.model.calibrator.as_json(),
        "threshold": built.model.threshold,
    }


def assessment_record(found: Assessment) -> dict[str, Any]:
    """JSON values of the assessment, without the points of curves."""
    return {
        "rows": found.rows,
        "metrics": {name: each.as_record() for name, each in found.metrics.items()},
        "confusions": {
            name: {"classes": list(one.classes), "counts": one.counts.tolist()}
            for name, one in found.confusions.items()
        },
        "money": None if found.money is None else found.money.tolist(),
        "calibration_error": found.calibration.error if found.calibration else None,
        "lift_at_10_percent": found.gain.lift_at(0.1) if found.gain else None,
        "value": found.worth.as_record() if found.worth else None,
        "treatment": found.effect.as_record() if found.effect else None,
        "importance": {one.feature: [one.loss, one.deviation] for one in found.importance},
        "fairness": [one.as_record() for one in found.fairness],
        "slices": [one.as_record() for one in found.slices],
    }


def amlb_csv(
    run: Mapping[str, str], finalists: Mapping[str, Sequence[Trial]], metric: str, seed: int
) -> str:
    """One row for each model and fold; `result` is turned so that more is better."""
    out = io.StringIO()
    writer = csv.DictWriter(out, AMLB_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in _rows(run, finalists, metric, seed):
        writer.writerow(row)
    return out.getvalue()


def _rows(
    run: Mapping[str, str], finalists: Mapping[str, Sequence[Trial]], metric: str, seed: int
) -> Iterator[dict[str, Any]]:
    sign = MEASURES[metric].sign
    for name, trials in finalists.items():
        for trial in trials:
            yield {
                **run,
                "framework": f"dohyo:{name}",
                "fold": trial.fold,
                "result": sign * trial.scores[metric],
                "metric": metric if sign > 0 else f"neg_{metric}",
                "params": dict(trial.candidate.parameters),
                "training_duration": round(trial.fit_cpu_seconds, 6),
                "models_count": 1,
                "seed": seed,
                "info": f"{trial.fitting_rows} fitting rows; CPU seconds",
                **{
                    column: trial.scores[score]
                    for column, score in _SCORES.items()
                    if score in trial.scores
                },
            }


def plain(value: Any) -> Any:
    """JSON knows no infinity and no not-a-number: they become null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
