"""What `kubectl get` prints of each kind; `-o wide` adds the columns of priority 1."""

from __future__ import annotations

from typing import Any, Final

Column = dict[str, Any]

_READY: Final = '.status.conditions[?(@.type=="Ready")]'


def _column(name: str, path: str, description: str, kind: str = "string") -> Column:
    return {"name": name, "type": kind, "description": description, "jsonPath": path}


_LAST: Final[tuple[Column, ...]] = (
    {
        "name": "Age",
        "type": "date",
        "description": "Since when there is this object.",
        "jsonPath": ".metadata.creationTimestamp",
    },
    {**_column("Reason", f"{_READY}.reason", "Why it is ready or not."), "priority": 1},
    {**_column("Message", f"{_READY}.message", "The same in a sentence."), "priority": 1},
)

MODEL_DEPLOYMENT_COLUMNS: Final[tuple[Column, ...]] = (
    _column("Champion", ".status.champion", "The version that serves now."),
    _column("Challenger", ".status.summary.challengers", "The versions that try to beat it."),
    _column("Weight", ".status.summary.weights", "Percent of the requests that they answer."),
    _column("Step", ".status.summary.step", "The present step of how many."),
    _column("Verdict", ".status.summary.verdict", "What the gates say."),
    _column("Ready", f"{_READY}.status", "Whether the ring is as the spec asks."),
    _column("URL", ".status.url", "Where clients in the cluster call the model."),
    *_LAST,
)

BATCH_PREDICTION_COLUMNS: Final[tuple[Column, ...]] = (
    _column("Model", ".spec.modelDeployment", "The ModelDeployment whose versions score."),
    _column("Version", ".status.summary.versions", "The versions of the last run."),
    _column("Schedule", ".spec.schedule", "When it runs."),
    _column("Phase", ".status.phase", "What it does."),
    _column("Progress", ".status.summary.progress", "Percent of the last run's shards."),
    _column("Rows", ".status.rows", "Rows of the last run that are scored.", "integer"),
    _column("Bad", ".status.badRows", "Rows that broke the model's contract.", "integer"),
    _column("Ready", f"{_READY}.status", "Whether it is as the spec asks."),
    *_LAST,
    {**_column("Next", ".status.nextSchedule", "When the next run starts."), "priority": 1},
)
