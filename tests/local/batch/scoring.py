"""`dohyo-batch` as processes of their own, over rows like those the sample bentos learned."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer

from cluster.paths import BUILD
from dohyo.contract.batch import (
    ENV_PROGRESS,
    BatchInput,
    BatchLabels,
    BatchOrder,
    BatchOutput,
    BatchReportOrder,
    BatchSummary,
    OrderedVersion,
    part_file,
    part_record,
    quarantine_file,
)
from dohyo.contract.documents import from_json, to_json
from images.paths import BENTOML_HOME
from tests.harness import model
from tests.harness.bentos import surroundings, without_credentials

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 120.0
VERSIONS = {"logistic": model.LOGISTIC, "boosting": model.BOOSTING}


def environment() -> dict[str, str]:
    """Of the processes: they share what Python compiles, which else is half of their work."""
    usual = surroundings(BENTOML_HOME)
    usual.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**without_credentials(usual), "PYTHONPYCACHEPREFIX": str(BUILD / "pycache")}


def tumours(rows: int, seed: int = 1) -> pd.DataFrame:
    """Measurements near to real ones, with a hospital, a day and what it turned out to be."""
    data = load_breast_cancer()
    chance = np.random.default_rng(seed)
    chosen = chance.integers(0, len(data.data), rows)
    frame = pd.DataFrame(
        data.data[chosen] * chance.normal(1, 0.01, (rows, 30)),
        columns=[str(name).replace(" ", "_") for name in data.feature_names],
    )
    frame["hospital"] = chance.choice(["north", "south"], rows)
    days = pd.to_timedelta(chance.integers(0, 28, rows), unit="D")
    frame["day"] = pd.Timestamp("2026-11-02") + days
    frame["finding"] = data.target_names[data.target[chosen]]
    return frame


def version(name: str) -> OrderedVersion:
    tag = VERSIONS[name]
    folder = BENTOML_HOME / "bentos" / tag.replace(":", "/")
    return OrderedVersion(name, tag, str(folder))


def order(source: str, target: str, *versions: str, **changes: Any) -> BatchOrder:
    """An order for some rows of `tumours`, in Parquet unless told otherwise."""
    made = BatchOrder(
        name="weekly",
        namespace="shop",
        run="r1",
        deployment="tumours",
        versions=tuple(map(version, versions or ("logistic",))),
        input=BatchInput(source),
        output=BatchOutput(target, include=("hospital",)),
        report=BatchReportOrder(("hospital",), "day"),
        labels=BatchLabels("finding"),
    )
    return replace(made, **changes)


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        code: its exit code.
        summaries: all that it printed of that kind.
        errors: what else it said.
    """

    code: int
    summaries: list[BatchSummary]
    errors: str

    @property
    def last(self) -> BatchSummary:
        return self.summaries[-1]


class Batch:
    """An order in a folder, and processes that carry it out."""

    def __init__(self, folder: Path, given: BatchOrder, **environ: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "order.json"
        self._file.write_text(json.dumps(to_json(given)))
        self._environ = {
            **environment(),
            "DOHYO_TERMINATION_LOG": str(folder / "last-words"),
            "AWS_EC2_METADATA_DISABLED": "true",
            ENV_PROGRESS: "0",
            **environ,
        }
        self.last_words = folder / "last-words"

    def start(self, *words: str, within: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        command = [*within, sys.executable, "-m", "dohyo_batch.main", *words]
        return subprocess.Popen(
            [*command, "--order", str(self._file)],
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def do(self, *words: str, within: tuple[str, ...] = ()) -> Ended:
        process = self.start(*words, within=within)
        try:
            out, errors = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
        documents = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        summaries = [from_json(BatchSummary, each) for each in documents if "reason" in each]
        assert "Traceback" not in errors, errors
        return Ended(process.returncode, summaries, errors)

    def done(self, *words: str) -> Ended:
        ended = self.do(*words)
        assert ended.code == 0, (ended.summaries, ended.errors)
        return ended


@dataclass(frozen=True)
class Scores:
    """What lies in a run's folder."""

    folder: Path

    def part(self, shard: int, name: str = "logistic") -> Path:
        return self.folder / part_file(shard, name)

    def record(self, shard: int) -> Path:
        return self.folder / part_record(shard)

    def rows(self, shards: int, name: str = "logistic") -> pd.DataFrame:
        parts = [self.part(shard, name) for shard in range(shards)]
        return pd.concat([pd.read_parquet(part) for part in parts if part.exists()])

    def quarantine(self, shard: int = 0) -> pd.DataFrame:
        return pd.read_parquet(self.folder / quarantine_file(shard))

    @property
    def report(self) -> Any:
        return json.loads((self.folder / "report.json").read_text())

    @property
    def names(self) -> set[str]:
        return {each.name for each in self.folder.iterdir() if "#" not in each.name}
