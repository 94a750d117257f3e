"""`python -m benchmarks.training.peers`: quality and time beside AutoML tools and plain forests.

Every tool gets the same outer folds of the same rows. The others know no limit but the clock, and
take of two cores what they like; this project's search gets processor seconds, as many as two
cores have in that time, or fewer, where it is to take no more than the others did. Each runs in an
environment of its own in the user's cache. Differences are paired by fold, with Nadeau and
Bengio's intervals: on small sets most of them mean nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.model_selection import KFold, StratifiedKFold

from benchmarks.training.one_tool import CORES
from dohyo_training.assess.intervals import over_folds
from dohyo_training.simulate import simulate

if TYPE_CHECKING:
    import pandas as pd

FOLDS = 3
PACKAGES = {
    "flaml": ["flaml[automl]==2.7.0"],
    "mljar": ["mljar-supervised==1.3.2"],
    "autogluon": ["autogluon.tabular[lightgbm,xgboost]==1.6.3"],
}
OWN = ("dohyo", "forest", "tuned-forest", "boosting")
HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dohyo-peers"


@dataclass(frozen=True)
class Set:
    """Rows, the outcome, and what is measured (more is better after the sign)."""

    name: str
    x: pd.DataFrame
    y: np.ndarray
    kind: str


def sets(rows: int) -> list[Set]:
    """The three sets that scikit-learn ships, and the simulator."""
    cells, patients, wines = (
        load(as_frame=True) for load in (load_breast_cancer, load_diabetes, load_wine)
    )
    found = [
        Set("breast cancer", cells.data, cells.target.to_numpy(), "binary"),
        Set("diabetes", patients.data, patients.target.to_numpy(), "regression"),
        Set("wine", wines.data, wines.target.to_numpy(), "multiclass"),
    ]
    table = simulate(rows, 1).joined()
    y = table["satisfied"].to_numpy()
    unused = ["satisfied", "score", "survey_id", "customer_id", "agent", "call_propensity"]
    x = table.drop(columns=unused)
    first = x["survey_date"].min()
    for name in [n for n in x if str(x[n].dtype).startswith("datetime")]:
        x[name] = (x[name] - first).dt.days.astype("float64")
    return [*found, Set("simulator", x, y, "binary")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", default=",".join((*OWN, *PACKAGES)))
    parser.add_argument("--sets", default="breast cancer,diabetes,wine,simulator")
    parser.add_argument("--rows", type=int, default=10_000, help="of the simulator")
    parser.add_argument("--seconds", type=float, default=30.0, help="for one fold of one tool")
    parser.add_argument(
        "--own-cpu-seconds", type=float, help="of the own search (default: all of two cores)"
    )
    parser.add_argument("--environments", type=Path, default=CACHE)
    chosen = parser.parse_args()
    for each in sets(chosen.rows):
        if each.name in chosen.sets.split(","):
            compare(each, chosen.tools.split(","), chosen)


def compare(each: Set, tools: list[str], chosen: argparse.Namespace) -> None:
    """Runs all tools on one set and prints a table with paired differences."""
    folding = (
        KFold(FOLDS, shuffle=True, random_state=1)
        if each.kind == "regression"
        else StratifiedKFold(FOLDS, shuffle=True, random_state=1)
    )
    folds = list(folding.split(each.x, each.y))
    work = chosen.environments / "work"
    work.mkdir(parents=True, exist_ok=True)
    own = chosen.own_cpu_seconds or CORES * chosen.seconds
    results: dict[str, list[dict[str, float]]] = {}
    for tool in tools:
        python = Path(sys.executable) if tool in OWN else environment(tool, chosen.environments)
        results[tool] = []
        for number, (_, judging) in enumerate(folds):
            data = work / f"{each.name.replace(' ', '-')}-{number}.csv"
            write_fold(each, judging, data)
            command = [str(python), str(HERE / "one_tool.py"), tool, str(data.resolve())]
            command += [each.kind, str(own if tool == "dohyo" else chosen.seconds)]
            results[tool].append(one_fold(command, work))
    sizes = np.array([len(f) for f, _ in folds]), np.array([len(j) for _, j in folds])
    metric = {"binary": "AUC", "multiclass": "log loss", "regression": "RMSE"}[each.kind]
    sign = 1 if each.kind == "binary" else -1
    first = sign * np.array([r["score"] for r in results[tools[0]]])
    print(
        f"\n{each.name}: {metric}, {FOLDS} folds, {chosen.seconds:.0f} s for each; "
        f"own search {own:.0f} CPU s"
    )
    print(f"  {'tool':14} {metric:>9}  {tools[0]} less tool (95 %)    CPU s   one row us")
    for tool, found in results.items():
        scores = sign * np.array([r["score"] for r in found])
        gap = over_folds(first - scores, *sizes)
        cpu = np.mean([r["cpu_seconds"] for r in found])
        row = np.median([r["row_microseconds"] for r in found])
        print(
            f"  {tool:14} {abs(scores.mean()):9.4f}  {gap.value:+.4f} "
            f"[{gap.low:+.4f}, {gap.high:+.4f}]  {cpu:8.1f}  {row:9.0f}",
            flush=True,
        )


def write_fold(each: Set, judging: np.ndarray, data: Path) -> None:
    frame = each.x.assign(_y=each.y, _judging=0)
    frame.loc[frame.index[judging], "_judging"] = 1
    frame.to_csv(data, index=False)


def one_fold(command: list[str], work: Path) -> dict[str, float]:
    """One tool on one fold, in its own process; score, processor seconds, time of one row."""
    done = subprocess.run(
        command,
        cwd=work,
        env=os.environ | {"BENTOML_DO_NOT_TRACK": "True"},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(command[2:])} failed:\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def environment(tool: str, folder: Path) -> Path:
    """The Python of a tool's own environment, made when it is not there."""
    python = folder / tool / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder / tool)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", *PACKAGES[tool]]
        subprocess.run(install, check=True)
    return python.absolute()


if __name__ == "__main__":
    main()
