"""Training runs in a process and a store of their own, as a user has them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import json, pathlib, signal, sys
from datetime import UTC, datetime
from dohyo_training.complaint import Complaint
from dohyo_training.config.reading import load
from dohyo_training.run import train
class Telling:
    def stage(self, name): print(name, flush=True)
    def found(self, sentence): print(sentence, flush=True)
    def progress(self, done, planned): print(f"fits {done}", flush=True)
# Tests that a shell runs in the background inherit that Ctrl-C is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
path = pathlib.Path(sys.argv[1])
try:
    done = train(load(path), path.parent, datetime(2026, 1, 10, tzinfo=UTC), Telling())
except Complaint as complaint:
    sys.exit(str(complaint))
print(json.dumps({"tag": done.tag, "folder": str(done.folder)}))
"""

SATISFACTION: dict[str, Any] = {
    "task": {
        "target": "satisfied",
        "positive": 0,
        "event_date": "survey_date",
        "key": ["survey_id"],
        "group": "customer_id",
        "treatment": {"column": "courtesy_call", "propensity": 0.5, "randomised": True},
    },
    "data": {
        "sources": [
            {
                "name": "surveys",
                "kind": "simulator",
                "rows": 1500,
                "seed": 5,
                "sheet": {
                    "update_frequency": "7d",
                    "fresh_by": "survey_date",
                    "cost": {"amount": 0.4, "budget": 50, "per": "1000 rows"},
                    "references": [{"column": "region", "shares": {"north": 0.3}}],
                },
            }
        ]
    },
    "columns": {
        "score": {"use": "forbidden", "reason": "the same answer in other words"},
        "age": {"use": "audit-only", "reason": "a law"},
        "call_propensity": {"use": "forbidden", "reason": "of the experiment"},
        "agent": {"use": "forbidden", "reason": "a contract"},
        "tickets": {"use": "forbidden", "reason": "not yet delivered"},
    },
    "features": {"unknown_fields": "ignore"},
    "analysis": {"table_report": False},
    "selection": {"method": "none"},
    "folds": {"k": 2},
    "models": [
        {"name": "linear", "grid": {"C": [1.0]}},
        {"name": "xgboost", "grid": {"n_estimators": [20], "max_depth": [2, 3]}},
        "blend",
    ],
    "search": {"jobs": 1},
    "value": {
        "true_positive": -5,
        "false_positive": -5,
        "false_negative": -20,
        "baseline": {"column": "response_hours", "at_least": 12},
    },
    "slices": {"fairness": ["region"]},
    "output": {"name": "satisfaction", "archive": "exported/satisfaction.bento"},
}


@dataclass(frozen=True)
class Store:
    """A folder for configurations and results, and a BentoML store beside it."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "BENTOML_HOME": str(self.folder / "bentoml"),
            "BENTOML_DO_NOT_TRACK": "True",
            "OMP_NUM_THREADS": "1",
        }

    def write(self, name: str, document: dict[str, Any]) -> Path:
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(document))
        return file

    def start(self, file: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(file)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def train(self, name: str, document: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """Tag and folder of a run, and all that it said."""
        process = self.start(self.write(name, document))
        out, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors
        found: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
        return found, out
