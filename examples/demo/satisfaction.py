"""Customer satisfaction: the versions that `examples/satisfaction/` trains, asked by customers.

Most of an answer is chance, so that what one version knows more shows in many labels only. Each
request is therefore put to both: the challenger gets a copy, and a label judges the pair.
"""

from __future__ import annotations

import json
import random
import shutil
from typing import TYPE_CHECKING, Any, Final

from cluster import products
from cluster.paths import REPOSITORY
from cluster.programs import Surroundings, run
from cluster.progress import step
from dohyo_training.simulate import simulate
from examples.demo.local_ring import DOHYO
from examples.demo.story import BETTER, SATISFACTION, Question, Seat, Story

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXAMPLE: Final = REPOSITORY / "examples" / "satisfaction"
# Which of the example's versions is better, and how its versions are called in the ring.
_WEAK, _STRONG = "champion", "challenger"
_NAMES: Final = {_WEAK: "linear", _STRONG: "searched"}
_TRAIN_SECONDS: Final = {_WEAK: 35.0, _STRONG: 120.0}
_SCORES: Final = ("log_loss", "roc_auc")
_ROLLOUT: Final = {
    "steps": [{"shadow": 100, "for": "15s"}, {"weight": 20, "shadow": 100, "for": "8s"}],
    "gates": [{"name": "quality", "metric": "loss", "loss": "log", "goal": "superior"}],
    # A survey says what it says, whatever was predicted.
    "labels": {"maxDelay": "5s", "independentOfPrediction": True},
}
# Other customers than those of the configurations.
_SEED: Final = 20260101
_CUSTOMERS: Final = 20_000
_KNOWN_LATER: Final = ("score", "satisfied", "courtesy_call", "call_propensity")


def story(truth: str, home: Path) -> Story:
    """With both bentos in the store, trained anew where their sources have changed.

    Raises:
        ClusterError: they cannot be trained.
    """
    scores = _trained(home)
    champion, challenger = (_WEAK, _STRONG) if truth == BETTER else (_STRONG, _WEAK)
    return Story(
        model=SATISFACTION,
        champion=_seat(champion),
        challenger=_seat(challenger),
        truth=truth,
        held_out={_NAMES[version]: found for version, found in scores.items()},
        evidence="on rows held back "
        + ", ".join(
            f"{_NAMES[version]} has a log loss of {scores[version]['log_loss']:.3f} and a ROC-AUC "
            f"of {scores[version]['roc_auc']:.3f}"
            for version in (challenger, champion)
        ),
        rollout=_ROLLOUT,
        per_second=200.0,
        seconds=180.0,
        questions=_questions,
    )


def _seat(version: str) -> Seat:
    return Seat(_NAMES[version], f"{SATISFACTION}:{version}")


def _trained(home: Path) -> dict[str, dict[str, float]]:
    """The scores of both versions; trains them unless the store has them from these sources."""
    stamp, wanted = home / "satisfaction.json", _sources()
    try:
        document = json.loads(stamp.read_text())
        found: dict[str, dict[str, float]] = document["scores"]
    except (OSError, ValueError, KeyError):
        document, found = {}, {}
    there = all((home / "bentos" / SATISFACTION / version).is_dir() for version in _NAMES)
    if there and document.get("madeFrom") == wanted:
        return found
    # A version of that name from other sources would not be replaced.
    for kind in ("bentos", "models"):
        shutil.rmtree(home / kind / SATISFACTION, ignore_errors=True)
    found = {version: _train(version, home) for version in _NAMES}
    stamp.write_text(json.dumps({"madeFrom": wanted, "scores": found}))
    return found


def _train(version: str, home: Path) -> dict[str, float]:
    file = EXAMPLE / f"{version}.yaml"
    command = [DOHYO, "train", str(file)]
    with step(f"dohyo train {file.relative_to(REPOSITORY)}", _TRAIN_SECONDS[version]):
        run(command, Surroundings(folder=REPOSITORY, environment={"BENTOML_HOME": str(home)}))
    record = EXAMPLE / "build" / "training" / f"{SATISFACTION}-{version}" / "run.json"
    metrics: dict[str, Any] = json.loads(record.read_text())["assessment"]["metrics"]
    return {name: float(metrics[name]["value"]) for name in _SCORES}


def _sources() -> str:
    """Identifies everything that the versions are made from."""
    folders = ("training/dohyo_training", "services/dohyo_form", "services/dohyo_serving")
    files = [file for folder in folders for file in sorted((REPOSITORY / folder).rglob("*.py"))]
    return products.key(*(EXAMPLE / f"{version}.yaml" for version in _NAMES), *files)


def _questions() -> Iterator[Question]:
    """Customers in an order of chance, again from the first one after the last."""
    table = simulate(_CUSTOMERS, _SEED, "randomised").joined()
    truths = [str(each) for each in table["satisfied"]]
    rows = json.loads(
        table.drop(columns=list(_KNOWN_LATER)).to_json(orient="records", date_format="iso")
    )
    asked = [
        Question(json.dumps({"records": [row]}).encode(), truth)
        for row, truth in zip(rows, truths, strict=True)
    ]
    random.Random(_SEED).shuffle(asked)  # noqa: S311 - a reproducible demonstration
    while True:
        yield from asked
