"""What later labels say of a run over a data set: GET BATCH_EVIDENCE_PATH.

A row's label comes by feedback with the prediction ids of its scores. Each version's losses are
told by themselves, and two versions are compared on the rows where both ids had the label. None
of it is evidence of a trial: the rows were not assigned by chance, and nobody decides by them.
Documents are JSON by `dohyo.contract.documents`: camelCase, None left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# GET, a BatchEvidence; 404 before the first label. Asks for the tokens of EVIDENCE_PATH.
BATCH_EVIDENCE_PATH: Final = "/v1/evidence/{namespace}/{name}/batches/{run}"

# What a run's prediction ids name as their trial; none that is declared is called so.
_PREFIX: Final = "batch:"
MOST_RUN_BYTES: Final = 200 - len(_PREFIX)

ZERO_ONE: Final = "zero-one"
ABSOLUTE: Final = "absolute error"
BETTER, WORSE, UNDECIDED = "better", "worse", "undecided"


def trial_of_run(run: str) -> str:
    """What stands for the trial in the prediction ids of a run."""
    return f"{_PREFIX}{run}"


def run_of_trial(trial: str) -> str | None:
    """The run that a prediction id is of; None for one of a request."""
    return trial.removeprefix(_PREFIX) if trial.startswith(_PREFIX) else None


@dataclass(frozen=True)
class VersionLabels:
    """One version against the labels that came with its ids.

    Attributes:
        name: of the version.
        rows: with a label.
        loss: zero-one for classes, absolute error for numbers.
        mean: of the loss.
    """

    name: str
    rows: int
    loss: str
    mean: float


@dataclass(frozen=True)
class PairedLabels:
    """Two versions on the rows whose label came with both ids.

    Attributes:
        first, other: the versions, in the order of their names.
        rows: that both scored, with a label.
        gain: mean loss of the first minus that of the other; positive when the other is better.
        better, worse: e-values against "the other is no better" and "no worse", at any look;
            None for absolute errors, which have no bound.
        verdict: on the other: better, worse or undecided.
    """

    first: str
    other: str
    rows: int
    gain: float
    better: float | None
    worse: float | None
    verdict: str


@dataclass(frozen=True)
class BatchEvidence:
    """The service's word on one run.

    Attributes:
        namespace, deployment, run: whose it is.
        versions: by name.
        pairs: each two of them that have rows in common.
    """

    namespace: str
    deployment: str
    run: str
    versions: tuple[VersionLabels, ...] = ()
    pairs: tuple[PairedLabels, ...] = ()
