"""Two honest models of which one really is better, each packed as a bento.

`python -m examples.demo.models --home FOLDER` trains both by the project's own training package:
the same estimator, once on all rows for training, once on the first few of them and held back
from learning much. How well each does is measured on rows that neither has seen.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cluster import products
from dohyo_training import samples
from images import samples as packed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dohyo_training.contenders import Contender

REPOSITORY: Final = Path(__file__).resolve().parents[2]
STRONG: Final = "all-rows"
WEAK: Final = "few-rows"
BENTO: Final = samples.BENTO_NAME
_FEW: Final = 24
_RESULTS: Final = "accuracies.json"


@dataclass(frozen=True)
class Seats:
    """Which model champion and challenger are, for a truth about the challenger."""

    champion: str
    challenger: str


SEATS: Final = {"better": Seats(WEAK, STRONG), "worse": Seats(STRONG, WEAK)}


def accuracies(home: Path) -> dict[str, float]:
    """Of both models on the rows held back, once both are packed in the store; else empty.

    What was made from other sources than there are now counts for nothing.
    """
    try:
        document = json.loads((home / _RESULTS).read_text())
        found: dict[str, float] = document["accuracies"]
    except (OSError, ValueError, KeyError):
        return {}
    if document["madeFrom"] != _sources():
        return {}
    folders = (home / "bentos" / BENTO / version for version in found)
    return found if all(folder.is_dir() for folder in folders) else {}


def make(home: Path) -> None:
    """Trains and packs both."""
    samples.use_store(home)
    from dohyo_training.breast_cancer import split  # noqa: PLC0415 - BentoML reads its home once
    from dohyo_training.model_store import fit_and_save  # noqa: PLC0415

    samples.build_wheel(REPOSITORY)
    data = split()
    few = replace(data, train_x=data.train_x[:_FEW], train_y=data.train_y[:_FEW])
    found = {}
    for contender, rows in ((_contender(STRONG, 1.0), data), (_contender(WEAK, 0.01), few)):
        found[contender.bento_version] = fit_and_save(contender, rows)["accuracy"]
        samples.build_bento(contender, REPOSITORY)
    (home / _RESULTS).write_text(json.dumps({"madeFrom": _sources(), "accuracies": found}))


def _sources() -> str:
    """Identifies everything that the bentos are made from."""
    return f"{packed.key()}-{products.key(Path(__file__))}"


def _contender(version: str, freedom: float) -> Contender:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    from dohyo_training.breast_cancer import SEED  # noqa: PLC0415
    from dohyo_training.contenders import Contender  # noqa: PLC0415

    return Contender(
        version,
        version,
        lambda: make_pipeline(
            StandardScaler(), LogisticRegression(C=freedom, max_iter=1000, random_state=SEED)
        ),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m examples.demo.models", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the BentoML store to write")
    home = parser.parse_args(arguments).home.resolve()
    paths = [str(REPOSITORY / folder) for folder in ("operator", "services", "training")]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    make(home)
    return 0


if __name__ == "__main__":
    sys.exit(main())
